# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRE-SKEW: whose clock is wrong, and which engines do not fit."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._checks import pre_skew
from sound import HOSTS, PLAIN, SECRET, failed, healthy, judged, worst

HOUR = 3600.0


def exact(**clocks: float) -> dict[str, tuple[float, float]]:
    """Clocks that are known to the point."""
    return {host: (ahead, ahead) for host, ahead in clocks.items()}


@pytest.mark.parametrize(
    ("bounds", "wrong"),
    [
        ({}, {}),
        (exact(vm1=HOUR), {}),  # nobody to differ from
        # The limit itself is no fault, to either side.
        (exact(vm1=0, vm2=0, vm3=30), {}),
        (exact(vm1=0, vm2=0, vm3=31), {"vm3": 31}),
        (exact(vm1=0, vm2=0, vm3=-30), {}),
        (exact(vm1=0, vm2=0, vm3=-31), {"vm3": 31}),
        # What is certain is the nearer end of the bounds.
        ({"vm1": (0, 0), "vm2": (0, 0), "vm3": (25, 900)}, {}),
        ({"vm1": (0, 0), "vm2": (0, 0), "vm3": (40, 900)}, {"vm3": 40}),
        ({"vm1": (0, 0), "vm2": (0, 0), "vm3": (-900, -40)}, {"vm3": 40}),
        ({"vm1": (200, 300), "vm2": (200, 300), "vm3": (200, 300)}, {}),
        ({"vm1": (200, 300), "vm2": (200, 300), "vm3": (291, 391)}, {}),
        ({"vm1": (200, 300), "vm2": (200, 300), "vm3": (341, 391)}, {"vm3": 41}),
        # Slow calls bound a clock badly, and to one side: what fits into their bounds is no fault of a clock.
        ({"vm1": (-70, 0), "vm2": (-70, 0), "vm3": (0, 0.1)}, {}),
        ({"vm1": (0, 0.1), "vm2": (-900, 0), "vm3": (-800, 0.1)}, {}),
        ({"vm1": (-70, 0), "vm2": (0, 70), "vm3": (0, 0), "vm4": (40, 900)}, {"vm4": 40}),
        ({"vm1": (-90, 0), "vm2": (-90, 0), "vm3": (31, 31)}, {"vm3": 31}),
        # The nodes agree: it is the controller's clock that is wrong.
        (exact(vm1=HOUR, vm2=HOUR + 2), {}),
        (exact(vm1=-HOUR, vm2=-HOUR, vm3=-HOUR), {}),
        (exact(vm1=HOUR, vm2=HOUR, vm3=HOUR, vm4=HOUR), {}),
        # Most nodes agree.
        (exact(vm1=HOUR, vm2=HOUR, vm3=0), {"vm3": HOUR}),
        (exact(vm1=0, vm2=HOUR, vm3=0), {"vm2": HOUR}),
        (exact(vm1=HOUR, vm2=0, vm3=0, vm4=0), {"vm1": HOUR}),
        (exact(vm1=HOUR, vm2=HOUR, vm3=HOUR, vm4=0), {"vm4": HOUR}),
        (exact(vm1=1, vm2=2, vm3=3, vm4=4, vm5=100), {"vm5": 97}),
        # Two halves: the controller tells which is wrong.
        (exact(vm1=0, vm2=HOUR), {"vm2": HOUR}),
        (exact(vm1=-HOUR, vm2=0), {"vm1": HOUR}),
        (exact(vm1=-HOUR, vm2=1), {"vm1": HOUR}),
        (exact(vm1=0, vm2=0, vm3=HOUR, vm4=HOUR), {"vm3": HOUR, "vm4": HOUR}),
        (exact(vm1=-HOUR, vm2=0, vm3=-HOUR, vm4=0), {"vm1": HOUR, "vm3": HOUR}),
        # Nothing tells which of two is wrong when each is as near to the controller as a sound clock.
        (exact(vm1=-20, vm2=20), {}),
        (exact(vm1=-HOUR, vm2=HOUR), {"vm1": HOUR, "vm2": HOUR}),
    ],
)
def test_whose_clock_is_wrong(bounds: dict, wrong: dict) -> None:
    assert pre_skew._apart(bounds) == wrong


@pytest.mark.parametrize(
    ("clocks", "more", "middle"),
    [([], 7, 7), ([5], 7, 5), ([1, 9], 7, 7), ([1, 9], 0, 1), ([9, 1, 2], 7, 2), ([1, 2, 8, 9], 5, 5)],
)
def test_one_more_clock_decides_between_two_in_the_middle(clocks: list, more: float, middle: float) -> None:
    assert pre_skew.middle(clocks, more) == middle


@pytest.mark.parametrize(
    ("text", "numbers", "odd"),
    [
        ("28.5.2", (28, 5, 2), False),
        ("29.0.0", (29, 0, 0), True),
        ("29.2.0", (29, 2, 0), True),
        ("29.2.1", (29, 2, 1), False),
        ("28.99.99", (28, 99, 99), False),
        ("29.2.0-rc.3", (29, 2, 0), True),  # the first three numbers alone
        ("29.3", (29, 3), False),
    ],
)
def test_versions_are_compared_by_their_first_three_numbers(text: str, numbers: tuple, odd: bool) -> None:
    assert (pre_skew.version(text), pre_skew.odd_spi(text)) == (numbers, odd)


def test_bounds_of_all_calls_are_intersected() -> None:
    assert pre_skew.skew([]) is None
    assert pre_skew.skew([[100.0, 103.0, 110.0, 111.0]]) == (8.0, 10.0)
    assert pre_skew.skew([[100.0, 103.0, 110.0, 111.0], [200.0, 201.0, 210.0, 210.5]]) == (9.5, 10.0)


def test_calls_that_contradict_each_other_make_no_clock_wrong() -> None:
    calls = [[100.0, 101.0, 176.0, 176.5], [200.0, 201.0, 200.1, 200.9]]
    assert pre_skew.skew(calls) == pytest.approx((0.1, 75.5))
    facts = healthy()
    facts.clocks = dict.fromkeys(HOSTS, calls)
    assert worst(facts, "PRE-SKEW") == "pass"


CALL = [100.0, 106.0, 102.26, 105.77]  # of each node
ENGINES = dict.fromkeys(HOSTS, "28.5.2")
BOUNDS = {host: [-0.2, 2.3] for host in HOSTS}  # one digit after the point


def engines(facts) -> None:
    facts.nodes["vm2"]["engine"] = "29.1.0"


def clocks(facts) -> None:
    facts.clocks["vm3"] = [[moment + (HOUR if place > 1 else 0) for place, moment in enumerate(CALL)]]


@pytest.mark.parametrize(
    ("change", "status", "reason", "nodes", "hint", "seen"),
    [
        (lambda facts: None, "pass", "ok", HOSTS, None, {}),
        (
            engines,
            "fail",
            "engine-skew",
            ["vm2"],
            pre_skew.SPI % "vm2",
            {"engines": {**ENGINES, "vm2": "29.1.0"}},
        ),
        (
            clocks,
            "fail",
            "clock-skew",
            ["vm3"],
            pre_skew.CLOCK % "vm3",
            {"clocks": {**BOUNDS, "vm3": [HOUR - 0.2, HOUR + 2.3]}},
        ),
        (
            lambda facts: facts.clocks.update(vm2=[]),
            "inconclusive",
            "not-told",
            ["vm2"],
            pre_skew.HINT,
            {"clocks": {host: BOUNDS[host] for host in ("vm1", "vm3")}},
        ),
        (lambda facts: facts.clocks.clear(), "inconclusive", "not-told", HOSTS, pre_skew.HINT, {"clocks": {}}),
        (
            lambda facts: facts.update(nodes={}),
            "inconclusive",
            "not-told",
            [],
            pre_skew.HINT,
            {"clocks": {}, "engines": {}},
        ),
    ],
)  # fmt: skip
def test_the_result_names_the_nodes_and_shows_versions_and_bounds(
    change, status: str, reason: str, nodes: list, hint: str | None, seen: dict
) -> None:
    facts = healthy()
    facts.clocks = {host: [CALL] for host in HOSTS}
    change(facts)
    (found,) = pre_skew.judge(facts)
    assert (found["status"], found["reason"], found["nodes"], found["hint"]) == (status, reason, nodes, hint)
    told = {key: value for key, value in found["evidence"].items() if key != "summary"}
    assert told == {"engines": ENGINES, "clocks": BOUNDS, **seen}


@pytest.mark.parametrize("networks", [[], [PLAIN]])
def test_engines_matter_only_to_encrypted_networks(networks: list) -> None:
    facts = healthy()
    engines(facts)
    facts.networks = networks
    assert [item["reason"] for item in pre_skew.judge(facts)] == ["ok"]


def test_clocks_by_how_much_and_who_told_none_is_in_the_text() -> None:
    facts = healthy()
    facts.clocks = {host: [CALL] for host in HOSTS}
    clocks(facts)
    assert "vm3 by at least 3598 s" in pre_skew.judge(facts)[0]["evidence"]["summary"]
    facts.clocks["vm3"] = []
    assert pre_skew.judge(facts)[0]["evidence"]["summary"].endswith("on vm3")
    facts.nodes = {}
    assert pre_skew.judge(facts)[0]["evidence"]["summary"].endswith("on any node")


@pytest.mark.parametrize(
    ("engines", "encrypted", "nodes"),
    [
        ({"vm2": "29.1.3"}, True, ["vm2"]),
        ({"vm2": "29.1.3"}, False, None),
        ({"vm1": "29.0.0", "vm2": "29.2.0", "vm3": "29.1.0-rc.1"}, True, None),
        ({"vm3": "29.2.1"}, True, None),
        ({"vm3": "26.1.5+dfsg1"}, True, None),
    ],
)
def test_engines_that_derive_other_spis(engines: dict, encrypted: bool, nodes: list | None) -> None:
    facts = healthy()
    for host, version in engines.items():
        facts.nodes[host]["engine"] = version
    facts.networks = [PLAIN, SECRET] if encrypted else [PLAIN]
    if nodes is None:
        assert worst(facts, "PRE-SKEW") == "pass"
    else:
        result = failed(facts, "PRE-SKEW")
        assert result["nodes"] == nodes and "51798" in result["hint"]


@pytest.mark.parametrize(("seconds", "status"), [(0, "pass"), (20, "pass"), (3600, "fail"), (-3600, "fail")])
def test_a_clock_that_is_surely_wrong(seconds: float, status: str) -> None:
    facts = healthy()
    facts.clocks["vm3"] = [[100.0, 110.0, 103.0 + seconds, 105.0 + seconds]]
    assert worst(facts, "PRE-SKEW") == status
    if status == "fail":
        assert failed(facts, "PRE-SKEW")["nodes"] == ["vm3"]


def test_a_slow_call_tells_little_of_a_clock_and_a_quick_one_more() -> None:
    low, high = pre_skew.skew([[100.0, 200.0, 110.0, 120.0], [300.0, 301.0, 305.0, 305.5]])
    assert (low, high) == (4.5, 5.0)


def test_unread_clocks_are_no_pass() -> None:
    facts = healthy()
    facts.clocks["vm3"] = []
    assert judged(facts, "PRE-SKEW") == [("inconclusive", None, ["vm3"])]
