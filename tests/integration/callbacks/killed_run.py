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
  - The environment variable E(SWARMLAB_TEST_KILL) names the task by its number. Without it, nothing is killed.
  - E(SWARMLAB_TEST_KILL_IN) names the modules whose tasks are counted, separated by commas. Without it, all are counted from the first swarm_wait on.
  - E(SWARMLAB_TEST_KILL_AFTER) is the number of seconds after the task's start.
  - All processes of the run's group are killed, so the run must have one of its own.
"""
SECONDS = "0.7"


class CallbackModule(CallbackBase):
    """Counts tasks."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "killed_run"

    def __init__(self) -> None:
        super().__init__()
        self.last = int(os.environ.get("SWARMLAB_TEST_KILL") or 0)
        self.within = [name for name in (os.environ.get("SWARMLAB_TEST_KILL_IN") or "").split(",") if name]
        self.seconds = float(os.environ.get("SWARMLAB_TEST_KILL_AFTER") or SECONDS)
        self.count = 0

    def v2_playbook_on_task_start(self, task: Task, is_conditional: bool) -> None:
        collection, _dot, name = task.action.rpartition(".")
        counted = name in self.within if self.within else self.count or name == "swarm_wait"
        if collection == "swarmlab.overlay" and counted:
            self.count += 1
            if self.count == self.last:
                threading.Timer(self.seconds, os.killpg, (0, signal.SIGKILL)).start()
