# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Helpers that live on a node between two tasks: started, found again, stopped, and never left for ever.

Private to swarmlab.overlay. Standard library only. Each helper is a process in a session of its own, ends by itself after
its time limit, and leaves its result in the run's folder.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import time
from typing import Any, Callable

ROOT = "/run/swarmlab-overlay"

Job = Callable[[Callable[[], None], Callable[[], bool]], Any]


def folder(run: str) -> str:
    """The run's folder on this node; made when needed, readable for root alone."""
    path = os.path.join(ROOT, run)
    os.makedirs(path, mode=0o700, exist_ok=True)
    return path


def runs() -> list[str]:
    """The runs that left a folder on this node."""
    try:
        return sorted(os.listdir(ROOT))
    except FileNotFoundError:
        return []


def forget(run: str) -> None:
    """Remove the run's folder, and the root when it is empty."""
    shutil.rmtree(os.path.join(ROOT, run), ignore_errors=True)
    if not runs() and os.path.isdir(ROOT):
        os.rmdir(ROOT)


def started_at(pid: int) -> str | None:
    """The start time of a process in kernel ticks: with the pid it names one process for good."""
    try:
        with open("/proc/%d/stat" % pid, encoding="ascii", errors="replace") as handle:
            return handle.read().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return None


def start(run: str, name: str, job: Job, limit: int, namespace: Callable[[], None] | None = None) -> str | None:
    """Run ``job(ready, stopped)`` in the background. Returns None once it is ready, else the reason why it is not."""
    path = folder(run)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            os.setsid()
            if os.fork() == 0:
                _detach()
                _serve(path, name, job, limit, writing, namespace)
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    answer = _wait_ready(reading)
    os.close(reading)
    return None if answer == "ready" else answer or "the %s did not start" % name


def _wait_ready(reading: int) -> str:
    ready, _unused, _unused2 = select.select([reading], [], [], 30)
    return os.read(reading, 4096).decode() if ready else ""


def _detach() -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)


def _serve(
    path: str, name: str, job: Job, limit: int, writing: int, namespace: Callable[[], None] | None
) -> None:
    """The body of the background process."""
    state = {"stop": False}
    end = time.monotonic() + limit
    signal.signal(signal.SIGTERM, lambda *_unused: state.update(stop=True))
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.alarm(limit + 5)
    try:
        _write(path, name + ".pid", {"pid": os.getpid(), "started": started_at(os.getpid())})
        if namespace:
            namespace()
        result = job(lambda: os.close(_told(writing)), lambda: state["stop"] or time.monotonic() > end)
    except OSError as error:
        os.write(writing, str(error).encode())
        return
    if os.path.isdir(path):
        _write(path, name + ".json", result)
    if not state["stop"]:
        _last_one_out(path)


def _told(writing: int) -> int:
    os.write(writing, b"ready")
    return writing


def _last_one_out(path: str) -> None:
    """Nobody came for the results within the limit: leave nothing behind."""
    shutil.rmtree(path, ignore_errors=True)


def _write(path: str, name: str, data: Any) -> None:
    temporary = os.path.join(path, "." + name)
    with open(temporary, "w", encoding="ascii") as handle:
        json.dump(data, handle)
    os.replace(temporary, os.path.join(path, name))


def _load(path: str) -> Any:
    try:
        with open(path, encoding="ascii") as handle:
            return json.load(handle)
    except (OSError, ValueError):
        return None


def stop(run: str, name: str, seconds: float = 5.0) -> Any:
    """Stop a helper of this run and return its result; None when there is none."""
    path = os.path.join(ROOT, run)
    who = _load(os.path.join(path, name + ".pid"))
    if who:
        _end(who, seconds)
    return _load(os.path.join(path, name + ".json"))


def _alive(who: dict) -> bool:
    return started_at(who["pid"]) == who["started"]


def _end(who: dict, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    if _alive(who):
        os.kill(who["pid"], signal.SIGTERM)
    while _alive(who):
        if time.monotonic() > deadline:
            os.kill(who["pid"], signal.SIGKILL)
            return
        time.sleep(0.05)
