# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NET-LAZY: a worker learns an overlay with its first endpoint there, and other workers do not."""

from __future__ import annotations

import sys
import typing as t

from .._facts.model import Facts, Requests, Result
from ._result import FAIL, INCONCLUSIVE, PASS, SKIP, listed, not_set_up, result
from .net_attach import refused

ID = "NET-LAZY"
TITLE = "An overlay appears on a worker with its first endpoint, and nowhere else"
HINT = "Expected behaviour of Swarm: schedule a task there or attach a container. Otherwise look at the node's log for gossip errors."
ORDER = 40
NEEDS = ("lazy", "attach")
TAGS = ("P0", "networks")
CHECK = sys.modules[__name__]


def plan(facts: Facts) -> Requests:
    """No requests: the chosen worker attaches a container while probing."""
    return {}


def judge(facts: Facts) -> list[Result]:
    """One result for the swarm."""
    if facts.leader and not facts.worker:
        return [result(CHECK, SKIP, "no-worker", "the swarm has no worker in this play")]
    blocked = not_set_up(CHECK, facts, "lazy")
    if blocked:
        return [blocked]
    attached = facts.probed.get(facts.worker or "", {}).get("lazy")
    if attached is None:
        return [result(CHECK, INCONCLUSIVE, "not-tried", f"{facts.worker} did not try to attach", nodes=[facts.worker])]
    if "refused" in attached:
        return [refused(CHECK, facts, attached)]
    wrong, silent = _look(facts)
    if wrong:
        return [result(CHECK, FAIL, "not-lazy", listed(wrong.values()), nodes=sorted(wrong), details={"nodes": wrong})]
    if silent:
        return [result(CHECK, INCONCLUSIVE, "not-told", f"no second look at {listed(silent)}", nodes=silent)]
    text = f"unknown to every worker before; after an attachment only {facts.worker} holds it"
    return [result(CHECK, PASS, "ok", text, nodes=sorted(facts.closed), seconds=attached["seconds"])]


def _look(facts: Facts) -> tuple[dict[str, t.Any], list[str]]:
    wrong, silent = {}, []
    for host in facts.opened:
        before, after = facts.opened[host], facts.closed.get(host)
        if after is None or before.get("lazy_known") is None:
            silent.append(host)
            continue
        text = _node(facts, host, before, after)
        if text:
            wrong[host] = text
    return wrong, silent


def _node(facts: Facts, host: str, before: dict[str, t.Any], after: dict[str, t.Any]) -> str | None:
    holds = facts.made["lazy"][:10] in after["namespaces"]
    if facts.nodes[host]["role"] == "manager":
        if not after["lazy_known"]:
            return f"manager {host} does not list the network"
        return f"{host} holds the network without an endpoint" if holds else None
    if before["lazy_known"]:
        return f"worker {host} knew the network before any endpoint"
    if host == facts.worker:
        return None if holds and after["lazy_known"] else f"{host} has an endpoint but not the network"
    return f"worker {host} knows the network without an endpoint" if holds or after["lazy_known"] else None
