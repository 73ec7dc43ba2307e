# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""One at a time on a host: modules that stop its engine, or drain and give back nodes through it.

A run that is killed on the controller leaves its module at work on the node. The module of the next run waits here until that has ended. The
kernel releases the lock of a process that died.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import tempfile
import time
import typing as t

from ._engine.transport import EngineError
from ._host import HostError

T = t.TypeVar("T")
NAME = "swarmlab-overlay"
PAUSE = 0.2  # seconds between two attempts
TOLD = 200  # bytes of what a holder says of itself


def path() -> str:
    """The lock file of this host; users other than root have one of their own, because they cannot write where root's is."""
    user = os.geteuid()
    return f"/run/{NAME}.lock" if user == 0 else os.path.join(tempfile.gettempdir(), f"{NAME}-{user}.lock")


@contextlib.contextmanager
def taken(what: str, seconds: float, only_looks: bool, lock: str = "") -> t.Iterator[None]:
    """Hold this host's lock inside of the block. Raises HostError when another process still holds it after so many seconds.

    :param what: what is done meanwhile, for the message of another process that waits
    :param only_looks: what only looks needs no lock
    :param lock: the lock file, where it is not the usual one
    """
    if only_looks:
        yield
        return
    host = socket.gethostname()
    lock = lock or path()
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        raise HostError(
            f"{host}: {lock} cannot be opened ({error.strerror}), so nobody knows whether an earlier run still works here. Nothing was changed"
        ) from error
    try:
        _wait(descriptor, host, seconds)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{what} (process {os.getpid()}, since {time.strftime('%H:%M:%S')})".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def again(look: t.Callable[[], T], seconds: float, lock: str = "") -> T:
    """What is looked at. Where the engine does not answer while another process holds the lock, it is looked at again when that has ended."""
    try:
        return look()
    except EngineError:
        if not _ended(lock or path(), seconds):
            raise
        return look()


def _ended(lock: str, seconds: float) -> bool:
    """Whether another process held the lock, and ends within so many seconds."""
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        return bool(_tries(descriptor, fcntl.LOCK_SH, seconds))
    finally:
        os.close(descriptor)


def _wait(descriptor: int, host: str, seconds: float) -> None:
    if _tries(descriptor, fcntl.LOCK_EX, seconds) is None:
        holder = os.pread(descriptor, TOLD, 0).decode("utf-8", "replace")
        raise HostError(
            f"On {host} another task of this collection still goes on after {seconds:.0f} s: {holder or 'it does not say which'}."
            " It may be of a run that was killed. Wait until it has ended, and run this again. Nothing was changed"
        )


def _tries(descriptor: int, how: int, seconds: float) -> int | None:
    """How often the lock was asked for in vain before it was had; None if it was not had within so many seconds."""
    deadline = time.monotonic() + seconds
    tries = 0
    while True:
        try:
            fcntl.flock(descriptor, how | fcntl.LOCK_NB)
            return tries
        except BlockingIOError:
            tries += 1
        if time.monotonic() >= deadline:
            return None
        time.sleep(PAUSE)
