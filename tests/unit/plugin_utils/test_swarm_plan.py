# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for swarms: tables of what is refused, and properties that hold in every world."""

from __future__ import annotations

import copy
import typing as t

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._terms import LEAVING_LABEL
from ansible_collections.swarmlab.overlay.plugins.plugin_utils.swarm_plan import (
    Farewell,
    Host,
    Leaver,
    Plan,
    Refusal,
    farewell,
    find,
    plan,
    refuse_lost_labels,
)
from hypothesis import given, settings
from hypothesis import strategies as st

PORT = 4789


class World:
    """Engines and their swarms, as far as a plan sees and changes them."""

    def __init__(self) -> None:
        self.node_of: dict[str, str] = {}  # host -> id of the node that its engine says it is
        self.swarms: dict[str, dict[str, dict]] = {}  # swarm -> id -> member
        self.created = 0

    def member(self, swarm: str, node_id: str, role: str = "worker", state: str = "ready", **more: t.Any) -> None:
        self.swarms.setdefault(swarm, {})[node_id] = {
            "id": node_id, "hostname": node_id, "role": role, "availability": "active", "labels": {}, "state": state, "message": "",
            "address": "", "leader": False, "manager_address": f"{node_id}:2377" if role == "manager" else "",
            "reachability": ("reachable" if state == "ready" else "unreachable") if role == "manager" else "", **more,
        }  # fmt: skip

    def swarm_of(self, host: str) -> str:
        node_id = self.node_of.get(host)
        return next((swarm for swarm, members in self.swarms.items() if node_id in members), "")

    def managers(self, swarm: str) -> list[dict]:
        return [member for member in self.swarms[swarm].values() if member["role"] == "manager"]

    def has_majority(self, swarm: str) -> bool:
        managers = self.managers(swarm)
        return len([member for member in managers if member["reachability"] == "reachable"]) > len(managers) // 2

    def place(self, host: str) -> dict:
        swarm, node_id = self.swarm_of(host), self.node_of.get(host, "")
        if not swarm:
            return {
                "state": "inactive",
                "hostname": host,
                "node_id": "",
                "node_address": "",
                "manager": False,
                "managers": [],
                "manager_ids": [],
                "swarm_id": "",
                "data_path_port": None,
                "members": None,
                "error": "",
            }
        manager = self.swarms[swarm][node_id]["role"] == "manager"
        led = manager and self.has_majority(swarm)
        return {
            "state": "active", "hostname": host, "node_id": node_id, "node_address": "", "manager": manager,
            "managers": [f"{member['id']}:2377" for member in self.managers(swarm)],
            "manager_ids": [member["id"] for member in self.managers(swarm)], "swarm_id": swarm if manager else "",
            "data_path_port": PORT if manager else None, "error": "",
            "members": copy.deepcopy(list(self.swarms[swarm].values())) if led else None,
        }  # fmt: skip

    def carry_out(self, planned: Plan, roles: t.Mapping[str, str]) -> set[str]:
        """Do what is planned; the ids of the nodes that were touched. Promotions first, as module swarm_node does."""
        touched = set()
        if planned.init:
            self.created += 1
            self.node_of[planned.init] = f"n-{planned.init}"
            self.member(f"made-{self.created}", f"n-{planned.init}", "manager")
        swarm = self.swarm_of(planned.primary)
        for role, hosts in planned.joins.items():
            for host in hosts:
                assert roles[host] == role
                self.node_of[host] = f"n-{host}"
                self.member(swarm, f"n-{host}", role)
                assert self.has_majority(swarm)
        if planned.joins or planned.init:
            return touched
        for change in sorted(planned.changes, key=lambda change: change.get("role") == "worker"):
            touched.add(change["id"])
            member = self.swarms[swarm][change["id"]]
            member["state"] = "ready"
            if "role" in change:
                member.update(role=change["role"], reachability="reachable" if change["role"] == "manager" else "")
            member["labels"].update(change.get("labels", {}))
            member["availability"] = change.get("availability", member["availability"])
            assert self.has_majority(swarm), "a step of ours cost the majority"
        return touched


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


def place(state: str = "inactive", node_id: str = "", members: list[dict] | None = None, **more: t.Any) -> dict:
    return {
        "state": state, "hostname": "h", "node_id": node_id, "node_address": "", "manager": members is not None, "managers": ["10.0.0.9:2377"],
        "manager_ids": [], "swarm_id": "A" if members is not None else "", "data_path_port": PORT if members is not None else None,
        "members": members, "error": "", **more,
    }  # fmt: skip


def member(node_id: str, role: str = "worker", state: str = "ready", **more: t.Any) -> dict:
    world = World()
    world.member("A", node_id, role, state, **more)
    return world.swarms["A"][node_id]


LED = place("active", "n1", [member("n1", "manager")])
LOCKED = place("locked", error="Swarm is encrypted and needs to be unlocked")


@pytest.mark.parametrize(
    ("hosts", "words"),
    [
        ([Host("vm1", "manager", place=None, problem="it is not reachable")], "vm1: it is not reachable"),
        ([Host("vm1", "manager", place=LOCKED)], "docker swarm unlock.*needs to be unlocked"),
        ([Host("vm1", "manager", place=place("error", error="certificate expired"))], "certificate expired"),
        ([Host("vm1", "manager", place=LED), Host("vm2", "worker", place=place("active", "n1"))], "vm1, vm2 are one node"),
        ([Host("vm1", "manager", place=LED), Host("vm2", "worker", place=place("active", "n7"))], "vm2 belongs to another swarm than vm1"),
        ([Host("vm1", "manager", place=LED), Host("vm2", "worker", place=place("active", "n7", manager_ids=["n1"]))], "the swarm has removed this node"),
        ([Host("vm1", "manager", place=LED), Host("vm2", "manager", place=place("active", "n2", [member("n2", "manager")], swarm_id="B"))],
         "several swarms: vm1 of A; vm2 of B"),
        ([Host("vm1", "manager", place=LED), Host("vm2", place=place())], "vm2: in no swarm, and no group declares"),
        ([Host("vm1", "worker", place=place("active", "n1"))], "none of its managers \\(10.0.0.9:2377\\) can be used"),
        ([Host("vm1", "worker", place=place())], "no host is declared a manager"),
        ([Host("vm1", "manager", False, place()), Host("vm2", "worker", place=place())], "none of the declared managers \\(vm1\\) is in this play"),
        # A locked manager outside of the play is in a swarm, though it does not say in which.
        ([Host("vm1", "manager", False, LOCKED), Host("vm2", "manager", place=place())], "vm1: already in a swarm"),
        ([Host("vm1", "manager", False), Host("vm2", "manager", place=place())], "It is unknown whether a swarm exists already: vm1"),
        # A host that no group calls a worker may be a manager.
        ([Host("vm1", "", False), Host("vm2", "manager", place=place())], "It is unknown whether"),
        ([Host("vm1", "manager", place=place("active", "n1", None, manager=True, error="no leader"))], "no majority.*no leader"),
        ([Host("vm1", "worker", place=LED)], "declare managers as workers"),
    ],
)  # fmt: skip
def test_refused(hosts: list[Host], words: str) -> None:
    with pytest.raises(Refusal, match=words):
        plan(hosts, PORT, final=True)


def test_two_of_four_managers_are_too_many_to_lose_while_one_is_dead() -> None:
    members = [member(f"n{number}", "manager", "down" if number == 4 else "ready") for number in range(1, 5)]
    hosts = [
        Host(f"vm{number}", "manager" if number == 1 else "worker", place=place("active", f"n{number}", members))
        for number in (1, 2, 3)
    ]
    with pytest.raises(Refusal, match="no majority"):
        plan(hosts, PORT)


def test_a_port_that_the_swarm_does_not_have() -> None:
    with pytest.raises(Refusal, match="UDP port 4789 for overlay traffic, and swarm_data_path_port declares 5000"):
        plan([Host("vm1", "manager", place=LED)], 5000)


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


STAYING = [
    Host(
        "vm1",
        "manager",
        False,
        place(
            "active",
            "n1",
            [
                member("n1", "manager"),
                member("n2", hostname="vm3", address="10.0.0.2"),
                member("n3", hostname="vm2", address="10.0.0.3"),
                member("n4", state="down", hostname="vm4", address="10.0.0.4"),
                member("n5", state="down", labels={LEAVING_LABEL: "vm5"}, hostname="vm5"),
            ],
        ),
    )
]


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


def test_without_any_swarm_there_is_nothing_to_leave() -> None:
    assert (
        farewell([Leaver("vm2", place=place()), Leaver("vm3")], [Host("vm1", "manager", False, place())]) == Farewell()
    )


THREE = [
    member("n1", "manager", hostname="vm1", address="10.0.0.1"),
    member("n2", "manager", hostname="vm2", address="10.0.0.2", labels={"rack": "a", LEAVING_LABEL: "x"}),
    member("n3", "manager", hostname="vm3", address="10.0.0.3"),
    member("n4", hostname="twin", address="10.0.0.4", state="down"),
    member("n5", hostname="twin", address="10.0.0.5"),
    member("n6", hostname="gone", address="10.0.0.6", state="down"),
]


def inventory(**changes: Leaver) -> list[Leaver]:
    """Hosts a, b and c are the managers n1, n2 and n3, d is worker n5; what each is called there does not matter."""
    hosts = {
        "a": Leaver("a", "manager", place=place("active", "n1", THREE)),
        "b": Leaver("b", "manager", place=place("active", "n2", THREE)),
        "c": Leaver("c", "manager", place=place("active", "n3", THREE)),
        "d": Leaver("d", "worker", place=place("active", "n5", manager_ids=["n1"])),
    }
    return list({**hosts, **changes}.values())


@pytest.mark.parametrize(
    ("names", "found", "manager"),
    [
        (["d"], [("n5", "d")], "a"),
        (["n5"], [("n5", "d")], "a"),
        (["a"], [("n1", "a")], "b"),
        (["vm1", "b"], [("n1", "a"), ("n2", "b")], "c"),
        (["gone"], [("n6", "")], "a"),
        (["d", "n5"], [("n5", "d")], "a"),
        # Nobody else can be asked, and a drain does not need another.
        (["a", "b", "c"], [("n1", "a"), ("n2", "b"), ("n3", "c")], "a"),
    ],
)
def test_the_nodes_that_are_meant(names: list[str], found: list[tuple[str, str]], manager: str) -> None:
    seen = find(names, inventory())
    assert [(target["id"], target["host"]) for target in seen.targets] == found and seen.manager == manager


@pytest.mark.parametrize(
    ("names", "hosts", "going", "words"),
    [
        ([], inventory(), False, "No node was named"),
        (["vm9"], inventory(), False, "vm9: not a node of the swarm. Its nodes are gone, twin, twin, vm1"),
        (["twin"], inventory(), False, "twin is the host name of several nodes.*n4 \\(down\\), n5 \\(ready\\)"),
        (["d"], [Leaver("a", problem="timed out")], False, "No manager in the inventory can manage the swarm \\(a: timed out"),
        (["d"], inventory(d=Leaver("d", "worker", problem="timed out")), False, "d: not a node of the swarm"),
        (["d"], inventory(d=Leaver("d", place=place("active", "n77"))), False, "another swarm"),
        (["a", "b", "c"], inventory(), True, "no remaining manager"),
        (["n5"], [host for host in inventory() if host.name != "d"], True, "twin \\(n5\\): runs, and is not in the inventory"),
    ],
)  # fmt: skip
def test_nodes_that_nobody_can_tell(names: list[str], hosts: list[Leaver], going: bool, words: str) -> None:
    with pytest.raises(Refusal, match=words):
        find(names, hosts, going)


def test_nodes_leave_only_while_the_managers_keep_a_majority() -> None:
    down = [dict(each, reachability="unreachable", state="down") if each["id"] == "n3" else each for each in THREE]
    hosts = [
        Leaver("a", place=place("active", "n1", down)),
        Leaver("b", place=place("active", "n2", down)),
        Leaver("c"),
    ]
    assert [target["id"] for target in find(["n3"], hosts, True).targets] == ["n3"]
    with pytest.raises(Refusal, match="Managers would leave .*Of the 2 remaining managers 1 would"):
        find(["b"], hosts, True)
    assert find(["b"], hosts).manager == "a"


def test_a_host_that_was_installed_anew_was_the_dead_node_at_its_address() -> None:
    new = Leaver("new", place=place(), addresses=frozenset({"10.0.0.6"}))
    assert find(["new"], inventory(new=new), True).absent == ["new"]
    new = Leaver("new", place=place(), addresses=frozenset({"10.0.0.6"}), replaced=True)
    assert [target["id"] for target in find(["new"], inventory(new=new), True).targets] == ["n6"]
    assert ids(farewell([new], inventory())) == ["n6"]
    alive = Leaver("new", place=place(), addresses=frozenset({"10.0.0.3"}), replaced=True)
    assert find(["new"], inventory(new=alive), True).absent == ["new"]  # whoever lives there is not this host


def test_labels_that_only_the_swarm_has_are_not_lost() -> None:
    found = find(["b"], inventory(), True)
    refuse_lost_labels(found, {"b": {"rack": "b"}})
    with pytest.raises(Refusal, match="b: rack=a"):
        refuse_lost_labels(found, {"b": {}})
