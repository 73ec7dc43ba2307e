# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NAME-DUP: a network's name is unique on every node."""

from __future__ import annotations

import sys

from .._facts.model import Facts, Network, Requests, Result
from ._result import FAIL, INCONCLUSIVE, PASS, count, each_network, listed, result

ID = "NAME-DUP"
TITLE = "The network's name is its own"
HINT = "Two networks of one name (moby#29268): remove or rename one of them by its id ('docker network ls --no-trunc')."
ORDER = 34
NEEDS: tuple[str, ...] = ()
TAGS = ("P1", "lint")
CHECK = sys.modules[__name__]


def plan(facts: Facts) -> Requests:
    """No requests: every node reports the names of its networks."""
    return {}


def judge(facts: Facts) -> list[Result]:
    """One result a network."""
    return each_network(CHECK, facts, _judge)


def _judge(facts: Facts, network: Network) -> Result:
    name = network["name"]
    if not facts.all_networks:
        return result(CHECK, INCONCLUSIVE, "not-told", "nobody told the names of all networks", network=name)
    same = [
        ident
        for other, ident, scope, _subnets in facts.all_networks
        if other == name and scope == "swarm" and ident != network["id"]
    ]
    local = sorted(host for host, data in facts.opened.items() if name in (data.get("local_networks") or []))
    rows = (
        [
            (
                f"{count(len(same), 'other network')} of the same name in the swarm ({listed(ident[:12] for ident in same)})"
            )
        ]
        if same
        else []
    ) + ([f"a local network of the same name on {listed(local)}"] if local else [])
    if rows:
        return result(
            CHECK, FAIL, "duplicate-network", "; ".join(rows), network=name, nodes=local, details={"ids": same}
        )
    return result(
        CHECK,
        PASS,
        "ok",
        f"no other network has this name, on {count(len(facts.opened), 'node')}",
        network=name,
        nodes=sorted(facts.opened),
    )
