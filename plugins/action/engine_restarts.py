# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan on the controller in which order the engines of this run are restarted."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase

from ansible_collections.swarmlab.overlay.plugins.plugin_utils.engine_restarts import plan


class ActionModule(ActionBase):
    """Reads what every host registered as engine_state, without templating, which takes seconds for many hosts."""

    _supports_check_mode = True
    _supports_async = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """The turns, or which other managers to ask first."""
        task_vars = task_vars or {}
        result = super().run(tmp, task_vars)
        hosts = task_vars["ansible_play_hosts_all"]
        states = {host: task_vars["hostvars"].raw_get(host).get("engine_state") or {} for host in hosts}
        places = {host: state["swarm"] for host, state in states.items() if state.get("swarm")}
        for answer in self._task.args.get("asked") or []:
            if answer.get("swarm"):
                places[answer["item"]] = answer["swarm"]
        due = [host for host in task_vars["ansible_play_hosts"] if states[host].get("restart_due") and host in places]
        found = plan(places, due)
        others = [host for host in self._task.args.get("managers") or [] if host not in places]
        result.update(changed=False, turns=[turn._asdict() for turn in found.turns], refused=found.refused,
                      others=others if found.refused else [])
        if found.refused and self._task.args.get("last"):
            result.update(failed=True, msg="No engine was restarted. " + ". ".join(found.refused))
        return result
