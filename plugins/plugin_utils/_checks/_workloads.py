# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Code shared by the checks of people's own services, tasks and containers. Pure.

Private to swarmlab.overlay.
"""

from __future__ import annotations

import hashlib
import typing as t

from .._facts.model import Facts, Network
from . import _paths, _resolving

INSIDE = "inside/"  # the place of a request that is made from a container's own namespace
PROBE = "probe"  # the run's own probe among a node's containers


class Backend(t.NamedTuple):
    """A running task of a service, on a host of the play. ``ports``: where it takes TCP, by network ("": at any address)."""

    task: str
    host: str
    container: str
    name: str
    addresses: t.Mapping[str, str]  # by network
    ports: t.Mapping[str, list[int]]


def of(facts: Facts, host: str) -> list[dict[str, t.Any]]:
    """The containers of a host that were looked into, of the selected services."""
    rows = (facts.opened.get(host, {}).get("workloads") or {}).get("rows") or []
    every = "*" in (facts.settings.get("services") or ["*"])
    return [row for row in rows if (_resolving.selected(facts, row["service"]) if row["service"] else every)]


def left_out(facts: Facts) -> int:
    """The number of containers on all hosts that were not looked into, because there are too many."""
    told = [data.get("workloads") or {"number": 0, "rows": []} for data in facts.opened.values()]
    return sum(max(0, row["number"] - len(row["rows"])) for row in told)


def told(facts: Facts) -> list[str]:
    """The hosts that told of their containers."""
    return [host for host in facts.hosts if "workloads" in facts.opened.get(host, {})]


def again(facts: Facts, host: str, container: str) -> dict[str, t.Any] | None:
    """What the second look found in a container; None when it has gone, or was not looked into."""
    found: dict[str, t.Any] | None = (facts.probed.get(host, {}).get("workloads") or {}).get(container)
    return found


def inside(facts: Facts, host: str, where: str) -> str | None:
    """The path of the namespace that a request's place means, None for another kind of place."""
    if not where.startswith(INSIDE):
        return None
    return next((row["namespace"] for row in of(facts, host) if row["id"] == where[len(INSIDE) :]), None)


def selected(facts: Facts) -> list[dict[str, t.Any]]:
    """People's services that were chosen."""
    return [service for service in facts.services if _resolving.selected(facts, service["name"])]


def hosts(facts: Facts) -> dict[str, str]:
    """Node id -> host."""
    return {node["id"]: host for host, node in facts.nodes.items()}


def backends(facts: Facts) -> dict[str, list[Backend]]:
    """Service id -> its running tasks that a host of the play has looked into."""
    places = {row["task"]: (host, row) for host in facts.opened for row in of(facts, host) if row["task"]}
    found: dict[str, list[Backend]] = {}
    for service in selected(facts):
        for task in service["tasks"]:
            if task["id"] in places:
                host, row = places[task["id"]]
                addresses = {**row["networks"], **task["addresses"]}
                backend = Backend(task["id"], host, row["id"], named(row), addresses, row["ports"])
                found.setdefault(service["id"], []).append(backend)
    return found


def named(row: t.Mapping[str, t.Any]) -> str:
    """The name of a container as people know it: 'web.1' of a task, 'web' where the rest is a node's id."""
    parts = str(row["name"]).split(".") if row["task"] else []
    if len(parts) < 3 or parts[-1] != row["task"]:
        return str(row["name"])
    return ".".join(parts[:-1] if parts[-2].isdigit() else parts[:-2])


def common(rows: list[Backend], network: str) -> list[int]:
    """The ports on which every one of these tasks takes TCP on the network."""
    return sorted(set.intersection(*(set(row.ports.get(network) or []) for row in rows))) if rows else []


def complete(service: dict[str, t.Any], rows: list[Backend]) -> bool:
    """Whether every running task of the service was looked into. Else a connection may meet one of which nothing is known."""
    return len(rows) == len(service["tasks"])


def steady(facts: Facts, service: dict[str, t.Any]) -> bool:
    """Whether the service had the same tasks at the end of the run."""
    return facts.serving is None or facts.serving.get(service["id"]) == sorted(task["id"] for task in service["tasks"])


def still_listens(facts: Facts, backend: Backend, port: int) -> bool:
    """Whether the second look found the port too. A container that has gone listens no more."""
    seen = again(facts, backend.host, backend.container)
    return bool(seen) and port in (seen or {})["ports"]


def share(
    facts: Facts, source: str, ranked: list[tuple[int, str, dict[str, t.Any]]], limit: int
) -> list[dict[str, t.Any]]:
    """At most so many of one host's (rank, key, request): the lowest ranks first, within one others in every run."""

    def place(row: tuple[int, str, dict[str, t.Any]]) -> tuple[int, str]:
        return row[0], hashlib.sha256(f"{facts.run}/{source}/{row[1]}".encode()).hexdigest()

    return [request for dummy, _key, request in sorted(ranked, key=place)[:limit]]


def helpless(facts: Facts, network: Network, pair: t.Collection[str]) -> bool:
    """Whether a kernel lacks what the path needs, so that waiting is useless."""
    return bool(network["encrypted"] and set(pair) & set(_paths.lacks_esp(facts)))
