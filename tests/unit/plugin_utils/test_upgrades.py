# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which nodes a rolling action is for, in which order, to which version, and what is refused."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._swarm_plan.hosts import Refusal
from ansible_collections.swarmlab.overlay.plugins.plugin_utils.upgrades import RESUMED, Wish, clashes, plan
from hypothesis import given
from hypothesis import strategies as st

NOW = 1_800_000_000


def swarm(
    managers: int = 3, workers: int = 2, version: str = "26.1.5", newer: tuple[str, ...] = ("28.5.2",)
) -> dict[str, Any]:
    """{host: what it told} of a sound swarm; the last manager leads."""
    names = [f"m{number}" for number in range(managers)] + [f"w{number}" for number in range(workers)]
    members = [
        {
            "id": f"id-{name}", "hostname": name, "role": "manager" if name[0] == "m" else "worker", "state": "ready",
            "leader": name == f"m{managers - 1}", "reachability": "reachable" if name[0] == "m" else "",
        }
        for name in names
    ]  # fmt: skip
    look = {
        "nodes": [
            {"id": f"id-{name}", "name": name, "engine": version, "availability": "active", "ours": False, "done": ""}
            for name in names
        ],
        "fates": {}, "updates": [], "rotating": False, "autolock": False, "encrypted": True,
    }  # fmt: skip
    told = {}
    for name in names:
        manager = name[0] == "m"
        told[name] = {
            "swarm": {"state": "active", "node_id": f"id-{name}", "swarm_id": "s" if manager else "", "members": members if manager else None},
            "version": f"{version}+dfsg1", "newer": {one: f"{one}-1" for one in newer}, "problem": "", "stopping": "", "restarting": "",
            "free": 9000, "standalone": [],
        }  # fmt: skip
        if manager:
            told[name]["outlook"] = look
    return copy.deepcopy(told)


def each_look(told: dict[str, Any]) -> list[dict[str, Any]]:
    return [one["outlook"] for one in told.values() if "outlook" in one]


def mark(told: dict[str, Any], name: str, **marks: Any) -> None:
    """Every manager tells this of a node."""
    for look in each_look(told):
        next(node for node in look["nodes"] if node["name"] == name).update(marks)


def member(told: dict[str, Any], name: str, **marks: Any) -> None:
    for one in told.values():
        for found in one["swarm"]["members"] or ():
            if found["hostname"] == name:
                found.update(marks)


def order(told: dict[str, Any], wish: Wish) -> list[list[str]]:
    return [turn.hosts for turn in plan(told, wish).turns]


WISH = Wish(now=NOW)


def test_managers_one_by_one_the_leader_last_then_workers() -> None:
    found = plan(swarm(), WISH)
    assert [turn.hosts for turn in found.turns] == [["m0"], ["m1"], ["m2"], ["w0"], ["w1"], []]
    assert all(turn.manager not in turn.hosts for turn in found.turns)
    assert found.steps[0] == "1. m0 (manager): upgraded from 26.1.5 to 28.5.2"
    assert found.steps[2] == "3. m2 (leader): upgraded from 26.1.5 to 28.5.2"
    assert set(found.wanted.values()) == {"28.5.2"} and found.fresh and found.notes == [] and found.done == ""
    assert order(swarm(), replace(WISH, batch=2)) == [["m0"], ["m1"], ["m2"], ["w0", "w1"], []]
    assert order(swarm(), replace(WISH, names=["w1", "w1", "m0"])) == [["m0"], ["w1"], []]


def test_nodes_at_the_target_are_left_out_and_leftovers_come_first() -> None:
    told = swarm()
    told["m0"].update(version="28.5.2", newer={})
    told["w1"].update(version="28.5.2", newer={})
    mark(told, "w1", ours=True, availability="drain")
    mark(told, "w0", availability="drain")
    found = plan(told, WISH)
    assert [turn.hosts for turn in found.turns] == [["w1"], ["m1"], ["m2"], ["w0"], []]
    assert (
        "w1 (worker): given back" in found.steps[0]
        and "w0 (worker): upgraded from 26.1.5 to 28.5.2; it stays in drain" in found.steps[3]
    )
    assert not found.fresh
    told = swarm(version="28.5.2", newer=())
    assert plan(told, WISH).turns == [] and plan(told, WISH).steps == ["Nothing to do: every node is at the target."]


def test_the_newest_version_that_all_have_or_the_one_that_is_asked_for() -> None:
    told = swarm(newer=("29.3.0", "28.5.2", "28.5.1"))
    told["w0"]["newer"] = {"28.5.2": "x", "28.5.1": "x"}
    assert set(plan(told, WISH).wanted.values()) == {"28.5.2"}
    asked = replace(WISH, versions=dict.fromkeys(told, "28.5.1"))
    assert set(plan(told, asked).wanted.values()) == {"28.5.1"}
    told["w0"]["newer"] = {}
    assert set(plan(told, WISH).wanted.values()) == {"26.1.5"} and plan(told, WISH).turns == []
    with pytest.raises(Refusal, match=r"Not every host can have version 29\.3\.0: w0 has nothing newer"):
        plan(told, replace(WISH, versions=dict.fromkeys(told, "29.3.0")))
    told["m0"].update(version="28.5.2", newer={})
    with pytest.raises(Refusal, match="no version in common"):
        plan(told, WISH)


@pytest.mark.parametrize("action", ["restart", "reboot"])
def test_an_interrupted_restart_goes_on(action: str) -> None:
    wish = replace(WISH, action=action)
    told = swarm()
    found = plan(told, wish)
    assert found.done == f"{action}-{NOW}" and {one["id"] for one in found.notes} == {f"id-{name}" for name in told}
    assert found.steps[0] == f"1. m0 (manager): {action}ed" and found.wanted == {}
    began = NOW - 100
    for name in ("m0", "m1"):
        mark(told, name, done=f"{action}-{began}")
    found = plan(told, wish)
    assert [turn.hosts for turn in found.turns] == [["m2"], ["w0"], ["w1"], []] and found.done == f"{action}-{began}"
    assert len(found.notes) == 5 and not found.fresh and "goes on" in found.steps[0]
    for name in told:
        mark(told, name, done=f"{action}-{began}")
    found = plan(told, wish)
    assert found.turns == [] and len(found.notes) == 5
    # An old one is no sequel, and neither is another action.
    later = replace(wish, now=began + RESUMED + 1)
    assert len(plan(told, later).turns) == 6 and plan(told, later).done == f"{action}-{later.now}"
    other = replace(wish, action="reboot" if action == "restart" else "restart")
    assert len(plan(told, other).turns) == 6


def broken(change: Any) -> dict[str, Any]:
    told = swarm()
    change(told)
    return told


def looks(**marks: Any) -> Any:
    return lambda told: [look.update(copy.deepcopy(marks)) for look in each_look(told)]


GAP = {"id-w0": [{"service": "web", "how": "gap", "words": "web, 1 task: stops"}]}


@pytest.mark.parametrize(("change", "wish", "words"), [
    (lambda told: told.update(w0={"problem": "cannot be reached."}), WISH, "w0: cannot be reached. Nothing was changed"),
    (lambda told: told["w0"]["swarm"].update(node_id=""), WISH, "w0: no node of the swarm"),
    (lambda told: told.pop("m1"), WISH, "No host of this play is manager m1"),
    (lambda told: [told.pop(name) for name in ("m0", "m1", "m2")], WISH, "No host of this play is a manager"),
    (lambda told: member(told, "w1", state="down"), WISH, "w1 is down"),
    (lambda told: member(told, "m1", reachability="unreachable"), WISH, "manager m1 is unreachable"),
    (looks(rotating=True), WISH, "rotates its CA"),
    (looks(updates=["web (paused)"]), WISH, r"web \(paused\)"),
    (looks(autolock=True), WISH, "swarm_unlock_keys"),
    (looks(fates=GAP), WISH, r"on w0 web, 1 task: stops.*upgrade_accept \[gap\]"),
    (lambda told: told["w0"].update(standalone=[{"name": "box", "returns": False}]), WISH, r"container box.*\[lost\]"),
    (lambda told: told["w0"].update(standalone=[{"name": "box", "returns": True}]), WISH, r"container box.*\[gap\]"),
    (lambda told: told["w0"].update(free=20), WISH, "w0: 20 MiB are free, and 500 are needed"),
    (lambda told: told["w0"].update(stopping="no systemd"), WISH, "w0: no systemd"),
    (lambda told: told["w0"].update(problem="pacman"), WISH, "w0: pacman"),
    (lambda told: told["w0"].update(restarting="no way"), replace(WISH, action="restart"), "w0: no way"),
    (lambda told: None, replace(WISH, action="dance"), "upgrade_action is 'dance'"),
    (lambda told: None, replace(WISH, batch=0), "upgrade_batch is 0"),
    (lambda told: None, replace(WISH, accept=["everything"]), "everything"),
    (lambda told: None, replace(WISH, names=["vm9"]), "vm9: no host of this play"),
    (lambda told: None, replace(WISH, versions={"w0": "20.10.24"}), r"Version 20\.10\.24 is below the present one \(w0 runs 26\.1\.5\+dfsg1\)"),
    (lambda told: None, replace(WISH, versions={"w0": "newest"}), "w0: 'newest'"),
    (lambda told: told["m0"].update(newer={}), replace(WISH, versions={"m0": "28.5.2"}), "m0 has nothing newer"),
    (lambda told: [one.update(newer={"29.1.0": "x"}) for one in told.values()], WISH, r"moby#51798.*upgrade_accept \[mixed\]"),
    (lambda told: told["m1"]["swarm"].update(swarm_id="t"), WISH, "several swarms"),
])  # fmt: skip
def test_what_is_refused(change: Any, wish: Wish, words: str) -> None:
    with pytest.raises(Refusal, match=words) as told:
        plan(broken(change), wish)
    assert str(told.value).endswith("Nothing was changed.")


def test_what_is_accepted() -> None:
    assert len(plan(broken(looks(fates=GAP)), replace(WISH, accept=["gap"])).turns) == 6
    assert len(plan(broken(looks(autolock=True)), replace(WISH, has_keys=True)).turns) == 6
    odd = broken(lambda told: [one.update(newer={"29.1.0": "x"}) for one in told.values()])
    assert "moby#51798" in plan(odd, replace(WISH, accept=["mixed"])).warnings[0]
    assert plan(odd, replace(WISH, accept=["mixed", "gap"])).accept == ["gap"]
    # A node that is not meant may have a gap.
    assert order(broken(looks(fates=GAP)), replace(WISH, names=["m0"])) == [["m0"], []]
    alone = plan(swarm(managers=1), WISH)
    assert "only manager" in alone.steps[-1]
    with pytest.raises(Refusal, match="a majority is 2"):
        plan(swarm(managers=2), WISH)
    fewer = swarm()
    del fewer["w1"]
    assert "stay as they are: w1" in plan(fewer, WISH).warnings[0]


@pytest.mark.parametrize(("versions", "encrypted", "number"), [
    (["28.5.2", "29.2.1"], True, 0), (["28.5.2", "29.2.0"], True, 1), (["28.5.2", "29.2.0"], False, 0), (["29.0.1", "29.2.0"], True, 0),
    (["17.12.1", "18.09"], False, 1), (["17.03", "17.12"], False, 0), (["1.12.6", "1.13.1"], False, 1), (["20.10.24+dfsg1", "26.1.5"], True, 0),
    (["", "29.1.0"], True, 0),
])  # fmt: skip
def test_versions_that_do_not_work_together(versions: list[str], encrypted: bool, number: int) -> None:
    assert len(clashes(versions, encrypted)) == number


@given(st.integers(1, 5), st.integers(0, 5), st.integers(1, 4), st.data())
def test_every_node_that_is_due_has_one_turn(managers: int, workers: int, batch: int, data: st.DataObject) -> None:
    told = swarm(managers, workers)
    through = {host for host in told if data.draw(st.booleans())}
    left = {host for host in told if data.draw(st.integers(0, 5)) == 0}
    for host in through:
        told[host].update(version="28.5.2", newer={})
    for host in left:
        mark(told, host, ours=True, availability="drain")
    due = {host for host in told if host in left or (host not in through)}
    try:
        found = plan(told, replace(WISH, batch=batch))
    except Refusal as error:
        assert managers == 2 and "majority" in str(error) and due & {"m0", "m1"}
        return
    hosts = [host for turn in found.turns for host in turn.hosts]
    assert sorted(hosts) == sorted(due)
    assert [host in left for host in hosts] == sorted((host in left for host in hosts), reverse=True)
    rest = [host for host in hosts if host not in left]
    assert rest == sorted(rest, key=lambda host: (host[0] == "w", host == f"m{managers - 1}"))
    assert len([line for line in found.steps if line[0].isdigit()]) == len(due)
