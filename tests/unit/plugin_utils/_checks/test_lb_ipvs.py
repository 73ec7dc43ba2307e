# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""LB-IPVS: the load balancer of every node leads each virtual IP, by its mark, to exactly the backends in gossip."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._checks import lb_ipvs
from sound import PLAIN, failed, healthy, missing, worst


@pytest.mark.parametrize(
    ("sets", "wrong"),
    [
        ([["10.0.1.10", "10.0.1.11", "10.0.1.12"]], False),
        ([["10.0.9.9"], ["10.0.1.10", "10.0.1.11", "10.0.1.12"]], False),
        ([["10.0.1.10", "10.0.1.11"]], True),
        ([["10.0.1.10", "10.0.1.11", "10.0.1.12", "10.0.1.99"]], True),
        ([], True),
    ],
)
def test_backends_of_the_load_balancer(sets: list, wrong: bool) -> None:
    facts = healthy()
    facts.held["vm2"][PLAIN["id"]]["balancer"] = [{"active": row, "quiet": []} for row in sets]
    assert bool(lb_ipvs.differences(facts.held["vm2"][PLAIN["id"]])) is wrong
    if wrong:
        assert failed(facts, "LB-IPVS")["nodes"] == ["vm2"]


def test_a_backend_that_is_about_to_go_is_no_fault() -> None:
    facts = healthy()
    facts.held["vm2"][PLAIN["id"]]["balancer"] = [{"active": ["10.0.1.10", "10.0.1.12"], "quiet": ["10.0.1.11"]}]
    assert worst(facts, "LB-IPVS") == "pass"


def test_a_node_without_a_load_balancer() -> None:
    facts = healthy()
    facts.held["vm2"][PLAIN["id"]]["balancer"] = None
    missing(facts, "vm2", "ip_vs")
    result = failed(facts, "LB-IPVS")
    assert result["nodes"] == ["vm2"] and "ip_vs" in result["hint"]
