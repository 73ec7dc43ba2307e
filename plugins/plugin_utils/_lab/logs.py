# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An archive of a lab's logs and state for troubleshooting, without its secrets.

Private to the collection swarmlab.overlay.
"""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path

from .._archive import archive
from . import info, remote
from .driver import RUNNING, STARTING, Report
from .errors import LabError
from .spec import LabSpec
from .tools import write_private

PREFIX, SUFFIX = "logs-", ".tar.gz"
SECONDS = {"kvm": (20, 90), "native": (10, 45), "tcg": (60, 400)}  # seconds for a command and for a node
REPORT = "report/report.json"
QUESTIONS = {
    # Container nodes have no journal: their engine's messages are the container's output.
    "journal-docker.txt": "[ -d /run/systemd/system ] && journalctl -u docker --no-pager -n 20000",
    "journal-kernel.txt": "dmesg | tail -n 5000",
    "docker-info.txt": "docker info",
    "docker-node-ls.txt": "docker node ls",
    "docker-network-ls.txt": "docker network ls --no-trunc",
    # No container commands, which may contain passwords.
    "docker-container-ls.txt": "docker container ls --all --format 'table {{.ID}}\t{{.Names}}\t{{.Image}}\t{{.Status}}\t{{.Networks}}'",
    "docker-service-ls.txt": "docker service ls",
    "docker-service-ps.txt": 'ids=$(docker service ls -q) && { [ -z "$ids" ] || docker service ps --no-trunc $ids; }',
    "ip.txt": "ip -details address; ip route show table all; ip -statistics link",
}


@dataclasses.dataclass
class Collected:
    """The archive, and the nodes that are missing or incomplete in it, with the reasons."""

    path: Path
    files: list[str]
    problems: dict[str, str]


def collect(spec: LabSpec, report: Report) -> Collected:
    """Create the archive. Nodes that do not answer are reported and do not stop it."""
    record, driver = info.open_lab(spec)
    states = driver.observe(record.nodes)
    awake = [name for name, found in states.items() if found in (RUNNING, STARTING)]
    problems = {name: f"it is {found}" for name, found in states.items() if name not in awake}
    report(f"collecting from {', '.join(awake) or 'no running node'}")
    files: dict[str, str] = {"lab.txt": "".join(f"{name}: {found}\n" for name, found in states.items())}
    answers = remote.ask(driver, awake, QUESTIONS, *SECONDS.get(record.accel, SECONDS["tcg"])) if awake else {}
    for name, (outputs, problem) in answers.items():
        files.update({f"{name}/{file}": text for file, text in outputs.items() if text.strip()})
        if problem:
            problems[name] = problem
    for name in record.nodes:
        try:
            consoles = driver.consoles(name)
        except (LabError, OSError) as error:
            problems[name] = str(error)
            continue
        files.update({f"{name}/{file}": content.decode("utf-8", "replace") for file, content in consoles.items()})
    last = spec.directory / REPORT
    if last.is_file():
        files["report.json"] = last.read_text(encoding="utf-8", errors="replace")
    if problems:
        files["problems.json"] = json.dumps(problems, indent=2) + "\n"
    now = time.time()
    path = spec.directory / time.strftime(f"{PREFIX}%Y%m%dT%H%M%SZ{SUFFIX}", time.gmtime(now))
    write_private(path, archive(files, path.name[: -len(SUFFIX)], int(now)))
    return Collected(path, sorted(files), problems)


def is_archive(path: Path) -> bool:
    return path.name.startswith(PREFIX) and path.name.endswith(SUFFIX)
