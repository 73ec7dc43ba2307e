# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a verification was judged by as a file, without secrets: ``tests/unit/plugin_utils/test_recorded.py`` judges it again."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

from ansible.executor.stats import AggregateStats
from ansible.executor.task_result import CallbackTaskResult
from ansible.plugins.callback import CallbackBase
from ansible_collections.swarmlab.overlay.plugins.module_utils._redact import redact

DOCUMENTATION = """
name: kept_phases
type: notification
short_description: What a verification was judged by as a file
description: Writes the file that the environment variable E(SWARMLAB_TEST_RECORDING) names; without it, nothing.
"""


class CallbackModule(CallbackBase):
    """Keeps the settings of the run, and what each host told in each phase."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "kept_phases"

    def __init__(self) -> None:
        super().__init__()
        self.path = os.environ.get("SWARMLAB_TEST_RECORDING")
        self.settings: dict = {}
        self.phases: dict[str, dict[str, dict]] = {}

    def keep(self, result: CallbackTaskResult, ignore_errors: bool = False) -> None:
        action, arguments = result.task.action, result.task.args
        if not self.path:
            return
        if action == "swarmlab.overlay.verify_run" and arguments["stage"] == "begin":
            self.settings = dict(result.result.get("settings") or {})  # a run that is refused has none
        if action == "swarmlab.overlay.verify_probe":
            self.phases.setdefault(arguments["phase"], {})[result.host.get_name()] = dict(result.result)

    v2_runner_on_ok = keep
    v2_runner_on_failed = keep
    v2_runner_on_unreachable = keep

    def v2_playbook_on_stats(self, stats: AggregateStats) -> None:
        """Hosts stand in the order of the play, as the verification itself sees them."""
        if self.path and self.settings:
            phases = {
                phase: {host: told[host] for host in self.settings["hosts"] if host in told}
                for phase, told in self.phases.items()
            }
            text = redact(json.dumps({"settings": self.settings, "phases": phases}, indent=1))
            Path(self.path).write_bytes(gzip.compress(text.encode(), mtime=0))
