# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Start or restart the engine with the declared settings, or leave it running with its present ones."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shlex
import tempfile
import time
import typing as t

from .._engine.client import Engine, Refused
from .._engine.transport import EngineError
from .._host import HostError
from .._probe.background import age
from . import process
from .settings import without_flag

MARK = ".swarmlab-restart-due"
UNIT = process.UNIT
NOISE = ("docker.service:", "Starting ", "Started ", "Stopped ", "Stopping ", "Failed to start ", "Dependency failed ")
# dockerd's last line on its standard error is the reason. Its log lines before that may be mere warnings.
REASONS = (
    "unable to configure the Docker daemon",
    "failed to start daemon",
    "failed to load listeners",
    "Error initializing network controller",
    "Status: ",
    "failed to create ",
    "invalid ",
    "unknown flag",
)
VALIDATED = "configuration OK"


class Before(t.NamedTuple):
    """The content of the restart mark.

    ``content`` is the daemon.json that the running engine has loaded (None: no file), ``written`` a hash of the new
    one. ``known`` is false for a mark of an earlier version.
    """

    known: bool
    content: bytes | None = None
    written: str = ""


def keep(content: bytes | None, written: bytes) -> str:
    """The text of the mark for a new daemon.json that is not loaded yet; ``content`` is the loaded one."""
    before = None if content is None else base64.b64encode(content).decode("ascii")
    return json.dumps({"before": before, "written": digest(written)}) + "\n"


def digest(content: bytes | None) -> str:
    return hashlib.sha256(content or b"").hexdigest()


def kept(text: str) -> Before:
    """Parse a mark. One of an earlier version, or a truncated one, is not ``known``."""
    try:
        told = json.loads(text)
        before = told["before"]
        return Before(True, None if before is None else base64.b64decode(before, validate=True), told["written"])
    except (ValueError, KeyError, TypeError):
        return Before(False)


def mark_of(path: str) -> str:
    """The path of the mark beside a daemon.json."""
    return os.path.join(os.path.dirname(path), MARK)


def mark(path: str, running: process.Process | None) -> Before | None:
    """The pending restart.

    None when there is none, or when the engine was started after the settings were written.

    :param path: of the daemon.json
    """
    try:
        written = max(os.stat(mark_of(path)).st_mtime, os.stat(path).st_mtime if os.path.exists(path) else 0)
        with open(mark_of(path), encoding="utf-8") as handle:
            text = handle.read()
    except FileNotFoundError:
        return None
    seconds = age(running.pid) if running else None
    return None if seconds is not None and time.time() - seconds > written else kept(text)


def reason(log: str) -> str:
    """The line in which dockerd gives the reason of a failed start; empty when there is none."""
    lines = [line.strip() for line in log.splitlines() if line.strip() and not line.startswith(NOISE)]
    plain = [line for line in lines if line.startswith(REASONS)]
    fatal = [line for line in lines if "level=fatal" in line] or [line for line in lines if "level=error" in line]
    return (plain or fatal or lines or [""])[-1]


def validate(path: str, flags: t.Sequence[str], text: str, shown: str) -> str:
    """Why dockerd rejects these settings.

    Empty when it accepts them, or when it cannot validate them (before 23.0).

    :param path: dockerd
    :param flags: its command-line arguments
    :param text: the settings
    :param shown: the file's name in the answer
    """
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".json") as handle:
        handle.write(text)
        handle.flush()
        code, out = process.run(path, *without_flag(flags, "--config-file"), "--validate", "--config-file", handle.name)
        if code == 0 or "unknown flag: --validate" in out:
            return ""
        return (reason(out) or f"exit code {code}").replace(handle.name, shown)


class Manager:
    """The way to start the engine on this host: systemd, or a command from the options."""

    def __init__(self, engine: t.Callable[[float], Engine], timeout: int, command: str) -> None:
        self.engine = engine
        self.timeout = timeout
        self.command = command

    def require(self, need: str) -> None:
        """Raise HostError when this host has no way to start or restart the engine."""
        if not self.command and not process.has_systemd():
            raise HostError(
                f"Docker Engine {need}, and this host has no systemd to do it. Say how in engine_restart_command "
                "(restart_command of the module), or do it by hand and run this again"
            )

    def bring_up(self, running: process.Process | None, state: str, enable: bool = True) -> str:
        """Start or restart the engine, and wait until it is back in the swarm. Returns the problem; empty on success.

        :param state: its swarm state before
        :param enable: whether an engine that is started is also enabled at boot
        """
        began = time.time()
        if self.command:
            code, out = process.run(*shlex.split(self.command), timeout=self.timeout)
        else:
            process.run("systemctl", "reset-failed", UNIT, "docker.socket")
            if enable and not running:
                process.run("systemctl", "enable", UNIT)
            code, out = process.run("systemctl", "restart" if running else "start", UNIT, timeout=self.timeout)
        answers, problem = (
            (False, out or f"exit code {code}") if code else self._wait(running.pid if running else 0, state)
        )
        return problem if answers else self._reason(began) or problem

    def _wait(self, old: int, state: str) -> tuple[bool, str]:
        deadline = time.monotonic() + self.timeout
        while True:
            left = deadline - time.monotonic()
            answers, problem = self._missing(old, state, max(left, 1))
            if not problem or left <= 0:
                return answers, problem
            time.sleep(0.5)

    def _missing(self, old: int, state: str, seconds: float) -> tuple[bool, str]:
        """Whether the new engine answers, and what it still lacks of its former state."""
        if old in {each.pid for each in process.processes()}:
            return True, f"the engine was not restarted within {self.timeout} s"
        try:
            now = (self.engine(seconds).info().get("Swarm") or {}).get("LocalNodeState") or "inactive"
        except (EngineError, Refused):
            return False, f"it does not answer within {self.timeout} s"
        # A locked engine is reported as it is: it makes no progress without its key.
        up = state != "active" or now in ("active", "locked")
        return True, "" if up else f"it answers, and its place in the swarm is '{now}' after {self.timeout} s"

    def _reason(self, began: float) -> str:
        if not process.has_systemd():
            return ""
        code, log = process.run(
            "journalctl", f"_SYSTEMD_UNIT={UNIT}", "--since", f"@{int(began)}", "--no-pager", "-o", "cat"
        )
        return "" if code or log.startswith("-- No entries") else reason(log)
