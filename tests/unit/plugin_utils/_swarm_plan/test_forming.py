# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans that form a swarm: properties that hold in every world, and tables of steps."""

from __future__ import annotations

import copy
import typing as t

from ansible_collections.swarmlab.overlay.plugins.module_utils._terms import (
    LEAVING_LABEL,
    MAINTENANCE_LABEL,
    PURPOSE_LABEL,
)
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._swarm_plan.forming import plan
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._swarm_plan.hosts import Host, Refusal
from hypothesis import given, settings
from hypothesis import strategies as st

from .worlds import PORT, World, member, place


def hosts_of(
    world: World, roles: t.Mapping[str, str], play: t.Container[str], deaf: t.Container[str] = (), asked: bool = False
) -> list[Host]:
    """What a run knows: hosts of the play, and the others once they have been asked; some never answer."""
    return [
        Host(
            name,
            role,
            name in play,
            world.place(name) if (name in play or asked) and name not in deaf else None,
            "no answer",
            {"rack": "a"},
        )
        for name, role in roles.items()
    ]


@st.composite
def worlds(draw: t.Any) -> tuple[World, dict[str, str], set[str], set[str]]:
    """A world, what is declared of its hosts, those of the play, and those that do not answer."""
    names = [f"h{number}" for number in range(draw(st.integers(1, 6)))]
    roles = {name: draw(st.sampled_from(["manager", "manager", "worker", "worker", ""])) for name in names}
    world = World()
    for name in names:
        swarm = draw(st.sampled_from(["", "A", "A", "A", "B"]))
        if swarm:
            role = draw(st.sampled_from(["manager", "worker"]))
            world.member(swarm, f"n-{name}", role, draw(st.sampled_from(["ready", "ready", "ready", "down"])))
            world.node_of[name] = f"n-{name}"
    for swarm in list(world.swarms):
        for number in range(draw(st.integers(0, 2))):  # members that the inventory does not have
            world.member(
                swarm,
                f"x-{swarm}{number}",
                draw(st.sampled_from(["manager", "worker"])),
                draw(st.sampled_from(["ready", "down"])),
            )
        if not world.managers(swarm):
            world.member(swarm, f"m-{swarm}", "manager")
    play = set(draw(st.lists(st.sampled_from(names), min_size=1, unique=True)))
    deaf = set(draw(st.lists(st.sampled_from(names), max_size=2, unique=True)))
    return world, roles, play, deaf


def run(world: World, roles: dict[str, str], play: set[str], deaf: set[str]) -> tuple[int, set[str]]:
    """A whole run of the role: how many rounds did something, and the nodes that were touched."""
    touched: set[str] = set()
    for number in range(5):
        planned = plan(hosts_of(world, roles, play, deaf), PORT)
        if planned.ask:
            assert not set(planned.ask) & play
            planned = plan(hosts_of(world, roles, play, deaf, asked=True), PORT, final=True)
        assert not planned.ask
        if not planned.steps:
            return number, touched
        touched |= world.carry_out(planned, roles)
    raise AssertionError("it never comes to an end")


@settings(max_examples=400)
@given(worlds())
def test_in_every_world(given_world: tuple[World, dict[str, str], set[str], set[str]]) -> None:
    world, roles, play, deaf = given_world
    before = copy.deepcopy(world)
    try:
        _rounds, touched = run(world, roles, play, deaf)
    except Refusal as refusal:
        assert str(refusal).endswith("Nothing was changed.")
        return
    assert not deaf & play, "a host that does not answer was taken for sound"
    assert touched <= {world.node_of[host] for host in play}, "a node outside the play was touched"
    if world.created:
        assert world.created == 1
        managers = {host for host, role in roles.items() if role == "manager"}
        assert not managers & deaf, "a manager that was not asked may lead a swarm"
        assert not any(before.swarm_of(host) for host in set(roles) - deaf), "there was a swarm already"
    assert len({world.swarm_of(host) for host in play}) == 1, "the hosts of the play are not in one swarm"
    for host in play:
        assert roles[host] in ("", world.swarms[world.swarm_of(host)][world.node_of[host]]["role"])
    assert run(world, roles, play, deaf)[0] == 0, "a second run finds something to do"


def test_the_first_manager_that_was_made_anew_joins_the_swarm_of_the_others() -> None:
    others = place("active", "n2", [member("n2", "manager"), member("n3", "manager")])
    first, second = Host("vm1", "manager", place=place()), Host("vm2", "manager", False)
    assert plan([first, second], PORT).ask == ["vm2"]
    planned = plan([first, Host("vm2", "manager", False, others)], PORT, final=True)
    assert (planned.init, planned.joins, planned.primary) == ("", {"manager": ["vm1"]}, "vm2")


def test_the_last_manager_becomes_a_worker_once_there_is_another() -> None:
    members = [member("n1", "manager"), member("n2")]
    swap = [
        Host("vm1", "worker", place=place("active", "n1", members)),
        Host("vm2", "manager", place=place("active", "n2", manager_ids=["n1"])),
    ]
    planned = plan(swap, PORT)
    assert planned.changes == [{"id": "n2", "role": "manager"}] and planned.unfinished == ["vm1"]
    members = [member("n1", "manager"), member("n2", "manager")]
    swap = [
        Host("vm1", "worker", place=place("active", "n1", members)),
        Host("vm2", "manager", place=place("active", "n2", members)),
    ]
    planned = plan(swap, PORT)
    assert planned.changes == [{"id": "n1", "role": "worker"}] and planned.primary == "vm2" and not planned.unfinished


def test_what_nobody_declares_stays() -> None:
    drained = member("n1", "manager", availability="drain", labels={"rack": "b", "disk": "ssd"})
    host = Host("vm1", "manager", place=place("active", "n1", [drained]))
    assert not plan([host], PORT).steps
    declared = Host(
        "vm1", "manager", place=place("active", "n1", [drained]), labels={"rack": "a"}, availability="active"
    )
    assert plan([declared], PORT).changes == [{"id": "n1", "labels": {"rack": "a"}, "availability": "active"}]


def test_a_node_that_was_to_leave_and_stays_takes_tasks_again() -> None:
    members = [member("n1", "manager", availability="drain", labels={LEAVING_LABEL: "vm1"})]
    assert plan([Host("vm1", "manager", place=place("active", "n1", members))], PORT).changes == [
        {"id": "n1", "remove_labels": [LEAVING_LABEL], "availability": "active"}
    ]


def test_a_departure_that_was_given_up_is_taken_back_whole() -> None:
    """Playbook remove had drained it before it was marked as leaving. With that mark kept, services stayed away from an active node."""
    labels = {LEAVING_LABEL: "vm1", MAINTENANCE_LABEL: "pause", PURPOSE_LABEL: "backup"}
    members = [member("n1", "manager", availability="drain", labels=labels)]
    assert plan([Host("vm1", "manager", place=place("active", "n1", members))], PORT).changes == [
        {"id": "n1", "remove_labels": [LEAVING_LABEL, MAINTENANCE_LABEL, PURPOSE_LABEL], "availability": "pause"}
    ]
    # Drained by drain alone: it stays so until activate.
    members = [member("n1", "manager", availability="drain", labels={MAINTENANCE_LABEL: "active"})]
    assert not plan([Host("vm1", "manager", place=place("active", "n1", members))], PORT).changes


def test_pending_and_unready_nodes_are_waited_for() -> None:
    members = [member("n1", "manager"), member("n2", state="unknown", message="heartbeat failure")]
    planned = plan(
        [
            Host("vm1", "manager", place=place("active", "n1", members)),
            Host("vm2", "worker", place=place("active", "n2", manager_ids=["n1"])),
            Host("vm3", "worker", place=place("pending")),
        ],
        PORT,
    )
    assert planned.pending == ["vm3"] and planned.changes == [{"id": "n2"}]
    assert "waiting for vm2: the swarm calls it unknown (heartbeat failure)" in planned.steps


def test_warnings_stop_nothing() -> None:
    members = [member("n1", "manager"), member("n2", "manager"), member("n9", hostname="")]
    planned = plan(
        [Host(f"vm{number}", "manager", place=place("active", f"n{number}", members)) for number in (1, 2)], PORT
    )
    assert not planned.steps and "odd number" in planned.warnings[0] and "docker node rm n9" in planned.warnings[1]
