# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRE-PORT: what is asked of which port, and what follows from answers, from silence, and from what arrived without an answer."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._checks import pre_port
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._diagnosis.diagnose import diagnose
from drafts import Draft
from sound import ADDRESS, CHECKS, HOSTS, PLAIN, SECRET, TWIN, around, failed, healthy, no_answer, results, short, worst

TEXTS = {
    "port-tcp/2377": "2377/tcp (managers)",
    "port-tcp/7946": "7946/tcp (gossip)",
    "port-udp/7946": "7946/udp (gossip)",
    "port-udp/4789": "4789/udp (VXLAN)",
    "port-esp/0": "IP protocol 50 (ESP)",
}
PURPOSES = dict(zip(TEXTS, ("managers", "gossip-tcp", "gossip-udp", "data", "esp")))
RULES = {
    "port-tcp/2377": "-p tcp --dport 2377",
    "port-tcp/7946": "-p tcp --dport 7946",
    "port-udp/7946": "-p udp --dport 7946",
    "port-udp/4789": "-p udp --dport 4789",
    "port-esp/0": "-p esp",
}
DATAGRAMS = ["port-udp/7946", "port-udp/4789", "port-esp/0"]


def told(facts: Draft, port: str) -> dict:
    return next(item for item in results(facts, pre_port.ID) if item["title"].endswith(": " + TEXTS[port]))


def close(facts: Draft, port: str, source: str, target: str, **seen: object) -> None:
    facts.observations[source][f"PRE-PORT/{port}/{target}"].update({"ok": False, "error": "no answer", **seen})


@pytest.mark.parametrize("port", TEXTS)
def test_each_port_has_a_result_with_its_purpose(port: str) -> None:
    facts = healthy()
    found = told(facts, port)
    asking = ["vm2", "vm3"] if port == "port-tcp/2377" else HOSTS
    assert short(found) == ("pass", "ok", asking) and found["title"] == f"{pre_port.TITLE}: {TEXTS[port]}"
    pairs = 2 if port == "port-tcp/2377" else 6
    assert found["evidence"] == {
        "summary": f"{pairs} pairs: answered by the right node", "port": TEXTS[port], "purpose": PURPOSES[port]
    }  # fmt: skip
    assert [item["title"].partition(": ")[2] for item in pre_port.judge(facts)] == [*TEXTS.values()]


def test_esp_is_needed_only_for_encrypted_networks() -> None:
    facts = healthy()
    facts.networks = [PLAIN]
    assert [port.kind for port in pre_port.needed(facts)] == ["port-tcp", "port-udp", "port-udp"]
    facts.networks = [PLAIN, SECRET]
    assert [(port.kind, port.number) for port in pre_port.needed(facts)] == [
        ("port-tcp", 7946), ("port-udp", 7946), ("port-udp", 4789), ("port-esp", 0)
    ]  # fmt: skip


@pytest.mark.parametrize("port", TEXTS)
def test_a_port_without_an_answer_names_the_node_and_its_rule(port: str) -> None:
    facts = healthy()
    close(facts, port, "vm3", "vm1", error=None, node="vm9")
    close(facts, port, "vm2", "vm1")
    found = told(facts, port)
    assert short(found) == ("fail", "port-closed", ["vm1"])
    rows, pairs = ["vm2 to vm1: no answer", "vm3 to vm1: vm9 answered"], 2 if "2377" in port else 6
    assert found["evidence"] == {
        "summary": f"2 of {pairs} pairs failed: " + ", ".join(rows), "failed": rows, "between": [["vm2", "vm1"], ["vm3", "vm1"]],
        "port": TEXTS[port], "purpose": PURPOSES[port],
    }  # fmt: skip
    assert found["hint"] == pre_port.ADVICE % ("vm1", TEXTS[port], "iptables", RULES[port])
    assert {item["status"] for item in pre_port.judge(facts) if item["title"] != found["title"]} == {"pass"}


def test_four_closed_ways_are_not_all_listed_and_all_kept() -> None:
    facts = healthy()
    for source, target in (("vm1", "vm2"), ("vm2", "vm1"), ("vm3", "vm2"), ("vm2", "vm3")):
        close(facts, "port-udp/4789", source, target)
    found = told(facts, "port-udp/4789")
    assert found["evidence"]["summary"].endswith(" and 1 more") and len(found["evidence"]["failed"]) == 4


@pytest.mark.parametrize("port", TEXTS)
def test_what_arrived_without_an_answer_is_told_of_datagrams(port: str) -> None:
    facts = healthy()
    target, source = ("vm1", "vm3")
    protocol, number = {"port-esp": 50, "port-udp": 17, "port-tcp": 6}[port.partition("/")[0]], port.partition("/")[2]
    close(facts, port, source, target)
    for heard, words in (
        ({f"{protocol}/{number}/vm2": 5}, ""),  # another node's
        ({f"{protocol}/1{number}/{source}": 5}, ""),  # at another port
        ({f"{51}/{number}/{source}": 5}, ""),  # of another protocol
        ({f"{protocol}/{number}/{source}": 0}, ""),
        ({f"{protocol}/{number}/{source}": 5}, ", though it arrived" if port in DATAGRAMS else ""),
    ):
        facts.heard[target] = heard
        assert told(facts, port)["evidence"]["failed"] == ["vm3 to vm1: no answer" + words], heard


@pytest.mark.parametrize(("arrived", "dwell", "status"), [(1, 3000, "pass"), (0, 6000, "fail"), (1, 2900, "fail")])
def test_a_question_that_reached_a_helper_which_answers_too_late_is_proof_enough(
    arrived: int, dwell: int, status: str
) -> None:
    """Seen on slow machines: sound ports that were called closed, as the helper had 6 seconds of packets to answer."""
    facts = healthy()
    close(facts, "port-udp/7946", "vm3", "vm1")
    facts.heard["vm1"] = {"17/7946/vm3": arrived}
    for row in facts.pulses["vm2"]:
        row["dwell_ms"] = dwell if row["address"] == ADDRESS["vm1"] else 10
    found = told(facts, "port-udp/7946")
    assert found["status"] == status
    causes = diagnose(pre_port.judge(facts), facts)
    assert [cause["id"] for cause in causes] == ([] if status == "pass" else ["gossip-udp-blocked"])


@pytest.mark.parametrize("port", TEXTS)
def test_without_a_listener_a_datagram_proves_nothing_and_a_connection_does(port: str) -> None:
    facts = healthy()
    del facts.heard["vm1"]
    close(facts, port, "vm3", "vm1")
    found = told(facts, port)
    if port in DATAGRAMS:
        assert short(found) == ("inconclusive", "no-observation", ["vm1"])
        close(facts, port, "vm2", "vm3")
        assert short(told(facts, port)) == ("fail", "port-closed", ["vm2", "vm3"]), "what is known counts"
    else:
        assert short(found) == ("fail", "port-closed", ["vm1", "vm3"])


def test_a_missing_listener_matters_only_where_no_answer_came() -> None:
    facts = healthy()
    facts.heard = {}
    assert {item["status"] for item in pre_port.judge(facts)} == {"pass"}


@pytest.mark.parametrize("port", TEXTS)
def test_who_reported_nothing_is_named(port: str) -> None:
    facts = healthy()
    del facts.observations["vm2"][f"PRE-PORT/{port}/vm1"]
    found = told(facts, port)
    assert short(found) == ("inconclusive", "no-observation", ["vm2"])
    assert found["evidence"] == {"summary": "no observation from vm2"} and found["hint"] == "See PRE-REACH."
    facts.observations = {}
    asking = ["vm2", "vm3"] if port == "port-tcp/2377" else HOSTS
    assert short(told(facts, port)) == ("inconclusive", "no-observation", asking)


def test_a_manager_that_nobody_else_can_ask_is_no_pass() -> None:
    facts = healthy()
    del facts.opened["vm1"]
    found = told(facts, "port-tcp/2377")
    assert short(found) == ("inconclusive", "no-observation", [])
    assert found["evidence"]["summary"] == "no observation from any node"


def test_a_run_without_the_leader_and_one_of_a_lone_node() -> None:
    facts = healthy()
    facts.opened = {"vm1": facts.opened["vm1"]}
    (found,) = results(facts, pre_port.ID)
    assert short(found) == ("skip", "one-node", []) and found["title"] == pre_port.TITLE
    facts.swarm = {}
    (found,) = results(facts, pre_port.ID)
    assert short(found) == ("inconclusive", "leader-not-in-play", []) and found["hint"] == "See PRE-REACH."
    assert pre_port.plan(facts) == {} and pre_port.hopeless(facts) is False


def test_managers_have_ports_of_their_own() -> None:
    facts = healthy()
    for node, address in zip(facts.swarm["nodes"], ("10.77.0.11:2377", "[fd00::12]:2378", None)):
        node["manager_address"] = address
    assert pre_port._managers(facts) == {"vm1": 2377, "vm2": 2378}
    asked = {port.text: tries for port, tries in pre_port._asked(facts)}
    assert [*asked][:2] == ["2378/tcp (managers)", "2377/tcp (managers)"]
    assert asked["2378/tcp (managers)"] == [("vm1", "vm2", 2378), ("vm3", "vm2", 2378)]
    assert asked["2377/tcp (managers)"] == [("vm2", "vm1", 2377), ("vm3", "vm1", 2377)]
    facts.nodes["vm9"] = {"id": "of-another-swarm"}
    assert pre_port._managers(facts) == {"vm1": 2377, "vm2": 2378}


def test_what_is_asked() -> None:
    facts = healthy()
    facts.settings["data_addresses"] = {"vm1": "192.0.2.11"}
    every = {"patience": pre_port.PATIENCE, "where": "host"}
    rows = [row for row in pre_port.plan(facts)["vm3"] if row["id"].endswith("/vm1")]
    assert rows == [
        {**every, "id": "PRE-PORT/port-tcp/2377/vm1", "kind": "port-tcp", "address": "10.77.0.11", "port": 2377},
        {**every, "id": "PRE-PORT/port-tcp/7946/vm1", "kind": "port-tcp", "address": "10.77.0.11", "port": 7946},
        {**every, "id": "PRE-PORT/port-udp/7946/vm1", "kind": "port-udp", "address": "10.77.0.11", "port": 7946},
        # The data path has an address of its own.
        {**every, "id": "PRE-PORT/port-udp/4789/vm1", "kind": "port-udp", "address": "192.0.2.11", "port": 4789},
        {**every, "id": "PRE-PORT/port-esp/0/vm1", "kind": "port-esp", "address": "192.0.2.11", "port": 0},
    ]  # fmt: skip
    assert {host: len(found) for host, found in pre_port.plan(facts).items()} == {"vm1": 8, "vm2": 9, "vm3": 9}


def test_another_data_port_is_asked_and_told() -> None:
    facts = healthy()
    facts.swarm["data_port"] = 7789
    assert {row["port"] for row in pre_port.plan(facts)["vm2"]} == {2377, 7946, 7789, 0}
    facts.observations["vm2"]["PRE-PORT/port-udp/7789/vm1"] = {"ok": False, "error": "no answer"}
    found = next(item for item in pre_port.judge(facts) if item["status"] == "fail")
    assert found["evidence"]["port"] == "7789/udp (VXLAN)" and found["evidence"]["purpose"] == "data"
    assert found["hint"].endswith("iptables -I INPUT -p udp --dport 7789 -j ACCEPT'.")


@pytest.mark.parametrize(
    ("port", "hopeless"),
    [(port, "7946" in port) for port in TEXTS],
)
def test_waiting_does_not_open_gossips_port(port: str, hopeless: bool) -> None:
    facts = healthy()
    assert pre_port.hopeless(facts) is False
    close(facts, port, "vm3", "vm1")
    assert pre_port.hopeless(facts) is hopeless


@pytest.mark.parametrize(
    ("kind", "number", "rule"),
    [
        ("port-tcp", 7946, "-p tcp --dport 7946"),
        ("port-udp", 7946, "-p udp --dport 7946"),
        ("port-udp", 4789, "-p udp --dport 4789"),
        ("port-esp", 0, "-p esp"),
    ],
)
def test_a_closed_port_is_told_with_its_node_and_the_rule(kind: str, number: int, rule: str) -> None:
    facts = healthy()
    for source, target in around("vm2"):
        no_answer(facts, source, f"PRE-PORT/{kind}/{number}/{target}")
    result = failed(facts, "PRE-PORT")
    assert result["nodes"] == ["vm2"] and f"iptables -I INPUT {rule} -j ACCEPT" in result["hint"]


def test_a_closed_manager_port_names_the_manager() -> None:
    facts = healthy()
    for source in ("vm2", "vm3"):
        no_answer(facts, source, "PRE-PORT/port-tcp/2377/vm1", "connection refused")
    result = failed(facts, "PRE-PORT")
    assert result["nodes"] == ["vm1"] and "connection refused" in result["evidence"]["summary"]


def test_a_packet_that_arrived_is_told_apart_from_one_that_did_not() -> None:
    facts = healthy()
    no_answer(facts, "vm1", "PRE-PORT/port-udp/7946/vm2")
    facts.heard["vm2"] = {"17/7946/vm1": 3}
    assert "though it arrived" in failed(facts, "PRE-PORT")["evidence"]["summary"]


def test_protocol_50_does_not_matter_without_an_encrypted_network() -> None:
    facts = healthy()
    facts.networks = [PLAIN]
    assert not any(
        "/port-esp/" in request["id"] for rows in CHECKS["PRE-PORT"].plan(facts).values() for request in rows
    )


@pytest.mark.parametrize("declared", ["10.88.0.12", "eth2"])
def test_the_data_path_may_have_an_address_of_its_own(declared: str) -> None:
    facts = healthy()
    facts.opened["vm2"]["host"]["addresses"].append({"address": "10.88.0.12", "device": "eth2", "mtu": 1500})
    facts.settings["data_addresses"] = {"vm1": None, "vm2": declared}
    asked = {
        (row["kind"], row["port"]): row["address"]
        for row in CHECKS["PRE-PORT"].plan(facts)["vm1"]
        if row["id"].endswith("/vm2")
    }
    assert asked == {
        ("port-tcp", 7946): ADDRESS["vm2"],
        ("port-udp", 7946): ADDRESS["vm2"],
        ("port-udp", 4789): "10.88.0.12",
        ("port-esp", 0): "10.88.0.12",
    }
    injected = [row for rows in CHECKS["ENC-REJECT"].plan(facts).values() for row in rows]
    assert "10.88.0.12" in {row["source"] for row in injected} & {row["address"] for row in injected}
    assert ADDRESS["vm2"] not in {row["source"] for row in injected} | {row["address"] for row in injected}
    # What gossip tells counts for what was captured.
    for network in (PLAIN, SECRET, TWIN):
        for host in HOSTS:
            records = facts.held[host][network["id"]]["records"]
            for rows in records.values():
                rows[:] = [row.replace(" " + ADDRESS["vm2"], " 10.88.0.12") for row in rows]
    assert worst(facts, "ENC-WIRE") == "inconclusive"
    for host in ("vm1", "vm3"):
        facts.wire[host]["esp_out"]["10.88.0.12"] = facts.wire[host]["esp_out"].pop(ADDRESS["vm2"])
        for state in facts.xfrm[host]:
            state["target"] = state["target"].replace(ADDRESS["vm2"], "10.88.0.12")
    assert worst(facts, "ENC-WIRE") == "pass"
