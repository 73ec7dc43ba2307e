# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DUP-IP: every address of a network has a single holder."""

from __future__ import annotations

import sys

from .._facts.model import Facts, Network, Requests, Result
from . import _gossip
from ._result import FAIL, INCONCLUSIVE, PASS, SKIP, count, each_network, listed, result

ID = "DUP-IP"
TITLE = "No address is given out twice"
HINT = "Two endpoints with one address (moby#33795): 'docker service update --force' the services named, the younger first."
ORDER = 37
NEEDS = ("gossip",)
TAGS = ("P1", "lint")
CHECK = sys.modules[__name__]


def plan(facts: Facts) -> Requests:
    """No requests: the leader and every node report the holders of addresses."""
    return {}


def judge(facts: Facts) -> list[Result]:
    """One result a network."""
    return each_network(CHECK, facts, _judge)


def _judge(facts: Facts, network: Network) -> Result:
    holders: dict[str, set[str]] = {}
    for address, who in facts.addresses.get(network["id"], []):
        holders.setdefault(address, set()).add(who)
    on: dict[str, set[str]] = {}
    for host, held in facts.held.items():
        for endpoint in _gossip.endpoints(held.get(network["id"])):
            on.setdefault(endpoint.address, set()).add(host)
    if network["id"] not in facts.addresses:
        return result(CHECK, INCONCLUSIVE, "not-told", "nobody told what addresses are in use", network=network["name"])
    twice = {address: sorted(who) for address, who in holders.items() if len(who) > 1}
    twice.update(
        {
            address: [f"an endpoint on {host}" for host in sorted(hosts)]
            for address, hosts in on.items()
            if len(hosts) > 1
        }
    )
    if twice:
        nodes = sorted({host for address in twice for host in on.get(address, ())})
        rows = [f"{address}: {' and '.join(who)}" for address, who in sorted(twice.items())]
        return result(
            CHECK,
            FAIL,
            "duplicate-address",
            listed(rows, 3),
            network=network["name"],
            nodes=nodes,
            details={"addresses": rows},
        )
    total = len(set(holders) | set(on))
    if not total:
        return result(CHECK, SKIP, "nothing-there", "nobody has an address on it", network=network["name"])
    return result(
        CHECK,
        PASS,
        "ok",
        f"{count(total, 'address')}, each with one holder",
        network=network["name"],
        nodes=sorted(facts.held),
    )
