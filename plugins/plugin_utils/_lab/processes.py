# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the lab's own QEMU processes, never by a process id in a file, because ids are reused.

Private to the collection swarmlab.overlay. A node's QEMU is the one whose working folder is the node's folder.
"""

from __future__ import annotations

import os
import signal
import time
import typing as t
from pathlib import Path

from .errors import LabError

GONE = " (deleted)"


def find(nodes_folder: Path) -> dict[str, list[int]]:
    """Process ids of QEMU by node name, for the nodes below ``nodes_folder``."""
    found: dict[str, list[int]] = {}
    prefix = str(nodes_folder.resolve()) + os.sep
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            name = _node_of(entry, prefix)
            if name:
                found.setdefault(name, []).append(int(entry))
    return found


def _node_of(pid: str, prefix: str) -> str | None:
    try:
        folder = os.readlink(f"/proc/{pid}/cwd")
        if not folder.startswith(prefix):
            return None
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:  # ended since, or another user's
        return None
    if not os.path.basename(command[0]).startswith(b"qemu-system-"):
        return None
    name = folder[len(prefix) :]
    return name.removesuffix(GONE)


def end(nodes_folder: Path, names: t.Collection[str] | None, grace: float, hard: float = 10.0) -> None:
    """End the QEMU processes of these nodes (all: None).

    They have ``grace`` seconds to end by themselves, then ``hard`` after a kill.
    """
    limit = time.monotonic() + grace
    while _running(nodes_folder, names) and time.monotonic() < limit:
        time.sleep(0.1)
    limit = time.monotonic() + hard
    while True:
        pids = _running(nodes_folder, names)
        if not pids:
            return
        if time.monotonic() > limit:
            raise LabError("LAB-E-STUCK", what=f"QEMU process {pids[0]}", seconds=int(grace + hard))
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.05)


def _running(nodes_folder: Path, names: t.Collection[str] | None) -> list[int]:
    found = find(nodes_folder)
    return [pid for name, pids in found.items() if names is None or name in names for pid in pids]
