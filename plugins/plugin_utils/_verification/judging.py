# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The results of all checks of a run. Pure.

Private to swarmlab.overlay.
"""

from __future__ import annotations

from .. import _checks
from .._checks import _witness
from .._checks._result import FAIL, INCONCLUSIVE, listed
from .._facts.model import Facts, Result

# Failures by silence or by delay. On a node without a processor they prove nothing.
BY_SILENCE = (
    "attach-refused", "backends-missing", "backends-wrong", "canaries-lost", "entries-wrong", "full-size-lost", "not-lazy",
    "paths-lost", "port-closed", "port-silent", "quality-poor", "records-differ", "records-wrong", "spread-uneven",
)  # fmt: skip


def judged(facts: Facts) -> list[Result]:
    """The results of the chosen checks, and the bad results of guards, chosen or not.

    They reduce what the other checks prove.
    """
    chosen: list[str] = facts.settings["checks"]
    results: list[Result] = []
    for check in _checks.load():
        found = check.judge(facts) if check.ID in chosen or _checks.is_guard(check, facts) else []
        results += [item for item in found if check.ID in chosen or item["status"] in (FAIL, INCONCLUSIVE)]
    starved = _witness.starved(facts)
    return [_doubted(item, starved) for item in results] if starved else results


def _doubted(item: Result, starved: dict[str, str]) -> Result:
    """The result; inconclusive where it failed by silence at nodes that had no processor."""
    if item["status"] != FAIL or item["reason"] not in BY_SILENCE or not _at(item, set(starved)):
        return item
    who = [host for host in starved if host in _hosts(item)] or list(starved)
    summary = f"{item['evidence']['summary']}. But {listed(f'{host}: {starved[host]}' for host in who)}"
    return {
        **item,
        "status": INCONCLUSIVE,
        "reason": "node-starved",
        "evidence": {**item["evidence"], "summary": summary},
        "hint": "Give the nodes more processor time, or verify when they have less to do: until then nothing follows from silence.",
    }


def _pairs(item: Result) -> list[set[str]]:
    """The failed paths in a result's matrix."""
    kinds = (item["evidence"].get("matrix") or {"kinds": {}})["kinds"]
    return [
        {source, target}
        for rows in kinds.values()
        for source, row in rows.items()
        for target, cell in row.items()
        if isinstance(cell, str)
    ]


def _hosts(item: Result) -> set[str]:
    return set(item["nodes"]).union(*_pairs(item))


def _at(item: Result, starved: set[str]) -> bool:
    """Whether a node without a processor takes part in everything that failed."""
    return all(pair & starved for pair in _pairs(item)) if _pairs(item) else set(item["nodes"]) <= starved
