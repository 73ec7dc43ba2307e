# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the causes of bad results, the deepest first, and assign to each the results that it explains. Pure.

Private to swarmlab.overlay.
"""

from __future__ import annotations

from .._facts.model import Cause, Facts, Result
from . import model
from .table import RULES
from .view import View


def diagnose(results: list[Result], facts: Facts, rules: tuple[model.Rule, ...] = RULES) -> list[Cause]:
    """The causes in the order of the report: those that explain most come first.

    ``explains`` and ``shares`` are indexes into the list of results. Results in ``explains`` are explained in full,
    by this cause alone or with others; results in ``shares`` are explained in part, and the rest has no known cause.
    """
    view = View(results, facts)
    parts = {place: model.atoms(item, view.knocks) for place, item in enumerate(results)}
    parts = {place: found for place, found in parts.items() if found}
    if not parts:
        return []
    left = {place: set(found) for place, found in parts.items()}
    kept = []
    for rule in rules:
        for finding in rule.find(view):
            claims = rule.claims if finding.claims is None else finding.claims
            hit = {
                place: {atom for atom in found if model.covers(finding, claims, results[place], atom)}
                for place, found in parts.items()
            }
            if not any(hit[place] & left[place] for place in parts):
                continue
            for place in parts:
                left[place] -= hit[place]
            kept.append((rule, finding, {place for place in parts if hit[place]}))
    causes = [_document(rule, finding, places, left) for rule, finding, places in kept]
    return sorted(causes, key=lambda cause: -len(cause["explains"]))


def _document(rule: model.Rule, finding: model.Finding, places: set[int], left: dict[int, set[model.Atom]]) -> Cause:
    return {
        "id": rule.id,
        "title": finding.title,
        "nodes": list(finding.nodes),
        "networks": sorted(finding.networks or ()),
        "todo": finding.todo or rule.todo,
        "because": list(finding.because),
        "certainty": finding.certainty,
        "explains": sorted(place for place in places if not left[place]),
        "shares": sorted(place for place in places if left[place]),
    }
