# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lesson as typed values, read from ``lesson.yml``. Pure but for the reading of that file.

Private to swarmlab.overlay.
"""

from __future__ import annotations

import dataclasses
import functools
import re
import typing as t
from pathlib import Path

from ansible.module_utils.common.yaml import yaml_load

LANGUAGES = ("pt", "en")
SOURCE = Path(__file__).with_name("lesson.yml")
PLACES = ("manager", "task1", "task2", "porta1", "porta2", "workers", "worker")
PLACEHOLDER = re.compile(r"(?<!\{)\{(manager|servico|task1|task2|porta1|porta2|ip2|carta|clara)\}(?!\})")

Words = t.Mapping[str, str]  # by language


@dataclasses.dataclass(frozen=True)
class Typing:
    """Lines, and the place where they are typed."""

    at: str
    lines: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Change:
    """What a step changes: objects that give way first, and how many tasks must run afterwards (0: one on every node)."""

    clear: t.Mapping[str, t.Sequence[str]]
    settled: t.Mapping[str, int]


@dataclasses.dataclass(frozen=True)
class Step:
    """One step. ``number`` counts from 1 through the whole lesson."""

    number: int
    id: str
    lesson: tuple[str, ...]
    says: str
    text: Words
    typed: tuple[Typing, ...]
    change: Change | None
    letter: bool
    belief: Words | None
    proves: Words
    picture: Words
    question: Words
    answer: Words
    fault: str

    @property
    def changing(self) -> tuple[str, ...]:
        """The lines by which the swarm is changed, on the manager."""
        return next((typing.lines for typing in self.typed if typing.at == "manager"), ()) if self.change else ()

    @property
    def watching(self) -> tuple[Typing, ...]:
        """The lines that are typed after the change."""
        return tuple(typing for typing in self.typed if not (self.change and typing.at == "manager"))

    def sentence(self, language: str) -> list[str]:
        """What the lesson says here, in a language: its sentences as one text, its commands as they are."""
        commands = [line for line in self.lesson if is_command(line)]
        told = " ".join(line for line in self.lesson if not is_command(line))
        if language != "pt":
            told = self.says
        return [told, *commands] if told else commands


@dataclasses.dataclass(frozen=True)
class Part:
    """A section of the lesson."""

    id: str
    lesson: tuple[str, ...]
    title: Words
    steps: tuple[Step, ...]


@dataclasses.dataclass(frozen=True)
class Lesson:
    """All of it. ``words`` are those of the evidence, ``page`` those around it, both by key and language."""

    title: Words
    intro: Words
    names: t.Mapping[str, t.Sequence[str]]
    parts: tuple[Part, ...]
    verdicts: t.Mapping[str, Words]
    words: t.Mapping[str, Words]
    page: t.Mapping[str, Words]

    @property
    def steps(self) -> list[Step]:
        """The steps in their order."""
        return [step for part in self.parts for step in part.steps]

    def said(self, language: str, key: str, **values: t.Any) -> str:
        """A piece of evidence in words."""
        return self.words[key][language].format(**values)

    def label(self, language: str, key: str, **values: t.Any) -> str:
        """Words of the page."""
        return self.page[key][language].format(**values)


def is_command(line: str) -> bool:
    """Whether a line of the lesson is typed, and not said."""
    return bool(re.match(r"(docker|ping) ", line))


def rounds(steps: t.Sequence[Step]) -> list[list[Step]]:
    """The steps in rounds. A round begins with a step that changes the swarm, and nothing changes until the next."""
    found: list[list[Step]] = []
    for step in steps:
        if not found or step.change:
            found.append([])
        found[-1].append(step)
    return found


def script(steps: t.Sequence[Step], language: str) -> list[str]:
    """The lesson as a list of what is said and typed, for people."""
    lines = []
    for step in steps:
        lines += ["", f"{step.number}. {step.id}", *(f"   {line}" for line in step.sentence(language))]
        for typing in step.typed:
            lines += [f"   {typing.at}# {line}" for line in typing.lines]
    return lines


def _step(number: int, told: dict[str, t.Any]) -> Step:
    change = told.get("change")
    return Step(
        number=number,
        id=told["id"],
        lesson=tuple(told["lesson"]),
        says=told.get("says", ""),
        text=told["text"],
        typed=tuple(Typing(typing["at"], tuple(typing["lines"])) for typing in told.get("typed", [])),
        change=Change(change.get("clear", {}), change.get("settled", {})) if change else None,
        letter=told.get("letter", False),
        belief=told.get("belief"),
        proves=told["proves"],
        picture=told["picture"],
        question=told["question"],
        answer=told["answer"],
        fault=told.get("fault", ""),
    )


@functools.lru_cache(maxsize=1)
def load() -> Lesson:
    """The lesson."""
    told = yaml_load(SOURCE.read_text(encoding="utf-8"))
    parts, number = [], 0
    for part in told["parts"]:
        steps = []
        for step in part["steps"]:
            number += 1
            steps.append(_step(number, step))
        parts.append(Part(part["id"], tuple(part.get("lesson", [])), part["title"], tuple(steps)))
    return Lesson(
        told["title"], told["intro"], told["names"], tuple(parts), told["verdicts"], told["words"], told["page"]
    )
