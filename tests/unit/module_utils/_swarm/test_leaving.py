# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps a node in the swarm that is to leave it."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.sdk import Refused
from ansible_collections.swarmlab.overlay.plugins.module_utils._swarm import leaving
from ansible_collections.swarmlab.overlay.plugins.module_utils._swarm.raft import demote, is_leaderless, led


def node(name: str, state: str = "ready", role: str = "worker", reachability: str | None = None) -> dict:
    manager = {"ManagerStatus": {"Reachability": reachability}} if reachability else {}
    return {
        "ID": f"id-{name}", "Description": {"Hostname": name}, "Status": {"State": state}, "Spec": {"Role": role}, **manager
    }  # fmt: skip


def service(mode: dict | None = None, **template: object) -> dict:
    return {
        "ID": "s",
        "Spec": {"Name": "web", "Mode": mode or {"Replicated": {"Replicas": 2}}, "TaskTemplate": template},
    }


def task(slot: int, where: str | None, state: str, desired: str = "running", error: str = "") -> dict:
    return {
        "ID": f"{slot}-{where}-{state}", "ServiceID": "s", "Slot": slot, "NodeID": f"id-{where}" if where else "",
        "DesiredState": desired, "Status": {"State": state, "Err": error},
    }  # fmt: skip


STAYS, GOES = node("vm1"), node("vm2")
GONE = task(1, "vm2", "shutdown", "shutdown")
JOB = {"ReplicatedJob": {"TotalCompletions": 1}}


@pytest.mark.parametrize(
    ("found", "tasks", "words"),
    [
        # Nothing was there.
        (service(), [task(1, "vm1", "running")], None),
        # It runs there still, or has been told to end and did not yet.
        (service(), [task(1, "vm2", "running")], "web.1 on vm2: running"),
        (service(), [task(1, "vm2", "running", "shutdown"), task(1, "vm1", "running")], "web.1 on vm2: running"),
        # It has ended there, and runs elsewhere, or not yet, or cannot.
        (service(), [GONE, task(1, "vm1", "running")], None),
        (service(), [GONE, task(1, "vm1", "preparing")], "web.1 on vm1: preparing"),
        (service(), [GONE, task(1, None, "pending", error="no suitable node")], "web.1: pending (no suitable node)"),
        (service(), [GONE, task(2, "vm1", "running")], "web.1: no new task yet"),
        # The service was scaled down since: nobody waits for that slot.
        (service({"Replicated": {"Replicas": 1}}), [GONE, task(2, "vm1", "running")], None),
        # A task that failed elsewhere for reasons of its own is still one that does not run.
        (service(), [GONE, task(1, "vm1", "failed", "shutdown"), task(1, "vm1", "ready")], "web.1 on vm1: ready"),
        # One a node: it ends, and that is all.
        (service({"Global": {}}), [task(0, "vm2", "running")], "web on vm2: running"),
        (service({"Global": {}}), [task(0, "vm2", "shutdown", "shutdown")], None),
        # Never restarted, so never elsewhere.
        (service(RestartPolicy={"Condition": "none"}), [GONE], None),
        # A job's task is done, or goes on elsewhere.
        (service(JOB), [task(1, "vm2", "complete", "complete")], None),
        (service(JOB), [task(1, "vm2", "shutdown", "shutdown"), task(1, "vm1", "complete", "complete")], None),
        (
            service(JOB),
            [task(1, "vm2", "shutdown", "shutdown"), task(1, "vm1", "starting", "complete")],
            "web.1 on vm1",
        ),
    ],
)
def test_tasks_that_are_waited_for(found: dict, tasks: list, words: str | None) -> None:
    waiting = leaving.unmoved([GOES], [STAYS, GOES], [found], tasks)
    assert len(waiting) == (1 if words else 0), waiting
    assert not words or waiting[0].startswith(words)


def test_the_last_words_of_a_dead_node_are_not_believed() -> None:
    dead = node("vm2", state="down")
    moved = [task(1, "vm2", "running", "shutdown"), task(1, "vm1", "running")]
    assert leaving.unmoved([dead], [STAYS, dead], [service()], moved) == []
    assert leaving.unmoved([dead], [STAYS, dead], [service()], [task(1, "vm2", "running")]) != []


def test_containers_attached_by_hand_hold_nobody_up() -> None:
    attachment = {**task(0, "vm2", "running"), "ServiceID": ""}
    assert leaving.unmoved([GOES], [STAYS, GOES], [service()], [attachment]) == []


def test_a_machine_that_joined_twice_is_found_twice_and_by_id_once() -> None:
    twice = [STAYS, {**GOES, "ID": "old"}, GOES]
    assert [entry["ID"] for entry in leaving.find(twice, ["vm2"])] == ["old", "id-vm2"]
    assert [entry["ID"] for entry in leaving.find(twice, ["old", "unknown"])] == ["old"]


def test_dead_managers_go_before_living_ones() -> None:
    managers = [node("vm3", role="manager", reachability="reachable"), node("vm2", role="manager", reachability="reachable"),
                node("vm4", "down", "manager", "unreachable"), STAYS]  # fmt: skip
    order = leaving.dead_first([entry for entry in managers if leaving.is_manager(entry)])
    assert [leaving.hostname(entry) for entry in order] == ["vm4", "vm2", "vm3"]


def test_one_that_is_told_to_be_a_worker_is_a_manager_until_it_has_left_the_raft() -> None:
    assert leaving.is_manager(node("vm2", role="worker", reachability="reachable"))
    assert leaving.is_manager(node("vm2", role="manager"))
    assert not leaving.is_manager(GOES)


@pytest.mark.parametrize(
    ("text", "leaderless"),
    [
        (
            "rpc error: code = Unknown desc = The swarm does not have a leader. It's possible that too few managers",
            True,
        ),
        ("rpc error: code = Unknown desc = raft proposal dropped", True),
        ("rpc error: code = Unknown desc = raft: failed to process the request: node lost leader status", True),
        ("update out of sequence", False),
    ],
)
def test_managers_without_a_leader(text: str, leaderless: bool) -> None:
    assert is_leaderless(RuntimeError(text)) is leaderless


@pytest.mark.parametrize(
    ("answers", "seconds", "outcome"),
    [
        (["no elected cluster leader", "rpc error: context deadline exceeded", ""], 30, "done"),
        (["no elected cluster leader", ""], 0, "no elected cluster leader"),
        (["update out of sequence", ""], 30, "update out of sequence"),
    ],
)
def test_an_election_is_waited_for_and_nothing_else(answers: list[str], seconds: float, outcome: str) -> None:
    left = iter(answers)

    def action() -> str:
        problem = next(left)
        if problem:
            raise Refused(problem)
        return "done"

    if outcome == "done":
        assert led(action, seconds) == "done"
    else:
        with pytest.raises(Refused, match=outcome):
            led(action, seconds)


class Managers:
    """A swarm of which raft has forgotten one manager, as after a forced recovery."""

    def __init__(self, words: str) -> None:
        self.words = words

    def inspect_node(self, dummy_id: str) -> dict:
        return {"ID": "id-vm3", "Version": {"Index": 1}, "Spec": {"Role": "manager"}}

    def update_node(self, *dummy: object) -> None:
        raise Refused(self.words)


def test_a_manager_that_raft_has_forgotten_needs_no_demotion() -> None:
    lost = node("vm3", "down", "manager")
    demote(Managers("rpc error: code = NotFound desc = can't find manager in raft memberlist"), lost)
    with pytest.raises(Refused, match="something else"):
        demote(Managers("something else"), lost)


def test_tasks_that_fit_no_other_node_are_not_waited_for() -> None:
    here, gone = service(), [GONE, task(1, None, "pending")]
    assert leaving.unmoved([GOES], [STAYS, GOES], [here], gone)
    assert not leaving.unmoved([GOES], [STAYS, GOES], [here], gone, {"s"})
    assert leaving.unmoved([GOES], [STAYS, GOES], [here], [task(1, "vm2", "running", "shutdown")], {"s"})
