# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SD-SCOPE: names are only visible on their network: a container on another one gets no answer."""

from __future__ import annotations

import ipaddress
import sys

from .._facts.model import Facts, Network, Requests, Result
from . import _paths, _requests
from ._result import FAIL, INCONCLUSIVE, PASS, SKIP, count, listed, not_set_up, result
from .net_attach import attached_name

ID = "SD-SCOPE"
TITLE = "Names do not answer outside their network"
HINT = "A name from elsewhere answers: look for a second network of that name, or for a resolver upstream that knows the name."
ORDER = 55
NEEDS = ("probe", "lazy", "attach")
TAGS = ("P0", "dns")
CHECK = sys.modules[__name__]


def plan(facts: Facts) -> Requests:
    """The standalone container asks while it is only on the run's own lazy network."""
    if not facts.worker or not facts.made["lazy"] or not facts.networks or not facts.made["probe"]:
        return {}
    base = {"kind": "dns", "where": "alone", "patience": 0}
    requests = [dict(base, id=_ident(network), name=name, expected=[]) for network, name in _names(facts)]
    control = dict(
        base,
        id=ID + "/control",
        name=attached_name(facts),
        expected=None,
        within=["0.0.0.0/0"],
        patience=facts.settings["convergence"],
    )
    return {facts.worker: [*requests, control]}


def _names(facts: Facts) -> list[tuple[Network, str]]:
    """(network, name that must not answer)"""
    return [(network, f"{facts.probe_name}.{network['name']}") for network in facts.networks]


def _ident(network: Network) -> str:
    return f"{ID}/{_requests.short(network)}"


def judge(facts: Facts) -> list[Result]:
    """One result a network."""
    return [_judge(facts, network, name) for network, name in _names(facts)]


def _judge(facts: Facts, network: Network, name: str) -> Result:
    if facts.leader and not facts.worker:
        return result(CHECK, SKIP, "no-worker", "the swarm has no worker in this play", network=network["name"])
    blocked = not_set_up(CHECK, facts, "lazy", network["name"]) or not_set_up(CHECK, facts, "probe", network["name"])
    if blocked:
        return blocked
    worker = facts.worker or ""
    seen, control = _paths.seen(facts, worker, _ident(network)), _paths.seen(facts, worker, ID + "/control")
    if seen is None or control is None or not control["addresses"]:
        text = "the resolver did not answer the control name" if control else "nothing was asked from another network"
        return result(
            CHECK,
            INCONCLUSIVE,
            "control-failed" if control else "no-observation",
            text,
            network=network["name"],
            nodes=[worker],
        )
    subnets = [ipaddress.ip_network(subnet) for item in facts.overlays for subnet in item["subnets"]]
    leaked = [
        address for address in seen["addresses"] if any(ipaddress.ip_address(address) in subnet for subnet in subnets)
    ]
    if leaked:
        return result(
            CHECK,
            FAIL,
            "name-answers",
            f"{name} asked from another network on {worker} answers {listed(leaked)}",
            network=network["name"],
            nodes=[worker],
            details={"answers": leaked},
        )
    text = f"from another network on {worker}, {count(1, 'name')} does not answer; the container's own does"
    return result(CHECK, PASS, "ok", text, network=network["name"], nodes=[worker])
