# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults made up from seeds: each is whole, repeatable and judged by what was really done."""

from __future__ import annotations

import dataclasses
import importlib
import json
import random
import re
import struct
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[3] / "bench"
NODES = ("vm1", "vm2", "vm3")
MANY = range(1, 1500)
WORDS = {
    "vm1": "10.0.0.11",
    "vm2": "10.0.0.12",
    "vm3": "10.0.0.13",
    "dev:vm1": "eth1",
    "dev:vm2": "eth1",
    "dev:vm3": "eth1",
}


@pytest.fixture(scope="module", autouse=True)
def path():
    sys.path.insert(0, str(BENCH))
    yield
    sys.path.remove(str(BENCH))


@pytest.fixture(scope="module")
def model(path):
    return importlib.import_module("strangers.model")


@pytest.fixture(scope="module")
def seeds(path):
    return importlib.import_module("strangers.seeds")


@pytest.fixture(scope="module")
def netem(path):
    return importlib.import_module("strangers.netem").netem


@pytest.fixture(scope="module")
def scoring(path):
    return importlib.import_module("scoring")


@pytest.fixture(scope="module")
def wire(path):
    return importlib.import_module("wire")


def cause(ident: str, *nodes: str) -> dict:
    return {"id": ident, "nodes": list(nodes)}


@pytest.fixture
def single(model):
    """One fault at vm2."""
    step = model.Step("shell", "vm2", "true")
    return model.Scenario(
        7, (model.Stranger("rule", "a rule", ("vm2",), ("rule-drops", "data-port-blocked"), (step,)),)
    )


@pytest.fixture
def double(model, single):
    """The same, and another at vm3."""
    step = model.Step("shell", "vm3", "true")
    return model.Scenario(8, (*single.faults, model.Stranger("disk", "full", ("vm3",), ("disk-full",), (step,))))


def test_a_seed_always_gives_the_same_and_others_give_others(seeds) -> None:
    assert seeds.scenario(1234, NODES) == seeds.scenario(1234, NODES)
    assert len({seeds.scenario(seed, NODES).what for seed in MANY}) > len(MANY) / 2


def test_every_family_and_every_node_comes_up(seeds) -> None:
    found = [seeds.scenario(seed, NODES) for seed in MANY]
    assert {scenario.family for scenario in found} == {*seeds.FAMILIES, "two at once"}
    assert {node for scenario in found for fault in scenario.faults for node in fault.nodes} == set(NODES)


def test_every_fault_can_be_made_undone_and_written_down(model, seeds) -> None:
    for seed in MANY:
        scenario = seeds.scenario(seed, NODES)
        assert json.loads(json.dumps(scenario.data))["seed"] == seed
        for fault in scenario.faults:
            assert fault.make and fault.causes and (fault.mend or fault.renew), fault
            assert set(fault.nodes) <= set(NODES) and set(fault.needs) <= {"vm", "container", "ip_vs", "esp4"}
            for step in (*fault.make, *fault.mend):
                assert step.how in model.HOWS and step.node in NODES, step
                assert "{0}" not in step.text and step.text.count("'") % 2 == 0, step
                words = re.findall(r"@([a-z][a-z0-9:-]*)@", step.text)
                known = {
                    *WORDS,
                    "image",
                    "free",
                    "restart",
                    "subnet",
                    "inside",
                    "pid",
                    *(f"mac:{node}" for node in NODES),
                }
                assert all(word in known or word.startswith(("task:", "prefix:")) for word in words), step


def test_two_faults_have_no_node_in_common(seeds) -> None:
    pairs = [scenario for scenario in (seeds.scenario(seed, NODES) for seed in MANY) if len(scenario.faults) == 2]
    assert len(pairs) > len(MANY) / 10
    for scenario in pairs:
        first, second = scenario.faults
        assert first.nodes and second.nodes and not set(first.nodes) & set(second.nodes)


def test_two_nodes_are_too_few(seeds) -> None:
    with pytest.raises(ValueError, match="three nodes"):
        seeds.scenario(1, NODES[:2])


def test_accepted_causes_are_known_or_wanted(seeds) -> None:
    """A misspelt id would count every right report as wrong."""
    table = importlib.import_module("ansible_collections.swarmlab.overlay.plugins.plugin_utils._diagnosis.table")
    known = {rule.id for rule in table.RULES} | seeds.WANTED
    used = {ident for seed in MANY for fault in seeds.scenario(seed, NODES).faults for ident in fault.causes}
    assert used <= known, used - known


@pytest.mark.parametrize(
    ("causes", "expected"),
    [
        ([cause("rule-drops", "vm2")], (True, True, True)),
        ([cause("cut-off", "vm2"), cause("data-port-blocked", "vm2")], (True, True, True)),
        ([cause("cut-off", "vm3"), cause("data-port-blocked", "vm2")], (True, True, False)),
        ([cause("cut-off", "vm2"), cause("mtu-too-small", "vm2"), cause("rule-drops", "vm2")], (True, False, True)),
        ([cause("rule-drops", "vm1", "vm2")], (True, False, False)),
        ([cause("rule-drops")], (True, False, True)),
        ([], (False, False, True)),
    ],
)
def test_a_right_cause_is_among_the_first_two_and_names_the_node_and_no_other(
    scoring, single, causes, expected
) -> None:
    assert tuple(scoring.scored(single, {}, causes, []).values()) == expected


@pytest.mark.parametrize(
    ("remark", "expected"),
    [
        ("vm2: a.b is 1, on the other nodes 0", (True, True, True)),
        ("vm3: a.b is 1, on the other nodes 0", (False, False, True)),
        ("vm2: c.d is 1, on the other nodes 0", (False, False, True)),
    ],
)
def test_what_harms_no_overlay_is_to_be_named_in_a_remark(scoring, model, single, remark: str, expected: tuple) -> None:
    report = {"checks": [{"evidence": {"remarks": [remark]}}, {"evidence": {}}]}
    harmless = model.Scenario(9, (dataclasses.replace(single.faults[0], remark="a.b"),))
    assert tuple(scoring.scored(harmless, report, [], []).values()) == expected
    assert tuple(scoring.scored(single, report, [], []).values()) == (False, False, True), "any other must be red"


def test_of_two_faults_both_must_be_named(scoring, double) -> None:
    one, other, third = cause("rule-drops", "vm2"), cause("disk-full", "vm3"), cause("cut-off", "vm3")
    assert scoring.scored(double, {}, [one, third, other], [])["right"]
    assert not scoring.scored(double, {}, [one, third, third, other], [])["right"]
    assert not scoring.scored(double, {}, [one], [])["right"]


def test_a_bad_result_without_a_cause_is_detected_and_no_report_is_nothing(scoring, single) -> None:
    assert scoring.scored(single, {}, [], [{"id": "DP-MATRIX"}]) == {"detected": True, "right": False, "sound": True}
    assert scoring.scored(single, None, [], []) == {"detected": False, "right": False, "sound": False}


def test_the_page_counts_the_last_run_of_each_seed_and_keeps_unseen_seeds_apart(scoring) -> None:
    def run(seed: int, right: bool, family: str = "link") -> dict:
        return {"seed": seed, "family": family, "detected": True, "right": right, "sound": True, "seconds": 9.6}

    page = scoring.page(
        [
            run(1, False),
            run(1, True),
            run(2, False, "rule"),
            run(1001, True),
            {"seed": 3, "family": "disk", "not made": "why"},
        ]
    )
    seen, unseen = page.split("## Seeds that nobody looked at")
    assert "| link | 1 | 1 of 1 (100 %) | 1 of 1 (100 %) | 1 of 1 (100 %) | 10 | 10 |" in seen
    assert "| **all** | 2 | 2 of 2 (100 %) | 1 of 2 (50 %) |" in seen
    assert "| **all** | 1 | 1 of 1 (100 %) | 1 of 1 (100 %) |" in unseen
    assert "1 faults could not be made: seeds 3." in page


def packet(protocol: int = 17, port: int = 4789, length: int = 100) -> bytes:
    head = bytes([0x45, 0]) + struct.pack(">H", length) + bytes(5) + bytes([protocol]) + bytes(10)
    return head + struct.pack(">HH", 50000, port) + bytes(length - 24)


def test_a_wire_loses_its_share_and_what_is_too_long(wire) -> None:
    link = wire.Link({"loss": 0.3, "seed": 1})
    assert 0.25 < sum(link.lost(packet(), link.began) for dummy in range(2000)) / 2000 < 0.35
    link = wire.Link({"largest": 600})
    assert not link.lost(packet(length=600), link.began) and link.lost(packet(length=601), link.began)
    link = wire.Link({"flap": [2, 1]})
    assert [link.lost(packet(), link.began + second) for second in (0.5, 1.5, 2.5, 3.5)] == [False, False, True, False]


def test_a_wall_stops_one_port_only(wire) -> None:
    link = wire.Link({"protocol": [17, 4789]})
    assert link.lost(packet(), 0) and not link.lost(packet(port=7946), 0) and not link.lost(packet(protocol=6), 0)


def test_a_narrow_link_paces_and_drops_what_waits_too_long(wire) -> None:
    link = wire.Link({"rate": 8000})  # a packet of 100 bytes takes 0.1 s
    times = [link.until(packet(), link.began) for dummy in range(25)]
    assert times[0] == pytest.approx(link.began + 0.1) and times[9] == pytest.approx(link.began + 1.0)
    assert times[-1] is None and None not in times[:20]


def test_delay_and_damage(wire) -> None:
    link = wire.Link({"delay": 0.3, "jitter": 0.1})
    waits = [link.until(packet(), 10.0) - 10.0 for dummy in range(200)]
    assert 0.2 <= min(waits) < 0.23 and 0.37 < max(waits) <= 0.4
    whole = packet()
    wrong = wire.damaged(whole, random.Random(1))
    assert len(wrong) == len(whole) and sum((one ^ two).bit_count() for one, two in zip(whole, wrong)) == 1
    assert wrong[: wire.HEADERS] == whole[: wire.HEADERS]


def test_the_words_of_netlink_go_there_and_back(wire) -> None:
    told = struct.pack("=LHHLL", 0, wire.QUEUE | wire.PACKET, 0, 0, 0) + struct.pack(">BBH", 2, 0, 1)
    told += wire.attribute(1, struct.pack(">LHB", 77, 0x0800, 2)) + wire.attribute(10, packet())
    told = struct.pack("=L", len(told)) + told[4:]
    assert list(wire.messages(told + told)) == [(77, packet())] * 2


@pytest.mark.parametrize(
    ("told", "host", "expected"),
    [
        ({"links": [["10.0.0.12", None]], "loss": 0.25}, "vm2", ["netem loss 25.0%", "match u32 0 0 flowid 1:4"]),
        ({"links": [[None, "10.0.0.12"]], "delay": 0.2, "jitter": 0.01}, "vm1", ["netem delay 200ms 10ms", "match ip dst 10.0.0.12/32"]),
        ({"links": [["10.0.0.12", "10.0.0.13"]], "protocol": [17, 4789]}, "vm2",
         ["netem loss 100%", "match ip protocol 17 0xff match ip dport 4789 0xffff"]),
    ],
)  # fmt: skip
def test_machines_have_netem_at_whoever_sends(netem, told, host, expected) -> None:
    text = netem(told, host, WORDS)
    assert all(words in text for words in expected)


def test_whoever_does_not_send_over_a_bad_link_is_left_alone(netem) -> None:
    for host in ("vm1", "vm3"):
        assert netem({"links": [["10.0.0.12", None]], "loss": 0.25}, host, WORDS).startswith(
            "tc qdisc del dev eth1 root"
        )
        assert "add" not in netem({"links": [["10.0.0.12", None]], "loss": 0.25}, host, WORDS)
    assert "add" not in netem(None, "vm2", WORDS)


def test_misses_tell_what_was_done_and_said_and_never_of_unseen_seeds(scoring, single, seeds) -> None:
    said = {**cause("cut-off", "vm1"), "title": "vm1 is cut off", "certainty": "seen", "because": ["PRE-REACH: lost"]}
    row = {**single.data, "what": "a rule", "seconds": 12.0, "causes": [said], "loose": ["DP-MATRIX vm2: lost"]}
    row |= scoring.scored(single, {}, [said], [])
    text = scoring.misses([row, {**row, "seed": seeds.DEVELOPED}, {**row, "seed": 9, "right": True, "sound": True}])
    for part in ("seed 7  [rule]", "NOT right, NOT sound", "wanted: rule-drops or data-port-blocked at vm2", "done (shell vm2 ): true",
                 "said: cut-off at vm1 (seen): vm1 is cut off", "because PRE-REACH: lost", "no cause: DP-MATRIX vm2: lost"):  # fmt: skip
        assert part in text
    assert text.count("seed ") == 1
