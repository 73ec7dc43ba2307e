# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRE-PORT without an answer: who is silent, who was not known to listen, and what is closed."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._checks import pre_port
from drafts import Draft
from sound import CHECKS, HOSTS, PLAIN, around, healthy

KINDS = {"port-tcp/2377": "managers", "port-tcp/7946": "gossip-tcp", "port-udp/7946": "gossip-udp", "port-udp/4789": "data", "port-esp/0": "esp"}  # fmt: skip


def of(facts: Draft, kind: str) -> dict:
    """The result of a port."""
    rows = dict(zip(KINDS, CHECKS["PRE-PORT"].judge(facts)))
    assert len(rows) == len(KINDS)
    return rows[kind]


def unmet(facts: Draft, kind: str, source: str, target: str, **seen: object) -> None:
    facts.observations[source][f"PRE-PORT/{kind}/{target}"] = {"ok": False, **seen}


@pytest.mark.parametrize(("kind", "purpose"), KINDS.items())
def test_a_port_that_answers_is_told_with_its_purpose(kind: str, purpose: str) -> None:
    found = of(healthy(), kind)
    askers = ["vm2", "vm3"] if kind == "port-tcp/2377" else HOSTS
    assert (found["status"], found["reason"], found["nodes"]) == ("pass", "ok", askers)
    assert found["evidence"]["purpose"] == purpose and found["evidence"]["port"] in found["title"]


@pytest.mark.parametrize("kind", KINDS)
def test_who_was_not_asked_is_silent_and_nobody_is_blamed(kind: str) -> None:
    facts = healthy()
    for target in HOSTS:
        facts.observations["vm2"].pop(f"PRE-PORT/{kind}/{target}", None)
    found = of(facts, kind)
    assert (found["status"], found["reason"], found["nodes"]) == ("inconclusive", "no-observation", ["vm2"])
    assert "vm2" in found["evidence"]["summary"] and found["hint"] != CHECKS["PRE-PORT"].HINT
    others = [of(facts, other)["status"] for other in KINDS if other != kind]
    assert others == ["pass"] * 4


@pytest.mark.parametrize("kind", ["port-udp/7946", "port-udp/4789", "port-esp/0"])
def test_where_no_listener_is_known_silence_proves_nothing(kind: str) -> None:
    facts = healthy()
    del facts.heard["vm2"]
    for source, target in around("vm2"):
        if target == "vm2":
            unmet(facts, kind, source, target, error="no answer")
    found = of(facts, kind)
    assert (found["status"], found["reason"], found["nodes"]) == ("inconclusive", "no-observation", ["vm2"])
    unmet(facts, kind, "vm2", "vm3", error="no answer")  # there a listener is known
    found = of(facts, kind)
    assert (found["status"], found["reason"], found["nodes"]) == ("fail", "port-closed", ["vm2", "vm3"])
    assert [row.partition(":")[0] for row in found["evidence"]["failed"]] == ["vm2 to vm3"]


def test_a_refused_connection_needs_no_listener_of_ours() -> None:
    facts = healthy()
    facts.heard = {}
    unmet(facts, "port-tcp/7946", "vm1", "vm2", error="connection refused")
    found = of(facts, "port-tcp/7946")
    assert (found["status"], found["evidence"]["failed"]) == ("fail", ["vm1 to vm2: connection refused"])


def test_an_answer_of_another_node_is_told_with_its_name() -> None:
    facts = healthy()
    unmet(facts, "port-udp/7946", "vm1", "vm2", node="vm3")
    assert of(facts, "port-udp/7946")["evidence"]["failed"] == ["vm1 to vm2: vm3 answered"]


@pytest.mark.parametrize(
    ("kind", "heard", "arrived"),
    [
        ("port-udp/4789", "17/4789/vm1", True),
        ("port-udp/4789", "17/7946/vm1", False),
        ("port-udp/4789", "17/4789/vm3", False),
        ("port-udp/4789", "50/4789/vm1", False),
        ("port-esp/0", "50/0/vm1", True),
        ("port-esp/0", "17/0/vm1", False),
        ("port-tcp/7946", "17/7946/vm1", False),
    ],
)
def test_what_arrived_is_told_by_its_protocol_port_and_sender(kind: str, heard: str, arrived: bool) -> None:
    facts = healthy()
    facts.heard["vm2"] = {heard: 1}
    unmet(facts, kind, "vm1", "vm2", error="no answer")
    (row,) = of(facts, kind)["evidence"]["failed"]
    assert row == "vm1 to vm2: no answer" + (", though it arrived" if arrived else "")


def test_a_port_without_any_pair_is_no_pass() -> None:
    facts = healthy()
    found = pre_port._judge(facts, pre_port.needed(facts)[0], [])
    assert (found["status"], found["reason"], found["nodes"]) == ("inconclusive", "no-observation", [])


def test_one_node_has_no_pair_and_a_swarm_that_nobody_told_of_is_no_skip() -> None:
    facts = healthy()
    facts.opened = {"vm1": facts.opened["vm1"]}
    (found,) = CHECKS["PRE-PORT"].judge(facts)
    assert (found["status"], found["reason"]) == ("skip", "one-node")
    facts.swarm = {}
    (found,) = CHECKS["PRE-PORT"].judge(facts)
    assert (found["status"], found["reason"]) == ("inconclusive", "leader-not-in-play")
    assert CHECKS["PRE-PORT"].plan(facts) == {} and not pre_port.hopeless(facts)


@pytest.mark.parametrize(
    ("kind", "hopeless"),
    [("port-tcp/7946", True), ("port-udp/7946", True), ("port-udp/4789", False), ("port-esp/0", False), ("port-tcp/2377", False)],
)  # fmt: skip
def test_gossip_is_not_waited_for_where_its_own_port_is_closed(kind: str, hopeless: bool) -> None:
    facts = healthy()
    assert not pre_port.hopeless(facts)
    unmet(facts, kind, "vm2", "vm1", error="no answer")
    assert pre_port.hopeless(facts) is hopeless


def test_only_managers_are_asked_at_the_managers_port_and_the_data_path_at_its_own_address() -> None:
    facts = healthy()
    facts.swarm["data_port"] = 4790
    facts.swarm["nodes"][1]["manager_address"] = "10.77.0.12:2400"
    facts.settings["data_addresses"] = {"vm3": "10.88.0.3"}
    rows = [(row["kind"], row["port"], row["address"], row["patience"], row["where"]) for row in CHECKS["PRE-PORT"].plan(facts)["vm1"]]  # fmt: skip
    asked = {
        ("port-tcp", 2400, "10.77.0.12"), ("port-tcp", 7946, "10.77.0.12"), ("port-tcp", 7946, "10.77.0.13"),
        ("port-udp", 7946, "10.77.0.12"), ("port-udp", 7946, "10.77.0.13"), ("port-udp", 4790, "10.77.0.12"),
        ("port-udp", 4790, "10.88.0.3"), ("port-esp", 0, "10.77.0.12"), ("port-esp", 0, "10.88.0.3"),
    }  # fmt: skip
    assert set(rows) == {(*row, pre_port.PATIENCE, "host") for row in asked} and len(rows) == len(asked)
    facts.networks = [PLAIN]
    assert {row["kind"] for row in CHECKS["PRE-PORT"].plan(facts)["vm1"]} == {"port-tcp", "port-udp"}
