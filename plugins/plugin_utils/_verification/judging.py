# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The results of all checks of a run. Pure.

Private to swarmlab.overlay.
"""

from __future__ import annotations

from .. import _checks
from .._checks import _witness
from .._checks._reasons import BY_SILENCE
from .._checks._result import FAIL, INCONCLUSIVE, listed
from .._facts.model import Facts, Result


def judged(facts: Facts) -> list[Result]:
    """The results of the chosen checks, and the bad results of guards, chosen or not.

    They reduce what the other checks prove.
    """
    chosen: list[str] = facts.settings["checks"]
    results: list[Result] = []
    for check in _checks.load():
        found = check.judge(facts) if check.ID in chosen or _checks.is_guard(check, facts) else []
        results += [item for item in found if check.ID in chosen or item["status"] in (FAIL, INCONCLUSIVE)]
    silent = _witness.silent(facts)
    return [_doubted(item, silent) for item in results] if silent else results


def _doubted(item: Result, silent: dict[str, str]) -> Result:
    """The result; inconclusive where it failed by silence at nodes whose silence proves nothing."""
    if item["status"] != FAIL or item["reason"] not in BY_SILENCE or not _at(item, set(silent)):
        return item
    who = [host for host in silent if host in _hosts(item)] or list(silent)
    summary = f"{item['evidence']['summary']}. But {listed(f'{host}: {silent[host]}' for host in who)}"
    return {
        **item,
        "status": INCONCLUSIVE,
        "reason": "node-starved",
        "evidence": {**item["evidence"], "summary": summary},
        "hint": "Give the nodes more processor time, or verify when they have less to do: until then nothing follows from silence.",
    }


def _between(item: Result) -> list[set[str]]:
    """The nodes that took part in each failure, as far as the result tells."""
    evidence = item["evidence"]
    kinds = (evidence.get("matrix") or {"kinds": {}})["kinds"]
    ways = [*(evidence.get("between") or []), *(way[:2] for way in evidence.get("ways") or [])]
    return [set(way) for way in ways] + [
        {source, target}
        for rows in kinds.values()
        for source, row in rows.items()
        for target, cell in row.items()
        if isinstance(cell, str)
    ]


def _hosts(item: Result) -> set[str]:
    return set(item["nodes"]).union(*_between(item))


def _at(item: Result, starved: set[str]) -> bool:
    """Whether a node without a processor takes part in everything that failed."""
    ways = _between(item)
    return all(nodes & starved for nodes in ways) if ways else set(item["nodes"]) <= starved
