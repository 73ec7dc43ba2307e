# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DP-IPV6: on a network with IPv6 every node's probe has an IPv6 address of its own, and the others reach it."""

from __future__ import annotations

import ipaddress
import sys

from ...module_utils._probe.sockets import PORT
from .._facts.model import Facts, Network, Requests, Result
from . import _paths, _requests
from ._blame import between, blame
from ._result import FAIL, INCONCLUSIVE, PASS, SKIP, count, listed, not_set_up, result

ID = "DP-IPV6"
TITLE = "IPv6 works inside the overlay network"
HINT = (
    "Many engines give IPv6 addresses on overlays and carry nothing between the nodes: use the network over IPv4 alone, "
    "and make it again without --ipv6, or with an engine that carries it."
)
ORDER = 62
NEEDS = ("probe",)
TAGS = ("P1", "dataplane")
CHECK = sys.modules[__name__]


def _networks(facts: Facts) -> list[Network]:
    return [
        net for net in facts.networks if any(ipaddress.ip_network(subnet).version == 6 for subnet in net["subnets"])
    ]


def _address(facts: Facts, network: Network, host: str) -> str | None:
    found: str | None = (facts.opened.get(host, {}).get("ipv6") or {}).get(network["id"])
    return found


def _without_ipv4(facts: Facts, network: Network) -> list[str]:
    """What got no IPv4 address there. Engines that take one address from either pool, by chance, give some of one family alone."""
    found = ["the virtual IP of the probes"] if ":" in facts.vips.get(network["id"], "") else []
    return found + [
        f"the probe on {host}"
        for host in facts.opened
        if _address(facts, network, host) and network["id"] not in facts.probes.get(host, {})
    ]


def plan(facts: Facts) -> Requests:
    """Each probe calls the IPv6 address of each other one. No program of the run listens there: a refusal is an answer."""
    requests: Requests = {}
    for network in _networks(facts):
        for source, target in _paths.pairs(facts, network["id"]):
            address = _address(facts, network, target)
            if address and _address(facts, network, source):
                row = {"id": _ident(network, target), "kind": "connect", "address": address, "port": PORT}
                requests.setdefault(source, []).append(
                    {**row, "patience": facts.settings["convergence"], "refusal": True}
                )
    return requests


def _ident(network: Network, target: str) -> str:
    return f"{ID}/{_requests.short(network)}/{target}"


def judge(facts: Facts) -> list[Result]:
    """One result for each network with IPv6; one for the swarm when none has."""
    networks = _networks(facts)
    if not facts.leader:
        return [not_set_up(CHECK, facts, "probe") or result(CHECK, INCONCLUSIVE, "not-told", "nobody told of networks")]
    if not networks:
        return [result(CHECK, SKIP, "no-ipv6", "no selected network has a subnet of IPv6")]
    return [not_set_up(CHECK, facts, "probe", network["name"]) or _judge(facts, network) for network in networks]


def _judge(facts: Facts, network: Network) -> Result:
    name, hosts = network["name"], _paths.probed(facts, network["id"])
    mine = {host: _address(facts, network, host) for host in hosts}
    bare = [host for host, address in mine.items() if not address]
    holders: dict[str, list[str]] = {}
    for host, address in mine.items():
        if address:
            holders.setdefault(address, []).append(host)
    twice = {address: who for address, who in holders.items() if len(who) > 1}
    if twice:
        rows = [f"{address} is that of the probes on {listed(who)}" for address, who in sorted(twice.items())]
        nodes = sorted({host for who in twice.values() for host in who})
        return result(
            CHECK, FAIL, "duplicate-address", listed(rows, 3), network=name, nodes=nodes, details={"addresses": rows}
        )
    without = _without_ipv4(facts, network)
    if without:
        text = f"no IPv4 address was given to {listed(without)}: names have no usable answer there"
        return result(CHECK, FAIL, "no-ipv4-address", text, network=name, nodes=list(facts.opened))
    if bare and len(bare) < len(hosts):
        return result(CHECK, FAIL, "no-ipv6-address", f"no IPv6 address on {listed(bare)}", network=name, nodes=bare)
    if bare or not hosts:
        return result(CHECK, INCONCLUSIVE, "no-probe", "no probe has an IPv6 address on it", network=name, nodes=bare)
    pairs = _paths.pairs(facts, network["id"])
    if not pairs:
        return result(CHECK, SKIP, "one-node", "one probe: there is no pair to try", network=name)
    failed, silent = {}, set()
    for source, target in pairs:
        seen = _paths.seen(facts, source, _ident(network, target))
        if seen is None:
            silent.add(source)
        elif not seen["ok"]:
            failed[source, target] = _paths.problem(seen)
    if failed:
        rows = [f"{source} to {target}: {why}" for (source, target), why in sorted(failed.items())]
        nodes = sorted(hosts) if len(failed) == len(pairs) else blame(failed)
        text = f"{len(failed)} of {count(len(pairs), 'pair')} failed over IPv6: {listed(rows, 2)}"
        return result(
            CHECK,
            FAIL,
            "paths-lost",
            text,
            network=name,
            nodes=nodes,
            details={"failed": rows, "between": between(failed)},
        )
    if silent:
        nodes = sorted(silent)
        return result(
            CHECK, INCONCLUSIVE, "no-observation", f"no observation from {listed(nodes)}", network=name, nodes=nodes
        )
    return result(CHECK, PASS, "ok", f"{count(len(pairs), 'pair')} over IPv6", network=name, nodes=hosts)
