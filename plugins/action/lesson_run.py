# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Begin a lesson, judge what its steps showed, and finish it with a page. Controller only."""

from __future__ import annotations

import os
import time
import typing as t
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lesson import (
    choosing,
    exercises,
    keeping,
    lesson,
    page,
    registered,
    story,
    swarm,
)
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lesson.planning import Moment
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lesson.proofs import FAILED

DISPLAY = Display()
DIAGNOSED = {"pt": "O que a prova encontrou:", "en": "What the proof found:"}
UNNAMED = {"pt": "A prova não nomeou causa nenhuma.", "en": "The proof named no cause."}
COLOURS = {"confirmed": "green", "corrected": "yellow", "failed": "red"}


@dataclass(frozen=True)
class Call:
    """What a stage is given."""

    arguments: dict[str, t.Any]
    task_vars: dict[str, t.Any]
    check_mode: bool

    @property
    def settings(self) -> dict[str, t.Any]:
        """The settings of the run."""
        settings: dict[str, t.Any] | None = self.arguments["settings"]
        if not settings:
            raise AnsibleActionFail(
                f"lesson_run: stage '{self.arguments['stage']}' needs the settings that stage 'begin' gave."
            )
        return settings

    @property
    def story(self) -> Path:
        """The file of the record."""
        return Path(self.settings["directory"]) / keeping.STORY


class ActionModule(ActionBase):
    """``begin`` gives the settings of a run, ``ready`` looks whether the swarm can carry it, ``judge`` judges a round, ``finish`` writes the page."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Nothing here touches a node."""
        task_vars = task_vars or {}
        result = super().run(tmp, task_vars)
        dummy, arguments = self.validate_argument_spec(
            argument_spec={
                "stage": {"type": "str", "required": True, "choices": list(STAGES)},
                "language": {"type": "str", "choices": list(lesson.LANGUAGES), "default": "pt"},
                "steps": {"type": "list", "elements": "str", "default": []},
                "timeout": {"type": "int", "default": 60},
                "directory": {"type": "path"},
                "settings": {"type": "dict"},
                "round": {"type": "int", "default": 0},
                "causes": {"type": "list", "elements": "dict", "default": []},
                "refused": {"type": "str", "default": ""},
                "exercise": {"type": "str"},
                "state": {"type": "str", "choices": list(exercises.STATES), "default": "broken"},
                "act": {"type": "dict"},
                "solved": {"type": "bool", "default": True},
            }
        )
        try:
            return dict(
                result, changed=False, **STAGES[arguments["stage"]](Call(arguments, task_vars, self._task.check_mode))
            )
        except (choosing.NoSuchStep, exercises.NoSuchExercise, swarm.Unfit, keeping.Unkept) as error:
            raise AnsibleActionFail(str(error)) from error


def _begin(call: Call) -> dict[str, t.Any]:
    """The settings. In check mode the script is printed, and nothing follows."""
    told = lesson.load()
    steps = choosing.chosen(call.arguments["steps"], told.steps)
    language = call.arguments["language"]
    if call.check_mode:
        for line in lesson.script(steps, language):
            DISPLAY.display(line)
    settings = {
        "run": uuid.uuid4().hex[:8],
        "hosts": list(call.task_vars["ansible_play_hosts_all"]),
        "manager": "",
        "language": language,
        "steps": [step.id for step in steps],
        "rounds": len(lesson.rounds(steps)),
        "lab": "lab_name" in call.task_vars,
        "lab_name": call.task_vars.get("lab_name", ""),
        "timeout": call.arguments["timeout"],
        "directory": os.path.abspath(call.arguments["directory"] or "."),
        "began": time.time(),
    }
    return {"settings": settings}


def _ready(call: Call) -> dict[str, t.Any]:
    """The settings with the manager that is asked. Begins the record.

    A swarm that cannot carry the lesson is no failure yet: every node has to be left as it was before the play may fail.
    """
    settings = call.settings
    try:
        manager = _begin_record(call)
    except (swarm.Unfit, keeping.Unkept) as error:
        return {"settings": dict(settings, rounds=0), "refused": str(error)}
    return {"settings": dict(settings, manager=manager), "refused": ""}


def _begin_record(call: Call) -> str:
    settings = call.settings
    problems = registered.problems(call.task_vars, settings, registered.READY, 0)
    if problems:
        told = "; ".join(f"{host}: {problem}" for host, problem in problems.items())
        raise swarm.Unfit(f"The lesson cannot begin. {told}")
    ready = registered.results(call.task_vars, settings, registered.READY, 0)
    swarm.require_fit(ready, settings["lab"])
    keeping.save_story(settings["directory"], story.begin(settings, ready))
    return swarm.manager(ready)


def _judge(call: Call) -> dict[str, t.Any]:
    """Whether the lesson has to stop. Adds the round's steps to the record, and prints a line for each."""
    moment = Moment(lesson.load(), call.settings, call.arguments["round"], call.task_vars)
    kept = keeping.read_story(call.story)
    if kept["stopped"]:
        return {"stop": True}
    problems = moment.problems
    if problems:
        told = [story.problem(moment.steps[0], problems)]
    else:
        seen = moment.seen(kept["looks"])
        told = story.tell(seen, moment.steps)
        kept["looks"] = dict(seen.looks)
    kept["steps"] += told
    for step in told:
        _print(moment.lesson, step, call.settings["language"])
    stop = told[-1]["verdict"] == FAILED
    if stop:
        kept["stopped"] = told[-1]["id"]
    kept["seconds"] = round(time.time() - call.settings["began"], 1)
    keeping.save_story(call.settings["directory"], kept)
    return {"stop": stop}


def _print(told: lesson.Lesson, step: story.Told, language: str) -> None:
    own = next(row for row in told.steps if row.id == step["id"])
    word = told.verdicts[step["verdict"]][language]
    DISPLAY.display(
        f"  {own.number:2}/{len(told.steps)} {word:10} {own.proves[language]}", color=COLOURS[step["verdict"]]
    )
    for piece in step["evidence"]:
        if not piece["good"]:
            DISPLAY.display(f"        {told.said(language, piece['key'], **piece['values'])}", color="red")


def _finish(call: Call) -> dict[str, t.Any]:
    """Write the page, and fail where the lesson could not begin, or stopped."""
    if call.arguments["refused"]:
        raise swarm.Unfit(call.arguments["refused"])
    settings, told = call.settings, lesson.load()
    kept = keeping.read_story(call.story)
    kept["looks"] = {}
    kept["causes"] = [cause["title"] for cause in call.arguments["causes"]]
    paths = {
        "story": keeping.save_story(settings["directory"], kept),
        "page": keeping.save(settings["directory"], keeping.PAGE, page.render(told, kept)),
    }
    DISPLAY.display(f"\npage: {paths['page']}")
    answer: dict[str, t.Any] = dict(
        paths, seconds=kept["seconds"], steps={step["id"]: step["verdict"] for step in kept["steps"]}
    )
    if kept["stopped"]:
        step = next(row for row in told.steps if row.id == kept["stopped"])
        reasons = [
            told.said(settings["language"], piece["key"], **piece["values"])
            for piece in kept["steps"][-1]["evidence"]
            if not piece["good"]
        ]
        causes = " ".join(f"CAUSE: {cause}." for cause in kept["causes"]) or "The diagnosis found no single cause."
        answer.update(
            failed=True, msg=f"The lesson stopped at step {step.number} ({step.id}): {'; '.join(reasons)}. {causes}"
        )
    return answer


def _exercise(call: Call) -> dict[str, t.Any]:
    """What is done to get an exercise into its state. Tells the student what it is about."""
    settings, wanted = call.settings, call.arguments["state"]
    found = exercises.find(call.arguments["exercise"] or "")
    if not settings["lab"]:
        raise swarm.Unfit("Exercises break things, so they are given on labs alone (make lab, make exercise).")
    problems = registered.problems(call.task_vars, settings, registered.LOOKED, 0)
    if problems:
        told = "; ".join(f"{host}: {problem}" for host, problem in problems.items())
        raise swarm.Unfit(f"The exercise cannot be given. {told}")
    place = exercises.stage(registered.results(call.task_vars, settings, registered.LOOKED, 0))
    language = settings["language"]
    if wanted == "broken":
        for text in (found.title, found.scene, found.question):
            DISPLAY.display("\n" + place.filled(text[language]), color="bright blue")
    if wanted == "mended":
        DISPLAY.display("\n" + place.filled(found.answer[language]), color="bright blue")
    return {
        "acts": exercises.acts(found, wanted, place),
        "diagnose": found.diagnosis and wanted == "mended",
        "told": {key: place.filled(text) for key, text in found.answer.items()},
    }


def _diagnosed(call: Call) -> dict[str, t.Any]:
    """Tell what the proof names as causes, before an exercise is mended; kept for the classroom."""
    settings = call.settings
    titles = [cause["title"] for cause in call.arguments["causes"]]
    keeping.save_diagnosis(settings["directory"], titles)
    words = DIAGNOSED if titles else UNNAMED
    DISPLAY.display(words[settings["language"]], color="bright blue")
    for title in titles:
        DISPLAY.display(f"  CAUSE  {title}", color="yellow")
    return {"causes": titles}


def _acted(call: Call) -> dict[str, t.Any]:
    """Whether an act went well: its commands succeeded, or its checks are met."""
    act, settings = call.arguments["act"] or {}, call.settings
    problems = registered.problems(call.task_vars, settings, registered.ACTED, 0)
    if problems:
        raise swarm.Unfit("; ".join(f"{host}: {problem}" for host, problem in problems.items()))
    seen = registered.results(call.task_vars, settings, registered.ACTED, 0)
    taken = {host: row["taken"] for host, row in seen.items() if act.get("kind") == "ready" and row["taken"]}
    if taken:
        swarm.refuse_taken(taken)
    missed = [
        (host, row)
        for host, rows in seen.items()
        if act.get("kind") in ("run", "check")
        for row in rows
        if not row["met"]
    ]
    if act.get("kind") == "run" and act.get("must") and missed:
        host, row = missed[0]
        raise swarm.Unfit(f"{host}: {row['line']} ended with code {row['code']}: {row['output'][-300:]}")
    for host, row in missed if act.get("kind") == "check" else []:
        DISPLAY.display(f"  {host}# {row['line']}\n      {row['output'][-300:]}", color="red")
    return {"solved": call.arguments["solved"] and not missed}


def _solved(call: Call) -> dict[str, t.Any]:
    """Tell whether the exercise is solved; one that is not fails."""
    if not call.arguments["solved"]:
        raise swarm.Unfit({"pt": "Ainda não está resolvido.", "en": "It is not solved yet."}[call.settings["language"]])
    DISPLAY.display({"pt": "Resolvido!", "en": "Solved!"}[call.settings["language"]], color="green")
    return {"solved": True}


STAGES: dict[str, Callable[[Call], dict[str, t.Any]]] = {
    "begin": _begin,
    "ready": _ready,
    "judge": _judge,
    "finish": _finish,
    "exercise": _exercise,
    "diagnosed": _diagnosed,
    "acted": _acted,
    "solved": _solved,
}
