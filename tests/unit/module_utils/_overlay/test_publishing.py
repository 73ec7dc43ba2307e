# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changing the ingress network: from any state, however often interrupted, ports come back as they were."""

from __future__ import annotations

import copy
import typing as t

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.moves import hurry
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.publishing import (
    Mesh,
    MeshAction,
    Target,
    mesh_ports,
    next_mesh_actions,
    park,
    publish,
    published,
    recorded_ports,
    restore_order,
)
from ansible_collections.swarmlab.overlay.plugins.module_utils._terms import PARKED_ORDER_LABEL, PORTS_LABEL
from hypothesis import given
from hypothesis import strategies as st

LIMIT = 60
WEB = {"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 8080, "PublishMode": "ingress"}
CHOSEN = {"Protocol": "tcp", "TargetPort": 90, "PublishMode": "ingress"}
HOST = {"Protocol": "tcp", "TargetPort": 81, "PublishedPort": 8081, "PublishMode": "host"}


class World:
    """A swarm as far as its ingress network is concerned."""

    def __init__(self, services: dict[str, bool], nodes: int) -> None:
        self.network: str | None = "old"
        self.serial = 0
        self.published = {name for name, yes in services.items() if yes}
        self.parked: set[str] = set()
        self.hurried: set[str] = set()
        self.marks: dict[str, str | None] = {f"n{index}": None for index in range(nodes)}
        self.holds = dict.fromkeys(self.marks, "old")

    def mesh(self, wanted: str) -> Mesh:
        def targets(names: t.Iterable[str]) -> tuple[Target, ...]:
            return tuple(Target(name, name) for name in sorted(names))

        identity = None if self.network is None else f"{self.network}{self.serial}" if self.serial else "old"
        return Mesh(
            identity, self.network == wanted, identity is not None and set(self.holds.values()) <= {identity},
            targets(node for node, mark in self.marks.items() if mark), targets(node for node, mark in self.marks.items() if mark != identity),
            targets(self.published), targets(self.parked), targets(self.hurried),
        )  # fmt: skip

    def do(self, action: MeshAction, wanted: str) -> None:
        name = action.target.id if action.target else ""
        if action.verb == "park":
            self.published.remove(name)
            self.parked.add(name)
            self.hurried.add(name)
        elif action.verb == "remove":
            assert not self.published, "swarm refuses to remove it while ports are published"
            self.network = None
        elif action.verb == "create":
            assert self.network is None, "a swarm has one ingress network"
            self.network, self.serial = wanted, self.serial + 1
        elif action.verb == "nudge":
            self.marks[name] = self.holds[name] = f"{self.network}{self.serial}"
        elif action.verb == "forget":
            self.marks[name] = None
        elif action.verb == "publish":
            assert self.network == wanted
            self.parked.remove(name)
            self.published.add(name)
        else:
            assert action.verb == "restore order", action.verb
            self.hurried.remove(name)


def run(world: World, wanted: str, steps: int) -> None:
    """So many steps, and then death."""
    while actions := next_mesh_actions(world.mesh(wanted)):
        for action in actions:
            if steps == 0:
                return
            world.do(action, wanted)
            steps -= 1


@given(
    st.dictionaries(st.sampled_from(["a", "b", "c"]), st.booleans()), st.integers(1, 3),
    st.lists(st.tuples(st.sampled_from(["old", "new", "newer"]), st.integers(0, 20)), max_size=6),
)  # fmt: skip
def test_interrupted_runs_and_changed_minds_end_as_declared(services: dict[str, bool], nodes: int, runs: list) -> None:
    world = World(services, nodes)
    before = set(world.published)
    for wanted, steps in runs:
        run(world, wanted, steps)
        assert world.published | world.parked == before, "ports that nobody remembers"
    for wanted in ("new", "old"):
        run(world, wanted, LIMIT)
        assert (world.network, world.published, world.parked, world.hurried) == (wanted, before, set(), set())
        assert set(world.marks.values()) == {None} and len(set(world.holds.values())) == 1
        assert next_mesh_actions(world.mesh(wanted)) == ()


@given(
    st.lists(st.sampled_from([WEB, CHOSEN, HOST]), max_size=3, unique_by=str), st.none() | st.just({"Parallelism": 2, "Order": "stop-first"}),
    st.none() | st.just({"a": "b"}),
)  # fmt: skip
def test_a_service_comes_back_as_it_was(ports: list, update: dict | None, labels: dict | None) -> None:
    raw: dict[str, t.Any] = {
        "Name": "web",
        "EndpointSpec": {"Mode": "vip", **({"Ports": ports} if ports else {})},
        "TaskTemplate": {},
    }
    raw.update({} if update is None else {"UpdateConfig": update}, **({} if labels is None else {"Labels": labels}))
    before = copy.deepcopy(raw)
    parked = park(raw)
    assert raw == before and mesh_ports(parked) == [] and recorded_ports(parked) == mesh_ports(raw)
    assert [port for port in parked["EndpointSpec"].get("Ports") or [] if port["PublishMode"] == "host"] == [
        port for port in ports if port is HOST
    ]
    assert park(parked) == parked
    back = restore_order(publish(parked))
    assert dict(back, Labels=back.get("Labels") or {}) == dict(before, Labels=before.get("Labels") or {})


def test_ports_published_meanwhile_are_newer_than_the_record() -> None:
    parked = park({"Name": "web", "EndpointSpec": {"Mode": "vip", "Ports": [WEB]}, "TaskTemplate": {}})
    parked["EndpointSpec"]["Ports"] = [CHOSEN]
    assert publish(parked)["EndpointSpec"]["Ports"] == [CHOSEN]
    assert recorded_ports(park(parked)) == [CHOSEN]


def test_a_move_that_hurried_the_service_keeps_its_own_record() -> None:
    moving = hurry({"Name": "web", "EndpointSpec": {"Ports": [WEB]}, "TaskTemplate": {}})
    parked = park(moving)
    assert PARKED_ORDER_LABEL not in parked["Labels"] and PORTS_LABEL in parked["Labels"]
    assert restore_order(publish(parked)) == moving


def test_who_publishes_what() -> None:
    service = {
        "Spec": {"Name": "web", "EndpointSpec": {"Ports": [WEB, CHOSEN, HOST]}},
        "Endpoint": {"Ports": [dict(WEB), dict(CHOSEN, PublishedPort=30000), dict(HOST)]},
    }
    ports = [
        {"protocol": "tcp", "target": 80, "published": 8080},
        {"protocol": "tcp", "target": 90, "published": 30000},
    ]
    assert published([service, {"Spec": {"Name": "other", "EndpointSpec": {"Ports": [HOST]}}}]) == [
        {"service": "web", "parked": False, "ports": ports}
    ]
    parked = {"Spec": park(dict(service["Spec"], TaskTemplate={})), "Endpoint": {}}
    assert published([parked])[0] == {
        "service": "web",
        "parked": True,
        "ports": [ports[0], dict(ports[1], published=None)],
    }


@pytest.mark.parametrize("up, others, verb", [(False, ("n1",), "nudge"), (False, (), "await nodes")])
def test_nodes_are_nudged_until_they_have_it(up: bool, others: tuple, verb: str) -> None:
    mesh = Mesh("new", True, up, (), tuple(Target(node, node) for node in others))
    assert [action.verb for action in next_mesh_actions(mesh)] == [verb]
