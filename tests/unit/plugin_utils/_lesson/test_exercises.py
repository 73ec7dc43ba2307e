# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The exercises as data: complete in both languages, and what is done for each."""

from __future__ import annotations

import re

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab import faults
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lesson import exercises, lesson, planning, swarm

from . import walked

EXERCISES = list(exercises.load().values())
STAGE = exercises.stage(walked.seen(walked.load(), 0).looks)
MADE = re.compile(r"docker (network|container|service) (?:create|run)\b.*?(?:--name (\w+)|(\w+)$)")


def test_there_are_at_least_eight() -> None:
    assert len(EXERCISES) >= 8


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)
def test_it_is_told_in_both_languages_and_can_be_checked(exercise: exercises.Exercise) -> None:
    for words in (exercise.title, exercise.scene, exercise.question, exercise.answer, *exercise.hints):
        assert set(words) == set(lesson.LANGUAGES) and all(words.values())
        assert len({frozenset(exercises.PLACEHOLDER.findall(text)) for text in words.values()}) == 1
    assert len(exercise.hints) == 2 and exercise.check and exercise.setup
    assert exercise.mend or exercise.fault
    assert {
        row.at for row in (*exercise.setup, *exercise.breaks, *exercise.mend, *exercise.undo, *exercise.check)
    } <= set(exercises.PLACES)


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)
def test_all_that_it_makes_has_a_name_that_is_reserved(exercise: exercises.Exercise) -> None:
    for row in (*exercise.setup, *exercise.breaks, *exercise.mend):
        for line in row.lines:
            for kind, named, last in MADE.findall(line):
                assert (named or last) in exercises.names()[f"{kind}s"], line


@pytest.mark.parametrize("exercise", [row for row in EXERCISES if row.fault], ids=lambda exercise: exercise.id)
def test_its_fault_is_one_of_the_lab(exercise: exercises.Exercise) -> None:
    fault = faults.parse(STAGE.filled_in(dict(exercise.fault)), ["vm1", "vm2", "vm3"])
    assert fault.name == "exercise" and fault.seconds == 3600


def test_every_fault_of_a_step_is_an_exercise() -> None:
    assert {step.fault for step in walked.LESSON.steps if step.fault} <= set(exercises.load())


def kinds(name: str, state: str) -> list[tuple[str, str]]:
    return [(act["kind"], act["at"]) for act in exercises.acts(exercises.find(name), state, STAGE)]


def test_an_exercise_begins_from_the_start() -> None:
    assert kinds("blocked-port", "broken") == [
        ("run", "vm2"), ("ready", "all"), ("run", "vm1"), ("run", "vm2"), ("run", "vm3"), ("run", "vm2"),
    ]  # fmt: skip
    assert kinds("lost-manager", "broken")[0] == ("heal", "all")
    assert kinds("lost-manager", "broken")[-2:] == [("fault", "all"), ("check", "vm1")]


def test_what_is_undone_need_not_be_there() -> None:
    first = exercises.acts(exercises.find("blocked-port"), "broken", STAGE)[0]
    assert first["must"] is False


def test_it_is_checked_mended_and_taken_back() -> None:
    assert kinds("blocked-port", "checked") == [("check", "vm3")]
    assert kinds("blocked-port", "mended") == [("run", "vm2"), ("check", "vm3")]
    assert kinds("one-way", "mended") == [("heal", "all"), ("check", "vm3")]
    assert kinds("drain", "absent") == [("run", "vm1"), ("end", "all")]


def test_hostnames_stand_in_the_commands() -> None:
    acts = exercises.acts(exercises.find("drain"), "broken", STAGE)
    text = " ".join(line for act in acts for line in act.get("lines", []))
    assert "--availability drain vm2" in text and "{{.Node}}" in text and "{worker1}" not in text


def test_the_lesson_and_the_exercises_have_names_of_their_own() -> None:
    moment = walked.moment(walked.load(), 0)
    lessons, own = planning.ready(moment, "vm1", {}), planning.ready(moment, "vm1", {"kind": "ready"})
    assert lessons["names"]["networks"] == ["my_overlay", "clara", "cifrada"] and own["names"]["networks"] == ["sala"]


def test_an_unknown_one_gets_the_list() -> None:
    with pytest.raises(exercises.NoSuchExercise, match="no exercise 'x'. There are: blocked-port, not-attachable"):
        exercises.find("x")


def test_it_needs_two_workers() -> None:
    looks = {host: look for host, look in walked.seen(walked.load(), 0).looks.items() if host != "vm3"}
    with pytest.raises(swarm.Unfit, match="two workers"):
        exercises.stage(looks)
