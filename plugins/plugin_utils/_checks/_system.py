# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the checks of ingress and of docker_gwbridge share: overlaps and shadowed name servers. Pure.

Private to swarmlab.overlay.
"""

from __future__ import annotations

import ipaddress
import typing as t

from .._facts.model import Facts
from . import _paths
from ._result import listed


def routes(facts: Facts) -> dict[str, list[dict[str, t.Any]]]:
    """The routes of each host that told them."""
    return {host: data["host"]["routes"] for host, data in facts.opened.items() if data.get("host")}


def _hits(text: str, subnets: list[str]) -> bool:
    other = ipaddress.ip_network(text, strict=False)
    return any(other.version == net.version and other.overlaps(net) for net in map(ipaddress.ip_network, subnets))


def overlaps(
    subnets: list[str], ways: dict[str, list[dict[str, t.Any]]], others: list[tuple[str, list[str]]]
) -> tuple[list[str], list[str]]:
    """(a line for each overlap, the hosts): of the subnets with routes of hosts, and with other networks."""
    rows: list[str] = []
    nodes = []
    for host, known in sorted(ways.items()):
        hit = [f"{row['network']} by {row['device']}" for row in known if _hits(row["network"], subnets)]
        if hit:
            nodes.append(host)
            rows.append(f"{host} reaches {listed(hit)}")
    rows += [
        f"network {other} has {listed(theirs)}"
        for other, theirs in others
        if any(_hits(net, subnets) for net in theirs)
    ]
    return rows, nodes


def shadowed(facts: Facts, subnets: dict[str, list[str]]) -> dict[str, str]:
    """Host -> its name servers inside the subnets that it has, but for those at an address of its own."""
    found = {}
    for host, mine in sorted(subnets.items()):
        own = {row["address"] for row in _paths.local(facts, host)}
        servers = (facts.opened[host].get("host") or {}).get("nameservers") or []
        inside = [server for server in servers if server not in own and any(_paths.within(server, net) for net in mine)]
        if inside:
            found[host] = listed(inside)
    return found
