# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manager whose state a backup copies. Pure, controller only."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ...module_utils._swarm.place import Member
from ...module_utils._terms import PURPOSE_LABEL
from .hosts import BACKUP, Host, Refusal, names_of
from .managers import is_reachable, speaking


@dataclass(frozen=True)
class Copied:
    """The host whose state a backup copies, its node, and the host of a manager to ask meanwhile, another one where there is one.

    ``left``: ids of other nodes that a backup had drained which was killed. They are given back.
    """

    host: str = ""
    node_id: str = ""
    manager: str = ""
    left: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)


def copied(hosts: t.Sequence[Host], name: str = "", alone: bool = False) -> Copied:
    """The manager whose state is copied while its engine is stopped. Raises Refusal.

    :param name: of the host that is wanted; by default the swarm's choice: no leader, and rather one without tasks
    :param alone: whether it may be the only manager, so that nobody leads the swarm meanwhile
    """
    speakers = speaking(hosts)
    managers = {member["id"]: member for member in speakers[0].members if member["reachability"]}
    here = [host for host in speakers if host.in_play and host.node_id in managers]
    chosen = [host for host in here if host.name == name] if name else here
    if not chosen:
        raise Refusal(
            f"{name or 'No host of this play'} is {'not a' if name else 'a'} working manager of the swarm. Working managers in this play:"
            f" {names_of(here) or 'none'}. Nothing was done."
        )
    if len(managers) == 1 and not alone:
        raise Refusal(
            f"{chosen[0].name} is the only manager. While its engine is stopped, the swarm has no leader, and the manager's own tasks do not run."
            " Accept this (swarm_backup_alone=true), or add managers. Nothing was done."
        )
    left = len([member for member in managers.values() if is_reachable(member)]) - 1
    if len(managers) > 1 and left < len(managers) // 2 + 1:
        raise Refusal(
            f"A backup stops one manager. Of {len(managers)} managers {left} would stay reachable, and a majority is {len(managers) // 2 + 1}. Start managers"
            " that are down, or add one. Nothing was done."
        )
    best = min(chosen, key=lambda host: _cost(managers[host.node_id]))
    if managers[best.node_id]["leader"] and len(managers) > 1 and not name:
        raise Refusal(
            f"{best.name} is the only manager in this play, and it is the leader. Add another manager to the play, or name this one. Nothing was done."
        )
    manager = next((host for host in speakers if host is not best), best)
    drained = [member for member in speakers[0].members if _is_left(member) and member["id"] != best.node_id]
    return Copied(
        best.name,
        best.node_id,
        manager.name,
        [member["id"] for member in drained],
        [f"the state of {best.name} is copied while its engine is stopped"]
        + [f"{member['hostname']}, which an earlier backup drained, is given back" for member in drained],
    )


def _is_left(member: Member) -> bool:
    """Whether a backup drained it that was killed."""
    return bool(member["labels"].get(PURPOSE_LABEL) == BACKUP)


def _cost(member: Member) -> tuple[bool, bool, bool]:
    """Best is no leader, then one where a killed backup may have left its archive, then one without tasks."""
    return member["leader"], not _is_left(member), member["availability"] == "active"
