# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""XFRM-DELTA: which counters of errors rose, and what of it was this run's own doing."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._checks import xfrm_delta
from drafts import Draft
from sound import HOSTS, PLAIN, SECRET, failed, healthy, missing, results, short, worst

KNOCK = "PRE-PORT/port-esp/0/"
BEFORE = {"XfrmInError": 1, "XfrmInNoStates": 2}


@pytest.mark.parametrize(
    ("after", "heard", "asked", "rows"),
    [
        ({}, {}, {}, {}),
        (BEFORE, {}, {}, {}),
        ({"XfrmInError": 2}, {}, {}, {"XfrmInError": 1}),
        ({"XfrmInError": 0}, {}, {}, {}),  # it fell: the node was restarted
        ({"XfrmOutNoStates": 1}, {}, {}, {"XfrmOutNoStates": 1}),  # a counter that was not there before was zero
        ({"XfrmOutNoStates": 0}, {}, {}, {}),
        ({"XfrmAcquireError": 9, "XfrmOutBundleCheckError": 9, "XfrmInError": 3}, {}, {}, {"XfrmInError": 2}),
        # What the run itself sent: packets of protocol 50 that were heard here, and answers to those sent from here.
        ({"XfrmInNoStates": 7}, {}, {}, {"XfrmInNoStates": 5}),
        ({"XfrmInNoStates": 7}, {"50/0/vm1": 2, "50/0/vm3": 3}, {}, {}),
        ({"XfrmInNoStates": 7}, {"50/0/vm1": 2, "50/0/vm3": 2}, {}, {"XfrmInNoStates": 1}),
        ({"XfrmInNoStates": 7}, {"17/4789/vm1": 9, "150/0/vm1": 9}, {}, {"XfrmInNoStates": 5}),
        ({"XfrmInNoStates": 7}, {"50/0/vm1": 2}, {KNOCK + "vm1": {"tries": 2}}, {"XfrmInNoStates": 1}),
        ({"XfrmInNoStates": 7}, {"50/0/vm1": 2}, {KNOCK + "vm1": {"tries": 3}}, {}),
        ({"XfrmInNoStates": 7}, {}, {KNOCK + "vm1": {"tries": 2}, KNOCK + "vm3": {"tries": 2}}, {"XfrmInNoStates": 1}),
        ({"XfrmInNoStates": 7}, {}, {KNOCK + "vm1": {}}, {"XfrmInNoStates": 5}),
        ({"XfrmInNoStates": 7}, {}, {"PRE-PORT/port-udp/4789/vm1": {"tries": 9}}, {"XfrmInNoStates": 5}),
        ({"XfrmInNoStates": 7}, {}, {"DP-MATRIX/x/vm1/udp": {"tries": 9}}, {"XfrmInNoStates": 5}),
        # Only that counter is touched by them.
        ({"XfrmInError": 9}, {"50/0/vm1": 9}, {}, {"XfrmInError": 8}),
    ],
)
def test_what_rose_and_was_not_the_runs_own(after: dict, heard: dict, asked: dict, rows: dict) -> None:
    facts = Draft(heard={"vm2": heard}, observations={"vm2": asked}, probed={"vm2": {}})
    assert xfrm_delta.risen(facts, "vm2", BEFORE, after) == rows


def test_nothing_is_known_of_a_host_that_heard_and_asked_nothing() -> None:
    assert xfrm_delta.risen(Draft(probed={"vm2": {}}), "vm2", {}, {"XfrmInNoStates": 1}) == {"XfrmInNoStates": 1}


def test_counters_that_were_read_after_the_requests_hold_none_of_them() -> None:
    facts = Draft(heard={"vm2": {"50/0/vm1": 3}}, probed={"vm2": {"counters_before": BEFORE}})
    assert xfrm_delta.risen(facts, "vm2", BEFORE, {"XfrmInNoStates": 4}) == {"XfrmInNoStates": 2}


@pytest.mark.parametrize(
    ("opened", "probed", "found"),
    [
        ({"counters": {"a": 1}}, {"counters": {"a": 3}}, ({"a": 1}, {"a": 3})),
        ({"counters": {"a": 1}}, {"counters": {"a": 3}, "counters_before": {"a": 2}}, ({"a": 2}, {"a": 3})),
        ({}, {"counters": {"a": 3}, "counters_before": {"a": 2}}, ({"a": 2}, {"a": 3})),
        ({"counters": {"a": 1}}, {}, None),
        ({"counters": {"a": 1}}, None, None),
        ({}, {"counters": {"a": 3}}, None),
        ({"counters": None}, {"counters": None}, None),
    ],
)
def test_counters_need_both_readings(opened: dict, probed: dict | None, found: tuple | None) -> None:
    facts = Draft(opened={"vm2": opened}, probed={"vm2": probed} if probed is not None else {})
    assert xfrm_delta._counters(facts, "vm2") == found


def told(facts: Draft) -> dict:
    (found,) = results(facts, xfrm_delta.ID)
    assert set(found["evidence"]) == ({"summary", "counters"} if found["status"] == "fail" else {"summary"})
    return found


def rise(facts: Draft, host: str, counter: str = "XfrmInError", by: int = 4) -> None:
    facts.probed[host]["counters"][counter] = facts.opened[host]["counters"].get(counter, 0) + by


def mute(*hosts: str):
    def change(facts: Draft) -> None:
        for host in hosts:
            facts.probed[host]["counters"] = facts.opened[host]["counters"] = None

    return change


def risen_and_mute(facts: Draft) -> None:
    mute("vm3")(facts)
    rise(facts, "vm2")


def silent(facts: Draft) -> None:
    mute(*HOSTS)(facts)
    del facts.probed["vm3"]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda facts: None, ("pass", "ok", HOSTS)),
        (lambda facts: facts.update(leader=None), ("inconclusive", "leader-not-in-play", [])),
        (lambda facts: facts.update(networks=[PLAIN]), ("skip", "not-encrypted", [])),
        (lambda facts: facts.update(networks=[]), ("skip", "not-encrypted", [])),
        (lambda facts: facts.update(networks=[SECRET]), ("pass", "ok", HOSTS)),
        (lambda facts: rise(facts, "vm2"), ("fail", "errors-rose", ["vm2"])),
        (lambda facts: rise(facts, "vm2", "XfrmInNoStates", 2), ("pass", "ok", HOSTS)),  # answers to its own two knocks
        (lambda facts: rise(facts, "vm2", "XfrmInNoStates", 3), ("fail", "errors-rose", ["vm2"])),
        (lambda facts: (rise(facts, "vm3"), rise(facts, "vm1")), ("fail", "errors-rose", ["vm1", "vm3"])),
        (risen_and_mute, ("fail", "errors-rose", ["vm2"])),
        (mute("vm3"), ("inconclusive", "not-told", ["vm3"])),
        (mute(*HOSTS), ("skip", "no-counters", [])),
        (silent, ("inconclusive", "not-told", HOSTS)),  # one did not answer: whether it has counters is unknown
        (lambda facts: facts.opened.pop("vm3"), ("pass", "ok", ["vm1", "vm2"])),  # PRE-REACH names it
        (lambda facts: facts.opened.clear(), ("inconclusive", "not-told", [])),
    ],
)
def test_what_follows_from_the_counters(change, found: tuple) -> None:
    facts = healthy()
    change(facts)
    assert short(told(facts)) == found


def test_a_failure_shows_the_counters_of_each_node_that_has_any() -> None:
    facts = healthy()
    rise(facts, "vm3", by=2)
    rise(facts, "vm3", "XfrmInBufferError", by=1)
    rise(facts, "vm1")
    found = told(facts)
    assert found["evidence"] == {
        "summary": "vm1: XfrmInError +4, vm3: XfrmInBufferError +1, XfrmInError +2",
        "counters": {"vm1": {"XfrmInError": 4}, "vm3": {"XfrmInBufferError": 1, "XfrmInError": 2}},
    }


@pytest.mark.parametrize(
    ("lacking", "over_ipv6", "words"),
    [
        ([], False, None),
        ([("vm1", "esp6")], False, None),  # it is not needed here
        ([("vm1", "esp4")], False, "The kernel of vm1 lacks esp4"),
        ([("vm1", "esp4"), ("vm3", "esp4")], False, "The kernel of vm1, vm3 lacks esp4"),
        ([("vm2", "esp6")], True, "The kernel of vm2 lacks esp6"),
    ],
)
def test_the_advice_looks_at_the_kernels_first(lacking: list, over_ipv6: bool, words: str | None) -> None:
    facts = healthy()
    rise(facts, "vm2")
    for host, module in lacking:
        missing(facts, host, module)
    if over_ipv6:
        for place, host in enumerate(HOSTS):
            facts.nodes[host]["address"] = f"fd00::{place}"
    reason, hint = told(facts)["reason"], told(facts)["hint"]
    assert (reason == "kernel-lacks-esp") == (over_ipv6 and bool(lacking))  # where the errors are counted
    assert hint.startswith(words) if words else hint == xfrm_delta.HINT


def test_who_is_silent_is_in_the_text() -> None:
    facts = healthy()
    mute("vm3")(facts)
    assert told(facts)["evidence"]["summary"].endswith(" from vm3")
    facts.opened.clear()
    assert told(facts)["evidence"]["summary"].endswith(" from any node")
    assert told(healthy())["evidence"]["summary"].endswith(" 3 nodes")


def test_nothing_is_asked() -> None:
    assert xfrm_delta.plan(healthy()) == {}


@pytest.mark.parametrize(
    ("counters", "heard", "status"),
    [
        ({"XfrmInStateProtoError": 3}, {}, "fail"),
        ({"XfrmInNoStates": 7}, {}, "fail"),
        ({"XfrmInNoStates": 6}, {"50/0/vm1": 2}, "pass"),  # two questions heard, two answers to two knocks of its own
        ({"XfrmAcquireError": 5}, {}, "pass"),
    ],
)
def test_counters_that_rise(counters: dict, heard: dict, status: str) -> None:
    facts = healthy()
    facts.probed["vm2"]["counters"] = dict({"XfrmInError": 0, "XfrmInNoStates": 2}, **counters)
    facts.heard["vm2"] = heard
    assert worst(facts, "XFRM-DELTA") == status
    if status == "fail":
        assert failed(facts, "XFRM-DELTA")["nodes"] == ["vm2"]


def test_a_kernel_that_keeps_no_counters_is_a_skip() -> None:
    facts = healthy()
    for host in HOSTS:
        facts.probed[host]["counters"] = facts.opened[host]["counters"] = None
    assert worst(facts, "XFRM-DELTA") == "skip"
