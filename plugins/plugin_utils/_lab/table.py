# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab's state as a table for a terminal of 80 columns. Pure.

Private to the collection swarmlab.overlay.
"""

from __future__ import annotations

import time
import typing as t

from .driver import ABSENT, PAUSED, RUNNING, STARTING, STOPPED

WIDTH = 80
COLOURS = {RUNNING: "green", STARTING: "yellow", PAUSED: "yellow", STOPPED: "yellow", ABSENT: "red"}
Info = t.Mapping[str, t.Any]


class Line(t.NamedTuple):
    """A line of text and its colour, by Ansible's names; None is plain."""

    text: str
    colour: str | None = None


def lines(info: Info) -> list[Line]:
    if not info["exists"]:
        return [Line(f"lab {info['name']}: absent (nothing in {info['directory']})", "yellow"), _disk(info)]
    found = [_title(info), Line("")]
    found += _table(info)
    found += [Line(f"  {node['name']} gave no complete answer: {node['problem']}"[:WIDTH], "yellow")
              for node in info["nodes"] if node["problem"]]  # fmt: skip
    if not info["swarm"]:
        found.append(Line("swarm: no running node speaks for one"))
    found.append(Line(""))
    if info["snapshots"]:
        found.append(Line("snapshots:"))
        found += [Line(f"  {entry['name']}  {_moment(entry['created'])}") for entry in info["snapshots"]]
    return [*found, _disk(info)]


def _title(info: Info) -> Line:
    counts: dict[str, int] = {}
    for node in info["nodes"]:
        counts[node["state"]] = counts.get(node["state"], 0) + 1
    states = ", ".join(f"{number} {name}" for name, number in counts.items()) or "no nodes"
    colour = "green" if set(counts) == {RUNNING} else "yellow"
    carrier = f"{info['driver']}, {info['accel']}" if info["accel"] else info["driver"]
    return Line(f"lab {info['name']} ({carrier}): {states}", colour)


def _table(info: Info) -> list[Line]:
    """One line a node. Long container names are listed below the table when they would make it too wide."""
    way = "CONTAINER" if info["driver"] == "container" else "SSH PORT"
    head = ["NODE", "STATE", "ADDRESS", way, "ROLE", "AVAILABILITY", "STATUS"]
    rows = [[*_row(node)] for node in info["nodes"]]
    widths = _widths([head, *rows])
    if sum(widths) + 2 * len(widths) - 2 <= WIDTH:
        below = []
    else:
        below = [Line(f"  {row[0]} is container {row[3]}") for row in rows]
        head, rows = _without(head, 3), [_without(row, 3) for row in rows]
        widths = _widths([head, *rows])
    colours = [COLOURS.get(node["state"]) for node in info["nodes"]]
    table = [Line(_join(row, widths), colour) for row, colour in zip([head, *rows], [None, *colours])]
    return table + below


def _row(node: Info) -> t.Iterator[str]:
    member = node["swarm"] or {}
    yield from (node["name"], node["state"], node["address"], node["container"] or str(node["ssh_port"] or "-"))
    yield from (member.get(key) or "-" for key in ("role", "availability", "status"))


def _widths(rows: t.Sequence[t.Sequence[str]]) -> list[int]:
    return [max(len(cell) for cell in column) for column in zip(*rows)]


def _without(row: t.Sequence[str], index: int) -> list[str]:
    return [cell for number, cell in enumerate(row) if number != index]


def _join(row: t.Sequence[str], widths: t.Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()


def _moment(seconds: int | None) -> str:
    return "unreadable" if seconds is None else time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))


def _disk(info: Info) -> Line:
    disk = info["disk"]
    parts = []
    if disk["lab"] is not None:
        more = "" if disk["lab_complete"] else " at least"
        parts.append(f"lab{more} {_size(disk['lab'])}")
    return Line(f"disk: {', '.join([*parts, 'image cache ' + _size(disk['cache'])])} ({disk['cache_directory']})")


def _size(number: int) -> str:
    return f"{number / 2**30:.1f} GiB" if number >= 2**30 else f"{number / 2**20:.0f} MiB"
