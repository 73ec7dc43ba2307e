# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the processes of a container run: they may be stopped by a signal, frozen by their control group, dead, or stuck in the kernel.

Private to swarmlab.overlay. Standard library only. Reads only. The kernel goes on taking connections for a process that
stands still, so no question over the network shows it.
"""

from __future__ import annotations

import re
import typing as t

from . import shapes, system

STOPPED, FROZEN, DEAD, STUCK, RUNS = "stopped", "frozen", "dead", "stuck", "runs"
# States of a process, proc_pid_stat(5): stopped by a signal or a debugger, dead and not collected, waiting for a device.
HALTED, ENDED, WAITING = "Tt", "ZX", "D"


class Hierarchy(t.NamedTuple):
    """Where a hierarchy of control groups is mounted, and which of its groups is there; its file of members, and of being frozen."""

    root: str
    folder: str
    frozen: str
    pattern: str


def parse_hierarchies(mounts: str) -> list[Hierarchy]:
    """The hierarchies in /proc/self/mountinfo that can freeze: the unified one, and that of the old freezer."""
    found = []
    for line in mounts.splitlines():
        before, dummy, after = line.partition(" - ")
        fields, kind = before.split(), after.split()
        if len(fields) < 5 or len(kind) < 3:
            continue
        if kind[0] == "cgroup2":
            found.append(Hierarchy(fields[3], fields[4], "cgroup.events", r"(?m)^frozen 1$"))
        elif kind[0] == "cgroup" and "freezer" in kind[2].split(","):
            found.append(Hierarchy(fields[3], fields[4], "freezer.state", r"^FROZEN"))
    return found


def parse_groups(text: str) -> dict[str, str]:
    """The group of a process by controller, in /proc/PID/cgroup; under an empty name that of the unified hierarchy."""
    found = {}
    for line in text.splitlines():
        dummy, controllers, path = [*line.split(":", 2), "", ""][:3]
        for controller in controllers.split(","):
            found[controller] = path
    return found


def groups(pid: int) -> list[tuple[Hierarchy, str]]:
    """The folders of the groups of a process that can freeze it, as far as they are seen from here; not those of the whole node."""
    told = parse_groups(system.read(f"/proc/{pid}/cgroup"))
    found = []
    for there in parse_hierarchies(system.read("/proc/self/mountinfo")):
        path = told.get("freezer" if there.frozen == "freezer.state" else "")
        root = there.root.rstrip("/")
        if path and (path + "/").startswith(root + "/") and path[len(root) :].strip("/"):
            found.append((there, there.folder + path[len(root) :]))
    return found


def parse_state(text: str) -> str:
    """The letter of the state in /proc/PID/stat; empty for a process that has gone."""
    return text.rpartition(") ")[2][:1] if ") " in text else ""


def conclude(first: str, others: t.Sequence[str], frozen: bool) -> str:
    """What the states of a container's first process and of its others mean. Pure.

    A program that is not the first, as beside an init, stands still when all of them do.
    """
    if frozen:
        return FROZEN
    if first in HALTED or (others and all(state in HALTED for state in others)):
        return STOPPED
    if first in ENDED:
        return DEAD
    return STUCK if first in WAITING else RUNS


def look(pid: int) -> shapes.Life | None:
    """How the processes of a container are, by the id of its first one; None for one that has gone."""
    first = parse_state(system.read(f"/proc/{pid}/stat"))
    if not first:
        return None
    places = groups(pid)
    frozen = any(re.search(there.pattern, system.read(f"{folder}/{there.frozen}")) for there, folder in places)
    members = {name for _there, folder in places for name in system.read(f"{folder}/cgroup.procs").split()}
    others = [parse_state(system.read(f"/proc/{name}/stat")) for name in sorted(members - {str(pid)})]
    switches = re.findall(r"(?m)^\w*voluntary_ctxt_switches:\s+(\d+)", system.read(f"/proc/{pid}/status"))
    return {
        "state": conclude(first, [state for state in others if state], frozen),
        "switches": sum(int(number) for number in switches),
    }
