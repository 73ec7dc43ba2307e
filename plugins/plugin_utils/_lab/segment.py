# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The switch of a lab's virtual machines: its sockets, start, requests and end.

Private to the collection swarmlab.overlay. The switch itself is ``switch``.
"""

# pylint: disable=ansible-bad-function  # run_command belongs to modules; this runs in action plugins

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import typing as t
from pathlib import Path

from . import qmp, switch
from .errors import LabError
from .tools import tail

FOLDER = "segment"
LOG = "switch.log"
START_SECONDS = 10.0
ANSWER_SECONDS = 30.0
PROGRAM = Path(switch.__file__).with_suffix(".py")


def node_socket(name: str) -> str:
    """The node's socket, relative to the node's folder, because the path of a socket is limited to 107 bytes."""
    return f"../../{FOLDER}/{name}"


def switch_socket() -> str:
    """The switch's socket, relative to a node's folder."""
    return f"../../{FOLDER}/{switch.DATA}"


def find(directory: Path) -> list[int]:
    """Process ids of the lab's switch: of the programs whose working folder is the segment's, without any pid file."""
    folder = os.path.realpath(directory / FOLDER)
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                here = os.readlink(f"/proc/{entry}/cwd").removesuffix(" (deleted)")
                command = Path(f"/proc/{entry}/cmdline").read_bytes().split(b"\0") if here == folder else []
            except OSError:  # ended since, or another user's
                continue
            if any(os.path.basename(word) == PROGRAM.name.encode() for word in command):
                found.append(int(entry))
    return found


def ensure(directory: Path) -> bool:
    """Start the switch unless it runs. Returns whether it was started. Machines need no restart for that."""
    if find(directory):
        return False
    folder = directory / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / switch.CONTROL).unlink(missing_ok=True)
    with (folder / LOG).open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-I", str(PROGRAM)],
            cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    limit = time.monotonic() + START_SECONDS
    while not (folder / switch.CONTROL).exists():
        if process.poll() is not None or time.monotonic() > limit:
            raise LabError("LAB-E-SEGMENT", reason=tail(folder / LOG, 2) or "it does not start", log=folder / LOG)
        time.sleep(0.02)
    return True


def end(directory: Path) -> None:
    """End the switch, which also ends all faults."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in find(directory):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue
        limit = time.monotonic() + START_SECONDS
        while find(directory) and time.monotonic() < limit:
            time.sleep(0.05)
    if find(directory):
        raise LabError(
            "LAB-E-STUCK", what=f"the switch of the lab, process {find(directory)[0]},", seconds=START_SECONDS
        )


def ask(directory: Path, request: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The switch's answer to a request (see ``switch.Switch.act``)."""
    folder = directory / FOLDER
    try:
        with qmp.short_path(folder) as path, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
            control.settimeout(ANSWER_SECONDS)
            control.connect(f"{path}/{switch.CONTROL}")
            control.sendall(json.dumps(request).encode() + b"\n")
            answer: dict[str, t.Any] = json.loads(control.makefile("rb").readline())
    except (OSError, ValueError) as error:
        raise LabError("LAB-E-SEGMENT", reason=f"it does not answer ({error})", log=folder / LOG) from error
    if "error" in answer:
        raise LabError("LAB-E-SEGMENT", reason=answer["error"], log=folder / LOG)
    return answer
