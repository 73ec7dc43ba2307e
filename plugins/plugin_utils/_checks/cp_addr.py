# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CP-ADDR: every node is known by a usable address, the declared one, and tunnels end at an address of its own."""

from __future__ import annotations

import ipaddress
import sys
import typing as t

from .._facts.model import Facts, Requests, Result
from . import _paths, _requests
from ._result import FAIL, INCONCLUSIVE, PASS, count, listed, result

ID = "CP-ADDR"
TITLE = "Every node is known by its right address"
HINT = "Let the node leave and join again with --advertise-addr (and --data-path-addr where traffic has a network of its own)."
ORDER = 26
NEEDS = ("probe", "gossip")
TAGS = ("P0", "control")
ENGINES_OWN = ("docker", "br-", "veth")  # devices of the engine's local networks
CHECK = sys.modules[__name__]


def plan(facts: Facts) -> Requests:
    """No requests: engines, managers and gossip report the addresses."""
    return {}


def judge(facts: Facts) -> list[Result]:
    """One result for the swarm."""
    if not facts.swarm:
        return [
            result(
                CHECK, INCONCLUSIVE, "leader-not-in-play", "no manager told the nodes' addresses", hint="See PRE-REACH."
            )
        ]
    wrong = {host: texts for host, texts in ((host, _node(facts, host)) for host in facts.nodes) if texts}
    shared = _shared(facts)
    for host, text in shared.items():
        wrong.setdefault(host, []).append(text)
    reason = "wrong-address" if wrong else "duplicate-address"
    for own in taken(facts):
        wrong.setdefault(own.host, []).append(own.text)
    if wrong:
        text = "; ".join(f"{host}: {listed(texts, 2)}" for host, texts in sorted(wrong.items())[:3])
        return [result(CHECK, FAIL, reason, text, nodes=sorted(wrong), details={"nodes": wrong})]
    if not facts.nodes:
        return [result(CHECK, INCONCLUSIVE, "not-told", "no node told its address")]
    text = f"{count(len(facts.nodes), 'node')}: one usable address each, the same for engine, managers and tunnels"
    return [
        result(
            CHECK,
            PASS,
            "ok",
            text,
            nodes=sorted(facts.nodes),
            details={"addresses": {host: node["address"] for host, node in facts.nodes.items()}},
        )
    ]


def unusable(address: str | None) -> bool:
    """Whether no other node can use this address."""
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return True
    return found.is_unspecified or found.is_loopback or found.is_multicast


def known_at(member: t.Mapping[str, t.Any]) -> str:
    """Where the managers know a node. A leader may see itself at 0.0.0.0 or 127.0.0.1, which harms nothing (moby#35437, #30119)."""
    known, manager = member.get("address") or "", _manager(member)
    return manager if unusable(known) and not unusable(manager) else known


def _manager(member: t.Mapping[str, t.Any]) -> str:
    return (member.get("manager_address") or "").rpartition(":")[0].strip("[]")


def _node(facts: Facts, host: str) -> list[str]:
    node = facts.nodes[host]
    wrong = []
    if unusable(node["address"]):
        wrong.append(f"its engine calls itself {node['address'] or 'nothing'}")
    mine: dict[str, t.Any] = next((item for item in facts.swarm["nodes"] if item["id"] == node["id"]), {})
    manager, known = _manager(mine), known_at(mine)
    if known and known != node["address"]:
        wrong.append(f"the managers know it as {known}, it calls itself {node['address']}")
    if manager and unusable(manager):
        wrong.append(f"its manager is at {mine['manager_address']}")
    if gone(facts, host):
        wrong.append(
            f"{node['address']} is on none of its interfaces, which have {listed(usable_here(facts, host), 4)}"
        )
    declared = _declared(facts, host)
    if declared and node["address"] not in _paths.meant(facts, host, declared):
        wrong.append(f"the inventory declares {declared}, the swarm uses {node['address']}")
    return wrong + _tunnels(facts, host)


def _declared(facts: Facts, host: str) -> str | None:
    return (facts.settings.get("addresses") or {}).get(host) or None


def usable_here(facts: Facts, host: str) -> list[str]:
    """The addresses of the host's interfaces that other nodes may use."""
    found = [row["address"] for row in _paths.local(facts, host) if not row["device"].startswith(ENGINES_OWN)]
    return [address for address in found if not unusable(address) and not is_local(address)]


def is_local(address: str | None) -> bool:
    """Whether the address is link-local."""
    found = _paths.parsed(address)
    return bool(found and found.is_link_local)


def gone(facts: Facts, host: str) -> bool:
    """Whether the host no longer has the address that the swarm has for it.

    A translated address (NAT) is not on the host either, and is right when other nodes reach the host there. If none
    tried, the inventory decides.
    """
    address, there = (
        _paths.parsed(facts.nodes[host]["address"]),
        {_paths.parsed(row["address"]) for row in _paths.local(facts, host)},
    )
    if address is None or address.is_unspecified or not there or address in there:
        return False
    tried = [
        seen["ok"]
        for source, told in facts.observations.items()
        if source != host
        for knock, seen in ((_requests.knock(ident), seen) for ident, seen in told.items())
        if knock and (knock.kind, knock.target) == ("port-tcp", host)
    ]
    return not any(tried) if tried else not is_declared(facts, host)


def is_declared(facts: Facts, host: str) -> bool:
    """Whether the inventory declares the address that the swarm has for the host."""
    declared = _declared(facts, host)
    return declared is not None and facts.nodes[host]["address"] in _paths.meant(facts, host, declared)


def _tunnels(facts: Facts, host: str) -> list[str]:
    """The wrong tunnel endpoints that gossip has for this node's probe."""
    own = {row["address"] for row in _paths.local(facts, host)} | {facts.nodes[host]["address"]}
    told = [_paths.ends(facts, host, network) for network in facts.probes.get(host, {})]
    wrong = sorted({end for ends in told if not own & set(ends) for end in ends})
    return [f"tunnels to it end at {end}, which is none of its addresses" for end in wrong]


class Taken(t.NamedTuple):
    """An address by which the swarm knows one node, and that another one has too."""

    host: str
    device: str
    address: str
    owner: str

    @property
    def text(self) -> str:
        """What the host has, as text."""
        return f"has {self.address} on {self.device}, by which the swarm knows {self.owner}"


def taken(facts: Facts) -> list[Taken]:
    """The addresses of other nodes that a host has, too: an address set by hand, a copied configuration."""
    owners = {
        address: host
        for host in facts.nodes
        for address in (facts.nodes[host]["address"], _paths.tunnel(facts, host))
        if not unusable(address) and not is_local(address)
    }
    return [
        Taken(host, row["device"], row["address"], owners[row["address"]])
        for host in facts.nodes
        for row in _paths.local(facts, host)
        if owners.get(row["address"], host) != host and facts.nodes[host]["address"] != row["address"]
    ]


def _shared(facts: Facts) -> dict[str, t.Any]:
    holders: dict[str, list[str]] = {}
    for host, node in facts.nodes.items():
        holders.setdefault(node["address"], []).append(host)
    return {
        host: f"has the same address as {listed(set(hosts) - {host})}"
        for hosts in holders.values()
        if len(hosts) > 1
        for host in hosts
    }
