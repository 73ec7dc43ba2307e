# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DNS-SHADOW: no name server of a node has an address inside an overlay's subnet."""

from __future__ import annotations

import ipaddress
import sys

from .._facts.model import Facts, Requests, Result
from ._result import FAIL, INCONCLUSIVE, PASS, count, listed, result

ID = "DNS-SHADOW"
TITLE = "No name server is shadowed by an overlay"
HINT = "Containers on that network cannot reach the name server of their node: give the network another subnet, or the engine another 'dns'."
ORDER = 48
NEEDS: tuple[str, ...] = ()
TAGS = ("P1", "lint", "dns")
CHECK = sys.modules[__name__]


def plan(facts: Facts) -> Requests:
    """No requests: every node reports its name servers."""
    return {}


def judge(facts: Facts) -> list[Result]:
    """One result for the swarm."""
    servers = {host: data["host"]["nameservers"] for host, data in facts.opened.items() if data.get("host")}
    if not servers or not facts.overlays:
        return [result(CHECK, INCONCLUSIVE, "not-told", "no node told its name servers, or no network is there")]
    shadowed: dict[str, list[str]] = {}
    for host, addresses in servers.items():
        for network in facts.overlays:
            inside = [
                address
                for address in addresses
                if any(ipaddress.ip_address(address) in ipaddress.ip_network(subnet) for subnet in network["subnets"])
            ]
            if inside:
                shadowed.setdefault(host, []).append(f"{listed(inside)} is inside {network['name']}")
    if shadowed:
        rows = [f"{host}: {listed(texts)}" for host, texts in sorted(shadowed.items())]
        return [
            result(
                CHECK,
                FAIL,
                "resolver-shadowed",
                "; ".join(rows[:3]),
                nodes=sorted(shadowed),
                details={"nameservers": servers},
            )
        ]
    silent = sorted(set(facts.opened) - set(servers))
    if silent:
        text = f"nothing told on {listed(silent)}, and no other node asks a name server inside an overlay"
        return [result(CHECK, INCONCLUSIVE, "not-told", text, nodes=silent)]
    text = f"name servers of {count(len(servers), 'node')}, none inside {count(len(facts.overlays), 'overlay')}"
    return [result(CHECK, PASS, "ok", text, nodes=sorted(servers))]
