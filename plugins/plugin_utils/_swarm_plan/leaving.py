# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps by which hosts leave their swarm, and which of its nodes each host is. Pure, controller only."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ...module_utils._swarm.place import Member
from ...module_utils._terms import LEAVING_LABEL
from ..swarm_groups import AS_IT_IS
from .hosts import READY, Host, Leaver, Refusal, names_of
from .managers import refuse_departure_of_majority, refuse_two_swarms
from .refusals import refuse_twins

# States in which an engine is in a swarm and does not know as which node; and what to do.
UNSAID = {
    "locked": ("locked in a swarm", "Unlock it (playbook swarm with swarm_unlock_keys)"),
    "error": ("in a swarm that it cannot take part in", "Look at its log. To give its membership up, run 'docker swarm leave --force' there"),
}  # fmt: skip


@dataclass(frozen=True)
class Farewell:
    """The steps of a departure.

    ``nodes``: to be drained and removed, by id, with a label that identifies them; ``leaving``: host -> the id of its
    node, for hosts whose engine can leave by itself.
    """

    keeper: str = ""
    nodes: list[dict[str, t.Any]] = field(default_factory=list)
    leaving: dict[str, str] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def farewell(leavers: t.Sequence[Leaver], staying: t.Sequence[Host]) -> Farewell:
    """The steps by which hosts leave the swarm of the remaining managers. Raises Refusal."""
    refuse_twins([*leavers, *staying])
    speakers = [
        host for host in staying if host.state == "active" and host.told["manager"] and host.told["members"] is not None
    ]
    if not speakers:
        return _no_keeper(leavers, staying)
    refuse_two_swarms(speakers)
    keeper = speakers[0]
    members = keeper.members
    claimed = {host.node_id for host in (*leavers, *staying) if host.node_id}
    nodes = {node_id: host.name for host in leavers for node_id in nodes_of(host, members, claimed, keeper)}
    refuse_departure_of_majority(members, nodes)
    names = {member["id"]: member["hostname"] or member["id"] for member in members}
    return Farewell(
        keeper=keeper.name,
        nodes=[{"id": node_id, "labels": {LEAVING_LABEL: host}} for node_id, host in nodes.items()],
        leaving={host.name: host.node_id for host in leavers if host.node_id},
        steps=[f"{host} leaves: node {node_id}, host name {names[node_id]}" for node_id, host in nodes.items()]
        # What role swarm does afterwards, in its words.
        + [
            f"{host.name} joins as {host.role} through {keeper.name}"
            for host in leavers
            if host.replaced and host.place is not None and host.role != AS_IT_IS
        ],
        warnings=[
            f"{host.name} is in no swarm. {keeper.name} lists node {member['id']} with the same host name, {member['hostname']}, as {member['state']}."
            f" If this host was that node, remove it: docker node rm {member['id']}"
            for host in leavers
            for member in members
            if host.state == "inactive"
            and member["hostname"] == host.told["hostname"]
            and member["state"] != READY
            and member["id"] not in nodes
        ],
    )


def _no_keeper(leavers: t.Sequence[Leaver], staying: t.Sequence[Host]) -> Farewell:
    """The empty plan without a remaining manager. Raises Refusal unless all hosts report that there is no swarm."""
    if staying and all(host.state == "inactive" for host in staying) and not any(host.node_id for host in leavers):
        return Farewell()
    told = (
        "; ".join(f"{host.name}: {host.state or host.problem}" for host in staying)
        or "no other manager is in the inventory"
    )
    raise Refusal(
        f"{names_of(leavers)} cannot leave: no remaining manager can manage the swarm ({told}). Make sure that the managers run and have joined"
        " as managers (playbook swarm). Then run this again. Nothing was changed."
    )


def nodes_of(host: Leaver, members: t.Sequence[Member], claimed: t.Container[str], keeper: Host) -> list[str]:
    """The ids of this host's present and former nodes, as its engine reports them.

    For a silent engine the evidence must be unambiguous, else Refusal is raised.
    """
    ids = {member["id"] for member in members}
    marked = [
        member["id"]
        for member in members
        if member["labels"].get(LEAVING_LABEL) == host.name and member["id"] not in claimed
    ]
    if host.node_id:
        if host.node_id not in ids and not set(host.told["manager_ids"]) & ids:
            raise Refusal(
                f"{host.name} (node {host.node_id}) is in another swarm than {keeper.name}. Remove it from the play."
                " Nothing was changed."
            )
        return [host.node_id] * (host.node_id in ids) + marked
    if host.state in UNSAID:
        raise Refusal(
            f"{host.name}: its engine is {UNSAID[host.state][0]}, and does not say which node of it it is: {host.told['error'] or 'no reason given'}."
            f" {UNSAID[host.state][1]}, and run this again. Or give the node's id (docker node ls). Nothing was changed."
        )
    if host.place is not None:
        return marked + (_former(host, members, claimed, marked) if host.replaced else [])
    if host.declared_id:
        return [host.declared_id] * (host.declared_id in ids)
    found = [member for member in members if member["id"] not in claimed and member["address"] in host.addresses]
    doubtful = [member for member in found if member["state"] == READY and member["hostname"] != host.name]
    namesakes = [
        member["id"]
        for member in members
        if member["hostname"] == host.name and member not in found and member["id"] not in marked
    ]
    if doubtful or (not found and not marked and namesakes):
        candidates = ", ".join([member["id"] for member in doubtful] or namesakes)
        raise Refusal(
            f"{host.name} does not answer ({host.problem}), and it is not certain which node of the swarm it is (perhaps {candidates})."
            " Set swarm_node_id for this host, or repair the connection. Then run this again. Nothing was changed."
        )
    return sorted({*marked, *(member["id"] for member in found)})


def _former(host: Leaver, members: t.Sequence[Member], *known: t.Container[str]) -> list[str]:
    """The dead nodes at the address of a host whose engine reports that it is in no swarm."""
    return [
        member["id"]
        for member in members
        if host.state == "inactive"
        and member["address"] in host.addresses
        and member["state"] != READY
        and not any(member["id"] in ids for ids in known)
    ]
