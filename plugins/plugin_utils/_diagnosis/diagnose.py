# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the causes of bad results, the deepest first, and assign to each the results that it explains. Pure.

Private to swarmlab.overlay.
"""

from __future__ import annotations

from .._checks import _witness
from .._facts.model import Cause, Facts, Result
from . import model, unknown
from .table import RULES
from .view import View

EVIDENCE = 3  # lines about what moved meanwhile


def diagnose(results: list[Result], facts: Facts, rules: tuple[model.Rule, ...] = RULES) -> list[Cause]:
    """The causes in the order of the report: those that explain most come first, after them what absent hosts keep in doubt.

    ``explains`` and ``shares`` are indexes into the list of results. Results in ``explains`` are explained in full,
    by this cause alone or with others; results in ``shares`` are explained in part, and the rest has no known cause.
    """
    view = View(results, facts)
    parts = {place: model.atoms(item, view.knocks) for place, item in enumerate(results)}
    parts = {place: found for place, found in parts.items() if found}
    if not parts:
        return []
    left = {place: set(found) for place, found in parts.items()}
    kept: list[tuple[model.Rule, model.Finding, set[int]]] = []
    for rule in rules:
        for finding in rule.find(view):
            claims = rule.claims if finding.claims is None else finding.claims
            hit = {
                place: {atom for atom in found if model.covers(finding, claims, results[place], atom)}
                for place, found in parts.items()
            }
            new = any(hit[place] & left[place] for place in parts)
            if not new and not (finding.told and any(hit.values()) and _unheard_of(finding, kept)):
                continue
            for place in parts:
                left[place] -= hit[place]
            kept.append((rule, finding, {place for place in parts if hit[place]}))
    absent = _absent(view, [finding for _rule, finding, _places in kept])
    told = [
        (finding.follows, bool(absent) and _doubtful(finding), _document(view, rule, finding, places, left))
        for rule, finding, places in kept
    ]
    told.sort(key=lambda row: (row[0], row[1], -len(row[2]["explains"])))
    causes = [cause for *_rank, cause in told]
    shared = {place for cause in causes for place in cause["shares"]}
    rest = unknown.rest(view, {place: atoms for place, atoms in left.items() if place not in shared})
    return [*causes, rest] if rest else causes


def _unheard_of(finding: model.Finding, kept: list[tuple[model.Rule, model.Finding, set[int]]]) -> bool:
    """Whether no other cause was found at any of its nodes."""
    return not any(set(finding.nodes) & set(other.nodes) for _rule, other, _places in kept)


def _absent(view: View, findings: list[model.Finding]) -> set[str]:
    """The hosts without a probe whose cause was found."""
    found = {node for finding in findings for node in finding.nodes if set(finding.nodes).isdisjoint(view.facts.probes)}
    return found & set(view.hosts)


def _doubtful(finding: model.Finding) -> bool:
    """Whether a single path suffers, and both its ends are named. Where other hosts were absent, these keep it in doubt, and come first."""
    ends = {node for link in finding.links or () for node in link}
    return len(ends) == 2 and ends == set(finding.nodes)


def _document(
    view: View, rule: model.Rule, finding: model.Finding, places: set[int], left: dict[int, set[model.Atom]]
) -> Cause:
    return {
        "id": rule.id,
        "title": finding.title,
        "nodes": list(finding.nodes),
        "networks": sorted(finding.networks or ()),
        "todo": finding.todo or rule.todo,
        "because": [*finding.because, *_moved(view, finding)],
        "certainty": finding.certainty,
        "explains": sorted(place for place in places if not left[place]),
        "shares": sorted(place for place in places if left[place]),
    }


def _moved(view: View, finding: model.Finding) -> list[str]:
    """What moved meanwhile at the nodes of bad paths, or was put there."""
    if finding.links is None:
        return []
    ids = [network["id"] for network in view.facts.under_test if network["name"] in (finding.networks or ())]
    lines = [line for node in finding.nodes for line in _witness.evidence(view.facts, node, ids)]
    return [line for line in lines if line not in finding.because][:EVIDENCE]
