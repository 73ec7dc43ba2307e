# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a swarm can carry the lesson. Pure.

Private to swarmlab.overlay.
"""

from __future__ import annotations

import typing as t

from ...module_utils._lesson import shapes


class Unfit(Exception):
    """The swarm cannot carry the lesson; the message says why, and what to do."""


def manager(ready: t.Mapping[str, shapes.Ready]) -> str:
    """The host whose engine is asked: the leader where it is in the play, else the first manager. Raises Unfit."""
    managers = {host: swarm for host, seen in ready.items() for swarm in [seen["look"]["swarm"]] if swarm}
    if not managers:
        raise Unfit(
            "None of the hosts is a manager of the swarm. Name one in the inventory: the lesson is typed there."
        )
    return next((host for host, swarm in managers.items() if swarm["leader"]), next(iter(managers)))


def refuse_taken(taken: t.Mapping[str, t.Sequence[str]]) -> t.NoReturn:
    """Raise Unfit because hosts have objects of others with the lesson's names."""
    told = "; ".join(f"{host} has {', '.join(names)}" for host, names in taken.items())
    raise Unfit(
        f"Names that the lesson needs are in use: {told}. Nothing was changed. Rename or remove these, or hold the lesson on a lab of its own"
        " (make lab, make lesson)."
    )


def require_fit(ready: t.Mapping[str, shapes.Ready], lab: bool) -> None:
    """Raise Unfit where the lesson cannot be held."""
    taken = {host: seen["taken"] for host, seen in ready.items() if seen["taken"]}
    if taken:
        refuse_taken(taken)
    swarm = ready[manager(ready)]["look"]["swarm"]
    if swarm is None:  # manager() has found one
        raise Unfit("No manager described its swarm.")
    members = {row["id"]: row for row in swarm["members"]}
    foreign = sorted(host for host, seen in ready.items() if seen["look"]["node"] not in members)
    if foreign:
        raise Unfit(
            f"{', '.join(foreign)}: not a member of the swarm of {manager(ready)}. Hold the lesson on one swarm."
        )
    down = sorted(row["hostname"] for row in members.values() if row["state"] != "ready")
    if down:
        raise Unfit(
            f"The swarm counts {', '.join(down)} as down. Start these nodes (make lab) or remove them from the swarm."
        )
    there = {seen["look"]["node"] for seen in ready.values()}
    absent = sorted(row["hostname"] for row in members.values() if row["id"] not in there)
    if absent:
        raise Unfit(
            f"The swarm has nodes that are not in the play: {', '.join(absent)}. The lesson looks at every node: add them."
        )
    active = [row for row in members.values() if row["availability"] == "active"]
    if len(active) < 2 or not any(row["role"] == "worker" for row in active):
        raise Unfit(
            "The lesson needs two nodes that run tasks, and one of them a worker: it shows what a worker knows and when."
        )
    lacking = sorted(host for host, seen in ready.items() if seen["image"] == "absent")
    if lacking:
        raise Unfit(
            f"{', '.join(lacking)}: no image alpine, and "
            + (
                "no local image of the lab either. Make the lab again."
                if lab
                else "no registry that has it can be reached. Load it there (docker load)."
            )
        )
