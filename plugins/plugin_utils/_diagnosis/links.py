# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directions between nodes: those that work, those that fail and at which end, and the nodes that explain them. Pure.

Private to swarmlab.overlay.
"""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Iterable

from .._checks import _blame
from .._checks._blame import Pair

SOURCE, TARGET, WAY, UNKNOWN = "source", "target", "way", "unknown"  # the place of the loss
INWARD, OUTWARD, BOTH = "in", "out", "both"
Group = tuple[str, ...]  # nodes that can reach each other


class Links(t.NamedTuple):
    """Ordered pairs of nodes. ``good`` ones carry traffic; ``bad`` ones lose it, at the given place."""

    good: frozenset[Pair]
    bad: dict[Pair, str]


NONE = Links(frozenset(), {})


class Blamed(t.NamedTuple):
    """The nodes that explain the bad links, the groups of a partition, and the lost direction at the nodes."""

    nodes: tuple[str, ...]
    groups: tuple[Group, ...]
    way: str


def blame(links: Links, drops: Callable[[str], bool] = lambda node: False) -> Blamed | None:
    """The nodes to blame; None when every link is good. ``drops``: whether a node is known to drop what goes these ways."""
    if not links.bad:
        return None
    groups = partition(links)
    if groups:
        return Blamed(tuple(sorted(node for group in groups for node in group)), groups, BOTH)
    joined = {node for link in links.good for node in link}
    ends: dict[str | None, int] = {}
    for (source, target), end in links.bad.items():
        node = {SOURCE: source, TARGET: target}.get(end)
        ends[node] = ends.get(node, 0) + 1
    nodes = _blame.blame(links.bad, lambda node: 2 * ends.get(node, 0) + (node not in joined) + drops(node))
    return Blamed(tuple(nodes), (), _way(links, set(nodes)))


def _way(links: Links, nodes: set[str]) -> str:
    if all(target in nodes and source not in nodes and (target, source) in links.good for source, target in links.bad):
        return INWARD
    if all(source in nodes and target not in nodes and (target, source) in links.good for source, target in links.bad):
        return OUTWARD
    return BOTH


def partition(links: Links) -> tuple[Group, ...]:
    """The groups of a partition: at least two nodes each, connected inside and not to each other.

    Empty without a partition.
    """
    groups = components(links)
    nodes = {node for group in groups for node in group}
    if (
        len(groups) < 2
        or any(len(group) < 2 for group in groups)
        or nodes != {node for link in (*links.good, *links.bad) for node in link}
    ):
        return ()
    home = {node: number for number, group in enumerate(groups) for node in group}
    within = [link for link in links.bad if home[link[0]] == home[link[1]]]
    return () if within else tuple(groups)


def components(links: Links) -> list[Group]:
    """Sets of nodes connected by good links, in both directions where both are known."""
    left = {node for link in (*links.good, *links.bad) for node in link}
    near: dict[str, set[str]] = {node: set() for node in left}
    for source, target in links.good:
        if (target, source) not in links.bad and (source, target) not in links.bad:
            near[source].add(target)
            near[target].add(source)
    found = []
    while left:
        group, edge = set(), {min(left)}
        while edge:
            group |= edge
            edge = {other for node in edge for other in near[node]} - group
        left -= group
        found.append(tuple(sorted(group)))
    return sorted(found)


def common(several: Iterable[Links]) -> Links:
    """The links of several networks as one: good where any is good, bad where all that were tried are bad."""
    several = list(several)
    good = frozenset(link for links in several for link in links.good)
    bad = {link: end for links in several for link, end in links.bad.items() if link not in good}
    return Links(good, bad)


def without(links: Links, others: Iterable[Pair]) -> Links:
    """The links without the bad ones that a deeper cause explains."""
    gone = set(others)
    return Links(links.good, {link: end for link, end in links.bad.items() if link not in gone})
