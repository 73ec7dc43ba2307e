# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""IPAM-HEADROOM: a network has free addresses for further tasks."""

from __future__ import annotations

import ipaddress
import sys

from .._facts.model import Facts, Network, Requests, Result
from . import _paths
from ._result import FAIL, INCONCLUSIVE, PASS, count, each_network, result

ID = "IPAM-HEADROOM"
TITLE = "The network has addresses left"
HINT = (
    "Tasks stay in state New when addresses run out (moby#37338): make the network anew with a larger subnet, "
    "or give the swarm a larger pool ('docker swarm init --default-addr-pool-mask-length')."
)
ORDER = 36
NEEDS: tuple[str, ...] = ()
TAGS = ("P1", "lint")
CHECK = sys.modules[__name__]
RESERVED = 3  # the network address, the gateway, and broadcast


def plan(facts: Facts) -> Requests:
    """No requests: the leader reports the addresses."""
    return {}


def guards(facts: Facts) -> bool:
    """Whether a network had no room for probes."""
    return bool(facts.made.get("crowded"))


def judge(facts: Facts) -> list[Result]:
    """One result a network."""
    return each_network(CHECK, facts, _judge)


def free(facts: Facts, network: Network) -> tuple[int, str] | None:
    """(number of free addresses without this run's own, source of the number)"""
    hosts = _paths.probed(facts, network["id"])
    if network.get("room"):
        told = [row["free"] or 0 for row in network["room"] if ":" not in row["subnet"]]
        return sum(told) + len(hosts), "told by the engine"
    if not network["subnets"] or network["id"] not in facts.addresses:
        return None
    size = room(network["subnets"])
    used = {address for address, _who in facts.addresses[network["id"]]}
    return size - len(used), "worked out from tasks and virtual IPs; load balancers come on top"


def room(subnets: list[str]) -> int:
    """The number of addresses that tasks can have. Those of IPv6 are never short, and come on top of one of IPv4."""
    return sum(ipaddress.ip_network(subnet).num_addresses - RESERVED for subnet in subnets if ":" not in subnet)


def _judge(facts: Facts, network: Network) -> Result:
    known = free(facts, network)
    if not known:
        return result(CHECK, INCONCLUSIVE, "not-told", "nobody told what addresses are in use", network=network["name"])
    left, how = known
    needed = len([node for node in facts.swarm["nodes"] if node["state"] == "ready"])
    text = f"{count(left, 'address')} free in {', '.join(network['subnets'])} ({how})"
    if left < needed:
        return result(
            CHECK,
            FAIL,
            "addresses-exhausted",
            text + ": fewer than the swarm has nodes, and each takes one for its load balancer",
            network=network["name"],
            details={"free": left},
        )
    if network["id"] in (facts.made.get("crowded") or []):
        text += ": too few for a probe on every node, so nothing else was proven on it"
        return result(CHECK, INCONCLUSIVE, "too-few-addresses", text, network=network["name"], details={"free": left})
    return result(CHECK, PASS, "ok", text, network=network["name"], nodes=[facts.leader], details={"free": left})
