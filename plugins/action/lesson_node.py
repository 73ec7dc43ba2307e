# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Give the module lesson_node its plan for this node, phase and round. A silent node is an answer too."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible_collections.swarmlab.overlay.plugins.module_utils._lesson import phases
from ansible_collections.swarmlab.overlay.plugins.plugin_utils import standing_helper
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lesson import exercises, lesson, planning
from ansible_collections.swarmlab.overlay.plugins.plugin_utils.module_failure import one_line, reason

MODULE = "swarmlab.overlay.lesson_node"


class ActionModule(ActionBase):
    """One phase on one node."""

    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """``seen`` is what the node saw, or ``problem`` says why it could not; with neither it had nothing to do."""
        task_vars = task_vars or {}
        arguments = self._task.args
        settings, number = arguments["settings"], int(arguments.get("round") or 0)
        result = dict(super().run(tmp, task_vars), run=settings["run"], round=number, changed=False)
        host = task_vars["inventory_hostname"]
        moment = planning.Moment(lesson.load(), settings, number, task_vars)
        plan = planning.PLANS[arguments["phase"]](moment, host, t.cast(exercises.Act, arguments.get("act") or {}))
        if plan is None:
            return dict(result, seen=None)
        phase, ready = arguments["phase"], moment.ready.get(host)
        given = {key: arguments[key] for key in ("docker_host", "engine_timeout") if key in arguments}
        try:
            told = standing_helper.carry_out(
                self, MODULE, {**given, "phase": phase, "plan": plan}, task_vars, ready["door"] if ready else None
            )
        except AnsibleConnectionFailure as error:
            return dict(result, seen=None, problem=one_line(str(error)))
        if told.get("failed") or "seen" not in told:
            return dict(result, seen=None, problem=one_line(reason(told, host)))
        return dict(result, seen=told["seen"], changed=phase != phases.LOOK)
