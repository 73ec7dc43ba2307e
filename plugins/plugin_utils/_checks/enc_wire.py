# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ENC-WIRE: an encrypted network sends only ESP between nodes, and the same capture sees a plain one's clear text."""

from __future__ import annotations

import sys
import typing as t

from .._facts.model import Facts, Network, Requests, Result
from . import _paths, dp_matrix
from ._blame import blame
from ._result import FAIL, INCONCLUSIVE, PASS, SKIP, count, listed, not_set_up, result

ID = "ENC-WIRE"
TITLE = "Between nodes the network's traffic is encrypted"
HINT = (
    "Allow IP protocol 50 (ESP) between all nodes and compare 'ip xfrm state' on both ends; "
    "the engine's log names failures to set encryption up."
)
NO_ESP = "The kernel of %s lacks %s: nothing can be encrypted there (see PRE-KMOD)."
LEAK = "Clear text of an encrypted network left this node: its encryption rules are gone; restart its engine, then look at its firewall."
ORDER = 70
NEEDS = ("probe", "twin", "wire")
TAGS = ("P0", "encryption")
CHECK = sys.modules[__name__]


def plan(facts: Facts) -> Requests:
    """Canaries between every pair, over each encrypted network and over the plain twin."""
    encrypted = [network for network in facts.networks if network["encrypted"]]
    if not encrypted or not facts.twin:
        return {}
    requests: Requests = {}
    for network in [*encrypted, facts.twin]:
        for source, target in _paths.pairs(facts, network["id"]):
            requests.setdefault(source, []).extend(
                row for row in dp_matrix.direct(facts, ID, network, source, target) if row["kind"] == "tcp"
            )
    return requests


def judge(facts: Facts) -> list[Result]:
    """One result for each encrypted network."""
    encrypted = [network for network in facts.networks if network["encrypted"]]
    if facts.leader and not encrypted:
        return [result(CHECK, SKIP, "not-encrypted", "no encrypted network is selected")]
    if not facts.leader:
        return [result(CHECK, INCONCLUSIVE, "leader-not-in-play", "no manager told which networks are encrypted")]
    return [_judge(facts, network) for network in encrypted]


def _judge(facts: Facts, network: Network) -> Result:
    name = network["name"]
    blocked = not_set_up(CHECK, facts, "probe", name) or not_set_up(CHECK, facts, "twin", name)
    if blocked:
        return blocked
    hosts = _paths.probed(facts, network["id"])
    pairs = _paths.pairs(facts, network["id"])
    if not pairs:
        return result(
            CHECK, SKIP, "too-few-nodes", "fewer than two nodes carry it: nothing crosses a wire", network=name
        )
    if network["vni"] is None or not facts.twin or facts.twin["vni"] is None:
        return result(
            CHECK,
            INCONCLUSIVE,
            "not-told",
            "the engine did not tell the VXLAN id, so the capture cannot be read",
            network=name,
        )
    leaks = {host: leaked(facts, host, network) for host in hosts if leaked(facts, host, network)}
    if leaks:
        text = "clear text left " + listed(f"{host} ({count(frames, 'frame')})" for host, frames in leaks.items())
        return result(
            CHECK,
            FAIL,
            "clear-text-sent",
            text,
            network=name,
            nodes=sorted(leaks),
            hint=LEAK,
            details={"plain_frames": leaks},
        )
    blind = _blind(facts, hosts)
    if blind:
        return result(
            CHECK,
            INCONCLUSIVE,
            "control-failed",
            f"the capture did not see the plain twin's canary on {listed(blind)}",
            network=name,
            nodes=blind,
            hint="Without this control the capture proves nothing; see DP-MATRIX.",
            details={"control": facts.twin["name"]},
        )
    return _judge_delivery(facts, network, pairs)


def leaked(facts: Facts, host: str, network: Network) -> int:
    """Outgoing clear-text frames of this network."""
    wire = facts.wire.get(host) or {}
    return sum(wire.get("plain", {}).get(str(network["vni"]), {}).values())


def _blind(facts: Facts, hosts: list[str]) -> list[str]:
    """The hosts whose capture is not proven. It must see the twin's canary leave in clear text."""
    key = str(facts.twin["vni"] if facts.twin else None)
    return [host for host in hosts if not sum((facts.wire.get(host) or {}).get("canary", {}).get(key, {}).values())]


def _judge_delivery(facts: Facts, network: Network, pairs: list[tuple[str, str]]) -> Result:
    undelivered, silent, foreign = [], [], []
    for source, target in pairs:
        spis = (facts.wire.get(source) or {}).get("esp_out", {}).get(_paths.vtep(facts, target), {})
        seen = _paths.seen(facts, source, dp_matrix.ident(ID, network, target, "tcp"))
        if seen is None or not seen["ok"]:
            undelivered.append((source, target))
        if not spis:
            silent.append((source, target))
        elif set(spis) - _known(facts, source, target):
            foreign.append((source, target))
    return _conclude(facts, network, pairs, {"undelivered": undelivered, "silent": silent, "foreign": foreign})


def _known(facts: Facts, source: str, target: str) -> set[str]:
    """The SPIs of the source's IPsec states towards the target."""
    to = _paths.vtep(facts, target)
    return {state["spi"] for state in facts.xfrm.get(source) or [] if state["target"] == to}


def _conclude(facts: Facts, network: Network, pairs: list[tuple[str, str]], found: dict[str, t.Any]) -> Result:
    name, lacking = network["name"], _paths.lacks_esp(facts)
    details = {key: [f"{source} to {target}" for source, target in rows] for key, rows in found.items() if rows}
    if lacking:
        return result(
            CHECK,
            FAIL if found["undelivered"] else INCONCLUSIVE,
            "kernel-lacks-esp",
            f"no ESP can leave {listed(lacking)}",
            network=name,
            nodes=lacking,
            hint=NO_ESP % (listed(lacking), _paths.esp(facts)),
            details=details,
        )
    if found["undelivered"]:
        weights = _paths.suspicion(facts, network, found["undelivered"])
        nodes = blame(found["undelivered"], lambda node: weights.get(node, 0))
        sent = len([pair for pair in found["undelivered"] if pair not in found["silent"]])
        text = (
            f"{len(found['undelivered'])} of {count(len(pairs), 'canary pair')} not delivered (ESP left for "
            f"{sent} of them): {listed(details['undelivered'], 3)}"
        )
        return result(CHECK, FAIL, "canaries-lost", text, network=name, nodes=nodes, details=details)
    if found["silent"] or found["foreign"]:
        nodes = sorted({source for source, _target in found["silent"] + found["foreign"]})
        text = (
            "delivered, but no ESP of a known state was seen: "
            f"{listed(details.get('silent', []) + details.get('foreign', []), 3)}"
        )
        return result(
            CHECK,
            INCONCLUSIVE,
            "no-esp-seen",
            text,
            network=name,
            nodes=nodes,
            details=details,
            hint="Another interface may carry the data path; compare 'docker node inspect' with --data-path-addr.",
        )
    hosts = _paths.probed(facts, network["id"])
    frames = sum(sum(row.values()) for host in hosts for row in facts.wire[host]["esp_out"].values())
    text = (
        f"{count(len(pairs), 'canary pair')} delivered, {count(frames, 'ESP packet')} out, no clear "
        f"frame; the twin's canary was seen in the clear on {count(len(hosts), 'node')}"
    )
    return result(CHECK, PASS, "ok", text, network=name, nodes=hosts, details={"esp_packets": frames})
