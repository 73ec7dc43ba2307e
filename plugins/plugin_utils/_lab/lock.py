# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks for images and labs. The kernel releases the lock of a process that died.

Private to the collection swarmlab.overlay.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
import typing as t
from pathlib import Path

from .errors import LabError


@contextlib.contextmanager
def exclusive(path: Path, what: str, wait: float, report: t.Callable[[str], None]) -> t.Iterator[None]:
    """Hold the lock file ``path``; wait for another holder at most ``wait`` seconds."""
    descriptor = _locked(path, what, wait, report)
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"pid {os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _locked(path: Path, what: str, wait: float, report: t.Callable[[str], None]) -> int:
    """A locked descriptor of the file that has this name now, because a holder may remove the file when it is done."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _acquire(descriptor, what, wait, report)
            if path.exists() and os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _acquire(descriptor: int, what: str, wait: float, report: t.Callable[[str], None]) -> None:
    limit = time.monotonic() + wait
    said = False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            holder = os.pread(descriptor, 100, 0).decode("utf-8", "replace").strip() or "unknown"
        if time.monotonic() >= limit:
            raise LabError("LAB-E-LOCKED", holder=holder, what=what)
        if not said:
            said = True
            report(f"waiting for another process ({holder}) that is working on {what}")
        time.sleep(0.2)
