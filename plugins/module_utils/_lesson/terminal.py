# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A shell on a terminal of its own, into which lines are typed as a person would, and whose answers are kept.

Private to swarmlab.overlay. Standard library only. Some commands of the lesson want a terminal (``docker exec -it``), and some
never end by themselves (``ping``): those are watched for a moment and ended by Ctrl-C.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
import typing as t

from . import screen, shapes

SHELL = "/bin/sh"
MARK = "\x1e"  # around the exit code in the prompt: no command prints this character
ROWS, COLUMNS = 50, 220
CTRL_C = b"\x03"
INNER = re.compile(
    r"(?:^|\n)(?P<prompt>[^\n\x1e]{0,80}[#$] )(?:\x1b\[6n)?\Z"
)  # the prompt of a shell inside a container
PING = re.compile(r"ping6?\s")
REPLY = re.compile(r"(?:seq|icmp_seq)=\d+ ttl=")
REPLIES = 2
WATCHED = 25.0  # seconds to watch a command that does not end by itself; without a network, "bad address" takes a resolver's time-outs
SETTLE = 5.0  # seconds that Ctrl-C may take
QUIET = 0.05


class Terminal:
    """A shell with a terminal. Use it in a ``with`` statement; its end ends the shell and all that it started."""

    def __init__(self, name: str, path: str, seconds: float) -> None:
        self.name = name
        self.path = path
        self.seconds = seconds
        self.inside = ""
        self.child = 0
        self.channel = -1
        self.outer = re.compile(f"{MARK}(?P<code>\\d+){MARK}{re.escape(name)}# \\Z")

    def __enter__(self) -> Terminal:
        self.child, self.channel = pty.fork()
        if self.child == 0:
            self._become()
        fcntl.ioctl(self.channel, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self._read(self.seconds, self._prompted)
        return self

    def _become(self) -> None:
        """Become the shell. Never returns."""
        try:
            environment = {
                **os.environ,
                "PATH": f"{self.path}:{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "PS1": f"{MARK}$?{MARK}{self.name}# ",
                "TERM": "xterm",
                "LC_ALL": "C.UTF-8",
                "HISTFILE": "",
            }
            os.execve(SHELL, [SHELL], environment)
        finally:
            os._exit(127)

    def __exit__(self, *_unused: t.Any) -> None:
        with contextlib.suppress(OSError):
            os.killpg(self.child, signal.SIGHUP)
        os.close(self.channel)
        with contextlib.suppress(OSError):
            os.kill(self.child, signal.SIGKILL)
        os.waitpid(self.child, 0)

    def type(self, line: str) -> shapes.Typed:
        """Type a line, and wait for the next prompt."""
        began = time.monotonic()
        prompt = self.inside or f"{self.name}# "
        os.write(self.channel, line.encode() + b"\n")
        endless = bool(PING.match(line))
        told, ended = self._read(
            WATCHED if endless else self.seconds, lambda text: self._prompted(text) or (endless and _enough(text))
        )
        late = False
        if not ended or not self._prompted(told):
            late = not endless
            os.write(self.channel, CTRL_C)
            more, dummy = self._read(SETTLE, lambda text: self._prompted(told + text))
            told += more
        return self._typed(prompt, line, told, late, time.monotonic() - began)

    def leave(self) -> None:
        """Leave the shell inside a container, if there is one."""
        if self.inside:
            self.type("exit")

    def _typed(self, prompt: str, line: str, told: str, late: bool, seconds: float) -> shapes.Typed:
        outer, inner = self.outer.search(told), INNER.search(told)
        code: int | None = None
        if outer:
            code, told, self.inside = int(outer.group("code")), told[: outer.start()], ""
        elif inner:
            told, self.inside = told[: inner.start("prompt")], inner.group("prompt")
        dummy, _newline, output = told.partition("\n")  # the first line is the echo of what was typed
        return {
            "prompt": prompt,
            "line": line,
            "output": screen.rendered(output),
            "code": code,
            "late": late,
            "seconds": round(seconds, 2),
        }

    def _prompted(self, text: str) -> bool:
        return bool(self.outer.search(text) or INNER.search(text))

    def _read(self, seconds: float, ended: t.Callable[[str], bool]) -> tuple[str, bool]:
        """What comes until ``ended`` says so and nothing follows, or the time is over; and whether it ended."""
        deadline = time.monotonic() + seconds
        data = b""
        while True:
            done = ended(data.decode("utf-8", "replace"))
            left = QUIET if done else deadline - time.monotonic()
            ready, _unused, _unused2 = select.select([self.channel], [], [], max(0.0, left))
            if not ready:
                return data.decode("utf-8", "replace"), done
            try:
                chunk = os.read(self.channel, 65536)
            except OSError:  # the shell is gone
                return data.decode("utf-8", "replace"), True
            data += chunk


def _enough(text: str) -> bool:
    """Whether a command that does not end has shown what it shows."""
    return len(REPLY.findall(text)) >= REPLIES
