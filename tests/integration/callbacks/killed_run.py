# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kills a run in the middle of one of this collection's tasks."""

from __future__ import annotations

import os
import signal
import threading

from ansible.playbook.task import Task
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: killed_run
type: notification
short_description: Kills a run in the middle of one of this collection's tasks
description:
  - The environment variable E(SWARMLAB_TEST_KILL) names the task by its number, counted from the first swarm_wait. Without it, nothing is killed.
  - All processes of the run's group are killed, so the run must have one of its own.
"""
SECONDS = 0.7  # after the task's start


class CallbackModule(CallbackBase):
    """Counts tasks."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "killed_run"

    def __init__(self) -> None:
        super().__init__()
        self.last = int(os.environ.get("SWARMLAB_TEST_KILL") or 0)
        self.count = 0

    def v2_playbook_on_task_start(self, task: Task, is_conditional: bool) -> None:
        if task.action.startswith("swarmlab.overlay.") and (self.count or task.action.endswith(".swarm_wait")):
            self.count += 1
            if self.count == self.last:
                threading.Timer(SECONDS, os.killpg, (0, signal.SIGKILL)).start()
