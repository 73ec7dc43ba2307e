# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Whether services have converged, and what they wait for otherwise. Pure."""

from __future__ import annotations

import typing as t

from .._engine.transport import Raw
from .users import LIVING_STATES

UNFINISHED_UPDATES = ("updating", "rollback_started")
STUCK_UPDATES = ("paused", "rollback_paused")


def waiting_for(service: Raw, current: list[Raw], history: list[Raw], nodes: list[Raw]) -> list[str]:
    """What the service still waits for, in words; empty when it has converged.

    C(current) are the tasks of its present specification, C(history) all its tasks.
    """
    found = _missing_tasks(service, current, history, nodes)
    update = service.get("UpdateStatus") or {}
    if update.get("State") in UNFINISHED_UPDATES + STUCK_UPDATES:
        name = service["Spec"]["Name"]
        found.insert(0, f"{name}: update is {update['State']}: {update.get('Message') or 'no message'}")
    return found


def is_stuck(service: Raw) -> bool:
    """Whether an update is paused, so that waiting does not help."""
    return (service.get("UpdateStatus") or {}).get("State") in STUCK_UPDATES


def eligible_nodes(service: Raw, nodes: list[Raw]) -> list[Raw]:
    """The nodes on which a global service has a task."""
    constraints = ((service["Spec"].get("TaskTemplate") or {}).get("Placement") or {}).get("Constraints") or []
    return [
        node
        for node in nodes
        if (node.get("Status") or {}).get("State") == "ready"
        and (node.get("Spec") or {}).get("Availability") == "active"
        and all(satisfies(node, constraint) for constraint in constraints)
    ]


def satisfies(node: Raw, constraint: str) -> bool:
    """Whether a node meets a constraint. An unknown kind of constraint counts as met; swarm decides."""
    return verdict(node, constraint) is not False


def verdict(node: Raw, constraint: str) -> bool | None:
    """Whether a node meets a constraint, None if that is unknown."""
    for operator in ("==", "!="):
        key, found, value = constraint.partition(operator)
        if found:
            actual = _property(node, key.strip())
            return None if actual is None else (actual.lower() == value.strip().lower()) == (operator == "==")
    return None


def _property(node: Raw, key: str) -> str | None:
    spec, description = node.get("Spec") or {}, node.get("Description") or {}
    known = {
        "node.id": node.get("ID") or "",
        "node.hostname": description.get("Hostname") or "",
        "node.role": spec.get("Role") or "",
    }
    if key.startswith("node.labels."):
        return str((spec.get("Labels") or {}).get(key[len("node.labels.") :], ""))
    if key.startswith("engine.labels."):
        return str(((description.get("Engine") or {}).get("Labels") or {}).get(key[len("engine.labels.") :], ""))
    return known.get(key)


def _missing_tasks(service: Raw, current: list[Raw], history: list[Raw], nodes: list[Raw]) -> list[str]:
    name = service["Spec"]["Name"]
    names = {node["ID"]: (node.get("Description") or {}).get("Hostname") or node["ID"] for node in nodes}
    wanted = [task for task in current if task.get("DesiredState") == "running"]
    pending = [task for task in wanted if _state(task) != "running"]
    if "Global" in (service["Spec"].get("Mode") or {}):
        eligible = {node["ID"] for node in eligible_nodes(service, nodes)}
        if not eligible:
            return [f"{name}: no node that is ready and active satisfies its constraints"]
        pending = [task for task in pending if task.get("NodeID") in eligible]
        lacking = eligible - {task.get("NodeID") for task in wanted}
        failed = [task for task in _newest_failures(history) if task.get("NodeID") in lacking]
        lacking -= {task.get("NodeID") for task in failed}
        nothing = [f"{name} on {names[node]}: no task there yet" for node in sorted(lacking)]
    else:
        replicas = ((service["Spec"].get("Mode") or {}).get("Replicated") or {}).get("Replicas", 1)
        taken = {task.get("Slot") for task in wanted}
        failed = [task for task in _newest_failures(history) if task.get("Slot") not in taken]
        failed = failed if len(wanted) < replicas else []
        nothing = [] if failed else _count(name, replicas, len(wanted))
    told = [_describe(name, task, history, names) for task in sorted(pending + failed, key=_slot)]
    return told + nothing


def _count(name: str, wanted: int, there: int) -> list[str]:
    """The number of running tasks, when it is not the declared one."""
    if there < wanted:
        return [f"{name}: {wanted - there} of {wanted} tasks do not exist yet"]
    if there > wanted:
        return [f"{name}: {there} tasks are there, {wanted} are wanted"]
    return []


def _newest_failures(history: list[Raw]) -> list[Raw]:
    """The last failed task of each slot, or of each node where there are no slots."""
    newest: dict[t.Any, Raw] = {}
    for task in sorted(history, key=lambda task: (task.get("Status") or {}).get("Timestamp") or ""):
        if (task.get("Status") or {}).get("Err"):
            newest[task.get("Slot") or task.get("NodeID")] = task
    return list(newest.values())


def _describe(name: str, task: Raw, history: list[Raw], names: t.Mapping[str, str]) -> str:
    node = names.get(task.get("NodeID") or "", task.get("NodeID") or "")
    where = f"{name}.{task['Slot']}" if task.get("Slot") else name
    where += f" on {node}" if node else " on no node yet"
    error = (task.get("Status") or {}).get("Err")
    if error:
        return f"{where}: {_state(task)}: {error}"
    place = task.get("Slot") or task.get("NodeID")
    earlier = [failed for failed in _newest_failures(history) if (failed.get("Slot") or failed.get("NodeID")) == place]
    return f"{where}: {_state(task)}" + "".join(
        f" (the task before: {_state(failed)}: {failed['Status']['Err']})" for failed in earlier
    )


def is_alive(task: Raw) -> bool:
    """Whether a task still holds its container and networks."""
    return _state(task) in LIVING_STATES


def _state(task: Raw) -> str:
    return (task.get("Status") or {}).get("State") or "new"


def _slot(task: Raw) -> tuple[int, str]:
    return task.get("Slot") or 0, task["ID"]
