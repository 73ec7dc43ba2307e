# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts from phases: what the tests' sound swarm reports has the shapes of node code, and each fact comes from its phase."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._verify import shapes
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._verification import facts
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


def test_declared_addresses_become_settings() -> None:
    told = phases()
    told["prepare"]["vm2"]["declared"] = {"swarm_data_path_addr": "eth1"}
    assert draft(told).settings["data_addresses"] == {"vm2": "eth1"}
