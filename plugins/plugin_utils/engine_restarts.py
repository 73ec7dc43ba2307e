# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order in which the nodes of swarms are worked on, and the managers that watch: a pure function of the engines' states.

Private to the collection swarmlab.overlay.
"""

from __future__ import annotations

import typing as t

from ansible_collections.swarmlab.overlay.plugins.module_utils._daemon import members

from ..module_utils._swarm.place import Member, Place

WORKER, MANAGER = "worker", "manager"


class Turn(t.NamedTuple):
    """One step: the hosts, the ids of their nodes, the manager to ask before it, and the nodes that must be ready then.

    Only workers share a turn. The last turn of a swarm has no host: it waits until all nodes are ready again.
    """

    hosts: list[str]
    node_ids: list[str]
    manager: str
    nodes: list[str]


class Order(t.NamedTuple):
    """Which role comes first, and how many workers share a turn. ``ahead``: ids of nodes that come before all others."""

    first: str = WORKER
    batch: int = 1
    ahead: t.Container[str] = ()


class Plan(t.NamedTuple):
    """The turns in order, or the reasons against them."""

    turns: list[Turn]
    refused: list[str]


def plan(places: t.Mapping[str, Place], due: t.Sequence[str], order: Order = Order()) -> Plan:
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
        turns += _turns(places, here, listed, watching, order)
        named = {node_id: host for node_id, host in named.items() if node_id not in here}
    return Plan([] if refused else turns, refused)


def _managers(places: t.Mapping[str, Place], node_id: str) -> list[str]:
    """The hosts that are managers and list the node."""
    return [
        host for host, place in places.items() if node_id in {member["id"] for member in place.get("members") or []}
    ]


def _turns(
    places: t.Mapping[str, Place], here: dict[str, str], listed: dict[str, Member], watching: list[str], order: Order
) -> list[Turn]:
    """The turns in one swarm: the role that is first, then the other; of the managers the leader last.

    Nodes that were down before and are not part of this run are ignored.
    """
    ours = {place["node_id"] for place in places.values()}
    nodes = sorted(node_id for node_id, member in listed.items() if member["state"] == "ready" or node_id in ours)
    ranked = sorted(
        here,
        key=lambda each: (each not in order.ahead, listed[each]["role"] != order.first, listed[each]["leader"]),
    )
    together: list[list[str]] = []
    for each in ranked:
        last = together[-1] if together else []
        alike = last and {listed[node_id]["role"] for node_id in (*last, each)} == {WORKER}
        if alike and len(last) < order.batch and (each in order.ahead) == (last[0] in order.ahead):
            last.append(each)
        else:
            together.append([each])
    # A manager does not watch its own restart when another one can.
    turns = [
        Turn(
            [here[each] for each in ids],
            ids,
            next((host for host in watching if places[host]["node_id"] not in ids), watching[0]),
            nodes,
        )
        for ids in together
    ]
    return [*turns, Turn([], [], watching[0], nodes)]
