# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The engine is stopped for a moment, and started again whatever becomes of the process that stopped it."""

# pylint: disable=ansible-bad-function  # run_command waits for its program, and the guard must outlive this process

from __future__ import annotations

import contextlib
import shlex
import socket
import subprocess
import time
import typing as t

from .._engine.client import Engine
from .._host import HostError
from . import process, service

SOCKET_UNIT = "docker.socket"  # it would start the engine again at the next request
# The end of its input without a word means that the process that stopped the engine is dead.
GUARD = 'read -r done || exec "$@"'


def halting_argument_spec() -> dict[str, t.Any]:
    """The options of modules that stop the engine for a moment (documentation fragment engine.stopped)."""
    return {
        "stop_command": {"type": "str", "default": ""},
        "start_command": {"type": "str", "default": ""},
        "timeout": {"type": "int", "default": 120},
    }


class Way(t.NamedTuple):
    """How this host stops and starts its engine: two commands, or systemd when they are empty. ``timeout`` in seconds."""

    stop: str
    start: str
    timeout: int

    @classmethod
    def of(cls, given: t.Mapping[str, t.Any]) -> Way:
        """From the arguments of a module."""
        return cls(given["stop_command"], given["start_command"], given["timeout"])

    def problem(self) -> str:
        """Why the engine cannot be stopped and started on this host; empty when it can."""
        if bool(self.stop) != bool(self.start):
            return "the commands that stop and start the engine belong together, and only one was given"
        if not self.stop and not process.has_systemd():
            return "this host has no systemd: say how the engine is stopped and started (swarm_stop_command and swarm_start_command)"
        return ""

    @property
    def starting(self) -> list[str]:
        """The command that starts the engine."""
        return shlex.split(self.start) if self.start else ["systemctl", "start", process.UNIT]


@contextlib.contextmanager
def halted(way: Way, docker_host: str, state: str) -> t.Iterator[None]:
    """The engine does not run inside of this block. Raises HostError when it does not stop, or does not start afterwards.

    :param state: its state in a swarm that is waited for afterwards, where that is C(active)
    """
    host = socket.gethostname()
    # A session of its own: it outlives a connection that is cut.
    with subprocess.Popen(
        ["/bin/sh", "-c", GUARD, "guard", *way.starting],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as guard:
        try:
            _stop(way, host)
            yield
        finally:
            manager = service.Manager(lambda seconds: Engine(docker_host, max(int(seconds), 1)), way.timeout, way.start)
            problem = manager.bring_up(None, state, enable=False)
            guard.communicate(b"done\n")
            if problem:
                raise HostError(
                    f"Docker Engine on {host} was stopped and does not come back: {problem}. See its log, and start it"
                    f" ({' '.join(way.starting)})"
                )


def _stop(way: Way, host: str) -> None:
    if way.stop:
        code, out = process.run(*shlex.split(way.stop), timeout=way.timeout)
    else:
        process.run("systemctl", "stop", SOCKET_UNIT, timeout=way.timeout)  # not every host has it
        code, out = process.run("systemctl", "stop", process.UNIT, timeout=way.timeout)
    if code:
        raise HostError(f"Docker Engine on {host} cannot be stopped: {out or f'exit code {code}'}")
    deadline = time.monotonic() + way.timeout
    while any(not each.rootless for each in process.processes()):
        if time.monotonic() > deadline:
            raise HostError(f"Docker Engine on {host} still runs {way.timeout} s after it was stopped")
        time.sleep(0.2)
