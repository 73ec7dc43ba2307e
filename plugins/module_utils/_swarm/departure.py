# -*- coding: utf-8 -*-
# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Taking nodes out of a swarm, as one of its managers does it: drain, wait, demote one by one, remove."""

from __future__ import annotations

import time
import typing as t

from .._engine import APIClient, APIError, EngineError, NotFound, require_manager, retry_conflicts, wait_until
from . import leaving

DEMOTION_SECONDS = 120
ELECTION_SECONDS = 30
T = t.TypeVar("T")
LEADERLESS = ("does not have a leader", "no elected cluster leader", "context deadline exceeded")


def is_leaderless(error: Exception) -> bool:
    """Whether the managers could not answer because they have no leader just now, or no majority at all."""
    return any(words in str(error) for words in LEADERLESS)


def led(action: t.Callable[[], T], seconds: float = ELECTION_SECONDS) -> T:
    """The result of an action, which waits while the managers elect a leader: on a busy machine that happens by itself."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return action()
        except APIError as error:
            if not is_leaderless(error) or time.monotonic() >= deadline:
                raise
        time.sleep(0.5)


def depart(client: APIClient, names: list[str], state: str, timeout: int, check_mode: bool) -> dict[str, t.Any]:
    """Reach ``state`` for the nodes called ``names``; the module's result."""
    info = require_manager(client)
    try:
        return _depart(client, info["Swarm"]["NodeID"], names, state, timeout, check_mode)
    except APIError as error:
        if not is_leaderless(error):
            raise
        raise EngineError(
            "The managers of the swarm have no majority, so nothing about it can be changed. Start those of them that"
            " are down (for a lab: ask for as many nodes as it had), then run this again."
        ) from error


def _depart(
    client: APIClient, own: str, names: list[str], state: str, timeout: int, check_mode: bool
) -> dict[str, t.Any]:
    found = leaving.find(led(client.nodes), names)
    if any(node["ID"] == own for node in found):
        raise EngineError("This node is one of those that shall leave. Ask a manager that stays (delegate_to).")
    before = [_line(node) for node in found]
    draining = [node for node in found if node["Spec"]["Availability"] != "drain"]
    managers = leaving.dead_first([node for node in found if leaving.is_manager(node)])
    removing = found if state == "absent" else []
    seconds = 0.0
    if not check_mode:
        for node in draining:
            _update(client, node["ID"], Availability="drain")
        seconds = _wait_for_tasks(client, names, timeout) if found else 0.0
        for node in managers:
            _demote(client, node)
        for node in removing:
            _remove(client, node["ID"])
    after = [] if removing else [_line(node, drained=True) for node in found]
    return {
        "changed": bool(draining or managers or removing),
        "nodes": [_member(node) for node in (found if check_mode or removing else leaving.find(led(client.nodes), names))],
        "seconds": seconds,
        "diff": {"before": "".join(before), "after": "".join(after)},
    }


def _member(node: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {"id": node["ID"], "name": leaving.hostname(node), "up": leaving.is_up(node)}


def _line(node: t.Mapping[str, t.Any], drained: bool = False) -> str:
    role, availability = ("worker", "drain") if drained else (node["Spec"]["Role"], node["Spec"]["Availability"])
    return f"{leaving.hostname(node)} ({node['ID']}): {role}, {availability}\n"


def _update(client: APIClient, node_id: str, **changes: str) -> None:
    def action() -> None:
        node = client.inspect_node(node_id)
        client.update_node(node_id, node["Version"]["Index"], {**node["Spec"], **changes})

    led(lambda: retry_conflicts(action))


def _wait_for_tasks(client: APIClient, names: list[str], timeout: int) -> float:
    if timeout == 0:
        return 0.0

    def look() -> tuple[bool, list[str]]:
        nodes, services, tasks = led(lambda: (client.nodes(), client.services(), client.tasks()))
        waiting = leaving.unmoved(leaving.find(nodes, names), nodes, services, tasks)
        return not waiting, waiting

    waited = wait_until(look, timeout)
    if not waited.done:
        raise EngineError(
            f"After {timeout} s these tasks do not run elsewhere: {'; '.join(waited.seen)}. The nodes are drained and"
            " still in the swarm. Give their services a place on other nodes or remove them, or wait longer, or go on"
            " without waiting (timeout 0; role swarm: swarm_leave_timeout), and run this again.",
            waiting=waited.seen,
        )
    return waited.seconds


def _demote(client: APIClient, node: t.Mapping[str, t.Any]) -> None:
    """Make a worker of a manager, and wait until it has left the managers' raft: only then can the next one go."""
    if node["Spec"]["Role"] == "manager":
        _update(client, node["ID"], Role="worker")

    def look() -> tuple[bool, str]:
        try:
            return not client.inspect_node(node["ID"]).get("ManagerStatus"), "it is still a manager"
        except APIError as error:
            if not is_leaderless(error):  # a leader that is demoted hands over first
                raise
            return False, "the managers have no leader"

    waited = wait_until(look, DEMOTION_SECONDS)
    if not waited.done:
        raise EngineError(
            f"{leaving.hostname(node)} shall be a worker, and after {DEMOTION_SECONDS} s {waited.seen}. A manager stays"
            " one while the others would lose their majority without it: start managers that are down, then run this"
            " again."
        )


def _remove(client: APIClient, node_id: str) -> None:
    try:
        led(lambda: client.remove_node(node_id, force=True))  # its tasks are gone; whether it has said goodbye does not matter
    except NotFound:
        return
