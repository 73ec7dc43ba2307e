# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of a lab: nodes, their place in the swarm, snapshots, disk space. Read-only.

Private to the collection swarmlab.overlay.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import json
import typing as t
from pathlib import Path

from . import remote, snapshot, state
from .container import container_name
from .driver import RUNNING, STARTING, Driver, Report
from .drivers import DRIVERS
from .errors import LabError
from .spec import LabSpec
from .state import LabRecord
from .tools import used_bytes

SECONDS = {"kvm": (5, 12), "native": (5, 12), "tcg": (15, 40)}  # seconds for a command, for a node
QUESTIONS = {
    # Every node is asked, since only the answers show which of them are managers.
    "members": "docker node ls --format '{{json .}}'",
    "disk": "du -sxk /var/lib/docker | cut -f1",
}


def open_lab(spec: LabSpec, report: Report = lambda text: None) -> tuple[LabRecord, Driver]:
    """An existing lab as recorded, regardless of the present definition. Raises LabError when there is none."""
    record = state.existing(spec.name, spec.directory)
    if record.driver not in DRIVERS:
        raise LabError("LAB-E-BROKEN", path=spec.directory / state.FILE, reason=f"driver is {record.driver!r}")
    found = dataclasses.replace(
        spec,
        name=record.name,
        driver=record.driver,
        nodes=len(record.nodes),
        subnet=ipaddress.ip_network(record.subnet),
    )
    return record, DRIVERS[record.driver](record.settled(found), report)


def gather(spec: LabSpec) -> dict[str, t.Any]:
    """All information about a lab; one that does not exist is no error."""
    result: dict[str, t.Any] = {
        "name": spec.name, "directory": str(spec.directory), "exists": False, "driver": "", "accel": "",
        "nodes": [], "swarm": False, "snapshots": snapshots(spec.directory / snapshot.FOLDER),
        "disk": {"lab": None, "lab_complete": True, "cache": used_bytes(spec.cache), "cache_directory": str(spec.cache)},
    }  # fmt: skip
    try:
        record, driver = open_lab(spec)
    except LabError as error:
        if error.id != "LAB-E-NOLAB":
            raise
        return result
    states = driver.observe(record.nodes)
    awake = [name for name, found in states.items() if found in (RUNNING, STARTING)]
    answers = remote.ask(driver, awake, QUESTIONS, *SECONDS.get(record.accel, SECONDS["tcg"])) if awake else {}
    seen = members([found.get("members", "") for found, problem in answers.values()])
    disks = [kib(found.get("disk", "")) for found, problem in answers.values()] if record.driver == "container" else []
    result.update(
        exists=True,
        driver=record.driver,
        accel=record.accel,
        swarm=bool(seen),
        nodes=[
            {
                "name": name,
                "state": states[name],
                "address": entry.address,
                "ssh_port": entry.ssh_port,
                "container": container_name(spec.name, name) if record.driver == "container" else "",
                "swarm": seen.get(name),
                "problem": answers[name][1] if name in answers else None,
            }
            for name, entry in sorted(record.nodes.items(), key=lambda item: item[1].index)
        ],
    )
    asleep = record.driver == "container" and len(awake) < len(record.nodes)
    result["disk"]["lab"] = used_bytes(spec.directory) + 1024 * sum(size or 0 for size in disks)
    result["disk"]["lab_complete"] = None not in disks and not asleep
    return result


def members(outputs: t.Iterable[str]) -> dict[str, dict[str, str]]:
    """{host name: role, availability, status} from the first valid output of ``docker node ls``.

    A machine that joined again has several entries; the ready one counts.
    """
    for output in outputs:
        found: dict[str, dict[str, str]] = {}
        for entry in _json_lines(output):
            role = (entry.get("ManagerStatus") or "worker").lower()
            member = {
                "role": "manager" if role == "reachable" else role,
                "availability": str(entry.get("Availability", "")).lower(),
                "status": str(entry.get("Status", "")).lower(),
            }
            if found.get(entry["Hostname"], {}).get("status") != "ready":
                found[entry["Hostname"]] = member
        if found:
            return found
    return {}


def _json_lines(output: str) -> t.Iterator[dict[str, t.Any]]:
    for line in output.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue  # an error message, for example that the node is not a manager
        if isinstance(entry, dict) and "Hostname" in entry:
            yield entry


def kib(output: str) -> int | None:
    """The last number that du printed; None when it did not finish."""
    words = output.split()
    return int(words[-1]) if words and words[-1].isdigit() else None


def snapshots(folder: Path) -> list[dict[str, t.Any]]:
    """Name and time of each snapshot, oldest first. A manifest that cannot be read is listed without a time."""
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            found.append({"name": str(content["name"]), "created": int(content["created"])})
        except (OSError, ValueError, KeyError, TypeError):
            found.append({"name": path.stem, "created": None})
    return sorted(found, key=lambda entry: (entry["created"] or 0, entry["name"]))
