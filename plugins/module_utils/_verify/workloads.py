# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""People's own tasks and attached containers on this node: where they are, where they listen, what they have inside.

Private to swarmlab.overlay. Nothing here changes them. One child process visits all their network namespaces.
"""

from __future__ import annotations

import fnmatch
import hashlib
import os
import typing as t

from .._engine.client import Engine
from .._engine.transport import Raw
from .._host import parse_nameservers
from .._probe import interior, netns, sockets, standstill
from .._terms import RUN_LABEL
from . import local, shapes

INGRESS = "ingress"
TASK, SERVICE, SERVICE_NAME = (f"com.docker.swarm.{part}" for part in ("task.id", "service.id", "service.name"))
NATIVE = (
    "",
    "runc",
    "crun",
    "youki",
    "io.containerd.runc.v2",
)  # runtimes whose containers use the host's network stack
LIMIT = 64  # containers of a node that are looked into
DOUBTFUL = 6  # of them whose rules are listed, which starts programs
SECONDS = 15  # for a visit to all of them
QUICK = 0.3  # seconds, for a connection inside one namespace
PROBE = "probe"  # the id of the run's own probe among them


def belongs(container: Raw, patterns: t.Sequence[str]) -> bool:
    """Whether a container is people's, and is on a network that is asked for; tasks on ingress count too. Pure."""
    labels = container.get("Labels") or {}
    if RUN_LABEL in labels:
        return False
    networks = ((container.get("NetworkSettings") or {}).get("Networks") or {}).items()
    return any(
        (name == INGRESS and SERVICE in labels) or any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
        for name, endpoint in networks
        if name != INGRESS or SERVICE in labels
    )


def chosen(containers: list[Raw], run: str, limit: int = LIMIT) -> list[Raw]:
    """At most so many containers: of each service one before the second of any, and others in every run. Pure."""
    place: dict[str, int] = {}
    ranked: list[tuple[int, int, Raw]] = []
    for container in sorted(containers, key=lambda row: hashlib.sha256(f"{run}/{row['Id']}".encode()).digest()):
        owner = (container.get("Labels") or {}).get(SERVICE) or container["Id"]
        place[owner] = place.get(owner, 0) + 1
        ranked.append((place[owner], len(ranked), container))
    return [container for dummy, _number, container in sorted(ranked, key=lambda row: row[:2])[:limit]]


def describe(container: Raw, told: Raw) -> shapes.Workload | None:
    """A container as the checks want it; None for one without a network namespace that its programs use. Pure."""
    settings, labels = told["NetworkSettings"], container.get("Labels") or {}
    if not settings.get("SandboxKey") or ((told.get("HostConfig") or {}).get("Runtime") or "") not in NATIVE:
        return None
    return {
        "id": container["Id"][:12],
        "name": str(told.get("Name") or container["Id"][:12]).lstrip("/"),
        "service": labels.get(SERVICE_NAME),
        "task": labels.get(TASK),
        "namespace": settings["SandboxKey"],
        "networks": {
            str(endpoint["NetworkID"]): str(endpoint["IPAddress"])
            for endpoint in (settings.get("Networks") or {}).values()
            if endpoint.get("NetworkID") and endpoint.get("IPAddress")
        },
        "ports": {},
        "resolvers": None,
        "pid": told["State"]["Pid"],
        "life": None,
    }


def found(engine: Engine, run: str, patterns: t.Sequence[str]) -> shapes.Workloads:
    """People's containers on the networks that are asked for, with the TCP ports on which they listen."""
    mine = [row for row in engine.containers({"status": ["running", "paused"]}) if belongs(row, patterns)]
    rows: list[shapes.Workload] = []
    for container in chosen(mine, run):
        told = engine.glimpse(container["Id"])
        row = describe(container, told) if told else None
        if told and row:
            row["resolvers"] = _resolvers(told)
            row["life"] = standstill.look(row["pid"])
            rows.append(row)
    places = {row["id"]: row["networks"] for row in rows}
    ports = _visit({row["id"]: row["namespace"] for row in rows}, lambda ident: _ports(places[ident]))
    for row in rows:
        row["ports"] = ports.get(row["id"]) or {}
    return {"number": len(mine), "rows": rows}


def _resolvers(told: Raw) -> list[str] | None:
    if any(mount.get("Destination") == interior.RESOLVER_FILE for mount in told.get("Mounts") or []):
        return None
    text = interior.resolver_file(told["State"]["Pid"])
    return None if text is None else parse_nameservers(text)


def _ports(networks: dict[str, str]) -> dict[str, list[int]]:
    """The ports of the present namespace that take IPv4. Where the kernel does not tell, a connection from inside does."""
    rows, addresses = interior.sockets_here(), sorted(networks.values())
    unsure = interior.only_ipv6(rows, addresses)
    refused = {port for port in unsure if addresses and sockets.connect(addresses[0], port, QUICK) == sockets.REFUSED}
    places = {"": [], **{network: [address] for network, address in networks.items()}}
    return {
        network: [port for port in interior.reachable(rows, mine) if port not in refused]
        for network, mine in places.items()
    }


T = t.TypeVar("T")


def _visit(namespaces: dict[str, str], look: t.Callable[[str], T]) -> dict[str, T]:
    """What ``look`` finds in each namespace, by the container's id; one that has gone is left out."""

    def visit() -> dict[str, T]:
        seen = {}
        for ident, namespace in namespaces.items():
            try:
                netns.enter(namespace)
            except OSError:
                continue
            seen[ident] = look(ident)
        return seen

    if not namespaces:
        return {}
    try:
        return netns.call(local.HOST_NAMESPACE, visit, SECONDS)
    except netns.ProbeError:
        return {}


def look_again(looks: t.Sequence[shapes.Look], failed: t.Collection[str]) -> dict[str, shapes.Looked]:
    """Ports, interior and processes of each container by its id, and its rules where one of its requests failed.

    ``failed``: ids of requests.
    """
    places = {row["id"]: row["namespace"] for row in looks if os.path.exists(row["namespace"])}
    seen = _visit(places, lambda _ident: _look())
    for row in looks:
        if row["id"] in seen and row["pid"]:
            seen[row["id"]]["life"] = standstill.look(row["pid"])
    doubtful = [row["id"] for row in looks if set(row["requests"]) & set(failed)][:DOUBTFUL]
    if doubtful:
        closer = {ident: places[ident] for ident in [*doubtful, PROBE] if ident in places}
        for ident, closely in _visit(closer, lambda _ident: interior.closely()).items():
            if ident in seen:
                seen[ident]["closely"] = closely
    return seen


def _look() -> shapes.Looked:
    rows = interior.sockets_here()
    return {
        "ports": sorted({row["port"] for row in rows}),
        "waiting": {str(row["port"]): row["waiting"] for row in rows if row["waiting"]},
        "interior": interior.look(),
    }
