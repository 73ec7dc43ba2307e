# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a drain does to the tasks of a node, and the marks by which it is undone."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._swarm import evacuation
from ansible_collections.swarmlab.overlay.plugins.module_utils._terms import (
    DONE_LABEL,
    EVACUATED_LABEL,
    MAINTENANCE_LABEL,
)
from hypothesis import given
from hypothesis import strategies as st


def node(name: str, state: str = "ready", availability: str = "active", **labels: str) -> dict[str, Any]:
    spec = {"Role": "worker", "Availability": availability, "Labels": labels}
    return {"ID": name, "Description": {"Hostname": name}, "Status": {"State": state}, "Spec": spec}


def service(
    order: str = "stop-first",
    mode: str = "Replicated",
    ports: list[dict] | None = None,
    labels: dict[str, str] | None = None,
    update: str = "",
    **template: Any,
) -> dict[str, Any]:
    spec = {
        "Name": "web", "Labels": labels or {}, "Mode": {mode: {"Replicas": 2}}, "UpdateConfig": {"Order": order},
        "EndpointSpec": {"Ports": ports or []}, "TaskTemplate": template,
    }  # fmt: skip
    return {"ID": "s", "Spec": spec, **({"UpdateStatus": {"State": update}} if update else {})}


def task(where: str, slot: int = 1, state: str = "running", desired: str = "running", of: str = "s") -> dict[str, Any]:
    return {"ServiceID": of, "Slot": slot, "NodeID": where, "DesiredState": desired, "Status": {"State": state}}


def mounts(*found: dict[str, Any]) -> dict[str, Any]:
    return {"ContainerSpec": {"Mounts": list(found)}}


GOES, STAYS = node("vm2"), node("vm1")
HERE, THERE = task("vm2"), task("vm1", 2)
HOST = [{"PublishMode": "host", "PublishedPort": 80}]
VOLUME = {"Type": "volume", "Source": "data"}
NFS = {"Type": "volume", "Source": "data", "VolumeOptions": {"DriverConfig": {"Options": {"type": "nfs"}}}}
PLUGIN = {"Type": "volume", "Source": "data", "VolumeOptions": {"DriverConfig": {"Name": "glusterfs"}}}


@pytest.mark.parametrize(
    ("found", "tasks", "how"),
    [
        (service(), [THERE], None),
        (service(), [task("vm2", state="failed", desired="shutdown")], None),
        (service("start-first"), [HERE], "first"),
        (service("start-first"), [HERE, THERE], "first"),
        (service(), [HERE], "gap"),
        (service(), [HERE, THERE], "less"),
        # One that is not running yet, or is told to stop, is no help.
        (service(), [HERE, task("vm1", 2, "starting")], "gap"),
        (service(), [HERE, task("vm1", 2, "running", "shutdown")], "gap"),
        (service("start-first", ports=HOST), [HERE], "gap"),
        (service("start-first", Placement={"MaxReplicas": 1}), [HERE], "gap"),
        (service("start-first", Placement={"Constraints": ["node.id==vm2"]}), [HERE], "nowhere"),
        (service("start-first", Placement={"Constraints": ["node.hostname!=vm1"]}), [HERE], "nowhere"),
        (service("start-first", **mounts(VOLUME)), [HERE], "data"),
        (service("start-first", **mounts({"Type": "bind", "Source": "/srv"})), [HERE], "data"),
        (service("start-first", **mounts({"Type": "bind", "Source": "/srv", "ReadOnly": True})), [HERE], "first"),
        (service("start-first", **mounts({"Type": "bind", "Source": "/run/docker.sock"})), [HERE], "first"),
        (service("start-first", **mounts({"Type": "tmpfs"}, NFS, PLUGIN)), [HERE], "first"),
        (service(mode="Global"), [HERE], "ends"),
        (service(mode="GlobalJob"), [HERE], "ends"),
        (service(mode="ReplicatedJob"), [HERE], "gap"),
        (service("start-first", RestartPolicy={"Condition": "none"}), [HERE], "lost"),
    ],
)
def test_what_happens_to_a_service(found: dict[str, Any], tasks: list[dict[str, Any]], how: str | None) -> None:
    fates = evacuation.fates(GOES, [STAYS, GOES], [found], tasks)
    assert [fate["how"] for fate in fates] == ([how] if how else [])
    asked = evacuation.unaccepted(fates, ())
    assert bool(asked) == (how in evacuation.ASKED)
    assert not evacuation.unaccepted(fates, list(evacuation.ASKED))


def test_without_another_node_nothing_moves() -> None:
    for other in ([], [node("vm1", "down")], [node("vm1", availability="drain")]):
        fates = evacuation.fates(GOES, [*other, GOES], [service("start-first")], [HERE])
        assert [fate["how"] for fate in fates] == ["nowhere"], fates


def test_what_waits_for_a_drained_node_is_not_waited_for() -> None:
    drained = node("vm2", availability="drain")
    pinned, other = service(Placement={"Constraints": ["node.id==vm2"]}), service()
    homeless = {**task(""), "Status": {"State": "pending"}}
    assert [fate["how"] for fate in evacuation.waiting(drained, [STAYS, drained], [pinned], [homeless])] == ["nowhere"]
    assert not evacuation.waiting(drained, [STAYS, drained], [other], [homeless])
    assert not evacuation.waiting(drained, [STAYS, drained], [pinned], [{**homeless, "DesiredState": "shutdown"}])


def test_a_dead_node_cannot_start_elsewhere_first() -> None:
    dead = node("vm2", "down")
    fates = evacuation.fates(dead, [STAYS, dead], [service("start-first")], [HERE])
    assert [fate["how"] for fate in fates] == ["gap"]


def test_attached_containers_are_told() -> None:
    fates = evacuation.fates(GOES, [STAYS, GOES], [], [task("vm2", of=""), task("vm1", of="")])
    assert [(fate["how"], fate["service"]) for fate in fates] == [("stays", "")]


@pytest.mark.parametrize(
    ("state", "words"),
    [("", ""), ("completed", ""), ("updating", "is being updated"), ("paused", "is paused"), ("rollback_paused", "is rollback_paused")],
)  # fmt: skip
def test_updates_of_somebody_else(state: str, words: str) -> None:
    found = service("start-first", update=state)
    fates = evacuation.fates(GOES, [STAYS, GOES], [found], [HERE])
    told = evacuation.blocked(fates, GOES, [found])
    assert (not told and not words) or (words and words in told[0])
    ours = {**found, "Spec": evacuation.away(found["Spec"], "vm2")}
    assert not evacuation.blocked(fates, GOES, [ours])


IDS = st.sampled_from(["vm1", "vm2", "vm3"])
CONSTRAINTS = st.lists(
    st.sampled_from(["node.role==worker", "node.id!=vm1", "node.id==vm9", "node.labels.a==b"]), unique=True
)
PLACEMENTS = st.none() | st.fixed_dictionaries(
    {}, optional={"Constraints": CONSTRAINTS.filter(bool), "MaxReplicas": st.integers(0, 3)}
)
SPECS = st.builds(
    lambda labels, placed: {
        "Name": "web", "Labels": labels,
        "TaskTemplate": {"ContainerSpec": {"Image": "i"}, "Placement": {} if placed is None else placed},
    },
    st.dictionaries(st.sampled_from(["a", "b"]), st.text()),
    PLACEMENTS,
)  # fmt: skip


@given(SPECS, st.lists(IDS, unique=True, min_size=1))
def test_what_was_added_is_taken_away_and_nothing_else(spec: dict[str, Any], ids: list[str]) -> None:
    before, new = copy.deepcopy(spec), spec
    for node_id in ids:
        new = evacuation.away(new, node_id)
        assert f"node.id!={node_id}" in new["TaskTemplate"]["Placement"]["Constraints"]
        assert evacuation.away(new, node_id) == new  # an interrupted run adds it no second time
    assert spec == before
    for node_id in ids[:-1]:
        part = evacuation.back(new, [node_id])
        assert evacuation.evacuated(part) == [each for each in evacuation.evacuated(new) if each != node_id]
        assert evacuation.back(part, [node_id]) == part
    assert evacuation.back(new, ids) == before


def test_marks_of_nodes() -> None:
    spec = {"Role": "worker", "Availability": "pause", "Labels": {"rack": "a"}}
    held = evacuation.held(spec, "drain", "pause")
    assert held == {"Role": "worker", "Availability": "drain", "Labels": {"rack": "a", MAINTENANCE_LABEL: "pause"}}
    assert evacuation.before({"Spec": held}) == "pause" and evacuation.before({"Spec": spec}) is None
    assert evacuation.freed(held, "pause") == spec
    # A departure was interrupted: with this mark kept, the playbook that forms the swarm made it active later, whoever had drained it then.
    leaving = {**held, "Labels": {**held["Labels"], "swarmlab.overlay/leaving": "vm3"}}
    assert evacuation.freed(leaving, "pause") == spec
    assert evacuation.before({"Spec": {"Labels": {MAINTENANCE_LABEL: "nonsense"}}}) == "active"
    # What it is drained for is that of the first who drained it.
    assert evacuation.purpose({"Spec": held}) == "" and evacuation.held(held, "drain", "pause", "upgrade") == held
    ours = evacuation.held(spec, "pause", "pause", "upgrade")
    assert evacuation.purpose({"Spec": ours}) == "upgrade"
    assert evacuation.purpose({"Spec": evacuation.held(ours, "drain", "pause", "backup")}) == "upgrade"
    assert evacuation.freed(ours, "pause") == spec
    assert evacuation.noted(spec, "") == spec
    assert evacuation.noted(spec, "restart-1")["Labels"] == {"rack": "a", DONE_LABEL: "restart-1"}


def test_leftovers_are_those_that_no_drain_of_ours_needs() -> None:
    kept = {"ID": "s", "Spec": {"Labels": {EVACUATED_LABEL: "vm1,vm2,vm9"}}}
    other = {"ID": "o", "Spec": {"Labels": {}}}
    nodes = [node("vm1", **{MAINTENANCE_LABEL: "active"}), node("vm2"), node("vm3")]
    assert evacuation.leftovers([kept, other], nodes) == {"s": ["vm2", "vm9"]}
    assert evacuation.leftovers([kept, other], nodes, ("vm1",)) == {"s": ["vm1", "vm2", "vm9"]}
