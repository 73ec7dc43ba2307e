# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Causes between nodes: ports and protocols, encryption, losses inside an overlay, virtual IPs. Pure.

Private to swarmlab.overlay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ...module_utils._terms import GOSSIP_PORT, MANAGER_PORT
from .._checks import _blame, _paths, _quality, _trains, _witness, mesh_all, mtu_fit
from .._checks._blame import Pair
from .._checks._result import listed
from .._facts.model import Network
from . import links
from .links import Links
from .model import INFERRED, SEEN, Claim, Finding
from .view import View

WHERE = {
    links.SOURCE: "nothing leaves %s for %s",
    links.TARGET: "what leaves %s arrives at %s, and is dropped there",
    links.WAY: "what leaves %s does not arrive at %s",
    links.UNKNOWN: "from %s to %s: no answer",
}
BETWEEN = "%s is lost between %s"
DROPS = {
    links.INWARD: "{nodes} [drops|drop] %s that arrives there%s",
    links.OUTWARD: "{nodes} [lets|let] no %s out%s",
    links.BOTH: "{nodes} [drops|drop] %s%s",
}
FEW = {links.INWARD: " from %s", links.OUTWARD: " to %s", links.BOTH: " from and to %s"}


def _because(found: Links, limit: int = 4) -> tuple[str, ...]:
    lines = [WHERE[end] % link for link, end in sorted(found.bad.items())]
    return tuple(lines[:limit]) + ((f"and {len(lines) - limit} more such links",) if len(lines) > limit else ())


def _finding(
    view: View,
    found: Links,
    what: str,
    networks: tuple[str, ...] | None,
    certainty: str,
    medium: tuple[str, int | None] | None = None,
) -> Iterable[Finding]:
    """One finding for the bad links of one medium: the nodes that drop traffic, or the two nodes around the loss.

    ``medium``: protocol and port, by which a node's rules that dropped packets are known.
    """
    blamed = links.blame(found, lambda node: medium is not None and _witness.drops(view.facts, node, *medium))
    if not blamed:
        return
    nodes = view.ordered(blamed.nodes)
    everybody = {node for link in found.bad for node in link}
    if blamed.groups:
        title = BETWEEN % (what, _groups(blamed.groups))
    elif len(everybody) == len(nodes) == 2 and len(view.hosts) > 2:
        title = BETWEEN % (what, view.names(nodes))
    elif len(nodes) > 1 and set(nodes) >= set(view.hosts):
        title = BETWEEN % (what, "all nodes")
    else:
        title = view.title(DROPS[blamed.way] % (what, _few(view, found, blamed.way, nodes)), nodes)
    yield Finding(title, nodes, _because(found), networks, tuple(found.bad), certainty)


def _groups(groups: tuple[links.Group, ...]) -> str:
    return " and ".join(f"{{{', '.join(group)}}}" for group in groups)


def _few(view: View, found: Links, way: str, nodes: tuple[str, ...]) -> str:
    """The affected peers, when traffic with other nodes works."""
    bad = {node for link in found.bad for node in link if node not in nodes}
    others = {
        node
        for link in found.good
        for node in link
        if set(link) & set(nodes) and link not in found.bad and link[::-1] not in found.bad
    }
    return FEW[way] % view.names(view.ordered(bad)) if others - set(nodes) else ""


def split(view: View) -> Iterable[Finding]:
    """Groups of nodes that cannot reach each other, on the underlay or, without tests there, on all networks."""
    found = view.dead if view.ports else view.plain
    groups = links.partition(found)
    if groups:
        yield Finding(
            f"The network is partitioned into {_groups(groups)}",
            view.ordered({node for group in groups for node in group}),
            _because(found),
            links=tuple(found.bad),
            certainty=SEEN if view.ports else INFERRED,
        )


def _one_way(found: Links) -> bool:
    return bool(found.bad) and all(link[::-1] in found.good for link in found.bad)


def one_way(view: View) -> Iterable[Finding]:
    """Pairs where nothing gets through in one direction, and everything in the other."""
    blamed = links.blame(view.dead, lambda node: _quality.is_alone(view.facts, node))
    if not blamed or not _one_way(view.dead):
        return
    nodes = view.ordered(blamed.nodes)
    if blamed.way == links.INWARD and len(view.dead.bad) > len(nodes):
        title = view.title("Nothing reaches {nodes}, and what [it sends|they send] arrives", nodes)
    elif blamed.way == links.OUTWARD and len(view.dead.bad) > len(nodes):
        title = view.title("Nothing that {nodes} [sends|send] arrives, and what is sent there does", nodes)
    else:
        title = "What goes {} is lost, and what comes back arrives".format(
            listed("from {} to {}".format(*link) for link in sorted(view.dead.bad))
        )
    yield Finding(title, nodes, _because(view.dead), links=tuple(view.dead.bad))


def cut_off(view: View) -> Iterable[Finding]:
    """Nodes that no traffic reaches on the underlay."""
    blamed = links.blame(view.dead, lambda node: _quality.is_alone(view.facts, node))
    if not blamed or blamed.groups or _one_way(view.dead):
        return
    nodes = view.ordered(blamed.nodes)
    if set(nodes) >= set(view.hosts) and len(nodes) > 2:
        title = "The nodes do not reach each other at all"
    elif len(nodes) == 2 == len({node for link in view.dead.bad for node in link}):
        title = view.title("{nodes} do not reach each other at all", nodes)
    else:
        title = view.title("{nodes} [is|are] cut off from the other nodes", nodes)
    yield Finding(title, nodes, _because(view.dead), links=tuple(view.dead.bad))


def _beyond_the_wire(view: View, found: Links) -> Links:
    """The links without the bad ones of pairs whose wire is dead, or loses so much that any question may fail."""
    dead = [link for bad in view.dead.bad for link in (bad, bad[::-1])]
    return links.without(found, [*dead, *view.weak])


def port(kind: str, what: Callable[[View], str]) -> Callable[[View], Iterable[Finding]]:
    """The rule for one port or protocol of the underlay, from the results of PRE-PORT."""

    def find(view: View) -> Iterable[Finding]:
        found, medium = _beyond_the_wire(view, view.ports.get(kind, links.NONE)), _medium(view, kind)
        yield from _finding(view, found, what(view), None, SEEN, medium)

    return find


def _medium(view: View, kind: str) -> tuple[str, int | None]:
    """Protocol and port of a kind of PRE-PORT."""
    return {
        "managers": ("tcp", MANAGER_PORT),
        "gossip-udp": ("udp", GOSSIP_PORT),
        "gossip-tcp": ("tcp", GOSSIP_PORT),
        "data": ("udp", view.data_port),
        "esp": ("esp", None),
    }[kind]


def manager_port(view: View) -> Iterable[Finding]:
    """Managers that a node cannot call, from the calls of CP-TLS."""
    good = frozenset(pair for pair, met in view.calls.items() if met)
    bad = {pair: links.UNKNOWN for pair, met in view.calls.items() if not met}
    found = _beyond_the_wire(view, Links(good, bad))
    yield from _finding(view, found, f"the managers' port (tcp/{MANAGER_PORT})", None, SEEN, _medium(view, "managers"))


def data_path(view: View) -> Iterable[Finding]:
    """Directions that no plain network's traffic passes."""
    certainty = SEEN if set(view.plain.bad.values()) <= {links.TARGET, links.SOURCE} else INFERRED
    what, medium = f"VXLAN (udp/{view.data_port})", _medium(view, "data")
    yield from _finding(view, view.plain, what, view.networks(False), certainty, medium)


def states_gone(view: View) -> Iterable[Finding]:
    """Nodes without IPsec states that their peers still have."""
    names = view.networks(True)
    hosts = [host for host in view.facts.xfrm if host in view.facts.probes and host not in _paths.lacks_esp(view.facts)]
    if not names or len(hosts) < 2:
        return
    has = {host: _peers(view, host) for host in hosts}
    most = max(len(peers) for peers in has.values())
    poor = view.ordered([host for host in hosts if len(has[host]) < min(most, len(hosts) - 1)])
    if poor:
        because = tuple(
            f"{host} has IPsec states with {listed(has[host]) or 'nobody'}, others with {most}" for host in poor
        )
        yield Finding(view.title("{nodes} [has lost its|have lost their] IPsec states", poor), poor, because, names)


def _peers(view: View, host: str) -> list[str]:
    """The hosts for which this host has IPsec states."""
    targets = {state["target"] for state in view.facts.xfrm.get(host) or []}
    return sorted(name for name in view.hosts if name != host and _paths.vtep(view.facts, name) in targets)


def clear_text(view: View) -> Iterable[Finding]:
    """Clear text that an encrypted network sent."""
    leaks: dict[str, dict[str, int]] = {}
    for network in view.facts.networks:
        for host, wire in view.facts.wire.items():
            frames = sum(wire.get("plain", {}).get(str(network["vni"]), {}).values()) if network["encrypted"] else 0
            if frames:
                leaks.setdefault(host, {})[network["name"]] = frames
    if leaks:
        nodes = view.ordered(leaks)
        yield Finding(
            view.title("{nodes} [sends|send] encrypted networks in the clear: IPsec policies or marks are gone", nodes),
            nodes,
            tuple(f"{host}: {frames} frames of {name}" for host in nodes for name, frames in leaks[host].items()),
            tuple(sorted({name for found in leaks.values() for name in found})),
        )


def esp(view: View) -> Iterable[Finding]:
    """Directions that no encrypted network's traffic passes, while plain traffic passes or is unknown."""
    found = links.without(view.encrypted, view.plain.bad)
    certainty = SEEN if set(found.bad.values()) <= {links.TARGET, links.SOURCE} and view.plain.good else INFERRED
    yield from _finding(view, found, "ESP (IP protocol 50)", view.networks(True), certainty, _medium(view, "esp"))


def one_network(view: View) -> Iterable[Finding]:
    """A single broken network among working ones of its kind."""
    for network in view.facts.networks:
        known = view.encrypted if network["encrypted"] else view.plain
        found = links.without(view.network_links(network), known.bad)
        yield from _finding(view, found, f"the traffic of {network['name']}", (network["name"],), INFERRED)


def inside(lost: tuple[frozenset[str], ...], title: str) -> Callable[[View], Iterable[Finding]]:
    """The rule for pairs that lose some protocols inside the overlay and pass others.

    ``lost``: the sets of lost kinds.
    """

    def find(view: View) -> Iterable[Finding]:
        bad: dict[Pair, frozenset[str]] = {}
        more: set[Pair] = set()  # that lose others as well: each at one of its ends, perhaps
        names: set[str] = set()
        for network in view.facts.networks:
            for pair, kinds in view.tried(network).items():
                gone = frozenset(kind for kind, why in kinds.items() if why is not None)
                if gone in lost and gone != frozenset(kinds):
                    bad[pair] = gone
                    names.add(network["name"])
                elif any(part < gone for part in lost):
                    more.add(pair)
        if bad:
            nodes = view.ordered(_blame.blame(bad, lambda node: sum(node in pair for pair in more)))
            words = sorted({kind.upper() for gone in bad.values() for kind in gone})
            because = (
                "{} fails and the rest passes: {}".format(
                    ", ".join(words), listed(["{} to {}".format(*pair) for pair in sorted(bad)])
                ),
            )
            yield Finding(view.title(title, nodes), nodes, because, tuple(sorted(names)), tuple(bad), INFERRED)

    return find


def balancer(view: View) -> Iterable[Finding]:
    """Failed virtual IPs at a node whose direct paths work."""
    deaf, names, lines = set(), set(), []
    for item in view.bad("DP-*"):
        for source, row in ((item["evidence"].get("matrix") or {"kinds": {}})["kinds"].get("vip") or {}).items():
            network = next((known for known in view.facts.networks if known["name"] == item["network"]), None)
            direct = view.tried(network) if network else {}
            sound = all(set(kinds.values()) == {None} for pair, kinds in direct.items() if source in pair)
            if network and direct and sound and row and all(isinstance(cell, str) for cell in row.values()):
                deaf.add(source)
                names.add(network["name"])
                lines.append(
                    f"{source} on {network['name']}: direct paths pass, the virtual IP does not: {min(set(row.values()))}"
                )
    if deaf:
        nodes = view.ordered(deaf)
        yield Finding(
            view.title("The balancer (IPVS) of {nodes} does not work", nodes),
            nodes,
            tuple(lines[:4]),
            tuple(sorted(names)),
            certainty=INFERRED,
        )


# Errors of a kernel that has no way to an address (connect(2), ip-route(8): unreachable, prohibit, blackhole).
NO_WAY = ("network is unreachable", "permission denied", "invalid argument", "host is unreachable")
# Symptom of a path -> the cause in words; {where} is the wire or a network.
QUALITIES = {
    _quality.CORRUPT: "{where} of {nodes} corrupts packets",
    _quality.NARROW: "{where} of {nodes} passes few bits in a second",
    _quality.FLAPS: "{where} of {nodes} goes and comes",
    _quality.LOST: "{where} of {nodes} loses packets",
    _quality.CAPPED: "{where} of {nodes} passes no large packets",
    _quality.SLOW: "{where} of {nodes} is slow",
    _quality.UNSTEADY: "{where} of {nodes} is unsteady: its delay varies",
    _quality.REORDERED: "{where} of {nodes} delivers packets out of order",
    _quality.REPEATED: "{where} of {nodes} delivers packets more than once",
}

# Symptom -> those that it shows as on other paths of the same nodes.
COMPANIONS: dict[str, tuple[str, ...]] = {
    _quality.CORRUPT: (_quality.LOST, _quality.FLAPS),
    _quality.NARROW: (_quality.LOST, _quality.FLAPS, _quality.SLOW, _quality.UNSTEADY),
    _quality.FLAPS: (_quality.LOST,),
    _quality.SLOW: (_quality.UNSTEADY,),
    _quality.REORDERED: (_quality.UNSTEADY, _quality.SLOW),
}


def quality(symptom: str) -> Callable[[View], Iterable[Finding]]:
    """The rule for one symptom of paths, at the lowest layer that has it: the wire, else each network."""

    def find(view: View) -> Iterable[Finding]:
        wire = _symptomatic(view, symptom, _paths.host_pairs(view.facts), _quality.WIRE)
        if wire:
            yield _of_quality(view, symptom, wire, None)
        below = {pair for bad in view.quality_of_wire for pair in (bad, bad[::-1])}
        for network in view.facts.under_test:
            pairs = _paths.pairs(view.facts, network["id"])
            found = _symptomatic(view, symptom, pairs, _quality.layer_of(network))
            found = {pair: text for pair, text in found.items() if pair not in below}
            if found:
                yield _of_quality(view, symptom, found, network)
        yield from _of_balancers(view, symptom, below)
        yield from _of_mesh(view, symptom, below)

    return find


BALANCED = (Claim("PATH-*"), Claim("LB-*"), Claim("DP-*"))
PUBLISHED = (Claim("PATH-*"), Claim("MESH-*"), Claim("NET-INGRESS"))
BALANCER_TODO = (
    "Look into the balancer's namespace ('nsenter --net=/var/run/docker/netns/lb_NETWORK', with the first nine letters of the network's id: "
    "'tc -s qdisc', 'iptables-save'), then restart the engine there."
)
MESH_TODO = (
    "Look at docker_gwbridge and into the namespace 'ingress_sbox' there ('tc -s qdisc', 'iptables-save'), and at rules in DOCKER-USER and "
    "DOCKER-INGRESS."
)


def _of_balancers(view: View, symptom: str, below: set[Pair]) -> Iterable[Finding]:
    """Nodes whose paths through virtual IPs have the symptom, where those below were measured and are not bad."""
    found: dict[str, list[str]] = {}
    names: set[str] = set()
    for network in view.facts.under_test:
        layer, pairs = _quality.layer_of(network), _paths.pairs(view.facts, network["id"])
        direct, bad = _quality.paths(view.facts, layer, pairs), {*below, *view.symptoms(layer, pairs)}
        for pair, text in _texts(view.symptoms_by_virtual_ip(network), symptom).items():
            if _trains.is_direct(direct, pair) and not _trains.explained(pair, bad):
                found.setdefault(pair[0], []).append(
                    f"{pair[0]} to {pair[1]} through the virtual IP of {network['name']}: {text}"
                )
                names.add(network["name"])
    if found:
        nodes = view.ordered(found)
        title = view.title(QUALITIES[symptom].replace("{where}", "The balancer (IPVS)"), nodes)
        because = tuple(line for node in nodes for line in found[node])[:4]
        yield Finding(title, nodes, because, tuple(sorted(names)), todo=BALANCER_TODO, claims=BALANCED)


def _of_mesh(view: View, symptom: str, below: set[Pair]) -> Iterable[Finding]:
    """Nodes through whose published port paths have the symptom, where the wire to them and from there to the task is not bad."""
    home = mesh_all.behind(view.facts)
    found: dict[str, str] = {}
    for (source, entry), text in _texts(view.symptoms_by_mesh(), symptom).items():
        ways = {(source, entry), (entry, home)}
        if home and not {way for way in ways if way in below or way[::-1] in below}:
            found.setdefault(entry, f"{source} to the published port of {entry}: {text}")
    if found:
        nodes = view.ordered(_trains.at_mesh(view.facts, found))
        title = view.title(QUALITIES[symptom].replace("{where}", "The way through published ports"), nodes)
        yield Finding(title, nodes, tuple(found.values())[:4], (), todo=MESH_TODO, claims=PUBLISHED)


def _texts(symptoms: dict[Pair, list[_quality.Symptom]], kind: str) -> dict[Pair, str]:
    """The paths with a symptom of this kind, with its measure."""
    return {pair: row.text for pair, rows in symptoms.items() for row in rows if row.kind == kind}


def _symptomatic(view: View, symptom: str, pairs: list[Pair], layer: str) -> dict[Pair, str]:
    """The paths with the symptom in a layer, with its measure.

    A path of the same nodes with one of its companions belongs to it: what a full queue holds back on one path, it
    drops on the next.
    """
    known = view.symptoms(layer, pairs)
    if any(_belongs(known, symptom, other) for other, companions in COMPANIONS.items() if symptom in companions):
        return {}
    found: dict[Pair, str] = {}
    beside: dict[Pair, str] = {}
    for pair, rows in known.items():
        texts = {row.kind: row.text for row in rows}
        if symptom in texts:
            found[pair] = texts[symptom]
        for kind in COMPANIONS.get(symptom, ()):
            if kind in texts:
                beside.setdefault(pair, texts[kind])
    nodes = set(_blame.blame(found))
    return {**{pair: text for pair, text in beside.items() if nodes & set(pair)}, **found}


def _belongs(known: dict[Pair, list[_quality.Symptom]], symptom: str, other: str) -> bool:
    """Whether the paths with a symptom are few beside those with another one, as which it may show, and all at the nodes to blame for that."""
    mine, theirs = (list(_texts(known, kind)) for kind in (symptom, other))
    nodes = set(_blame.blame(theirs))
    return len(mine) < len(theirs) and all(nodes & set(pair) for pair in mine)


def _drops(view: View, symptom: str, node: str) -> bool:
    """Whether a rule of a node dropped packets meanwhile, where packets are lost: of the two ends of a bad path it is that one."""
    return symptom in (_quality.LOST, _quality.FLAPS) and bool(_witness.dropped_by(view.facts, node))


def _of_quality(view: View, symptom: str, bad: dict[Pair, str], network: Network | None) -> Finding:
    """The finding for the paths with a symptom: at the nodes that all of them share."""
    layer = _quality.layer_of(network) if network else _quality.WIRE
    suspected = _quality.suspicion(view.facts, layer, symptom, list(bad))
    nodes = view.ordered(_blame.blame(bad, lambda node: suspected(node) + _drops(view, symptom, node)))
    where = network["name"] if network else "The link"
    because = [f"{source} to {target}: {text}" for (source, target), text in sorted(bad.items())][:3]
    icmp = _quality.paths(view.facts, _quality.ICMP, list(bad))
    if not network and all(path.train and path.train["answered"] == path.train["sent"] for path in icmp):
        because.append("ICMP on the same ways is not affected: look for what treats the data port in another way")
    title = QUALITIES[symptom].replace("{where}", where)
    if len(nodes) == 2 == len({node for pair in bad for node in pair}) and len(view.hosts) > 2:
        title = title.replace(" of {nodes} ", " between {nodes} ")
    return Finding(
        view.title(title, nodes),
        nodes,
        tuple(because),
        (network["name"],) if network else None,
        tuple(bad),
    )


def dropping_inside(view: View) -> Iterable[Finding]:
    """Rules inside an overlay that dropped packets, on a node whose paths there fail or are bad."""
    for host in view.hosts:
        for network in view.facts.under_test:
            lines = _witness.dropped_inside(view.facts, host, network["id"])
            if lines:
                yield Finding(
                    view.title(f"A filter rule inside {network['name']} on {{nodes}} drops packets", (host,)),
                    (host,),
                    tuple(f"{host}: {rule}" for rule in lines[:3]),
                    (network["name"],),
                )


def dropping(view: View) -> Iterable[Finding]:
    """Rules that dropped packets during the run on a node whose paths fail."""
    for host in view.hosts:
        lines = _witness.dropped_lines(view.facts, host)
        if lines:
            yield Finding(
                view.title("A filter rule on {nodes} drops packets", (host,)),
                (host,),
                tuple(lines[:3]),
                certainty=INFERRED,
            )


def strange_neighbours(view: View) -> Iterable[Finding]:
    """Nodes that send what is for another node to a hardware address that it does not have, where nothing arrives."""
    bad: dict[Pair, str] = {}
    for path in _dead_on_wire(view):
        text = _witness.strange_neighbour(view.facts, path.source, path.target)
        if text:
            bad[path.pair] = text
    if bad:
        nodes = view.ordered({source for source, _target in bad})
        title = view.title("{nodes} [has|have] a wrong hardware address of another node", nodes)
        yield Finding(title, nodes, tuple(bad.values())[:4], links=tuple(bad))


def strange_routes(view: View) -> Iterable[Finding]:
    """Nodes whose kernel has no way to another node, or takes one that does not begin at their data-path address."""
    bad: dict[Pair, str] = {}
    for path in _dead_on_wire(view):
        told, own = path.train or {}, _paths.tunnel(view.facts, path.source)
        if told.get("error") in NO_WAY:
            bad[path.pair] = f"{path.source} to {path.target}: {told['error']}"
        elif told.get("source") and own and told["source"] != own:
            bad[path.pair] = f"{path.source} sends to {path.target} from {told['source']}, and its address is {own}"
    if bad:
        nodes = view.ordered({source for source, _target in bad})
        title = view.title("{nodes} [has|have] no right route to other nodes", nodes)
        yield Finding(title, nodes, tuple(bad.values())[:4], links=tuple(bad))


def narrow_routes(view: View) -> Iterable[Finding]:
    """Nodes whose kernel sends smaller packets to another node than its device takes, where full size passes the wire and no overlay.

    Such an MTU is set on the route, or was learned from an ICMP error, which counts for ten minutes (ip-sysctl.rst: mtu_expires).
    """
    capped = {
        pair
        for network in view.facts.under_test
        for pair, rows in view.symptoms(_quality.layer_of(network), _paths.pairs(view.facts, network["id"])).items()
        if any(row.kind == _quality.CAPPED for row in rows)
    }
    bad: dict[Pair, str] = {}
    for path in _quality.paths(view.facts, _quality.WIRE, _paths.host_pairs(view.facts)):
        most, device = (path.train or {}).get("mtu"), mtu_fit.underlay(view.facts, path.source)
        if most and device and most < device and capped & {path.pair, path.pair[::-1]}:
            bad[path.pair] = f"{path.source} sends {path.target} {most} bytes at most, and its device takes {device}"
    if bad:
        nodes = view.ordered({source for source, _target in bad})
        title = view.title("{nodes} [has|have] a smaller MTU for the way to other nodes than the device has", nodes)
        yield Finding(title, nodes, tuple(bad.values())[:4], links=tuple(bad))


def _dead_on_wire(view: View) -> list[_quality.Path]:
    paths = _quality.paths(view.facts, _quality.WIRE, _paths.host_pairs(view.facts))
    return [path for path in paths if path.dead]


def unknown_to_others(view: View) -> Iterable[Finding]:
    """Nodes that do not tell everybody their hardware address, and to which paths pause, or which the managers have lost.

    Others know it for as long as such a node asks them itself (arp(7), Documentation/networking/ip-sysctl.rst: arp_ignore, arp_filter).
    """
    wire = view.symptoms(_quality.WIRE, _paths.host_pairs(view.facts))
    paused = {node for pair, rows in wire.items() for row in rows if row.kind == _quality.FLAPS for node in pair}
    for host in view.hosts:
        lines = [line for line in _witness.breaking(view.facts, host) if ".arp_" in line.partition(" ")[0]]
        if lines and host in paused | set(view.lost):
            yield Finding(
                view.title("A setting keeps {nodes} from telling other nodes its hardware address", (host,)),
                (host,),
                tuple(f"{host}: {line}" for line in lines[:4]),
                certainty=INFERRED,
            )


def odd_settings(view: View) -> Iterable[Finding]:
    """Settings of the kernel that can break paths and differ from those of the other nodes."""
    for host in view.hosts:
        lines = _witness.breaking(view.facts, host)
        if lines:
            yield Finding(
                view.title("A setting of the kernel of {nodes} differs from the other nodes'", (host,)),
                (host,),
                tuple(f"{host}: {line}" for line in lines[:4]),
                certainty=INFERRED,
            )
