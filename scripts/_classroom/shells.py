# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The terminals: a shell on each node, and what was typed there."""

from __future__ import annotations

import asyncio
import re
import typing as t

import tornado.web
from terminado.management import NamedTermManager

from plugins.module_utils._lesson import terminal
from plugins.plugin_utils._lesson import stream

TYPING_WITHIN = 90.0  # seconds for a line that is typed for the student


class Recorder:
    """Keeps what a terminal shows, beside the browsers."""

    size = (None, None)

    def __init__(self) -> None:
        self.text = ""

    def on_pty_read(self, text: str) -> None:
        """More text."""
        self.text = (self.text + text)[-(1 << 20) :]

    def forget(self) -> None:
        """Begin anew, with the prompt that stands there."""
        self.text = self.text[max(0, self.text.rfind(terminal.MARK, 0, self.text.rfind(terminal.MARK))) :]

    def on_pty_died(self) -> None:
        """The shell has ended; a new one is recorded anew."""
        self.text = ""


class Terminals(NamedTermManager):
    """A shell on each node."""

    def __init__(self, commands: dict[str, list[str]]) -> None:
        super().__init__(shell_command=["false"])
        self.commands = commands
        self.recorded: dict[str, Recorder] = {}

    def get_terminal(self, term_name: str) -> t.Any:  # type: ignore[override]  # as in NamedTermManager itself
        """The node's shell, started when it is first needed."""
        if term_name not in self.commands:
            raise tornado.web.HTTPError(404)
        if term_name not in self.terminals:
            made = self.new_terminal(shell_command=self.commands[term_name])
            made.ptyproc.setwinsize(stream.ROWS, stream.COLUMNS)
            made.term_name = term_name
            self.terminals[term_name] = made
            self.recorded[term_name] = Recorder()
            made.clients.append(self.recorded[term_name])
            self.start_reading(made)
        return self.terminals[term_name]

    def lines(self, node: str) -> list[t.Any]:
        """What was typed there so far."""
        return stream.typed_lines(self.recorded[node].text, node) if node in self.recorded else []

    async def type(self, node: str, line: str) -> None:
        """Type a line for the student, and wait for the next prompt. What does not end by itself is ended."""
        shell = self.get_terminal(node)
        await self._prompt(node, TYPING_WITHIN)
        before = len(self.recorded[node].text)
        shell.ptyproc.write(line + "\n")
        endless = bool(terminal.PING.match(line))
        if not await self._prompt(node, terminal.WATCHED if endless else TYPING_WITHIN, before + len(line)):
            shell.ptyproc.write("\x03")
            await self._prompt(node, terminal.SETTLE)

    async def _prompt(self, node: str, seconds: float, since: int = 0) -> bool:
        """Whether a prompt stands at the end, with something new before it."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        outer = re.compile(f"{terminal.MARK}\\d+{terminal.MARK}{re.escape(node)}# (?:\x1b\\[[0-9;?]*[A-Za-z])*\\Z")
        while loop.time() < deadline:
            text = self.recorded[node].text
            if len(text) > since and (outer.search(text) or terminal.INNER.search(text[-200:])):
                return True
            await asyncio.sleep(0.1)
        return False
