# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the leader finds on the networks before anything is made."""

from __future__ import annotations

import calendar
import itertools
import math
import time
from types import SimpleNamespace

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._verify import leader, local, phases


def attachment(number: int) -> dict:
    """The task of a container that no service started."""
    return {
        "ID": f"attachment{number}",
        "Status": {"State": "running"},
        "DesiredState": "running",
        "NetworksAttachments": [{"Network": {"ID": "n1"}, "Addresses": [f"10.0.0.{number}/28"]}],
    }


@pytest.mark.parametrize(("containers", "crowded"), [(6, []), (7, ["n1"])])
def test_containers_that_no_service_started_take_room_too(containers: int, crowded: list) -> None:
    """Of 13 addresses, a probe and a balancer on each of three nodes, and a virtual IP, need seven."""
    engine = SimpleNamespace(
        nodes=lambda: [{}, {}, {}],
        services=list,
        tasks=list,
        attachments=lambda: [attachment(number) for number in range(2, 2 + containers)],
    )
    network = {"id": "n1", "name": "small", "subnets": ["10.0.0.0/28"]}
    assert leader.with_room(engine, [network])[1] == crowded


def at(seconds: float) -> str:
    """A moment in the engine's format."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def task(node: str, *states: str) -> list[dict]:
    """The tasks of one service on a node, made just now, the newest last."""
    moments = [at(time.time() + number) for number in range(len(states))]
    return [
        {"ServiceID": "s1", "NodeID": node, "Status": {"State": state}, "CreatedAt": moment, "UpdatedAt": moment}
        for state, moment in zip(states, moments)
    ]


NO_ROOM = "mkdir /run/docker/containerd/4f5e: no space left on device"


def attempt(state: str, error: str = "", message: str = "") -> dict:
    """One attempt to run a task on node a."""
    status = {"State": state, "Err": error, "Message": message}
    return {"ServiceID": "s1", "NodeID": "a", "DesiredState": "running", "Status": status}


@pytest.mark.parametrize(
    ("attempts", "text"),
    [
        ([attempt("rejected", NO_ROOM)], f"rejected: {NO_ROOM}"),
        ([attempt("preparing", message="preparing")], "preparing: preparing"),
        ([attempt("ready")], "ready: ready"),
        # The next one waits for its turn, and knows nothing yet.
        ([attempt("failed", NO_ROOM), attempt("ready", message="prepared")], f"failed: {NO_ROOM}"),
        ([attempt("failed", NO_ROOM), attempt("starting", message="starting")], f"failed: {NO_ROOM}"),
        ([attempt("failed", NO_ROOM), attempt("rejected", "No such image")], "rejected: No such image"),
        ([attempt("complete", message="finished"), attempt("ready", message="prepared")], "ready: prepared"),
        # It did not come to its node, which is another matter.
        ([attempt("failed", NO_ROOM), attempt("new", message="created")], "new: created"),
        ([attempt("failed", NO_ROOM), attempt("pending", "no suitable node")], "pending: no suitable node"),
        ([attempt("failed", NO_ROOM), attempt("running", message="started")], None),
    ],
)
def test_why_a_task_does_not_run_is_told_by_the_last_attempt_that_knows(attempts: list, text: str | None) -> None:
    rows = [{**row, "CreatedAt": f"2026-01-01T00:00:{number:02}Z"} for number, row in enumerate(attempts)]
    expected = {} if text is None else {"a": text}
    assert leader.errors(rows) == expected
    assert leader.errors(rows[::-1]) == expected  # the engine lists them in any order


@pytest.mark.parametrize(
    ("tasks", "vain"),
    [
        ([task("a", "running"), task("b", "assigned")], True),
        ([task("a", "running"), task("b", "rejected", "rejected", "rejected", "starting")], True),
        ([task("a", "assigned"), task("b", "starting")], False),  # one may come
        ([task("a", "running"), task("b", "rejected", "preparing")], False),
        ([task("a", "running"), task("b", "failed", "running")], False),  # all run
        ([], False),
    ],
)
def test_tasks_that_will_not_come_are_not_waited_for(tasks: list, vain: bool) -> None:
    assert leader.stuck([row for rows in tasks for row in rows]) == vain


def test_a_node_that_turns_out_to_be_gone_is_not_waited_for() -> None:
    """A manager takes up to some heartbeats to see that a node left."""
    looks = itertools.count()

    def nodes() -> list[dict]:
        states = {"a": "ready", "b": "ready" if next(looks) < 2 else "down"}
        active = {"Availability": "active"}
        return [{"ID": node, "Status": {"State": state}, "Spec": active} for node, state in states.items()]

    tasks = [{**row, "DesiredState": "running"} for row in [*task("a", "running"), *task("b", "assigned")]]
    engine = SimpleNamespace(nodes=nodes, tasks=lambda _filters: tasks)
    made = {"probe": "s1", "published": None, "speed": None}
    told, seen = leader.wait_for_tasks(engine, made, 20)
    assert told["seconds"] < 10 and set(told["errors"]) == {"b"} and seen == tasks and next(looks) == 3


@pytest.mark.parametrize(("took", "comes"), [(4, False), (40, True)])
def test_the_last_task_has_three_times_as_long_as_the_others_took(monkeypatch, took: int, comes: bool) -> None:
    """They may have come long before anybody looks: seen on slow machines, where a sound one was given up when the look began late."""
    clock = [1790000000.0]
    monkeypatch.setattr(leader.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(leader.time, "time", lambda: clock[0])
    monkeypatch.setattr(leader.time, "sleep", lambda seconds: clock.__setitem__(0, clock[0] + seconds))

    made = clock[0] - 50

    def tasks(_filters: dict) -> list[dict]:
        rows = [
            *task("a", "running"),
            *task("b", "running"),
            *task("c", "running" if clock[0] > made + 100 else "preparing"),
        ]
        return [{**row, "DesiredState": "running", "CreatedAt": at(made), "UpdatedAt": at(made + took)} for row in rows]

    nodes = [{"ID": node, "Status": {"State": "ready"}, "Spec": {"Availability": "active"}} for node in "abc"]
    engine = SimpleNamespace(nodes=lambda: nodes, tasks=tasks)
    told, dummy = leader.wait_for_tasks(engine, {"probe": "s1", "published": None, "speed": None}, 90)
    assert (not told["errors"]) is comes and (told["seconds"] > 40) is comes
    assert told["turnout"]["missing"] == (0 if comes else 1) and told["turnout"]["took"] == took


@pytest.mark.parametrize(
    ("hosts", "availability", "home"),
    [(3, "active", []), (2, "active", ["node.id==a"]), (2, "drain", []), (1, "drain", [])],
)
def test_the_published_task_stays_among_the_hosts_of_the_play(hosts: int, availability: str, home: list) -> None:
    """With ``--limit`` a task elsewhere would answer nobody. A leader that is drained takes none."""
    ready = {"State": "ready"}
    nodes = [
        {"ID": "a", "Status": ready, "Spec": {"Availability": availability}, "ManagerStatus": {"Leader": True}},
        *({"ID": ident, "Status": ready, "Spec": {"Availability": "active"}} for ident in "bc"),
    ]
    assert leader.home_of_published(nodes, hosts) == home


@pytest.mark.parametrize(
    ("waited", "took", "came", "missing", "left"),
    [
        (21.0, 3.0, 2, 1, -1.0),
        (19.0, 3.0, 2, 1, 1.0),
        (40.0, 15.0, 2, 1, 5.0),  # all are slow: it may be slower
        (60.0, 3.0, 1, 2, math.inf),  # most are missing
        (60.0, 0.0, 0, 1, math.inf),
        (60.0, 3.0, 3, 0, math.inf),
    ],
)
def test_what_others_had_long_ago_is_not_waited_for(
    waited: float, took: float, came: int, missing: int, left: float
) -> None:
    assert local.left({"came": came, "took": took, "missing": missing, "waited": waited}) == left


@pytest.mark.parametrize(
    ("attempts", "vain"),
    [
        ([attempt("rejected", NO_ROOM), attempt("failed", NO_ROOM), attempt("ready")], True),
        ([attempt("rejected", NO_ROOM), attempt("ready")], False),  # once may be a moment's
        ([attempt("rejected", NO_ROOM), attempt("failed", "No such image")], False),
        ([attempt("failed", NO_ROOM), attempt("failed", NO_ROOM), attempt("running")], False),
        ([], False),
    ],
)
def test_what_a_kernel_refuses_again_is_not_waited_for(attempts: list, vain: bool) -> None:
    rows = [{**row, "CreatedAt": f"2026-01-01T00:00:{number:02}Z"} for number, row in enumerate(attempts)]
    assert leader.refused(rows) == vain


@pytest.mark.parametrize(
    ("state", "seconds", "ended"),
    [("running", 5, False), ("shutdown", 5, True), ("failed", 59, True), ("shutdown", 61, False)],
)
def test_tasks_that_ended_within_a_minute(state: str, seconds: int, ended: bool) -> None:
    task = {"UpdatedAt": "2026-11-25T13:00:00.123456789Z", "DesiredState": "running" if state == "running" else "shutdown",
            "Status": {"State": state}}  # fmt: skip
    assert leader.ended_lately(task, calendar.timegm((2026, 11, 25, 13, 0, 0)) + seconds) is ended


def test_the_last_view_tells_how_long_services_and_nodes_have_been_there() -> None:
    now = time.time()

    def task(age: int, node: str, service: str = "id-web", state: str = "running") -> dict:
        made = time.strftime("%Y-%m-%dT%H:%M:%S.5Z", time.gmtime(now - age))
        return {"ID": f"{service}{node}{age}", "CreatedAt": made, "UpdatedAt": made, "DesiredState": state, "Status": {"State": state},
                "ServiceID": service, "NodeID": node, "NetworksAttachments": [{"Network": {"ID": "net"}, "Addresses": ["10.0.0.7/24"]}]}  # fmt: skip

    def service(name: str, *ports: dict) -> dict:
        return {"ID": f"id-{name}", "Spec": {"Name": name}, "Endpoint": {"Ports": list(ports)}}

    def port(number: int, mode: str = "ingress") -> dict:
        return {"Protocol": "tcp", "TargetPort": 80, "PublishedPort": number, "PublishMode": mode}

    engine = SimpleNamespace(
        services=lambda: [service("web", port(8080), port(8081, "host")), service("new", port(8082))],
        tasks=lambda: [task(40, "one"), task(20, "one"), task(90, "two", state="shutdown"), task(30, "two")],
    )
    view = leader.last_view(engine, ["net"])
    assert {port: age and round(age, -1) for port, age in view["mesh"].items()} == {"tcp/8080": 40, "tcp/8082": None}
    assert {node: round(age, -1) for node, age in view["carried"]["net"].items()} == {"one": 40, "two": 30}
    assert not set(view) & set(phases.HELPERS), "a helper's result would take its place"
