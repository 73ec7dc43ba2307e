# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The node of a disruption, and the settings of the run that verifies after it. Pure.

Private to swarmlab.overlay.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ...module_utils._terms import GOSSIP_PORT
from .. import _checks
from .._checks import _disruption
from .._facts.model import Disruption, Facts, Settings
from . import plans
from .settings import new_run

RESTARTING = ("engine-restart", "reboot", "firewall-reload")  # the last one may cost the engine its rules
REBOOTABLE = ("ssh", "paramiko", "paramiko_ssh", "libssh", "smart")
PARTITION_SECONDS = 20
REJOINING = 90  # seconds: gossip retries failed nodes every 60 s, exchanges tables every 30 s (libnetwork/networkdb)


def choose(facts: Facts) -> dict[str, t.Any]:
    """The node to disrupt and the state to return to, or the reason why there is none."""
    asked, nodes = facts.settings["disruptive_node"], facts.nodes
    host = asked or facts.worker
    found: dict[str, t.Any] = {"node": host, "leader": facts.leader, "skip": None, "locks": False}
    if not facts.leader or not facts.swarm:
        return dict(found, node_id=None, skip="no host of the play leads the swarm")
    if not host:
        return dict(
            found, node_id=None, skip="no worker is there to be disrupted; name a node with verify_disruptive_node"
        )
    if host not in nodes:
        return dict(found, node_id=None, skip=f"{host} did not answer before")
    if _checks.unfit(facts):
        return dict(found, node_id=None, skip="hosts of the play are one node (see PRE-REACH)")
    managers = {
        int(node["manager_address"].rpartition(":")[2]) for node in facts.swarm["nodes"] if node["manager_address"]
    }
    return dict(
        found,
        node_id=nodes[host]["id"],
        locks=nodes[host]["role"] == "manager" and facts.swarm["autolock"],
        lacking=facts.lacking,
        ports={"tcp": sorted({*managers, GOSSIP_PORT}), "udp": sorted({GOSSIP_PORT, facts.swarm["data_port"]})},
        nodes={node["id"]: [node["state"], node["availability"]] for node in facts.swarm["nodes"]},
    )


def settings_of_disruption(
    arguments: Mapping[str, t.Any], task_vars: Mapping[str, t.Any], check_mode: bool
) -> Settings:
    """The settings of the run that verifies names and paths after a disruption."""
    document, what = arguments["document"], arguments["disruption"]
    settings: Settings = arguments["settings"]
    given = document["victim"]
    variables = task_vars["hostvars"][given["node"]] if given["node"] else {}
    connection = str(variables.get("ansible_connection", "ssh")).rpartition(".")[2]
    skip = "in check mode no node is disrupted" if check_mode else given["skip"]
    if what in RESTARTING and given["locks"]:
        skip = skip or (
            f"the swarm locks managers that restart (autolock): {given['node']} would stay out of it until "
            "somebody unlocks it"
        )
    if what == plans.REBOOT and connection not in REBOOTABLE:
        skip = skip or f"{given['node']} is reached by connection {connection}, through which it cannot be rebooted"
    checks, _empty = _checks.select(_checks.load(), list(_disruption.PROOF))
    disruption = dict(
        given,
        what=what,
        skip=skip,
        before=[list(key) for key in _disruption.verdicts(document["checks"])],
        timeout=settings["disruptive_timeout"],
        seconds=PARTITION_SECONDS,
        restart=variables.get("verify_engine_restart") or "",
    )
    return {
        **settings,
        **new_run(checks),
        "checks": [check.ID for check in checks],
        "performance": False,
        "measuring": 0,
        "convergence": max(settings["convergence"], min(REJOINING, settings["disruptive_timeout"])),
        "disruption": t.cast(Disruption, disruption),
    }
