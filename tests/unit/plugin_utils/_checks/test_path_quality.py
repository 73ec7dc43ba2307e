# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""PATH-QUALITY: what follows from the trains of all paths, for the wire and for each network."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._checks import (
    _quality,
    _trains,
    dp_matrix,
    mesh_all,
    path_quality,
)
from drafts import Draft
from sound import ADDRESS, HOSTS, NETWORKS, PLAIN, SECRET, healthy, missing, results, short, train

GONE = {"answered": 0, "sizes": {"100": [20, 0], "600": [20, 0], "1450": [20, 0]}}
LOSSY = {"answered": 45, "sizes": {"100": [20, 15], "600": [20, 15], "1450": [20, 15]}}


def change(facts: Draft, layer: str, pairs: list[tuple[str, str]], **parts: object) -> None:
    for source, target in pairs:
        facts.trains[source][_quality.ident(layer, target)].update(train(**parts))


def told(facts: Draft, network: str | None = None) -> dict:
    """The result of the wire or of a network, with what every result of paths has."""
    found = next(item for item in results(facts, path_quality.ID) if item["network"] == network)
    assert found["title"] == (path_quality.TITLE if network else path_quality.ON_WIRE)
    paths = found["reason"] not in ("one-node", "no-pair")
    assert set(found["evidence"]) == {"summary", *(("matrix", "limits") if paths else ())}
    return found


PAIR = [("vm1", "vm2"), ("vm2", "vm1")]
BOTH = [*PAIR, ("vm3", "vm2"), ("vm2", "vm3")]


@pytest.mark.parametrize("network", [None, PLAIN["name"], SECRET["name"]])
@pytest.mark.parametrize(
    ("pairs", "parts", "found"),
    [
        (PAIR, {}, ("pass", "ok", HOSTS)),
        (PAIR, LOSSY, ("fail", "quality-poor", ["vm1", "vm2"])),
        (BOTH, LOSSY, ("fail", "quality-poor", ["vm2"])),
        (PAIR, GONE, ("fail", "paths-lost", ["vm1", "vm2"])),
        (BOTH, GONE, ("fail", "paths-lost", ["vm2"])),
        # A process that was so late proves no loss, not even where everything is lost.
        (PAIR, {**LOSSY, "late_ms": 1001}, ("inconclusive", "node-starved", ["vm1", "vm2"])),
        (PAIR[:1], {**GONE, "late_ms": 1001}, ("inconclusive", "node-starved", ["vm1", "vm2"])),
        (BOTH, {**GONE, "dwell_ms": 4000}, ("inconclusive", "node-starved", HOSTS)),
        # So few are no loss beyond chance, late or not.
        (PAIR[:1], {"answered": 58, "late_ms": 4000}, ("pass", "ok", HOSTS)),
        (PAIR, {"answered": 58, "dwell_ms": 4000}, ("inconclusive", "node-starved", ["vm1", "vm2"])),
        # What the kernel says does not depend on that.
        (PAIR, {**GONE, "late_ms": 1001, "error": "network is unreachable"}, ("fail", "paths-lost", ["vm1", "vm2"])),
    ],
)
def test_what_follows_from_some_paths(network: str | None, pairs: list, parts: dict, found: tuple) -> None:
    facts = healthy()
    layer = _quality.layer_of(next(net for net in NETWORKS if net["name"] == network)) if network else _quality.WIRE
    change(facts, layer, pairs, **parts)
    assert short(told(facts, network)) == found
    others = {item["network"]: item["status"] for item in path_quality.judge(facts) if item["network"] != network}
    assert set(others.values()) == {"pass"} and len(others) == len(facts.networks)


def test_a_bad_path_is_told_before_a_dead_and_a_dead_before_a_starved_one() -> None:
    facts = healthy()
    change(facts, "wire", PAIR[:1], **LOSSY, late_ms=1001)
    facts.trains["vm3"] = {}
    assert short(told(facts)) == ("inconclusive", "node-starved", ["vm1", "vm2"])
    change(facts, "wire", PAIR[1:], **GONE)
    assert short(told(facts))[:2] == ("fail", "paths-lost")
    change(facts, "wire", [("vm1", "vm3")], **LOSSY)
    assert short(told(facts)) == ("fail", "quality-poor", ["vm1", "vm3"])


@pytest.mark.parametrize(
    ("network", "late", "carried", "status"),
    [
        (None, {"pulses": {"dwell_ms": 10700}}, True, "inconclusive"),
        (None, {"ports": 1.9}, True, "inconclusive"),
        (None, {"ports": 0.9, "responder": 5.0}, True, "fail"),  # another process answers there
        (None, {"ports": 1.9}, False, "fail"),
        (PLAIN["name"], {"responder": 1.9}, True, "inconclusive"),
        (PLAIN["name"], {"responder": 0.9, "ports": 5.0}, True, "fail"),
        (PLAIN["name"], {"responder": 1.9}, False, "fail"),
    ],
)
def test_a_train_that_met_a_late_process_says_nothing_of_a_path_that_carries_other_packets(
    network: str | None, late: dict, carried: bool, status: str
) -> None:
    facts = healthy()
    layer = _quality.layer_of(PLAIN) if network else _quality.WIRE
    change(facts, layer, PAIR[:1], **GONE)
    pulse = next(row for row in facts.pulses["vm1"] if row["address"] == ADDRESS["vm2"])
    pulse.update(late.pop("pulses", {}))
    facts.late["vm2"] = late
    if not carried:
        pulse["answered"] = 0
        facts.observations["vm1"][dp_matrix.ident("DP-MATRIX", PLAIN, "vm2", "udp")]["ok"] = False
    assert told(facts, network)["status"] == status


def test_a_node_that_measured_nothing_is_named() -> None:
    facts = healthy()
    facts.trains["vm3"] = {}
    for network in (None, PLAIN["name"]):
        found = told(facts, network)
        assert short(found) == ("inconclusive", "no-observation", ["vm3"])
        assert found["evidence"]["summary"].endswith("from vm3")
    facts.trains = {}
    assert short(told(facts)) == ("inconclusive", "no-observation", HOSTS)


def test_a_starved_icmp_train_says_nothing_of_the_wire() -> None:
    facts = healthy()
    change(facts, "icmp", PAIR, **LOSSY, late_ms=1001)
    assert short(told(facts)) == ("pass", "ok", HOSTS)


def test_one_node_has_no_pair_and_no_pair_of_several_is_no_pass() -> None:
    facts = healthy()
    facts.update(hosts=["vm1"], opened={"vm1": facts.opened["vm1"]}, probes={"vm1": facts.probes["vm1"]})
    for network in (None, PLAIN["name"]):
        assert short(told(facts, network)) == ("skip", "one-node", [])
    facts = healthy()
    facts.probes = {"vm1": facts.probes["vm1"]}
    assert short(told(facts)) == ("pass", "ok", HOSTS)
    assert short(told(facts, PLAIN["name"])) == ("inconclusive", "no-pair", [])
    facts.opened = {}
    assert short(told(facts)) == ("inconclusive", "no-pair", [])


def test_a_node_without_a_pair_is_not_among_those_that_passed() -> None:
    facts = healthy()
    del facts.probes["vm3"]
    found = told(facts, PLAIN["name"])
    assert short(found) == ("pass", "ok", ["vm1", "vm2"]) and found["evidence"]["matrix"]["nodes"] == ["vm1", "vm2"]


def test_without_the_leader_nothing_is_judged() -> None:
    facts = healthy()
    facts.leader = None
    assert [short(item) for item in results(facts, path_quality.ID)] == [("inconclusive", "leader-not-in-play", [])]


def test_a_network_without_probes_says_why_and_the_wire_is_judged() -> None:
    facts = healthy()
    facts.made["crowded"] = [PLAIN["id"]]
    assert [(item["network"], item["reason"]) for item in path_quality.judge(facts)] == [
        (None, "ok"), (PLAIN["name"], "too-few-addresses"), (SECRET["name"], "ok"), (None, "ok")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("lacking", "pairs", "network", "nodes", "hint"),
    [
        (["vm2"], BOTH, SECRET["name"], ["vm2"], path_quality.NO_ESP % ("vm2", "esp4")),
        (["vm2"], PAIR, SECRET["name"], ["vm2"], path_quality.NO_ESP % ("vm2", "esp4")),
        (["vm1", "vm2"], PAIR, SECRET["name"], ["vm1", "vm2"], path_quality.NO_ESP % ("vm1, vm2", "esp4")),
        (["vm3"], PAIR, SECRET["name"], ["vm1", "vm2"], path_quality.HINT),  # not a kernel's matter alone
        (["vm3"], BOTH, SECRET["name"], ["vm2"], path_quality.HINT),
        ([], PAIR, SECRET["name"], ["vm1", "vm2"], path_quality.HINT),
        (["vm2"], BOTH, PLAIN["name"], ["vm2"], path_quality.HINT),
        (["vm3"], BOTH, None, ["vm2"], path_quality.HINT),
    ],
)
def test_a_kernel_that_cannot_encrypt_is_the_reason_only_of_encrypted_paths_that_it_ends(
    lacking: list, pairs: list, network: str | None, nodes: list, hint: str
) -> None:
    facts = healthy()
    for host in lacking:
        missing(facts, host, "esp4")
    layer = _quality.layer_of(next(net for net in NETWORKS if net["name"] == network)) if network else _quality.WIRE
    change(facts, layer, pairs, **GONE)
    found = told(facts, network)
    assert (found["reason"], found["nodes"], found["hint"]) == ("paths-lost", nodes, hint)


def cells(facts: Draft, network: str | None = None) -> dict:
    return told(facts, network)["evidence"]["matrix"]["kinds"]


def test_the_matrix_has_a_cell_for_each_path_that_was_tried() -> None:
    facts = healthy()
    whole = {here: {there: 0.0002 for there in HOSTS if there != here} for here in HOSTS}
    assert cells(facts) == {"icmp": whole, "wire": whole}
    balanced = {here: dict.fromkeys(HOSTS, 0.0002) for here in HOSTS}
    assert cells(facts, PLAIN["name"]) == {"quality": whole, path_quality.VIP: balanced}
    evidence = told(facts)["evidence"]
    assert evidence["matrix"]["nodes"] == HOSTS and evidence["limits"] == _quality.LIMITS
    change(facts, "wire", PAIR[:1], **GONE)
    change(facts, "wire", [("vm2", "vm3")], repeated=9)
    change(facts, "icmp", PAIR[1:], **GONE)
    del facts.trains["vm3"]["PATH-QUALITY/wire/vm1"], facts.trains["vm3"]["PATH-QUALITY/icmp/vm1"]
    found = cells(facts)
    assert found["wire"]["vm1"] == {"vm2": "no answer", "vm3": 0.0002}
    assert found["wire"]["vm2"] == {"vm1": 0.0002, "vm3": "repeats packets: 9 of 60"}
    assert found["wire"]["vm3"] == {"vm1": None, "vm2": 0.0002}
    assert found["icmp"] == {**whole, "vm2": {"vm3": 0.0002}, "vm3": {"vm2": 0.0002}}, "ICMP may be filtered"


def test_bad_icmp_is_shown_as_its_delay() -> None:
    facts = healthy()
    change(facts, "icmp", PAIR, **LOSSY)
    assert cells(facts)["icmp"]["vm1"] == {"vm2": 0.0002, "vm3": 0.0002}


def test_the_text_tells_what_is_bad_and_the_span_of_delays() -> None:
    facts = healthy()
    change(facts, "wire", PAIR[:1], delay_ms=[0.1, 2.5, 2.6, 2.7])
    assert told(facts)["evidence"]["summary"].startswith("6 paths, round trip 0.2 to 2.5 ms")
    change(facts, "wire", PAIR[:1], repeated=9, corrupt=4)
    summary = told(facts)["evidence"]["summary"]
    assert summary == "1 of 6 paths: vm1 to vm2 corrupts packets (4 of 60) and repeats packets (9 of 60)"
    change(facts, "wire", [*PAIR[1:], ("vm1", "vm3")], repeated=9)
    assert told(facts)["evidence"]["summary"].endswith(" and 1 more")
    facts = healthy()
    change(facts, "wire", PAIR, **GONE)
    assert told(facts)["evidence"]["summary"].startswith("2 of 6 paths ")
    change(facts, "wire", PAIR, **LOSSY, late_ms=1001)
    assert told(facts)["evidence"]["summary"].startswith("the processes of vm1, vm2 ")


@pytest.mark.parametrize(
    ("layer", "parts", "hopeless"),
    [
        ("wire", {}, False),
        ("wire", LOSSY, True),
        ("wire", {**LOSSY, "gap": 14}, True),
        ("wire", {"answered": 40, "sizes": {"100": [20, 20], "600": [20, 20], "1450": [20, 0]}}, True),
        ("wire", {"delay_ms": [140.0, 150.0, 151.0, 160.0]}, False),  # slow is no loss
        ("wire", {"repeated": 9, "corrupt": 9, "mbit": 1.0}, False),
        ("wire", GONE, True),
        ("wire", {**GONE, "late_ms": 1001}, False),
        ("wire", {**GONE, "late_ms": 1001, "error": "no route to host"}, True),
        ("icmp", GONE, False),
        (PLAIN["id"][:12], GONE, False),
    ],
)
def test_when_waiting_for_gossip_cannot_help(layer: str, parts: dict, hopeless: bool) -> None:
    facts = healthy()
    change(facts, layer, PAIR[:1], **parts)
    assert path_quality.hopeless(facts) is hopeless
    facts.swarm = {}
    assert path_quality.hopeless(facts) is False


def test_trains_come_when_published_ports_answer_or_never_will() -> None:
    """Those of a run of this check alone too; MESH-ALL asks the same, and what checks share is asked once."""
    facts = healthy()
    assert path_quality.plan(facts) == mesh_all.plan(facts) != {}
    assert path_quality.trains(facts) == _trains.requests(facts) != {}
