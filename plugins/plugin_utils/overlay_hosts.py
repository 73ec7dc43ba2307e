# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manager that declarations are sent to, and the hosts of declared nodes. Pure, controller only.

Private to the collection swarmlab.overlay. Only the engines' reports count: a group does not make a manager, and a
name is not a node.
"""

from __future__ import annotations

import typing as t
from collections import Counter
from dataclasses import dataclass, field

from ..module_utils._swarm.place import Member, Place


class Refusal(Exception):
    """Nothing was changed; the text has the reason and the remedy."""


@dataclass(frozen=True)
class Host:
    """An inventory host and its engine's swarm state."""

    name: str
    in_play: bool = True
    place: Place | None = None
    problem: str = "it was not asked"
    # The address in the inventory.
    address: str = ""

    @property
    def node_id(self) -> str:
        return self.place["node_id"] if self.place else ""

    @property
    def members(self) -> dict[str, Member]:
        """The nodes of this host's swarm by id; only a manager with a leader can list them."""
        return {member["id"]: member for member in (self.place and self.place["members"]) or []}


@dataclass(frozen=True)
class Choice:
    """``ask``: hosts outside the play that must be asked first.

    Otherwise the manager, and the names of each host of the play.
    """

    ask: list[str] = field(default_factory=list)
    manager: str = ""
    speaker: str = ""  # the host of the play whose declarations are sent to the manager
    names: dict[str, list[str]] = field(default_factory=dict)


def choose(hosts: t.Sequence[Host], named: str = "", final: bool = False) -> Choice:
    """The manager for declarations: the named one, or the first that lists the swarm's nodes, preferably in the play.

    :param hosts: all hosts of the swarm, managers first
    :param named: the user's choice
    :param final: the hosts to ask have been asked already
    """
    speakers = [host for host in hosts if host.members]
    if named:
        return _named(hosts, named, final)
    speakers.sort(key=lambda host: not host.in_play)
    if not speakers:
        others = [host for host in hosts if not host.in_play]
        if others and not final:
            # Hosts that the play's nodes know as managers are asked first.
            told = {
                address.rpartition(":")[0].strip("[]")
                for host in hosts
                for address in (host.place["managers"] if host.place else ())
            }
            return Choice(ask=[host.name for host in sorted(others, key=lambda host: host.address not in told)])
        raise Refusal(
            f"No host can manage the swarm. {_told(hosts)}. Add a manager to the inventory. Nothing was changed."
        )
    return _chosen(hosts, speakers[0])


def _named(hosts: t.Sequence[Host], named: str, final: bool) -> Choice:
    found = next((host for host in hosts if host.name == named), None)
    if found is None:
        raise Refusal(f"overlays_manager names {named}, which is not in the inventory. Nothing was changed.")
    if found.members:
        return _chosen(hosts, found)
    if not found.in_play and not final:
        return Choice(ask=[named])
    raise Refusal(
        f"overlays_manager names {named}, which cannot manage the swarm: {why(found)}. Name a manager, or leave overlays_manager empty to have"
        " one chosen. Nothing was changed."
    )


def _chosen(hosts: t.Sequence[Host], manager: Host) -> Choice:
    members = manager.members
    strangers = [
        host
        for host in hosts
        if host.place
        and host.place["state"] == "active"
        and host.node_id not in members
        and (host.in_play or host.members)
    ]
    if strangers:
        told = ", ".join(f"{host.name} (node {host.node_id})" for host in strangers)
        raise Refusal(
            f"{told}: in another swarm than {manager.name}, or removed from its swarm. Remove them from the play, or let them leave (docker swarm"
            " leave). Nothing was changed."
        )
    play = [host.name for host in hosts if host.in_play]
    return Choice(
        manager=manager.name, speaker=manager.name if manager.in_play else play[0], names=names(hosts, members)
    )


def names(hosts: t.Sequence[Host], members: t.Mapping[str, Member]) -> dict[str, list[str]]:
    """The accepted names of each host of the play: the inventory's, its node's id, and its host name if unique."""
    taken = {host.name for host in hosts}
    nodes = Counter(member["hostname"] for member in members.values())
    found = {}
    for host in hosts:
        if host.in_play:
            hostname = members[host.node_id]["hostname"] if host.node_id in members else ""
            own = [hostname] if nodes[hostname] == 1 and hostname not in taken else []
            found[host.name] = list(dict.fromkeys([host.name, *filter(None, [host.node_id]), *own]))
    return found


def unknown(nodes: t.Iterable[str], inventory: t.Container[str], members: t.Mapping[str, Member]) -> list[str]:
    """The problems with the nodes on which containers are declared."""
    found = []
    for name in dict.fromkeys(nodes):
        same = sorted(member["id"] for member in members.values() if member["hostname"] == name)
        if name in inventory or name in members or len(same) == 1:
            continue
        if same:
            found.append(
                f"{name} is the host name of {len(same)} nodes: give the node's id ({', '.join(same)}) or its name in the inventory"
            )
        else:
            found.append(f"{name} is neither in the inventory nor a node of the swarm")
    return found


def elsewhere(hosts: t.Sequence[Host], members: t.Mapping[str, Member]) -> list[str]:
    """The ready nodes without a host in the play."""
    here = {host.node_id for host in hosts if host.in_play}
    return sorted(
        member["hostname"] or identity
        for identity, member in members.items()
        if identity not in here and member["state"] == "ready"
    )


def why(host: Host) -> str:
    """Why a host cannot list the nodes of a swarm."""
    place = host.place
    if place is None:
        return host.problem
    if place["state"] != "active":
        return f"its engine says that it is in no swarm ({place['state']}{', ' + place['error'] if place['error'] else ''})"
    if not place["manager"]:
        return f"it is a worker; its managers are at {', '.join(place['managers']) or 'unknown addresses'}"
    return f"it is a manager without a leader ({place['error'] or 'it lists no nodes'})"


def _told(hosts: t.Sequence[Host]) -> str:
    return "; ".join(f"{host.name}: {why(host)}" for host in hosts) or "The inventory has no hosts"
