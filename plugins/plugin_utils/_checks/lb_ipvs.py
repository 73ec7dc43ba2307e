# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""LB-IPVS: the load balancer of every node leads each virtual IP, by its mark, to exactly the backends in gossip."""

from __future__ import annotations

import sys
import typing as t

from .._facts.model import Facts, Network, Requests, Result
from . import _gossip, _paths, dp_matrix
from ._result import FAIL, INCONCLUSIVE, PASS, count, each_network, listed, result

ID = "LB-IPVS"
TITLE = "The load balancer has exactly the right backends"
HINT = (
    "'docker service update --force SERVICE' programs its backends again; after that, restart the engine of the node."
)
ORDER = 59
NEEDS = ("probe", "balancer", "gossip")
TAGS = ("P1", "dataplane", "balancing")
CHECK = sys.modules[__name__]


def plan(facts: Facts) -> Requests:
    """No requests: every node reports the table of its load balancer."""
    return {}


def judge(facts: Facts) -> list[Result]:
    """One result a network."""
    return each_network(CHECK, facts, _judge, "probe")


def _judge(facts: Facts, network: Network) -> Result:
    name, hosts = network["name"], _paths.probed(facts, network["id"])
    told = _paths.held(facts, network["id"])
    bare = [host for host, held in told.items() if held["balancer"] is None]
    if bare:
        lacking = _paths.lacks(facts, "ip_vs")
        hint = dp_matrix.NO_IPVS % listed(lacking) if set(bare) <= set(lacking) else HINT
        return result(
            CHECK, FAIL, "no-balancer", f"no load balancer on {listed(bare)}", network=name, nodes=bare, hint=hint
        )
    marks = {host: _marks(facts, network, host) for host in told}
    found = {host: differences(held, marks[host]) for host, held in told.items()}
    wrong = {host: rows for host, rows in found.items() if rows}
    if wrong:
        rows = [f"{host}: {row}" for host, found in sorted(wrong.items()) for row in found]
        return result(
            CHECK,
            FAIL,
            "backends-wrong",
            listed(rows, 3),
            network=name,
            nodes=sorted(wrong),
            details={"services": rows},
        )
    silent = [host for host in hosts if host not in told]
    if silent or not hosts:
        return result(
            CHECK,
            INCONCLUSIVE,
            "not-told",
            f"nothing told on {listed(silent) or 'any node'}",
            network=name,
            nodes=silent,
        )
    number = max(len(held["balancer"]) for held in told.values())
    return result(
        CHECK,
        PASS,
        "ok",
        f"{count(number, 'virtual service')} with the right backends on {count(len(told), 'node')}",
        network=name,
        nodes=hosts,
    )


def _marks(facts: Facts, network: Network, host: str) -> dict[str, int] | None:
    """Virtual IP -> mark on the host; None when its table could not be read.

    The run's own virtual IP is the control: a table without its mark is not the one that the engine writes.
    """
    marks = (facts.probed.get(host, {}).get("marks") or {}).get(network["id"])
    return marks if marks and facts.vips.get(network["id"]) in marks else None


def differences(held: dict[str, t.Any], marks: dict[str, int] | None = None) -> list[str]:
    """The services whose virtual IP does not lead to the right backends: from its mark to a virtual service to them.

    It must have all backends that were present all the time, and none that never was. Without marks any virtual
    service with these backends will do.
    """
    always: dict[str, set[str]] = {}
    ever: dict[str, set[str]] = {}
    virtual: dict[str, str] = {}
    for when, found in (("always", always), ("ever", ever)):
        for record in _gossip.records(held, when):
            if not record.is_virtual:
                found.setdefault(record.service, set()).add(record.address)
            elif when == "always" or marks is None:
                virtual[record.service] = record.where
    rows = []
    for service in sorted(set(virtual) & set(always) - {""}):
        vip = virtual[service]
        if marks is not None and vip not in marks:
            rows.append(f"no rule marks what goes to {vip}, the virtual IP of {service}")
            continue
        sets = [
            (set(row["active"]), set(row["quiet"]))
            for row in held["balancer"]
            if marks is None or row.get("mark") == marks[vip]
        ]
        right = (always[service] <= active | quiet and active <= ever.get(service, set()) for active, quiet in sets)
        if not any(right):
            rows.append(f"{service} has no virtual service with backends {listed(sorted(always[service]))}")
    return rows
