# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes each further check of the catalogue fail, stay inconclusive, or skip; the facts are those of test_checks."""

from __future__ import annotations

import calendar
import re
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._verify import leader, phases
from ansible_collections.swarmlab.overlay.plugins.plugin_utils import _checks
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._checks import (
    _resolving,
    _result,
    dp_matrix,
    gossip_hash,
    lb_ipvs,
    lb_spread,
    opt_lint,
    pre_skew,
)
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._diagnosis.diagnose import diagnose
from drafts import Draft
from sound import (
    ADDRESS,
    CHECKS,
    HOSTS,
    PLAIN,
    SECRET,
    TWIN,
    around,
    break_path,
    healthy,
    judged,
    missing,
    probe_address,
    results,
    worst,
)


def failed(facts: Draft, ident: str) -> dict:
    """The one result that failed."""
    found = [item for item in results(facts, ident) if item["status"] == "fail"]
    assert len(found) == 1, found
    return found[0]


def no_answer(facts: Draft, source: str, ident: str, error: str = "no answer") -> None:
    facts.observations[source][ident].update(ok=False, error=error)


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


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda facts: facts.nodes["vm2"].update(address="0.0.0.0"), "calls itself 0.0.0.0"),
        (lambda facts: facts.nodes["vm2"].update(address="127.0.0.1"), "calls itself 127.0.0.1"),
        (lambda facts: facts.swarm["nodes"][1].update(address="10.77.0.99"), "know it as 10.77.0.99"),
        (lambda facts: facts.swarm["nodes"][1].update(manager_address="0.0.0.0:2377"), "its manager is at 0.0.0.0"),
        (lambda facts: facts.settings.update(addresses={"vm2": "10.77.0.99"}), "the inventory declares 10.77.0.99"),
        (
            lambda facts: facts.held["vm3"][PLAIN["id"]]["records"]["always"].append(
                f"probe {probe_address(PLAIN, 'vm2')} 0.0.0.0"
            ),
            "tunnels to it end at 0.0.0.0",
        ),
    ],
)
def test_a_wrong_address(change, words: str) -> None:
    facts = healthy()
    change(facts)
    result = failed(facts, "CP-ADDR")
    assert result["nodes"] == ["vm2"] and words in result["evidence"]["summary"]


def test_an_interface_may_be_declared_in_place_of_an_address() -> None:
    facts = healthy()
    facts.settings["addresses"] = {"vm1": "eth1", "vm2": ADDRESS["vm2"], "vm3": None}
    assert worst(facts, "CP-ADDR") == "pass"


def test_two_nodes_with_one_address() -> None:
    facts = healthy()
    facts.nodes["vm3"]["address"] = facts.swarm["nodes"][2]["address"] = ADDRESS["vm2"]
    assert failed(facts, "CP-ADDR")["nodes"] == ["vm2", "vm3"]


def test_no_dnsrr_service_is_a_skip() -> None:
    facts = healthy()
    facts.owners[SECRET["id"]].pop("rr")
    assert ("skip", "back", []) in judged(facts, "SD-DNSRR")


@pytest.mark.parametrize(
    ("later", "statuses"),
    [
        (None, {"fail", "pass"}),
        ({"web": ["10.0.1.5"]}, {"fail", "pass"}),
        ({"web": ["10.0.1.6"], "other": ["10.0.1.7"]}, {"pass"}),  # it was rescheduled meanwhile
        ({}, {"pass"}),  # it was removed meanwhile
    ],
)
def test_a_name_that_changes_while_it_is_asked_for_is_no_fault(later: dict | None, statuses: set) -> None:
    facts = healthy()
    facts.records[PLAIN["id"]] = {"web": ["10.0.1.5"], "other": ["10.0.1.7"]}
    facts.owners[PLAIN["id"]] = {"web": ["web", "service"], "other": ["other", "service"]}
    facts.later_records = None if later is None else dict(facts.records, **{PLAIN["id"]: later})
    for host in HOSTS:
        for name, ok in (("web", False), ("other", True)):
            facts.observations[host][_resolving.ident(CHECKS["SD-VIP"], PLAIN, name)] = {
                "ok": ok,
                "seconds": 1,
                "kind": "answer",
                "addresses": [],
            }
    assert {item["status"] for item in CHECKS["SD-VIP"].judge(facts)} == statuses


def test_when_all_names_change_nothing_is_proven() -> None:
    facts = healthy()
    facts.later_records = {}
    for host in HOSTS:
        facts.observations[host][_resolving.ident(CHECKS["SD-VIP"], PLAIN, "web")].update(ok=False)
    assert ("skip", "front", []) in judged(facts, "SD-VIP")


def test_a_service_that_was_not_selected_is_not_asked_for() -> None:
    facts = healthy()
    facts.settings["services"] = ["r*"]
    asked = {
        request["name"]
        for ident in ("SD-VIP", "SD-DNSRR")
        for rows in CHECKS[ident].plan(facts).values()
        for request in rows
    }
    assert asked == {"rr.front", "rr.back"}
    assert worst(facts, "SD-VIP") == "skip"


def test_only_selected_nodes_ask_and_are_paired_with_all() -> None:
    facts = healthy()
    facts.settings["nodes"] = ["vm2"]
    assert set(CHECKS["SD-VIP"].plan(facts)) == {"vm2"}
    pairs = {
        (source, request["node"])
        for source, rows in CHECKS["DP-MATRIX"].plan(facts).items()
        for request in rows
        if request["kind"] == "tcp"
    }
    assert pairs == set(around("vm2"))


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (lambda seen: seen["SD-SCOPE/" + PLAIN["id"]].update(addresses=["10.0.2.2"]), "fail"),
        (lambda seen: seen["SD-SCOPE/" + PLAIN["id"]].update(addresses=["203.0.113.5"]), "pass"),
        (lambda seen: seen["SD-SCOPE/control"].update(addresses=[]), "inconclusive"),
        (lambda seen: seen.pop("SD-SCOPE/" + PLAIN["id"]), "inconclusive"),
    ],
)
def test_names_beyond_their_network(change, status: str) -> None:
    facts = healthy()
    change(facts.observations["vm2"])
    assert worst(facts, "SD-SCOPE") == status


@pytest.mark.parametrize(
    ("row", "uneven"),
    [
        ({"a": 2, "b": 2}, False),
        ({"a": 1, "b": 3}, False),
        ({"a": 0, "b": 4}, True),
        ({"a": 9, "b": 1, "c": 2}, True),
        ({"a": 0}, True),
    ],
)
def test_shares(row: dict, uneven: bool) -> None:
    assert lb_spread.uneven(row) is uneven


def test_a_backend_without_connections_is_told_and_a_kernel_without_ip_vs_is_the_reason() -> None:
    facts = healthy()
    seen = facts.observations["vm2"][dp_matrix.ident("DP-MATRIX", PLAIN, "*", "vip")]
    seen["shares"] = {"vm1": 6}
    result = failed(facts, "LB-SPREAD")
    assert result["nodes"] == ["vm2"] and "vm3 0" in result["evidence"]["summary"]
    missing(facts, "vm2", "ip_vs")
    assert "ip_vs" in failed(facts, "LB-SPREAD")["hint"]


def test_a_node_where_a_published_port_does_not_answer() -> None:
    facts = healthy()
    for source in ("vm1", "vm2"):
        no_answer(facts, source, "MESH-ALL/vm3", "connection refused")
    result = failed(facts, "MESH-ALL")
    assert result["nodes"] == ["vm3"] and "DOCKER-INGRESS" in result["hint"]
    missing(facts, "vm3", "ip_vs")
    assert "ip_vs" in failed(facts, "MESH-ALL")["hint"]


def test_an_unpublished_port_that_answers_fails() -> None:
    facts = healthy()
    facts.observations["vm1"]["MESH-ALL/vm2/closed"]["ok"] = False
    assert failed(facts, "MESH-ALL")["nodes"] == ["vm2"]


def test_the_mesh_without_its_service_proves_nothing() -> None:
    facts = healthy()
    facts.published_on = "id-elsewhere"
    assert judged(facts, "MESH-ALL") == [("inconclusive", None, [])]


@pytest.mark.parametrize(
    ("change", "nodes", "words"),
    [
        (lambda facts: facts.policies.update(vm2=[]), ["vm2"], "no policy"),
        (lambda facts: [row.update(port=9999) for row in facts.policies["vm2"]], ["vm2"], "port 9999"),
        (lambda facts: facts.xfrm.update(vm2=[]), ["vm1", "vm2", "vm3"], "no state"),
        (
            lambda facts: [row.update(spi="0000dead") for row in facts.xfrm["vm2"] if row["target"] == ADDRESS["vm2"]],
            ["vm2"],
            "vm2 does not know the SPI",
        ),
        (
            lambda facts: [row.update(key="other") for row in facts.xfrm["vm2"] if row["target"] == ADDRESS["vm2"]],
            ["vm1", "vm2", "vm3"],
            "the keys differ",
        ),
    ],
)
def test_states_that_do_not_agree(change, nodes: list, words: str) -> None:
    facts = healthy()
    change(facts)
    result = failed(facts, "ENC-SA-AGREE")
    assert words in " ".join(result["evidence"]["pairs"])
    assert set(result["nodes"]) <= set(nodes) and "vm2" in result["nodes"]


@pytest.mark.parametrize(
    ("lost", "words"), [("xfrm", "vm2 to vm1: had no state for the policy"), ("policies", "vm2 to vm1: had no policy")]
)
@pytest.mark.parametrize(("age", "told"), [(5000.0, True), (89.0, False), (None, False)])
def test_what_the_run_s_own_probe_healed_is_told(lost: str, words: str, age: float | None, told: bool) -> None:
    """An engine sets its encryption up anew when a task joins a network. Who joined while the run went on had nothing before."""
    facts = healthy()
    facts.opened["vm2"][lost] = []
    facts.carried[SECRET["id"]]["id-vm2"] = age
    if age is None:
        facts.carried = {}
        facts.closed.pop("vm1")
    if not told:
        assert judged(facts, "ENC-SA-AGREE") == [("pass", None, HOSTS)]
        return
    result = failed(facts, "ENC-SA-AGREE")
    assert result["nodes"] == ["vm2"] and words in result["evidence"]["summary"]


def test_states_that_could_not_be_read_are_no_pass() -> None:
    facts = healthy()
    facts.xfrm.pop("vm3")
    assert judged(facts, "ENC-SA-AGREE") == [("inconclusive", None, ["vm3"])]


def test_without_esp4_the_states_are_missing_for_that_reason() -> None:
    facts = healthy()
    for host in HOSTS:
        missing(facts, host, "esp4")
        facts.xfrm[host] = []
    assert "esp4" in failed(facts, "ENC-SA-AGREE")["hint"]


def test_injected_clear_text_that_arrives_names_the_receiver() -> None:
    facts = healthy()
    facts.received["vm2"]["udp/back/clear@vm1"] = 1
    assert judged(facts, "ENC-REJECT") == [("fail", "back", ["vm2"])]


@pytest.mark.parametrize(
    "change",
    [
        lambda facts: facts.received["vm2"].clear(),
        lambda facts: facts.observations["vm1"]["ENC-REJECT/secret000000/vm2"].update(ok=False),
    ],
)
def test_a_refusal_without_its_control_proves_nothing(change) -> None:
    facts = healthy()
    change(facts)
    assert judged(facts, "ENC-REJECT") == [("inconclusive", "back", ["vm2"])]


def test_each_node_is_injected_once_by_another() -> None:
    facts = healthy()
    rows = [(source, request) for source, requests in CHECKS["ENC-REJECT"].plan(facts).items() for request in requests]
    assert sorted(row["address"] for _source, row in rows if row["network"] == "back") == [
        ADDRESS[host] for host in HOSTS
    ]
    assert all(ADDRESS[source] == row["source"] != row["address"] for source, row in rows)


@pytest.mark.parametrize(("underlay", "status"), [(1500, "pass"), (1499, "fail"), (9000, "pass")])
def test_the_arithmetic_of_sizes(underlay: int, status: str) -> None:
    facts = healthy()
    facts.opened["vm3"]["host"]["addresses"][0]["mtu"] = underlay
    assert {item["status"] for item in CHECKS["MTU-FIT"].judge(facts)} == {status}
    if status == "fail":
        assert judged(facts, "MTU-FIT") == [("fail", "front", ["vm3"]), ("fail", "back", ["vm3"])]


def test_full_packets_that_do_not_pass_where_small_ones_do() -> None:
    facts = healthy()
    for source, target in around("vm2"):
        no_answer(facts, source, f"MTU-FIT/{PLAIN['id']}/{target}")
    assert failed(facts, "MTU-FIT")["nodes"] == ["vm2"]


def test_a_dead_path_says_nothing_of_sizes() -> None:
    facts = healthy()
    break_path(facts, PLAIN, around("vm2"))
    assert ("inconclusive", "front", ["vm2"]) in judged(facts, "MTU-FIT")


def test_the_size_asked_for_is_the_network_s() -> None:
    facts = healthy()
    facts.networks = [dict(PLAIN, options={"com.docker.network.driver.mtu": "1300"}), SECRET]
    sizes = {
        request["size"]
        for rows in CHECKS["MTU-FIT"].plan(facts).values()
        for request in rows
        if request["kind"] == "burst"
    }
    assert sizes == {1250, 1424}, "the engine takes its overhead off the option"


@pytest.mark.parametrize(
    ("told", "odd"),
    [
        ({"a": ({"x"}, {"x"}), "b": ({"x"}, {"x"}), "c": (set(), set())}, {"c": [("lacks", "x")]}),
        ({"a": ({"x", "y"}, {"x", "y"}), "b": ({"x"}, {"x"}), "c": ({"x"}, {"x"})}, {"a": [("alone holds", "y")]}),
        ({"a": ({"x"}, {"x"}), "b": (set(), {"x"}), "c": ({"x"}, {"x"})}, {}),
        ({"a": (set(), {"x"}), "b": (set(), set()), "c": (set(), set())}, {}),
    ],
)
def test_records_that_diverge(told: dict, odd: dict) -> None:
    assert gossip_hash.divergent(told) == odd


def test_a_node_that_gossip_forgot() -> None:
    facts = healthy()
    records = facts.held["vm3"][PLAIN["id"]]["records"]
    lost = records["always"].pop()
    records["ever"].remove(lost)
    result = failed(facts, "GOSSIP-HASH")
    assert result["nodes"] == ["vm3"] and lost in result["evidence"]["summary"]


def peers(facts: Draft, host: str) -> dict:
    return facts.held[host][PLAIN["id"]]["peers"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rows: rows.pop(0), "no entry for 10.0.1.10 on vm1"),
        (lambda rows: rows.append("10.0.1.77 02:77 10.77.0.11"), "10.0.1.77 is stale"),
        (lambda rows: rows.__setitem__(0, rows[0].replace("02:vm1", "02:77")), "10.0.1.10 leads to 02:77"),
        (
            lambda rows: rows.__setitem__(0, rows[0].replace(ADDRESS["vm1"], ADDRESS["vm3"])),
            "at 10.77.0.13, it is 02:vm1 on vm1",
        ),
    ],
)
def test_a_wrong_entry_in_the_kernel_s_table(change, words: str) -> None:
    facts = healthy()
    for rows in peers(facts, "vm2").values():
        change(rows)
    result = failed(facts, "PEER-FDB")
    assert result["nodes"] == ["vm2"] and words in result["evidence"]["summary"]


def test_an_entry_that_came_or_went_meanwhile_is_no_fault() -> None:
    facts = healthy()
    peers(facts, "vm2")["ever"].append("10.0.1.77 02:77 10.77.0.11")
    peers(facts, "vm2")["always"].pop(0)
    assert worst(facts, "PEER-FDB") == "pass"


@pytest.mark.parametrize(
    ("number", "noun", "words"),
    [
        (1, "way", "1 way"),
        (30, "way", "30 ways"),
        (3, "entry", "3 entries"),
        (2, "address", "2 addresses"),
        (0, "pair", "0 pairs"),
    ],
)
def test_numbers_and_their_nouns(number: int, noun: str, words: str) -> None:
    assert _result.count(number, noun) == words


def test_an_entry_of_a_task_that_just_ended_is_no_fault() -> None:
    facts = healthy()
    for rows in peers(facts, "vm2").values():
        rows.append("10.0.1.77 02:77 10.77.0.11")
    facts.retired = {PLAIN["id"]: ["10.0.1.77"]}
    assert worst(facts, "PEER-FDB") == "pass"


@pytest.mark.parametrize(
    ("state", "seconds", "ended"),
    [("running", 5, False), ("shutdown", 5, True), ("failed", 59, True), ("shutdown", 61, False)],
)
def test_tasks_that_ended_within_a_minute(state: str, seconds: int, ended: bool) -> None:
    task = {"UpdatedAt": "2026-11-25T13:00:00.123456789Z", "DesiredState": "running" if state == "running" else "shutdown",
            "Status": {"State": state}}  # fmt: skip
    assert leader.ended_lately(task, calendar.timegm((2026, 11, 25, 13, 0, 0)) + seconds) is ended


def test_the_last_view_tells_how_long_services_and_nodes_have_been_there() -> None:
    now = time.time()

    def task(age: int, node: str, service: str = "id-web", state: str = "running") -> dict:
        made = time.strftime("%Y-%m-%dT%H:%M:%S.5Z", time.gmtime(now - age))
        return {"ID": f"{service}{node}{age}", "CreatedAt": made, "UpdatedAt": made, "DesiredState": state, "Status": {"State": state},
                "ServiceID": service, "NodeID": node, "NetworksAttachments": [{"Network": {"ID": "net"}, "Addresses": ["10.0.0.7/24"]}]}  # fmt: skip

    def service(name: str, *ports: dict) -> dict:
        return {"ID": f"id-{name}", "Spec": {"Name": name}, "Endpoint": {"Ports": list(ports)}}

    def port(number: int, mode: str = "ingress") -> dict:
        return {"Protocol": "tcp", "TargetPort": 80, "PublishedPort": number, "PublishMode": mode}

    engine = SimpleNamespace(
        services=lambda: [service("web", port(8080), port(8081, "host")), service("new", port(8082))],
        tasks=lambda: [task(40, "one"), task(20, "one"), task(90, "two", state="shutdown"), task(30, "two")],
    )
    view = leader.last_view(engine, ["net"])
    assert {port: age and round(age, -1) for port, age in view["mesh"].items()} == {"tcp/8080": 40, "tcp/8082": None}
    assert {node: round(age, -1) for node, age in view["carried"]["net"].items()} == {"one": 40, "two": 30}
    assert not set(view) & set(phases.HELPERS), "a helper's result would take its place"


def test_staleness_is_not_judged_while_a_node_is_missing() -> None:
    facts = healthy()
    for rows in peers(facts, "vm2").values():
        rows.append("10.0.1.77 02:77 10.77.0.14")
    facts.swarm["nodes"].append({"id": "id-vm4", "state": "ready"})
    results = CHECKS["PEER-FDB"].judge(facts)
    assert {item["status"] for item in results} == {"pass"} and "not judged" in results[0]["evidence"]["summary"]


@pytest.mark.parametrize(
    ("room", "subnets", "status"),
    [
        (None, ["10.0.1.0/24"], "pass"),
        (None, ["10.0.1.8/29"], "fail"),
        ([{"subnet": "10.0.1.0/24", "used": 253, "free": 0}], ["10.0.1.0/24"], "pass"),  # the probes give three back
        ([{"subnet": "10.0.1.0/24", "used": 250, "free": 50}], ["10.0.1.0/24"], "pass"),
    ],
)
def test_addresses_left(room: list | None, subnets: list, status: str) -> None:
    facts = healthy()
    facts.networks = [dict(PLAIN, room=room, subnets=subnets)]
    assert worst(facts, "IPAM-HEADROOM") == status


def test_a_network_without_room_for_probes_is_skipped_and_told_so() -> None:
    facts = healthy()
    facts.made["crowded"] = [PLAIN["id"]]
    for rows in facts.probes.values():
        rows.pop(PLAIN["id"])
    for ident in (
        "SD-VIP",
        "DP-MATRIX",
        "NET-ATTACH",
        "MTU-FIT",
        "LB-SPREAD",
        "PEER-FDB",
        "GOSSIP-HASH",
        "LB-IPVS",
        "SD-SCOPE",
    ):
        results = [item for item in CHECKS[ident].judge(facts) if item["network"] == "front"]
        assert [item["status"] for item in results] == ["skip"], ident
        assert "IPAM-HEADROOM" in results[0]["evidence"]["summary"]
    # Nothing else was proven on it, so the run must not be green for it.
    assert judged(facts, "IPAM-HEADROOM")[0] == ("inconclusive", "front", [])


def test_a_network_that_nobody_uses_has_no_duplicates_to_find() -> None:
    facts = healthy()
    facts.addresses[PLAIN["id"]] = []
    for host in HOSTS:
        facts.held[host].pop(PLAIN["id"])
    assert ("skip", "front", []) in judged(facts, "DUP-IP")


def test_addresses_given_out_twice() -> None:
    facts = healthy()
    facts.addresses[PLAIN["id"]].append(["10.0.1.10", "task x of web"])
    facts.held["vm3"][PLAIN["id"]]["local"].append("10.0.1.11 02:77")
    result = failed(facts, "DUP-IP")
    assert (
        result["nodes"] == ["vm1", "vm2", "vm3"]
        and "10.0.1.10: task vm1 of probe and task x of web" in result["evidence"]["summary"]
    )


def test_a_subnet_that_the_host_reaches_otherwise() -> None:
    facts = healthy()
    facts.opened["vm2"]["host"]["routes"].append({"network": "10.0.0.0/16", "device": "tun0"})
    assert ("fail", "front", ["vm2"]) in judged(facts, "SUBNET-OVERLAP")


def test_two_overlays_with_one_subnet() -> None:
    facts = healthy()
    facts.all_networks.append(["unselected", "another00000", "swarm", ["10.0.1.128/25"]])
    result = failed(facts, "SUBNET-OVERLAP")
    assert result["network"] == "front" and "network unselected" in result["evidence"]["summary"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, []),
        ({"encrypted": ""}, []),
        ({"encrypted": "true", "com.docker.network.driver.overlay.vxlanid_list": "4097"}, []),
        ({"encrypted": "false"}, ["encrypts all the same"]),
        ({"encryptd": ""}, ["encryptd is ignored"]),
        ({"com.docker.network.driver.mtu": "big"}, ["is no number"]),
    ],
)
def test_options(options: dict, words: list) -> None:
    found = opt_lint.strange(options)
    assert len(found) == len(words) and all(word in text for word, text in zip(words, found))
    facts = healthy()
    facts.networks = [dict(PLAIN, options=options)]
    assert worst(facts, "OPT-LINT") == ("fail" if words else "pass")


@pytest.mark.parametrize(
    ("change", "nodes"),
    [
        (lambda facts: facts.all_networks.append(["front", "another00000", "swarm", []]), []),
        (lambda facts: facts.opened["vm3"]["local_networks"].append("front"), ["vm3"]),
    ],
)
def test_two_networks_of_one_name(change, nodes: list) -> None:
    facts = healthy()
    change(facts)
    result = failed(facts, "NAME-DUP")
    assert (result["network"], result["nodes"]) == ("front", nodes)


def test_a_name_server_inside_an_overlay() -> None:
    facts = healthy()
    facts.opened["vm2"]["host"]["nameservers"].append("10.0.2.53")
    assert judged(facts, "DNS-SHADOW") == [("fail", None, ["vm2"])]


def test_a_node_that_told_no_name_server_is_not_sound() -> None:
    facts = healthy()
    facts.opened["vm3"]["host"] = None
    assert judged(facts, "DNS-SHADOW") == [("inconclusive", None, ["vm3"])]


def test_the_way_out_of_a_node_that_told_nothing_else_is_asked_without_another_node() -> None:
    facts = healthy()
    del facts.opened["vm3"]
    assert set(CHECKS["NET-EGRESS"].plan(facts)) == {"vm1", "vm2", "vm3"}


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"mark": []}, "nothing marks what back sends"),
        ({"drop": []}, "nothing drops clear text for back"),
        ({"ingress_jump": False}, "nothing leads to the chain DOCKER-INGRESS"),
        ({"ingress_ports": ["tcp/8080"]}, "no rule for a published port (tcp/30000)"),
        ({"ingress_ports": ["tcp/30000"]}, "no rule for a published port (tcp/8080)"),
    ],
)
def test_rules_that_are_gone(rules: dict, words: str) -> None:
    facts = healthy()
    facts.rules["vm2"].update(rules)
    result = failed(facts, "FW-RULES")
    assert result["nodes"] == ["vm2"] and words in result["evidence"]["summary"]


def test_rules_that_are_gone_name_what_flushes_them() -> None:
    facts = healthy()
    facts.rules["vm2"].update(mark=[])
    facts.opened["vm2"]["flushers"] = ["firewalld with direct rules"]
    result = failed(facts, "FW-RULES")
    assert (
        "nothing marks what back sends for encryption (a reload of firewalld with direct rules flushes them)"
        in result["evidence"]["summary"]
    )
    assert "restart the engine of vm2" in result["hint"]


@pytest.mark.parametrize(
    ("age", "nodes"),
    [
        (5000.0, ["vm2"]),
        (89.0, None),
        (None, None),
    ],  # a port that was published while the verification ran had no chain before
)
def test_a_chain_that_the_run_itself_mended(age: float | None, nodes: list | None) -> None:
    facts = healthy()
    facts.opened["vm2"]["rules"]["ingress_jump"] = False
    facts.published_for["tcp/8080"] = age
    assert judged(facts, "FW-RULES") == [("fail", None, nodes) if nodes else ("pass", None, HOSTS)]


@pytest.mark.parametrize(("seconds", "status"), [(20.0, "pass"), (61.0, "fail"), (None, "fail")])
@pytest.mark.parametrize("change", [("opened", "ingress_jump", False), ("rules", "ingress_ports", ["tcp/30000"])])
def test_an_engine_that_has_just_started_may_not_have_written_all(
    change: tuple, seconds: float | None, status: str
) -> None:
    """Seen on a machine right after its engine was restarted: the ingress network came back seconds later."""
    facts, (part, key, value) = healthy(), change
    (facts.opened["vm2"]["rules"] if part == "opened" else facts.rules["vm2"])[key] = value
    facts.opened["vm2"]["engine_seconds"] = seconds
    assert judged(facts, "FW-RULES")[0][0] == status


@pytest.mark.parametrize("age", [59.0, None])
def test_a_service_that_was_just_replaced_may_have_no_rule_yet(age: float | None) -> None:
    facts = healthy()
    facts.rules["vm2"]["ingress_ports"] = ["tcp/30000"]
    facts.published_for["tcp/8080"] = age
    assert judged(facts, "FW-RULES") == [("pass", None, HOSTS)]


def test_rules_that_could_not_be_listed_are_no_pass() -> None:
    facts = healthy()
    facts.rules.pop("vm2")
    assert judged(facts, "FW-RULES") == [("inconclusive", None, ["vm2"])]


@pytest.mark.parametrize(
    ("sets", "wrong"),
    [
        ([["10.0.1.10", "10.0.1.11", "10.0.1.12"]], False),
        ([["10.0.9.9"], ["10.0.1.10", "10.0.1.11", "10.0.1.12"]], False),
        ([["10.0.1.10", "10.0.1.11"]], True),
        ([["10.0.1.10", "10.0.1.11", "10.0.1.12", "10.0.1.99"]], True),
        ([], True),
    ],
)
def test_backends_of_the_load_balancer(sets: list, wrong: bool) -> None:
    facts = healthy()
    facts.held["vm2"][PLAIN["id"]]["balancer"] = [{"active": row, "quiet": []} for row in sets]
    assert bool(lb_ipvs.differences(facts.held["vm2"][PLAIN["id"]])) is wrong
    if wrong:
        assert failed(facts, "LB-IPVS")["nodes"] == ["vm2"]


def test_a_backend_that_is_about_to_go_is_no_fault() -> None:
    facts = healthy()
    facts.held["vm2"][PLAIN["id"]]["balancer"] = [{"active": ["10.0.1.10", "10.0.1.12"], "quiet": ["10.0.1.11"]}]
    assert worst(facts, "LB-IPVS") == "pass"


def test_a_node_without_a_load_balancer() -> None:
    facts = healthy()
    facts.held["vm2"][PLAIN["id"]]["balancer"] = None
    missing(facts, "vm2", "ip_vs")
    result = failed(facts, "LB-IPVS")
    assert result["nodes"] == ["vm2"] and "ip_vs" in result["hint"]


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


@pytest.mark.parametrize("ident", sorted(CHECKS))
def test_a_check_has_tags_one_of_them_its_priority(ident: str) -> None:
    tags = CHECKS[ident].TAGS
    assert len({"P0", "P1", "P2", "P3"} & set(tags)) == 1 and len(tags) > 1
    assert all(re.fullmatch(r"P[0-3]|[a-z]+", tag) for tag in tags)


def test_selecting_by_tag() -> None:
    chosen, empty = _checks.select(_checks.load(), ["encryption", "nothing"])
    assert {module.ID for module in chosen} == {
        "ENC-WIRE",
        "ENC-SA-AGREE",
        "ENC-REJECT",
        "XFRM-DELTA",
        "FW-RULES",
    } and empty == ["nothing"]
    priorities, _none = _checks.select(_checks.load(), ["P?"])
    assert len(priorities) == len(CHECKS)


def test_speed_is_shown_beside_the_hosts_own_path() -> None:
    facts = healthy()
    rows = CHECKS["PF-SPEED"].judge(facts)[0]["evidence"]["performance"]
    assert len(rows) == 3 * 2 * 5 and {row["source"] for row in rows} == set(HOSTS)
    assert {(row["via"], row["ratio"]) for row in rows} == {("direct", 1.0), ("vip", 0.5)}
    facts.opened = {host: data for host, data in facts.opened.items() if host == "vm1"}
    facts.served = {"vm1": facts.served["vm1"]}
    assert {row["where"] for row in CHECKS["PF-SPEED"].judge(facts)[0]["evidence"]["performance"]} == {"same node"}


def test_what_a_kernel_lacks_is_not_measured_and_no_failure() -> None:
    facts = healthy()
    for host in HOSTS:
        missing(facts, host, "ip_vs")
    missing(facts, "vm2", "esp4")
    found = CHECKS["PF-SPEED"].judge(facts)[0]
    assert found["status"] == "pass"
    for row in found["evidence"]["performance"]:
        touched = row["where"] == "other node" and "vm2" in (row["source"], row["target"])
        reason = "ip_vs" if row["via"] == "vip" else "esp4" if row["path"] == "encrypted" and touched else None
        assert (row["mbit"] is None) == bool(reason) and (reason or "") in (row["problem"] or ""), row
    planned = [row["id"] for rows in CHECKS["PF-SPEED"].measurements(facts).values() for row in rows]
    assert planned and not any(ident.endswith("/vip") for ident in planned)


def test_a_path_without_a_figure_is_inconclusive_unless_it_is_the_hosts_own() -> None:
    facts = healthy()
    for rows in facts.measured.values():
        for ident in rows:
            if "/host/" in ident:
                rows[ident] = {"error": "no answer"}
    found = CHECKS["PF-SPEED"].judge(facts)[0]
    assert found["status"] == "pass" and "may be closed" in found["evidence"]["summary"]
    facts = healthy()
    source = next(iter(facts.measured))
    ident = next(ident for ident in facts.measured[source] if "/overlay/direct" in ident and f"/{source}/" not in ident)
    facts.measured[source][ident] = {"error": "no answer"}
    found = CHECKS["PF-SPEED"].judge(facts)[0]
    assert (found["status"], set(found["nodes"])) == ("inconclusive", {source, ident.split("/")[1]})
    facts.measured[source][ident] = {"mbit": 1.0, "latency_ms": 9.0}
    found = CHECKS["PF-SPEED"].judge(facts)[0]
    assert found["status"] == "pass" and "less than a fiftieth" in found["evidence"]["remarks"][0]


def test_a_node_that_the_swarm_has_lost_is_not_proven() -> None:
    facts = healthy()
    facts.swarm["nodes"][2]["state"] = "down"
    found = CHECKS["PRE-REACH"].judge(facts)[0]
    assert (found["status"], found["nodes"]) == ("fail", ["vm3"]) and "its managers call it down" in found["evidence"][
        "summary"
    ]
    facts.swarm["nodes"][2]["state"] = "unknown"  # of a moment after an election
    assert CHECKS["PRE-REACH"].judge(facts)[0]["status"] == "pass"


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


def test_a_network_that_the_managers_never_set_up() -> None:
    facts = healthy()
    facts.unallocated, facts.settings["networks"] = ["second", "other"], ["sec*"]
    result = failed(facts, "SUBNET-OVERLAP")
    assert (
        result["network"] == "second"
        and "neither driver nor subnet" in result["evidence"]["summary"]
        and "Remove second" in result["hint"]
    )


@pytest.mark.parametrize("alias", ["a" * 64, "a..b", ".a", "\u00fc" * 64])
def test_an_alias_that_nobody_can_look_up_is_told_and_not_asked_for(alias: str) -> None:
    facts = healthy()
    facts.records[PLAIN["id"]][alias] = ["10.0.1.5"]
    facts.owners[PLAIN["id"]][alias] = ["web", "alias"]
    assert not any(
        request["name"].startswith(alias) for rows in CHECKS["SD-ALIAS"].plan(facts).values() for request in rows
    )
    result = failed(facts, "SD-ALIAS")
    assert (result["network"], result["service"], result["nodes"]) == (
        "front",
        "web",
        [],
    ) and "cannot be asked for" in result["evidence"]["summary"]
    assert worst(facts, "SD-VIP") == "pass"
    assert [cause["id"] for cause in diagnose([result], facts)] == ["name-unaskable"]


@pytest.mark.parametrize(
    ("services", "status"), [(["web"], "pass"), (["w*"], "pass"), (["*"], None), (["web", "wbe"], "fail"), ([], None)]
)
def test_a_service_that_was_asked_for_and_is_not_there(services: list, status: str | None) -> None:
    facts = healthy()
    facts.settings.update(services=services, networks=["front"] if services else ["*"])
    assert [item["status"] for item in CHECKS["NET-EXISTS"].judge(facts)] == (
        [status] if status else ["pass"] if services else []
    )
    assert CHECKS["NET-EXISTS"].judge(replace(facts, viewed=False)) is not None


def test_a_control_that_somebody_removed_is_no_traceback() -> None:
    facts = healthy()
    facts.twin = None
    for ident in CHECKS:
        CHECKS[ident].judge(facts)
    assert worst(facts, "ENC-WIRE") == "inconclusive"


@pytest.mark.parametrize(
    ("declared", "asked", "status"),
    [(["front"], ["*"], None), (["front", "gone"], ["*"], "fail"), (["gone"], ["front"], "pass"), ([], ["*"], None)],
)
def test_a_network_that_the_inventory_declares_is_looked_for(declared: list, asked: list, status: str | None) -> None:
    facts = healthy()
    facts.settings.update(declared=declared, networks=asked)
    found = CHECKS["NET-EXISTS"].judge(facts)
    assert [item["status"] for item in found] == ([status] if status else [])
    if status == "fail":
        assert "declares gone" in found[0]["evidence"]["summary"]
        assert [cause["id"] for cause in diagnose(found, facts)] == ["network-undone"]
        facts.unmatched, facts.settings["services"] = ["frnt"], ["wbe"]
        found = CHECKS["NET-EXISTS"].judge(facts)
        assert {cause["id"] for cause in diagnose(found, facts)} == {
            "network-missing",
            "service-missing",
            "network-undone",
        }
