# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a function inside another network namespace, in a child process with a time limit.

Private to swarmlab.overlay. Standard library only. ``setns`` changes a thread permanently, so it is only called in a
forked child.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import time
import typing as t

T = t.TypeVar("T")

CLONE_NEWNET = 0x40000000


class ProbeError(Exception):
    """A probe failed to look; the message says where and why."""


def enter(namespace: str) -> None:
    """Move the calling thread into the network namespace at this path."""
    with open(namespace, "rb") as handle:
        if hasattr(os, "setns"):
            os.setns(handle.fileno(), CLONE_NEWNET)
            return
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(handle.fileno(), CLONE_NEWNET) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), namespace)


def unshare_network() -> None:
    """Move the calling thread into a new, empty network namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


class Call(t.Generic[T]):
    """A function that runs in a namespace: its process, and the descriptor of its result."""

    def __init__(self, namespace: str | None, child: int, reading: int) -> None:
        self.namespace = namespace
        self.child = child
        self.reading = reading


def begin(namespace: str | None, function: t.Callable[[], T]) -> Call[T]:
    """Start ``function()`` in ``namespace`` (``None``: a new, empty one). Its result must be JSON data."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _child(namespace, function, writing)
    os.close(writing)
    return Call(namespace, child, reading)


def finish(work: Call[T], seconds: float) -> T:
    """The result of a started function. Raises ProbeError when there is none within ``seconds``."""
    try:
        raw = _read_all(work.reading, time.monotonic() + seconds)
    finally:
        os.close(work.reading)
        os.kill(work.child, signal.SIGKILL)
        os.waitpid(work.child, 0)
    value: T = _outcome(raw, work.namespace, seconds)
    return value


def ended(work: Call[T]) -> bool:
    """Whether a started function has given its result, or has ended without one."""
    return bool(select.select([work.reading], [], [], 0)[0])


def call(namespace: str | None, function: t.Callable[[], T], seconds: float) -> T:
    """The result of ``function()`` run in ``namespace``. Raises ProbeError when there is none within ``seconds``."""
    return finish(begin(namespace, function), seconds)


def _child(namespace: str | None, function: t.Callable[[], t.Any], writing: int) -> None:
    """Run the function and exit. It never returns: an exception must not unwind into the caller's stack."""
    try:
        try:
            if namespace is None:
                unshare_network()
            else:
                enter(namespace)
            answer = {"value": function()}
        except (OSError, ProbeError) as error:
            answer = {"error": str(error)}
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(json.dumps(answer).encode())
    finally:
        os._exit(0)


def _read_all(descriptor: int, deadline: float) -> bytes | None:
    """Everything up to the end of file, or None when the deadline passes first."""
    chunks: list[bytes] = []
    while True:
        ready, _unused, _unused2 = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return None
        chunk = os.read(descriptor, 65536)
        if not chunk:
            return b"".join(chunks)
        chunks.append(chunk)


def _outcome(raw: bytes | None, namespace: str | None, seconds: float) -> t.Any:
    where = namespace or "a scratch network namespace"
    if raw is None:
        raise ProbeError(f"the probe in {where} gave no result within {seconds:.0f} s")
    if not raw:
        raise ProbeError(f"the probe in {where} ended without a result")
    answer = json.loads(raw.decode())
    if "error" in answer:
        raise ProbeError(f"the probe in {where} failed: {answer['error']}")
    return answer["value"]
