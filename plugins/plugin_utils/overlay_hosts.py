# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which manager declarations are sent to, and which host a declared node is. Pure, controller only.

Private to the collection swarmlab.overlay. Only what engines told counts: a group does not make a manager, and a name is not a node.
"""

from __future__ import annotations

import typing as t
from collections import Counter
from dataclasses import dataclass, field

from ..module_utils._swarm.place import Member, Place


class Refusal(Exception):
    """Nothing was changed; the text says why and what to do."""


@dataclass(frozen=True)
class Host:
    """A host of the inventory, and what its engine told of its place in a swarm."""

    name: str
    in_play: bool = True
    place: Place | None = None
    problem: str = "it was not asked"
    # By which it is reached, as the inventory says.
    address: str = ""

    @property
    def node_id(self) -> str:
        return self.place["node_id"] if self.place else ""

    @property
    def members(self) -> dict[str, Member]:
        """The nodes of the swarm that this host speaks for, by id; only a manager that has a leader can list them."""
        return {member["id"]: member for member in (self.place and self.place["members"]) or []}


@dataclass(frozen=True)
class Choice:
    """``ask``: hosts outside the play, one of which has to speak for the swarm. Else the manager, and by what each host of the play is called."""

    ask: list[str] = field(default_factory=list)
    manager: str = ""
    speaker: str = ""  # the host of the play whose declarations are sent to the manager
    names: dict[str, list[str]] = field(default_factory=dict)


def choose(hosts: t.Sequence[Host], named: str = "", final: bool = False) -> Choice:
    """The manager that declarations are sent to: the named one, or the first that speaks for the swarm, of the play if there is one there.

    :param hosts: all hosts of the swarm, managers first
    :param named: the user's own choice
    :param final: those that had to be asked have been, and did or did not answer
    """
    speakers = [host for host in hosts if host.members]
    if named:
        return _named(hosts, named, final)
    speakers.sort(key=lambda host: not host.in_play)
    if not speakers:
        others = [host for host in hosts if not host.in_play]
        if others and not final:
            # Whom the nodes of the play call managers is asked first.
            told = {
                address.rpartition(":")[0].strip("[]")
                for host in hosts
                for address in (host.place["managers"] if host.place else ())
            }
            return Choice(ask=[host.name for host in sorted(others, key=lambda host: host.address not in told)])
        raise Refusal(
            f"No host could speak for the swarm, so nothing was changed. {_told(hosts)}. Name a manager in the inventory."
        )
    return _chosen(hosts, speakers[0])


def _named(hosts: t.Sequence[Host], named: str, final: bool) -> Choice:
    found = next((host for host in hosts if host.name == named), None)
    if found is None:
        raise Refusal(f"overlays_manager names {named}, which is no host of the inventory. Nothing was changed.")
    if found.members:
        return _chosen(hosts, found)
    if not found.in_play and not final:
        return Choice(ask=[named])
    raise Refusal(
        f"overlays_manager names {named}, which cannot speak for the swarm: {why(found)}. Name a manager, or none: then one is chosen of those"
        " that can. Nothing was changed."
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
            f"{told}: of another swarm than {manager.name}, or removed from its list. Take them out of the play, or let them leave (docker swarm"
            " leave). Nothing was changed."
        )
    play = [host.name for host in hosts if host.in_play]
    return Choice(
        manager=manager.name, speaker=manager.name if manager.in_play else play[0], names=names(hosts, members)
    )


def names(hosts: t.Sequence[Host], members: t.Mapping[str, Member]) -> dict[str, list[str]]:
    """By what each host of the play may be called: by the inventory, by its node's id, and by a host name that no other node has."""
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
    """What is wrong with the nodes that containers are declared on."""
    found = []
    for name in dict.fromkeys(nodes):
        same = sorted(member["id"] for member in members.values() if member["hostname"] == name)
        if name in inventory or name in members or len(same) == 1:
            continue
        if same:
            found.append(
                f"{name} is the host name of {len(same)} nodes: name the one by its id ({', '.join(same)}) or as the inventory does"
            )
        else:
            found.append(f"{name} is neither in the inventory nor a node of the swarm")
    return found


def elsewhere(hosts: t.Sequence[Host], members: t.Mapping[str, Member]) -> list[str]:
    """The nodes that are ready and that no host of the play is."""
    here = {host.node_id for host in hosts if host.in_play}
    return sorted(
        member["hostname"] or identity
        for identity, member in members.items()
        if identity not in here and member["state"] == "ready"
    )


def why(host: Host) -> str:
    """Why a host does not speak for a swarm."""
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
