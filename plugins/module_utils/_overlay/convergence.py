# -*- coding: utf-8 -*-
# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Whether services have converged, and what they wait for if not. Pure."""

from __future__ import annotations

import typing as t

from .users import LIVING_STATES

UNFINISHED_UPDATES = ("updating", "rollback_started")
STUCK_UPDATES = ("paused", "rollback_paused")

Raw = t.Mapping[str, t.Any]


def waiting_for(service: Raw, current: list[dict], history: list[dict], nodes: list[dict]) -> list[str]:
    """What the service still waits for, in words; empty when it has converged.

    C(current) are its tasks that are up to date with its specification, C(history) all its tasks.
    """
    found = _missing_tasks(service, current, history, nodes)
    update = service.get("UpdateStatus") or {}
    if update.get("State") in UNFINISHED_UPDATES + STUCK_UPDATES:
        name = service["Spec"]["Name"]
        found.insert(0, f"{name}: update is {update['State']}: {update.get('Message') or 'no message'}")
    return found


def is_stuck(service: Raw) -> bool:
    """Whether an update has stopped by itself: waiting does not help."""
    return (service.get("UpdateStatus") or {}).get("State") in STUCK_UPDATES


def eligible_nodes(service: Raw, nodes: list[dict]) -> list[dict]:
    """The nodes that a global service shall have a task on."""
    constraints = ((service["Spec"].get("TaskTemplate") or {}).get("Placement") or {}).get("Constraints") or []
    return [
        node
        for node in nodes
        if (node.get("Status") or {}).get("State") == "ready"
        and (node.get("Spec") or {}).get("Availability") == "active"
        and all(satisfies(node, constraint) for constraint in constraints)
    ]


def satisfies(node: Raw, constraint: str) -> bool:
    """Whether a node meets a constraint; one on something we do not know is left to the swarm's judgement."""
    for operator in ("==", "!="):
        key, found, value = constraint.partition(operator)
        if found:
            actual = _property(node, key.strip())
            return actual is None or (actual.lower() == value.strip().lower()) == (operator == "==")
    return True


def _property(node: Raw, key: str) -> str | None:
    spec, description = node.get("Spec") or {}, node.get("Description") or {}
    known = {
        "node.id": node.get("ID") or "",
        "node.hostname": description.get("Hostname") or "",
        "node.role": spec.get("Role") or "",
    }
    if key.startswith("node.labels."):
        return (spec.get("Labels") or {}).get(key[len("node.labels."):], "")
    if key.startswith("engine.labels."):
        return ((description.get("Engine") or {}).get("Labels") or {}).get(key[len("engine.labels."):], "")
    return known.get(key)


def _missing_tasks(service: Raw, current: list[dict], history: list[dict], nodes: list[dict]) -> list[str]:
    name = service["Spec"]["Name"]
    names = {node["ID"]: (node.get("Description") or {}).get("Hostname") or node["ID"] for node in nodes}
    wanted = [task for task in current if task.get("DesiredState") == "running"]
    running = [task for task in wanted if _state(task) == "running"]
    pending = [task for task in wanted if _state(task) != "running"]
    if "Global" in (service["Spec"].get("Mode") or {}):
        eligible = eligible_nodes(service, nodes)
        if not eligible:
            return [f"{name}: no node that is ready and active satisfies its constraints"]
        held = {task.get("NodeID") for task in running}
        absent = [node["ID"] for node in eligible if node["ID"] not in held]
        told = {task.get("NodeID") for task in pending}
        missing = [
            _tell(f"{name} on {names[node]}", None, _last_error(history, None, node)) for node in absent
            if node not in told
        ]
        pending = [task for task in pending if task.get("NodeID") in absent]
    else:
        replicas = (((service["Spec"].get("Mode") or {}).get("Replicated")) or {}).get("Replicas", 1)
        if len(running) == replicas and not pending:
            return []
        missing = _missing_slots(name, replicas, wanted, history, len(running))
    return [_describe(name, task, history, names) for task in sorted(pending, key=_slot)] + missing


def _missing_slots(name: str, replicas: int, wanted: list[dict], history: list[dict], running: int) -> list[str]:
    if len(wanted) > replicas:
        return [f"{name}: {running} tasks run, {replicas} are wanted"]
    lacking = replicas - len(wanted)
    if not lacking:
        return []
    return [_tell(f"{name}: {lacking} of {replicas} tasks do not exist yet", None, _last_error(history, None, None))]


def _describe(name: str, task: Raw, history: list[dict], names: t.Mapping[str, str]) -> str:
    node = names.get(task.get("NodeID") or "", task.get("NodeID") or "")
    where = f"{name}.{task['Slot']}" if task.get("Slot") else name
    where += f" on {node}" if node else " on no node yet"
    error = (task.get("Status") or {}).get("Err")
    if error:
        return f"{where}: {_state(task)}: {error}"
    earlier = _last_error(history, task.get("Slot"), None if task.get("Slot") else task.get("NodeID"))
    return _tell(where, _state(task), earlier)


def _tell(where: str, state: str | None, earlier: str | None) -> str:
    parts = [where] + ([state] if state else [])
    return ": ".join(parts) + (f" (before it {earlier})" if earlier else "")


def _last_error(history: list[dict], slot: int | None, node: str | None) -> str | None:
    """State and error of the newest task in this slot, or on this node, that has an error."""
    failed = [
        task
        for task in history
        if (task.get("Status") or {}).get("Err")
        and (not slot or task.get("Slot") == slot)
        and (not node or task.get("NodeID") == node)
    ]
    if not failed:
        return None
    newest = max(failed, key=lambda task: task["Status"].get("Timestamp") or "")
    return f"{_state(newest)}: {newest['Status']['Err']}"


def is_alive(task: Raw) -> bool:
    """Whether a task still holds its container and networks."""
    return _state(task) in LIVING_STATES


def _state(task: Raw) -> str:
    return (task.get("Status") or {}).get("State") or "new"


def _slot(task: Raw) -> tuple[int, str]:
    return task.get("Slot") or 0, task["ID"]
