# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run commands on all nodes of a lab at once, without long waits for silent nodes.

Private to the collection swarmlab.overlay. Several commands are sent as one script, because each call costs time.
"""

from __future__ import annotations

import re
import secrets
import shlex
import typing as t
from concurrent.futures import ThreadPoolExecutor

from .driver import Answer, Driver

WORKERS = 16
CUT = "its answer was cut off"


def script(commands: t.Mapping[str, str], boundary: str, seconds: int) -> str:
    """A shell script that runs each command for at most ``seconds`` and marks where its output begins."""
    lines = ["exec 2>&1"]
    for name, command in commands.items():
        lines += [
            f"printf '\\n%s %s\\n' {boundary} {shlex.quote(name)}",
            f"timeout {seconds} sh -c {shlex.quote(command)}",
        ]
    return "\n".join(lines)


def split(output: str, boundary: str) -> dict[str, str]:
    """The output of each command of a script. Commands that did not run are missing."""
    parts = re.split(rf"(?:^|\n){re.escape(boundary)} (.*)\n", output)
    return dict(zip(parts[1::2], parts[2::2]))


def ask(
    driver: Driver, names: t.Sequence[str], commands: t.Mapping[str, str], each: int, total: int
) -> dict[str, tuple[dict[str, str], str | None]]:
    """{node: (output by command, the reason of an incomplete answer)}. ``each`` and ``total`` are limits in seconds.

    The commands only read. An answer that is cut off is asked for once more: a busy engine can lose the end of what a
    process in a container wrote.
    """
    boundary = f"=== {secrets.token_hex(8)}"
    text = script(commands, shlex.quote(boundary), each)

    def once(name: str) -> tuple[dict[str, str], str | None]:
        answer: Answer = driver.execute(name, text, total)
        found = split(answer.output.decode("utf-8", "replace"), boundary)
        problem = answer.problem
        if problem is None and len(found) < len(commands):
            problem = CUT
        return found, problem

    def one(name: str) -> tuple[dict[str, str], str | None]:
        found, problem = once(name)
        return once(name) if problem == CUT else (found, problem)

    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        return dict(zip(names, pool.map(one, names)))
