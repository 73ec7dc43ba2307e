# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The tasks that leaving nodes still hold, and the order in which managers can go. Pure."""

from __future__ import annotations

import typing as t

from .._engine.transport import Raw

FINISHED_STATES = ("complete", "shutdown", "failed", "rejected", "orphaned", "remove")
WANTED = ("running", "complete")  # desired states of tasks that are to run: of services, and of jobs


def find(nodes: t.Iterable[Raw], names: t.Container[str]) -> list[Raw]:
    """The members with these ids or host names. A machine that joined twice has several."""
    return [node for node in nodes if node["ID"] in names or hostname(node) in names]


def ambiguous(nodes: t.Iterable[Raw], names: t.Iterable[str]) -> str:
    """The names that several nodes share, with those nodes; empty when each name identifies one node."""
    found = []
    for name in names:
        holders = [node for node in nodes if hostname(node) == name and node["ID"] not in names]
        if len(holders) > 1:
            states = ", ".join(f"{node['ID']} ({(node.get('Status') or {}).get('State')})" for node in holders)
            found.append(f"{name} is {states}")
    return "; ".join(found)


def hostname(node: Raw) -> str:
    return str((node.get("Description") or {}).get("Hostname") or node["ID"])


def is_manager(node: Raw) -> bool:
    """Whether the node is a member of the managers' raft, or will become one."""
    return bool(node.get("ManagerStatus")) or (node.get("Spec") or {}).get("Role") == "manager"


def is_up(node: Raw) -> bool:
    return (node.get("Status") or {}).get("State") == "ready"


def dead_first(nodes: t.Iterable[Raw]) -> list[Raw]:
    """Managers in the order of their demotion: dead ones first, since they count against the majority until removed."""
    return sorted(
        nodes, key=lambda node: ((node.get("ManagerStatus") or {}).get("Reachability") == "reachable", hostname(node))
    )


def unmoved(
    leaving: list[Raw], nodes: list[Raw], services: list[Raw], tasks: list[Raw], stuck: t.Container[str] = ()
) -> list[str]:
    """Tasks that are still on leaving nodes, or left them and do not run elsewhere yet, in words.

    Containers attached to a network by hand are tasks without a service: they end with their machine.
    ``stuck``: ids of services whose tasks can run nowhere else, so that only their end is waited for.
    """
    ids = {node["ID"]: node for node in leaving}
    names = {node["ID"]: hostname(node) for node in nodes}
    found = []
    for service in services:
        own = [task for task in tasks if task.get("ServiceID") == service["ID"]]
        there = [task for task in own if task.get("NodeID") in ids]
        elsewhere = [task for task in own if task.get("NodeID") not in ids]
        name = service["Spec"]["Name"]
        holding = [task for task in there if is_held(task, ids[task["NodeID"]])]
        found += [_words(name, task, names) for task in holding]
        if moves(service) and service["ID"] not in stuck:
            slots = {task.get("Slot") for task in there} - {task.get("Slot") for task in holding}
            found += _not_running(name, service, slots, elsewhere, names)
    return found


def is_held(task: Raw, node: Raw) -> bool:
    """Whether a task keeps its node busy. The last reported state of a dead node's task is outdated."""
    if task.get("DesiredState") in WANTED and _state(task) not in FINISHED_STATES:
        return True
    return is_up(node) and _state(task) in ("starting", "running")


def moves(service: Raw) -> bool:
    """Whether the swarm starts the service's tasks elsewhere. It does not for global services, nor without restarts."""
    mode = service["Spec"].get("Mode") or {}
    policy = (service["Spec"].get("TaskTemplate") or {}).get("RestartPolicy") or {}
    return ("Replicated" in mode or "ReplicatedJob" in mode) and policy.get("Condition") != "none"


def _not_running(
    name: str, service: Raw, slots: set[t.Any], elsewhere: list[Raw], names: t.Mapping[str, str]
) -> list[str]:
    """The slots without a running task, unless the service no longer needs as many."""
    wanted = [task for task in elsewhere if task.get("DesiredState") in WANTED]
    replicas = ((service["Spec"].get("Mode") or {}).get("Replicated") or {}).get("Replicas", 0)
    found = []
    for slot in sorted(slots):
        current = [task for task in wanted if task.get("Slot") == slot]
        if any(_state(task) in ("running", "complete") for task in current):
            continue
        if current:
            found.append(_words(name, current[0], names))
        elif len({task.get("Slot") for task in wanted}) < replicas:
            found.append(f"{name}.{slot}: no new task yet")
    return found


def _words(service: str, task: Raw, names: t.Mapping[str, str]) -> str:
    where = f"{service}.{task['Slot']}" if task.get("Slot") else service
    node = task.get("NodeID")
    place = f" on {names.get(node, node)}" if node else ""
    reason = (task.get("Status") or {}).get("Err")
    return f"{where}{place}: {_state(task)}" + (f" ({reason})" if reason else "")


def _state(task: Raw) -> str:
    return (task.get("Status") or {}).get("State") or "new"
