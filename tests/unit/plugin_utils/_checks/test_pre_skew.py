# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRE-SKEW at its limits: which clocks are certainly wrong, and which engines derive other SPIs."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._checks import pre_skew
from sound import CHECKS, HOSTS, healthy

SOUND = {"a": (0.0, 0.0), "b": (0.0, 0.0)}


@pytest.mark.parametrize(
    ("bounds", "apart"),
    [
        ({}, {}),
        ({"a": (500.0, 600.0)}, {}),  # nobody to compare with
        ({**SOUND, "c": (30.0, 31.0)}, {}),  # exactly the limit
        ({**SOUND, "c": (30.5, 99.0)}, {"c": 30.5}),
        ({**SOUND, "c": (-31.0, -30.0)}, {}),
        ({**SOUND, "c": (-99.0, -30.5)}, {"c": 30.5}),
        ({**SOUND, "c": (29.0, 900.0)}, {}),  # a slow call proves nothing
        ({**SOUND, "c": (-900.0, 900.0)}, {}),
        ({"a": (0.0, 20.0), "b": (0.0, 20.0), "c": (45.0, 45.0)}, {"c": 35.0}),  # 10 is the middle of a slow call
        ({"a": (0.0, 0.0), "b": (50.0, 50.0)}, {"b": 50.0}),  # of two, the one that the controller agrees with
        ({"a": (-50.0, -50.0), "b": (0.0, 0.0)}, {"a": 50.0}),
        ({"a": (1.0, 1.0), "b": (-60.0, -60.0)}, {"b": 61.0}),
        # the middle of an odd number is the one in the middle, whatever the controller's clock says
        ({"a": (0.0, 0.0), "b": (90.0, 90.0), "c": (91.0, 91.0)}, {"a": 90.0}),
        (
            {"a": (0.0, 0.0), "b": (1.0, 1.0), "c": (50.0, 50.0), "d": (60.0, 60.0), "e": (70.0, 70.0)},
            {"a": 50.0, "b": 49.0},
        ),
    ],
)
def test_only_a_clock_that_is_certainly_far_from_the_middle_is_wrong(bounds: dict, apart: dict) -> None:
    assert pre_skew._apart(bounds) == apart


@pytest.mark.parametrize(
    ("text", "odd"),
    [
        ("28.5.2", False), ("29.0.0", True), ("29.0.0-rc.1", True), ("29.1.3", True), ("29.2.0", True), ("29.2.0-rc.2", True),
        ("29.2.1", False), ("29.3.0", False), ("30.0.0", False), ("", False),
    ],
)  # fmt: skip
def test_engines_with_spis_of_their_own(text: str, odd: bool) -> None:
    assert pre_skew.odd_spi(text) is odd


def test_the_bounds_of_a_clock_need_a_call() -> None:
    assert pre_skew.skew([]) is None
    assert pre_skew.skew([[10.0, 12.0, 11.0, 13.5]]) == (1.5, 1.0)


def test_what_the_report_keeps_of_engines_and_clocks() -> None:
    facts = healthy()
    facts.nodes["vm3"]["engine"] = ""
    facts.clocks["vm2"] = [[100.0, 100.24, 100.26, 100.31]]
    (found,) = CHECKS["PRE-SKEW"].judge(facts)
    assert (found["status"], found["nodes"]) == ("pass", HOSTS[:2])
    assert found["evidence"]["engines"] == dict.fromkeys(HOSTS[:2], facts.nodes["vm1"]["engine"])
    assert set(found["evidence"]["clocks"]) == set(HOSTS[:2]) and found["evidence"]["clocks"]["vm2"] == [0.1, 0.3]


def test_who_told_no_time_is_named() -> None:
    facts = healthy()
    facts.clocks = {"vm1": facts.clocks["vm1"]}
    (found,) = CHECKS["PRE-SKEW"].judge(facts)
    assert (found["status"], found["reason"], found["nodes"]) == ("inconclusive", "not-told", ["vm2", "vm3"])
    assert "vm2" in found["evidence"]["summary"]
    facts.nodes = {}
    (found,) = CHECKS["PRE-SKEW"].judge(facts)
    assert (found["status"], found["reason"], found["nodes"]) == ("inconclusive", "not-told", [])
