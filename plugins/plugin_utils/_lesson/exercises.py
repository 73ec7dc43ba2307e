# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The exercises as typed values, read from ``exercises.yml``, and what is done on which host to give, check and mend one. Pure but for that file.

Private to swarmlab.overlay.
"""

from __future__ import annotations

import dataclasses
import functools
import re
import typing as t
from pathlib import Path

from ansible.module_utils.common.yaml import yaml_load

from ...module_utils._lesson import shapes
from .lesson import Words
from .swarm import Unfit

SOURCE = Path(__file__).with_name("exercises.yml")
PLACES = ("manager", "worker1", "worker2")
PLACEHOLDER = re.compile(r"(?<!\{)\{(manager|worker1|worker2)\}(?!\})")
EVERYWHERE = "all"
STATES = ("broken", "checked", "mended", "absent")
PATIENCE = {"check": 8.0, "broken": 60.0, "mended": 60.0}  # seconds until a check must succeed


class NoSuchExercise(Exception):
    """An exercise that was asked for does not exist; the message says which there are."""


@dataclasses.dataclass(frozen=True)
class Lines:
    """Commands at a place."""

    at: str
    lines: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Check:
    """A command that succeeds, with an output that has the pattern."""

    at: str
    line: str
    expect: str


@dataclasses.dataclass(frozen=True)
class Exercise:
    """One exercise. ``fault``: options of module lab_fault; ``diagnosis``: whether the proof names what is broken."""

    id: str
    title: Words
    scene: Words
    question: Words
    hints: tuple[Words, ...]
    answer: Words
    setup: tuple[Lines, ...]
    breaks: tuple[Lines, ...]
    fault: t.Mapping[str, t.Any] | None
    broken: tuple[Check, ...]
    check: tuple[Check, ...]
    mend: tuple[Lines, ...]
    undo: tuple[Lines, ...]
    diagnosis: bool


class Act(t.TypedDict, total=False):
    """Something that is done: a phase of lesson_node on a host (or on all), or a fault of the lab that begins or ends.

    ``must``: the commands have to succeed. ``named``: what it is, for people.
    """

    kind: t.Literal["ready", "run", "check", "end", "fault", "heal"]
    at: str
    lines: list[str]
    checks: list[shapes.Wanted]
    must: bool
    patience: float
    fault: dict[str, t.Any]


def names() -> dict[str, list[str]]:
    """The names of what the exercises make, by kind."""
    found: dict[str, list[str]] = _told()["names"]
    return found


@functools.lru_cache(maxsize=1)
def _told() -> dict[str, t.Any]:
    told: dict[str, t.Any] = yaml_load(SOURCE.read_text(encoding="utf-8"))
    return told


@functools.lru_cache(maxsize=1)
def load() -> dict[str, Exercise]:
    """The exercises by id, in their order."""
    return {row["id"]: _exercise(row) for row in _told()["exercises"]}


def _exercise(row: dict[str, t.Any]) -> Exercise:
    lines = {
        key: tuple(Lines(act["at"], tuple(act["lines"])) for act in row.get(key, []))
        for key in ("setup", "break", "mend", "undo")
    }
    checks = {
        key: tuple(Check(act["at"], act["line"], act.get("expect", "")) for act in row.get(key, []))
        for key in ("broken", "check")
    }
    return Exercise(
        id=row["id"],
        title=row["title"],
        scene=row["scene"],
        question=row["question"],
        hints=tuple(row["hints"]),
        answer=row["answer"],
        setup=lines["setup"],
        breaks=lines["break"],
        fault=row.get("fault"),
        broken=checks["broken"],
        check=checks["check"],
        mend=lines["mend"],
        undo=lines["undo"],
        diagnosis=row.get("diagnosis", False),
    )


def find(name: str) -> Exercise:
    """The exercise of this name. Raises NoSuchExercise."""
    found = load().get(name)
    if found is None:
        raise NoSuchExercise(f"lesson_exercise: there is no exercise {name!r}. There are: {', '.join(load())}.")
    return found


@dataclasses.dataclass(frozen=True)
class Stage:
    """The places of an exercise in a lab: hosts and hostnames by place."""

    hosts: t.Mapping[str, str]
    names: t.Mapping[str, str]

    def filled(self, text: str) -> str:
        """A text with the hostnames in it."""
        return PLACEHOLDER.sub(lambda found: self.names[found.group(1)], text)

    def filled_in(self, value: t.Any) -> t.Any:
        """The same within lists and dictionaries."""
        if isinstance(value, dict):
            return {key: self.filled_in(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.filled_in(item) for item in value]
        return self.filled(value) if isinstance(value, str) else value


def stage(looks: t.Mapping[str, shapes.Look]) -> Stage:
    """Where the exercise is given. Raises Unfit where there is no place for it."""
    managers = sorted((host for host, look in looks.items() if look["swarm"]), key=lambda host: not _leads(looks[host]))
    workers = sorted(host for host, look in looks.items() if look["role"] == "worker")
    if not managers or len(workers) < 2:
        raise Unfit("An exercise needs a manager and two workers, and a lab that runs (make lab).")
    hosts = {"manager": managers[0], "worker1": workers[0], "worker2": workers[-1]}
    return Stage(hosts, {place: looks[host]["hostname"] for place, host in hosts.items()})


def _leads(look: shapes.Look) -> bool:
    swarm = look["swarm"]
    return bool(swarm and swarm["leader"])


def acts(exercise: Exercise, wanted: str, place: Stage) -> list[Act]:
    """What is done to get an exercise into a state, in this order."""
    heal: list[Act] = [{"kind": "heal", "at": EVERYWHERE}] if exercise.fault else []
    undo = _runs(exercise.undo, place, must=False)
    if wanted == "checked":
        return _checks(exercise.check, place, PATIENCE["check"])
    if wanted == "absent":
        return [*heal, *undo, {"kind": "end", "at": EVERYWHERE}]
    if wanted == "mended":
        return [*heal, *_runs(exercise.mend, place), *_checks(exercise.check, place, PATIENCE["mended"])]
    fault: list[Act] = (
        [{"kind": "fault", "at": EVERYWHERE, "fault": place.filled_in(dict(exercise.fault))}] if exercise.fault else []
    )
    return [
        *heal,
        *undo,
        {"kind": "ready", "at": EVERYWHERE},
        *_runs(exercise.setup, place),
        *_runs(exercise.breaks, place),
        *fault,
        *_checks(exercise.broken, place, PATIENCE["broken"]),
    ]


def _runs(rows: t.Sequence[Lines], place: Stage, must: bool = True) -> list[Act]:
    return [
        {"kind": "run", "at": place.hosts[row.at], "lines": [place.filled(line) for line in row.lines], "must": must}
        for row in rows
    ]


def _checks(rows: t.Sequence[Check], place: Stage, patience: float) -> list[Act]:
    """One act for each host, with all of its checks."""
    found: dict[str, list[shapes.Wanted]] = {}
    for row in rows:
        found.setdefault(place.hosts[row.at], []).append(
            {"line": place.filled(row.line), "expect": place.filled(row.expect)}
        )
    return [{"kind": "check", "at": host, "checks": checks, "patience": patience} for host, checks in found.items()]
