# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls of Ansible's programs that do not wait for Ansible to be imported (warm_process.py)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

PROCESS = Path(__file__).with_name("warm_process.py")


class Warm:
    """Processes that Ansible's programs are forked from: as many as there are calls at the same time."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self.idle: list[subprocess.Popen[str]] = []

    def call(self, order: dict) -> int:
        """The exit code of a program."""
        try:
            process = self.idle.pop()
        except IndexError:
            process = subprocess.Popen(
                [sys.executable, str(PROCESS)],
                env=self.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
        process.stdin.write(json.dumps(order) + "\n")
        process.stdin.flush()
        code = int(process.stdout.readline())
        self.idle.append(process)
        return code

    def end(self) -> None:
        for process in self.idle:
            process.communicate()
