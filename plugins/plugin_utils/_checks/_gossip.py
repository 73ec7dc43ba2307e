# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node holds of a network, as values: rows of gossip, of its endpoints, and of the kernel's table of peers. Pure.

Private to swarmlab.overlay. Nodes tell each row as a text with blanks between its fields (``_verify/gathering.py``).
"""

from __future__ import annotations

import typing as t

VIP = "vip"


class Record(t.NamedTuple):
    """What gossip tells of a service: a task's address and where tunnels to it end, or its virtual IP."""

    service: str  # may be empty, and may hold blanks
    address: str  # of the task; the word vip in the record of a virtual IP
    where: str  # where tunnels to the task end; the virtual IP itself

    @property
    def is_virtual(self) -> bool:
        """Whether it tells a virtual IP."""
        return self.address == VIP


class Endpoint(t.NamedTuple):
    """An endpoint on the node itself."""

    address: str
    mac: str


class Entry(t.NamedTuple):
    """Where the kernel sends what is for an endpoint on another node."""

    address: str
    mac: str
    where: str


def record(row: str) -> Record:
    """A record of gossip."""
    return Record(*row.rsplit(" ", 2))


def records(held: t.Mapping[str, t.Any] | None, when: str = "always") -> list[Record]:
    """The records that a node held all the time, or ever."""
    return [record(row) for row in ((held or {}).get("records") or {}).get(when, [])]


def endpoints(held: t.Mapping[str, t.Any] | None) -> list[Endpoint]:
    """The endpoints on the node itself."""
    return [Endpoint(*row.split(" ")) for row in (held or {}).get("local", [])]


def entries(held: t.Mapping[str, t.Any], when: str) -> list[Entry]:
    """The kernel's entries that were there all the time, or ever."""
    return [Entry(*row.split(" ")) for row in held["peers"][when]]
