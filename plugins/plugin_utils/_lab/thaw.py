# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resume a frozen container after its time, independently of the run that froze it.

Private to the collection swarmlab.overlay. ``start`` runs this file as a separate process.
"""

# pylint: disable=ansible-bad-function  # run_command belongs to modules; this runs in action plugins

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import typing as t
from pathlib import Path


def start(container: str, fault: str, seconds: float) -> None:
    """Start a process that resumes the container after this number of seconds."""
    begun = subprocess.Popen(
        [sys.executable, str(Path(__file__)), container, fault, str(seconds)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    # The kernel tells a new program's words a moment after it began, and by its words the process is found.
    while begun.poll() is None and begun.pid not in [pid for pid, dummy in _processes(container)]:
        time.sleep(0.01)


def _processes(container: str) -> t.Iterator[tuple[int, str]]:
    """Process id and fault of the processes that wait to resume this container."""
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                words = Path(f"/proc/{entry}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")
            except OSError:  # ended since, or another user's
                continue
            if len(words) > 3 and os.path.basename(words[1]) == os.path.basename(__file__) and words[2] == container:
                yield int(entry), words[3]


def waiting(container: str) -> list[str]:
    """Faults that wait to resume this container."""
    return [fault for dummy, fault in _processes(container)]


def end(container: str) -> None:
    """Resume the container now."""
    for pid, dummy in _processes(container):
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            continue


def main(container: str, seconds: float) -> None:
    import docker
    import docker.utils

    time.sleep(seconds)
    try:
        docker.APIClient(**docker.utils.kwargs_from_env(), version="auto").unpause(container)
    except docker.errors.APIError:
        return  # it runs already, or is gone


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[3]))
