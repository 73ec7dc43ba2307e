# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node knows of the swarm at this moment: its networks, which of them it holds, the lesson's containers and tasks.

Private to swarmlab.overlay. Reads only.
"""

from __future__ import annotations

import os
import typing as t

from .._engine.client import Engine, NotFound
from .._engine.transport import Raw
from .._host import read_text
from .._probe import certificate, overlay
from .._terms import DATA_PATH_PORT, LESSON_LABEL
from . import shapes

MOUNTS = "/proc/self/mountinfo"
NAMESPACES = "/var/run/docker/netns"
VNI_OPTION = "com.docker.network.driver.overlay.vxlanid_list"
SERVICE_NAME = "com.docker.swarm.service.name"


def look(engine: Engine) -> shapes.Look:
    """The node at this moment."""
    info = engine.info()
    swarm = info["Swarm"]
    manager = bool(swarm.get("ControlAvailable"))
    listed = engine.networks()
    containers = list(_containers(engine))
    held = overlay.overlays(_namespaces(containers))
    return {
        "node": swarm.get("NodeID") or "",
        "hostname": info.get("Name") or "",
        "role": "manager" if manager else "worker",
        "engine": info.get("ServerVersion") or "",
        "networks": sorted((_network(row, held) for row in listed), key=lambda row: row["name"]),
        "containers": sorted((_container(row) for row in containers), key=lambda row: row["name"]),
        "swarm": _swarm(engine, swarm, listed) if manager else None,
    }


def _namespaces(containers: list[Raw]) -> str:
    """The folder of the engine's network namespaces: it is where those of its containers are, or the only one there is."""
    for found in containers:
        key: str = found["NetworkSettings"]["SandboxKey"]
        if key:
            return os.path.dirname(key)
    there = overlay.mounted(read_text(MOUNTS))
    return there[0] if len(there) == 1 else NAMESPACES


def _network(row: Raw, held: list[str]) -> shapes.KnownNetwork:
    return {
        "id": row["Id"],
        "name": row["Name"],
        "driver": row["Driver"],
        "scope": row["Scope"],
        "ours": LESSON_LABEL in (row.get("Labels") or {}),
        "encrypted": "encrypted" in (row.get("Options") or {}),
        "held": row["Id"][:10] in held,
    }


def _containers(engine: Engine) -> t.Iterator[Raw]:
    for found in engine.containers({"label": LESSON_LABEL, "status": "running"}):
        try:
            yield engine.inspect_container(found["Id"])
        except NotFound:
            continue


def _container(row: Raw) -> shapes.Container:
    networks = row["NetworkSettings"]["Networks"] or {}
    return {
        "id": row["Id"],
        "name": row["Name"].lstrip("/"),
        "service": (row["Config"].get("Labels") or {}).get(SERVICE_NAME, ""),
        "networks": {name: found.get("IPAddress") or "" for name, found in sorted(networks.items())},
    }


def _swarm(engine: Engine, told: Raw, networks: list[Raw]) -> shapes.Swarm:
    cluster = told.get("Cluster") or {}
    members = [_member(row) for row in engine.nodes()]
    services = engine.services()
    ours = {row["ID"]: row["Spec"]["Name"] for row in services if _is_ours(row)}
    return {
        "leader": any(row["leader"] and row["id"] == told.get("NodeID") for row in members),
        "members": sorted(members, key=lambda row: row["hostname"]),
        "services": [{"id": row["ID"], "name": row["Spec"]["Name"], "ours": row["ID"] in ours} for row in services],
        "tasks": sorted(_tasks(engine, ours), key=lambda row: (row["service"], row["slot"], row["node"])),
        "trust_root": certificate.roots_digest((cluster.get("TLSInfo") or {}).get("TrustRoot") or ""),
        "data_port": cluster.get("DataPathPort") or DATA_PATH_PORT,
        "vnis": {row["Name"]: int(vni) for row in networks for vni in [_vni(row)] if vni.isdigit()},
    }


def _is_ours(service: Raw) -> bool:
    return LESSON_LABEL in (service["Spec"].get("Labels") or {})


def _vni(network: Raw) -> str:
    return ((network.get("Options") or {}).get(VNI_OPTION) or "").partition(",")[0]


def _member(row: Raw) -> shapes.Member:
    description, status = row["Description"], row["Status"]
    return {
        "id": row["ID"],
        "hostname": description["Hostname"],
        "role": row["Spec"]["Role"],
        "state": status["State"],
        "availability": row["Spec"]["Availability"],
        "address": status.get("Addr") or "",
        "engine": (description.get("Engine") or {}).get("EngineVersion") or "",
        "leader": bool((row.get("ManagerStatus") or {}).get("Leader")),
        "trust_root": certificate.roots_digest((description.get("TLSInfo") or {}).get("TrustRoot") or ""),
    }


def _tasks(engine: Engine, ours: dict[str, str]) -> t.Iterator[shapes.Task]:
    for row in engine.tasks({"desired-state": "running"}) if ours else []:
        if row["ServiceID"] in ours and row["Status"]["State"] == "running":
            name, slot = ours[row["ServiceID"]], row.get("Slot") or 0
            yield {
                "id": row["ID"],
                "name": f"{name}.{slot or row['NodeID']}.{row['ID']}",
                "service": name,
                "node": row["NodeID"],
                "slot": slot,
                "networks": {
                    found["Network"]["Spec"]["Name"]: (found.get("Addresses") or [""])[0].partition("/")[0]
                    for found in row.get("NetworksAttachments") or []
                },
            }
