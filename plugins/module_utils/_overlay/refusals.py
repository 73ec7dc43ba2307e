# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Reasons for a swarm to refuse a container's attachment to a network, from a manager's information. Pure.

The engine waits 20 seconds for the swarm and then reports "deadline exceeded", whatever the reason.
"""

from __future__ import annotations

import ipaddress
import typing as t

from .._engine.transport import Raw


class Wish(t.NamedTuple):
    """A wanted attachment. C(address) is a required address, C(joins) is false if the container is attached already."""

    container: str
    container_id: str
    network: str
    address: str | None = None
    joins: bool = True


def refusals(wishes: t.Sequence[Wish], seen: t.Mapping[str, t.Any], node_id: str) -> list[str]:
    """The refusals to expect on this node. C(seen) is the result of overlay_network_info on a manager."""
    node = next((entry for entry in seen.get("swarm_nodes") or [] if entry["id"] == node_id), None)
    networks = {network["name"]: network for network in seen.get("networks") or []}
    found = [] if node is None or not wishes else _node_problems(node)
    for name in dict.fromkeys(wish.network for wish in wishes):
        wanted = [wish for wish in wishes if wish.network == name]
        if name not in networks:
            found.append(
                f"network {name} is not there: the swarm has no overlay of this name; declare it with "
                "swarmlab.overlay.overlay_network"
            )
        else:
            found += _network_problems(networks[name], wanted, (node or {}).get("name"))
    return found


def _node_problems(node: Raw) -> list[str]:
    found = []
    if node["availability"] != "active":
        found.append(
            f"node {node['name']} is set to {node['availability']}, so the swarm gives it no new attachments; set its "
            "availability to active"
        )
    if node["state"] != "ready":
        found.append(f"node {node['name']} is {node['state']} as the managers see it; see its Docker daemon's log")
    return found


def _network_problems(network: Raw, wishes: list[Wish], node: str | None) -> list[str]:
    name = network["name"]
    if not network["attachable"]:
        return [f"network {name} is not attachable; set attachable: true"]
    if not network["allocated"]:
        return [f"network {name} has no subnet: the swarm's address pools are exhausted, or its own subnet is taken"]
    found = [problem for wish in wishes if wish.address is not None for problem in _address_problems(network, wish)]
    capacity = network.get("capacity")
    joining = sum(1 for wish in wishes if wish.joins)
    if capacity and joining and not found:
        # A node that does not hold the network yet needs another address for its load balancer.
        needed = joining + (0 if node is None or node in (network.get("nodes") or []) else 1)
        if capacity["free"] < needed:
            found.append(
                f"network {name} is exhausted: {capacity['free']} of {capacity['size']} addresses are free, and {needed} are needed"
                f"{' (one of them for the load balancer of ' + str(node) + ')' if needed > joining else ''}; "
                "declare a larger subnet, or take something off the network"
            )
    return found


def _address_problems(network: Raw, wish: Wish) -> list[str]:
    address = ipaddress.ip_address(wish.address or "")
    subnets = [ipaddress.ip_network(subnet["subnet"]) for subnet in network["subnets"]]
    home = next((subnet for subnet in subnets if address in subnet), None)
    what = f"container {wish.container}: ipv4_address {address}"
    if home is None:
        return [f"{what} is outside network {network['name']}, which has {', '.join(map(str, subnets))}"]
    if address in (home.network_address, home.broadcast_address):
        return [f"{what} is the network or broadcast address of {home}"]
    holder = (network.get("addresses") or {}).get(str(address))
    if holder is None or (holder["kind"] == "container" and wish.container_id.startswith(holder["name"])):
        return []
    where = f" on {holder['node']}" if holder.get("node") else ""
    return [f"{what} is taken on network {network['name']} by {holder['kind']} {holder['name']}{where}"]
