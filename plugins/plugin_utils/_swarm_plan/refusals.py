# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes hosts unfit to be planned for. Each function raises Refusal, or does nothing. Pure, controller only."""

from __future__ import annotations

import typing as t

from ...module_utils._swarm.place import Member
from ..swarm_groups import AS_IT_IS
from .hosts import Host, Refusal, names_of, problems_of


def refuse_twins(hosts: t.Sequence[Host]) -> None:
    """Raise Refusal for hosts that are the same node, because each change would affect both."""
    holders: dict[str, list[Host]] = {}
    for host in hosts:
        if host.node_id:
            holders.setdefault(host.node_id, []).append(host)
    for node_id, twins in holders.items():
        if len(twins) > 1:
            raise Refusal(
                f"{names_of(twins)} are one node of the swarm ({node_id}). If they are one machine under several names, keep one name in the"
                " inventory. If a machine was cloned with /var/lib/docker/swarm: stop Docker on the clone, remove that folder, start Docker."
                " Nothing was changed."
            )


def refuse_unfit(hosts: t.Sequence[Host]) -> None:
    """Raise Refusal for hosts of the play that cannot take part."""
    silent = [host for host in hosts if host.in_play and host.place is None]
    if silent:
        raise Refusal(f"{problems_of(silent)}. Nothing was changed.")
    advice = {
        "locked": "its managers' keys are locked: give the unlock key in swarm_unlock_keys, or run 'docker swarm unlock' there",
        "error": "its engine cannot take part in its swarm: see the engine's log; if that swarm is no longer needed, run 'docker swarm leave --force' there",
    }
    for state, text in advice.items():
        found = [host for host in hosts if host.in_play and host.state == state]
        if found:
            told = "; ".join(sorted({host.told["error"] for host in found} - {""})) or "no reason given"
            raise Refusal(
                f"{names_of(found)}: {text}, and run this again. The engine says: {told}. Nothing was changed."
            )


def refuse_strangers(hosts: t.Sequence[Host], members: t.Mapping[str, Member], speaker: Host) -> None:
    """Raise Refusal for hosts of the play whose engine is in another swarm, or was removed from this one."""
    strangers = [host for host in hosts if host.in_play and host.state == "active" and host.node_id not in members]
    removed = [host for host in strangers if set(host.told["manager_ids"]) & set(members)]
    if removed:
        raise Refusal(
            f"{names_of(removed)}: the swarm has removed this node, and its engine still believes to be a member. Run 'docker swarm leave --force' there."
            " Then run this again to let it join. Nothing was changed."
        )
    if strangers:
        told = "; ".join(
            f"{host.name} is node {host.node_id} with managers {', '.join(host.told['managers']) or 'unknown'}"
            for host in strangers
        )
        raise Refusal(
            f"{names_of(strangers)} belongs to another swarm than {speaker.name} ({told}). Remove it from the inventory, or let it leave that swarm"
            " (docker swarm leave). Then run this again. Nothing was changed."
        )


def refuse_port(speaker: Host, declared: int) -> None:
    """Raise Refusal when the swarm has another UDP port for overlay traffic than the declared one."""
    if speaker.told["data_path_port"] != declared:
        raise Refusal(
            f"The swarm uses UDP port {speaker.told['data_path_port']} for overlay traffic, and swarm_data_path_port declares {declared}."
            " The port of a swarm cannot be changed. Declare the port that it uses, or create a new swarm. Nothing was changed."
        )


def refuse_undeclared(joining: t.Sequence[Host]) -> None:
    """Raise Refusal for hosts that would join and have no declared role."""
    nobody = [host for host in joining if host.role == AS_IT_IS]
    if nobody:
        raise Refusal(
            f"{names_of(nobody)}: in no swarm, and no group declares its role. Add it to swarm_managers or swarm_workers, or remove it from the play."
            " Nothing was changed."
        )
