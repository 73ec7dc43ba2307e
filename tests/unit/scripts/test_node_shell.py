# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make ssh`` as a program of its own: it finds the collection's code without Ansible."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "node_shell.py"


def test_a_lab_that_is_not_there_is_one_line() -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "nolab", "vm1"], capture_output=True, text=True, timeout=60, check=False
    )
    assert (
        done.returncode == 1
        and done.stderr.startswith("ssh: there is no lab nolab in ")
        and done.stderr.count("\n") == 1
    ), done.stderr
