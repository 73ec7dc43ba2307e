# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Whether a swarm can do without one of its nodes for a moment. Pure; members come from _swarm.place."""

from __future__ import annotations

import typing as t

from .._swarm.place import Member


def name(member: Member) -> str:
    """The node's host name, or its id when it has none."""
    return member["hostname"] or member["id"]


def unready(members: t.Sequence[Member], expected: t.Collection[str]) -> list[str]:
    """What the swarm still lacks: every expected node ready, every expected manager reachable, a leader."""
    known = {member["id"]: member for member in members}
    missing = [f"{each} is no member" for each in expected if each not in known]
    for member in members:
        if member["id"] in expected and member["state"] != "ready":
            missing.append(f"{name(member)} is {member['state']}")
        elif member["id"] in expected and member["role"] == "manager" and member["reachability"] != "reachable":
            missing.append(f"manager {name(member)} is {member['reachability'] or 'not reachable'}")
    if not any(member["leader"] for member in members):
        missing.append("the managers have no leader")
    return missing


def majority_lost(members: t.Sequence[Member], node_id: str) -> str:
    """Why the managers lose their majority without this node; empty when they keep it, or for the only manager."""
    managers = [member for member in members if member["role"] == "manager"]
    if len(managers) < 2 or node_id not in {member["id"] for member in managers}:
        return ""
    left = [member for member in managers if member["reachability"] == "reachable" and member["id"] != node_id]
    needed = len(managers) // 2 + 1
    if len(left) >= needed:
        return ""
    return (
        f"{next(name(member) for member in managers if member['id'] == node_id)} cannot be restarted: of {len(managers)} managers "
        f"{len(left)} would be left, and a majority is {needed}"
    )
