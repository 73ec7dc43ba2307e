# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A swarm is made, joined and left once each; a join that takes its time is waited for, and a wrong swarm or node is refused."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.client import Refused
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.transport import EngineError
from ansible_collections.swarmlab.overlay.plugins.module_utils._swarm import membership

SLOW = Refused(
    503,
    "Timeout was reached before node joined. The attempt to join the swarm will continue in the background. Use the \"docker info\" command",
)  # fmt: skip
MANAGER = {"NodeID": "m1", "Addr": "10.0.0.1:2377"}


class Engine:
    """What /info says call by call; the last one stays. ``refusal`` is the answer to whatever is to change."""

    def __init__(self, *states: str, refusal: Refused | None = None, **swarm: Any) -> None:
        self.states = list(states)
        self.refusal = refusal
        self.swarm = swarm
        self.asked: list[tuple[str, Any]] = []

    def info(self) -> dict[str, Any]:
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        inside = {"NodeID": "w1", "RemoteManagers": [MANAGER], **self.swarm} if state != "inactive" else {}
        return {"Name": "vm2", "Swarm": {"LocalNodeState": state, **inside}}

    def nodes(self) -> list[dict[str, Any]]:
        return []

    def call(self, method: str, path: str, query: Any = None, body: Any = None) -> None:
        assert method == "POST"
        self.asked.append((path, query or body))
        if self.refusal:
            raise self.refusal


def params(state: str, **more: Any) -> dict[str, Any]:
    return {
        "state": state, "advertise_addr": "10.0.0.2", "data_path_addr": "", "listen_port": 2377, "data_path_port": None, "default_addr_pool": [],
        "subnet_size": None, "dispatcher_heartbeat": None, "remote_addrs": ["10.0.0.1:2377"], "join_token": "SWMTKN-secret", "manager_ids": ["m1"],
        "node_id": "", "timeout": 5, **more,
    }  # fmt: skip


@pytest.mark.parametrize("refusal", [None, SLOW])
def test_a_join_that_goes_on_in_the_background_is_waited_for(refusal: Refused | None) -> None:
    engine = Engine("inactive", "inactive", "pending", "pending", "active", refusal=refusal)
    done = membership.declare(engine, params("joined"), False)
    assert done["changed"] and done["swarm"]["state"] == "active" and done["swarm"]["node_id"] == "w1"
    assert engine.asked == [
        (
            "/swarm/join",
            {
                "ListenAddr": "0.0.0.0:2377",
                "AdvertiseAddr": "10.0.0.2",
                "RemoteAddrs": ["10.0.0.1:2377"],
                "JoinToken": "SWMTKN-secret",
            },
        )
    ]
    again = membership.declare(engine, params("joined"), False)
    assert not again["changed"] and len(engine.asked) == 1


def test_a_second_run_waits_for_the_pending_join_of_the_first_and_asks_for_none() -> None:
    engine = Engine("pending", "pending", "active", refusal=Refused(503, "This node is already part of a swarm"))
    done = membership.declare(engine, params("joined"), False)
    assert done["changed"] and done["swarm"]["state"] == "active" and not engine.asked


def test_check_mode_tells_a_join_and_asks_for_none() -> None:
    for state in ("inactive", "pending"):
        engine = Engine(state)
        done = membership.declare(engine, params("joined"), True)
        assert done["changed"] and done["swarm"]["state"] == state and not engine.asked


@pytest.mark.parametrize("state", ["initialised", "joined"])
def test_a_member_that_does_not_come_up_is_told_with_the_engines_reason(state: str) -> None:
    engine = Engine("inactive", "pending", Error="rpc error: connection refused")
    with pytest.raises(EngineError) as told:
        membership.declare(engine, params(state, timeout=0), False)
    assert told.value.message == (
        "vm2 is not an active member after 0 s; its state is pending. The engine says: rpc error: connection refused. See its engine's log."
        " A pending join continues by itself: run this again to wait for it."
    )
    assert [path for path, dummy in engine.asked] == ["/swarm/init" if state == "initialised" else "/swarm/join"]


def test_a_join_that_the_managers_refuse_is_told_without_the_token() -> None:
    engine = Engine(
        "inactive", refusal=Refused(503, "rpc error: code = InvalidArgument desc = A valid join token is necessary")
    )
    with pytest.raises(
        EngineError, match=r"^vm2 could not join the swarm at 10\.0\.0\.1:2377\. .*A valid join token is necessary"
    ) as told:
        membership.declare(engine, params("joined"), False)
    assert "SWMTKN" not in told.value.message and len(engine.asked) == 1


UNREACHED = "rpc error: code = Unavailable desc = connect: no route to host"


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses, which take no time."""
    pauses: list[float] = []
    monkeypatch.setattr(membership.time, "sleep", pauses.append)
    return pauses


@pytest.mark.parametrize("late", [UNREACHED, "rpc error: code = DeadlineExceeded desc = context deadline exceeded"])
def test_a_join_that_did_not_reach_the_managers_is_left_and_tried_again(late: str, slept: list[float]) -> None:
    engine = Engine("inactive", "pending", "error", "pending", "active", Error=late)
    done = membership.declare(engine, params("joined", timeout=60), False)
    assert done["changed"] and done["swarm"]["state"] == "active"
    assert [path for path, dummy in engine.asked] == ["/swarm/join", "/swarm/leave", "/swarm/join"]
    assert engine.asked[1][1] == {"force": "true"} and membership.PAUSE in slept


def test_a_join_that_never_reaches_the_managers_leaves_nothing_for_the_next_run(slept: list[float]) -> None:
    engine = Engine("inactive", "error", Error=UNREACHED)
    with pytest.raises(EngineError, match=r"^vm2 could not join the swarm at 10\.0\.0\.1:2377\. .*no route to host"):
        membership.declare(engine, params("joined", timeout=60), False)
    assert [path for path, dummy in engine.asked] == ["/swarm/join", "/swarm/leave"] * membership.ATTEMPTS


def test_an_error_that_another_attempt_does_not_mend_is_told_at_once(slept: list[float]) -> None:
    engine = Engine("inactive", "error", Error="x509: certificate has expired or is not yet valid")
    with pytest.raises(EngineError, match="not yet valid.*compare their clocks"):
        membership.declare(engine, params("joined"), False)
    assert [path for path, dummy in engine.asked] == ["/swarm/join", "/swarm/leave"] and not slept


def test_managers_that_refuse_the_connection_are_asked_again(slept: list[float]) -> None:
    engine = Engine("inactive", refusal=Refused(503, UNREACHED))
    with pytest.raises(EngineError, match="no route to host"):
        membership.declare(engine, params("joined", timeout=60), False)
    assert len(engine.asked) == membership.ATTEMPTS and slept == [membership.PAUSE] * (membership.ATTEMPTS - 1)


@pytest.mark.parametrize("option", ["remote_addrs", "join_token"])
def test_what_a_join_needs(option: str) -> None:
    engine = Engine("inactive")
    with pytest.raises(EngineError, match=f"^{option} is empty, so vm2 cannot join"):
        membership.declare(engine, params("joined", **{option: ""}), False)
    assert not engine.asked


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_node_of_another_swarm_is_refused(check_mode: bool) -> None:
    engine = Engine("active")
    with pytest.raises(EngineError) as told:
        membership.declare(engine, params("joined", manager_ids=["x1", "x2"]), check_mode)
    assert told.value.message == (
        "vm2 is in another swarm already, as node w1, with managers 10.0.0.1:2377. Nothing was changed."
    )
    assert not engine.asked


@pytest.mark.parametrize(("state", "wanted"), [("locked", "joined"), ("error", "joined"), ("pending", "initialised")])
def test_a_state_in_which_nothing_can_be_done_is_told(state: str, wanted: str) -> None:
    engine = Engine(state, Error="certificate has expired")
    with pytest.raises(
        EngineError, match=rf"its engine says that it is {state} .*certificate has expired.*Nothing was changed"
    ):
        membership.declare(engine, params(wanted), False)
    assert not engine.asked


def test_a_swarm_is_made_once_with_what_was_given() -> None:
    engine = Engine("inactive", "active", ControlAvailable=True)
    given = params("initialised", dispatcher_heartbeat=7, subnet_size=26, advertise_addr="fd00::2")
    assert membership.declare(engine, given, False)["swarm"]["manager"]
    assert not membership.declare(engine, given, False)["changed"]
    assert engine.asked == [
        (
            "/swarm/init",
            {
                "ListenAddr": "[::]:2377",
                "AdvertiseAddr": "fd00::2",
                "ForceNewCluster": False,
                "Spec": {"Dispatcher": {"HeartbeatPeriod": 7_000_000_000}},
                "SubnetSize": 26,
            },
        )
    ]


@pytest.mark.parametrize("check_mode", [True, False])
def test_another_node_than_the_one_that_is_to_leave_is_refused(check_mode: bool) -> None:
    engine = Engine("active")
    with pytest.raises(EngineError) as told:
        membership.declare(engine, params("absent", node_id="w2"), check_mode)
    assert told.value.message == "vm2 is node w1 of its swarm, and the node to leave is w2. Nothing was changed."
    assert not engine.asked


def test_the_node_that_is_meant_leaves_once() -> None:
    engine = Engine("active", "inactive")
    assert membership.declare(engine, params("absent", node_id="w1"), False)["swarm"]["state"] == "inactive"
    assert engine.asked == [("/swarm/leave", {"force": "true"})]
    assert not membership.declare(engine, params("absent", node_id="w1"), False)["changed"] and len(engine.asked) == 1


def test_an_engine_that_does_not_know_its_node_yet_is_waited_for_and_never_taken_for_one_in_no_swarm() -> None:
    known = iter(["", "w1", "w1"])

    class Late(Engine):
        def info(self) -> dict[str, Any]:
            self.swarm["NodeID"] = next(known, "w1")
            return super().info()

    engine = Late("pending", "active", "inactive")
    assert membership.declare(engine, params("absent", node_id="w1"), False)["changed"]
    assert engine.asked == [("/swarm/leave", {"force": "true"})]


@pytest.mark.parametrize("state", ["pending", "error", "locked"])
def test_a_node_without_an_id_is_no_node_that_has_left(state: str) -> None:
    engine = Engine(state, NodeID="")
    with pytest.raises(EngineError, match=f"does not say which node .* {state} in a swarm. Nothing was changed"):
        membership.declare(engine, params("absent", node_id="w1", timeout=0), False)
    assert not engine.asked


LATE = Refused(500, "context deadline exceeded")


def test_an_engine_that_gives_up_its_own_wait_may_leave_all_the_same() -> None:
    engine = Engine("active", "active", "inactive", refusal=LATE)
    assert membership.declare(engine, params("absent", node_id="w1"), False)["swarm"]["state"] == "inactive"


def test_an_engine_that_does_not_leave_is_told_with_its_reason() -> None:
    engine = Engine("active", refusal=LATE)
    with pytest.raises(
        EngineError,
        match="vm2 could not leave its swarm: its engine is still active in it. The engine says: context deadline",
    ):
        membership.declare(engine, params("absent", node_id="w1", timeout=0), False)
