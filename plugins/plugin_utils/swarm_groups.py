# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts of an inventory that belong to the swarm, and their declared roles by group. Pure, controller only.

Private to the collection swarmlab.overlay.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

MANAGER, WORKER, AS_IT_IS = "manager", "worker", ""
PARENT = "swarm"
CANONICAL = {MANAGER: "swarm_managers", WORKER: "swarm_workers"}
VARIABLE = {MANAGER: "swarm_managers_group", WORKER: "swarm_workers_group"}
# The names of these groups in public inventories, used only when no group has the canonical name.
USUAL = {
    MANAGER: (
        "swarm_manager",
        "docker_swarm_managers",
        "docker_swarm_manager",
        "docker_managers",
        "managers",
        "manager",
    ),
    WORKER: ("swarm_worker", "docker_swarm_workers", "docker_swarm_worker", "docker_workers", "workers", "worker"),
}
LEAVING = "lab_leaving"  # nodes of a lab that are being removed (inventory plugin lab)
BUILT_IN = ("all", "ungrouped", LEAVING)

Groups = t.Mapping[str, t.Sequence[str]]


class InventoryError(Exception):
    """The inventory does not define the swarm; the text has the remedy."""


@dataclass(frozen=True)
class Declared:
    """``roles``: each host's role in the inventory's order, "" without a group; ``groups``: the group of each role."""

    roles: t.Mapping[str, str]
    groups: t.Mapping[str, str]

    def having(self, role: str) -> list[str]:
        """The hosts with this declared role."""
        return [host for host, declared in self.roles.items() if declared == role]


def declared(groups: Groups, named: t.Mapping[str, str | None]) -> Declared:
    """The declaration in the groups. Raises InventoryError when it is contradictory.

    :param groups: all groups of the inventory with their hosts, children's included
    :param named: role -> name of its group where the user names one
    """
    found = {role: name for role in (MANAGER, WORKER) if (name := _group(role, groups, named.get(role)))}
    hosts = {role: list(groups[name]) for role, name in found.items()}
    both = [host for host in hosts.get(MANAGER, []) if host in hosts.get(WORKER, [])]
    if both:
        raise InventoryError(
            f"{', '.join(both)}: in both groups, {found[MANAGER]} and {found[WORKER]}. A node is a manager or a worker: take it out of one."
        )
    leaving = set(groups.get(LEAVING, ()))
    roles = {host: role for role, members in hosts.items() for host in members}
    everybody = [*roles, *groups.get(PARENT, ())] if roles or groups.get(PARENT) else list(groups.get("all", ()))
    return Declared({host: roles.get(host, AS_IT_IS) for host in everybody if host not in leaving}, found)


def _group(role: str, groups: Groups, named: str | None) -> str:
    """The name of a role's group, or None."""
    if named:
        if named not in groups:
            raise InventoryError(
                f"{VARIABLE[role]} names the group {named}, which the inventory does not have. {_there(groups)}"
            )
        return named
    if groups.get(CANONICAL[role]):
        return CANONICAL[role]
    usual = [name for name in USUAL[role] if groups.get(name)]
    if len(usual) > 1:
        raise InventoryError(
            f"The groups {' and '.join(usual)} may both be the swarm's {role}s. Name the right one in {VARIABLE[role]}."
        )
    return usual[0] if usual else ""


def _there(groups: Groups) -> str:
    names = sorted(name for name in groups if name not in BUILT_IN)
    return f"There are: {', '.join(names)}." if names else "It has no groups."


def nobody(groups: Groups, limit: str | None) -> str:
    """Why a play has no host of the swarm, in words."""
    if limit:
        return f"--limit {limit} leaves no host of the swarm, so nothing was done and nothing was proven. Name one of its hosts, or leave the limit out."
    return (
        "The inventory has no host for the swarm, so nothing was done and nothing was proven. Put hosts into the groups"
        f" {CANONICAL[MANAGER]} and {CANONICAL[WORKER]}, or name your groups in {VARIABLE[MANAGER]} and {VARIABLE[WORKER]}."
        f" {_there(groups)}"
    )
