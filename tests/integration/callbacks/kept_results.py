# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each host's last result as a file, for a test to read: what the option --tree does, which ansible-core 2.23 takes away."""

from __future__ import annotations

import os
from pathlib import Path

from ansible.executor.task_result import CallbackTaskResult
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: kept_results
type: notification
short_description: Each host's last result as a file
description: Writes into the folder that the environment variable E(SWARMLAB_TEST_RESULTS) names; without it, nothing.
"""


class CallbackModule(CallbackBase):
    """Keeps what came of a task, whatever it was."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "kept_results"

    def keep(self, result: CallbackTaskResult, ignore_errors: bool = False) -> None:
        folder = os.environ.get("SWARMLAB_TEST_RESULTS")
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            Path(folder, result.host.get_name()).write_text(self._dump_results(result.result), encoding="utf-8")

    v2_runner_on_ok = keep
    v2_runner_on_failed = keep
    v2_runner_on_unreachable = keep
