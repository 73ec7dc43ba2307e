# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Give the module verify_probe its plan for this node and phase, and turn a silent node into a finding."""

from __future__ import annotations

import time
import typing as t

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.swarmlab.overlay.plugins.module_utils._probe import standing
from ansible_collections.swarmlab.overlay.plugins.module_utils._verify import objects
from ansible_collections.swarmlab.overlay.plugins.plugin_utils import _checks, standing_helper
from ansible_collections.swarmlab.overlay.plugins.plugin_utils import _foreign_words as foreign
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._facts.model import Settings
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._verification import facts, plans, progress
from ansible_collections.swarmlab.overlay.plugins.plugin_utils.host_values import resolve
from ansible_collections.swarmlab.overlay.plugins.plugin_utils.module_failure import one_line, reason, was_killed

DISPLAY = Display()
MODULE = "swarmlab.overlay.verify_probe"
FOLLOWING = ("open", "probe", "reopen", *objects.EXCHANGES, "again", "close")  # for these the node's helper is asked


# The kernel's log tells; nobody else ends a process of a run so.
KILLED = "a process of this run was killed there (signal 9), as the kernel does when no memory is left"


def phases_so_far(task_vars: dict[str, t.Any], settings: Settings) -> dict[str, dict[str, t.Any]]:
    """{phase: {host: what was registered}} of the phases of this run that have begun.

    What is registered needs no templating, which for 20 nodes takes a worker 2 seconds instead of 10 milliseconds.
    """
    known = {host: task_vars["hostvars"].raw_get(host) for host in settings["hosts"]}
    found = {}
    for phase in facts.PROVING + facts.DISRUPTING:
        name = "verify_phase_" + phase
        results = {host: dict(variables[name]) for host, variables in known.items() if name in variables}
        results = {host: result for host, result in results.items() if _belongs(result, settings["run"])}
        if results:
            found[phase] = results
    return found


def _belongs(result: dict[str, t.Any], run: str) -> bool:
    """Whether a registered result is of this run: a play may verify several times. One that broke off does not tell."""
    return result.get("run", run) == run and not result.get("skipped")


def _door(phases: dict[str, dict[str, dict[str, t.Any]]], host: str) -> standing.Door | None:
    """Where this host takes orders, if it got ready and told so."""
    seen = phases.get(facts.PROVING[0], {}).get(host, {}).get("seen") or {}
    return seen.get("door")


def _silent(reason_code: str, problem: str) -> dict[str, t.Any]:
    """The result of a node that could not tell."""
    return {"changed": False, "seen": None, "reason": reason_code, "problem": problem}


class ActionModule(ActionBase):
    """One phase on one node."""

    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Plan, run the module, and hand back ``seen``, or ``problem`` when the node could not tell."""
        task_vars = task_vars or {}
        phase, settings = self._task.args["phase"], self._task.args["settings"]
        result = dict(super().run(tmp, task_vars), run=settings["run"])
        host, hosts = task_vars["inventory_hostname"], settings["hosts"]
        so_far = phases_so_far(task_vars, settings)
        gathered = facts.assemble(hosts, settings, so_far)
        checks, _empty = _checks.select(_checks.load(), settings["checks"])
        skip = gathered.disrupted.get("skip")
        plan = None if skip else plans.PLANS[phase](gathered, host, checks)
        if host == hosts[0] and not (phase in (*objects.EXCHANGES, "again") and plan is None):
            for line in progress.lines(phase, gathered, checks) if not skip else progress.left_out(phase, gathered):
                DISPLAY.display("  " + line, color="bright blue")
        if plan is None:
            return dict(result, changed=False, idle=True, seen=None)
        arguments = {key: value for key, value in self._task.args.items() if key != "settings"}
        asked = time.time()
        try:
            if phase == facts.PROVING[0]:
                result["declared"], known = resolve(self, task_vars, facts.DECLARED)
                result.update({"ansible_facts": known} if known else {})
                plan = dict(plan, declared=[str(text) for text in result["declared"].values()])
            door = _door(so_far, host) if phase in FOLLOWING else None
            answer = self._ask(dict(arguments, plan=plan), task_vars, door)
        except AnsibleConnectionFailure as error:
            said = one_line(str(error))
            answer = _silent(foreign.reason(said, foreign.HOST, "node-unreachable"), f"not reachable: {said}")
        except AnsibleActionFail as error:
            answer = _silent("module-failed", one_line(str(error)))
        return dict(result, asked=[asked, time.time()], **answer)

    def _ask(
        self, arguments: dict[str, t.Any], task_vars: dict[str, t.Any], door: standing.Door | None = None
    ) -> dict[str, t.Any]:
        answer = standing_helper.carry_out(self, MODULE, arguments, task_vars, door)
        if answer.get("failed") or "seen" not in answer:
            said = one_line(reason(answer, task_vars["inventory_hostname"]))
            if was_killed(answer):
                return _silent("memory-short", f"{KILLED}: {said}")
            return _silent(answer.get("reason_code") or foreign.reason(said, foreign.HOST, "module-failed"), said)
        return {"changed": False, "seen": answer["seen"]}
