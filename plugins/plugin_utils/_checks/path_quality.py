# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PATH-QUALITY: no path loses, delays, repeats, reorders, corrupts or limits what it carries, layer by layer."""

from __future__ import annotations

import sys
import typing as t

from .._facts.model import Data, Facts, Network, Requests, Result
from . import _paths, _quality, _trains, mesh_all
from ._blame import Pair, blame
from ._result import FAIL, INCONCLUSIVE, PASS, SKIP, count, listed, not_set_up, result

ID = _quality.CHECK
TITLE = "Paths carry traffic well (loss, delay, rate, order)"
ON_WIRE = "The wire between nodes carries traffic well (loss, delay, rate, order)"
ON_MESH = "Published ports carry traffic well (loss, delay, order)"
VIP = "vip-quality"  # the kind of the paths through a virtual IP
THROUGH = {VIP: "through the virtual IP ", _quality.MESH: "through its published port "}  # kind of path -> words
NO_ESP = "The kernel of %s lacks %s: encrypted networks carry nothing between nodes there (see PRE-KMOD)."
HINT = "Look at the lowest layer that is bad: cables, drivers, queues ('tc -s qdisc'), rules that drop some packets, a crowded network."
ORDER = 58
NEEDS = ("probe", "ports", "pulse", "published")
TAGS = ("P1", "dataplane")
CHECK = sys.modules[__name__]


def plan(facts: Facts) -> Requests:
    """What MESH-ALL asks: the trains come after all requests, when published ports answer or never will."""
    return mesh_all.plan(facts)


def trains(facts: Facts) -> Requests:
    """{host: [train, ...]}, as in ``_probe/train.py``; ``where`` as in a plan."""
    return _trains.requests(facts)


def hopeless(facts: Facts) -> bool:
    """Whether the wire is so bad somewhere that waiting for gossip cannot help."""
    if not facts.swarm:
        return False
    paths = _quality.paths(facts, _quality.WIRE, _paths.host_pairs(facts))
    bad = {row.kind for rows in _quality.symptoms(facts, paths).values() for row in rows}
    return any(path.cut for path in paths) or bool(bad & {_quality.LOST, _quality.CAPPED, _quality.FLAPS})


def judge(facts: Facts) -> list[Result]:
    """One result for the wire, one for each network with its virtual IP, and one for published ports where they were measured."""
    if not facts.leader:
        return [result(CHECK, INCONCLUSIVE, "leader-not-in-play", "no host of the play leads the swarm")]
    pairs = _paths.host_pairs(facts)
    wire = [_Layer(layer, _quality.paths(facts, layer, pairs)) for layer in (_quality.ICMP, _quality.WIRE)]
    results = [_conclude(facts, wire, None, ON_WIRE)]
    for network in facts.networks:
        blocked = not_set_up(CHECK, facts, "probe", network["name"])
        results.append(blocked or _conclude(facts, _inside(facts, network), network, TITLE))
    mesh = _trains.by_mesh(facts)
    return results + ([_published(facts, mesh)] if mesh else [])


def _published(facts: Facts, mesh: list[_quality.Path]) -> Result:
    """The result for published ports. Where nobody publishes UDP, a filter that lets none pass harms nobody: MESH-ALL asks over TCP."""
    heard = [path for path in mesh if not path.cut or mesh_all.is_udp_published(facts)]
    if heard:
        return _conclude(facts, [_Layer(_quality.MESH, heard)], None, ON_MESH)
    nodes = sorted({path.target for path in mesh})
    text = f"no UDP packet passed the published port of {listed(nodes)}, and none of your services publishes UDP"
    return result(CHECK, SKIP, "udp-not-published", text, title=ON_MESH, nodes=nodes)


class _Layer(t.NamedTuple):
    """``kind``: its name in the report's matrix."""

    kind: str
    paths: list[_quality.Path]


def _inside(facts: Facts, network: Network) -> list[_Layer]:
    """A network's own paths, and those through its virtual IP, as far as they were measured."""
    layer = _quality.layer_of(network)
    direct = _Layer("quality", _quality.paths(facts, layer, _trains.pairs(facts, network)))
    through = _trains.by_virtual_ip(facts, network)
    return [direct, _Layer(VIP, through)] if through else [direct]


def _at_fault(layers: list[_Layer], layer: _Layer, pair: Pair) -> Pair:
    """The nodes of which one makes such a path bad, if no layer below does: a balancer is the asker's own, the mesh that of the node asked."""
    if layer.kind == VIP and _trains.is_direct(layers[0].paths, pair):
        return pair[0], pair[0]
    return (pair[1], pair[1]) if layer.kind == _quality.MESH else pair


def _conclude(facts: Facts, layers: list[_Layer], network: Network | None, title: str) -> Result:
    name = network["name"] if network else None
    pairs = {path.pair for path in layers[0].paths}
    if not pairs:
        status, reason = (SKIP, "one-node") if len(facts.opened) == 1 else (INCONCLUSIVE, "no-pair")
        return result(CHECK, status, reason, "no pair of nodes could be measured", title=title, network=name)
    kinds: dict[str, dict[str, dict[str, object]]] = {}
    bad: dict[Pair, str] = {}
    dead: set[Pair] = set()
    failing = 0
    silent: set[str] = set()
    starved: set[str] = set()
    delays: list[float] = []
    for layer in layers:
        found: dict[Pair, list[_quality.Symptom]] = {}
        if layer.kind != _quality.ICMP:  # hosts and routers limit it on purpose: it is shown and proves nothing bad
            found = _quality.symptoms(facts, layer.paths)
            starved.update(*_quality.unproven(facts, layer.paths))
        rows = kinds.setdefault(layer.kind, {})
        for path in layer.paths:
            if layer.kind == _quality.ICMP and (path.train is None or path.dead):
                continue  # filtered, or over IPv6, where it is not measured
            rows.setdefault(path.source, {})[path.target] = _quality.cell(path, found.get(path.pair))
            if path.train is None:
                silent.add(path.source)
            elif layer.kind == VIP and (path.cut or path.pair in found) and _trains.explained(path.pair, {*bad, *dead}):
                continue
            elif path.cut and path.pair not in found:
                failing += 1
                dead.add(_at_fault(layers, layer, path.pair))
            elif path.pair in found:
                failing += 1
                words = f"{path.source} to {path.target} {THROUGH.get(layer.kind, '')}{_words(found[path.pair])}"
                bad.setdefault(_at_fault(layers, layer, path.pair), words)
            elif path.train["answered"]:
                delays.append(path.train["delay_ms"][1])
    mesh = layers[0].kind == _quality.MESH

    def blamed(found: t.Iterable[Pair]) -> list[str]:
        return _trains.at_mesh(facts, {pair[0] for pair in found}) if mesh else blame(found)

    number = sum(len({path.pair for path in layer.paths}) for layer in layers if layer.kind != _quality.ICMP)
    hosts = [host for host in facts.hosts if any(host in pair for pair in pairs)]
    details: Data = {**_paths.matrix(hosts, kinds), "limits": _quality.limits(facts)}
    if bad:
        text = f"{failing} of {count(number, 'path')}: {listed(bad.values(), 2)}"
        return result(CHECK, FAIL, "quality-poor", text, title=title, network=name, nodes=blamed(bad), details=details)
    if dead:
        text = f"{failing} of {count(number, 'path')} carried no packet of the measurement"
        nodes, hint = blamed(dead), HINT
        lacking = _paths.lacks_esp(facts) if network and network["encrypted"] else []
        if lacking and all(set(pair) & set(lacking) for pair in dead):
            nodes, hint = lacking, NO_ESP % (listed(lacking), _paths.esp(facts))
        return result(
            CHECK, FAIL, "paths-lost", text, title=title, network=name, nodes=nodes, hint=hint, details=details
        )
    if starved or silent:
        who = sorted(starved or silent)
        text = (
            f"the processes of {listed(who)} were too late for a judgement"
            if starved
            else f"no measurement from {listed(who)}"
        )
        reason = "node-starved" if starved else "no-observation"
        return result(CHECK, INCONCLUSIVE, reason, text, title=title, network=name, nodes=who, details=details)
    text = f"{count(number, 'path')}, round trip {min(delays):.2g} to {max(delays):.2g} ms, no loss beyond the limit"
    return result(CHECK, PASS, "ok", text, title=title, network=name, nodes=hosts, details=details)


def _words(symptoms: list[_quality.Symptom]) -> str:
    return " and ".join(f"{row.kind} ({row.text})" for row in symptoms)
