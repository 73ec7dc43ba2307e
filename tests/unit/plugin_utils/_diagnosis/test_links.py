# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is to blame for bad links."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._diagnosis import links


@pytest.mark.parametrize(
    ("good", "bad", "nodes", "way"),
    [
        ([("b", "a"), ("c", "a"), ("b", "c"), ("c", "b")], [("a", "b"), ("a", "c")], ("a",), links.OUTWARD),
        ([("a", "b"), ("a", "c"), ("b", "c"), ("c", "b")], [("b", "a"), ("c", "a")], ("a",), links.INWARD),
        ([("b", "c"), ("c", "b")], [("a", "b"), ("b", "a")], ("a",), links.BOTH),
        ([], [("a", "b")], ("a", "b"), links.BOTH),
    ],
)
def test_who_is_to_blame_for_bad_links(good: list, bad: list, nodes: tuple, way: str) -> None:
    found = links.blame(links.Links(frozenset(good), dict.fromkeys(bad, links.UNKNOWN)))
    assert (found.nodes, found.way) == (nodes, way)


def test_the_end_where_it_is_lost_decides_between_two() -> None:
    for end, node in ((links.SOURCE, "a"), (links.TARGET, "b")):
        assert links.blame(links.Links(frozenset(), {("a", "b"): end})).nodes == (node,)


def test_three_nodes_of_which_one_is_alone_are_no_partition() -> None:
    assert (
        links.partition(
            links.Links(frozenset({("a", "b"), ("b", "a")}), dict.fromkeys([("a", "c"), ("b", "c")], links.WAY))
        )
        == ()
    )
