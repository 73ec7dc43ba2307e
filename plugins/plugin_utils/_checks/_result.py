# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The results of checks.

Private to swarmlab.overlay.
"""

from __future__ import annotations

import typing as t
from collections.abc import Callable
from types import ModuleType

from .._facts.model import Facts, Network, Result

PASS, FAIL, INCONCLUSIVE, SKIP = "pass", "fail", "inconclusive", "skip"
STATUSES = (PASS, FAIL, INCONCLUSIVE, SKIP)


def result(check: t.Any, status: str, reason: str, summary: str, **more: t.Any) -> Result:
    """One result.

    ``reason`` is one of ``_reasons.py``, ``summary`` the evidence in one line, ``details`` the rest of it.
    """
    evidence = {"summary": summary}
    evidence.update(more.get("details") or {})
    return {
        "id": check.ID,
        "status": status,
        "reason": reason,
        "title": more.get("title") or check.TITLE,
        "network": more.get("network"),
        "service": more.get("service"),
        "nodes": list(more.get("nodes") or []),
        "evidence": evidence,
        "hint": (more.get("hint") or check.HINT) if status in (FAIL, INCONCLUSIVE) else None,
        "seconds": round(more.get("seconds") or 0, 2),
    }


def listed(words: t.Any, limit: int = 6) -> str:
    """The first words in a sentence, with the number of the others."""
    words = [str(word) for word in words]
    rest = len(words) - limit
    return ", ".join(words[:limit]) + (f" and {rest} more" if rest > 0 else "")


def count(number: int, noun: str) -> str:
    """'1 pair', '6 pairs', '2 addresses', '3 entries', '4 ways'."""
    if number == 1:
        return f"1 {noun}"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return f"{number} {noun[:-1]}ies"
    return f"{number} {noun}{'es' if noun.endswith('s') else 's'}"


def each_network(
    check: ModuleType, facts: Facts, judge: Callable[[Facts, Network], Result], part: str | None = None
) -> list[Result]:
    """One result a network. Without the part of the run that it needs, the result says so."""
    return [
        (part and not_set_up(check, facts, part, network["name"])) or judge(facts, network)
        for network in facts.networks
    ]


def not_set_up(check: t.Any, facts: Facts, part: str, network: str | None = None) -> Result | None:
    """Why the check cannot be judged: the run could not create what it needs, or had no addresses for it.

    None if it can.
    """
    if not facts.leader:
        return result(
            check,
            INCONCLUSIVE,
            "leader-not-in-play",
            "no host of the play leads the swarm",
            network=network,
            hint="Let the play reach the swarm's leader: all managers belong in the inventory.",
        )
    crowded = facts.made.get("crowded") or []
    if network and any(item["name"] == network and item["id"] in crowded for item in facts.networks):
        return result(
            check,
            SKIP,
            "too-few-addresses",
            "too few addresses are left on it for a probe on every node (see IPAM-HEADROOM)",
            network=network,
        )
    if part == "twin" and facts.made.get(part) and not facts.twin:
        return result(
            check,
            INCONCLUSIVE,
            "control-removed",
            "the plain network that is the control was removed meanwhile",
            network=network,
        )
    if facts.made.get(part):
        return None
    refusal = facts.refused.get(part)
    if not refusal:
        text = f"the {part} of the run could not be made: it was not made"
        return result(check, INCONCLUSIVE, "part-not-made", text, network=network)
    text = f"the {part} of the run could not be made: {refusal.text}"
    return result(check, INCONCLUSIVE, "part-refused", text, network=network, details={"refusal": refusal.reason})
