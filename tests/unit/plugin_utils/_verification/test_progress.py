# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines a person reads while a verification runs: true, short, and no longer for more nodes."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._verification import progress
from drafts import Draft


def check(ident: str, *requests: tuple) -> SimpleNamespace:
    """A check that asks these (host, id)."""
    plan: dict = {}
    for host, request in requests:
        plan.setdefault(host, []).append({"id": request})
    return SimpleNamespace(ID=ident, plan=lambda _facts: plan)


def facts(number: int = 3, **changes) -> Draft:
    hosts = [f"vm{index}" for index in range(1, number + 1)]
    networks = [{"name": "front", "encrypted": False}, {"name": "back", "encrypted": True}]
    base: dict = {
        "hosts": hosts,
        "nodes": {host: {} for host in hosts},
        "leader": "vm1",
        "networks": networks,
        "observations": {},
        "probes": {host: {} for host in hosts},
        "convergence": {"seconds": 3.14},
    }
    return Draft(**{**base, **changes})


def test_each_phase_says_what_is_known_and_what_it_does() -> None:
    checks = [
        check("SD-VIP", ("vm1", "a"), ("vm2", "b")),
        check("DP-MATRIX", ("vm1", "c"), ("vm3", "d")),
        check("PRE-KMOD"),
    ]
    seen = {"vm1": {"a": {"ok": True}, "c": {"ok": False}}, "vm2": {"b": {"ok": True}}}
    given = facts(observations=seen)
    assert progress.lines("prepare", given, checks) == [
        "Setting up on 3 nodes for 3 checks: SD-VIP, DP-MATRIX, PRE-KMOD"
    ]
    assert progress.lines("open", given, checks) == [
        "3 of 3 nodes ready, vm1 leads; 2 networks: front, back (encrypted)"
    ]
    assert progress.lines("probe", given, checks) == [
        "Probes on 3 nodes after 3.1 s; asking 4 questions for SD-VIP, DP-MATRIX"
    ]
    assert progress.lines("close", given, checks) == [
        "2 of 4 answers as expected; fewer for DP-MATRIX 0 of 2; cleaning up"
    ]


def test_late_gossip_is_waited_for_and_said() -> None:
    given = facts(probed={"vm1": {"untold": []}, "vm2": {"untold": ["n1"]}, "vm3": {"untold": ["n1"]}})
    assert progress.lines("exchange1", given, [])[0].startswith(
        "Gossip has not told vm2, vm3 of every probe yet; waiting for"
    )
    assert progress.lines("again", given, []) == ["Asking everything from inside the networks again"]


def test_whoever_is_silent_is_named() -> None:
    given = facts(nodes={"vm1": {}, "vm3": {}})
    assert progress.lines("open", given, [])[0].startswith("2 of 3 nodes ready, not vm2, vm1 leads")
    assert "nothing can be set up" in progress.lines("open", facts(leader=None), [])[0]


@pytest.mark.parametrize("phase", ("prepare", "open", "probe", "close"))
def test_a_run_that_knows_nothing_has_something_to_say(phase: str) -> None:
    empty = facts(nodes={}, leader=None, networks=[], probes={}, convergence={})
    assert progress.lines(phase, empty, []) and progress.lines(phase, empty, [check("PRE-KMOD")])


@pytest.mark.parametrize("phase", ("prepare", "open", "probe", "close"))
def test_a_large_swarm_makes_no_long_lines(phase: str) -> None:
    many = facts(60, nodes={}, networks=[{"name": f"net{number}", "encrypted": False} for number in range(50)])
    checks = [
        check(f"CHECK-{number}", *[(f"vm{index}", f"{number}/{index}") for index in range(1, 61)])
        for number in range(30)
    ]
    for line in progress.lines(phase, many, checks):
        assert len(line) < 250


def test_a_disruption_and_what_is_left_out_of_it() -> None:
    given = facts(disrupted={"what": "drain", "node": "vm2", "skip": None})
    assert progress.lines("disrupt", given, []) == ["Disrupting vm2: drain"]
    assert progress.lines("settle", given, []) == ["Waiting until nodes and services are as before"]
    given.disrupted["skip"] = "no worker"
    assert progress.left_out("settle", given) == ["No drain: no worker"]
    assert progress.left_out("disrupt", given) == progress.left_out("probe", given) == []


def test_measurements_are_counted() -> None:
    measuring = SimpleNamespace(ID="PF-SPEED", measurements=lambda _facts: {"vm1": [{}, {}], "vm2": [{}]})
    assert progress.lines("measure", facts(), [check("SD-VIP"), measuring]) == [
        "Measuring 3 paths from 2 nodes, one after the other"
    ]
