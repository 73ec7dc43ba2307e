# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One command to the monitors of many machines at once.

Private to the collection swarmlab.overlay.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import typing as t
from pathlib import Path

from .errors import LabError

try:
    from qemu.qmp import QMPClient, QMPError
except ImportError:
    HAVE_QMP = False
else:
    HAVE_QMP = True
    logging.getLogger("qemu.qmp").setLevel(logging.CRITICAL)  # failures are answered by None, and said by the caller

SOCKET = "qmp.sock"


def require_library() -> None:
    if not HAVE_QMP:
        raise LabError("LAB-E-NOLIBRARY", package="qemu.qmp", python=sys.executable)


def execute_all(folders: t.Mapping[str, Path], command: str, seconds: float = 5.0) -> t.Dict[str, t.Any]:
    """The answer of each machine; None from one that does not answer in time."""

    async def all_of_them() -> t.List[t.Any]:
        return await asyncio.gather(*(_execute(folder, command, seconds) for folder in folders.values()))

    if not folders:
        return {}
    return dict(zip(folders, asyncio.run(all_of_them())))


async def _execute(folder: Path, command: str, seconds: float) -> t.Any:
    try:
        return await asyncio.wait_for(_converse(folder, command), seconds)
    except (QMPError, OSError, EOFError, asyncio.TimeoutError):
        return None


async def _converse(folder: Path, command: str) -> t.Any:
    # By way of the folder's descriptor: the path of a Unix socket is limited to 107 bytes, that of a lab is not.
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    client = QMPClient("lab")
    try:
        await client.connect(f"/proc/self/fd/{descriptor}/{SOCKET}")
        return await client.execute(command)
    finally:
        os.close(descriptor)
        await client.disconnect()
