# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""GOSSIP-HASH: gossip is the same on every node: services, tasks, and their nodes."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._checks import gossip_hash
from sound import PLAIN, failed, healthy


@pytest.mark.parametrize(
    ("told", "odd"),
    [
        ({"a": ({"x"}, {"x"}), "b": ({"x"}, {"x"}), "c": (set(), set())}, {"c": [("lacks", "x")]}),
        ({"a": ({"x", "y"}, {"x", "y"}), "b": ({"x"}, {"x"}), "c": ({"x"}, {"x"})}, {"a": [("alone holds", "y")]}),
        ({"a": ({"x"}, {"x"}), "b": (set(), {"x"}), "c": ({"x"}, {"x"})}, {}),
        ({"a": (set(), {"x"}), "b": (set(), set()), "c": (set(), set())}, {}),
    ],
)
def test_records_that_diverge(told: dict, odd: dict) -> None:
    assert gossip_hash.divergent(told) == odd


def test_a_node_that_gossip_forgot() -> None:
    facts = healthy()
    records = facts.held["vm3"][PLAIN["id"]]["records"]
    lost = records["always"].pop()
    records["ever"].remove(lost)
    result = failed(facts, "GOSSIP-HASH")
    assert result["nodes"] == ["vm3"] and lost in result["evidence"]["summary"]
