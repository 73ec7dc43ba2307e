# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the module engine, and say in one sentence what keeps a host from running modules at all."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.swarmlab.overlay.plugins.plugin_utils.module_failure import reason, sentence

MODULE = "swarmlab.overlay.engine"


class ActionModule(ActionBase):
    """The first task on a host that nothing is known of."""

    _supports_check_mode = True
    _supports_async = False
    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """The module's result."""
        task_vars = task_vars or {}
        result = super().run(tmp, task_vars)
        host = self._task.delegate_to or task_vars.get("inventory_hostname", "the host")
        try:
            answer = self._execute_module(module_name=MODULE, module_args=self._task.args, task_vars=task_vars)
        except AnsibleConnectionFailure:
            raise
        except AnsibleError as error:
            why = sentence(str(error), host)
            if not why:
                raise
            return dict(result, failed=True, changed=False, msg=f"Nothing was changed: {why}.")
        if answer.get("failed") and "installed" not in answer:
            why = reason(answer, host)
            if why != answer.get("msg"):
                answer = {"failed": True, "changed": False, "msg": f"Nothing was changed: {why}."}
        return dict(result, **answer)
