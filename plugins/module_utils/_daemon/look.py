# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The engine's state on this host: its program, its process, and its /info from the socket. Read-only."""

from __future__ import annotations

import http.client
import socket
import time
import typing as t
from importlib import metadata
from pathlib import Path

from .._engine.client import Engine
from .._engine.transport import DEFAULT_DOCKER_HOST, EngineError
from . import flavour, process

UNIX = "unix://"
NOBODY = (
    FileNotFoundError,
    ConnectionRefusedError,
    ConnectionResetError,
    BrokenPipeError,
    http.client.RemoteDisconnected,
)
STRANGE = 10  # seconds for an answer on the socket when no process of the engine is found
STOPPED = "T"
PODMAN = "Podman Engine"


class Seen(t.NamedTuple):
    """The engine as found. ``path`` is empty when none is installed, ``info`` is None when none runs."""

    running: process.Process | None
    unit: process.Service
    path: str
    package: str
    flavour: str
    info: dict[str, t.Any] | None

    @property
    def flags(self) -> list[str]:
        """The engine's command-line arguments."""
        return self.running.flags if self.running else self.unit.command[1:]

    @property
    def state(self) -> str:
        """Its swarm state, by the engine's own name for it."""
        return ((self.info or {}).get("Swarm") or {}).get("LocalNodeState") or "inactive"


def look(docker_host: str, timeout: int) -> Seen:
    """Inspect the host.

    Raises EngineError when the engine runs and does not answer within ``timeout`` seconds.
    """
    unit, engines = process.service(), process.processes()
    holders = (
        process.holders(docker_host[len(UNIX) :], engines) if len(engines) > 1 and docker_host.startswith(UNIX) else ()
    )
    running = process.chosen(engines, unit.pid, holders)
    path = process.program(running, unit)
    package = flavour.owner(path) if path else ""
    refused = flavour.flavour(path, package, flavour.rootless(running, None), False)
    # A request would start the engine if systemd listens on its socket. An unusable socket is not waited for.
    asleep = not running and unit.known and docker_host == DEFAULT_DOCKER_HOST
    if asleep or flavour.refusal(refused, "", path):
        return Seen(running, unit, path, package, refused, None)
    info, podman = _ask(docker_host, timeout, running)
    if info is None and running and not _lives(running):
        running = None
    kind = flavour.flavour(path, package, flavour.rootless(running, info), podman or (not path and flavour.is_podman()))
    return Seen(running, unit, path, package, kind or ("unknown" if info else ""), info)


def _ask(docker_host: str, timeout: int, running: process.Process | None) -> tuple[dict[str, t.Any] | None, bool]:
    """The engine's /info (None when nothing listens), and whether it is Podman. ``timeout`` in seconds."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            engine = Engine(docker_host, timeout if running else min(timeout, STRANGE))
            info = engine.info()
            podman = not running and any(
                part.get("Name") == PODMAN for part in engine.call("GET", "/version").get("Components") or []
            )
            return (None, True) if podman else (info, False)
        except EngineError as error:
            if isinstance(error.__cause__, socket.timeout) and running:
                raise EngineError(_silent(docker_host, timeout, running)) from error
            if not isinstance(error.__cause__, NOBODY):
                raise
        # An engine that dies on every request counts as not running.
        if not running or not _lives(running):
            return None, False
        if time.monotonic() > deadline:
            raise EngineError(
                f"Docker Engine runs on {socket.gethostname()} (process {running.pid}), and nothing listens at {docker_host}. "
                "Name the socket that it listens on in docker_host."
            )
        time.sleep(0.5)


def _lives(running: process.Process) -> bool:
    return any(each.pid == running.pid for each in process.processes())


def _silent(docker_host: str, timeout: int, running: process.Process) -> str:
    now = next((each.state for each in process.processes() if each.pid == running.pid), "")
    why = (
        f"is stopped by a signal; 'kill -CONT {running.pid}' continues it"
        if now == STOPPED
        else "runs; see its log and the host's load"
    )
    return f"Docker Engine on {socket.gethostname()} does not answer at {docker_host} within {timeout} s. Its process {running.pid} {why}."


def sdk_version() -> str:
    """The version of Docker SDK for Python in this Python. An import would take longer than the rest of the module."""
    try:
        return metadata.version("docker")
    except metadata.PackageNotFoundError:
        return ""


def sdk_version_in(venv: str) -> str:
    """The version of Docker SDK for Python in a virtual environment."""
    folders = Path(venv).glob("lib/python*/site-packages/docker-*.dist-info")
    return max((folder.name[len("docker-") : -len(".dist-info")] for folder in folders), default="")


def python_of(venv: str) -> str:
    """The Python of a virtual environment."""
    return f"{venv}/bin/python"
