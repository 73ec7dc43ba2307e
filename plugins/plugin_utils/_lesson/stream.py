# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a student typed into a terminal and what came, out of the terminal's stream. Pure.

Private to swarmlab.overlay. The classroom's shells show the exit code between marks in their prompt, which terminals do not draw.
"""

from __future__ import annotations

import re

from ...module_utils._lesson import screen, shapes, terminal

COLUMNS, ROWS = 120, 10  # of the classroom's terminals
INNER = re.compile(r"(?:(?<=\n)|\A)([^\n\x1e]{0,40}[#$] )(?:\x1b\[6n)?")
ENTERS = re.compile(r"docker (?:container )?exec\b.* -\w*t")


def prompt_of(name: str) -> str:
    """The prompt of a node's shell in the classroom, for bash: marks that take no room, and the exit code between them."""
    return f"\\[{terminal.MARK}$?{terminal.MARK}\\]{name}# "


def typed_lines(stream: str, name: str) -> list[shapes.Typed]:
    """All lines that were typed and answered, in their order."""
    parts = re.split(f"{terminal.MARK}(\\d+){terminal.MARK}{re.escape(name)}# ", stream)
    found: list[shapes.Typed] = []
    for number in range(2, len(parts) - 1, 2):  # text, code, text, code, ...: each text belongs to the code after it
        found += _one(f"{name}# ", parts[number], int(parts[number + 1]))
    return found


def _one(prompt: str, text: str, code: int) -> list[shapes.Typed]:
    echo, _newline, output = text.partition("\n")
    line = screen.echoed(" " * len(prompt) + echo, COLUMNS)
    if not line:
        return []
    if not ENTERS.match(line):
        return [_typed(prompt, line, output, code)]
    inside = INNER.split(output)
    found = [_typed(prompt, line, inside[0], None if len(inside) > 1 else code)]
    for number in range(1, len(inside) - 1, 2):
        echo, _newline, answer = inside[number + 1].partition("\n")
        line = screen.echoed(" " * len(inside[number]) + echo, COLUMNS)
        if line:
            found.append(_typed(inside[number], line, answer, None))
    return found


def _typed(prompt: str, line: str, output: str, code: int | None) -> shapes.Typed:
    return {
        "prompt": prompt,
        "line": line,
        "output": screen.rendered(output),
        "code": code,
        "late": False,
        "seconds": 0.0,
    }


def last(lines: list[shapes.Typed], wanted: str) -> shapes.Typed | None:
    """The last time that a line was typed."""
    return next((row for row in reversed(lines) if " ".join(row["line"].split()) == " ".join(wanted.split())), None)
