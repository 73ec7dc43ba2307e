# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves of networks in use: from any state, however often interrupted, the end is as declared and nobody is ever cut off."""

from __future__ import annotations

import itertools
import typing as t

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.moves import (
    Action,
    Member,
    Situation,
    attachments_of,
    format_addresses,
    free_subnet,
    hurry,
    may_run_twice,
    next_actions,
    parse_addresses,
    standin_name,
    standin_prefix,
    unhurry,
    with_network,
    without_network,
)
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.spec import NAME_LIMIT, Subnet
from ansible_collections.swarmlab.overlay.plugins.module_utils._terms import ORDER_LABEL
from hypothesis import assume, given
from hypothesis import strategies as st

LIMIT = 60


class World:
    """A swarm as far as a move is concerned."""

    def __init__(self, network: str | None, standin: bool, members: dict[str, set[str]]) -> None:
        self.network, self.standin, self.members = network, standin, members
        self.hurried: set[str] = set()

    def situation(self, wanted: str) -> Situation:
        members = tuple(
            Member("container" if name.startswith("c") else "service", name, name, "network" in on, "standin" in on)
            for name, on in sorted(self.members.items())
        )
        hurried = tuple(member for member in members if member.id in self.hurried)
        return Situation(
            "n" if self.network else None, self.network == wanted, "s" if self.standin else None, members, hurried
        )

    def do(self, action: Action, wanted: str) -> None:
        verb, dummy, target = action.verb.partition(" ")
        if action.verb == "restore order":
            self.hurried.discard(action.member.id)
        elif action.member is not None:
            on = self.members[action.member.id]
            assert (target in on) == (verb == "detach"), "an action that is done already"
            on.symmetric_difference_update({target})
            if verb == "attach" and action.member.kind == "service":
                self.hurried.add(action.member.id)
            assert on, "somebody is left without any network"
        elif target == "network":
            assert (self.network is None) == (verb == "create"), "names of networks are unique"
            assert not any("network" in on for on in self.members.values()), "swarm refuses to remove a network in use"
            self.network = wanted if verb == "create" else None
        else:
            assert self.standin == (verb == "remove")
            assert verb == "create" or not any("standin" in on for on in self.members.values())
            self.standin = verb == "create"

    def connected(self) -> bool:
        """Whether any two users share a network."""
        return all(one & other for one, other in itertools.combinations(self.members.values(), 2))


def run(world: World, wanted: str, steps: int) -> bool:
    """So many steps and then death; true when there was nothing left to do."""
    while True:
        actions = next_actions(world.situation(wanted))
        if not actions:
            return True
        for action in actions:
            if steps == 0:
                return False
            world.do(action, wanted)
            steps -= 1


WORLDS = st.builds(
    lambda names: World("old", False, {name: {"network"} for name in names}),
    st.sets(st.sampled_from(["s1", "s2", "s3", "c1", "c2"])),
)


@given(WORLDS, st.lists(st.tuples(st.sampled_from(["old", "new", "newer"]), st.integers(0, 25)), max_size=6))
def test_interrupted_runs_and_changed_minds_end_as_declared(world: World, runs: list[tuple[str, int]]) -> None:
    for wanted, steps in runs:
        run(world, wanted, steps)
    for wanted in ("new", "old"):
        assert run(world, wanted, LIMIT)
        assert (world.network, world.standin, world.hurried) == (wanted, False, set())
        assert all(on == {"network"} for on in world.members.values())
        assert next_actions(world.situation(wanted)) == ()


@given(WORLDS)
def test_any_two_users_share_a_network_all_the_time(world: World) -> None:
    for dummy in range(LIMIT):
        run(world, "new", 1)
        assert world.connected()
    assert world.network == "new" and not world.standin


@given(
    st.lists(st.sets(st.sampled_from(["network", "standin"]), min_size=1), max_size=4),
    st.sampled_from([None, "old", "new"]),
)
def test_every_state_has_a_way_out(attached: list[set[str]], network: str | None) -> None:
    assume(network is not None or not any("network" in on for on in attached))
    world = World(network, True, {f"s{index}": set(on) for index, on in enumerate(attached)})
    assert run(world, "new", LIMIT)
    assert all(on == {"network"} for on in world.members.values())


def test_without_users_there_is_no_standin() -> None:
    assert next_actions(Situation("n", False, None)) == (Action("remove network"),)


SERVICES = st.builds(
    lambda networks, update, labels, legacy: {
        "Name": "web",
        **({"Labels": labels} if labels is not None else {}),
        **({"UpdateConfig": update} if update is not None else {}),
        "TaskTemplate": {"ContainerSpec": {"Image": "i"}, **({} if legacy else {"Networks": networks})},
        **({"Networks": networks} if legacy else {}),
    },
    st.just([{"Target": "other"}, {"Target": "n", "Aliases": ["www"], "DriverOpts": {"a": "b"}}]),
    st.none()
    | st.fixed_dictionaries(
        {"Parallelism": st.integers(0, 3)}, optional={"Order": st.sampled_from(["stop-first", "start-first"])}
    ),
    st.none() | st.dictionaries(st.sampled_from(["a", "b"]), st.just("x")),
    st.booleans(),
)


@given(SERVICES)
def test_a_service_comes_back_as_it_was(raw: dict[str, t.Any]) -> None:
    moved = with_network(without_network(with_network(raw, "s", "n"), "n"), "n", "s")
    back = unhurry(without_network(moved, "s"))
    assert attachments_of(back) == attachments_of(raw)
    for spec in (back, raw):
        spec.pop("Networks", None)
        spec["TaskTemplate"].pop("Networks", None)
    assert dict(back, Labels=back.get("Labels") or {}) == dict(raw, Labels=raw.get("Labels") or {})


def test_attaching_twice_changes_nothing() -> None:
    raw = {"TaskTemplate": {"Networks": [{"Target": "n", "Aliases": ["www"]}]}}
    once = with_network(raw, "s", "n")
    assert attachments_of(once) == [{"Target": "n", "Aliases": ["www"]}, {"Target": "s", "Aliases": ["www"]}]
    assert with_network(once, "s", "n") == once
    assert once["UpdateConfig"] == {"Parallelism": 1, "Order": "start-first"}


@pytest.mark.parametrize(
    "more, expected",
    [
        ({}, True),
        ({"TaskTemplate": {"ContainerSpec": {"Mounts": [{"Target": "/data"}]}}}, False),
        ({"TaskTemplate": {"Placement": {"MaxReplicas": 1}}}, False),
        ({"EndpointSpec": {"Ports": [{"PublishMode": "host"}]}}, False),
        ({"EndpointSpec": {"Ports": [{"PublishMode": "ingress"}]}}, True),
    ],
)
def test_what_only_one_task_can_have_is_never_given_to_two(more: dict, expected: bool) -> None:
    assert may_run_twice(more) is expected
    assert (ORDER_LABEL in (hurry(dict(more)).get("Labels") or {})) is expected


@pytest.mark.parametrize("name", ["web", "x" * NAME_LIMIT, "a-" * 31 + "b"])
def test_names_of_standins_are_valid_and_their_own(name: str) -> None:
    assert len(standin_name(name)) <= NAME_LIMIT
    assert standin_name(name) != standin_name(name[:-1] + "z")


@pytest.mark.parametrize(
    "pools, prefix, taken, expected",
    [
        (["10.0.0.0/8"], 24, [], "10.0.0.0/24"),
        (["10.0.0.0/8"], 24, ["10.0.0.0/24", "10.0.1.7/32"], "10.0.2.0/24"),
        (["10.0.0.0/8"], 24, ["10.0.0.0/9"], "10.128.0.0/24"),
        (["10.0.0.0/23"], 24, ["10.0.0.0/23"], None),
        (["10.0.0.0/23", "10.9.0.0/16"], 24, ["10.0.0.0/23"], "10.9.0.0/24"),
        (["10.0.0.0/24"], 20, [], None),
        (["10.0.0.0/16"], 20, ["10.0.1.0/24"], "10.0.16.0/20"),
        (["fd00::/64", "10.1.0.0/16"], 24, ["fd00::/64"], "10.1.0.0/24"),
    ],
)
def test_free_subnets(pools: list[str], prefix: int, taken: list[str], expected: str | None) -> None:
    assert free_subnet(pools, prefix, taken) == expected


@pytest.mark.parametrize(
    "skip, taken, expected",
    [
        (2, [], "10.0.2.0/24"),
        (2, ["10.0.2.0/23"], "10.0.1.0/24"),  # round the end
        (2, ["10.0.0.0/24", "10.0.2.0/24"], "10.0.3.0/24"),
        (9, [], "10.0.1.0/24"),
        (3, ["10.0.0.0/22"], None),
    ],
)
def test_a_search_that_begins_further_on(skip: int, taken: list[str], expected: str | None) -> None:
    pool = ["10.0.0.0/22"]
    assert free_subnet(pool, 24, [*taken, "10.0.0.0/24"], skip) == expected


def test_a_standin_has_room_for_all() -> None:
    assert standin_prefix((Subnet("10.0.0.0/16"), Subnet("10.9.0.0/28")), 24) == 16
    assert standin_prefix((Subnet("10.9.0.0/28"),), 24) == 24


def test_addresses_survive_in_a_label() -> None:
    addresses = {"0123456789abcdef": "10.0.0.5", "fedcba9876543210": "10.0.0.6"}
    assert parse_addresses(format_addresses(addresses)) == {key[:12]: value for key, value in addresses.items()}
    assert parse_addresses("") == {}
