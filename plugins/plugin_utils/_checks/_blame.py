# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes to blame when paths between nodes fail, and the pairs of nodes to try.

Private to swarmlab.overlay.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from itertools import combinations

EXACT_UP_TO = 12
FULL_MESH_UP_TO = 10

Pair = tuple[str, str]


def covers(failed: Iterable[Pair]) -> list[set[str]]:
    """The smallest sets of nodes that touch every failed pair."""
    pairs = set(failed)
    nodes = sorted({node for pair in pairs for node in pair})
    if len(nodes) > EXACT_UP_TO:
        return [_greedy(pairs)]
    for size in range(len(nodes) + 1):
        found = [set(group) for group in combinations(nodes, size) if all(set(pair) & set(group) for pair in pairs)]
        if found:
            return found
    return []


def _greedy(pairs: set[Pair]) -> set[str]:
    left, chosen = set(pairs), set()
    while left:
        degree: dict[str, int] = {}
        for pair in left:
            for node in pair:
                degree[node] = degree.get(node, 0) + 1
        worst = max(sorted(degree), key=lambda node: degree[node])
        chosen.add(worst)
        left = {pair for pair in left if worst not in pair}
    return chosen


def blame(failed: Iterable[Pair], suspicion: Callable[[str], float] = lambda node: 0) -> list[str]:
    """The nodes that explain the failed (source, target) pairs.

    The result is one smallest covering set. Among several, the most suspected one wins. When the evidence does not
    distinguish them, the result is every node of a failed pair.
    """
    failed = list(failed)
    groups = covers(failed)
    if not failed or not groups:
        return []
    if len(groups) > 1:
        weights = [sum(suspicion(node) for node in group) for group in groups]
        best = max(weights)
        groups = [group for group, weight in zip(groups, weights) if weight == best]
    if len(groups) == 1:
        return sorted(groups[0])
    return sorted({node for pair in failed for node in pair})


def between(failures: Iterable[tuple[str, ...]]) -> list[list[str]]:
    """The nodes that took part in each failure, as evidence: the one that asked, the one that was asked, those behind it."""
    return [list(nodes) for nodes in sorted({tuple(dict.fromkeys(nodes)) for nodes in failures})]


def pairs(nodes: list[str], run: str, full_up_to: int = FULL_MESH_UP_TO) -> list[Pair]:
    """Ordered pairs to try: all up to ten nodes; above that, some neighbours by hash order, different in every run."""
    if len(nodes) <= full_up_to:
        return [(source, target) for source in nodes for target in nodes if source != target]
    ordered = ring(nodes, run)
    reach = full_up_to // 2
    chosen = []
    for position, source in enumerate(ordered):
        for step in range(1, reach + 1):
            target = ordered[(position + step) % len(ordered)]
            chosen += [(source, target), (target, source)]
    return sorted(set(chosen))


def ring(nodes: list[str], run: str) -> list[str]:
    """The nodes in an order that differs from run to run."""
    return sorted(nodes, key=lambda node: hashlib.sha256((f"{run}/{node}").encode()).hexdigest())
