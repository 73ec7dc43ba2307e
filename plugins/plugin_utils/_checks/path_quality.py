# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PATH-QUALITY: no path loses, delays, repeats, reorders, corrupts or limits what it carries, layer by layer."""

from __future__ import annotations

import sys

from .._facts.model import Data, Facts, Network, Requests, Result
from . import _paths, _quality
from ._blame import Pair, blame
from ._result import FAIL, INCONCLUSIVE, PASS, SKIP, count, listed, not_set_up, result

ID = _quality.CHECK
TITLE = "Paths carry traffic well (loss, delay, rate, order)"
ON_WIRE = "The wire between nodes carries traffic well (loss, delay, rate, order)"
NO_ESP = "The kernel of %s lacks %s: encrypted networks carry nothing between nodes there (see PRE-KMOD)."
HINT = "Look at the lowest layer that is bad: cables, drivers, queues ('tc -s qdisc'), rules that drop some packets, a crowded network."
ORDER = 58
NEEDS = ("probe", "ports", "pulse")
TAGS = ("P1", "dataplane")
CHECK = sys.modules[__name__]


def plan(facts: Facts) -> Requests:
    """No requests: trains are sent once everything else has been asked."""
    return {}


def trains(facts: Facts) -> Requests:
    """{host: [train, ...]}, as in ``_probe/train.py``; ``where`` as in a plan."""
    return _quality.requests(facts)


def hopeless(facts: Facts) -> bool:
    """Whether the wire is so bad somewhere that waiting for gossip cannot help."""
    if not facts.swarm:
        return False
    paths = _quality.paths(facts, _quality.WIRE, _paths.host_pairs(facts))
    bad = {row.kind for rows in _quality.symptoms(facts, paths).values() for row in rows}
    return any(path.cut for path in paths) or bool(bad & {_quality.LOST, _quality.CAPPED, _quality.FLAPS})


def judge(facts: Facts) -> list[Result]:
    """One result for the wire, and one for each network."""
    if not facts.leader:
        return [result(CHECK, INCONCLUSIVE, "leader-not-in-play", "no host of the play leads the swarm")]
    results = [_conclude(facts, [_quality.ICMP, _quality.WIRE], _paths.host_pairs(facts), None)]
    for network in facts.networks:
        blocked = not_set_up(CHECK, facts, "probe", network["name"])
        results.append(
            blocked or _conclude(facts, [_quality.layer_of(network)], _paths.pairs(facts, network["id"]), network)
        )
    return results


def _conclude(facts: Facts, layers: list[str], pairs: list[Pair], network: Network | None) -> Result:
    name = network["name"] if network else None
    title = TITLE if network else ON_WIRE
    if not pairs:
        status, reason = (SKIP, "one-node") if len(facts.opened) == 1 else (INCONCLUSIVE, "no-pair")
        return result(CHECK, status, reason, "no pair of nodes could be measured", title=title, network=name)
    kinds: dict[str, dict[str, dict[str, object]]] = {}
    bad: dict[Pair, str] = {}
    dead: set[Pair] = set()
    silent: set[str] = set()
    starved: set[str] = set()
    delays: list[float] = []
    for layer in layers:
        paths = _quality.paths(facts, layer, pairs)
        found: dict[Pair, list[_quality.Symptom]] = {}
        if layer != _quality.ICMP:  # hosts and routers limit it on purpose: it is shown and proves nothing bad
            found = _quality.symptoms(facts, paths)
            starved.update(*_quality.unproven(facts, paths))
        rows = kinds.setdefault("quality" if network else layer, {})
        for path in paths:
            if layer == _quality.ICMP and (path.train is None or path.dead):
                continue  # filtered, or over IPv6, where it is not measured
            rows.setdefault(path.source, {})[path.target] = _quality.cell(path, found.get(path.pair))
            if path.train is None:
                silent.add(path.source)
            elif path.cut and path.pair not in found:
                dead.add(path.pair)
            elif path.pair in found:
                bad.setdefault(path.pair, f"{path.source} to {path.target} " + _words(found[path.pair]))
            elif path.train["answered"]:
                delays.append(path.train["delay_ms"][1])
    hosts = [host for host in facts.hosts if any(host in pair for pair in pairs)]
    details: Data = {**_paths.matrix(hosts, kinds), "limits": _quality.limits(facts)}
    if bad:
        text = f"{len(bad)} of {count(len(pairs), 'path')}: {listed(bad.values(), 2)}"
        return result(CHECK, FAIL, "quality-poor", text, title=title, network=name, nodes=blame(bad), details=details)
    if dead:
        text = f"{len(dead)} of {count(len(pairs), 'path')} carried no packet of the measurement"
        nodes, hint = blame(dead), HINT
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
    text = (
        f"{count(len(pairs), 'path')}, round trip {min(delays):.2g} to {max(delays):.2g} ms, no loss beyond the limit"
    )
    return result(CHECK, PASS, "ok", text, title=title, network=name, nodes=hosts, details=details)


def _words(symptoms: list[_quality.Symptom]) -> str:
    return " and ".join(f"{row.kind} ({row.text})" for row in symptoms)
