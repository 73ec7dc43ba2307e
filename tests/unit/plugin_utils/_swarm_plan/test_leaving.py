# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which nodes leave, and which hosts may not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._terms import LEAVING_LABEL
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._swarm_plan.hosts import Host, Leaver, Refusal
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._swarm_plan.leaving import Farewell, farewell
from hypothesis import given, settings
from hypothesis import strategies as st

from .worlds import STAYING, World, member, place


def ids(found: Farewell) -> list[str]:
    return [node["id"] for node in found.nodes]


@pytest.mark.parametrize(
    ("leaver", "nodes"),
    [
        # The engine's word counts, whatever the inventory calls the host.
        (Leaver("vm2", place=place("active", "n2", manager_ids=["n1"])), ["n2"]),
        # It has left, and its record is the one that we marked.
        (Leaver("vm5", place=place()), ["n5"]),
        # It has left, or was never there: a record of the same name may be another machine's.
        (Leaver("vm4", place=place(hostname="vm4")), []),
        # Dead: the address says which it was, or its owner does.
        (Leaver("vm4", addresses=frozenset({"10.0.0.4"})), ["n4"]),
        (Leaver("dead", declared_id="n4"), ["n4"]),
        (Leaver("dead", declared_id="n99"), []),
        (Leaver("vm5"), ["n5"]),
        # Dead, and the swarm has not noticed yet: name and address agree.
        (Leaver("vm3", addresses=frozenset({"10.0.0.2"})), ["n2"]),
        # Removed already.
        (Leaver("vm8", addresses=frozenset({"10.0.0.8"})), []),
    ],
)
def test_who_leaves(leaver: Leaver, nodes: list[str]) -> None:
    assert ids(farewell([leaver], STAYING)) == nodes


@pytest.mark.parametrize(
    ("leaver", "staying", "words"),
    [
        (Leaver("vm2", place=place("active", "n77")), STAYING, "another swarm than vm1"),
        # Silent, and only a name, or a node that is alive elsewhere, speaks for it.
        (Leaver("vm4", problem="timed out"), STAYING, "vm4 does not answer \\(timed out\\).*perhaps n4.*swarm_node_id"),
        (Leaver("web", addresses=frozenset({"10.0.0.2"})), STAYING, "perhaps n2"),
        (Leaver("vm2", place=place("active", "n1")), STAYING, "one node"),
        (
            Leaver("vm2", place=place("active", "n2")),
            [Host("vm1", "manager", False, problem="timed out")],
            "no remaining manager.*vm1: timed out",
        ),
        (Leaver("vm2"), [], "no other manager is in the inventory"),
        (Leaver("vm2", place=place("active", "n2")), [Host("vm1", "manager", False, place())], "vm1: inactive"),
    ],
)
def test_who_may_not(leaver: Leaver, staying: list[Host], words: str) -> None:
    with pytest.raises(Refusal, match=words):
        farewell([leaver], staying)


@pytest.mark.parametrize(
    ("states", "leaving", "allowed"),
    [
        (("ready", "ready", "ready"), [2], True),
        (("ready", "ready", "ready"), [1, 2], True),
        # One is down: without a second one the last is half of the managers.
        (("ready", "ready", "down"), [1], False),
        (("ready", "ready", "down"), [2], True),
        (("ready", "ready", "down"), [1, 2], True),  # the dead one first
        (("ready", "ready", "ready", "down", "down"), [1], False),
        (("ready", "ready", "ready", "down", "down"), [1, 3], True),
    ],
)
def test_nobody_leaves_who_is_needed_for_the_majority(
    states: tuple[str, ...], leaving: list[int], allowed: bool
) -> None:
    members = [member(f"n{number}", "manager", state) for number, state in enumerate(states)]
    leavers = [Leaver(f"h{number}", declared_id=f"n{number}") for number in leaving]
    staying = [Host("h0", "manager", False, place("active", "n0", members))]
    if allowed:
        assert ids(farewell(leavers, staying)) == [f"n{number}" for number in leaving]
    else:
        with pytest.raises(Refusal, match="Managers would leave .* no majority.*Nothing was changed"):
            farewell(leavers, staying)


@st.composite
def departures(draw: st.DrawFn) -> tuple[World, set[str], set[str]]:
    """A swarm of hosts that are up or down, who leaves it, and whose engines do not answer."""
    names = [f"h{number}" for number in range(draw(st.integers(2, 7)))]
    world = World()
    down = set()
    for name in names:
        if draw(st.booleans()):
            role = draw(st.sampled_from(["manager", "manager", "worker"]))
            state = draw(st.sampled_from(["ready", "ready", "down"]))
            world.member("A", f"n-{name}", role, state, address=f"10.0.0.{names.index(name)}")
            world.node_of[name] = f"n-{name}"
            down |= {name} if state == "down" else set()
    leaving = set(draw(st.lists(st.sampled_from(names), min_size=1, unique=True)))
    return world, leaving, down | set(draw(st.lists(st.sampled_from(names), max_size=1)))


@settings(max_examples=400)
@given(departures())
def test_in_every_world_the_majority_stays_and_nobody_else_is_touched(found: tuple[World, set[str], set[str]]) -> None:
    world, leaving, silent = found
    names = sorted({f"h{number}" for number in range(7)} | leaving)

    def planned() -> Farewell:
        seen = {name: None if name in silent else world.place(name) for name in names}
        return farewell(
            [Leaver(name, place=seen[name], addresses=frozenset({f"10.0.0.{name[1:]}"})) for name in sorted(leaving)],
            [Host(name, "manager", False, seen[name]) for name in names if name not in leaving],
        )

    own = {world.node_of[name] for name in leaving if name in world.node_of}
    try:
        plan = planned()
    except Refusal as refusal:
        assert str(refusal).endswith("Nothing was changed.")
        return
    assert set(ids(plan)) <= own, "a node outside the play was touched"
    dead_first = sorted(plan.nodes, key=lambda node: world.swarms["A"][node["id"]]["state"] == "ready")
    for node in dead_first:
        world.leave(node["labels"][LEAVING_LABEL], node["id"])
    if world.swarms:
        assert ids(planned()) == [], "a second run finds something to do"


def test_without_any_swarm_there_is_nothing_to_leave() -> None:
    assert (
        farewell([Leaver("vm2", place=place()), Leaver("vm3")], [Host("vm1", "manager", False, place())]) == Farewell()
    )


def test_a_host_that_is_replaced_joins_again() -> None:
    there = Leaver("vm2", "worker", place=place("active", "n2", manager_ids=["n1"]), replaced=True)
    assert farewell([there], STAYING).steps[1:] == ["vm2 joins as worker through vm1"]
    assert farewell([replace(there, replaced=False)], STAYING).steps[1:] == []
    silent = Leaver("vm4", "worker", addresses=frozenset({"10.0.0.4"}), replaced=True)
    assert len(farewell([silent], STAYING).steps) == 1
