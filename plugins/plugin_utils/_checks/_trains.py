# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The trains of packets that each host sends, layer by layer, and the paths that they measured through balancers. Pure.

Private to swarmlab.overlay. Where a host would send too much, each run measures some of the paths inside the networks,
others in every run; the wire is measured in full.
"""

from __future__ import annotations

import math
import typing as t
from collections import Counter

from ...module_utils._probe.sockets import PORT
from ...module_utils._probe.train import LATE, mark
from .._facts.model import Data, Facts, Network, Requests
from . import _blame, _paths, cp_addr, mesh_all, mtu_fit
from ._blame import Pair
from ._quality import ASIDE, ICMP, MESH, WIRE, Path, balanced, ident, layer_of

PACKETS, FEWEST = 60, 18  # packets of a train
AT_ONCE = 900  # packets that a node sends at most, about
TRAINS = AT_ONCE // FEWEST
SET_UP = 3.0  # seconds that engines may need to lead the run's own new service everywhere
BYSTANDERS = 2  # nodes outside the run that are asked for an echo
BACKENDS = 10  # trains to virtual IPs at most: a balancer leads each to the next backend


def requests(facts: Facts) -> Requests:
    """Each host's trains; ``where`` is the namespace to send from, as in a check's plan."""
    rows = [*_on_underlay(facts), *_to_bystanders(facts), *_through_mesh(facts)] if facts.swarm else []
    for network in facts.under_test:
        rows += _inside(facts, network) + _through_virtual_ip(facts, network)
    sent: dict[str, float] = {}  # trains, those of half the length as half a train
    for source, row in rows:
        sent[source] = sent.get(source, 0) + (0.5 if row.get("plain") else 1)
    found: Requests = {}
    for source, row in rows:
        packets = min(PACKETS, int(AT_ONCE / sent[source])) // (2 if row.get("plain") else 1)
        crowded = row["where"] == "probe" and sent[source] > TRAINS / 2  # the bursts would be most of what it sends
        found.setdefault(source, []).append(
            dict(row, packets=max(FEWEST, packets), **({"plain": True} if crowded else {}))
        )
    return found


def pairs(facts: Facts, network: Network) -> list[Pair]:
    """The pairs of hosts whose path inside a network is measured in this run: all of them, or as many as there is room for, both ways."""
    known = _paths.pairs(facts, network["id"])
    stride = _stride(facts)
    if stride == 1:
        return known
    order = {host: place for place, host in enumerate(_blame.ring(facts.hosts, facts.run))}
    both = sorted(
        {tuple(sorted(pair, key=lambda host: order[host])) for pair in known},
        key=lambda pair: [order[host] for host in pair],
    )
    turn = [network["id"] for network in facts.under_test].index(network["id"])
    chosen = {pair for place, pair in enumerate(both) if (place + turn) % stride == 0}
    return [pair for pair in known if pair in chosen or pair[::-1] in chosen]


def _stride(facts: Facts) -> int:
    """One of how many paths inside the networks is measured. On the underlay a host sends about two trains to each other one."""
    inside = [pair for network in facts.under_test for pair in _paths.pairs(facts, network["id"])]
    room = TRAINS - 2 * _most(_paths.host_pairs(facts))
    return max(1, math.ceil(_most(inside) / max(1, room)))


def _most(known: list[Pair]) -> int:
    """The number of paths of the host that has most."""
    return max(Counter(source for source, _target in known).values(), default=0)


def _on_underlay(facts: Facts) -> list[tuple[str, Data]]:
    rows: list[tuple[str, Data]] = []
    for source, target in _paths.host_pairs(facts):
        address = _paths.tunnel(facts, target)
        if address and _paths.parsed(address):
            base: Data = {"address": address, "where": "host"}
            rows.append((source, dict(base, id=ident(WIRE, target), kind="udp", port=facts.swarm["data_port"])))
            if ":" not in address:
                rows.append((source, dict(base, id=ident(ICMP, target), kind="icmp")))
    return rows


def _to_bystanders(facts: Facts) -> list[tuple[str, Data]]:
    """Two hosts have one path between them, and only the ways to other nodes show at which of the two it is bad. The kernel of any node
    answers an echo, whether the node is in the play or not."""
    if len(facts.opened) != 2 or any(
        _paths.tunnel(facts, host) != _paths.address(facts, host) for host in facts.opened
    ):
        return []
    there = {facts.nodes[host]["id"] for host in facts.opened}
    known = {cp_addr.known_at(node) for node in facts.swarm["nodes"] if node["id"] not in there}
    addresses = [address for address in known if not cp_addr.unusable(address) and ":" not in address]
    return [
        (host, {"address": address, "where": "host", "id": ident(ASIDE, address), "kind": "icmp"})
        for host in facts.opened
        for address in _blame.ring(addresses, facts.run)[:BYSTANDERS]
    ]


def _inside(facts: Facts, network: Network) -> list[tuple[str, Data]]:
    rows = []
    for source, target in pairs(facts, network):
        row = {"address": facts.probes[target][network["id"]], "port": PORT, "kind": "udp", "where": "probe"}
        rows.append((source, dict(row, id=ident(layer_of(network), target))))
    return rows


def _through_virtual_ip(facts: Facts, network: Network) -> list[tuple[str, Data]]:
    """As many trains as there are backends, and room. A kernel without IPVS, or without ESP, leads nothing anywhere: other checks tell that."""
    hosts, vip = _paths.probed(facts, network["id"]), facts.vips.get(network["id"])
    helpless = _paths.lacks(facts, "ip_vs") + (_paths.lacks_esp(facts) if network["encrypted"] else [])
    if not vip:
        return []
    base = {"address": vip, "port": PORT, "kind": "udp", "where": "probe", "plain": True, "patience": SET_UP}
    return [
        (source, dict(base, id=ident(balanced(network), str(number))))
        for source in _paths.asking(facts, network["id"])
        if source not in helpless
        for number in range(min(len(hosts), max(1, BACKENDS // len(facts.under_test))))
    ]


def _through_mesh(facts: Facts) -> list[tuple[str, Data]]:
    """A train to the published port of each node that a host is to reach."""
    if not facts.published_udp or mesh_all.behind(facts) is None or not facts.ingress:
        return []
    most = mtu_fit.declared(t.cast("Network", facts.ingress))
    base: Data = {"port": facts.published_udp, "kind": "udp", "where": "host"}
    base.update(plain=True, most=most, patience=SET_UP)
    helpless = _paths.lacks(facts, "ip_vs")
    return [
        (source, dict(base, id=ident(MESH, entry), address=mesh_all.asked_at(facts, entry)))
        for source, entry in mesh_all.asked(facts)
        if entry not in helpless and _paths.parsed(mesh_all.asked_at(facts, entry))
    ]


def by_virtual_ip(facts: Facts, network: Network) -> list[Path]:
    """The paths from hosts to the backends that their balancers led them to; to the host itself where nothing came back.

    A backend whose probe was not open answers nobody: then a train without an answer tells nothing of its balancer.
    """
    names = {mark(host): host for host in facts.hosts}
    hosts = _paths.probed(facts, network["id"])
    late = any(_late(facts, host, "responder") for host in hosts)
    unheard = any(_paths.unheard(facts))
    found = []
    for source in hosts:
        for number in range(len(hosts)):
            train = facts.trains.get(source, {}).get(ident(balanced(network), str(number)))
            if train is not None and (train["answered"] or not unheard):
                target = names.get(train.get("who", 0), source)
                found.append(Path(source, target, train, unheard=late and not train["answered"], one_way=True))
    return found


def explained(pair: Pair, below: t.Collection[Pair]) -> bool:
    """Whether a path through a balancer is bad for a direct one that is; any of the host's, where it is not known which one was taken."""
    if pair[0] == pair[1]:
        return any(pair[0] in one for one in below)
    return pair in below or pair[::-1] in below


def is_direct(paths: list[Path], pair: Pair) -> bool:
    """Whether the direct path below one through a balancer was measured among these: in a large swarm not each is in each run."""
    return pair[0] == pair[1] or any(path.train is not None and path.pair in (pair, pair[::-1]) for path in paths)


def by_mesh(facts: Facts) -> list[Path]:
    """The paths from hosts through the published port of others."""
    home = mesh_all.behind(facts)
    late = home is not None and _late(facts, home, "published")
    found = []
    for source, told in facts.trains.items():
        for entry in facts.hosts:
            train = told.get(ident(MESH, entry))
            if train is not None:
                found.append(Path(source, entry, train, unheard=late and not train["answered"], one_way=True))
    return found


def at_mesh(facts: Facts, entries: t.Collection[str]) -> list[str]:
    """The nodes to blame for bad paths through the published ports of some: these, or the node of the task where all are bad."""
    home, asked = mesh_all.behind(facts), {path.target for path in by_mesh(facts)}
    return [home] if home and len(asked) > 1 and asked <= set(entries) else sorted(entries)


def _late(facts: Facts, host: str, helper: str) -> bool:
    return 1000 * float(facts.late.get(host, {}).get(helper, 0.0)) > LATE
