# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ENC-SA-AGREE: the IPsec states of both ends agree, and the policy matches the swarm's data port."""

from __future__ import annotations

import sys
import typing as t

from .._facts.model import Facts, Network, Requests, Result
from . import _paths
from ._blame import Pair
from ._result import FAIL, INCONCLUSIVE, PASS, SKIP, count, listed, result

ID = "ENC-SA-AGREE"
TITLE = "IPsec states and policies of every pair agree"
HINT = (
    "Compare engine versions (PRE-SKEW) and addresses (CP-ADDR); 'docker swarm' rotates keys every 12 hours, "
    "a restart of the node's engine programs them again."
)
HEALED = (
    "Until this verification came, what %s sent and received on encrypted networks was lost: find what flushes IPsec states or policies "
    "('ip xfrm'); a restart of the engine, or a new task, sets them up again."
)
NO_ESP = "The kernel of %s lacks %s: nothing can be encrypted there (see PRE-KMOD)."
ORDER = 68
NEEDS = ("probe", "xfrm", "gossip")
TAGS = ("P0", "encryption")
CHECK = sys.modules[__name__]
SENDERS = ("no-policy", "no-state", "policy-port")  # differences that only concern the sender
LOST = {"no-policy": "policies-lost", "no-state": "states-lost"}  # difference -> reason, when the run repaired it


class Difference(t.NamedTuple):
    """A difference between the states for one direction."""

    reason: str
    text: str


def plan(facts: Facts) -> Requests:
    """No requests: every node reports its states, with keys as salted hashes, and its policies."""
    return {}


def judge(facts: Facts) -> list[Result]:
    """One result for the swarm, since states belong to nodes and not to networks."""
    encrypted = [network for network in facts.networks if network["encrypted"]]
    if not facts.leader:
        return [result(CHECK, INCONCLUSIVE, "leader-not-in-play", "no manager told which networks are encrypted")]
    if not encrypted:
        return [result(CHECK, SKIP, "not-encrypted", "no encrypted network is selected")]
    hosts = [host for host in facts.hosts if any(network["id"] in facts.probes.get(host, {}) for network in encrypted)]
    if len(hosts) < 2:
        return [result(CHECK, SKIP, "too-few-nodes", "fewer than two nodes carry an encrypted network")]
    blind = [host for host in hosts if host not in facts.xfrm or host not in facts.policies]
    pairs = [
        (source, target)
        for source in hosts
        for target in hosts
        if source != target and not {source, target} & set(blind)
    ]
    wrong = _wrong(facts, {"xfrm": facts.xfrm, "policies": facts.policies}, pairs)
    if wrong:
        return [_failed(facts, pairs, wrong)]
    healed = _healed(facts, encrypted, pairs)
    if healed:
        return [healed]
    if blind:
        return [
            result(CHECK, INCONCLUSIVE, "not-told", f"no IPsec states could be read on {listed(blind)}", nodes=blind)
        ]
    return [
        result(
            CHECK,
            PASS,
            "ok",
            (
                f"{count(len(pairs), 'pair')}: one forward state each, known to the other end with the same key; "
                f"policies meet port {facts.swarm['data_port']}"
            ),
            nodes=hosts,
        )
    ]


def _wrong(facts: Facts, seen: dict[str, t.Any], pairs: list[tuple[str, str]]) -> dict[Pair, Difference]:
    return {pair: found for pair, found in ((pair, compare(facts, seen, *pair)) for pair in pairs) if found}


def _healed(facts: Facts, encrypted: list[Network], pairs: list[tuple[str, str]]) -> Result | None:
    """The failure of pairs that differed before the run's probes joined; None when all agreed."""
    before = {
        name: {host: seen[name] for host, seen in facts.opened.items() if seen.get(name) is not None}
        for name in ("xfrm", "policies")
    }
    old = [
        pair
        for pair in pairs
        if _shared(facts, encrypted, *pair) and all(host in seen for host in pair for seen in before.values())
    ]
    wrong = _wrong(facts, before, old)
    if not wrong:
        return None
    # States that a node itself had lost come first.
    ordered = sorted(wrong.items(), key=lambda item: (item[1].reason not in LOST, item[0]))
    rows = [
        f"{source} to {target}: {'had ' * (found.reason in LOST)}{found.text}" for (source, target), found in ordered
    ]
    nodes, reasons = culprits(wrong), {found.reason for found in wrong.values()}
    reason = next((lost for missing, lost in LOST.items() if missing in reasons), "states-differed")
    return result(
        CHECK,
        FAIL,
        reason,
        (f"{len(wrong)} of {count(len(old), 'pair')} disagreed, until a probe joined the network: {listed(rows, 3)}"),
        nodes=nodes,
        hint=HEALED % listed(nodes),
        details={"pairs": rows},
    )


def _shared(facts: Facts, encrypted: list[Network], *pair: str) -> bool:
    """Whether both nodes had carried one encrypted network for a while before the verification."""
    ids = [facts.nodes[host]["id"] for host in pair]
    return any(
        all(_paths.lasted(facts, facts.carried.get(network["id"], {}).get(node)) for node in ids)
        for network in encrypted
    )


def compare(facts: Facts, seen: dict[str, t.Any], source: str, target: str) -> Difference | None:
    """The problem of one direction between nodes, None when both ends agree. ``seen``: xfrm and policies by host."""
    here, there = _paths.vtep(facts, source), _paths.vtep(facts, target)
    policies = [row for row in seen["policies"][source] if row["out"] and row["target"] == there]
    if not policies:
        return Difference("no-policy", "no policy")
    port = facts.swarm["data_port"]
    if all(row["port"] != port for row in policies):
        return Difference("policy-port", f"the policy is for port {policies[0]['port']}, data goes to {port}")
    wanted = {row["spi"] for row in policies}
    mine = [
        row for row in seen["xfrm"][source] if (row["source"], row["target"]) == (here, there) and row["spi"] in wanted
    ]
    if not mine:
        return Difference("no-state", "no state for the policy")
    theirs = {row["spi"]: row for row in seen["xfrm"][target] if (row["source"], row["target"]) == (here, there)}
    if mine[0]["spi"] not in theirs:
        return Difference("spi-unknown", f"{target} does not know the SPI that {source} sends")
    if theirs[mine[0]["spi"]]["key"] != mine[0]["key"]:
        return Difference("keys-differ", "the keys differ")
    return None


def _failed(facts: Facts, pairs: list[tuple[str, str]], wrong: dict[Pair, Difference]) -> Result:
    lacking = _paths.lacks_esp(facts)
    rows = [f"{source} to {target}: {found.text}" for (source, target), found in sorted(wrong.items())]
    if lacking and all(set(pair) & set(lacking) for pair in wrong):
        nodes, reason, hint = lacking, "kernel-lacks-esp", NO_ESP % (listed(lacking), _paths.esp(facts))
    else:
        nodes, reason, hint = culprits(wrong), "states-differ", HINT
    return result(
        CHECK,
        FAIL,
        reason,
        f"{len(wrong)} of {count(len(pairs), 'pair')} disagree: {listed(rows, 3)}",
        nodes=nodes,
        hint=hint,
        details={"pairs": rows},
    )


def culprits(wrong: dict[Pair, Difference]) -> list[str]:
    """The nodes to blame.

    A missing state or policy is the sender's fault, an unknown SPI the receiver's; others concern both.
    """
    found: set[str] = set()
    for (source, target), difference in wrong.items():
        if difference.reason in SENDERS:
            found.add(source)
        elif difference.reason == "spi-unknown":
            found.add(target)
        else:
            found |= {source, target}
    return sorted(found)
