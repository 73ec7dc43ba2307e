# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ENC-REJECT: an encrypted network drops injected clear text, and the same injection arrives on a plain network."""

from __future__ import annotations

import sys

from .._facts.model import Facts, Network, Requests, Result
from . import _paths, _requests
from ._blame import Pair
from ._result import FAIL, INCONCLUSIVE, PASS, SKIP, count, listed, not_set_up, result

ID = "ENC-REJECT"
TITLE = "Clear text for an encrypted network is refused"
HINT = "See PRE-REACH and ENC-WIRE: clear text is sent to a node where the network's probes are up."
ADVICE = (
    "The rule that drops clear text is gone on %s (CVE-2023-28840, 28841, 28842): look for '--pol none' in '%s -S INPUT', "
    "for xt_policy in the kernel, and restart the engine."
)
ORDER = 72
NEEDS = ("probe", "twin")
TAGS = ("P0", "encryption")
CHECK = sys.modules[__name__]


def _encrypted(facts: Facts) -> list[Network]:
    return [network for network in facts.networks if network["encrypted"] and network["vni"] is not None]


def _ring(facts: Facts, network: Network) -> list[Pair]:
    """(source, target) pairs in which every host is the target once."""
    hosts = _paths.probed(facts, network["id"])
    return [(hosts[position - 1], target) for position, target in enumerate(hosts)] if len(hosts) > 1 else []


def plan(facts: Facts) -> Requests:
    """Each node sends a canary to the probe of its neighbour, over each encrypted network and over the plain twin."""
    if not _encrypted(facts) or not facts.twin or facts.twin["vni"] is None:
        return {}
    requests: Requests = {}
    for network in [*_encrypted(facts), facts.twin]:
        for source, target in _ring(facts, network):
            requests.setdefault(source, []).append(
                {
                    "id": _ident(network, target),
                    "kind": "inject",
                    "where": "host",
                    "network": network["name"],
                    "vni": network["vni"],
                    "port": facts.swarm["data_port"],
                    "patience": 3,
                    "source": _paths.tunnel(facts, source),
                    "address": _paths.tunnel(facts, target),
                    "inner_source": facts.probes[source][network["id"]],
                    "inner_target": facts.probes[target][network["id"]],
                }
            )
    return requests


def _ident(network: Network, target: str) -> str:
    return f"{ID}/{_requests.short(network)}/{target}"


def judge(facts: Facts) -> list[Result]:
    """One result for each encrypted network."""
    if not facts.leader:
        return [result(CHECK, INCONCLUSIVE, "leader-not-in-play", "no manager told which networks are encrypted")]
    networks = _encrypted(facts)
    if not networks:
        return [result(CHECK, SKIP, "not-encrypted", "no encrypted network is selected")]
    return [_judge(facts, network) for network in networks]


def _judge(facts: Facts, network: Network) -> Result:
    name = network["name"]
    blocked = not_set_up(CHECK, facts, "probe", name) or not_set_up(CHECK, facts, "twin", name)
    if blocked:
        return blocked
    ring, twin = _ring(facts, network), facts.twin
    if not ring or not twin or not _ring(facts, twin):
        return result(
            CHECK, SKIP, "too-few-nodes", "fewer than two nodes carry it: nobody else can inject", network=name
        )
    came = [target for source, target in ring if _heard(facts, network, source, target)]
    if came:
        return result(
            CHECK,
            FAIL,
            "clear-text-accepted",
            f"injected clear text arrived on {listed(came)}",
            network=name,
            nodes=sorted(came),
            hint=ADVICE % (listed(came), _paths.iptables(facts)),
        )
    unproven = [(source, target) for source, target in ring if not _sent(facts, network, source, target)]
    unproven += [(source, target) for source, target in _ring(facts, twin) if not _heard(facts, twin, source, target)]
    if unproven:
        blind = sorted({target for _source, target in unproven})
        return result(
            CHECK,
            INCONCLUSIVE,
            "control-failed",
            f"the injection on the plain twin did not arrive on {listed(blind)}",
            network=name,
            nodes=blind,
            hint="Without this control a refusal proves nothing; see DP-MATRIX and PRE-PORT.",
            details={"control": twin["name"], "unproven": [list(pair) for pair in dict.fromkeys(unproven)]},
        )
    text = f"{count(len(ring), 'injection')} refused; the same on the plain twin arrived"
    return result(CHECK, PASS, "ok", text, network=name, nodes=[target for _source, target in ring])


def _heard(facts: Facts, network: Network, source: str, target: str) -> int:
    return facts.received.get(target, {}).get(f"udp/{network['name']}/clear@{source}", 0)


def _sent(facts: Facts, network: Network, source: str, target: str) -> bool:
    seen = _paths.seen(facts, source, _ident(network, target))
    return bool(seen and seen["ok"])
