# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which managers speak for a swarm, and whether they keep their majority. Pure, controller only."""

from __future__ import annotations

import typing as t

from ...module_utils._swarm.place import Member
from ..swarm_groups import MANAGER, WORKER
from .hosts import Host, Refusal, names_of
from .refusals import refuse_twins


def speaking(hosts: t.Sequence[Host]) -> list[Host]:
    """The managers that speak for the swarm of these hosts, at least one. Raises Refusal."""
    refuse_twins(hosts)
    speakers = speakers_of(hosts)
    if not speakers:
        told = "; ".join(f"{host.name}: {host.state or host.problem}" for host in hosts) or "there are no hosts"
        raise Refusal(
            f"No manager in the inventory can manage the swarm ({told}). Run it without --limit, over all hosts of the swarm, and see that the managers"
            " run. Nothing was changed."
        )
    refuse_two_swarms(speakers)
    return speakers


def speakers_of(hosts: t.Sequence[Host]) -> list[Host]:
    """The managers that can list their swarm's nodes, those of the play first.

    One that is declared a worker comes last. Raises Refusal when the managers have no majority.
    """
    managers = [host for host in hosts if host.state == "active" and host.told["manager"]]
    speakers = [host for host in managers if host.told["members"] is not None]
    if managers and not speakers:
        raise Refusal(
            f"{names_of(managers)}: the managers of the swarm have no majority, so the swarm cannot be changed"
            f" ({'; '.join(sorted({host.told['error'] for host in managers} - {''})) or 'no leader'}). Start the managers that are down. Nothing was changed."
        )
    return sorted(speakers, key=lambda host: (host.role == WORKER, not host.in_play))


def refuse_two_swarms(speakers: t.Sequence[Host]) -> None:
    """Raise Refusal when the hosts manage more than one swarm. Managers that are declared workers count only without others."""
    swarms: dict[str, list[Host]] = {}
    for host in [host for host in speakers if host.role != WORKER] or speakers:
        swarms.setdefault(host.told["swarm_id"], []).append(host)
    if len(swarms) > 1:
        told = "; ".join(f"{names_of(found)} of {swarm}" for swarm, found in swarms.items())
        raise Refusal(
            f"The hosts manage several swarms: {told}. Remove the hosts of the other swarms from the inventory, or let them leave"
            " (docker swarm leave --force). Then run this again. Nothing was changed."
        )


def refuse_lost_majority(
    members: t.Mapping[str, Member],
    demoted: t.Sequence[str],
    new: int,
    cause: str = "The groups declare managers as workers",
) -> None:
    """Raise Refusal when demotions would cost the managers their majority.

    Demotions happen one by one, after all promotions.
    """
    managers = [member for member in members.values() if member["reachability"] or member["role"] == MANAGER]
    total = len(managers) + new
    reachable = len([member for member in managers if is_reachable(member)]) + new
    for node_id in sorted(demoted, key=lambda node: is_reachable(members[node])):
        total -= 1
        reachable -= is_reachable(members[node_id])
        if reachable < total // 2 + 1:
            names = ", ".join(members[node]["hostname"] or node for node in demoted)
            raise Refusal(
                f"{cause} ({names}). Of the {total} remaining managers {reachable} would be reachable, which is no majority: the swarm would"
                " lose its leader. Start managers that are down, or declare more managers. Nothing was changed."
            )


def refuse_departure_of_majority(members: t.Sequence[Member], leaving: t.Container[str]) -> None:
    """Raise Refusal when the departure of these nodes would cost the managers their majority."""
    managers = [
        member["id"]
        for member in members
        if member["id"] in leaving and (member["reachability"] or member["role"] == MANAGER)
    ]
    refuse_lost_majority({member["id"]: member for member in members}, managers, 0, "Managers would leave")


def is_reachable(member: Member) -> bool:
    """Whether the other managers reach this one. False for a worker."""
    return member["reachability"] == "reachable"
