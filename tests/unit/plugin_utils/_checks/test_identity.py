# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is who, and what keeps a node out: one cause each, whatever else goes wrong with it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._verify import leader, local
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._checks import cp_addr, pre_reach
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._diagnosis.diagnose import diagnose
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._facts.problems import Problem
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._verification import plans
from drafts import Draft
from sound import CHECKS, HOSTS, around, break_path, healthy, judged, worst

RAW = {
    "ID": "abc",
    "CreatedAt": "2026-01-01T00:00:00.123456789Z",
    "Spec": {"Role": "worker", "Availability": "active"},
    "Status": {"State": "unknown"},
}


def causes(facts: Draft, *idents: str) -> list[tuple]:
    results = [item for ident in idents or CHECKS for item in CHECKS[ident].judge(facts)]
    return [(cause["id"], cause["nodes"]) for cause in diagnose(results, facts)]


@pytest.mark.parametrize("lost", ["Description", "Status", "Spec", "CreatedAt", "ManagerStatus"])
def test_a_node_record_may_lack_anything(lost: str) -> None:
    whole = dict(RAW, Description={"Hostname": "vm9", "Engine": {"EngineVersion": "28"}}, ManagerStatus=None)
    raw = {key: value for key, value in whole.items() if key != lost}
    told = leader._node(raw, 1767225723.0)
    assert told["id"] == "abc" and (told["seconds"] == 123.0) == (lost != "CreatedAt")
    assert leader.standing(raw) == [None if lost == "Status" else "unknown", None if lost == "Spec" else "active"]


@pytest.mark.parametrize(("seconds", "status"), [(3600, "fail"), (30, "pass"), (None, "pass")])
def test_a_join_that_broke_off_is_told_with_its_remedy(seconds: float | None, status: str) -> None:
    facts = healthy()
    facts.swarm["nodes"].append(
        {
            "id": "half0000",
            "hostname": None,
            "state": "unknown",
            "availability": "active",
            "address": None,
            "manager_address": None,
            "trust": {},
            "seconds": seconds,
        }
    )
    assert worst(facts, "PRE-REACH") == status
    assert causes(facts) == ([("half-joined", [])] if status == "fail" else [])
    if status == "fail":
        found = diagnose(CHECKS["PRE-REACH"].judge(facts), facts)
        assert "docker node rm" in found[0]["todo"] and "half0000" in found[0]["todo"]


@pytest.mark.parametrize(
    ("machines", "words"), [(("m1", "m1"), "one machine under 2 names"), (("m1", "m2"), "copies of one machine")]
)
def test_hosts_that_are_one_node_are_one_cause(machines: tuple, words: str) -> None:
    facts = healthy()
    facts.nodes["vm3"] = dict(facts.nodes["vm2"], machine=machines[1])
    facts.nodes["vm2"]["machine"] = machines[0]
    for network in facts.networks:
        break_path(facts, network, around("vm3"))
    facts.settings["addresses"] = {"vm3": "10.77.0.13"}
    assert causes(facts) == [("one-node-twice", ["vm2", "vm3"])]
    assert words in next(
        item["evidence"]["summary"] for item in CHECKS["PRE-REACH"].judge(facts) if item["status"] == "fail"
    )
    for phase in ("open", "probe", "again"):
        assert plans.PLANS[phase](replace(facts, probed={}), "vm1", []) is None


def test_copies_that_are_nodes_of_their_own_are_mentioned_and_no_fault() -> None:
    facts = healthy()
    for host in HOSTS:
        facts.nodes[host].update(
            machine=host, copied={"machine-id": "same" if host != "vm1" else "other", "engine id": host}
        )
    results = CHECKS["PRE-REACH"].judge(facts)
    assert [item["status"] for item in results] == ["pass"]
    assert results[0]["evidence"]["summary"].endswith("vm2, vm3 have the same machine-id: copies of one machine")


def test_this_machine_is_itself() -> None:
    assert local.machine() == local.machine() and "/" in local.machine()
    assert local.copied({"ID": "x"})["engine id"] == local.copied({"ID": "x"})[
        "engine id"
    ] != "x" and "engine id" not in local.copied({})


@pytest.mark.parametrize(
    ("swarm", "cause", "words"),
    [
        ({"LocalNodeState": "inactive"}, "not-in-swarm", "inactive"),
        ({}, "not-in-swarm", "inactive"),
        ({"LocalNodeState": "locked", "Error": "Swarm is encrypted"}, "swarm-locked", "docker swarm unlock"),
        ({"LocalNodeState": "pending"}, "join-pending", "no manager has taken it in"),
        ({"LocalNodeState": "pending", "Error": "rpc error:\n timed out"}, "join-pending", "rpc error: timed out"),
        ({"LocalNodeState": "error", "Error": "certificate has expired"}, "swarm-error", "certificate has expired"),
        ({"LocalNodeState": "error"}, "swarm-error", "its log does"),
        ({"LocalNodeState": "strange"}, "swarm-error", "strange"),
    ],
)
def test_what_keeps_an_engine_out_is_told_in_its_own_words(swarm: dict, cause: str, words: str) -> None:
    reason, text = local.outside({"Name": "vm3", "Swarm": swarm})
    assert words in text
    facts = healthy()
    facts.problems = {"vm3": Problem(reason, text + " (phase prepare)")}
    for part in ("nodes", "opened", "probes"):
        getattr(facts, part).pop("vm3")
    found = diagnose(CHECKS["PRE-REACH"].judge(facts), facts)
    assert [(item["id"], item["nodes"]) for item in found] == [(cause, ["vm3"])]
    assert cause == "not-in-swarm" or "Join it" not in found[0]["todo"]
    assert "leave --force" not in found[0]["todo"]


def test_a_member_is_not_outside() -> None:
    assert local.outside({"Name": "vm1", "Swarm": {"LocalNodeState": "active", "Error": ""}}) is None


def moved(facts: Draft) -> Draft:
    """vm1 has another address than the swarm knows, and nobody reaches it at the old one."""
    facts.opened["vm1"]["host"]["addresses"] = [
        {"address": "10.77.0.111", "device": "eth1", "mtu": 1500},
        {"address": "172.17.0.1", "device": "docker0", "mtu": 1500},
    ]
    for source in ("vm2", "vm3"):
        for ident, seen in facts.observations[source].items():
            if ident.startswith("PRE-PORT/") and ident.endswith("/vm1"):
                seen.update(ok=False, error="no answer")
    return facts


@pytest.mark.parametrize("declared", [{}, {"vm1": "10.77.0.11"}])
def test_an_address_that_changed_is_the_cause_and_not_a_filter(declared: dict) -> None:
    facts = moved(healthy())
    facts.settings["addresses"] = declared
    assert [item for item in judged(facts, "CP-ADDR") if item[0] == "fail"] == [("fail", None, ["vm1"])]
    assert (
        "10.77.0.11 is on none of its interfaces, which have 10.77.0.111"
        in CHECKS["CP-ADDR"].judge(facts)[0]["evidence"]["summary"]
    )
    assert causes(facts) == [("address-gone", ["vm1"])]


def test_an_address_that_is_translated_stays_right() -> None:
    alone = moved(healthy())
    alone.observations = {}
    assert cp_addr.gone(alone, "vm1"), "nobody tried, and nothing says that it is translated"
    alone.settings["addresses"] = {"vm1": "10.77.0.11"}
    assert not cp_addr.gone(alone, "vm1")
    reached = healthy()
    reached.opened["vm1"]["host"]["addresses"] = [{"address": "10.77.0.111", "device": "eth1", "mtu": 1500}]
    assert not cp_addr.gone(reached, "vm1")


def test_a_host_that_told_no_address_is_not_said_to_have_lost_it() -> None:
    facts = moved(healthy())
    facts.opened["vm1"]["host"]["addresses"] = []
    assert not cp_addr.gone(facts, "vm1")


def test_nobody_leads_and_so_nobody_tells_of_the_nodes() -> None:
    facts = healthy()
    facts.update(leader=None, swarm={})
    assert [item["status"] for item in CHECKS["PRE-REACH"].judge(facts)] == ["inconclusive"]
    assert pre_reach.unfinished(facts) == []
