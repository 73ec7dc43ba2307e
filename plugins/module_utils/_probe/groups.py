# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control groups of a process, as folders: its own and those above it, of both versions (cgroups(7), cgroup_namespaces(7)).

Private to swarmlab.overlay. Standard library only. Reads only. /proc/PID/cgroup names a group from the root of the reader's
namespace, and /proc/self/mountinfo tells which group a mounted folder is, from the same root.
"""

from __future__ import annotations

import itertools
import os
import typing as t

from . import system

MOUNTS = "/proc/self/mountinfo"
UNIFIED = ""  # the controller of version 2 in /proc/PID/cgroup
SEARCHED = 2000  # folders that are looked into for a group whose name is not known


class Mount(t.NamedTuple):
    """A mounted hierarchy of groups: which of them is there, and the controllers; none for version 2, which has all."""

    root: str
    folder: str
    controllers: tuple[str, ...]

    @property
    def unified(self) -> bool:
        """Whether it is of version 2."""
        return not self.controllers


def parse_mounts(text: str) -> list[Mount]:
    """The hierarchies in /proc/self/mountinfo."""
    found = []
    for line in text.splitlines():
        before, dummy, after = line.partition(" - ")
        fields, kind = before.split(), after.split()
        if len(fields) < 5 or len(kind) < 3:
            continue
        if kind[0] == "cgroup2":
            found.append(Mount(fields[3], fields[4], ()))
        elif kind[0] == "cgroup":
            found.append(Mount(fields[3], fields[4], tuple(kind[2].split(","))))
    return found


def parse_groups(text: str) -> dict[str, str]:
    """The group of a process by controller, in /proc/PID/cgroup; under ``UNIFIED`` that of version 2."""
    found = {}
    for line in text.splitlines():
        dummy, controllers, path = [*line.split(":", 2), "", ""][:3]
        for controller in controllers.split(","):
            found[controller] = path
    return found


def below(mount: Mount, path: str | None) -> str | None:
    """The part of a group's path below the group that is mounted; None where that is not above it, or nothing tells."""
    root = mount.root.rstrip("/")
    if not path or "/.." in root or not (path + "/").startswith(root + "/"):
        return None
    return path[len(root) :].strip("/")


def folders(pid: str, controller: str) -> list[str]:
    """The folders of the group of a process ("self", or a number) and of those above it, as far as they are seen from here."""
    told, found = parse_groups(system.read(f"/proc/{pid}/cgroup")), []
    for mount in parse_mounts(system.read(MOUNTS)):
        if not mount.unified and controller not in mount.controllers:
            continue
        inside = below(mount, told.get(UNIFIED if mount.unified else controller))
        if inside is None and told:
            inside = _searched(mount.folder, str(os.getpid()) if pid == "self" else pid)
        if inside is not None:
            steps = inside.split("/") if inside else []
            found += ["/".join([mount.folder, *steps[:number]]) for number in range(len(steps), -1, -1)]
    return found


def _searched(folder: str, pid: str) -> str | None:
    """The group below a folder in which a process is: its name is hidden where the mounted groups are of another namespace."""
    for place, _names, _files in itertools.islice(os.walk(folder), SEARCHED):
        if pid in system.read(f"{place}/cgroup.procs").split():
            return os.path.relpath(place, folder) if place != folder else ""
    return None
