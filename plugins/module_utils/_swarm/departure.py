# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Remove nodes from a swarm on one of its managers: drain, wait, demote one by one, remove."""

from __future__ import annotations

import functools
import typing as t

from .._engine.sdk import APIClient, EngineError, NotFound, Refused, require_manager, wait_until
from .._engine.transport import Raw
from . import leaving
from .maintenance import tidy_all
from .raft import demote, is_leaderless, led, update


def depart(
    client: APIClient,
    names: list[str],
    state: str,
    timeout: int,
    check_mode: bool,
    labels: t.Mapping[str, dict[str, str]] | None = None,
) -> dict[str, t.Any]:
    """Reach ``state`` for the nodes in ``names`` and return the module's result.

    ``labels``: of drained nodes, by id.
    """
    info = require_manager(client)
    try:
        return _depart(client, info["Swarm"]["NodeID"], names, state, timeout, check_mode, labels or {})
    except Refused as error:
        if not is_leaderless(error):
            raise
        raise EngineError(
            "The managers of the swarm have no majority, so the swarm cannot be changed. Start the managers that"
            " are down (for a lab: ask for as many nodes as it had), then run this again."
        ) from error


def _depart(
    client: APIClient,
    own: str,
    names: list[str],
    state: str,
    timeout: int,
    check_mode: bool,
    labels: t.Mapping[str, dict[str, str]],
) -> dict[str, t.Any]:
    found = leaving.find(led(client.nodes), names)
    ambiguous = leaving.ambiguous(found, names)
    if ambiguous:
        raise EngineError(
            f"Several nodes have the same host name: {ambiguous}. Give the node's id. Nothing was changed."
        )
    if any(node["ID"] == own for node in found):
        raise EngineError("This node is to leave. Run the task on a manager that stays (delegate_to).")
    before = [_line(node) for node in found]
    draining = [node for node in found if not _is_drained(labels.get(node["ID"], {}), node["Spec"])]
    managers = leaving.dead_first([node for node in found if leaving.is_manager(node)])
    removing = found if state == "absent" else []
    seconds = 0.0
    if not check_mode:
        for node in draining:
            update(client, node["ID"], functools.partial(_drained, labels.get(node["ID"], {})))
        seconds = _wait_for_tasks(client, names, timeout) if found else 0.0
        for node in managers:
            demote(client, node)
        for node in removing:
            _remove(client, node["ID"])
        if removing:
            tidy_all(client)
    after = [] if removing else [_line(node, drained=True) for node in found]
    return {
        "changed": bool(draining or managers or removing),
        "nodes": [
            _member(node) for node in (found if check_mode or removing else leaving.find(led(client.nodes), names))
        ],
        "seconds": seconds,
        "diff": {"before": "".join(before), "after": "".join(after)},
    }


def _is_drained(labels: t.Mapping[str, str], spec: Raw) -> bool:
    """Whether the node is drained and has these labels: one that was drained before has none of ours, and is not found again once it has left."""
    has = spec.get("Labels") or {}
    return bool(spec["Availability"] == "drain") and all(has.get(key) == value for key, value in labels.items())


def _drained(labels: t.Mapping[str, str], spec: Raw) -> Raw:
    """A node's specification with availability drain and these labels in addition to its own."""
    return dict(spec, Availability="drain", Labels={**(spec.get("Labels") or {}), **labels})


def _member(node: Raw) -> dict[str, t.Any]:
    return {"id": node["ID"], "name": leaving.hostname(node), "up": leaving.is_up(node)}


def _line(node: Raw, drained: bool = False) -> str:
    role, availability = ("worker", "drain") if drained else (node["Spec"]["Role"], node["Spec"]["Availability"])
    return f"{leaving.hostname(node)} ({node['ID']}): {role}, {availability}\n"


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
            " still in the swarm. Allow their services on other nodes, remove these services, wait longer, or do not"
            " wait at all (timeout 0; role swarm: swarm_leave_timeout). Then run this again.",
            waiting=waited.seen,
        )
    return waited.seconds


def _remove(client: APIClient, node_id: str) -> None:
    try:
        # Its tasks are gone, so it need not have left the swarm itself.
        led(lambda: client.remove_node(node_id, force=True))
    except NotFound:
        return
