# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""MTU-FIT: full-size packets of a network fit the wire below it, by arithmetic and by an unfragmented burst."""

from __future__ import annotations

import pytest
from sound import CHECKS, PLAIN, SECRET, around, break_path, failed, healthy, judged, no_answer


@pytest.mark.parametrize(("underlay", "status"), [(1500, "pass"), (1499, "fail"), (9000, "pass")])
def test_the_arithmetic_of_sizes(underlay: int, status: str) -> None:
    facts = healthy()
    facts.opened["vm3"]["host"]["addresses"][0]["mtu"] = underlay
    assert {item["status"] for item in CHECKS["MTU-FIT"].judge(facts)} == {status}
    if status == "fail":
        assert judged(facts, "MTU-FIT") == [("fail", "front", ["vm3"]), ("fail", "back", ["vm3"])]


def test_full_packets_that_do_not_pass_where_small_ones_do() -> None:
    facts = healthy()
    for source, target in around("vm2"):
        no_answer(facts, source, f"MTU-FIT/{PLAIN['id']}/{target}")
    assert failed(facts, "MTU-FIT")["nodes"] == ["vm2"]


def test_a_dead_path_says_nothing_of_sizes() -> None:
    facts = healthy()
    break_path(facts, PLAIN, around("vm2"))
    assert ("inconclusive", "front", ["vm2"]) in judged(facts, "MTU-FIT")


def test_the_size_asked_for_is_the_network_s() -> None:
    facts = healthy()
    facts.networks = [dict(PLAIN, options={"com.docker.network.driver.mtu": "1300"}), SECRET]
    sizes = {
        request["size"]
        for rows in CHECKS["MTU-FIT"].plan(facts).values()
        for request in rows
        if request["kind"] == "burst"
    }
    assert sizes == {1250, 1424}, "the engine takes its overhead off the option"
