# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Send one command to the monitors of many machines at once.

Private to the collection swarmlab.overlay.
"""

from __future__ import annotations

import asyncio
import contextlib
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
    logging.getLogger("qemu.qmp").setLevel(logging.CRITICAL)  # failures give None, and the caller reports them

SOCKET = "qmp.sock"


def require_library() -> None:
    if not HAVE_QMP:
        raise LabError("LAB-E-NOLIBRARY", package="qemu.qmp", python=sys.executable)


Arguments = t.Mapping[str, t.Any] | None


def execute_all(
    folders: t.Mapping[str, Path], command: str, arguments: Arguments = None, seconds: float = 5.0
) -> dict[str, t.Any]:
    """The answer of each machine; None from one that does not answer within ``seconds``, or refuses."""

    return {name: answer for name, (answer, problem) in _ask(folders, command, arguments, seconds).items()}


def demand_all(
    folders: t.Mapping[str, Path], command: str, arguments: Arguments = None, seconds: float = 30.0
) -> dict[str, t.Any]:
    """Like execute_all, but raises LabError with the first machine that failed."""
    answers = _ask(folders, command, arguments, seconds)
    for name, (dummy, problem) in answers.items():
        if problem:
            raise LabError("LAB-E-MONITOR", node=name, command=command, reason=problem)
    return {name: answer for name, (answer, dummy) in answers.items()}


def _ask(
    folders: t.Mapping[str, Path], command: str, arguments: Arguments, seconds: float
) -> dict[str, tuple[t.Any, str]]:
    async def all_of_them() -> list[tuple[t.Any, str]]:
        return await asyncio.gather(*(_execute(folder, command, arguments, seconds) for folder in folders.values()))

    return dict(zip(folders, asyncio.run(all_of_them()))) if folders else {}


async def _execute(folder: Path, command: str, arguments: Arguments, seconds: float) -> tuple[t.Any, str]:
    """The answer, and the reason if there is none."""
    try:
        return await asyncio.wait_for(_converse(folder, command, arguments), seconds), ""
    except TimeoutError:
        return None, f"no answer within {seconds:.0f} s"
    except (QMPError, OSError, EOFError) as error:
        return None, str(error) or type(error).__name__


async def _converse(folder: Path, command: str, arguments: Arguments) -> t.Any:
    client = QMPClient("lab")
    with short_path(folder) as path:
        try:
            await client.connect(f"{path}/{SOCKET}")
            return await client.execute(command, dict(arguments or {}))
        finally:
            await client.disconnect()


@contextlib.contextmanager
def short_path(folder: Path) -> t.Iterator[str]:
    """A short alias of the folder: the path of a Unix socket is limited to 107 bytes, that of a lab is not."""
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
