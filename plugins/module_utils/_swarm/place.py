# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""A node's place in its swarm, as its engine reports it. A manager reports the swarm's members as well."""

from __future__ import annotations

import typing as t

from .._engine.client import Engine, Refused
from .._engine.transport import Raw, Waited, wait_until
from .._terms import DATA_PATH_PORT


class Member(t.TypedDict):
    """A node as a manager lists it."""

    id: str
    hostname: str
    role: str
    availability: str
    labels: dict[str, str]
    state: str
    message: str
    address: str
    leader: bool
    reachability: str
    manager_address: str


class Place(t.TypedDict):
    """The engine's swarm state, in the form that module swarm_info returns. ``managers``: addresses with ports."""

    state: str
    hostname: str
    node_id: str
    node_address: str
    manager: bool
    managers: list[str]
    manager_ids: list[str]
    swarm_id: str
    data_path_port: int | None
    members: list[Member] | None
    error: str


def ask(engine: Engine) -> Place:
    """This engine's place. Raises EngineError when it does not answer."""
    found = place(engine.info())
    if found["manager"]:
        try:
            found["members"] = [member(node) for node in engine.nodes()]
        except Refused as error:
            found["error"] = found["error"] or error.message
    return found


def ask_until(engine: Engine, fits: t.Callable[[Place], bool], seconds: float) -> Waited[Place]:
    """This engine's place, once it fits; after so many seconds as it is."""

    def look() -> tuple[bool, Place]:
        found = ask(engine)
        return fits(found), found

    return wait_until(look, seconds)


def ask_when_started(engine: Engine, seconds: float) -> Place:
    """This engine's place, once it knows it: an engine that has just started is pending for a while, even when it is locked.

    One whose swarm has no leader stays pending, and is waited for so many seconds.
    """
    return ask_until(engine, lambda found: found["state"] != "pending", seconds).seen


def place(info: Raw) -> Place:
    """The swarm state in /info. ``members`` is None: only a manager with a leader can list them."""
    swarm = info.get("Swarm") or {}
    remotes = swarm.get("RemoteManagers") or []
    cluster = swarm.get("Cluster") or {}
    state = swarm.get("LocalNodeState") or "inactive"
    return {
        "state": state,
        "hostname": info.get("Name") or "",
        "node_id": swarm.get("NodeID") or "",
        "node_address": swarm.get("NodeAddr") or "",
        "manager": bool(swarm.get("ControlAvailable")),
        "managers": sorted({remote.get("Addr") or "" for remote in remotes} - {""}),
        "manager_ids": sorted({remote.get("NodeID") or "" for remote in remotes} - {""}),
        "swarm_id": cluster.get("ID") or "",
        "data_path_port": (cluster.get("DataPathPort") or DATA_PATH_PORT) if cluster else None,
        "members": None,
        "error": swarm.get("Error") or "",
    }


def is_manager(found: Place) -> bool:
    """Whether a manager runs there. One that was started while its swarm has no leader stays pending. Pure."""
    return found["manager"] and found["state"] in ("active", "pending")


def member(node: Raw) -> Member:
    """A node in a manager's list. One that never finished its join has no description, and an empty host name."""
    spec, status = node.get("Spec") or {}, node.get("Status") or {}
    manager = node.get("ManagerStatus") or {}
    return {
        "id": node["ID"],
        "hostname": (node.get("Description") or {}).get("Hostname") or "",
        "role": spec.get("Role") or "worker",
        "availability": spec.get("Availability") or "active",
        "labels": dict(spec.get("Labels") or {}),
        "state": status.get("State") or "unknown",
        "message": status.get("Message") or "",
        "address": status.get("Addr") or "",
        "leader": bool(manager.get("Leader")),
        "reachability": manager.get("Reachability") or "",
        "manager_address": manager.get("Addr") or "",
    }


def standalone(containers: t.Iterable[Raw]) -> list[str]:
    """The names of the containers that are no tasks of services."""
    return sorted(
        next(iter(each.get("Names") or [each["Id"]])).lstrip("/")
        for each in containers
        if "com.docker.swarm.task.id" not in (each.get("Labels") or {})
    )
