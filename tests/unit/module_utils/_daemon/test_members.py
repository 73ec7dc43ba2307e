# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a swarm can do without a node, and in which order engines are restarted."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._daemon.members import majority_lost, unready
from ansible_collections.swarmlab.overlay.plugins.plugin_utils.engine_restarts import Order, plan
from hypothesis import given
from hypothesis import strategies as st


def member(
    node_id: str, role: str = "worker", state: str = "ready", reachability: str = "", leader: bool = False
) -> dict:
    return {
        "id": node_id,
        "hostname": f"name-{node_id}",
        "role": role,
        "state": state,
        "reachability": reachability,
        "leader": leader,
    }


def manager(node_id: str, leader: bool = False, reachability: str = "reachable", state: str = "ready") -> dict:
    return member(node_id, "manager", state, reachability, leader)


def place(node_id: str, members: list | None = None, state: str = "active") -> dict:
    return {"state": state, "node_id": node_id, "members": members}


THREE = [manager("m1", leader=True), manager("m2"), manager("m3"), member("w1"), member("w2")]


def hosts(listed: list) -> dict:
    """Every node a host of the same name; managers list the members."""
    return {f"h-{each['id']}": place(each["id"], listed if each["role"] == "manager" else None) for each in listed}


@pytest.mark.parametrize(("listed", "expected", "words"), [
    (THREE, ["m1", "m2", "m3", "w1", "w2"], []),
    ([*THREE, member("w3", state="down")], ["m1", "w1"], []),
    ([*THREE, member("w3", state="down")], ["m1", "w3"], ["name-w3 is down"]),
    ([*THREE[:2], manager("m3", reachability="unreachable")], ["m1", "m3"], ["manager name-m3 is unreachable"]),
    ([manager("m1"), member("w1")], ["m1", "w1"], ["no leader"]),
    (THREE, ["gone"], ["gone is no member"]),
    ([], ["m1"], ["m1 is no member", "no leader"]),
])  # fmt: skip
def test_what_a_whole_swarm_lacks(listed: list, expected: list, words: list) -> None:
    missing = unready(listed, expected)
    assert len(missing) == len(words) and all(any(word in each for each in missing) for word in words), missing


@pytest.mark.parametrize(("listed", "node", "lost"), [
    (THREE, "m1", False), (THREE, "w1", False), (THREE, "nobody", False),
    ([manager("m1", leader=True)], "m1", False),  # the only one: without it there is nobody, with or without us
    ([manager("m1", leader=True), manager("m2")], "m2", True),
    ([manager("m1", leader=True), manager("m2"), manager("m3", reachability="unreachable")], "m2", True),
    ([manager("m1", leader=True), manager("m2"), manager("m3", reachability="unreachable")], "m3", False),
    ([manager("m1", leader=True), manager("m2"), manager("m3"), manager("m4")], "m1", False),
])  # fmt: skip
def test_majority_of_the_managers(listed: list, node: str, lost: bool) -> None:
    assert bool(majority_lost(listed, node)) is lost


def test_workers_first_then_managers_the_leader_last() -> None:
    places = hosts(THREE)
    found = plan(places, list(places))
    assert [turn.hosts for turn in found.turns] == [["h-w1"], ["h-w2"], ["h-m2"], ["h-m3"], ["h-m1"], []]
    assert found.refused == []
    assert all(turn.manager not in turn.hosts for turn in found.turns)
    assert all(set(turn.nodes) == {"m1", "m2", "m3", "w1", "w2"} for turn in found.turns)


def test_managers_first_and_workers_in_batches() -> None:
    places = hosts([*THREE, member("w3")])
    found = plan(places, list(places), Order("manager", 2, {"w2"}))
    assert [turn.node_ids for turn in found.turns] == [["w2"], ["m2"], ["m3"], ["m1"], ["w1", "w3"], []]
    assert [turn.manager for turn in found.turns] == ["h-m1", "h-m1", "h-m1", "h-m2", "h-m1", "h-m1"]


def test_the_only_manager_watches_over_itself() -> None:
    places = hosts([manager("m1", leader=True), member("w1")])
    assert [("".join(turn.hosts), turn.manager) for turn in plan(places, list(places)).turns] == [
        ("h-w1", "h-m1"),
        ("h-m1", "h-m1"),
        ("", "h-m1"),
    ]


def test_a_node_that_was_down_before_and_is_not_of_this_run_is_not_waited_for() -> None:
    listed = [*THREE, member("w9", state="down")]
    places = {name: dict(each, members=listed if each["members"] else None) for name, each in hosts(THREE).items()}
    assert "w9" not in plan(places, ["h-w1"]).turns[0].nodes


def test_what_is_refused() -> None:
    places = hosts(THREE)
    workers = {host: each for host, each in places.items() if host.startswith("h-w")}
    assert "no manager" in plan(workers, ["h-w1"]).refused[0]
    assert plan({**workers, "other": place("m1", THREE)}, ["h-w1"]).turns[0].manager == "other"
    assert "'locked'" in plan({**places, "h-m2": place("", None, "locked")}, ["h-m2", "h-w1"]).refused[0]
    assert "are one node" in plan({**places, "twin": places["h-w1"]}, ["h-w1", "twin"]).refused[0]
    two = hosts([manager("m1", leader=True), manager("m2"), member("w1")])
    assert "majority" in plan(two, ["h-w1", "h-m2"]).refused[0]
    assert plan(two, ["h-w1"]).turns[0].hosts == ["h-w1"]


def test_two_swarms_in_one_run() -> None:
    other = [manager("x1", leader=True), member("y1")]
    places = {**hosts(THREE), **hosts(other)}
    found = plan(places, ["h-w1", "h-y1"])
    assert [("".join(turn.hosts), turn.manager) for turn in found.turns] == [
        ("h-w1", "h-m1"),
        ("", "h-m1"),
        ("h-y1", "h-x1"),
        ("", "h-x1"),
    ]


@st.composite
def swarms(draw: st.DrawFn) -> tuple[dict, list[str], list]:
    """A swarm of any state, of which some hosts were asked and some of these are due."""
    listed = []
    for number in range(draw(st.integers(1, 5))):
        reachability = draw(st.sampled_from(["reachable", "reachable", "reachable", "unreachable"]))
        listed.append(manager(f"m{number}", leader=number == 0, reachability=reachability))
    listed += [
        member(f"w{number}", state=draw(st.sampled_from(["ready", "ready", "down"])))
        for number in range(draw(st.integers(0, 4)))
    ]
    places = {host: each for host, each in hosts(listed).items() if draw(st.booleans())}
    due = [host for host in places if draw(st.booleans())]
    return places, due, listed


ORDERS = st.builds(
    Order, st.sampled_from(["worker", "manager"]), st.integers(1, 3), st.sets(st.sampled_from(["m0", "w0", "w3"]))
)


@given(swarms(), ORDERS)
def test_no_plan_costs_a_majority_or_forgets_a_host(swarm: tuple, order: Order) -> None:
    places, due, listed = swarm
    found = plan(places, due, order)
    assert not (found.turns and found.refused)
    if found.refused or not due:
        assert found.turns == []
        return
    assert sorted(host for turn in found.turns for host in turn.hosts) == sorted(due)
    roles = {each["id"]: each for each in listed}
    seen = [roles[node_id] for turn in found.turns for node_id in turn.node_ids]
    ranks = [(each["id"] not in order.ahead, each["role"] != order.first, each["leader"]) for each in seen]
    assert ranks == sorted(ranks)
    for turn in found.turns[:-1]:
        assert 1 <= len(turn.hosts) <= order.batch
        assert len(turn.hosts) == 1 or {roles[node_id]["role"] for node_id in turn.node_ids} == {"worker"}
    assert found.turns[-1].hosts == []
    managers = [each for each in listed if each["role"] == "manager"]
    reachable = {each["id"] for each in managers if each["reachability"] == "reachable"}
    for each in seen:
        if each["role"] == "manager" and len(managers) > 1:
            assert len(reachable - {each["id"]}) > len(managers) // 2
