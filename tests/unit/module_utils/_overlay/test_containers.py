# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declarations of attached containers: comparison and the reasons of refusals."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.sdk import EngineError, Refused
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.transport import moment
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.common import dns_problem
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.container_spec import (
    compare,
    create_arguments,
    explain_refusal,
    parse_containers,
)
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.containers import (
    Step,
    action_for,
    just_restarted,
    membership_problem,
    not_running,
    refuse_foreign,
    refuse_local,
)
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.joining import (
    Detour,
    attempt,
    detour,
    endpoint_of,
    home,
)
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.spec import SpecError
from ansible_collections.swarmlab.overlay.plugins.module_utils._terms import PINNED_LABEL

FULL = {
    "name": "cli",
    "image": "img:1",
    "command": "sleep 10",
    "env": {"A": "b"},
    "labels": {"l": "1"},
    "hostname": "h",
    "networks": [{"name": "front", "aliases": ["al"], "ipv4_address": "10.1.0.5"}],
}
OTHER = {
    "image": "img:2",
    "command": "sleep 11",
    "env": {"A": "c"},
    "labels": {},
    "hostname": "i",
    "networks": [{"name": "front", "aliases": ["al"]}],
}
IMAGE = {"Config": {"Env": ["PATH=/bin"], "Labels": {"maker": "x"}}}


def parse(**entry: t.Any) -> t.Any:
    return parse_containers({"containers": [entry]})[0]


def engine_makes(spec: t.Any) -> dict[str, t.Any]:
    """What the engine reports of the container: short id among the aliases, environment of the image."""
    body = create_arguments(spec)
    endpoints = {
        name: dict(settings, Aliases=settings["Aliases"] + ["0123456789ab"], IPAMConfig={"IPv4Address": "10.1.0.5"})
        for name, settings in body["NetworkingConfig"]["EndpointsConfig"].items()
    }
    config = {
        "Image": body["Image"],
        "Cmd": body["Cmd"],
        "Hostname": body["Hostname"],
        "Env": body["Env"] + ["PATH=/bin"],
        "Labels": dict(body["Labels"], maker="x"),
    }
    return {"Id": "0123456789abcdef", "Name": "/cli", "Config": config, "NetworkSettings": {"Networks": endpoints}}


def test_what_was_created_is_as_declared() -> None:
    spec = parse(**FULL)
    assert compare(spec, engine_makes(spec), IMAGE) == {}


@pytest.mark.parametrize("field", sorted(OTHER))
def test_every_field_is_compared(field: str) -> None:
    created = engine_makes(parse(**FULL))
    assert list(compare(parse(**dict(FULL, **{field: OTHER[field]})), created, IMAGE)) == [field]


def test_an_address_that_the_swarm_chose_is_no_difference() -> None:
    spec = parse(**{**FULL, "networks": ["front"]})
    assert compare(spec, engine_makes(spec), IMAGE) == {}


@pytest.mark.parametrize(
    "entry, words",
    [
        ({"name": "x"}, "two or more"),
        ({"name": "x" * 64}, "the name has a part of 64 characters"),
        ({"name": "a..b"}, "the name has an empty part"),
        (
            {"networks": [{"name": "a", "aliases": ["x" * 64]}]},
            "has a part of 64 characters, more than the 63 that DNS allows",
        ),
        ({"networks": [{"name": "a", "aliases": [".".join(["x" * 60] * 5)]}]}, "has 304 characters, more than the 253"),
        ({"image": None}, "image is needed"),
        ({"networks": []}, "networks is needed"),
        ({"networks": [{"name": "a", "ipv4_address": "10.0.0"}]}, "not an IPv4 address"),
        ({"hostname": "-a"}, "not a host name"),
    ],
)
def test_bad_entries(entry: dict, words: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(**dict(FULL, **entry))
    assert words in caught.value.message


@pytest.mark.parametrize(
    "reason, words",
    [
        ("network a not manually attachable", "attachable: true on network a"),
        ("network a not found", "no manager was asked, so the swarm may have it"),
        (
            "Could not attach to network a: rpc error: code = NotFound desc = network a not found",
            "the swarm has no such network",
        ),
        ("invalid cluster node while attaching to network", "no connection to a manager"),
        ("no configured subnet or ip-range contain the IP address 10.9.9.9", "inside a subnet of network a"),
        ("attaching to network failed: context deadline exceeded", "is taken"),
        ("OCI runtime create failed: executable file not found", "Correct the declaration"),
    ],
)
def test_refusals_say_what_to_do(reason: str, words: str) -> None:
    text = explain_refusal("cli", "a", reason)
    assert words in text
    assert reason in text


@pytest.mark.parametrize(
    "status, more, action",
    [
        ("created", {}, "start"),
        ("exited", {}, "start"),
        ("running", {"Running": True}, "none"),
        ("paused", {"Running": True, "Paused": True}, "start"),
        ("restarting", {"Running": True, "Restarting": True}, "none"),
        ("dead", {"Dead": True}, "recreate"),
        ("removing", {}, "recreate"),
    ],
)
def test_what_makes_a_container_run(status: str, more: dict, action: str) -> None:
    assert action_for(dict({"Status": status}, **more)) == action


@pytest.mark.parametrize(
    "swarm, words",
    [
        ({"LocalNodeState": "active"}, None),
        ({"LocalNodeState": "inactive"}, "it is in none"),
        ({"LocalNodeState": "locked"}, "docker swarm unlock"),
        (
            {"LocalNodeState": "pending", "Error": "no route", "RemoteManagers": [{"Addr": "10.0.0.1:2377"}]},
            "(no route; managers: 10.0.0.1:2377)",
        ),
        ({"LocalNodeState": "error"}, "no reason given"),
        ({}, "it is in none"),
    ],
)
def test_why_a_node_is_no_member(swarm: dict, words: str | None) -> None:
    problem = membership_problem({"Name": "vm2", "Swarm": swarm})
    assert problem is None if words is None else words in str(problem)


@pytest.mark.parametrize(
    "attached, mode, known, expected",
    [
        (["a"], "a", False, Detour()),
        (["a", "b"], "a", True, Detour()),
        (["a", "b"], None, False, Detour()),
        (["a", "b", "c"], "a", False, Detour(("b", "c"))),
        (["b"], "a", False, Detour(("b",), "a")),
        (["a", "b"], "id-a", False, Detour(("b",))),
        ([], "a", False, Detour()),
    ],
)
def test_which_networks_wait_until_the_first_is_there(
    attached: list, mode: str | None, known: bool, expected: Detour
) -> None:
    assert detour({name: {"NetworkID": f"id-{name}"} for name in attached}, mode, known) == expected


@pytest.mark.parametrize(
    "mode, expected", [("a", "a"), ("host", None), ("container:1f", None), ("default", None), ("", None)]
)
def test_the_network_a_container_was_created_with(mode: str, expected: str | None) -> None:
    assert home({"HostConfig": {"NetworkMode": mode}}) == expected


@pytest.mark.parametrize(
    "settings, labels, expected",
    [
        ({"IPAMConfig": {"IPv4Address": "10.1.0.5"}}, {}, "10.1.0.5"),
        ({"IPAMConfig": {"IPv4Address": "10.1.0.5"}, "IPAddress": "10.1.0.5"}, {}, None),
        ({"IPAMConfig": {"IPv4Address": "10.1.0.5"}, "IPAddress": "10.1.0.5"}, {PINNED_LABEL: "a"}, "10.1.0.5"),
        ({"IPAMConfig": None}, {}, None),
    ],
)
def test_an_address_is_asked_for_again_only_where_it_was_asked_for(
    settings: dict, labels: dict, expected: str | None
) -> None:
    container = {
        "Id": "0123456789abcdef",
        "Config": {"Labels": labels},
        "NetworkSettings": {"Networks": {"a": settings}},
    }
    assert (endpoint_of(container, "a").get("IPAMConfig") or {}).get("IPv4Address") == expected


LEFT, NOTHING = (
    "network a not found",
    "Could not attach to network a: rpc error: code = NotFound desc = network a not found",
)


@pytest.mark.parametrize(
    "answers, words",
    [
        (["context deadline exceeded"], None),
        (["context deadline exceeded", LEFT], "deadline exceeded"),
        ([LEFT], None),
        ([LEFT, LEFT], "no manager was asked"),
        ([NOTHING], "the swarm has no such network"),
        (["invalid cluster node while attaching to network"] * 3, None),
        (["rpc error: code = Unavailable desc = closing"], None),
    ],
)
def test_what_may_pass_is_tried_again_and_the_true_reason_is_told(
    monkeypatch: pytest.MonkeyPatch, answers: list, words: str | None
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    left = list(answers)

    def action() -> None:
        if left:
            raise Refused(left.pop(0))

    if words is None:
        attempt("box", "a", float("inf"), action)
        assert not left
    else:
        with pytest.raises(EngineError) as caught:
            attempt("box", "a", float("inf"), action)
        assert words in caught.value.message


@pytest.mark.parametrize("alias", ["api", "a_b", "_tcp.api", "API.v1", "x" * 63, "1"])
def test_names_that_dns_carries(alias: str) -> None:
    assert dns_problem(alias) is None


@pytest.mark.parametrize("alias", ["", "a..b", ".a", "a.", "x" * 64, "a b", "a/b", "b\u00fccher", "*", "a:1", "a\n"])
def test_names_that_dns_does_not_carry(alias: str) -> None:
    assert dns_problem(alias)


def test_a_container_with_such_a_name_can_be_removed() -> None:
    assert parse(name="x" * 64, state="absent").state == "absent"


def test_a_local_network_in_place_of_the_overlay_is_refused() -> None:
    listed = [
        {"Name": "front", "Scope": "local", "Driver": "bridge"},
        {"Name": "back", "Scope": "swarm", "Driver": "overlay"},
    ]
    spec = parse(**{**FULL, "networks": ["front", "back"]})
    with pytest.raises(SpecError, match="has a bridge network front of its own"):
        refuse_local([spec], listed, ["front", "back"])
    refuse_local([spec], listed, ["back"])


def test_a_container_of_somebody_else_is_not_replaced() -> None:
    spec = parse(**FULL)
    for labels, refused in (
        ({}, True),
        ({"swarmlab.overlay/managed": "true"}, False),
        ({"com.docker.compose.project": "app"}, True),
    ):
        step = Step(spec, "recreate", {"Config": {"Labels": labels}}, {"image": {"before": "a", "after": "b"}})
        if refused:
            with pytest.raises(
                SpecError, match=r"not made by this collection, and differs from its declaration \(image\)"
            ):
                refuse_foreign([step])
        else:
            refuse_foreign([step])
    refuse_foreign([Step(spec, "start", {"Config": {"Labels": {}}})])


@pytest.mark.parametrize(
    "action, before, state, count, words",
    [
        ("start", None, {"Running": True}, 0, None),
        ("start", None, {"Running": True}, 1, "restarted 1 times"),
        ("none", 4, {"Running": True}, 4, None),
        ("none", 4, {"Running": True}, 5, "restarted 5 times"),
        ("none", 4, {"Running": True, "Restarting": True}, 4, "does not stay"),
        ("none", 0, {"Status": "exited", "ExitCode": 3}, 0, "it is exited (exit code 3)"),
        ("start", None, {"Status": "exited", "Error": "no network"}, 0, "(no network)"),
    ],
)
def test_what_does_not_stay(action: str, before: int | None, state: dict, count: int, words: str | None) -> None:
    step = Step(parse(**FULL), action, None if before is None else {"RestartCount": before})
    told = not_running(step, {"State": state, "RestartCount": count})
    assert told is None if words is None else words in str(told)


@pytest.mark.parametrize(
    "count, age, expected", [(0, 1, False), (3, 1, True), (3, 9, True), (3, 11, False), (3, 86400, False)]
)
def test_a_container_that_was_just_restarted_is_not_yet_taken_to_stay(count: int, age: int, expected: bool) -> None:
    began = moment("2026-11-26T15:00:00.123456789Z")
    found = {"State": {"Running": True, "StartedAt": "2026-11-26T15:00:00.123456789Z"}, "RestartCount": count}
    assert just_restarted(found, began + age) is expected
    assert not just_restarted(None, began)
