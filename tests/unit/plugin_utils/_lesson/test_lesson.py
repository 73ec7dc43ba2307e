# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lesson's data against the lesson's text: every line has its step, and what is typed is what is written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lesson import lesson

TEXT = Path(__file__).with_name("overlay-lesson.txt")
LESSON = lesson.load()
STEPS = LESSON.steps
# What stands for an id, a hostname or a task's name in the lesson's own text.
STANDS_FOR = {
    "manager": r"vm\d+",
    "servico": r"[0-9a-z]{2,}",
    "task1": r"servico\.1\.[0-9a-z]{25}",
    "task2": r"servico\.2\.[0-9a-z]{25}",
}


def written() -> list[str]:
    """The lines of the lesson, without rules and empty ones."""
    lines = [line.strip() for line in TEXT.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line.strip("-")]


def as_written(line: str) -> str:
    """A pattern for a typed line as the lesson writes it."""
    parts = lesson.PLACEHOLDER.split(line)
    return "".join(STANDS_FOR.get(part, "!") if number % 2 else re.escape(part) for number, part in enumerate(parts))


def test_every_line_of_the_lesson_has_its_step_in_the_lessons_order() -> None:
    told = [
        line for part in LESSON.parts for line in (*part.lesson, *(line for step in part.steps for line in step.lesson))
    ]
    assert told == written()


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.id)
def test_every_command_is_typed_as_the_lesson_writes_it(step: lesson.Step) -> None:
    typed = [line for typing in step.typed for line in typing.lines]
    for command in filter(lesson.is_command, step.lesson):
        assert [line for line in typed if re.fullmatch(as_written(line), command)], f"{command} is not typed: {typed}"


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.id)
def test_every_step_is_told_in_both_languages(step: lesson.Step) -> None:
    for words in (step.text, step.proves, step.picture, step.question, step.answer, step.belief):
        assert words is None or (set(words) == set(lesson.LANGUAGES) and all(words.values()))
    sentences = [line for line in step.lesson if not lesson.is_command(line)]
    assert bool(step.says) == bool(sentences)
    assert {typing.at for typing in step.typed} <= set(lesson.PLACES)


def test_words_are_there_in_both_languages_with_the_same_values() -> None:
    for table in (LESSON.words, LESSON.page, LESSON.verdicts, {part.id: part.title for part in LESSON.parts}):
        for key, words in table.items():
            assert set(words) == set(lesson.LANGUAGES), key
            values = [set(re.findall(r"\{(\w+)\}", text)) for text in words.values()]
            assert values[0] == values[1], key


def test_ids_are_unique() -> None:
    ids = [step.id for step in STEPS]
    assert len(set(ids)) == len(ids) and [step.number for step in STEPS] == list(range(1, len(ids) + 1))


def test_the_two_inexact_sentences_are_believed_first() -> None:
    assert {"data-encrypted", "ip-only"} <= {step.id for step in STEPS if step.belief}


def test_rounds_begin_with_a_change_and_keep_the_order() -> None:
    found = lesson.rounds(STEPS)
    assert [step for steps in found for step in steps] == STEPS
    assert all(steps[0].change for steps in found[1:])
    assert not [step for steps in found for step in steps[1:] if step.change]


def test_everything_that_is_made_gives_way_before_its_name_is_used_again() -> None:
    there: set[str] = set()
    for step in STEPS:
        if step.change:
            there -= {name for names in step.change.clear.values() for name in names}
        for line in step.changing:
            made = re.search(
                r"(?:service create .*--name|network create(?: -d overlay| --attachable| --opt encrypted)*) (\w+)", line
            )
            assert made, line
            assert made.group(1) not in there, f"{step.id}: {made.group(1)} is there already"
            there.add(made.group(1))
    assert there <= {name for names in LESSON.names.values() for name in names}


def test_the_script_has_every_command() -> None:
    text = "\n".join(lesson.script(STEPS, "en"))
    assert all(line in text for step in STEPS for typing in step.typed for line in typing.lines)


def test_keys_are_written_once() -> None:
    """YAML takes the last of two equal keys, without a word."""

    class Strict(yaml.SafeLoader):
        pass

    def mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict:
        keys = [loader.construct_object(key) for key, dummy in node.value]
        assert len(set(keys)) == len(keys), [key for key in keys if keys.count(key) > 1]
        return loader.construct_mapping(node, deep=True)

    Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)
    yaml.load(lesson.SOURCE.read_text(encoding="utf-8"), Strict)
