# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Begin a verification, and finish it: judge what the nodes told, write the report, print the summary. Controller only."""

from __future__ import annotations

import os
import time
import typing as t
from collections.abc import Callable
from dataclasses import dataclass, replace

from ansible import context
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.swarmlab.overlay.plugins.action.verify_probe import phases_so_far
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._checks import _disruption
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._diagnosis import diagnose
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._facts.model import Facts
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._report import build, text
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._report.about import about
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._report.writing import (
    forget_junit,
    write,
    write_diagnostics,
)
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._verification import facts, plans, victim
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._verification.judging import judged
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._verification.selection import disruptions, know_tags
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._verification.settings import begin

DISPLAY = Display()


@dataclass(frozen=True)
class Call:
    """What a stage is given."""

    arguments: dict[str, t.Any]
    task_vars: dict[str, t.Any]
    check_mode: bool


@dataclass(frozen=True)
class Gathered:
    """What the phases of a run have brought so far."""

    facts: Facts
    phases: dict[str, t.Any]


class ActionModule(ActionBase):
    """``tags`` refuses unknown tags; ``begin`` gives the settings of a run; ``late`` tells whether gossip is to be waited for; ``finish`` gives
    the report; ``disrupt`` gives the settings of the run that follows a disruption, ``recovered`` its outcome; ``conclude`` adds the outcomes
    to the report."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Nothing here touches a node."""
        task_vars = task_vars or {}
        result = super().run(tmp, task_vars)
        dummy, arguments = self.validate_argument_spec(
            argument_spec={
                "stage": {
                    "type": "str",
                    "required": True,
                    "choices": [*FIRST, *LATER],
                },
                "networks": {"type": "list", "elements": "str", "default": ["*"]},
                "checks": {"type": "list", "elements": "str", "default": ["*"]},
                "services": {"type": "list", "elements": "str", "default": ["*"]},
                "nodes": {"type": "list", "elements": "str", "default": ["*"]},
                "shared_names": {"type": "list", "elements": "str", "default": []},
                "image": {"type": "str", "default": ""},
                "timeout": {"type": "int", "default": 90},
                "convergence": {"type": "int", "default": 20},
                "certificate_days": {"type": "float", "default": 0},
                "performance": {"type": "bool", "default": False},
                "performance_seconds": {"type": "float", "default": 2.0},
                "quality": {"type": "dict", "default": {}},
                "disruptive": {
                    "type": "list",
                    "elements": "str",
                    "default": [],
                    "choices": [check.SWITCH for check in disruptions()],
                },
                "disruptive_node": {"type": "str", "default": ""},
                "disruptive_force": {"type": "bool", "default": False},
                "disruptive_timeout": {"type": "int", "default": 120},
                "settings": {"type": "dict"},
                "document": {"type": "dict"},
                "disruption": {"type": "str"},
                "outcomes": {"type": "list", "elements": "dict", "default": []},
                "directory": {"type": "path"},
                "fail": {"type": "bool", "default": True},
            }
        )
        stage, call = arguments["stage"], Call(arguments, task_vars, self._task.check_mode)
        if stage in FIRST:
            return dict(result, changed=False, **FIRST[stage](call))
        settings = arguments["settings"]
        if not settings:
            raise AnsibleActionFail(f"verify_run: stage '{stage}' needs the settings that stage 'begin' gave.")
        phases = phases_so_far(task_vars, settings)
        gathered = Gathered(facts.assemble(settings["hosts"], settings, phases), phases)
        return dict(result, changed=False, **LATER[stage](call, gathered))


def _tags(call: Call) -> dict[str, t.Any]:
    know_tags(call.task_vars, context.CLIARGS.get("args") or [])
    return {}


def _begin(call: Call) -> dict[str, t.Any]:
    settings = begin(call.arguments, call.task_vars)
    forget_junit(call.arguments["directory"])
    return {"settings": settings}


def _late(_call: Call, gathered: Gathered) -> dict[str, t.Any]:
    return {"late": plans.is_late(gathered.facts)}


def _disrupt(call: Call, _gathered: Gathered) -> dict[str, t.Any]:
    return {"settings": victim.settings_of_disruption(call.arguments, call.task_vars, call.check_mode)}


def _recovered(call: Call, gathered: Gathered) -> dict[str, t.Any]:
    before = call.arguments["settings"]["disruption"]["before"]
    outcome = _disruption.outcome(gathered.facts, before, judged(gathered.facts))
    return {"outcomes": [*call.arguments["outcomes"], outcome]}


def _finish(call: Call, gathered: Gathered) -> dict[str, t.Any]:
    """Judge, report, and say which disruptions may begin."""
    known, settings = gathered.facts, call.arguments["settings"]
    results = judged(known)
    wanted = [check for check in disruptions() if check.ID in settings["checks"]]
    green = build.summary(results, 0)["ok"]
    if wanted and not green and not settings["force"]:
        known = replace(known, disruptions={check.SWITCH: {"skip": _disruption.NOT_GREEN} for check in wanted})
        results += [item for check in wanted for item in check.judge(known)]
        wanted = []
    causes = diagnose.diagnose(results, known)
    report = build.document(results, about(known, call.task_vars), time.time() - settings["began"], causes)
    # With disruptions to come, the last word is theirs.
    answer = publish(report, Gathered(known, gathered.phases), call.arguments, fail=not wanted)
    answer["disrupt"] = [
        check.SWITCH for check in sorted(wanted, key=lambda check: settings["disruptive"].index(check.SWITCH))
    ]
    if wanted:
        answer["document"] = dict(report, began=settings["began"], victim=victim.choose(known))
    return answer


def _conclude(call: Call, gathered: Gathered) -> dict[str, t.Any]:
    """The report again, with what the disruptions showed."""
    document = dict(call.arguments["document"])
    took = time.time() - document.pop("began")
    document.pop("victim")
    known = replace(gathered.facts, disruptions={outcome["what"]: outcome for outcome in call.arguments["outcomes"]})
    results = document["checks"] + [item for check in disruptions() for item in check.judge(known)]
    report = build.document(results, document, took, document["causes"])
    return publish(report, Gathered(known, gathered.phases), call.arguments)


def publish(
    report: dict[str, t.Any], gathered: Gathered, arguments: dict[str, t.Any], fail: bool = True
) -> dict[str, t.Any]:
    """Write and print the report. Fails, if it is to, when it is not good; and in any case when nothing at all was proven."""
    paths = {}
    if arguments["directory"]:
        directory = os.path.abspath(arguments["directory"])
        paths = write(report, directory)
        if not report["summary"]["ok"]:
            paths["diagnostics"] = write_diagnostics(report, gathered.facts, gathered.phases, directory)
    for line in text.lines(report, paths):
        DISPLAY.display(line.text, color=line.colour)
    answer: dict[str, t.Any] = dict(
        paths,
        summary=report["summary"],
        causes=[{key: found[key] for key in ("id", "title", "nodes", "networks")} for found in report["causes"]],
    )
    if ((fail and arguments["fail"]) or text.nothing(report)) and not report["summary"]["ok"]:
        answer.update(failed=True, msg=text.failure(report))
    return answer


# Stages that need nothing, and those that look at what a run has brought.
FIRST: dict[str, Callable[[Call], dict[str, t.Any]]] = {"tags": _tags, "begin": _begin}
LATER: dict[str, Callable[[Call, Gathered], dict[str, t.Any]]] = {
    "late": _late,
    "finish": _finish,
    "disrupt": _disrupt,
    "recovered": _recovered,
    "conclude": _conclude,
}
