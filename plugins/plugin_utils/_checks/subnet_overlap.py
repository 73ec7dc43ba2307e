# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SUBNET-OVERLAP: a network's subnet overlaps no route of the nodes and no other overlay's subnet."""

from __future__ import annotations

import fnmatch
import ipaddress
import sys
import typing as t

from .._facts.model import Facts, Network, Requests, Result
from ._result import FAIL, INCONCLUSIVE, PASS, count, listed, result

ID = "SUBNET-OVERLAP"
TITLE = "The network's subnet overlaps with nothing"
HINT = "Give the network a subnet of its own, or the swarm another pool ('docker swarm init --default-addr-pool'): what overlaps is shadowed."
UNSET = (
    "Its subnet overlaps another network's, or the address pool is used up: the log of the leading manager's engine says which. Remove %s and "
    "create it with another subnet; tasks on it stay 'New'."
)
ORDER = 38
NEEDS: tuple[str, ...] = ()
TAGS = ("P1", "lint")
CHECK = sys.modules[__name__]


def plan(facts: Facts) -> Requests:
    """No requests: every node reports its routes."""
    return {}


def judge(facts: Facts) -> list[Result]:
    """One result a network, and one for each unallocated one: of two with the same subnet that is the second."""
    wanted = facts.settings["networks"]
    unset = [name for name in facts.unallocated if any(fnmatch.fnmatchcase(name, pattern) for pattern in wanted)]
    return [_judge(facts, network) for network in facts.networks] + [
        result(
            CHECK,
            FAIL,
            "not-allocated",
            "it has neither driver nor subnet: the managers refuse to set it up",
            network=name,
            hint=UNSET % name,
        )
        for name in unset
    ]


def _judge(facts: Facts, network: Network) -> Result:
    name, mine = network["name"], [ipaddress.ip_network(subnet) for subnet in network["subnets"]]
    routes = {host: data["host"]["routes"] for host, data in facts.opened.items() if data.get("host")}
    if not mine or not routes or not facts.all_networks:
        return result(CHECK, INCONCLUSIVE, "not-told", "no subnet or no route was told", network=name)
    rows, nodes = [], []
    for host, found in sorted(routes.items()):
        hit = [f"{route['network']} by {route['device']}" for route in found if _overlaps(route["network"], mine)]
        if hit:
            nodes.append(host)
            rows.append(f"{host} reaches {listed(hit)}")
    for other, ident, scope, subnets in facts.all_networks:
        if scope == "swarm" and ident != network["id"] and any(_overlaps(subnet, mine) for subnet in subnets):
            rows.append(f"network {other} has {listed(subnets)}")
    if rows:
        return result(
            CHECK,
            FAIL,
            "subnet-overlap",
            f"{listed(network['subnets'])} overlaps: {listed(rows, 3)}",
            network=name,
            nodes=nodes,
            details={"overlaps": rows},
        )
    text = f"{listed(network['subnets'])} is in no route of {count(len(routes), 'node')} and in no other overlay"
    return result(CHECK, PASS, "ok", text, network=name, nodes=sorted(routes))


def _overlaps(text: str, subnets: list[t.Any]) -> bool:
    other = ipaddress.ip_network(text, strict=False)
    return any(other.version == subnet.version and other.overlaps(subnet) for subnet in subnets)
