# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Conflicts between services' published ports, certain ones only. Pure.

A port on the routing mesh (mode ingress) is taken on every node. A port of mode host is taken where a task runs, so
any number of services may publish it as long as there is a node for each of their tasks; the scheduler finds those
nodes.
"""

from __future__ import annotations

import typing as t

from .._engine.transport import Raw
from .convergence import eligible_nodes, verdict

Key = t.Tuple[int, str]


class Claim(t.NamedTuple):
    """A service that publishes a port."""

    service: str
    mode: str


class Demand(t.NamedTuple):
    """A number of tasks that each need a separate node for a port, and the possible nodes."""

    service: str
    tasks: int
    nodes: tuple[str, ...]
    every: bool  # one task on each of the nodes


def mesh_clashes(claims: t.Mapping[Key, list[Claim]]) -> list[str]:
    """Conflicts of a port on the routing mesh with another service, and ports that one service publishes twice."""
    found = []
    for (port, protocol), owners in sorted(claims.items()):
        names = sorted({owner.service for owner in owners})
        found += [
            f"service {name}: port {port}/{protocol} is declared twice"
            for name in names
            if sum(owner.service == name for owner in owners) > 1
        ]
        if len(names) > 1 and any(owner.mode == "ingress" for owner in owners):
            mesh = next(owner.service for owner in owners if owner.mode == "ingress")
            found += [
                f"service {name}: port {port}/{protocol} is published by service {mesh} too, through the routing mesh, which uses it "
                "on every node"
                for name in names
                if name != mesh
            ]
    return found


def claims_of(specs: t.Iterable[Raw]) -> dict[Key, list[Claim]]:
    """The claims on each port, from the API's specifications. Ports that the swarm chooses are left out."""
    found: dict[Key, list[Claim]] = {}
    for spec in specs:
        for port in (spec.get("EndpointSpec") or {}).get("Ports") or []:
            if port.get("PublishedPort"):
                key = port["PublishedPort"], port.get("Protocol") or "tcp"
                found.setdefault(key, []).append(Claim(spec["Name"], port.get("PublishMode") or "ingress"))
    return found


def clashes(specs: t.Iterable[Raw], touched: set[str], nodes: list[Raw]) -> list[str]:
    """The conflicts of the touched services' ports, when all services are as specified."""
    by_name = {spec["Name"]: spec for spec in specs}
    claims = {
        key: owners
        for key, owners in claims_of(by_name.values()).items()
        if touched & {owner.service for owner in owners}
    }
    found = mesh_clashes(claims)
    for (port, protocol), owners in sorted(claims.items()):
        if all(owner.mode == "host" for owner in owners):
            names = sorted({owner.service for owner in owners})
            demands = [demand for demand in (_demand(by_name[name], nodes) for name in names) if demand is not None]
            if not enough_nodes(demands):
                found.append(_no_room(port, protocol, demands, nodes))
    return found


def enough_nodes(demands: list[Demand]) -> bool:
    """Whether every task can have a node that no other task has."""
    every = [node for demand in demands if demand.every for node in demand.nodes]
    if len(every) != len(set(every)):
        return False
    holder: dict[str, int] = dict.fromkeys(every, -1)
    choices = [
        demand.nodes
        for demand in demands
        if not demand.every
        for dummy in range(min(demand.tasks, len(demand.nodes) + 1))
    ]

    def place(task: int, seen: set[str]) -> bool:
        for node in choices[task]:
            if node in seen or holder.get(node) == -1:
                continue
            seen.add(node)
            if node not in holder or place(holder[node], seen):
                holder[node] = task
                return True
        return False

    return all(place(task, set()) for task in range(len(choices)))


def _demand(spec: Raw, nodes: list[Raw]) -> Demand | None:
    """The nodes that a service certainly needs; None if that is unknown."""
    mode = spec.get("Mode") or {}
    template = spec.get("TaskTemplate") or {}
    placement = template.get("Placement") or {}
    constraints = placement.get("Constraints") or []
    if "Global" in mode:
        if placement.get("Platforms") or (template.get("Resources") or {}).get("Reservations"):
            return None
        certain = [
            node["ID"]
            for node in eligible_nodes({"Spec": spec}, nodes)
            if all(verdict(node, constraint) is True for constraint in constraints)
        ]
        return Demand(spec["Name"], len(certain), tuple(certain), True)
    if "Replicated" in mode:
        # A node that is down or drained now may be available in a moment.
        possible = [node["ID"] for node in nodes if all(verdict(node, text) is not False for text in constraints)]
        return Demand(spec["Name"], (mode["Replicated"] or {}).get("Replicas", 1), tuple(possible), False)
    return None


def _no_room(port: int, protocol: str, demands: list[Demand], nodes: list[Raw]) -> str:
    names = {node["ID"]: (node.get("Description") or {}).get("Hostname") or node["ID"] for node in nodes}
    told = "; ".join(
        f"{demand.service} has {demand.tasks} task{'' if demand.tasks == 1 else 's'} for "
        f"{', '.join(sorted(names[node] for node in demand.nodes)) or 'no node'}"
        for demand in demands
    )
    return f"port {port}/{protocol} of mode host can be used once on each node, and there are too few nodes: {told}"
