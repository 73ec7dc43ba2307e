# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at each host, and plan on the controller which nodes a rolling action is for, in which order. Refuse what would hurt. The plan itself is pure."""

from __future__ import annotations

import time
import typing as t
from dataclasses import asdict

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.swarmlab.overlay.plugins.plugin_utils import upgrades
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._swarm_plan.hosts import Refusal
from ansible_collections.swarmlab.overlay.plugins.plugin_utils.host_values import registered
from ansible_collections.swarmlab.overlay.plugins.plugin_utils.module_failure import answered

DISPLAY = Display()
INFO = "swarmlab.overlay.engine_upgrade_info"
SEEN = "upgrade_seen"  # registered from a look


class ActionModule(ActionBase):
    """With C(look) asks one host; without, reads what every host registered of its engine."""

    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Changes nothing."""
        task_vars = task_vars or {}
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        _validation, given = self.validate_argument_spec(
            argument_spec={
                "look": {"type": "dict"},
                "what": {"type": "str", "choices": ["engine", "restart", "reboot"], "default": "engine"},
                "nodes": {"type": "list", "elements": "str", "default": []},
                "batch": {"type": "int", "default": 1},
                "accept": {"type": "list", "elements": "str", "default": []},
                "free": {"type": "int", "default": 500},
                "backup": {"type": "bool", "default": False},
                "has_keys": {"type": "bool", "default": False},
            }
        )
        if given["look"] is not None:
            return {**result, "changed": False, **answered(self, INFO, given["look"], task_vars, "swarm")}
        seen = {host: _seen(host, task_vars) for host in task_vars["ansible_play_hosts_all"]}
        wish = upgrades.Wish(
            action=given["what"],
            names=[name.strip() for name in given["nodes"] if name.strip()],
            versions={host: each["asked"] for host, each in seen.items() if each.get("asked")},
            batch=given["batch"],
            accept=[word.strip() for word in given["accept"] if word.strip()],
            free=given["free"],
            has_keys=given["has_keys"],
            now=int(time.time()),
        )
        try:
            found = upgrades.plan(seen, wish)
        except Refusal as error:
            raise AnsibleActionFail(str(error)) from error
        backup = given["backup"] and found.fresh and bool(found.turns)
        for step in [*(["0. a backup of the swarm's state"] if backup else []), *found.steps]:
            DISPLAY.display("  " + step, color="bright blue")
        for warning in found.warnings:
            DISPLAY.warning(warning)
        return {
            **result,
            "changed": False,
            **asdict(found),
            "turns": [turn._asdict() for turn in found.turns],
            "backup": backup,
        }


def _seen(host: str, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
    return registered(task_vars, host, SEEN) or {"problem": "it was not asked"}
