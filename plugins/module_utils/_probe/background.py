# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Helper processes that live on a node between two tasks: started, found again, stopped, and never left behind.

Private to swarmlab.overlay. Standard library only. Each helper is a process in its own session and leaves its result
in the run's folder. It lives on a lease that every task of the run renews. When no task follows, the lease expires
and the helper ends by itself.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import select
import shutil
import signal
import stat
import time
import typing as t

from . import shapes

ROOT = "/run/swarmlab-overlay"
SPARE = "/dev/shm/swarmlab-overlay"  # where nothing can be written to /run any more: the run can still tell what else is wrong
FULL = (errno.ENOSPC, errno.EDQUOT)
FILES = 8  # that a folder needs room for, at least

LEASE = "lease"
HANG = 30
KEEP = 5
LOOK = 1.0  # seconds between two looks of a helper at its lease
SLOW = 2  # the lease is at least this many times the duration of the last task on this node

Job = t.Callable[[shapes.Ready, shapes.Stopped], t.Any]  # its result must be JSON data
Step = t.Callable[[], t.Any]  # its result is ignored


class _Process(t.TypedDict):
    """A helper's process. Its pid and start time identify it uniquely."""

    pid: int
    started: str | None


class Lease(t.NamedTuple):
    """The time in seconds that the helpers of a run live on when no task renews it."""

    run: str
    seconds: float

    def renew(self) -> None:
        """Restart the time."""
        _write(folder(self.run), LEASE, time.monotonic() + self.seconds)

    def expired(self) -> bool:
        """Whether no task renewed it in time, or the run's folder is gone."""
        end: float | None = _load(os.path.join(place(self.run), LEASE))
        return end is None or time.monotonic() > end


class Kept:
    """Renew a lease for as long as the calling process works.

    After long work the new lease is longer too: the other nodes' work is probably slow as well, and delays the next
    task.
    """

    def __init__(self, lease: Lease) -> None:
        self.lease = lease
        self.began = time.monotonic()
        self.child = 0

    def __enter__(self) -> Kept:
        """Renew now, and from then on in a child process that ends with its parent."""
        self.lease.renew()
        parent = os.getpid()
        self.child = os.fork()
        if self.child == 0:
            try:
                _detach()
                while os.getppid() == parent:
                    time.sleep(KEEP)
                    self.lease.renew()
            finally:
                os._exit(0)
        return self

    def __exit__(self, *_unused: t.Any) -> None:
        """Stop the child and start the final lease."""
        os.kill(self.child, signal.SIGKILL)
        os.waitpid(self.child, 0)
        took = time.monotonic() - self.began
        self.lease._replace(seconds=max(self.lease.seconds, SLOW * took)).renew()


def roots() -> tuple[str, str]:
    """Where a run's folder may be, the usual place first."""
    return ROOT, SPARE


def _ours(root: str) -> bool:
    """Whether a folder is there that nobody but this user can have made or can write to: anybody may make one in /dev/shm."""
    return _is_private(root) is True


def _is_private(root: str) -> bool | None:
    """The same; None where nothing is there."""
    try:
        told = os.lstat(root)
    except OSError:
        return None
    return stat.S_ISDIR(told.st_mode) and told.st_uid == os.geteuid() and not told.st_mode & 0o022


def place(run: str) -> str:
    """Where the run's folder is, or would be."""
    paths = [os.path.join(root, run) for root in roots() if _ours(root)]
    return next((path for path in paths if os.path.isdir(path)), os.path.join(ROOT, run))


def folder(run: str) -> str:
    """The run's folder on this node, created when missing and readable for root only."""
    path = place(run)
    if os.path.isdir(path):
        return path
    try:
        return _made(ROOT, run)
    except OSError as error:
        if error.errno not in FULL:
            raise
        forget(run)
        try:
            return _made(SPARE, run)
        except OSError:
            raise error from None  # the usual place is what people have to mend


def _made(root: str, run: str) -> str:
    """A new folder of the run there, with room for its files."""
    path = os.path.join(root, run)
    while not os.path.exists(path):
        try:
            os.makedirs(root, mode=0o700, exist_ok=True)
            if _is_private(root) is False:
                raise OSError(errno.EPERM, "somebody else's folder", root)
            os.mkdir(path, mode=0o700)
        except (FileNotFoundError, FileExistsError):
            if _is_private(root) is False:
                raise
            # Another run has just ended, and took the parent folder with it, or makes its own there.
    names = [os.path.join(path, f".room{number}") for number in range(FILES)]
    for name in names:
        with open(name, "wb") as handle:
            handle.write(bytes(1))
    for name in names:
        os.remove(name)
    return path


def runs() -> list[str]:
    """The runs that left a folder on this node."""
    return sorted({run for root in roots() for run in _inside(root)})


def _inside(root: str) -> list[str]:
    """What a folder of ours holds; it goes away with the last run."""
    with contextlib.suppress(FileNotFoundError):
        return os.listdir(root) if _ours(root) else []
    return []


def forget(run: str) -> None:
    """Remove the run's folder, and the parent folder when it is empty."""
    for root in roots():
        if _ours(root):
            shutil.rmtree(os.path.join(root, run), ignore_errors=True)
            with contextlib.suppress(OSError):  # it holds other runs, or the end of another run was quicker
                os.rmdir(root)


def started_at(pid: int) -> str | None:
    """The start time of a process in kernel ticks, None for one that has ended, reaped or not.

    Together with the pid it identifies a process uniquely.
    """
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as handle:
            fields = handle.read().rpartition(")")[2].split()
            return None if fields[0] in "ZX" else fields[19]
    except (OSError, IndexError):
        return None


def age(pid: int) -> float | None:
    """The age of a process in seconds; None for one that has ended."""
    ticks = started_at(pid)
    if ticks is None:
        return None
    with open("/proc/uptime", encoding="ascii") as handle:
        return float(handle.read().split()[0]) - int(ticks) / os.sysconf("SC_CLK_TCK")


def start(
    lease: Lease,
    name: str,
    job: Job,
    namespace: Step | None = None,
    alone: Step | None = None,
) -> str | None:
    """Run ``job(ready, stopped)`` in the background. Returns None once it is ready, else the reason of the failure.

    ``alone`` is called in the helper when its lease has expired.
    """
    path = folder(lease.run)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            os.setsid()
            if os.fork() == 0:
                _detach()
                _serve(path, name, job, lease, writing, namespace, alone)
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    answer = _wait_ready(reading)
    os.close(reading)
    return None if answer == "ready" else answer or f"the {name} did not start"


def _wait_ready(reading: int) -> str:
    ready, _unused, _unused2 = select.select([reading], [], [], 30)
    return os.read(reading, 4096).decode() if ready else ""


def _detach() -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)


class _Stop:
    """Whether a helper has to end: it got a signal, or its lease has expired."""

    def __init__(self, lease: Lease) -> None:
        self.lease = lease
        self.told = False
        self.alone = False
        self.look = 0.0
        self.called = time.monotonic()
        self.gap = 0.0
        signal.signal(signal.SIGTERM, self._tell)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def _tell(self, *_unused: t.Any) -> None:
        self.told = True

    def __call__(self) -> bool:
        """A job must call this often: the kernel ends a job that does not."""
        now = time.monotonic()
        self.gap, self.called = max(self.gap, now - self.called), now
        if not self.alone and now > self.look:
            self.look = now + LOOK
            signal.alarm(HANG)
            self.alone = self.lease.expired()
        return self.told or self.alone


def _serve(
    path: str,
    name: str,
    job: Job,
    lease: Lease,
    writing: int,
    namespace: Step | None,
    alone: Step | None,
) -> None:
    """The body of the background process."""
    stopped = _Stop(lease)
    try:
        _write(path, name + ".pid", {"pid": os.getpid(), "started": started_at(os.getpid())})
        if namespace:
            namespace()
        result = job(lambda: os.close(_told(writing)), stopped)
    except OSError as error:
        os.write(writing, str(error).encode())
        return
    if os.path.isdir(path):
        _write(path, name + ".json", result)
        _write(path, name + ".late", round(stopped.gap, 2))
    if not stopped.told:
        forget(lease.run)
        if alone:
            signal.alarm(4 * HANG)
            alone()


def _told(writing: int) -> int:
    os.write(writing, b"ready")
    return writing


def _write(path: str, name: str, data: t.Any) -> None:
    """Write a file of the run's folder at once. Two modules may do so side by side, where two hosts are one machine."""
    temporary = os.path.join(path, f".{name}.{os.getpid()}")
    with open(temporary, "w", encoding="ascii") as handle:
        json.dump(data, handle)
    os.replace(temporary, os.path.join(path, name))


def _load(path: str) -> t.Any:
    try:
        with open(path, encoding="ascii") as handle:
            return json.load(handle)
    except (OSError, ValueError):
        return None


def stop(run: str, names: t.Iterable[str], seconds: float = 5.0) -> dict[str, t.Any]:
    """Stop helpers of this run, all at once, and return their results. None stands for a helper that does not exist.

    ``seconds`` is the time that they get to end.
    """
    path = place(run)
    deadline = time.monotonic() + seconds
    told = [who for who in (_load(os.path.join(path, name + ".pid")) for name in names) if who and _alive(who)]
    for who in told:
        os.kill(who["pid"], signal.SIGTERM)
    for who in told:
        _end(who, deadline)
    return {name: _load(os.path.join(path, name + ".json")) for name in names}


def late(run: str, names: t.Iterable[str]) -> dict[str, float]:
    """The longest time in seconds that each stopped helper did not get to run; a well-fed one has parts of a second."""
    told = {name: _load(os.path.join(place(run), name + ".late")) for name in names}
    return {name: seconds for name, seconds in told.items() if seconds is not None}


def _alive(who: _Process) -> bool:
    return started_at(who["pid"]) == who["started"]


def _end(who: _Process, deadline: float) -> None:
    while _alive(who):
        if time.monotonic() > deadline:
            os.kill(who["pid"], signal.SIGKILL)
            return
        time.sleep(0.02)
