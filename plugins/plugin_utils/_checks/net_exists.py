# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NET-EXISTS: the networks and services that the user named exist."""

from __future__ import annotations

import fnmatch
import sys

from .._facts.model import DECLARED, Facts, Requests, Result
from ._result import FAIL, PASS, count, listed, result

ID = "NET-EXISTS"
TITLE = "Every network asked for exists"
HINT = "Declare it (role overlays), or correct verify_networks."
ORDER = 35
NEEDS: tuple[str, ...] = ()
TAGS = ("P0", "networks")
GUARD = True
SERVICES = "Every service asked for is on a selected network"
PRESENT = "Every network that the inventory declares exists"
DECLARE = "Run role overlays, which makes it; 'docker network prune' removes networks that no service uses. Else take it out of overlays_networks."
SERVICE = "Correct verify_services, or verify_networks: without the service nothing is proven of its names."
ALIKE = "Every network is as the inventory declares it"
AGREE = "Run role overlays, which tells what it would change (--check --diff), or correct overlays_networks."
CHECK = sys.modules[__name__]


def plan(facts: Facts) -> Requests:
    """No requests."""
    return {}


def undone(facts: Facts) -> list[str]:
    """The declared networks of role overlays that the swarm lacks, as far as the user's patterns match them."""
    there = {name for name, _id, scope, _subnets in facts.all_networks if scope == "swarm"}
    asked = facts.settings["networks"]
    return [
        name
        for name in facts.settings.get("declared") or []
        if facts.viewed and name not in there and any(fnmatch.fnmatchcase(name, pattern) for pattern in asked)
    ]


def otherwise(facts: Facts) -> dict[str, list[str]]:
    """The selected networks that differ from the inventory's declaration, with the differences."""
    declared = facts.settings.get("declared_as") or {}
    found = {
        network["name"]: [
            f"{key} is {str(network[key]).lower()}, declared {str(declared[network['name']][key]).lower()}"
            for key in DECLARED
            if network[key] != declared[network["name"]][key]
        ]
        for network in facts.networks
        if network["name"] in declared
    }
    return {name: differing for name, differing in found.items() if differing}


def unknown_services(facts: Facts) -> list[str]:
    """The names and patterns of ``verify_services`` without a service on the selected networks.

    It is empty unless the leader has reported all services.
    """
    there = {service for network in facts.networks for service, _kind in facts.owners.get(network["id"], {}).values()}
    asked = facts.settings.get("services") or []
    return (
        [pattern for pattern in asked if pattern != "*" and not fnmatch.filter(there, pattern)] if facts.viewed else []
    )


def judge(facts: Facts) -> list[Result]:
    """One result for each kind of problem, and one for each network that differs.

    No result unless a network was named.
    """
    strangers, pruned = unknown_services(facts), undone(facts)
    wrong: list[Result] = []
    if facts.unmatched:
        wrong.append(result(CHECK, FAIL, "network-missing", f"no overlay network is called {listed(facts.unmatched)}"))
    if strangers:
        text = f"no service called {listed(strangers)} is on the selected networks"
        wrong.append(result(CHECK, FAIL, "service-missing", text, title=SERVICES, hint=SERVICE))
    if pruned:
        text = f"the inventory declares {listed(pruned)}, and the swarm has no such network"
        wrong.append(result(CHECK, FAIL, "network-undone", text, title=PRESENT, hint=DECLARE))
    wrong += [
        result(CHECK, FAIL, "network-otherwise", listed(differing), network=name, title=ALIKE, hint=AGREE)
        for name, differing in otherwise(facts).items()
    ]
    if wrong:
        return wrong
    if not facts.leader or facts.settings["networks"] == ["*"]:
        return []
    return [result(CHECK, PASS, "ok", f"{count(len(facts.networks), 'network')} found")]
