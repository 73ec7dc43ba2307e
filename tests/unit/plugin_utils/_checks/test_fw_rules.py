# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""FW-RULES: the engine's firewall rules are present."""

from __future__ import annotations

import pytest
from sound import HOSTS, failed, healthy, judged


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"mark": []}, "nothing marks what back sends"),
        ({"drop": []}, "nothing drops clear text for back"),
        ({"ingress_jump": False}, "nothing leads to the chain DOCKER-INGRESS"),
        ({"ingress_ports": ["tcp/8080"]}, "no rule for a published port (tcp/30000)"),
        ({"ingress_ports": ["tcp/30000", "udp/30001"]}, "no rule for a published port (tcp/8080)"),
    ],
)
def test_rules_that_are_gone(rules: dict, words: str) -> None:
    facts = healthy()
    facts.rules["vm2"].update(rules)
    result = failed(facts, "FW-RULES")
    assert result["nodes"] == ["vm2"] and words in result["evidence"]["summary"]


def test_rules_that_are_gone_name_what_flushes_them() -> None:
    facts = healthy()
    facts.rules["vm2"].update(mark=[])
    facts.opened["vm2"]["flushers"] = ["firewalld with direct rules"]
    result = failed(facts, "FW-RULES")
    assert (
        "nothing marks what back sends for encryption (a reload of firewalld with direct rules flushes them)"
        in result["evidence"]["summary"]
    )
    assert "restart the engine of vm2" in result["hint"]


@pytest.mark.parametrize(
    ("age", "nodes"),
    [
        (5000.0, ["vm2"]),
        (89.0, None),
        (None, None),
    ],  # a port that was published while the verification ran had no chain before
)
def test_a_chain_that_the_run_itself_mended(age: float | None, nodes: list | None) -> None:
    facts = healthy()
    facts.opened["vm2"]["rules"]["ingress_jump"] = False
    facts.published_for["tcp/8080"] = age
    assert judged(facts, "FW-RULES") == [("fail", None, nodes) if nodes else ("pass", None, HOSTS)]


@pytest.mark.parametrize(("seconds", "status"), [(20.0, "pass"), (60.0, "pass"), (61.0, "fail"), (None, "fail")])
@pytest.mark.parametrize(
    "change", [("opened", "ingress_jump", False), ("rules", "ingress_ports", ["tcp/30000", "udp/30001"])]
)
def test_an_engine_that_has_just_started_may_not_have_written_all(
    change: tuple, seconds: float | None, status: str
) -> None:
    """Seen on a machine right after its engine was restarted: the ingress network came back seconds later."""
    facts, (part, key, value) = healthy(), change
    (facts.opened["vm2"]["rules"] if part == "opened" else facts.rules["vm2"])[key] = value
    facts.opened["vm2"]["engine_seconds"] = seconds
    assert judged(facts, "FW-RULES")[0][0] == status


@pytest.mark.parametrize("age", [59.0, 60.0, None])
def test_a_service_that_was_just_replaced_may_have_no_rule_yet(age: float | None) -> None:
    facts = healthy()
    facts.rules["vm2"]["ingress_ports"] = ["tcp/30000", "udp/30001"]
    facts.published_for["tcp/8080"] = age
    assert judged(facts, "FW-RULES") == [("pass", None, HOSTS)]


def test_rules_that_could_not_be_listed_are_no_pass() -> None:
    facts = healthy()
    facts.rules.pop("vm2")
    assert judged(facts, "FW-RULES") == [("inconclusive", None, ["vm2"])]
