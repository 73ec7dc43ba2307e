# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Outcomes of disruptions: what passes, what is told of which node, and that nothing old is counted again."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils import _checks
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._checks import _disruption
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._verification import facts as facts_of
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._verification import plans
from drafts import Draft

CHECKS = {module.SWITCH: module for module in _checks.load() if module.plan is _disruption.plan}
FINE = {
    "what": "partition",
    "node": "vm2",
    "node_id": "id2",
    "skip": None,
    "seen": {"done": True, "problem": None, "seconds": 20.1},
    "problem": None,
    "ended": 100.0,
    "settled": {"done": True, "nodes": {}, "services": {}, "problem": None, "seconds": 3.0},
    "after": [],
    "recovered": 7.5,
    "hosts": {"id1": "vm1", "id2": "vm2", "id3": "vm3"},
}


def judged(what: str, **changes) -> dict:
    found = CHECKS[what].judge(Draft(disruptions={what: {**FINE, "what": what, **changes}}))
    assert len(found) == 1
    return found[0]


def test_every_disruption_has_its_check() -> None:
    assert set(CHECKS) == {"partition", "engine-restart", "firewall-reload", "drain", "reboot"}
    assert all(check.judge(Draft()) == [] for check in CHECKS.values())
    assert set(_disruption.PROOF) <= {module.ID for module in _checks.load()}


@pytest.mark.parametrize("what", sorted(CHECKS))
def test_what_is_as_before_passes(what: str) -> None:
    found = judged(what)
    assert (found["status"], found["nodes"], found["seconds"], found["hint"]) == ("pass", ["vm2"], 7.5, None)
    assert "names and paths right at the latest 8 s after its end" in found["evidence"]["summary"]


@pytest.mark.parametrize(("changes", "status", "nodes", "words"), [
    ({"skip": _disruption.NOT_GREEN}, "skip", [], "not begun: the proof before it was not green"),
    ({"problem": "not reachable: timed out"}, "fail", ["vm2"], "vm2: not reachable"),
    ({"seen": {"done": False, "problem": "neither iptables nor nft is there"}}, "inconclusive", ["vm2"], "neither iptables"),
    ({"seen": {"done": True, "problem": "the engine did not answer again within 60 s"}}, "fail", ["vm2"], "did not answer again"),
    ({"seen": {"done": True, "lost": ["-A DOCKER x"], "command": "systemctl restart nftables", "repair": {"done": True, "problem": None}}}, "fail", ["vm2"],
     "'systemctl restart nftables' wiped 1 rule of the engine, which did not write them again (its restart brought them back)"),
    ({"seen": {"done": True, "left_behind": ["t1"], "waiting": {}}}, "fail", ["vm2"], "vm2 kept 1 task though it was drained"),
    ({"seen": {"done": True, "left_behind": [], "waiting": {"web": "1 of 2 tasks run"}}}, "fail", ["vm2"], "web: 1 of 2 tasks run"),
    ({"settled": {"nodes": {"id2": ["down", "active"]}}}, "fail", ["vm2"], "vm2 is down, active, and was not before"),
    ({"settled": {"nodes": {"id3": ["ready", "drain"]}}}, "fail", ["vm3"], "vm3 is ready, drain, and was not before"),
    ({"settled": {"problem": "no leader"}}, "fail", ["vm2"], "the leader could not tell: no leader"),
    ({"after": [{"check": "SD-VIP", "network": "back", "status": "fail", "nodes": ["vm3"], "summary": "web is missing"}]}, "fail", ["vm3"],
     "SD-VIP [back]: web is missing"),
])  # fmt: skip
def test_what_is_worse_is_told_with_its_node(changes: dict, status: str, nodes: list, words: str) -> None:
    found = judged("drain", **changes)
    assert (found["status"], found["nodes"]) == (status, nodes) and words in found["evidence"]["summary"], found


def item(ident: str, status: str, network: str = "back") -> dict:
    return {
        "id": ident,
        "status": status,
        "network": network,
        "title": ident,
        "nodes": ["vm1"],
        "evidence": {"summary": "s"},
    }


def test_only_what_is_new_counts_and_the_time_is_an_upper_bound() -> None:
    facts = Draft(
        disrupted={"what": "drain", "ended": 100.0},
        nodes={"vm1": {"id": "id1"}},
        probe_began={"vm1": 103.0, "vm2": 103.5},
        observations={
            "vm1": {"a": {"ok": True, "seconds": 2.0}},
            "vm2": {"a": {"ok": True, "seconds": 0.5}, "b": {"ok": False, "seconds": 20}},
        },
    )
    before = [list(key) for key in _disruption.verdicts([item("DP-MATRIX", "fail"), item("SD-VIP", "pass")])]
    found = _disruption.outcome(
        facts, before, [item("DP-MATRIX", "fail"), item("SD-VIP", "inconclusive"), item("SD-TASKS", "pass")]
    )
    assert [row["check"] for row in found["after"]] == ["SD-VIP"] and found["recovered"] == 5.0
    assert found["hosts"] == {"id1": "vm1"}


def disruption(what: str, **changes) -> Draft:
    return Draft(
        settings={
            "disruption": {
                "what": what,
                "node": "vm2",
                "leader": "vm1",
                "node_id": "id2",
                "ports": {},
                "restart": "",
                "lacking": {},
                "timeout": 60,
                "seconds": 20,
                "nodes": {},
                **changes,
            },
            "image": "",
            "hosts": ["vm1", "vm2"],
            "forks": 5,
            "convergence": 20,
        },
        run="r2",
    )


def test_who_does_what() -> None:
    for what, actor in (
        ("partition", "vm2"),
        ("engine-restart", "vm2"),
        ("firewall-reload", "vm2"),
        ("drain", "vm1"),
        ("reboot", None),
    ):
        planned = [host for host in ("vm1", "vm2") if plans.disrupt(disruption(what), host, [])]
        assert planned == ([actor] if actor else [])
        assert (
            plans.settle(disruption(what), "vm2", []) is None
            and plans.settle(disruption(what), "vm1", [])["timeout"] == 60
        )


def test_how_a_disruption_went_is_read_from_what_was_registered() -> None:
    settings = {"disruption": {"what": "drain", "node": "vm2", "node_id": "id2", "skip": None}}
    phases = {
        "disrupt": {"vm1": {"asked": [5, 9]}, "vm2": {"idle": True}},
        "settle": {"vm1": {"asked": [9, 10], "problem": "not reachable"}},
    }
    found = facts_of._disrupted(settings, phases, {"disrupt": {"vm1": {"done": True}}, "settle": {}})
    assert (found["ended"], found["seen"], found["problem"], found["settled"]) == (
        9,
        {"done": True},
        None,
        {"problem": "not reachable"},
    )
    unfit = facts_of._disrupted(settings, phases, {"disrupt": {"vm1": {"skip": "no systemd"}}, "settle": {}})
    assert unfit["skip"] == "no systemd" and facts_of._disrupted({}, {}, {}) is None


def test_what_took_its_time_is_told_in_seconds() -> None:
    seen = {"done": True, "problem": None, "back_seconds": 4.26, "had": 3, "moved_seconds": 2.0}
    summary = judged("drain", seen=seen)["evidence"]["summary"]
    assert "its engine was back after 4.3 s" in summary
    assert "its 3 tasks were gone, and ran elsewhere where they may, after 2.0 s" in summary
