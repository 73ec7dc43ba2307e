# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NET-EGRESS: from inside a task the way out of the swarm's networks works, as far as the next node's own address."""

from __future__ import annotations

import sys
import typing as t

from ...module_utils._terms import GOSSIP_PORT
from .._facts.model import Facts, Requests, Result
from . import _blame, _paths, _requests, mesh_all
from ._blame import between
from ._result import FAIL, INCONCLUSIVE, PASS, SKIP, count, listed, not_set_up, result

ID = "NET-EGRESS"
TITLE = "Tasks reach what is outside of the overlay networks"
HINT = (
    "Look at 'sysctl net.ipv4.ip_forward', at docker_gwbridge ('ip addr show docker_gwbridge'), at MASQUERADE for its subnet "
    "('iptables -t nat -S POSTROUTING'), and for a rule in DOCKER-USER or FORWARD; restart the engine there, which writes its own rules again."
)
ORDER = 67
NEEDS = ("probe",)
TAGS = ("P1", "dataplane")
CHECK = sys.modules[__name__]
PATIENCE = 6  # seconds: nothing here waits for gossip
NEAR, FAR = "near", "far"


def plan(facts: Facts) -> Requests:
    """Each probe asks its own node's address and another node's, past docker_gwbridge; the host asks the same as the control."""
    requests: Requests = {}
    for host in _hosts(facts):
        own, other = mesh_all.asked_at(facts, host), _other(facts, host)
        rows = _ways(NEAR, own) if own else []
        if other:
            rows += _ways(FAR, mesh_all.asked_at(facts, other))
            rows.append(_control(facts, other))
        requests[host] = rows
    return requests


def _hosts(facts: Facts) -> list[str]:
    """The hosts whose probe has a way out: an internal network alone gives none."""
    open_networks = {network["id"] for network in facts.under_test if not network["internal"]}
    return [
        host for host in facts.hosts if _paths.selected(facts, host) and open_networks & set(facts.probes.get(host, {}))
    ]


def _other(facts: Facts, host: str) -> str | None:
    """The next host in this run's order, by its address of IPv4."""
    order = [
        name for name in _blame.ring(list(facts.opened), facts.run) if name == host or mesh_all.asked_at(facts, name)
    ]
    return order[(order.index(host) + 1) % len(order)] if host in order and len(order) > 1 else None


def _ways(where: str, address: str | None) -> list[dict[str, t.Any]]:
    """Two ways, as a firewall may leave one of them alone."""
    base = {"address": address, "patience": PATIENCE}
    return [
        {"id": f"{ID}/{where}/icmp", "kind": "icmp", **base},
        {"id": f"{ID}/{where}/tcp", "kind": "connect", "port": GOSSIP_PORT, **base},
    ]


def _control(facts: Facts, other: str) -> dict[str, t.Any]:
    """The port from the host itself, which PRE-PORT tries too."""
    knock = _requests.Knock("port-tcp", GOSSIP_PORT, other)
    address = _paths.address(facts, other)
    row = {"kind": knock.kind, "address": address, "port": GOSSIP_PORT, "patience": PATIENCE, "where": "host"}
    return {"id": str(knock), **row}


def judge(facts: Facts) -> list[Result]:
    """One result for the swarm."""
    blocked = not_set_up(CHECK, facts, "probe")
    if blocked:
        return [blocked]
    hosts = _hosts(facts)
    if not any(facts.probes.values()):
        return [result(CHECK, INCONCLUSIVE, "no-probe", "no probe runs")]
    if not hosts:
        return [
            result(CHECK, SKIP, "internal-only", "the selected networks are internal: nothing is meant to leave them")
        ]
    failed, silent, unsure = {}, [], []
    for host in hosts:
        near, far = _met(facts, host, NEAR), _met(facts, host, FAR)
        other = _other(facts, host)
        control = _paths.seen(facts, host, str(_requests.Knock("port-tcp", GOSSIP_PORT, other))) if other else None
        if near is None or (other and (far is None or control is None)):
            silent.append(host)
        elif other and not far and not (control or {})["ok"]:
            unsure.append(host)
        elif not (far if other else near):
            failed[host] = (
                f"a task on {host} reaches {'its own node, and ' if near else ''}not {other or 'its own node'}"
                + (f", which {host} itself reaches" if other else "")
            )
    return [_conclude(facts, hosts, failed, silent, unsure)]


def _met(facts: Facts, host: str, where: str) -> bool | None:
    """Whether any of the ways works; None when nobody tells."""
    seen = [_paths.seen(facts, host, f"{ID}/{where}/{kind}") for kind in ("icmp", "tcp")]
    return None if None in seen else any(found["ok"] for found in seen if found)


def _conclude(facts: Facts, hosts: list[str], failed: dict[str, str], silent: list[str], unsure: list[str]) -> Result:
    if failed:
        rows = list(failed.values())
        ways = between((host, _other(facts, host) or host) for host in failed)
        details = {"failed": rows, "between": ways}
        return result(CHECK, FAIL, "egress-lost", listed(rows, 3), nodes=sorted(failed), details=details)
    if silent:
        return result(CHECK, INCONCLUSIVE, "no-observation", f"no observation from {listed(silent)}", nodes=silent)
    if unsure:
        text = f"{listed(unsure)}: neither the task nor the node itself reaches the next node"
        return result(CHECK, INCONCLUSIVE, "control-failed", text, nodes=unsure, hint="See PRE-PORT.")
    text = f"tasks on {count(len(hosts), 'node')} reach the next node's own address through docker_gwbridge"
    if len(hosts) == 1:
        text = "a task reaches its node's own address through docker_gwbridge"
    return result(CHECK, PASS, "ok", text, nodes=hosts)
