# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes that names mean: hosts of the inventory, ids, or host names. Pure, controller only."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ...module_utils._swarm.place import Member
from ...module_utils._terms import OWN_PREFIX
from ..swarm_groups import AS_IT_IS
from .hosts import READY, Host, Leaver, Refusal, names_of
from .leaving import nodes_of
from .managers import refuse_departure_of_majority, speaking


@dataclass(frozen=True)
class Found:
    """The nodes that names mean, and the host of a manager to ask, one that is not among them if possible.

    ``targets``: dictionaries with C(id), C(name) (the node's own), C(host) (in the inventory, "" when it is not there), C(up),
    C(role), C(labels). ``absent``: names that no node of the swarm has. ``warnings``: those of them that may be a mistake.
    """

    manager: str = ""
    targets: list[dict[str, t.Any]] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def find(names: t.Sequence[str], hosts: t.Sequence[Leaver], going: bool = False) -> Found:
    """The nodes with these names: hosts of the inventory, ids, or host names. Raises Refusal where that is not certain.

    :param going: the nodes are to leave the swarm, so the managers must keep their majority without them
    """
    if not names:
        raise Refusal("No node was named. Nothing was changed.")
    speakers = speaking(hosts)
    left_out = [host for host in hosts if going and host.name in names and not host.in_play]
    if left_out:
        raise Refusal(
            f"{names_of(left_out)}: --limit leaves it out, so it cannot be made to leave the swarm. Run this without --limit, over all hosts of the"
            " swarm. Nothing was changed."
        )
    members = speakers[0].members
    claimed = {host.node_id: host.name for host in hosts if host.node_id}
    found: dict[str, str] = {}
    absent = []
    for name in names:
        ids = _meant(name, hosts, members, claimed, speakers[0], going)
        found.update(
            {node_id: claimed.get(node_id, name if any(host.name == name for host in hosts) else "") for node_id in ids}
        )
        absent += [] if ids else [name]
    if absent and not going:
        known = ", ".join(sorted(member["hostname"] or member["id"] for member in members))
        raise Refusal(f"{', '.join(absent)}: not a node of the swarm. Its nodes are {known}. Nothing was changed.")
    others = [host for host in speakers if host.node_id not in found]
    if going:
        if found and not others:
            raise Refusal(
                f"{', '.join(names)} cannot leave: no remaining manager can manage the swarm. Nothing was changed."
            )
        strangers = [
            f"{member['hostname']} ({member['id']})"
            for member in members
            if found.get(member["id"]) == "" and member["state"] == READY
        ]
        if strangers:
            raise Refusal(
                f"{', '.join(strangers)}: runs, and is no host of this play, so it cannot be made to leave. Run this without --limit, add it to the"
                " inventory, or run 'docker swarm leave' there. Nothing was changed."
            )
        refuse_departure_of_majority(members, found)
    return Found(
        manager=(others or speakers)[0].name,
        targets=[
            {
                "id": member["id"],
                "name": member["hostname"] or member["id"],
                "host": found[member["id"]],
                "up": member["state"] == READY,
                "role": member["role"],
                "labels": member["labels"],
            }
            for node_id in found
            for member in members
            if member["id"] == node_id
        ],
        absent=absent,
        warnings=[text for name in absent if (text := _unknown(name, hosts))],
    )


def _unknown(name: str, hosts: t.Sequence[Leaver]) -> str:
    """Why it is not certain that there is nothing to do for a name that no node has; empty where its engine says that it is in no swarm."""
    host = next((host for host in hosts if host.name == name), None)
    if host is None:
        return f"{name}: no host of the inventory and no node of the swarm, so nothing leaves."
    if host.place is None:
        return (
            f"{name} does not answer ({host.problem}), and no node of the swarm has its name or address, so nothing leaves. If it is a node, give"
            " the node's id (docker node ls)."
        )
    return ""


def _meant(
    name: str,
    hosts: t.Sequence[Leaver],
    members: t.Sequence[Member],
    claimed: t.Mapping[str, str],
    speaker: Host,
    going: bool,
) -> list[str]:
    """The ids of the nodes that a name means: one, or with ``going`` also the host's former ones."""
    host = next((host for host in hosts if host.name == name), None)
    if host is not None:
        if going and host.state == "pending" and not host.node_id and not host.replaced:
            raise Refusal(
                f"{name}: its engine is on its way into a swarm, and does not say yet which node of it it is. Run this again when it does; if it never"
                " does, run 'docker swarm leave --force' there. Nothing was changed."
            )
        ids = nodes_of(host, members, claimed, speaker)
        return ids if going or host.node_id not in ids else [host.node_id]
    ids = [member["id"] for member in members if member["id"] == name] or [
        member["id"] for member in members if member["hostname"] == name
    ]
    if len(ids) > 1:
        states = ", ".join(f"{member['id']} ({member['state']})" for member in members if member["id"] in ids)
        raise Refusal(f"{name} is the host name of several nodes: {states}. Give the node's id. Nothing was changed.")
    return ids


def refuse_no_return(found: Found, hosts: t.Sequence[Leaver]) -> None:
    """Raise Refusal when a node is to be replaced and nothing would join in its place."""
    strangers = [f"{target['name']} ({target['id']})" for target in found.targets if not target["host"]]
    if strangers:
        raise Refusal(
            f"{', '.join(strangers)}: no host of the inventory is this node, so none can take its place. Name the host, or remove the node (playbook"
            " remove). Nothing was changed."
        )
    leaving = {target["host"] for target in found.targets}
    nobody = [host for host in hosts if host.name in leaving and host.role == AS_IT_IS]
    if nobody:
        raise Refusal(
            f"{names_of(nobody)}: no group declares its role, so it would leave and could not join again. Add it to swarm_managers or swarm_workers."
            " Nothing was changed."
        )


def refuse_lost_labels(found: Found, declared: t.Mapping[str, t.Mapping[str, str]]) -> None:
    """Raise Refusal when a node that is replaced has labels that the inventory does not declare for its host.

    :param declared: the declared labels of each host
    """
    lost = {
        target["host"] or target["name"]: missing
        for target in found.targets
        if (
            missing := sorted(
                f"{key}={value}"
                for key, value in target["labels"].items()
                if not key.startswith(OWN_PREFIX) and key not in declared.get(target["host"], {})
            )
        )
    }
    if lost:
        told = "; ".join(f"{host}: {', '.join(labels)}" for host, labels in lost.items())
        raise Refusal(
            f"The inventory does not declare these labels, so the new node would not have them: {told}. Declare them in swarm_node_labels, or"
            " remove them from the node. Nothing was changed."
        )
