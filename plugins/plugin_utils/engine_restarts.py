# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of engine restarts in swarms, and the managers that watch: a pure function of the engines' states.

Private to the collection swarmlab.overlay.
"""

from __future__ import annotations

import typing as t

from ansible_collections.swarmlab.overlay.plugins.module_utils._daemon import members

from ..module_utils._swarm.place import Member, Place

RANKS = {"worker": 0, "manager": 1}


class Turn(t.NamedTuple):
    """One restart: the host, its node's id, the manager to ask before it, and the nodes that must be ready then.

    The last turn of a swarm has no host: it waits until all nodes are ready again.
    """

    host: str
    node_id: str
    manager: str
    nodes: list[str]


class Plan(t.NamedTuple):
    """The turns in order, or the reasons against them."""

    turns: list[Turn]
    refused: list[str]


def plan(places: t.Mapping[str, Place], due: t.Sequence[str]) -> Plan:
    """The turns of the hosts that are due.

    :param places: {host: its swarm state from its engine}, of all hosts that were asked
    """
    refused = [
        f"{host}: its state in the swarm is '{places[host]['state']}', so it is unknown whether the swarm can do without it"
        for host in due
        if places[host]["state"] != "active"
    ]
    named: dict[str, str] = {}
    for host in (host for host in due if places[host]["state"] == "active"):
        node_id = places[host]["node_id"]
        if node_id in named:
            refused.append(f"{named[node_id]} and {host} are one node ({node_id}): keep one of them in the inventory")
        named.setdefault(node_id, host)
    turns: list[Turn] = []
    while named and not refused:
        watching = _managers(places, next(iter(named)))
        if not watching:
            node_id, host = next(iter(named.items()))
            refused.append(
                f"{host}: no manager that was asked lists it (node {node_id}). Include a manager of its swarm in the run"
            )
            break
        listed = {member["id"]: member for member in places[watching[0]]["members"] or ()}
        here = {node_id: host for node_id, host in named.items() if node_id in listed}
        refused += filter(None, (members.majority_lost(list(listed.values()), node_id) for node_id in here))
        turns += _turns(places, here, listed, watching)
        named = {node_id: host for node_id, host in named.items() if node_id not in here}
    return Plan([] if refused else turns, refused)


def _managers(places: t.Mapping[str, Place], node_id: str) -> list[str]:
    """The hosts that are managers and list the node."""
    return [
        host for host, place in places.items() if node_id in {member["id"] for member in place.get("members") or []}
    ]


def _turns(
    places: t.Mapping[str, Place], here: dict[str, str], listed: dict[str, Member], watching: list[str]
) -> list[Turn]:
    """The turns in one swarm: workers, managers, the leader.

    Nodes that were down before and are not part of this run are ignored.
    """
    ours = {place["node_id"] for place in places.values()}
    nodes = sorted(node_id for node_id, member in listed.items() if member["state"] == "ready" or node_id in ours)
    order = sorted(here, key=lambda node_id: (RANKS[listed[node_id]["role"]], listed[node_id]["leader"]))
    # A manager does not watch its own restart when another one can.
    turns = [
        Turn(here[each], each, next((host for host in watching if places[host]["node_id"] != each), watching[0]), nodes)
        for each in order
    ]
    return [*turns, Turn("", "", watching[0], nodes)]
