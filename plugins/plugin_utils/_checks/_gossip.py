# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's state of a network as values: rows of gossip, of its endpoints, and of the kernel's peer table. Pure.

Private to swarmlab.overlay. Each row arrives as text with its fields separated by blanks (``_verify/gathering.py``).
"""

from __future__ import annotations

import typing as t

VIP = "vip"


class Record(t.NamedTuple):
    """A service's record in gossip: a task's address and its tunnel endpoint, or the virtual IP."""

    service: str  # may be empty, and may contain blanks
    address: str  # the task's address; the word vip in a virtual IP's record
    where: str  # the tunnel endpoint of the task, empty until it is told; the virtual IP itself

    @property
    def is_virtual(self) -> bool:
        """Whether the record is a virtual IP's."""
        return self.address == VIP


class Endpoint(t.NamedTuple):
    """An endpoint on the node itself."""

    address: str
    mac: str


class Entry(t.NamedTuple):
    """The kernel's entry for an endpoint on another node."""

    address: str
    mac: str
    where: str


def record(row: str) -> Record:
    """A record of gossip."""
    return Record(*row.rsplit(" ", 2))


def records(held: t.Mapping[str, t.Any] | None, when: str = "always") -> list[Record]:
    """The records that a node held all the time, or at any time."""
    return [record(row) for row in ((held or {}).get("records") or {}).get(when, [])]


def endpoints(held: t.Mapping[str, t.Any] | None) -> list[Endpoint]:
    """The endpoints on the node itself."""
    return _endpoints(held, "local")


def departed(held: t.Mapping[str, t.Any] | None) -> list[Endpoint]:
    """The endpoints that left the node during the run."""
    return _endpoints(held, "left")


def _endpoints(held: t.Mapping[str, t.Any] | None, when: str) -> list[Endpoint]:
    return [Endpoint(*row.split(" ")) for row in (held or {}).get(when, [])]


def entries(held: t.Mapping[str, t.Any], when: str) -> list[Entry]:
    """The kernel's entries that were present all the time, or at any time."""
    return [Entry(*row.split(" ")) for row in held["peers"][when]]
