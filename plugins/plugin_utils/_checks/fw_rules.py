# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""FW-RULES: the engine's firewall rules are present."""

from __future__ import annotations

import sys
import typing as t

from .._facts.model import Facts, Requests, Result
from . import _paths, dp_matrix, mesh_all
from ._result import FAIL, INCONCLUSIVE, PASS, count, listed, not_set_up, result

ID = "FW-RULES"
TITLE = "The engine's firewall rules are in place"
HINT = "See PRE-REACH: nobody could say what rules the engine has written."
ADVICE = (
    "Something wiped rules of the engine, a reload of the firewall most likely (firewalld#503): restart the engine of %s, which writes "
    "them, and let whatever reloads the firewall do that too. Without those of encryption, packets leave in clear text. firewalld wipes "
    "them with FirewallBackend=iptables, or when it has direct rules; nftables.service with 'flush ruleset'."
)
ORDER = 46
NEEDS = ("probe", "published", "rules", "peers")
TAGS = ("P1", "dataplane", "encryption")
CHECK = sys.modules[__name__]
INGRESS = "DOCKER-INGRESS"


class Lack(t.NamedTuple):
    """A missing rule: of published ports, or of encryption."""

    text: str
    ingress: bool = False


def plan(facts: Facts) -> Requests:
    """No requests: every node reads its own rules."""
    return {}


def judge(facts: Facts) -> list[Result]:
    """One result for the swarm."""
    blocked = not_set_up(CHECK, facts, "probe")
    if blocked:
        return [blocked]
    wrong, silent = {}, []
    for host in facts.opened:
        if facts.rules.get(host) is None:
            silent.append(host)
            continue
        found = _node(facts, host)
        if found:
            wrong[host] = found
    if wrong:
        texts = {host: [lack.text for lack in found] for host, found in wrong.items()}
        rows = [f"{host}: {listed(found, 3)}{_flushed(facts, host)}" for host, found in sorted(texts.items())]
        hint, lacking = ADVICE % listed(sorted(wrong)), _paths.lacks(facts, "ip_vs")
        if set(wrong) <= set(lacking) and all(lack.ingress for found in wrong.values() for lack in found):
            hint = dp_matrix.NO_IPVS % listed(lacking)
        return [
            result(
                CHECK,
                FAIL,
                "rules-missing",
                "; ".join(rows[:3]),
                nodes=sorted(wrong),
                hint=hint,
                details={"nodes": texts},
            )
        ]
    if silent or not facts.opened:
        return [
            result(
                CHECK,
                INCONCLUSIVE,
                "not-told",
                f"the firewall's rules could not be listed on {listed(silent) or 'any node'}",
                nodes=silent,
                hint="Install the tool that the engine uses: iptables, or nft.",
            )
        ]
    number = len([network for network in facts.networks if network["encrypted"]])
    text = (
        f"{count(len(facts.opened), 'node')}: rules of the published port, and of {count(number, 'encrypted network')}"
    )
    return [result(CHECK, PASS, "ok", text, nodes=sorted(facts.opened))]


def _flushed(facts: Facts, host: str) -> str:
    """The tools on this node that flush the engine's rules on a reload."""
    found = facts.opened[host].get("flushers")
    return f" (a reload of {listed(found)} flushes them)" if found else ""


def _node(facts: Facts, host: str) -> list[Lack]:
    rules, wrong = facts.rules[host], []
    for network in facts.networks:
        if not network["encrypted"] or host not in _paths.probed(facts, network["id"]):
            continue
        if network["vni"] not in rules["mark"]:
            wrong.append(Lack(f"nothing marks what {network['name']} sends for encryption"))
        if network["vni"] not in rules["drop"]:
            wrong.append(Lack(f"nothing drops clear text for {network['name']}"))
    return wrong + [Lack(text, ingress=True) for text in _ingress(facts, host)]


def _ingress(facts: Facts, host: str) -> list[str]:
    rules, opened = facts.rules[host], facts.opened[host]
    if facts.published and not rules["ingress_jump"]:
        return [f"nothing leads to the chain {INGRESS}"]
    own = mesh_all.own_ports(facts)
    # A port's rule is written when the first task of its service runs. A service may be replaced meanwhile, and an
    # engine that has just started may still have to write it.
    started = opened.get("engine_seconds")
    ages = facts.published_for if started is None or started > _paths.SETTLED else {}
    there = {port: age for port, age in ages.items() if age and age > _paths.SETTLED}
    wrong = [
        f"{INGRESS} has no rule for a published port ({port})"
        for port in facts.published
        if (port in there or port in own) and port not in rules["ingress_ports"]
    ]
    before = opened.get("rules")
    if before and not before["ingress_jump"] and any(_paths.lasted(facts, age) for age in there.values()):
        wrong.append(f"nothing led to the chain {INGRESS}, until this verification published a port")
    return wrong
