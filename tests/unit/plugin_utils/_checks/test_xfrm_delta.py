# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""XFRM-DELTA: which counters rose by themselves, and whose kernel is the reason."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._checks import xfrm_delta
from drafts import Draft
from sound import CHECKS, HOSTS, healthy, missing


def risen(**after: int) -> Draft:
    facts = healthy()
    facts.probed["vm2"]["counters"] = {"XfrmInError": 0, "XfrmInNoStates": 2, **after}
    return facts


def test_the_hint_names_the_kernel_that_cannot_encrypt_and_else_what_counters_mean() -> None:
    facts = risen(XfrmInStateProtoError=1)
    (found,) = CHECKS["XFRM-DELTA"].judge(facts)
    assert (found["status"], found["reason"], found["hint"]) == ("fail", "errors-rose", xfrm_delta.HINT)
    assert found["evidence"]["counters"] == {"vm2": {"XfrmInStateProtoError": 1}}
    missing(facts, "vm3", "esp4")
    (found,) = CHECKS["XFRM-DELTA"].judge(facts)
    assert found["nodes"] == ["vm2"] and found["hint"].startswith("The kernel of vm3 lacks esp4")


@pytest.mark.parametrize(
    ("after", "rose"),
    [
        ({}, {}),
        ({"XfrmInError": 1}, {"XfrmInError": 1}),
        ({"XfrmInNoStates": 1}, {}),  # a counter never falls but by a restart
        ({"XfrmInNoStates": 4}, {}),  # the answers to two questions of its own over protocol 50
        ({"XfrmInNoStates": 5}, {"XfrmInNoStates": 1}),
        ({"XfrmAcquireError": 9, "XfrmOutBundleCheckError": 9}, {}),
        ({"XfrmOutNoStates": 3}, {"XfrmOutNoStates": 3}),  # a counter that was not there before
    ],
)
def test_what_rose_without_our_own_questions(after: dict, rose: dict) -> None:
    facts = risen(**after)
    assert (
        xfrm_delta.risen(facts, "vm2", {"XfrmInError": 0, "XfrmInNoStates": 2}, facts.probed["vm2"]["counters"]) == rose
    )


def test_counters_that_were_read_after_the_questions_are_not_reduced_by_them() -> None:
    facts = risen(XfrmInNoStates=5)
    facts.probed["vm2"]["counters_before"] = {"XfrmInError": 0, "XfrmInNoStates": 3}
    (found,) = CHECKS["XFRM-DELTA"].judge(facts)
    assert found["evidence"]["counters"] == {"vm2": {"XfrmInNoStates": 2}}


def test_who_told_no_counters_is_named_unless_no_kernel_keeps_them() -> None:
    facts = healthy()
    facts.probed["vm2"]["counters"] = None
    (found,) = CHECKS["XFRM-DELTA"].judge(facts)
    assert (found["status"], found["reason"], found["nodes"]) == ("inconclusive", "not-told", ["vm2"])
    for host in HOSTS:
        facts.probed[host]["counters"] = None
    (found,) = CHECKS["XFRM-DELTA"].judge(facts)
    assert (found["status"], found["reason"]) == ("skip", "no-counters")
    del facts.probed["vm3"]  # whether its kernel keeps any is not known
    (found,) = CHECKS["XFRM-DELTA"].judge(facts)
    assert (found["status"], found["reason"], found["nodes"]) == ("inconclusive", "not-told", HOSTS)
