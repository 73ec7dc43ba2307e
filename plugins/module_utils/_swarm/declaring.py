# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Role, availability and labels of nodes, declared on one of the swarm's managers."""

from __future__ import annotations

import typing as t

from .._engine.sdk import APIClient, EngineError, NotFound, Refused, wait_until
from .._engine.transport import Raw
from .._terms import MAINTENANCE_LABEL
from . import leaving
from .maintenance import tidy_all
from .raft import demote, is_leaderless, led, update

READY = "ready"


def declare(
    client: APIClient, own: str, nodes: list[dict[str, t.Any]], timeout: int, check_mode: bool
) -> dict[str, t.Any]:
    """Declare the nodes and return the module's result. Promotions come before demotions.

    Raises EngineError when the node itself is to become a worker, or a node is not ready within ``timeout`` seconds.
    """
    found = {entry["id"]: _inspect(client, entry["id"]) for entry in nodes}
    changes = {entry["id"]: spec for entry in nodes if (spec := changed(found[entry["id"]]["Spec"], entry)) is not None}
    if any(
        node_id == own and spec["Role"] == "worker" != found[node_id]["Spec"]["Role"]
        for node_id, spec in changes.items()
    ):
        raise EngineError(
            "This node is to become a worker, and a manager cannot demote itself here. Run the task on a manager that stays (delegate_to)."
        )
    if not check_mode:
        _await_ready(client, [entry["id"] for entry in nodes], timeout)
        for entry in sorted(nodes, key=lambda entry: entry.get("role") == "worker"):  # otherwise in the given order
            if entry["id"] in changes:
                _apply(client, found[entry["id"]], entry, timeout)
        if any(MAINTENANCE_LABEL in (entry.get("remove_labels") or ()) for entry in nodes):
            tidy_all(client)
    return {
        "changed": bool(changes),
        "nodes": [
            {"id": node_id, "name": leaving.hostname(node), "up": leaving.is_up(node)}
            for node_id, node in found.items()
        ],
        "diff": {
            "before": "".join(line(found[node_id], found[node_id]["Spec"]) for node_id in changes),
            "after": "".join(line(found[node_id], spec) for node_id, spec in changes.items()),
        },
    }


def changed(spec: t.Mapping[str, t.Any], entry: t.Mapping[str, t.Any]) -> dict[str, t.Any] | None:
    """The node's specification as declared, or None when nothing differs."""
    labels = {**(spec.get("Labels") or {}), **(entry.get("labels") or {})}
    for key in entry.get("remove_labels") or ():
        labels.pop(key, None)
    wanted = dict(
        spec,
        Labels=labels,
        Role=entry.get("role") or spec["Role"],
        Availability=entry.get("availability") or spec["Availability"],
    )
    return None if wanted == dict(spec, Labels=spec.get("Labels") or {}) else wanted


def line(node: Raw, spec: t.Mapping[str, t.Any]) -> str:
    """A node's line in a diff."""
    labels = "".join(f", {key}={value}" for key, value in sorted((spec.get("Labels") or {}).items()))
    return f"{leaving.hostname(node)} ({node['ID']}): {spec['Role']}, {spec['Availability']}{labels}\n"


def _apply(client: APIClient, node: Raw, entry: t.Mapping[str, t.Any], timeout: int) -> None:
    """Change one node. A change of role is waited for, because the next one needs a majority that counts this node."""
    update(client, node["ID"], lambda spec: changed(spec, entry) or spec)
    before, wanted = node["Spec"]["Role"], entry.get("role") or node["Spec"]["Role"]
    if before != wanted == "worker":
        demote(client, node)
    elif before != wanted:
        _await_manager(client, node, timeout)


def _await_manager(client: APIClient, node: Raw, timeout: int) -> None:
    def look() -> tuple[bool, str]:
        manager = led(lambda: client.inspect_node(node["ID"])).get("ManagerStatus") or {}
        return manager.get("Reachability") == "reachable", manager.get("Reachability") or "no manager yet"

    waited = wait_until(look, timeout)
    if not waited.done:
        raise EngineError(
            f"{leaving.hostname(node)} did not become a manager within {timeout} s: it is {waited.seen}. Open 2377/tcp from all nodes to it, see its"
            " engine's log, and run this again."
        )


def _await_ready(client: APIClient, ids: list[str], timeout: int) -> None:
    def look() -> tuple[bool, list[str]]:
        nodes = [node for node in led(client.nodes) if node["ID"] in ids and not leaving.is_up(node)]
        return not nodes, [_state(node) for node in nodes]

    waited = wait_until(look, timeout)
    if not waited.done:
        raise EngineError(
            f"Not ready after {timeout} s: {'; '.join(waited.seen)}. See the log of Docker Engine there, and run this again."
        )


def _state(node: Raw) -> str:
    status = node.get("Status") or {}
    message = status.get("Message") or "no reason given"
    return f'{leaving.hostname(node)} ({node["ID"]}), which the swarm calls "{status.get("State")}" ({message})'


def _inspect(client: APIClient, node_id: str) -> dict[str, t.Any]:
    try:
        return led(lambda: client.inspect_node(node_id))
    except NotFound as error:
        raise EngineError(f"The swarm has no node {node_id}. Nothing was changed.") from error
    except Refused as error:
        if not is_leaderless(error):
            raise
        raise EngineError(
            "The managers of the swarm have no majority, so the swarm cannot be changed. Start the managers that are down."
        ) from error
