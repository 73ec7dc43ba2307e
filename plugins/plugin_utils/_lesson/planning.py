# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of each node for each phase of a lesson, and what a round showed. Pure but for Ansible's variables.

Private to swarmlab.overlay.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ...module_utils._lesson import shapes
from . import exercises, registered
from .exercises import Act
from .lesson import Lesson, Step, rounds
from .places import Places, filled
from .proofs import Seen


@dataclasses.dataclass(frozen=True)
class Moment:
    """A round of a run: the lesson, the run's settings, the round's number, and all that was registered so far."""

    lesson: Lesson
    settings: t.Mapping[str, t.Any]
    number: int
    task_vars: t.Mapping[str, t.Any]

    @property
    def steps(self) -> list[Step]:
        """The steps of this round."""
        return rounds([step for step in self.lesson.steps if step.id in self.settings["steps"]])[self.number]

    @property
    def ready(self) -> dict[str, shapes.Ready]:
        """What the nodes told before the first round."""
        return self._of(registered.READY, 0)

    @property
    def changed(self) -> shapes.Done | None:
        """What the manager told after the change of this round."""
        return self._of(registered.CHANGED, self.number).get(self.settings["manager"])

    @property
    def problems(self) -> dict[str, str]:
        """Why hosts did not answer in this round."""
        return {
            **registered.problems(self.task_vars, self.settings, registered.WATCHED, self.number),
            **registered.problems(self.task_vars, self.settings, registered.CHANGED, self.number),
        }

    @property
    def places(self) -> Places:
        """The places as the manager saw them last."""
        changed, manager = self.changed, self.settings["manager"]
        look = changed["look"] if changed else self.ready[manager]["look"]
        return Places({seen["look"]["node"]: host for host, seen in self.ready.items()}, manager, look)

    def seen(self, before: t.Mapping[str, shapes.Look]) -> Seen:
        """What this round showed."""
        watched: dict[str, shapes.Done] = self._of(registered.WATCHED, self.number)
        changed = self.changed
        said = {host: dict(done["said"]) for host, done in watched.items()}
        for step, lines in (changed["said"] if changed else {}).items():
            own = said.setdefault(self.settings["manager"], {})
            own[step] = [*lines, *own.get(step, [])]
        return Seen(
            places=self.places,
            ready=self.ready,
            before=before,
            looks={host: done["look"] for host, done in watched.items()},
            letters={host: done["letter"] for host, done in watched.items()},
            said=said,
        )

    def _of(self, name: str, number: int) -> dict[str, t.Any]:
        return registered.results(self.task_vars, self.settings, name, number)

    def common(self) -> shapes.Plan:
        """What every plan has."""
        names = {kind: list(found) for kind, found in self.lesson.names.items()}
        return {
            "run": self.settings["run"],
            "lab": self.settings["lab"],
            "seconds": self.settings["timeout"],
            "names": names,
        }


def ready(moment: Moment, _host: str, wanted: Act) -> shapes.Plan | None:
    """Every node gets ready, for the lesson or for an exercise."""
    return {**moment.common(), "names": exercises.names()} if wanted else {**moment.common(), "stay": True}


def change(moment: Moment, host: str, _act: Act) -> shapes.Plan | None:
    """The manager types the lines that change the swarm."""
    first = moment.steps[0]
    if host != moment.settings["manager"] or not first.change:
        return None
    values = moment.places.values()
    return {
        **moment.common(),
        "clear": {
            "services": list(first.change.clear.get("services", [])),
            "networks": list(first.change.clear.get("networks", [])),
        },
        "scripts": [{"step": first.id, "lines": [filled(line, values) for line in first.changing]}],
        "settled": dict(first.change.settled),
    }


def watch(moment: Moment, host: str, _act: Act) -> shapes.Plan | None:
    """Every node types what is typed there, and looks. Nobody does after a change that did not come about."""
    if moment.steps[0].change and moment.changed is None:
        return None
    places = moment.places
    return {
        **moment.common(),
        "letter": places.letter(host) if any(step.letter for step in moment.steps) else None,
        "scripts": places.typed_at(host, moment.steps),
    }


def act(moment: Moment, host: str, wanted: Act) -> shapes.Plan | None:
    """The host of an act runs or checks its lines."""
    if wanted["at"] != host:
        return None
    return {
        **moment.common(),
        "lines": wanted.get("lines", []),
        "checks": wanted.get("checks", []),
        "patience": wanted.get("patience", 0.0),
    }


PLANS: dict[str, t.Callable[[Moment, str, Act], shapes.Plan | None]] = {
    "ready": ready,
    "change": change,
    "watch": watch,
    "look": ready,
    "run": act,
    "check": act,
    "end": ready,
}
