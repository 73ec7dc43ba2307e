# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text that a terminal shows in the end, from all that was written to it. Pure.

Private to swarmlab.overlay. The docker command redraws its progress by moving the cursor, so the bytes alone cannot be read.
"""

from __future__ import annotations

import re

CONTROL = re.compile(
    r"\x1b\[(?P<numbers>[0-9;?]*)(?P<final>[@-~])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\-_]|[\x00-\x1f\x7f]"
)


class Screen:
    """Lines without end below, and a cursor. ``columns``: where lines are broken; 0 for nowhere."""

    def __init__(self, columns: int = 0) -> None:
        self.columns = columns
        self.lines: list[list[str]] = [[]]
        self.row = 0
        self.column = 0

    def text(self, characters: str) -> None:
        """Write over what is there."""
        while self.columns and self.column + len(characters) > self.columns:
            room = self.columns - self.column
            self._write(characters[:room])
            characters = characters[room:]
            self.down()
            self.column = 0
        self._write(characters)

    def _write(self, characters: str) -> None:
        line = self.lines[self.row]
        line.extend(" " * (self.column - len(line)))
        line[self.column : self.column + len(characters)] = characters
        self.column += len(characters)

    def down(self, count: int = 1) -> None:
        """Move the cursor down, onto new lines where there are none."""
        self.row += count
        self.lines.extend([] for dummy in range(self.row + 1 - len(self.lines)))

    def key(self, character: str) -> None:
        """A control character."""
        if character == "\n":
            self.down()
        elif character == "\r":
            self.column = 0
        elif character == "\b":
            self.column = max(0, self.column - 1)
        elif character == "\t":
            self.column += 8 - self.column % 8

    def sequence(self, final: str, numbers: str) -> None:
        """A control sequence: cursor movements and erasures. All others only change colours, or ask the terminal something."""
        first = numbers.partition(";")[0]
        count = int(first) if first.isdigit() else 0
        if final == "A":
            self.row = max(0, self.row - max(1, count))
        elif final == "B":
            self.down(max(1, count))
        elif final == "C":
            self.column += max(1, count)
        elif final == "D":
            self.column = max(0, self.column - max(1, count))
        elif final == "K":
            self.erase(count)
        elif final == "J" and count == 0:
            self.erase(0)
            del self.lines[self.row + 1 :]

    def erase(self, which: int) -> None:
        """Erase the line from the cursor on (0), or all of it (2)."""
        if which == 2:
            self.lines[self.row] = []
        elif which == 0:
            del self.lines[self.row][self.column :]


def shown(stream: str, columns: int = 0) -> list[str]:
    """The lines on the screen at the end of the stream."""
    screen, at = Screen(columns), 0
    for found in CONTROL.finditer(stream):
        if found.start() > at:
            screen.text(stream[at : found.start()])
        at = found.end()
        if found.group("final"):
            screen.sequence(found.group("final"), found.group("numbers"))
        elif len(found.group()) == 1:
            screen.key(found.group())
    screen.text(stream[at:])
    return ["".join(line) for line in screen.lines]


def rendered(stream: str) -> str:
    """What stands on the screen at the end of the stream, without spaces at the ends of lines."""
    return "\n".join(line.rstrip() for line in shown(stream)).strip("\n")


def echoed(stream: str, columns: int) -> str:
    """A line that was typed, from what the terminal showed of it: long ones go on in the next row."""
    return "".join(shown(stream, columns)).strip()
