# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""LB-SPREAD: connections to a virtual IP rotate over all backends, and no backend gets more than its share."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._checks import dp_matrix, lb_spread
from sound import PLAIN, failed, healthy, missing


@pytest.mark.parametrize(
    ("row", "uneven"),
    [
        ({"a": 2, "b": 2}, False),
        ({"a": 1, "b": 3}, False),
        ({"a": 0, "b": 4}, True),
        ({"a": 9, "b": 1, "c": 2}, True),
        ({"a": 0}, True),
    ],
)
def test_shares(row: dict, uneven: bool) -> None:
    assert lb_spread.uneven(row) is uneven


def test_a_backend_without_connections_is_told_and_a_kernel_without_ip_vs_is_the_reason() -> None:
    facts = healthy()
    seen = facts.observations["vm2"][dp_matrix.ident("DP-MATRIX", PLAIN, "*", "vip")]
    seen["shares"] = {"vm1": 6}
    result = failed(facts, "LB-SPREAD")
    assert result["nodes"] == ["vm2"] and "vm3 0" in result["evidence"]["summary"]
    missing(facts, "vm2", "ip_vs")
    assert "ip_vs" in failed(facts, "LB-SPREAD")["hint"]
