# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rolling action over all nodes will meet."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._swarm.outlook import (
    PURPOSE,
    halted,
    outlook,
    standalone,
)
from ansible_collections.swarmlab.overlay.plugins.module_utils._terms import (
    DONE_LABEL,
    EVACUATED_LABEL,
    MAINTENANCE_LABEL,
    PURPOSE_LABEL,
)


def node(name: str, availability: str = "active", **labels: str) -> dict[str, Any]:
    return {
        "ID": name, "Status": {"State": "ready"}, "Spec": {"Availability": availability, "Labels": labels},
        "Description": {"Hostname": name, "Engine": {"EngineVersion": "26.1.5"}},
    }  # fmt: skip


def service(name: str, order: str, *constraints: str, state: str = "", **labels: str) -> dict[str, Any]:
    return {
        "ID": name, "UpdateStatus": {"State": state} if state else None,
        "Spec": {
            "Name": name, "Labels": labels, "Mode": {"Replicated": {"Replicas": 2}}, "UpdateConfig": {"Order": order},
            "TaskTemplate": {"Placement": {"Constraints": list(constraints)}},
        },
    }  # fmt: skip


def task(name: str, where: str) -> dict[str, Any]:
    return {"ServiceID": name, "NodeID": where, "DesiredState": "running", "Status": {"State": "running"}}


def fates(nodes: list, services: list, tasks: list, batch: int = 1) -> dict[str, dict[str, str]]:
    found = outlook(nodes, services, tasks, {}, [], batch)["fates"]
    return {name: {each["service"]: each["how"] for each in each_of} for name, each_of in found.items()}


THREE = [node("a"), node("b"), node("c")]


@pytest.mark.parametrize(("order", "nodes", "constraints", "batch", "how"), [
    ("start-first", THREE, (), 1, "first"),
    ("start-first", THREE, (), 2, "first"),
    ("start-first", THREE, (), 3, "nowhere"),
    ("start-first", THREE, ("node.id!=c",), 2, "nowhere"),
    ("stop-first", THREE, (), 1, "less"),
    ("stop-first", THREE, (), 2, "gap"),  # both can come to run on the third
    ("stop-first", THREE, ("node.id!=c",), 1, "gap"),
    ("stop-first", [*THREE[:2], node("c", "drain")], (), 1, "gap"),
    # One that an earlier run of ours left drained is given back first.
    ("stop-first", [*THREE[:2], node("c", "drain", **{MAINTENANCE_LABEL: "active", PURPOSE_LABEL: PURPOSE})], (), 1, "less"),
    ("stop-first", [*THREE[:2], node("c", "drain", **{MAINTENANCE_LABEL: "active"})], (), 1, "gap"),
])  # fmt: skip
def test_tasks_move_while_the_nodes_are_drained(
    order: str, nodes: list, constraints: tuple, batch: int, how: str
) -> None:
    web = service("web", order, *constraints)
    assert fates(nodes, [web], [task("web", "a"), task("web", "b")], batch)["a"] == {"web": how}


def test_tasks_of_a_node_that_somebody_drains_are_on_their_way() -> None:
    nodes = [node("a", "drain"), node("b"), node("c", "drain", **{MAINTENANCE_LABEL: "active", PURPOSE_LABEL: PURPOSE})]
    web = service("web", "stop-first", "node.id!=b")
    found = fates(nodes, [web], [task("web", "a"), task("web", "c")])
    assert found == {"a": {}, "b": {}, "c": {"web": "nowhere"}}


def test_what_is_told_of_the_swarm() -> None:
    ours = node("a", "drain", **{MAINTENANCE_LABEL: "active", PURPOSE_LABEL: PURPOSE, DONE_LABEL: "restart-7"})
    swarm = {"RootRotationInProgress": True, "Spec": {"EncryptionConfig": {"AutoLockManagers": True}}}
    found = outlook([ours, node("b")], [], [], swarm, [{"Options": {"encrypted": ""}}, {"Options": None}], 1)
    assert (found["rotating"], found["autolock"], found["encrypted"]) == (True, True, True)
    assert found["nodes"] == [
        {"id": "a", "name": "a", "engine": "26.1.5", "availability": "drain", "ours": True, "done": "restart-7"},
        {"id": "b", "name": "b", "engine": "26.1.5", "availability": "active", "ours": False, "done": ""},
    ]
    found = outlook([], [], [], {"Spec": {}}, [{"Options": {}}], 1)
    assert not (found["rotating"] or found["autolock"] or found["encrypted"])


def test_updates_that_are_not_through() -> None:
    services = [
        service(name, "", state=name)
        for name in ("updating", "paused", "completed", "rollback_paused", "rollback_started")
    ]
    services.append(service("ours", "", state="updating", **{EVACUATED_LABEL: "a"}))
    services.append(service("fresh", ""))
    assert halted(services) == [
        "paused (paused)", "rollback_paused (rollback_paused)", "rollback_started (rollback_started)", "updating (updating)",
    ]  # fmt: skip


def test_containers_of_no_service() -> None:
    made = [
        {"Id": "1", "Name": "/box", "HostConfig": {"RestartPolicy": {"Name": policy}}}
        for policy in ("always", "unless-stopped", "on-failure", "no", "")
    ]
    assert [each["returns"] for each in standalone(made)] == [True, True, False, False, False]
    assert standalone(made)[0]["name"] == "box" and standalone([{"Id": "2"}]) == [{"name": "2", "returns": False}]
