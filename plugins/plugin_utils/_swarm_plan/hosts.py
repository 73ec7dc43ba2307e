# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host of the inventory as a plan sees it, and the refusal to plan. Pure, controller only.

A host is a node when the engine on the host reports the node's id. An engine that was not asked, or did not answer, may
be in a swarm: nothing is concluded from silence.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ...module_utils._swarm.place import Member, Place
from ..swarm_groups import AS_IT_IS

READY = "ready"
BACKUP = "backup"  # what a node is drained for while its state is copied; so a restored state has this mark


class Refusal(Exception):
    """The run could damage a swarm or cannot succeed. Nothing was changed; the text has the reason and the remedy."""


@dataclass(frozen=True)
class Host:
    """An inventory host: its declaration, and its engine's swarm state."""

    name: str
    role: str = AS_IT_IS
    in_play: bool = True
    place: Place | None = None
    problem: str = "it was not asked"
    labels: t.Mapping[str, str] = field(default_factory=dict)
    availability: str = ""

    @property
    def state(self) -> str:
        """The engine's state: inactive, pending, active, error, locked; "" when it is unknown."""
        return self.place["state"] if self.place else ""

    @property
    def node_id(self) -> str:
        return self.place["node_id"] if self.place else ""

    @property
    def members(self) -> list[Member]:
        """The nodes of the swarm, if this host can list them."""
        return (self.place and self.place["members"]) or []

    @property
    def told(self) -> Place:
        """The swarm state of a host that was asked. Raises LookupError for any other."""
        if self.place is None:
            raise LookupError(f"{self.name} was not asked")
        return self.place


@dataclass(frozen=True)
class Leaver(Host):
    """A host that leaves.

    ``addresses``: its addresses in the inventory; ``declared_id``: its node's id from the user. ``replaced``: it was, or will
    be, installed anew, so that the dead node at its address was this host.
    """

    addresses: frozenset[str] = frozenset()
    declared_id: str = ""
    replaced: bool = False


def names_of(hosts: t.Iterable[Host]) -> str:
    """The hosts by name, for a message."""
    return ", ".join(host.name for host in hosts)


def problems_of(hosts: t.Iterable[Host]) -> str:
    """Why each of these hosts told nothing, for a message."""
    return "; ".join(f"{host.name}: {host.problem}" for host in hosts)
