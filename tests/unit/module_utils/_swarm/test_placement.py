# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the scheduler would put a task."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._swarm import placement

NODE: dict[str, Any] = {
    "ID": "n1",
    "Spec": {"Role": "worker", "Availability": "active", "Labels": {"rack": "A"}},
    "Status": {"State": "ready", "Addr": "10.0.0.5"},
    "Description": {
        "Hostname": "vm1",
        "Platform": {"Architecture": "x86_64", "OS": "linux"},
        "Resources": {"NanoCPUs": 2 * 10**9, "MemoryBytes": 1000},
        "Engine": {"Labels": {"disk": "ssd"}},
    },
}


def service(ports: list[dict] | None = None, **template: Any) -> dict[str, Any]:
    return {"ID": "s", "Spec": {"Name": "web", "TaskTemplate": template, "EndpointSpec": {"Ports": ports or []}}}


def task(
    state: str = "running", desired: str = "running", of: str = "s", node: str = "n1", **more: Any
) -> dict[str, Any]:
    status = {"State": state, **more.pop("Status", {})}
    return {"ServiceID": of, "NodeID": node, "DesiredState": desired, "Status": status, **more}


@pytest.mark.parametrize(
    ("constraint", "met"),
    [
        ("node.id==n1", True),
        ("node.id != n1", False),
        ("node.id!=n2", True),
        ("node.hostname == VM1", True),
        ("node.role==manager", False),
        ("node.role!=manager", True),
        ("node.platform.os==linux", True),
        ("node.platform.arch==x86_64", True),
        ("node.labels.rack==a", True),
        ("node.labels.rack!=a", False),
        ("node.labels.zone==b", False),
        ("node.labels.zone!=b", True),
        ("engine.labels.disk==ssd", True),
        ("node.ip==10.0.0.0/24", True),
        ("node.ip!=10.0.0.0/24", False),
        ("node.ip==10.0.1.0/24", False),
        ("node.ip==nonsense", False),
        # What nobody can read holds a task back, as the scheduler does.
        ("node.colour==red", False),
        ("node.colour!=red", False),
        ("nonsense", False),
    ],
)
def test_constraints(constraint: str, met: bool) -> None:
    assert placement.matches(constraint, NODE) is met
    reason = placement.fits(service(Placement={"Constraints": [constraint]}), NODE, [])
    assert reason == ("" if met else f"constraint {constraint}")


HTTP = {"PublishMode": "host", "PublishedPort": 80, "Protocol": "tcp"}
TAKEN = {"Status": {"PortStatus": {"Ports": [HTTP]}}}
HALF = {"Resources": {"Reservations": {"NanoCPUs": 10**9, "MemoryBytes": 600}}}


@pytest.mark.parametrize(
    ("wanted", "tasks", "words"),
    [
        (service(), [], ""),
        (service(Placement={"Platforms": [{"Architecture": "amd64", "OS": "linux"}]}), [], ""),
        (service(Placement={"Platforms": [{"Architecture": "arm64", "OS": "linux"}]}), [], "another platform"),
        (service(Placement={"Platforms": [{}]}), [], ""),
        (service(Placement={"MaxReplicas": 1}), [], ""),
        (service(Placement={"MaxReplicas": 1}), [task(of="other")], ""),
        (service(Placement={"MaxReplicas": 1}), [task("failed", "shutdown")], ""),
        (service(Placement={"MaxReplicas": 1}), [task()], "it has 1 tasks of it, which is the most for a node"),
        (service([HTTP]), [], ""),
        (service([HTTP]), [task(of="other", node="n2", **TAKEN)], ""),
        (service([HTTP]), [task(of="other", **TAKEN)], "its port 80/tcp is taken"),
        (service([{**HTTP, "PublishMode": "ingress"}]), [task(of="other", **TAKEN)], ""),
        (service(**HALF), [], ""),
        (service(**HALF), [task(of="other", Spec=HALF)], "not enough memory left to reserve"),
        (service(**HALF), [task("shutdown", "shutdown", of="other", Spec=HALF)], ""),
        (service(Resources={"Reservations": {"NanoCPUs": 3 * 10**9}}), [], "not enough CPU left to reserve"),
    ],
)
def test_what_a_node_can_take(wanted: dict[str, Any], tasks: list[dict[str, Any]], words: str) -> None:
    assert placement.fits(wanted, NODE, tasks) == words


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"Status": {"State": "down"}}, "it is not ready"),
        ({"Spec": {"Availability": "drain"}}, "its availability is drain"),
        ({"Spec": {"Availability": "pause"}}, "its availability is pause"),
    ],
)
def test_nodes_that_take_nothing(changes: dict[str, Any], words: str) -> None:
    assert placement.fits(service(), {**NODE, **changes}, []) == words
