# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""MESH-SERVICE: the published TCP ports of people's services take connections on every node that publishes them."""

from __future__ import annotations

import sys
import typing as t

from .._facts.model import Facts, Requests, Result
from . import _paths, _workloads, mesh_all
from ._blame import between, blame
from ._result import FAIL, INCONCLUSIVE, PASS, SKIP, count, listed, result

ID = "MESH-SERVICE"
TITLE = "Published ports of people's services take connections"
HINT = (
    "Look for a rule of the host's that drops it (DOCKER-USER, raw, mangle), for the chain DOCKER-INGRESS, and at LB-SERVICE and DP-TASK "
    "for the tasks themselves."
)
STRANDED = (
    "The connection opens and ends at the engine's own placeholder: its rules for the port are gone ('iptables -t nat -S DOCKER-INGRESS'). "
    "Restart the engine there."
)
ORDER = 65
NEEDS = ("workloads",)
TAGS = ("P1", "dataplane", "balancing", "services")
CHECK = sys.modules[__name__]
ANYWHERE = ""  # the ports that a task takes at any address
BUDGET = 64  # connections of a node; what does not fit is asked in other runs


class Way(t.NamedTuple):
    """A published port on a node. ``tasks``: the hosts that may answer."""

    service: dict[str, t.Any]
    port: int
    mode: str
    target: str
    tasks: tuple[str, ...]


def _ways(facts: Facts) -> list[Way]:
    """The ports behind which a program listens: those of the mesh on every node, the others on their task's alone."""
    known, found = _workloads.backends(facts), []
    for service in _workloads.selected(facts):
        rows = known.get(service["id"], [])
        listening = _workloads.common(rows, (facts.ingress or {}).get("id") or ANYWHERE)
        for port in service["ports"] if rows and _workloads.complete(service, rows) else []:
            if port["target"] in listening:
                tasks = tuple(sorted({row.host for row in rows}))
                found += [Way(service, port["published"], "ingress", host, tasks) for host in facts.opened]
        places = {row.task: row for row in rows}
        for task in service["tasks"]:
            row = places.get(task["id"])
            found += [
                Way(service, port["published"], "host", row.host, (row.host,))
                for port in task["ports"]
                if row and port["target"] in (row.ports.get(ANYWHERE) or [])
            ]
    return [way for way in found if mesh_all.asked_at(facts, way.target)]


def _sources(facts: Facts) -> dict[str, list[str]]:
    """Target -> the hosts that ask there; a lone host asks itself."""
    found: dict[str, list[str]] = {}
    for source, target in _paths.host_pairs(facts) or [(host, host) for host in facts.opened]:
        found.setdefault(target, []).append(source)
    return found


def _asked(facts: Facts) -> dict[str, list[tuple[dict[str, t.Any], Way]]]:
    """Source -> its requests, each with what it is about, as many as a node has time for."""
    sources, ways = _sources(facts), _ways(facts)
    ranked: dict[str, list[tuple[int, str, dict[str, t.Any]]]] = {}
    about: dict[str, Way] = {}
    for way in ways:
        for source in sources.get(way.target, []):
            request = _request(facts, way)
            about[request["id"]] = way
            ranked.setdefault(source, []).append((0, request["id"], request))
    return {
        source: [(request, about[request["id"]]) for request in _workloads.share(facts, source, rows, BUDGET)]
        for source, rows in ranked.items()
    }


def _request(facts: Facts, way: Way) -> dict[str, t.Any]:
    useless = way.mode == "ingress" and way.target in _paths.lacks(facts, "ip_vs")
    return {
        "id": f"{ID}/{way.mode}/{way.port}/{way.target}",
        "kind": "connect",
        "address": mesh_all.asked_at(facts, way.target),
        "port": way.port,
        "patience": 0 if useless else facts.settings["convergence"],
        "where": "host",
    }


def plan(facts: Facts) -> Requests:
    """Each node connects to the others at the ports that they publish; nothing is sent."""
    return {source: [request for request, _way in rows] for source, rows in _asked(facts).items()}


def judge(facts: Facts) -> list[Result]:
    """One result for the swarm when all is well; else one for each service."""
    if not facts.leader or not facts.viewed:
        return [
            result(
                CHECK, INCONCLUSIVE, "leader-not-in-play", "no manager told what is published", hint="See PRE-REACH."
            )
        ]
    asked = _asked(facts)
    if not any(asked.values()):
        return [
            result(
                CHECK,
                SKIP,
                "nothing-listens",
                "no service of people's has a published TCP port with a program behind it",
            )
        ]
    bad: dict[str, dict[tuple[str, str, int, str], tuple[str, tuple[str, ...]]]] = {}
    services: dict[str, dict[str, t.Any]] = {}
    silent, tried, moved = set(), 0, set()
    for source, rows in asked.items():
        for request, way in rows:
            seen = _paths.seen(facts, source, request["id"])
            if not _workloads.steady(facts, way.service):
                moved.add(way.service["name"])
            elif seen is None:
                silent.add(source)
            else:
                tried += 1
                services[way.service["name"]] = way.service
                problem = None if seen["ok"] else _paths.problem(seen)
                problem = problem or _stranded(facts, way)
                if problem and _still(facts, way):
                    bad.setdefault(way.service["name"], {})[source, way.target, way.port, way.mode] = problem, way.tasks
    if bad:
        return [_failed(facts, name, rows) for name, rows in sorted(bad.items())]
    if silent:
        nodes = sorted(silent)
        return [result(CHECK, INCONCLUSIVE, "no-observation", f"no observation from {listed(nodes)}", nodes=nodes)]
    if not tried:
        return [
            result(CHECK, SKIP, "names-moved", f"every service changed while it was asked: {listed(sorted(moved), 3)}")
        ]
    left = sum(len(_sources(facts).get(way.target, [])) for way in _ways(facts)) - sum(map(len, asked.values()))
    text = f"{count(tried, 'connection')} to the ports of {count(len(services), 'service')}"
    text += f"; {left} more were left for other runs" if left else ""
    text += f"; {listed(sorted(moved), 3)} changed meanwhile" if moved else ""
    return [result(CHECK, PASS, "ok", text, nodes=sorted(facts.opened), details={"not_asked": left})]


def _stranded(facts: Facts, way: Way) -> str | None:
    """Whether connections ended on the node itself: the engine holds the port there, and never takes one."""
    number = (facts.closed.get(way.target, {}).get("unaccepted") or {}).get(str(way.port))
    if way.mode != "ingress" or not number:
        return None
    return f"{count(number, 'connection')} ended at the engine's placeholder for the port"


def _still(facts: Facts, way: Way) -> bool:
    """Whether a program listened behind the port to the end."""
    rows = _workloads.backends(facts).get(way.service["id"], [])
    targets = {port["target"] for port in way.service["ports"] if port["published"] == way.port}
    for task in way.service["tasks"] if way.mode == "host" else []:
        targets |= {port["target"] for port in task["ports"] if port["published"] == way.port}
    rows = [row for row in rows if way.mode == "ingress" or row.host == way.target]
    return bool(rows) and all(_workloads.still_listens(facts, row, port) for row in rows for port in targets)


def _failed(facts: Facts, name: str, rows: dict[tuple[str, str, int, str], tuple[str, tuple[str, ...]]]) -> Result:
    """The result of a service: (source, target, port, mode) -> why it failed, and the hosts of the tasks behind it."""
    texts = [
        f"{target}:{port} asked by {source}: {why}"
        for (source, target, port, _mode), (why, _tasks) in sorted(rows.items())
    ]
    pairs = {(source, target) for source, target, _port, _mode in rows}
    asking = _sources(facts)
    deaf = sorted({target for _source, target in pairs if {(s, target) for s in asking.get(target, [])} <= pairs})
    nodes, hint = deaf or blame(pairs), HINT
    lacking = _paths.lacks(facts, "ip_vs")
    if lacking and {target for _source, target in pairs} <= set(lacking) and all(key[3] == "ingress" for key in rows):
        nodes, hint = lacking, mesh_all.NO_IPVS % listed(lacking)
    elif any("placeholder" in why for why, _tasks in rows.values()):
        hint = STRANDED
    return result(
        CHECK,
        FAIL,
        "port-silent",
        f"no connection to {listed(texts, 2)}",
        service=name,
        nodes=nodes,
        hint=hint,
        details={"failed": texts, "between": between((*key[:2], *tasks) for key, (_why, tasks) in rows.items())},
    )
