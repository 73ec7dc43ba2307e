# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the processes of a container run: they may be stopped by a signal, frozen by their control group, dead, or stuck in the kernel.

Private to swarmlab.overlay. Standard library only. Reads only. The kernel goes on taking connections for a process that
stands still, so no question over the network shows it.
"""

from __future__ import annotations

import os
import re
import typing as t

from . import groups, shapes, system

STOPPED, FROZEN, DEAD, STUCK, RUNS = "stopped", "frozen", "dead", "stuck", "runs"
# States of a process, proc_pid_stat(5): stopped by a signal or a debugger, dead and not collected, waiting for a device.
HALTED, ENDED, WAITING = "Tt", "ZX", "D"
FREEZER = "freezer"  # the controller of version 1
# Whether a group is of version 2 -> its file that tells whether it is frozen, and how.
FROZEN_BY = {True: ("cgroup.events", r"(?m)^frozen 1$"), False: ("freezer.state", r"^FROZEN")}


def freezers(pid: int) -> list[tuple[str, str]]:
    """(file, pattern of a frozen group in it) of the groups of a process that can freeze it, as far as they are seen; not of the whole node's."""
    told = groups.parse_groups(system.read(f"/proc/{pid}/cgroup"))
    found = []
    for mount in groups.parse_mounts(system.read(groups.MOUNTS)):
        if mount.unified or FREEZER in mount.controllers:
            inside = groups.below(mount, told.get(groups.UNIFIED if mount.unified else FREEZER))
            if inside:
                name, pattern = FROZEN_BY[mount.unified]
                found.append((f"{mount.folder}/{inside}/{name}", pattern))
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
    places = freezers(pid)
    frozen = any(re.search(pattern, system.read(path)) for path, pattern in places)
    folders = [os.path.dirname(path) for path, _pattern in places]
    members = {name for folder in folders for name in system.read(f"{folder}/cgroup.procs").split()}
    others = [parse_state(system.read(f"/proc/{name}/stat")) for name in sorted(members - {str(pid)})]
    switches = re.findall(r"(?m)^\w*voluntary_ctxt_switches:\s+(\d+)", system.read(f"/proc/{pid}/status"))
    return {
        "state": conclude(first, [state for state in others if state], frozen),
        "switches": sum(int(number) for number in switches),
    }
