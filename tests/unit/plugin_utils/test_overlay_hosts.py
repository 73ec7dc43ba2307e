# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which manager declarations go to, and which host a declared node is: by what engines told, never by names or groups."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils.overlay_hosts import (
    Host,
    Refusal,
    choose,
    elsewhere,
    names,
    unknown,
)


def member(identity: str, hostname: str = "", **more: t.Any) -> dict:
    return dict({"id": identity, "hostname": hostname or f"host-{identity}", "state": "ready"}, **more)


MEMBERS = [member("1"), member("2"), member("3")]


def manager(name: str, identity: str, members: list | None = None, in_play: bool = True) -> Host:
    place = {
        "state": "active",
        "node_id": identity,
        "manager": True,
        "managers": [],
        "members": MEMBERS if members is None else members,
        "error": "",
    }
    return Host(name, in_play, place)


def leaderless(name: str, identity: str) -> Host:
    return Host(
        name,
        True,
        {
            "state": "active",
            "node_id": identity,
            "manager": True,
            "managers": [],
            "members": None,
            "error": "no leader",
        },
    )


def worker(name: str, identity: str, in_play: bool = True, state: str = "active") -> Host:
    place = {
        "state": state,
        "node_id": identity,
        "manager": False,
        "managers": ["10.0.0.7:2377"],
        "members": None,
        "error": "",
    }
    return Host(name, in_play, place)


def test_the_first_manager_that_speaks_for_the_swarm() -> None:
    hosts = [
        Host("a", in_play=False, problem="unreachable"),
        worker("b", "2"),
        leaderless("c", "3"),
        manager("d", "1"),
        manager("e", "2"),
    ]
    chosen = choose(hosts)
    assert (chosen.manager, chosen.speaker, chosen.ask) == ("d", "d", [])


def test_one_of_the_play_comes_before_one_outside() -> None:
    assert choose([manager("a", "1", in_play=False), manager("b", "2")]).manager == "b"


def test_a_play_without_managers_asks_outside_first_whom_its_nodes_call_managers() -> None:
    hosts = [worker("w", "3"), Host("a", False, address="10.0.0.6"), Host("b", False, address="10.0.0.7")]
    assert choose(hosts).ask == ["b", "a"]
    told = [worker("w", "3"), Host("a", False, problem="unreachable"), manager("b", "1", in_play=False)]
    chosen = choose(told, final=True)
    assert (chosen.manager, chosen.speaker) == ("b", "w"), "the play's own host speaks, and the manager is spoken to"
    assert list(chosen.names) == ["w"]


@pytest.mark.parametrize(
    "hosts, named, words",
    [
        ([worker("w", "3"), Host("a", False, problem="it is not reachable")], "", "a: it is not reachable"),
        ([worker("w", "3")], "", "its managers are at 10.0.0.7:2377"),
        ([leaderless("c", "3")], "", "a manager without a leader (no leader)"),
        ([worker("w", "", state="inactive")], "", "it is in no swarm (inactive)"),
        ([manager("a", "1")], "z", "names z, which is not in the inventory"),
        ([manager("a", "1"), worker("w", "3")], "w", "names w, which cannot manage the swarm: it is a worker"),
        (
            [manager("a", "1"), Host("b", False, problem="it is not reachable")],
            "b",
            "cannot manage the swarm: it is not reachable",
        ),
        ([manager("a", "1"), worker("w", "9")], "", "w (node 9): in another swarm than a"),
        ([manager("a", "1"), manager("b", "8", [member("8")])], "", "b (node 8): in another swarm than a"),
    ],
)
def test_refusals(hosts: list, named: str, words: str) -> None:
    with pytest.raises(Refusal) as caught:
        choose(hosts, named, final=True)
    assert words in str(caught.value) and "hanged" in str(caught.value)


def test_what_is_not_of_this_swarm_or_not_of_the_play_is_in_nobodys_way() -> None:
    outside = [manager("a", "1"), worker("w", "9", in_play=False), worker("n", "", state="inactive")]
    assert choose(outside).manager == "a"
    assert choose([manager("a", "1"), Host("b", False)], "b").ask == ["b"], (
        "the user's choice is asked, not passed over"
    )


def test_a_host_is_its_node_and_a_name_that_two_share_is_nobody() -> None:
    members = {
        entry["id"]: entry for entry in [member("1", "x"), member("2", "twin"), member("3", "twin"), member("4", "a")]
    }
    hosts = [manager("a", "1"), worker("b", "2"), worker("c", "3"), worker("d", "4"), Host("e")]
    assert names(hosts, members) == {
        "a": ["a", "1", "x"],
        "b": ["b", "2"],
        "c": ["c", "3"],
        "d": ["d", "4"],
        "e": ["e"],
    }, "host a is not the node whose host name is a"


def test_unknown_nodes() -> None:
    members = {entry["id"]: entry for entry in [member("1", "x"), member("2", "twin"), member("3", "twin")]}
    assert unknown(["a", "x", "1"], ["a"], members) == []
    found = unknown(["b", "twin"], ["a"], members)
    assert "b is neither in the inventory nor a node" in found[0] and "the node's id (2, 3)" in found[1]


def test_nodes_that_the_play_does_not_have() -> None:
    members = {entry["id"]: entry for entry in [member("1", "x"), member("2", "y"), member("3", "z", state="down")]}
    assert elsewhere([manager("a", "1")], members) == ["y"]
