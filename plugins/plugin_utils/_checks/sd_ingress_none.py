# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SD-INGRESS-NONE: ingress carries published ports and no names."""

from __future__ import annotations

import ipaddress
import sys

from .._facts.model import Data, Facts, Requests, Result
from . import _paths
from ._result import FAIL, INCONCLUSIVE, PASS, count, listed, not_set_up, result

ID = "SD-INGRESS-NONE"
TITLE = "A service that is only published has no name"
HINT = "Names need a user-defined overlay network: attach both services to one. Ingress carries published ports only."
ORDER = 56
NEEDS = ("probe", "twin", "published")
TAGS = ("P0", "dns")
CHECK = sys.modules[__name__]


def plan(facts: Facts) -> Requests:
    """Every probe asks for the published service's name, and for the probes' own as the control."""
    twin = facts.twin
    if not twin or not facts.made.get("published"):
        return {}
    asked: list[Data] = [
        {"id": ID + "/absent", "kind": "dns", "name": facts.published_name, "expected": None, "patience": 0},
        {
            "id": ID + "/control",
            "kind": "dns",
            "name": f"{facts.probe_name}.{twin['name']}",
            "expected": [facts.vips.get(twin["id"])],
            "patience": facts.settings["convergence"],
        },
    ]
    return {host: list(asked) for host in _paths.probed(facts, twin["id"])}


def judge(facts: Facts) -> list[Result]:
    """One result for the swarm."""
    blocked = not_set_up(CHECK, facts, "published") or not_set_up(CHECK, facts, "twin")
    if blocked or not facts.twin:
        return [blocked] if blocked else []
    hosts = _paths.probed(facts, facts.twin["id"])
    named: dict[str, list[str]] = {}
    blind = []
    for host in hosts:
        control, seen = _paths.seen(facts, host, ID + "/control"), _paths.seen(facts, host, ID + "/absent")
        if not control or not control["ok"] or seen is None:
            blind.append(host)
        elif _inside(seen["addresses"], facts):
            named[host] = seen["addresses"]
    where = facts.published_networks
    if named:
        return [
            result(
                CHECK,
                FAIL,
                "name-answers",
                f"it has a name on {listed(sorted(named))}",
                nodes=sorted(named),
                details={"answers": named},
            )
        ]
    if blind or not hosts or "ingress" not in where:
        text = (
            f"the control name did not resolve on {listed(blind)}"
            if blind
            else "the service's task did not run on ingress"
        )
        return [result(CHECK, INCONCLUSIVE, "control-failed" if blind else "service-not-up", text, nodes=blind)]
    text = f"its task is on {listed(where)}, and no name answers on {count(len(hosts), 'node')}; the control name does"
    return [result(CHECK, PASS, "ok", text, nodes=hosts, details={"networks": where})]


def _inside(addresses: list[str], facts: Facts) -> list[str]:
    """The addresses inside any overlay.

    Unknown names go to the upstream resolver, and a wildcard there is no record of the engine's.
    """
    subnets = [ipaddress.ip_network(subnet) for network in facts.overlays for subnet in network["subnets"]]
    return [address for address in addresses if any(ipaddress.ip_address(address) in subnet for subnet in subnets)]
