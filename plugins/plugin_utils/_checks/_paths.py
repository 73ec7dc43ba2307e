# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Code shared by the checks of paths: the hosts that can be probed, and the facts about a path.

Private to swarmlab.overlay.
"""

from __future__ import annotations

import fnmatch
import ipaddress
import typing as t

from ...module_utils._host import split_port
from .._facts.model import Data, Facts, Network
from . import _blame, _gossip
from ._blame import Pair


def probed(facts: Facts, network: str) -> list[str]:
    """The hosts with a live probe on the network."""
    return [host for host in facts.hosts if network in facts.probes.get(host, {})]


def held(facts: Facts, network: str) -> dict[str, t.Any]:
    """{host: what it holds of the network}, of the hosts with a live probe there that told."""
    return {host: facts.held[host][network] for host in probed(facts, network) if network in facts.held.get(host, {})}


def selected(facts: Facts, host: str) -> bool:
    """Whether the host is among the selected ones."""
    return any(fnmatch.fnmatchcase(host, pattern) for pattern in facts.settings.get("nodes") or ["*"])


def asking(facts: Facts, network: str) -> list[str]:
    """The selected hosts with a live probe on the network."""
    return [host for host in probed(facts, network) if selected(facts, host)]


def _pairs(facts: Facts, hosts: list[str]) -> list[Pair]:
    return [pair for pair in _blame.pairs(hosts, facts.run) if any(selected(facts, host) for host in pair)]


def pairs(facts: Facts, network: str) -> list[Pair]:
    """The ordered pairs of hosts to try on the network."""
    return _pairs(facts, probed(facts, network))


def host_pairs(facts: Facts) -> list[Pair]:
    """The ordered pairs of hosts to try on the underlay, with or without a probe."""
    return _pairs(facts, [host for host in facts.hosts if host in facts.opened])


def seen(facts: Facts, host: str, ident: str) -> dict[str, t.Any] | None:
    """The host's observation for a request, None without one."""
    return facts.observations.get(host, {}).get(ident)


NOT_STARTED = "probe-not-started"  # the reason of a host without a probe
ONCE = 3.0  # seconds that a question may take, where the run does not say
SETTLED = 60  # seconds after which the engine has set something up on every node


def lasted(facts: Facts, age: float | None) -> bool:
    """Whether something with this age, in seconds at the end of the run, existed long enough before the run began."""
    if age is None or not facts.leader:
        return False  # there is none, or the leader did not report at the end
    began, ended = (float(told[facts.leader]["clock"][0]) for told in (facts.opened, facts.closed))
    return age > ended - began + SETTLED


def lacks(facts: Facts, module: str) -> list[str]:
    """The hosts whose kernel lacks a module."""
    return [host for host in facts.hosts if kernel(facts, host).get(module) == "missing"]


def kernel(facts: Facts, host: str) -> dict[str, t.Any]:
    """The state of the kernel's modules on the host; empty when it was not reported."""
    return (facts.opened.get(host, {}).get("kernel") or {}).get("modules") or {}


def matrix(nodes: list[str], kinds: dict[str, t.Any]) -> dict[str, t.Any]:
    """Evidence of paths, {kind: {source: {target: cell}}}: seconds until the answer, reason of the failure, or None.

    A pair that was not tried has no cell. docs/report.md describes the format, docs/report-schema.json defines it.
    """
    return {"matrix": {"nodes": list(nodes), "kinds": kinds}}


def cell(seen: dict[str, t.Any] | None) -> float | str | None:
    """A request's observation as a cell of the matrix."""
    if seen is None:
        return None
    return seen["seconds"] if seen["ok"] else problem(seen)


def problem(seen: dict[str, t.Any]) -> str:
    """Why a request to one node was not met: an error, or an answer from another node."""
    return seen.get("error") or f"{seen.get('node')} answered"


def suspicion(facts: Facts, network: Network, failed: list[tuple[t.Any, ...]]) -> dict[str, t.Any]:
    """The weight of the wire's evidence against each host, given failed (source, target) pairs.

    If no packet left the source, it counts against the source. If packets reached the target's wire but not its
    probe, it counts against the target.
    """
    weights: dict[str, int] = {}
    for source, target in failed:
        if facts.received.get(target, {}).get(f"udp/{network['name']}/{source}"):
            continue
        sent, arrived = packets_sent(facts, network, source, target), packets_arrived(facts, network, source, target)
        if sent == 0:
            weights[source] = weights.get(source, 0) + 1
        elif arrived:
            weights[target] = weights.get(target, 0) + 1
    return weights


def address(facts: Facts, host: str) -> str | None:
    """The host's address on the underlay, as swarm knows it."""
    return facts.nodes[host].get("address") if host in facts.nodes else None


def parsed(text: str | None) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The text as an IP address, None when it is not one."""
    try:
        return ipaddress.ip_address(text or "")
    except ValueError:
        return None


def within(address: str, network: str) -> bool:
    """Whether the address lies in the network; false for a text that is no address."""
    found = parsed(address)
    return found is not None and found in ipaddress.ip_network(network, strict=False)


def local(facts: Facts, host: str) -> list[dict[str, t.Any]]:
    """The addresses of the host's own interfaces."""
    return (facts.opened.get(host, {}).get("host") or {}).get("addresses") or []


def meant(facts: Facts, host: str, declared: str) -> list[str]:
    """The addresses of a declared address, interface or DNS name, without its port.

    Those of an interface are sorted IPv4 first, as the engine uses them.
    """
    name = split_port(declared)[0]
    found = [parsed(row["address"]) for row in local(facts, host) if row["device"] == name]
    usable = [address for address in found if address and not address.is_link_local]
    told = ((facts.opened.get(host, {}).get("host") or {}).get("names") or {}).get(declared)
    return (
        [str(address) for address in sorted(usable, key=lambda address: address.version)]
        or told
        or [str(parsed(name) or name)]
    )


def over_ipv6(facts: Facts, host: str | None = None) -> bool:
    """Whether tunnels to the host use IPv6.

    Without a host, the first node with a known address decides for the swarm: both ends of a tunnel have the same
    family.
    """
    ends = (parsed(tunnel(facts, name)) for name in ([host] if host else facts.nodes))
    return next((end.version == 6 for end in ends if end), False)


def iptables(facts: Facts) -> str:
    """The tool for the rules that filter the nodes' traffic."""
    return "ip6tables" if over_ipv6(facts) else "iptables"


def esp(facts: Facts) -> str:
    """The kernel module that encrypts traffic between the nodes."""
    return "esp6" if over_ipv6(facts) else "esp4"


def lacks_esp(facts: Facts) -> list[str]:
    """The hosts whose kernel cannot encrypt traffic between the nodes."""
    return lacks(facts, esp(facts))


def tunnel(facts: Facts, host: str) -> str | None:
    """The expected tunnel endpoint of the host: the declared data-path address, else the host's own address.

    Unlike gossip's, it is known before any request.
    """
    declared = (facts.settings.get("data_addresses") or {}).get(host)
    return meant(facts, host, declared)[0] if declared else address(facts, host)


def ends(facts: Facts, host: str, network: str) -> list[str]:
    """The tunnel endpoints that gossip has for the host's probe: as the host tells it, else as the others have it.

    Another node may have a record of a task that had the address before, and one whose endpoint has not arrived yet.
    """
    own = facts.probes.get(host, {}).get(network)
    for held in (facts.held.get(host, {}), *facts.held.values()):
        found = [
            record.where for record in _gossip.records(held.get(network)) if record.address == own and record.where
        ]
        if found:
            return found
    return []


def vtep(facts: Facts, host: str) -> str | None:
    """The host's tunnel endpoint in gossip; without gossip, the expected one."""
    for network in facts.probes.get(host, {}):
        for end in ends(facts, host, network):
            return end
    return tunnel(facts, host)


def unopened(facts: Facts) -> list[str]:
    """Hosts whose probe was not there when they were asked for it. One that comes later is a backend, and answers nobody."""
    return [host for host, problem in sorted(facts.problems.items()) if problem.reason == NOT_STARTED]


class Unheard(t.NamedTuple):
    """Backends of the run whose connections nobody answers: hosts without an open probe, and nodes that are not in the play."""

    hosts: list[str]
    others: list[str]


def unheard(facts: Facts) -> Unheard:
    """Who has a task of the probes, or may get one, and no probe that is open. A host that did not tell its node id may be one of the others, too."""
    names, known = able(facts), {node["id"] for node in facts.nodes.values()}
    return Unheard(
        [
            host
            for host in facts.hosts
            if host not in facts.probes and (host not in facts.nodes or facts.nodes[host]["id"] in names)
        ],
        [name for ident, name in names.items() if ident not in known],
    )


def able(facts: Facts) -> dict[str, str]:
    """Node id -> name in the swarm, of the nodes to which swarm assigns tasks."""
    return {
        node["id"]: node["hostname"] or node["id"]
        for node in facts.swarm.get("nodes", [])
        if (node["state"], node["availability"]) == ("ready", "active")
    }


def starved(facts: Facts) -> dict[str, float]:
    """Hosts that had no processor for longer than a question may take, with how many seconds at worst."""
    worst = {
        host: max([late[name] for name in ("ports", "responder") if name in late], default=0.0)
        for host, late in facts.late.items()
    }
    return {host: seconds for host, seconds in worst.items() if seconds >= _once(facts)}


def pulse(facts: Facts, host: str, peer: str) -> Data | None:
    """The pulse from a host to another."""
    addresses = {address(facts, peer), tunnel(facts, peer)}
    return next((row for row in facts.pulses.get(host, []) if row["address"] in addresses), None)


def lags(facts: Facts, host: str) -> bool:
    """Whether the host's helper at the swarm's ports let packets wait for longer than a question may take, as the pulses of others
    tell: then an answer may have come too late. It runs all the while, so that its own clock does not show it."""
    told = [pulse(facts, other, host) for other in facts.hosts if other != host]
    return max([row["dwell_ms"] for row in told if row], default=0) >= 1000 * _once(facts)


def _once(facts: Facts) -> float:
    """The seconds that a question may take."""
    return float(facts.settings.get("once") or ONCE)


def ended(facts: Facts) -> list[str]:
    """Hosts whose helpers left nothing at the end: another host's call took longer than their lease, or they could not write. Their silence proves nothing."""
    return [
        host
        for host, told in facts.closed.items()
        if "ports" in facts.needs and told.get("ports", {}) is None and not facts.opened.get(host, {}).get("errors")
    ]


def packets_sent(facts: Facts, network: Network, source: str, target: str) -> int | None:
    """Packets from the source to the target: of this network, or ESP when it is encrypted; None without a capture."""
    wire = facts.wire.get(source)
    if not wire:
        return None
    to = vtep(facts, target)
    if network["encrypted"]:
        return int(sum(wire["esp_out"].get(to, {}).values()))
    return int(wire["plain"].get(str(network["vni"]), {}).get(to, 0))


def packets_arrived(facts: Facts, network: Network, source: str, target: str) -> int:
    """Packets from the source on the wire of the target, counted like ``packets_sent``."""
    wire = facts.wire.get(target) or {}
    origin = vtep(facts, source)
    if network["encrypted"]:
        return int(sum(wire.get("esp_in", {}).get(origin, {}).values()))
    return int(wire.get("plain_in", {}).get(str(network["vni"]), {}).get(origin, 0))
