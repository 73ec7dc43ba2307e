# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""One manager goes on alone where the majority is lost for ever, with what it knows."""

from __future__ import annotations

import typing as t

from .._engine.client import Engine, NotFound, Refused
from .._engine.transport import EngineError, wait_until
from .._host import split_port
from .._swarm import place
from . import halting, saving


def asked(settings: t.Mapping[str, t.Any], address: str) -> dict[str, t.Any]:
    """The engine's request for a forced new cluster: with its own addresses and ports, which cannot change by it. Pure."""
    advertise = settings.get("AdvertiseAddr") or address
    found: dict[str, t.Any] = {
        "ForceNewCluster": True,
        "ListenAddr": settings.get("ListenAddr") or "0.0.0.0:2377",
        "AdvertiseAddr": advertise,
        "DataPathAddr": split_port(settings.get("DataPathAddr") or "")[0],
        "DataPathPort": settings.get("DataPathPort") or 0,
        "Spec": {},
    }
    return {key: value for key, value in found.items() if value not in ("", 0)}


def force(engine: Engine, node_id: str, timeout: int, check_mode: bool) -> bool:
    """Make this manager the only one of its swarm, unless it speaks for it already. Whether that was, or would be, done."""
    wait_until(lambda: _begun(engine), timeout)  # an engine that was started a moment ago
    seen = saving.look(engine)
    now = seen["swarm"]
    name = now["hostname"]
    if now["node_id"] != node_id:
        raise EngineError(f"{name} is node {now['node_id'] or 'of no swarm'}, not {node_id}. Nothing was changed.")
    if now["members"] is not None:
        return False
    if seen["autolock"]:
        raise EngineError(
            f"{name} is a manager of a swarm with autolock. The engine loses such a swarm when a new cluster is forced: it does not keep the key."
            " Start a majority of the old managers, each at its own address, and unlock them (swarm_unlock_keys). A backup of a swarm with one"
            " manager can be restored. Nothing was changed."
        )
    if not place.is_manager(now):
        raise EngineError(
            f"{name} is not a running manager (its engine says: {now['error'] or now['state']}). Nothing was changed."
        )
    if check_mode:
        return True
    try:
        engine.within(timeout).call("POST", "/swarm/init", body=asked(seen["settings"], now["node_address"]))
    except Refused as error:
        raise EngineError(
            f"{name} could not continue alone. The engine says: {error.message}. Run this again."
        ) from error
    leads(engine, node_id, timeout)
    return True


def _begun(engine: Engine) -> tuple[bool, str]:
    now = place.place(engine.info())
    return now["manager"] or now["state"] != "pending", now["state"]


def leads(engine: Engine, node_id: str, timeout: int) -> place.Place:
    """Wait until this node leads its swarm; its place."""

    def look() -> tuple[bool, place.Place]:
        seen = place.ask(engine)
        mine = [member for member in seen["members"] or [] if member["id"] == node_id]
        return any(member["leader"] and member["state"] == "ready" for member in mine), seen

    waited = wait_until(look, timeout)
    if not waited.done:
        told = waited.seen["error"] or waited.seen["state"]
        raise EngineError(
            f"{waited.seen['hostname']} does not lead its swarm after {timeout} s (its engine says: {told}). See the engine's log, and run this again."
        )
    return waited.seen


def lost(members: t.Iterable[place.Member], node_id: str) -> list[place.Member]:
    """The entries of former managers: their role says so, and the managers' raft does not know them any more. Pure."""
    return [
        member
        for member in members
        if member["role"] == "manager" and member["id"] != node_id and not member["reachability"]
    ]


def settle(engine: Engine, way: halting.Way, node_id: str, check_mode: bool) -> list[str]:
    """Restart the engine, as a forced new cluster needs it, and remove the entries of lost managers; their ids.

    Where there is no such entry, nothing is left to be done.
    """
    gone = lost(leads(engine, node_id, way.timeout)["members"] or [], node_id)
    if not gone or check_mode:
        return [member["id"] for member in gone]
    with halting.halted(way, engine.docker_host, "active"):
        pass
    gone = lost(leads(engine, node_id, way.timeout)["members"] or [], node_id)
    for member in gone:
        try:
            engine.call("DELETE", f"/nodes/{member['id']}", {"force": "true"})
        except NotFound:
            continue
        except Refused as error:
            raise EngineError(
                f"{member['hostname'] or member['id']} cannot be removed from the list. The engine says: {error.message}. Run this again."
            ) from error
    return [member["id"] for member in gone]
