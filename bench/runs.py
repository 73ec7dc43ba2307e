# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the benchmarks share: running Ansible's programs, timed, and reading what they print."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
RECAP = re.compile(r"^(vm\d+)\s*: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE)


def environment(**variables: str) -> dict[str, str]:
    """Variables for Ansible's programs."""
    return {
        **os.environ,
        "PATH": f"{BIN}:{os.environ['PATH']}:/usr/sbin:/sbin",
        "ANSIBLE_DEPRECATION_WARNINGS": "False",
        "ANSIBLE_FORCE_COLOR": "0",
        **variables,
    }


def run(argv: list[str], variables: dict[str, str]) -> str:
    """Output of one of Ansible's programs; one that fails ends the bench."""
    done = subprocess.run(
        [str(BIN / argv[0]), *argv[1:]], cwd=CHECKOUT, env=variables, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"bench: {' '.join(argv)[:200]} failed:\n{done.stdout[-6000:]}{done.stderr[-2000:]}")
    return done.stdout


def play(variables: dict[str, str], playbook: str, *argv: str) -> tuple[float, str]:
    """Seconds and output of a playbook."""
    start = time.monotonic()
    output = run(["ansible-playbook", playbook, *argv], variables)
    return time.monotonic() - start, output


def recap(output: str) -> dict[str, tuple[int, int]]:
    """{node: (tasks that were ok, changes)}, of all plays."""
    return {host: (int(ok), int(changed)) for host, ok, changed, *dummy in RECAP.findall(output)}
