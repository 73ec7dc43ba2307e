# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan on the controller in which order the engines of this run are restarted."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.swarmlab.overlay.plugins.plugin_utils import swarm_groups
from ansible_collections.swarmlab.overlay.plugins.plugin_utils.engine_restarts import plan
from ansible_collections.swarmlab.overlay.plugins.plugin_utils.host_values import registered

STATE = "engine_state"  # registered from engine


class ActionModule(ActionBase):
    """Reads what every host registered of its engine."""

    _supports_check_mode = True
    _supports_async = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """The turns, or which other managers to ask first."""
        task_vars = task_vars or {}
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(
            argument_spec={
                "asked": {"type": "list", "elements": "dict", "default": []},
                "last": {"type": "bool", "default": False},
            }
        )
        states = {host: registered(task_vars, host, STATE) for host in task_vars["ansible_play_hosts_all"]}
        places = {host: state["swarm"] for host, state in states.items() if state.get("swarm")}
        places.update({answer["item"]: answer["swarm"] for answer in arguments["asked"] if answer.get("swarm")})
        due = [host for host in task_vars["ansible_play_hosts"] if states[host].get("restart_due") and host in places]
        found = plan(places, due)
        last = arguments["last"]
        result.update(
            changed=False,
            turns=[turn._asdict() for turn in found.turns],
            refused=found.refused,
            others=_others(task_vars, places) if found.refused and not last else [],
        )
        if found.refused and last:
            result.update(failed=True, msg=f"No engine was restarted. {'. '.join(found.refused)}.")
        return result


def _others(task_vars: dict[str, t.Any], places: t.Container[str]) -> list[str]:
    """The hosts that may be managers and have told nothing: those that are declared so, then those that nothing is declared of."""
    named = {role: task_vars.get(variable) for role, variable in swarm_groups.VARIABLE.items()}
    try:
        declared = swarm_groups.declared(task_vars["groups"], named)
    except swarm_groups.InventoryError as error:
        raise AnsibleActionFail(str(error)) from error
    hosts = [*declared.having(swarm_groups.MANAGER), *declared.having(swarm_groups.AS_IT_IS)]
    return [host for host in hosts if host not in places]
