# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CP-TLS: the control plane is mutual TLS under one root, on every node."""

from __future__ import annotations

import sys
import time
import typing as t

from .._facts.model import Data, Facts, Requests, Result
from . import _paths, _requests
from ._result import FAIL, INCONCLUSIVE, PASS, count, listed, result

ID = _requests.CALLS
TITLE = "The control plane is mutual TLS under one root"
HINT = "Rotate the swarm's root with 'docker swarm ca --rotate' on a manager; a node with an expired certificate must join again."
ORDER = 30
NEEDS = ("certificate",)
TAGS = ("P0", "control")
CHECK = sys.modules[__name__]
DAY = 86400
# Swarm renews a certificate at 50 to 80 percent of its life, and tries again if that fails.
SHARE = 0.1
RENEW = (
    "The node did not renew its certificate though its time had come. Let it reach a manager at 2377/tcp and restart its engine; "
    "else 'docker swarm ca --rotate' on a manager gives every node a new one."
)


def plan(facts: Facts) -> Requests:
    """Every node calls every manager without a client certificate."""
    requests = {}
    for host in facts.opened:
        requests[host] = [
            {
                "id": str(_requests.manager(address)),
                "kind": "stranger",
                "address": _requests.manager(address).address,
                "port": _requests.manager(address).port,
                "patience": 5,
                "where": "host",
            }
            for address in _managers(facts)
        ]
    return requests


def _managers(facts: Facts) -> list[str]:
    nodes = facts.swarm.get("nodes", [])
    return [node["manager_address"] for node in nodes if node["manager_address"]]


def judge(facts: Facts) -> list[Result]:
    """One result for the swarm, and one for certificates that end soon."""
    if not facts.swarm:
        return [result(CHECK, INCONCLUSIVE, "leader-not-in-play", "no manager told about the swarm's root")]
    wrong: dict[str, list[str]] = {}
    silent: dict[str, list[str]] = {}
    for host in facts.hosts:
        if host in facts.opened:
            wrong[host], silent[host] = _node(facts, host)
    bad = {host: texts for host, texts in wrong.items() if texts}
    quiet = {host: texts for host, texts in silent.items() if texts}
    late = _late(facts, [host for host in wrong if not wrong[host]])
    if bad or late:
        return [*([_told(FAIL, bad)] if bad else []), *([_ending(facts, late)] if late else [])]
    if quiet or not wrong:
        return [_told(INCONCLUSIVE, quiet)]
    if facts.swarm["rotating"]:
        return [
            result(
                CHECK,
                INCONCLUSIVE,
                "root-rotating",
                "a rotation of the root is under way",
                hint="Verify again when it has ended.",
            )
        ]
    refusals = len(wrong) * len(_managers(facts))
    days = min(_days_left(facts, host) for host in wrong)
    text = f"{count(len(wrong), 'node')} under one root, earliest expiry in {days} days; {count(refusals, 'call')} without a client certificate refused"
    return [result(CHECK, PASS, "ok", text, nodes=list(wrong), details={"root": facts.swarm["trust"]["roots_digest"]})]


def _told(status: str, texts: dict[str, t.Any]) -> Result:
    lines = [f"{host}: {listed(found)}" for host, found in sorted(texts.items())]
    return result(
        CHECK,
        status,
        "wrong-identity" if status == FAIL else "no-observation",
        "; ".join(lines[:3]) or "no node answered",
        nodes=sorted(texts),
        details={"nodes": texts},
    )


def _late(facts: Facts, hosts: list[str]) -> list[str]:
    """The nodes whose certificate is valid, and ends before it should."""
    return [host for host in hosts if _ends_soon(facts, facts.opened[host])]


def _ends_soon(facts: Facts, opened: Data) -> bool:
    """Whether less is left than ``verify_certificate_days``; 0 means a tenth of the certificate's own life."""
    leaf = opened.get("certificate") or {}
    if "not_after" not in leaf:
        return False
    least = facts.settings.get("certificate_days", 0) * DAY or SHARE * (leaf["not_after"] - leaf["not_before"])
    return bool(leaf["not_after"] - opened["time"] < least)


def _ending(facts: Facts, hosts: list[str]) -> Result:
    ends = {host: facts.opened[host]["certificate"]["not_after"] for host in hosts}
    lines = [f"{host}: its certificate ends in {_left(ends[host] - facts.opened[host]['time'])}" for host in hosts]
    return result(
        CHECK,
        FAIL,
        "certificate-expiring",
        listed(lines),
        nodes=hosts,
        title="Every node renews its certificate in time",
        hint=RENEW,
        details={"not_after": ends},
    )


def _left(seconds: float) -> str:
    return f"{seconds / DAY:.1f} days" if seconds >= 2 * DAY else f"{seconds / 3600:.1f} hours"


def _days_left(facts: Facts, host: str) -> int:
    return int((facts.opened[host]["certificate"]["not_after"] - facts.opened[host]["time"]) // DAY)


def _node(facts: Facts, host: str) -> tuple[list[str], list[str]]:
    """(problems, missing evidence) of one node."""
    wrong, silent = _certificate(facts, host)
    wrong += _trust(facts, host)
    for address in _managers(facts):
        seen = _paths.seen(facts, host, str(_requests.manager(address)))
        if seen is None or seen["outcome"] == "unreachable":
            silent.append(f"{address}: {seen['detail'] if seen else 'not asked'}")
        elif seen["outcome"] == "accepted":
            wrong.append(f"{address} answers a client without a certificate")
    return wrong, silent


def _certificate(facts: Facts, host: str) -> tuple[list[str], list[str]]:
    opened, node, swarm = facts.opened[host], facts.nodes[host], facts.swarm
    leaf = opened.get("certificate") or {"error": "the certificate was not read"}
    if "error" in leaf:
        return [], [leaf["error"]]
    wrong = []
    if leaf["subject"].get("CN") != node["id"]:
        wrong.append(f"the certificate names another node ({leaf['subject'].get('CN')})")
    if leaf["subject"].get("OU") != "swarm-" + node["role"]:
        wrong.append(f"the certificate is for {leaf['subject'].get('OU')}, the node is a {node['role']}")
    if leaf["issuer_digest"] != swarm["trust"]["issuer_digest"]:
        wrong.append("the certificate has another issuer than the swarm")
    if leaf["roots_digest"] != swarm["trust"]["roots_digest"]:
        wrong.append("the node trusts other roots than the swarm")
    if not leaf["not_before"] <= opened["time"] < leaf["not_after"]:
        ends = time.strftime("%Y-%m-%d", time.gmtime(leaf["not_after"]))
        wrong.append(f"the certificate is not valid now (by the node's own clock; it ends {ends})")
    return wrong, []


def _trust(facts: Facts, host: str) -> list[str]:
    """The problems in the certificate data that the node itself reported to the swarm."""
    swarm = facts.swarm
    mine = [node for node in swarm["nodes"] if node["id"] == facts.nodes[host]["id"]]
    if not mine:
        return ["the swarm does not know this node"]
    return [] if mine[0]["trust"] == swarm["trust"] else ["the root or issuer it reports differs from the swarm's"]
