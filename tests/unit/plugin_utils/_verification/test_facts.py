# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts from phases: what the tests' sound swarm reports has the shapes of node code, and each fact comes from its phase."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._verify import shapes
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._checks import dp_matrix
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._verification import facts, plans
from sound import HOSTS, LEADER, PLAIN, SECRET, TWIN, WORKER, call, draft, healthy, phases


@pytest.mark.parametrize("host", HOSTS)
def test_the_sound_swarm_reports_only_what_node_code_reports(host: str) -> None:
    told = {phase: rows[host]["seen"] for phase, rows in phases().items()}
    for seen, shape in (
        (told["prepare"], shapes.Prepared),
        (told["prepare"]["opened"], shapes.Opened),
        (told["prepare"].get("view", {}), shapes.View),
        (told["probe"], shapes.Probed),
        (told["measure"], shapes.Measured),
        (told["close"], shapes.Closed),
    ):
        assert set(seen) <= set(t.get_type_hints(shape)), shape


def test_the_first_host_that_calls_itself_leader_describes_the_swarm() -> None:
    found = healthy()
    assert (found.leader, found.worker) == (LEADER, WORKER)
    assert [net["id"] for net in found.networks] == [PLAIN["id"], SECRET["id"]]
    assert [net["id"] for net in found.under_test] == [PLAIN["id"], SECRET["id"], TWIN["id"]]
    assert set(found.probes) == set(HOSTS) and found.problems == {}


def test_without_a_phase_nothing_is_made_up() -> None:
    found = draft({})
    assert found.leader is None and found.networks == [] and found.observations == {}
    assert not facts.is_open(found)


def test_a_silent_host_is_a_problem_of_the_first_phase_that_it_missed() -> None:
    told = phases()
    told["probe"]["vm3"] = {"problem": "not reachable: timed out", "reason": "node-unreachable", "seen": None}
    told["close"]["vm3"] = {"problem": "gone", "seen": None}
    problem = draft(told).problems["vm3"]
    assert (problem.reason, problem.text) == ("node-unreachable", "not reachable: timed out (phase probe)")


def test_a_second_round_has_the_last_word() -> None:
    told = phases()
    ident = next(iter(told["probe"]["vm2"]["seen"]["observations"]))
    told["again"] = {"vm2": call(1020.0, {"observations": {ident: {"ok": False}}, "errors": [], "counters": {"a": 1}})}
    found = draft(told)
    assert found.observations["vm2"][ident] == {"ok": False}
    assert found.probed["vm2"]["counters"] == {"a": 1} and found.probed["vm2"]["counters_before"] != {"a": 1}
    assert found.observations["vm3"] == healthy().observations["vm3"]
    assert found.probe_began["vm2"] == 1020.0


def test_late_gossip_that_came_in_an_exchange_is_mended() -> None:
    told = phases()
    told["probe"]["vm2"]["seen"]["untold"] = ["a", "b"]
    told["exchange1"] = {"vm2": call(1018.0, {"untold": ["b"]})}
    probed = draft(told).probed["vm2"]
    assert (probed["untold"], probed["mended"]) == (["b"], ["a"])


@pytest.mark.parametrize(("state", "availability"), [("down", "active"), ("ready", "drain"), ("ready", "pause")])
def test_a_node_without_tasks_is_no_worker_and_is_not_waited_for(state: str, availability: str) -> None:
    told = phases()
    told["prepare"][LEADER]["seen"]["view"]["swarm"]["nodes"][1].update(state=state, availability=availability)
    del told["prepare"][WORKER]["seen"]["opened"]["namespace"]
    found = draft(told)
    assert found.worker == "vm3" and facts.able_hosts(found) == ["vm1", "vm3"]
    assert not facts.missing_probe(found, WORKER) and facts.is_open(found)


def test_a_probe_that_has_not_started_keeps_the_run_waiting() -> None:
    told = phases()
    del told["prepare"]["vm3"]["seen"]["opened"]["namespace"]
    found = draft(told)
    assert facts.missing_probe(found, "vm3") and not facts.is_open(found)


@pytest.mark.parametrize(
    ("workers", "open_ones", "asked", "worker"),
    [
        (["vm2", "vm3"], ["vm2", "vm3"], None, "vm2"),
        (["vm2", "vm3"], ["vm3"], None, "vm3"),  # nothing starts on vm2, so nothing can attach there
        (["vm2", "vm3"], ["vm2", "vm3"], "vm3", "vm3"),  # the probe of vm2 came late
        (["vm2", "vm3"], [], None, "vm2"),
        ([], ["vm2"], None, None),
    ],
)
def test_the_worker_that_attaches_is_one_whose_probe_is_open(
    workers: list, open_ones: list, asked: str | None, worker: str | None
) -> None:
    found = draft(phases())
    for host, node in found.nodes.items():
        node["role"] = "worker" if host in workers else "manager"
    found.probes = {host: {} for host in open_ones}
    found.probed = {host: {"attached": []} if host == asked else {} for host in HOSTS}
    assert facts._worker(found) == worker


def come_late() -> dict[str, t.Any]:
    """The probe of vm3 was not there when vm3 was asked for it, and the leader saw it run."""
    told = phases()
    del told["prepare"]["vm3"]["seen"]["opened"]["namespace"]
    missed = {"errors": ["no probe task runs here after 90 s"], "reason": "probe-not-started"}
    told["open"] = {host: call(1008.0, {"errors": []}) for host in HOSTS}
    told["open"]["vm3"] = call(1008.0, missed)
    return told


def test_a_probe_that_came_late_is_opened_and_everything_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "_common", lambda *_given: {"run": "r1"})
    monkeypatch.setattr(plans, "probe", lambda *_given: {"attach": None, "work": []})
    told = come_late()
    found = draft(told)
    assert found.late_probes == ["vm3"] and found.problems["vm3"].reason == "probe-not-started"
    assert plans.is_late(found) and plans.reopen(found, "vm2", []) is None and plans.again(found, "vm2", []) is None
    plan = plans.reopen(found, "vm3", [])
    assert plan and (plan["opened"], plan["expected"], plan["leader"]) == (False, True, False)

    told["reopen"] = {host: {"idle": True, "seen": None, "run": "r1"} for host in HOSTS}
    told["reopen"]["vm3"] = call(1015.0, {"errors": [], "namespace": "/run/netns/late", "task_seconds": 0.1})
    found = draft(told)
    assert found.late_probes == [] and found.problems == {} and facts.is_open(found)
    assert "vm3" in found.probes and found.opened["vm3"]["namespace"] == "/run/netns/late"
    assert plans.again(found, "vm2", [])

    told["reopen"]["vm3"] = call(1015.0, {"errors": ["still none"], "reason": "probe-not-started"})
    assert draft(told).problems["vm3"].text == "no probe task runs here after 90 s"
    assert plans.again(draft(told), "vm2", []) is None


def test_a_probe_that_nobody_saw_is_not_opened() -> None:
    told = come_late()
    del told["prepare"][LEADER]["seen"]["view"]["probes"]["id-vm3"]
    assert draft(told).late_probes == [] and not plans.is_late(draft(told))


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        # Every backend that was opened answered: what refuses is the one that came late.
        ({"ok": False, "nodes": ["vm1", "vm2"], "errors": ["connection refused"]}, ("inconclusive", ["vm3"])),
        ({"ok": False, "nodes": ["vm1", "vm2"], "errors": ["no answer"]}, ("fail", ["vm1"])),
        ({"ok": False, "nodes": ["vm1"], "errors": ["connection refused"]}, ("fail", ["vm1", "vm2"])),
    ],
)
def test_a_probe_that_came_late_is_no_broken_balancer(answer: dict, found: tuple) -> None:
    made = draft(come_late())
    made.observations["vm1"][dp_matrix.ident("DP-MATRIX", PLAIN, "*", "vip")].update(answer)
    told = next(
        row for row in dp_matrix.judge(made) if row["title"] == dp_matrix.BALANCED and row["network"] == PLAIN["name"]
    )
    assert (told["status"], told["nodes"]) == found


@pytest.mark.parametrize("state", ["ready", "down"])
def test_a_node_outside_of_the_play_is_a_backend_that_may_refuse(state: str) -> None:
    """Swarm gives it a task of the probes. Every backend needs its turn before all that are served can have answered."""
    made = draft(phases())
    made.swarm["nodes"].append({**made.swarm["nodes"][2], "id": "id-vm4", "hostname": "vm4", "state": state})
    asked = dp_matrix.balanced(made, PLAIN, "vm1")[0]
    assert (asked.get("count"), asked.get("refusal")) == ((8, True) if state == "ready" else (None, None))
    seen = made.observations["vm1"][dp_matrix.ident("DP-MATRIX", PLAIN, "*", "vip")]
    seen.update({"ok": state == "ready", "errors": ["connection refused"]})
    told = next(
        row for row in dp_matrix.judge(made) if row["title"] == dp_matrix.BALANCED and row["network"] == PLAIN["name"]
    )
    assert told["status"] == ("pass" if state == "ready" else "fail")
    assert ("outside of this play, on vm4" in told["evidence"]["summary"]) == (state == "ready")


def test_declared_addresses_become_settings() -> None:
    told = phases()
    told["prepare"]["vm2"]["declared"] = {"swarm_data_path_addr": "eth1"}
    assert draft(told).settings["data_addresses"] == {"vm2": "eth1"}
