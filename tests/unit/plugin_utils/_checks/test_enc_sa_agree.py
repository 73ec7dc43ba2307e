# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""ENC-SA-AGREE: the IPsec states of both ends agree, and the policy matches the swarm's data port."""

from __future__ import annotations

import pytest
from sound import ADDRESS, HOSTS, SECRET, failed, healthy, judged, missing


@pytest.mark.parametrize(
    ("change", "nodes", "words"),
    [
        (lambda facts: facts.policies.update(vm2=[]), ["vm2"], "no policy"),
        (lambda facts: [row.update(port=9999) for row in facts.policies["vm2"]], ["vm2"], "port 9999"),
        (lambda facts: facts.xfrm.update(vm2=[]), ["vm1", "vm2", "vm3"], "no state"),
        (
            lambda facts: [row.update(spi="0000dead") for row in facts.xfrm["vm2"] if row["target"] == ADDRESS["vm2"]],
            ["vm2"],
            "vm2 does not know the SPI",
        ),
        (
            lambda facts: [row.update(key="other") for row in facts.xfrm["vm2"] if row["target"] == ADDRESS["vm2"]],
            ["vm1", "vm2", "vm3"],
            "the keys differ",
        ),
    ],
)
def test_states_that_do_not_agree(change, nodes: list, words: str) -> None:
    facts = healthy()
    change(facts)
    result = failed(facts, "ENC-SA-AGREE")
    assert words in " ".join(result["evidence"]["pairs"])
    assert set(result["nodes"]) <= set(nodes) and "vm2" in result["nodes"]


@pytest.mark.parametrize(
    ("lost", "words"), [("xfrm", "vm2 to vm1: had no state for the policy"), ("policies", "vm2 to vm1: had no policy")]
)
@pytest.mark.parametrize(("age", "told"), [(5000.0, True), (89.0, False), (None, False)])
def test_what_the_run_s_own_probe_healed_is_told(lost: str, words: str, age: float | None, told: bool) -> None:
    """An engine sets its encryption up anew when a task joins a network. Who joined while the run went on had nothing before."""
    facts = healthy()
    facts.opened["vm2"][lost] = []
    facts.carried[SECRET["id"]]["id-vm2"] = age
    if age is None:
        facts.carried = {}
        facts.closed.pop("vm1")
    if not told:
        assert judged(facts, "ENC-SA-AGREE") == [("pass", None, HOSTS)]
        return
    result = failed(facts, "ENC-SA-AGREE")
    assert result["nodes"] == ["vm2"] and words in result["evidence"]["summary"]


def test_states_that_could_not_be_read_are_no_pass() -> None:
    facts = healthy()
    facts.xfrm.pop("vm3")
    assert judged(facts, "ENC-SA-AGREE") == [("inconclusive", None, ["vm3"])]


def test_without_esp4_the_states_are_missing_for_that_reason() -> None:
    facts = healthy()
    for host in HOSTS:
        missing(facts, host, "esp4")
        facts.xfrm[host] = []
    found = failed(facts, "ENC-SA-AGREE")
    assert "esp4" in found["hint"] and found["reason"] == "kernel-lacks-esp"
