# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an engine says of its place in a swarm."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.client import Refused
from ansible_collections.swarmlab.overlay.plugins.module_utils._swarm import place

MANAGER = {
    "Name": "vm1",
    "Swarm": {
        "NodeID": "n1", "NodeAddr": "10.0.0.1", "LocalNodeState": "active", "ControlAvailable": True, "Error": "",
        "RemoteManagers": [{"NodeID": "n2", "Addr": "10.0.0.2:2377"}, {"NodeID": "n1", "Addr": "10.0.0.1:2377"}],
        "Cluster": {"ID": "s1", "DataPathPort": 0},
    },
}  # fmt: skip


class Engine:
    """Stands for an engine that answers with what it was given."""

    def __init__(self, info: dict, nodes: list | Exception) -> None:
        self.answer, self.listed = info, nodes

    def info(self) -> dict:
        return self.answer

    def nodes(self) -> list:
        if isinstance(self.listed, Exception):
            raise self.listed
        return self.listed


def test_a_manager_tells_the_members() -> None:
    found = place.ask(
        Engine(
            MANAGER,
            [
                {
                    "ID": "n1",
                    "Spec": {"Role": "manager", "Labels": {"a": "b"}},
                    "Status": {"State": "ready"},
                    "Description": {"Hostname": "vm1"},
                    "ManagerStatus": {"Leader": True},
                }
            ],
        )
    )
    assert (found["state"], found["node_id"], found["swarm_id"], found["data_path_port"]) == (
        "active",
        "n1",
        "s1",
        4789,
    )
    assert found["managers"] == ["10.0.0.1:2377", "10.0.0.2:2377"] and found["manager_ids"] == ["n1", "n2"]
    assert len(found["members"]) == 1
    member = found["members"][0]
    assert member["leader"] and member["labels"] == {"a": "b"} and member["availability"] == "active"


def test_a_node_whose_join_never_ended_has_no_host_name() -> None:
    assert place.member({"ID": "n9"}) == {
        "id": "n9",
        "hostname": "",
        "role": "worker",
        "availability": "active",
        "labels": {},
        "state": "unknown",
        "message": "",
        "address": "",
        "leader": False,
        "reachability": "",
        "manager_address": "",
    }


def test_managers_without_a_leader_list_nobody() -> None:
    found = place.ask(Engine(MANAGER, Refused(503, "The swarm does not have a leader")))
    assert found["members"] is None and found["error"] == "The swarm does not have a leader"


def test_an_engine_in_no_swarm() -> None:
    found = place.ask(Engine({"Name": "h", "Swarm": {"LocalNodeState": "inactive", "RemoteManagers": None}}, []))
    assert (found["state"], found["node_id"], found["manager"], found["data_path_port"]) == (
        "inactive",
        "",
        False,
        None,
    )
    assert place.place({})["state"] == "inactive"


def test_an_engine_that_is_locked_keeps_its_reason() -> None:
    found = place.place({"Swarm": {"LocalNodeState": "locked", "Error": "Swarm is encrypted and needs to be unlocked"}})
    assert found["state"] == "locked" and "unlocked" in found["error"]


class Starting:
    """An engine that is pending for its first answers."""

    def __init__(self, pending: int) -> None:
        self.pending = pending

    def info(self) -> dict:
        self.pending -= 1
        state = "pending" if self.pending >= 0 else "inactive"
        return {"Name": "vm1", "Swarm": {"LocalNodeState": state, "NodeID": "", "ControlAvailable": False}}


@pytest.mark.parametrize(("pending", "state"), [(0, "inactive"), (2, "inactive"), (10**6, "pending")])
def test_an_engine_that_has_just_started_is_waited_for(pending: int, state: str) -> None:
    assert place.ask_when_started(Starting(pending), 1.0)["state"] == state
