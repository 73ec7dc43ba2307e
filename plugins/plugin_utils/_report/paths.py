# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The paths of all checks' matrices by network. Pure.

Private to swarmlab.overlay. Any check may have ``evidence.matrix``; see docs/report.md.
"""

from __future__ import annotations

import typing as t
from collections import Counter
from collections.abc import Iterable

BALANCED = ("vip",)
WORST_FIRST = ("fail", "inconclusive", "pass")


class Kind(t.NamedTuple):
    """One kind of traffic on one network: {source: {target: seconds, reason or None}}."""

    name: str
    nodes: list[t.Any]
    cells: dict[t.Any, t.Any]


def by_network(report: dict[str, t.Any]) -> dict[str, t.Any]:
    """Network -> its kinds of traffic, in the order of the report."""
    found: dict[t.Any, t.Any] = {}
    for item in report["checks"]:
        matrix = item["evidence"].get("matrix")
        if matrix:
            kinds = [Kind(name, matrix["nodes"], cells) for name, cells in matrix["kinds"].items()]
            found.setdefault(item["network"], []).extend(kinds)
    return found


def state(cell: float | str | None) -> str:
    """The status of an existing cell."""
    if cell is None:
        return "inconclusive"
    return "fail" if isinstance(cell, str) else "pass"


def worst(states: Iterable[str]) -> str:
    """The worst of several states; inconclusive without any."""
    return min(states, key=WORST_FIRST.index, default="inconclusive")


def tunnels(kinds: list[Kind]) -> dict[tuple[str, str], str]:
    """Unordered pair of nodes -> the worst status of all direct traffic between them, in both directions."""
    found: dict[t.Any, t.Any] = {}
    for kind in kinds:
        if kind.name in BALANCED:
            continue  # a virtual IP has failures of its own, while the tunnel works
        for source, target, cell in pairs(kind):
            key = tuple(sorted((source, target)))
            found[key] = worst((state(cell), found.get(key, "pass")))
    return found


def merged(kinds: list[Kind]) -> list[Kind]:
    """Kinds of traffic that work and fail between the same pairs as one, with the slowest answer of each pair."""
    groups: dict[t.Any, list[Kind]] = {}
    for kind in kinds:
        look = tuple(
            (source, target, state(cell), cell if isinstance(cell, str) else None)
            for source, target, cell in pairs(kind)
        )
        groups.setdefault((tuple(kind.nodes), look), []).append(kind)
    return [Kind(", ".join(kind.name for kind in alike), alike[0].nodes, _slowest(alike)) for alike in groups.values()]


def _slowest(alike: list[Kind]) -> dict[t.Any, t.Any]:
    """The cells of kinds with the same states."""
    return {
        source: {
            target: max(kind.cells[source][target] for kind in alike) if state(cell) == "pass" else cell
            for target, cell in row.items()
        }
        for source, row in alike[0].cells.items()
    }


def ends(broken: dict[tuple[str, str], str]) -> dict[str, str]:
    """The fewest nodes that all of these tunnels end at, nearly: node -> the worst status of its tunnels."""
    left, found = dict(broken), dict[str, str]()
    while left:
        counted = Counter(node for pair in left for node in pair)
        node = max(counted, key=lambda name: counted[name])
        found[node] = worst(status for pair, status in broken.items() if node in pair)
        left = {pair: status for pair, status in left.items() if node not in pair}
    return found


def pairs(kind: Kind) -> list[tuple[t.Any, ...]]:
    """(source, target, cell) of every pair that was tried."""
    return [(source, target, cell) for source, row in kind.cells.items() for target, cell in row.items()]
