# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""LB-SERVICE: people's own services take connections from every node, through the virtual IP and at each task."""

from __future__ import annotations

import sys
import typing as t

from .._facts.model import Facts, Network, Requests, Result
from . import _paths, _requests, _workloads, dp_matrix, dp_task
from ._blame import blame
from ._result import FAIL, INCONCLUSIVE, PASS, SKIP, count, listed, not_set_up, result
from ._workloads import Backend

ID = "LB-SERVICE"
TITLE = "People's services take connections through their virtual IP and at each task"
HINT = (
    "See DP-MATRIX for the path between the nodes and DP-TASK for the task; else look at the program behind the port."
)
DEAF = "Nobody reaches it, not even its own node: look at the program ('ss -ltn' in its namespace) and at the rules inside the container."
VIRTUAL = (
    "Each task answers by itself, the virtual IP does not: look at the marks and IPVS in the network's lb_ namespace there; "
    "'docker service update --force SERVICE' sets its balancing up again."
)
ORDER = 63
NEEDS = ("probe", "workloads")
TAGS = ("P1", "dataplane", "balancing", "services")
CHECK = sys.modules[__name__]
BUDGET = 128  # requests of a node; what does not fit is asked in other runs
AT_ONCE = 8  # connections through a virtual IP, so that its balancer goes round


class Asked(t.NamedTuple):
    """One service on one network, with what can be asked of it."""

    network: Network
    service: dict[str, t.Any]
    backends: list[Backend]
    ports: list[int]


def _services(facts: Facts) -> list[Asked]:
    """The services with a virtual IP and with a TCP port on which all their known tasks listen."""
    known = _workloads.backends(facts)
    found = []
    for network in facts.networks:
        for service in _workloads.selected(facts):
            rows = [row for row in known.get(service["id"], []) if network["id"] in row.addresses]
            if network["id"] in service["vips"] and rows:
                found.append(Asked(network, service, rows, _workloads.common(rows, network["id"])))
    return found


def plan(facts: Facts) -> Requests:
    """Every node with a probe connects to each virtual IP and each task, at the ports on which the tasks listen."""
    services = _services(facts)
    return {
        source: requests for source in facts.hosts for requests in [_requests_of(facts, services, source)] if requests
    }


def _requests_of(facts: Facts, services: list[Asked], source: str) -> list[dict[str, t.Any]]:
    ranked: list[tuple[int, str, dict[str, t.Any]]] = []
    for asked in services:
        if source not in _paths.asking(facts, asked.network["id"]):
            continue
        for rank, port in enumerate(asked.ports):
            if _workloads.complete(asked.service, asked.backends):
                request = _through(facts, asked, source, port)
                ranked.append((2 * min(rank, 1), request["id"], request))
            for backend in asked.backends:
                request = _straight(facts, asked, source, backend, port)
                ranked.append((2 * min(rank, 1) + 1, request["id"], request))
    return _workloads.share(facts, source, ranked, BUDGET)


def _through(facts: Facts, asked: Asked, source: str, port: int) -> dict[str, t.Any]:
    ends = {source, *(row.host for row in asked.backends)}
    useless = source in _paths.lacks(facts, "ip_vs") or _workloads.helpless(facts, asked.network, ends)
    return {
        "id": _ident(asked, port, "vip"),
        "kind": "connect",
        "address": asked.service["vips"][asked.network["id"]],
        "port": port,
        "count": min(AT_ONCE, 2 * len(asked.backends)),
        "patience": 0 if useless else facts.settings["convergence"],
    }


def _straight(facts: Facts, asked: Asked, source: str, backend: Backend, port: int) -> dict[str, t.Any]:
    useless = source != backend.host and _workloads.helpless(facts, asked.network, (source, backend.host))
    return {
        "id": _ident(asked, port, backend.task[:12]),
        "kind": "connect",
        "address": backend.addresses[asked.network["id"]],
        "port": port,
        "patience": 0 if useless else facts.settings["convergence"],
        **({"about": backend.container} if source == backend.host else {}),
    }


def _ident(asked: Asked, port: int, whom: str) -> str:
    return f"{ID}/{_requests.short(asked.network)}/{asked.service['id'][:12]}/{port}/{whom}"


def judge(facts: Facts) -> list[Result]:
    """One result a network when all is well; else one for each service that does not take connections."""
    results = []
    services = _services(facts)
    planned = {source: {row["id"] for row in _requests_of(facts, services, source)} for source in facts.hosts}
    for network in facts.networks:
        blocked = not_set_up(CHECK, facts, "probe", network["name"])
        mine = [asked for asked in services if asked.network is network]
        results += [blocked] if blocked else _judge(facts, network, mine, planned)
    return results


def _judge(facts: Facts, network: Network, services: list[Asked], planned: dict[str, set[str]]) -> list[Result]:
    name, hosts = network["name"], _paths.asking(facts, network["id"])
    if not hosts:
        return [result(CHECK, INCONCLUSIVE, "no-probe", "no probe runs on this network", network=name)]
    silent = [host for host in _paths.probed(facts, network["id"]) if host not in _workloads.told(facts)]
    listening = [asked for asked in services if asked.ports]
    if not listening:
        if silent:
            return [
                result(CHECK, INCONCLUSIVE, "not-told", f"nothing told on {listed(silent)}", network=name, nodes=silent)
            ]
        text = "no service of people's with a virtual IP listens on TCP here"
        return [result(CHECK, SKIP, "nothing-listens", text, network=name)]
    mute: set[str] = set()
    found, moved, tried, left = [], [], 0, 0
    for asked in listening:
        if not _workloads.steady(facts, asked.service):
            moved.append(asked.service["name"])
            continue
        seen = _Seen(facts, asked, hosts, planned)
        tried, left, mute = tried + seen.tried, left + seen.left, mute | seen.mute
        bad = seen.result()
        if bad:
            found.append(bad)
    if mute and not found:
        nodes = sorted(mute)
        return [
            result(
                CHECK, INCONCLUSIVE, "no-observation", f"no observation from {listed(nodes)}", network=name, nodes=nodes
            )
        ]
    if found:
        return found
    if not tried and left:
        return [result(CHECK, SKIP, "left-for-later", f"{left} requests were left for other runs", network=name)]
    if not tried:
        text = f"every service changed while it was asked: {listed(moved, 3)}"
        return [result(CHECK, SKIP, "names-moved", text, network=name)]
    text = f"{count(tried, 'way')} to {count(len(listening) - len(moved), 'service')} from {count(len(hosts), 'node')}"
    text += f"; {left} more were left for other runs" if left else ""
    text += f"; {listed(moved, 3)} changed meanwhile" if moved else ""
    details = {"services": {asked.service["name"]: asked.ports for asked in listening}, "not_asked": left}
    return [result(CHECK, PASS, "ok", text, network=name, nodes=hosts, details=details)]


class _Seen:
    """What all nodes saw of one service."""

    def __init__(self, facts: Facts, asked: Asked, hosts: list[str], planned: dict[str, set[str]]) -> None:
        self.facts, self.asked, self.hosts = facts, asked, hosts
        self.tried, self.left = 0, 0
        self.mute: set[str] = set()
        self.straight: dict[tuple[str, str, int], str | None] = {}  # (source, task, port) -> the error, None without
        self.through: dict[tuple[str, int], str] = {}  # (source, port) -> the error
        for source in hosts:
            for port in asked.ports:
                self._look(source, port, planned[source])

    def _look(self, source: str, port: int, planned: set[str]) -> None:
        listening = [row for row in self.asked.backends if _workloads.still_listens(self.facts, row, port)]
        complete = _workloads.complete(self.asked.service, self.asked.backends)
        whole = complete and len(listening) == len(self.asked.backends)
        for backend in self.asked.backends:
            seen = self._one(source, _ident(self.asked, port, backend.task[:12]), planned)
            if seen and backend in listening:
                self.straight[source, backend.task, port] = None if seen["ok"] else _paths.problem(seen)
        seen = self._one(source, _ident(self.asked, port, "vip"), planned) if complete else None
        if seen and whole and not seen["ok"]:
            self.through[source, port] = (
                f"{_paths.problem(seen)}, {seen.get('answered', 0)} of {seen.get('count', 1)} opened"
            )

    def _one(self, source: str, ident: str, planned: set[str]) -> dict[str, t.Any] | None:
        if ident not in planned:
            self.left += 1
            return None
        seen = _paths.seen(self.facts, source, ident)
        if seen is None:
            self.mute.add(source)
        else:
            self.tried += 1
        return seen

    def result(self) -> Result | None:
        """The result of the service, None when nothing is wrong with it."""
        lost = {key: error for key, error in self.straight.items() if error}
        if lost:
            return self._lost(lost)
        return self._virtual() if self.through else None

    def _lost(self, lost: dict[tuple[str, str, int], str]) -> Result:
        by_task = {row.task: row for row in self.asked.backends}
        deaf = sorted({task for _source, task, port in lost if self._deaf(task, port)})
        pairs = {(source, by_task[task].host) for source, task, _port in lost if task not in deaf}
        crossing = [pair for pair in pairs if pair[0] != pair[1]]
        nodes = sorted({by_task[task].host for task in deaf} | set(blame(crossing)) | {a for a, b in pairs if a == b})
        rows = [
            f"{by_task[task].name} on {by_task[task].host} at port {port} asked by {source}: {error}"
            for (source, task, port), error in sorted(lost.items())
        ]
        return result(
            CHECK,
            FAIL,
            "service-unreached",
            listed(rows, 2),
            network=self.asked.network["name"],
            service=self.asked.service["name"],
            nodes=nodes,
            hint=DEAF if deaf else HINT,
            details={
                "failed": rows,
                "deaf": [self._told(by_task[task]) for task in deaf],
                "ways": sorted(
                    [[source, by_task[task].host, by_task[task].name] for source, task in {key[:2] for key in lost}]
                ),
            },
        )

    def _deaf(self, task: str, port: int) -> bool:
        """Whether no node reaches the task at the port, its own included."""
        seen = {
            source: error for (source, whom, number), error in self.straight.items() if (whom, number) == (task, port)
        }
        host = next(row.host for row in self.asked.backends if row.task == task)
        return host in seen and all(seen.values())

    def _told(self, backend: Backend) -> dict[str, t.Any]:
        row = next(row for row in _workloads.of(self.facts, backend.host) if row["id"] == backend.container)
        waiting = (_workloads.again(self.facts, backend.host, backend.container) or {}).get("waiting") or {}
        odd = dp_task.odd(self.facts, self.asked.network, backend.host, row)
        odd += [f"{number} connections wait at port {port} for the program" for port, number in sorted(waiting.items())]
        return {"task": backend.name, "node": backend.host, "inside": odd}

    def _virtual(self) -> Result:
        """Each task answers by itself, and the virtual IP does not."""
        rows = [f"port {port} asked by {source}: {error}" for (source, port), error in sorted(self.through.items())]
        nodes = sorted({source for source, _port in self.through})
        lacking = _paths.lacks(self.facts, "ip_vs")
        hint = dp_matrix.NO_IPVS % listed(lacking) if lacking and set(nodes) <= set(lacking) else VIRTUAL
        vip = self.asked.service["vips"][self.asked.network["id"]]
        return result(
            CHECK,
            FAIL,
            "virtual-ip-silent",
            f"{vip}, {listed(rows, 2)}; each task answers by itself",
            network=self.asked.network["name"],
            service=self.asked.service["name"],
            nodes=nodes,
            hint=hint,
            details={"failed": rows, "sources": nodes},
        )
