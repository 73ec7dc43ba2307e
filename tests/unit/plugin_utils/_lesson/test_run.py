# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which steps are run, where their lines are typed, whether a swarm can carry the lesson, and what the record keeps."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lesson import (
    choosing,
    keeping,
    lesson,
    places,
    planning,
    story,
    swarm,
)

from . import walked

STEPS = walked.LESSON.steps


def ids(wanted: list[str]) -> list[str]:
    return [step.id for step in choosing.chosen(wanted, STEPS)]


def test_without_a_wish_it_is_the_whole_lesson() -> None:
    assert ids([]) == [step.id for step in STEPS]


@pytest.mark.parametrize(
    ("wanted", "steps"),
    [
        (["1-3"], ["network-list", "node-inspect", "ingress-is-overlay"]),
        (["by-name"], ["network-create", "service-create-on-network", "by-name"]),
        (["9", "1"], ["network-list", "service-create", "service-list"]),
        (["27"], ["attachable", "standalone-attached"]),
    ],
)
def test_a_step_brings_what_it_needs(wanted: list[str], steps: list[str]) -> None:
    assert ids(wanted) == steps


@pytest.mark.parametrize("wanted", ["0", "28", "3-2", "20-99", "nonsense", ""])
def test_a_step_that_does_not_exist_gets_the_list(wanted: str) -> None:
    with pytest.raises(choosing.NoSuchStep, match=r"no step .*1 network-list, .*27 standalone-attached"):
        ids([wanted])


@pytest.mark.parametrize(
    ("wanted", "others", "short"),
    [
        ("63abc", [], "63"),
        ("63abc", ["63abc", "71xyz"], "63"),
        ("63abc", ["63bcd"], "63a"),
        ("63abc", ["63ab"], "63abc"),
    ],
)
def test_an_id_is_cut_where_no_other_one_begins_so(wanted: str, others: list[str], short: str) -> None:
    assert places.short(wanted, others) == short


def test_lines_are_typed_where_the_tasks_are() -> None:
    walk = walked.load()
    number = walked.number_of("ping-by-name")
    moment = walked.moment(walk, number)
    task = moment.places.task("servico", 2)
    hosts = {host: planning.watch(moment, host, {}) for host in walk["settings"]["hosts"]}
    typed = {
        host: next(script["lines"] for script in plan["scripts"] if script["step"] == "ping-by-name")
        for host, plan in hosts.items()
    }
    there = moment.places.hosts[task["node"]]
    assert typed.pop(there) == [
        f"docker exec -it {task['name']} sh",
        f"ping {moment.places.task('servico', 1)['name']}",
    ]
    assert set(map(tuple, typed.values())) == {()}


def test_only_the_manager_changes_the_swarm_and_clears_before() -> None:
    walk = walked.load()
    moment = walked.moment(walk, walked.number_of("attachable"))
    plan = planning.change(moment, "vm1", {})
    assert plan["clear"] == {"services": ["servico"], "networks": ["my_overlay"]}
    assert plan["scripts"] == [
        {"step": "attachable", "lines": ["docker network create -d overlay --attachable my_overlay"]}
    ]
    assert planning.change(moment, "vm2", {}) is None and planning.change(walked.moment(walk, 0), "vm1", {}) is None


def test_nobody_watches_after_a_change_that_did_not_come_about() -> None:
    walk = walked.load()
    number = walked.number_of("network-create")
    walk["rounds"][number]["registered"]["lesson_changed"]["vm1"].update(seen=None, problem="the engine is gone")
    moment = walked.moment(walk, number)
    assert planning.watch(moment, "vm2", {}) is None and moment.problems == {"vm1": "the engine is gone"}
    told = story.problem(moment.steps[0], moment.problems)
    assert told["verdict"] == "failed" and "the engine is gone" in walked.LESSON.said(
        "pt", told["evidence"][0]["key"], **told["evidence"][0]["values"]
    )


def test_results_of_another_run_or_round_are_not_taken() -> None:
    walk = walked.load()
    walk["rounds"][1]["registered"]["lesson_watched"]["vm2"]["run"] = "other"
    walk["rounds"][1]["registered"]["lesson_watched"]["vm3"]["round"] = 0
    assert set(walked.moment(walk, 1).seen({}).looks) == {"vm1"}


def test_the_letter_goes_to_the_others_over_both_networks() -> None:
    moment = walked.moment(walked.load(), 1)
    post = moment.places.letter("vm2")
    assert list(post["networks"]) == ["clara", "cifrada"] and all(post["networks"].values())
    assert set(post["to"]) == {"vm1", "vm3"} and all(set(row) == {"clara", "cifrada"} for row in post["to"].values())


def test_a_sound_swarm_carries_the_lesson() -> None:
    ready = walked.moment(walked.load(), 0).ready
    swarm.require_fit(ready, True)
    assert swarm.manager(ready) == "vm1"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda ready: ready["vm2"].update(taken=["network my_overlay"]), "needs are in use: vm2 has network my_overlay"),
        (lambda ready: ready["vm1"]["look"].update(swarm=None), "None of the hosts is a manager"),
        (lambda ready: ready.pop("vm3"), "not in the play: vm3"),
        (lambda ready: ready["vm3"]["look"].update(node="other"), "vm3: not a member"),
        (lambda ready: ready["vm1"]["look"]["swarm"]["members"][1].update(state="down"), "vm2 as down"),
        (lambda ready: [row.update(role="manager") for row in ready["vm1"]["look"]["swarm"]["members"]], "one of them a worker"),
        (lambda ready: [row.update(availability="drain") for row in ready["vm1"]["look"]["swarm"]["members"][1:]], "two nodes"),
        (lambda ready: ready["vm2"].update(image="absent"), "vm2: no image alpine"),
    ],
)  # fmt: skip
def test_a_swarm_that_cannot_carry_it_gets_one_reason(change, message: str) -> None:
    ready = copy.deepcopy(walked.moment(walked.load(), 0).ready)
    change(ready)
    with pytest.raises(swarm.Unfit, match=message):
        swarm.require_fit(ready, True)


def test_a_round_stops_at_the_step_that_failed() -> None:
    walk = walked.load()
    for done in walk["rounds"][2]["registered"]["lesson_watched"].values():
        for line in done["seen"]["said"].get("service-list", []):
            line["output"] = "nothing"
    told = story.tell(walked.seen(walk, 2), walked.moment(walk, 2).steps)
    assert [(step["id"], step["verdict"]) for step in told] == [
        ("service-create", "confirmed"),
        ("service-list", "failed"),
    ]


def test_pictures_show_laziness_happening() -> None:
    told = {step["id"]: step["picture"] for step in walked.tell(walked.load())["steps"]}
    before = {node["name"]: "my_overlay" in node["known"] for node in told["network-create"]["nodes"]}
    after = {node["name"]: "my_overlay" in node["held"] for node in told["lazy"]["nodes"]}
    assert before == {"vm1": True, "vm2": False, "vm3": False}
    assert sum(after.values()) == 2 and not any(
        "my_overlay" in node["held"] for node in told["network-create"]["nodes"]
    )


def test_certificates_are_cut_short() -> None:
    line = {"output": "TLS Info:\n-----BEGIN CERTIFICATE-----\nMIIB\nsecond\nthird\n-----END CERTIFICATE-----\nmore"}
    assert (
        story.shortened(line)["output"]
        == "TLS Info:\n-----BEGIN CERTIFICATE-----\nMIIB\n...\n-----END CERTIFICATE-----\nmore"
    )


def test_the_record_is_private_and_read_again(tmp_path: Path) -> None:
    told = walked.tell(walked.load())
    path = Path(keeping.save_story(str(tmp_path / "lesson"), told))
    assert path.stat().st_mode & 0o777 == 0o600 and path.parent.stat().st_mode & 0o777 == 0o700
    assert keeping.read_story(path) == told


@pytest.mark.parametrize("text", ["", "[]", '{"format": 99}', "no json"])
def test_something_else_is_no_record(tmp_path: Path, text: str) -> None:
    path = tmp_path / "lesson.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(keeping.Unkept, match="lesson.json"):
        keeping.read_story(path)


def test_a_folder_that_cannot_be_made_gets_a_message(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(keeping.Unkept, match="lesson_directory: cannot write"):
        keeping.save(str(tmp_path / "file"), "lesson.html", "")


def test_every_place_is_known() -> None:
    found = walked.moment(walked.load(), walked.number_of("know-the-ip")).places
    assert all(found.at(place) for place in lesson.PLACES)
