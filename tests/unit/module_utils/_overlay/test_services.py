# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declarations of services: comparison, merging, and what a service waits for."""

from __future__ import annotations

import typing as t
from itertools import chain, combinations, product

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.convergence import satisfies, waiting_for
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.port_clashes import (
    Demand,
    clashes,
    enough_nodes,
)
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.service_spec import (
    compare,
    merge,
    new_spec,
    parse_services,
)
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.services import (
    Step,
    network_ids,
    refuse_too_small,
)
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.spec import SpecError
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.users import Usage
from hypothesis import given
from hypothesis import strategies as st

IDS = {"front": "n1", "back": "n2"}
NAMES = {"n1": "front", "n2": "back"}
FULL = {
    "name": "web",
    "image": "img:1",
    "command": "sleep 10",
    "args": ["a"],
    "replicas": 2,
    "endpoint_mode": "vip",
    "networks": ["back", {"name": "front", "aliases": ["www", "w"]}],
    "constraints": ["node.role==worker"],
    "ports": [{"target": 80, "published": 8080}],
    "env": {"A": "b=c"},
    "labels": {"l": "1"},
    "container_labels": {"c": "2"},
    "stop_grace_period": 3,
}
OTHER = {
    "image": "img:2",
    "command": "sleep 11",
    "args": ["b"],
    "replicas": 3,
    "endpoint_mode": "dnsrr",
    "networks": ["front"],
    "constraints": [],
    "ports": [],
    "env": {},
    "labels": {},
    "container_labels": {"c": "3"},
    "stop_grace_period": 4,
}


def parse(**entry: t.Any) -> t.Any:
    return parse_services({"services": [dict({"name": "web"}, **entry)]})[0]


def test_a_new_service_is_as_declared() -> None:
    spec = parse(**FULL)
    assert compare(spec, new_spec(spec, IDS), NAMES) == {}


@pytest.mark.parametrize("field", sorted(OTHER))
def test_every_field_is_compared_and_set(field: str) -> None:
    created = new_spec(parse(**FULL), IDS)
    entry = dict(FULL, **{field: OTHER[field]})
    if field == "endpoint_mode":
        entry["ports"] = []
    changed = parse(**entry)
    assert field in compare(changed, created, NAMES)
    assert compare(changed, merge(created, changed.fields, IDS), NAMES) == {}


def test_what_is_not_declared_is_kept() -> None:
    raw = dict(new_spec(parse(**FULL), IDS), UpdateConfig={"Parallelism": 7})
    raw["TaskTemplate"]["Networks"][0]["DriverOpts"] = {"x": "y"}
    raw["TaskTemplate"]["ContainerSpec"]["Image"] = "img:1@sha256:00"
    assert compare(parse(image="img:1"), raw, NAMES) == {}
    merged = merge(raw, parse(replicas=5, networks=["back"]).fields, IDS)
    assert merged["UpdateConfig"] == {"Parallelism": 7}
    assert merged["TaskTemplate"]["ContainerSpec"] == raw["TaskTemplate"]["ContainerSpec"]
    assert merged["TaskTemplate"]["Networks"] == [{"Target": "n2", "Aliases": [], "DriverOpts": {"x": "y"}}]
    assert merged["Mode"] == {"Replicated": {"Replicas": 5}}


@pytest.mark.parametrize(
    "entry, words",
    [
        ({"name": "a.b"}, "must consist of"),
        ({"command": "sleep 'x"}, "not a valid command line"),
        ({"mode": "global", "replicas": 2}, "cannot go with mode global"),
        ({"replicas": -1}, "below 0"),
        ({"networks": [{"name": "a", "alias": "x"}]}, "unknown key alias"),
        ({"networks": [{"name": "a", "ipv4_address": "10.0.0.1"}]}, "unknown key ipv4_address"),
        ({"networks": ["a", "a"]}, "named twice"),
        ({"networks": [{"name": "a", "aliases": ["x" * 64]}]}, "has a part of 64 characters"),
        ({"networks": [{"name": "a", "aliases": ["a..b"]}]}, "has an empty part"),
        ({"networks": [{"name": "a", "aliases": ["a b"]}]}, "has characters other than"),
        ({"networks": [{"name": "a", "aliases": "x"}]}, "list of names"),
        ({"ports": [{"target": 0}]}, "outside"),
        ({"ports": [{"target": 80}], "endpoint_mode": "dnsrr"}, "need endpoint_mode vip"),
        ({"constraints": ["node.role=worker"]}, "not of the form"),
        ({"env": {"A": 1}}, "quote it"),
    ],
)
def test_bad_entries(entry: dict, words: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(**entry)
    assert words in caught.value.message


def test_two_services_cannot_publish_one_port_on_the_mesh() -> None:
    mesh, host = [{"target": 80, "published": 8080}], [{"target": 80, "published": 8080, "mode": "host"}]
    for one, other in ((mesh, mesh), (mesh, host), (host, mesh)):
        with pytest.raises(SpecError, match="port 8080/tcp is published by service [ab] too, through the routing mesh"):
            parse_services({"services": [{"name": "a", "ports": one}, {"name": "b", "ports": other}]})
    parse_services({"services": [{"name": "a", "ports": host}, {"name": "b", "ports": host}]})
    parse_services(
        {"services": [{"name": "a", "ports": mesh}, {"name": "b", "ports": [dict(mesh[0], protocol="udp")]}]}
    )
    parse_services({"services": [{"name": "a", "ports": mesh}, {"name": "b", "ports": mesh, "state": "absent"}]})


def test_one_service_cannot_publish_a_port_twice() -> None:
    for mode in ("host", "ingress"):
        with pytest.raises(SpecError, match="service web: port 8080/tcp is declared twice"):
            parse(ports=[{"target": 80, "published": 8080, "mode": mode}, {"target": 81, "published": 8080}])


NODES = [
    {
        "ID": f"id{name}",
        "Status": {"State": "ready"},
        "Description": {"Hostname": name},
        "Spec": {"Availability": availability, "Role": "worker", "Labels": {"disk": "ssd"}},
    }
    for name, availability in (("vm1", "active"), ("vm2", "active"), ("vm3", "drain"))
]


def service(mode: dict, **more: t.Any) -> dict:
    return dict({"ID": "s1", "Spec": {"Name": "web", "Mode": mode, "TaskTemplate": {}}}, **more)


def task(
    state: str = "running", desired: str = "running", slot: int | None = 1, node: str = "idvm1", err: str = ""
) -> dict:
    status = {"State": state, "Err": err, "Timestamp": "1"}
    return {"ID": f"t{slot}{node}", "Slot": slot, "NodeID": node, "DesiredState": desired, "Status": status}


REPLICATED, GLOBAL = {"Replicated": {"Replicas": 2}}, {"Global": {}}


@pytest.mark.parametrize(
    "given_service, current, history, expected",
    [
        (service(REPLICATED), [task(slot=1), task(slot=2)], [], []),
        (service(REPLICATED), [task(slot=1)], [], ["web: 1 of 2 tasks do not exist yet"]),
        (service(REPLICATED), [task(slot=1), task("preparing", slot=2, node="idvm2")], [], ["web.2 on vm2: preparing"]),
        (
            service(REPLICATED),
            [task(slot=1), task("pending", slot=2, node="", err="no suitable node")],
            [],
            ["web.2 on no node yet: pending: no suitable node"],
        ),
        (
            service(REPLICATED),
            [task(slot=1)],
            [task("rejected", "shutdown", 2, "idvm2", "No such image: x")],
            ["web.2 on vm2: rejected: No such image: x"],
        ),
        (
            service(REPLICATED),
            [task(slot=1), task("starting", slot=2)],
            [task("failed", "shutdown", 2, "idvm2", "exit 1")],
            ["web.2 on vm1: starting (the task before: failed: exit 1)"],
        ),
        (service(REPLICATED), [task(slot=1), task(slot=2), task(slot=3)], [], ["web: 3 tasks are there, 2 are wanted"]),
        (service({"Replicated": {"Replicas": 0}}), [], [task("failed", "shutdown", 1, "idvm1", "x")], []),
        (
            service(REPLICATED, UpdateStatus={"State": "updating", "Message": "in progress"}),
            [task(slot=1), task(slot=2)],
            [],
            ["web: update is updating: in progress"],
        ),
        (service(REPLICATED, UpdateStatus={"State": "completed"}), [task(slot=1), task(slot=2)], [], []),
        (service(GLOBAL), [task(slot=None), task(slot=None, node="idvm2")], [], []),
        (service(GLOBAL), [task(slot=None)], [], ["web on vm2: no task there yet"]),
        (
            service(GLOBAL),
            [task(slot=None)],
            [task("rejected", "shutdown", None, "idvm2", "No such image")],
            ["web on vm2: rejected: No such image"],
        ),
    ],
)
def test_what_a_service_waits_for(given_service: dict, current: list, history: list, expected: list) -> None:
    assert waiting_for(given_service, current, history, NODES) == expected


def test_a_global_service_without_nodes_has_not_converged() -> None:
    nowhere = service(GLOBAL)
    nowhere["Spec"]["TaskTemplate"] = {"Placement": {"Constraints": ["node.hostname == vm9"]}}
    assert waiting_for(nowhere, [], [], NODES) == ["web: no node that is ready and active satisfies its constraints"]


@pytest.mark.parametrize(
    "constraint, expected",
    [
        ("node.hostname == vm1", True),
        ("node.hostname != vm1", False),
        ("node.role==worker", True),
        ("node.labels.disk == ssd", True),
        ("node.labels.disk != hdd", True),
        ("node.labels.none == x", False),
        ("node.platform.os == linux", True),
        ("node.id == other", False),
    ],
)
def test_constraints(constraint: str, expected: bool) -> None:
    assert satisfies(NODES[0], constraint) is expected


@pytest.mark.parametrize("replicas, refused", [(1, False), (9, True)])
def test_a_network_that_is_too_small_is_told_before_anything_is_changed(replicas: int, refused: bool) -> None:
    small = {
        "Id": "n1",
        "Name": "front",
        "Driver": "overlay",
        "IPAM": {"Config": [{"Subnet": "10.9.0.0/29", "Gateway": "10.9.0.1"}]},
    }
    spec = parse(image="img:1", networks=["front"], replicas=replicas)
    existing = {"ID": "s1", "Spec": new_spec(parse(image="img:1", networks=["front"]), IDS)}
    for step in (Step(spec, "create"), Step(spec, "update", existing, {"replicas": {}})):
        usage = Usage([existing] if step.current else [], [], {})
        if refused:
            with pytest.raises(SpecError, match="network front has 6 addresses, and its services need 1"):
                refuse_too_small([step], [small], IDS, usage, NODES)
        else:
            refuse_too_small([step], [small], IDS, usage, NODES)


def claims(name: str, mode: str = "replicated", replicas: int = 1, on: str = "", port_mode: str = "host") -> dict:
    """A specification with port 8080."""
    fields: dict[str, t.Any] = {
        "mode": mode,
        "constraints": [on] if on else [],
        "ports": [{"target": 80, "published": 8080, "mode": port_mode}],
    }
    if mode == "replicated":
        fields["replicas"] = replicas
    return new_spec(parse(name=name, image="img:1", **fields), {})


@pytest.mark.parametrize(
    "specs, clash",
    [
        # vm1 and vm2 are active, vm3 is drained and may come back.
        ([claims("web", on="node.hostname == vm1"), claims("b", on="node.hostname == vm2")], False),
        ([claims("web", on="node.hostname == vm1"), claims("b", on="node.hostname == vm1")], True),
        ([claims("web", on="node.hostname == vm1"), claims("b", on="node.hostname != vm1", replicas=2)], False),
        ([claims("web", on="node.hostname == vm1"), claims("b", on="node.hostname != vm1", replicas=3)], True),
        ([claims("web", replicas=3)], False),
        ([claims("web", replicas=4)], True),
        ([claims("web", "global"), claims("b", "global")], True),
        ([claims("web", "global", on="node.hostname == vm1"), claims("b", "global", on="node.hostname == vm2")], False),
        ([claims("web", "global"), claims("b")], False),
        ([claims("web", "global"), claims("b", replicas=2)], True),
        # What cannot be told from here is no clash.
        ([claims("web", "global", on="node.platform.os == linux"), claims("b", "global")], False),
        ([claims("web", on="node.platform.os == linux"), claims("b", on="node.ip == 10.0.0.1")], False),
        # The one that can only be on vm1 makes way for nobody; the other one can move.
        ([claims("web", replicas=2), claims("b", on="node.hostname == vm1")], False),
        ([claims("web", port_mode="ingress"), claims("b", on="node.hostname == vm1")], True),
        # Not touched: no matter of this call.
        ([claims("a", "global"), claims("b", "global")], False),
    ],
)
def test_ports_of_mode_host_clash_where_there_is_no_node_for_a_task(specs: list, clash: bool) -> None:
    found = clashes(specs, {"web"}, NODES)
    assert bool(found) is clash, found


@given(st.lists(st.tuples(st.integers(0, 3), st.sets(st.sampled_from("abcd")), st.booleans()), max_size=3))
def test_whether_there_are_enough_nodes(wishes: list) -> None:
    """Against trying all ways to place the tasks."""
    demands = [Demand(str(index), len(nodes) if every else tasks, tuple(sorted(nodes)), every)
               for index, (tasks, nodes, every) in enumerate(wishes)]  # fmt: skip
    ways = [list(combinations(demand.nodes, demand.tasks)) for demand in demands]
    possible = any(len(set(chain(*way))) == sum(map(len, way)) for way in product(*ways))
    assert enough_nodes(demands) is possible


LISTED = [
    {"Name": "front", "Id": "n1", "Scope": "swarm", "Driver": "overlay"},
    {"Name": "ingress", "Id": "n3", "Scope": "swarm", "Ingress": True},
    {"Name": "host", "Id": "l1", "Scope": "local", "Driver": "host"},
    {"Name": "host", "Id": "s1", "Scope": "swarm", "Driver": "host"},
    {"Name": "none", "Id": "l2", "Scope": "local", "Driver": "null"},
    {"Name": "app_default", "Id": "l3", "Scope": "local", "Driver": "bridge"},
]


@pytest.mark.parametrize(
    "network, words",
    [
        ("front", ""),
        ("host", ""),
        ("none", "of this node alone (driver null)"),
        ("app_default", "of this node alone (driver bridge)"),
        ("ingress", "carries published ports only"),
        ("nonesuch", "there is no swarm network nonesuch"),
    ],
)
def test_networks_that_services_can_be_on(network: str, words: str) -> None:
    if words:
        with pytest.raises(SpecError) as caught:
            network_ids([parse(networks=[network])], LISTED, False, print)
        assert words in caught.value.message
    else:
        assert network_ids([parse(networks=[network])], LISTED, False, print)[network] in ("n1", "s1")
