# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What trains of packets say of paths, and the cause that follows: the lowest layer that is bad, at the node that the bad paths share."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._checks import _paths, _quality
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._diagnosis import path_rules
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._diagnosis.diagnose import diagnose
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._diagnosis.view import View
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._verification.judging import judged as whole
from broken import Swarm, into, shut
from drafts import Draft
from sound import ADDRESS, CHECKS, HOSTS, PLAIN, SECRET, around, healthy, missing, told_of_itself, train, worst

LOSSY = {"answered": 45, "arrived": 52, "gap": 2, "sizes": {"100": [20, 15], "600": [20, 15], "1450": [20, 15]}}
DEAD = {"answered": 0, "arrived": 0, "gap": 60, "sizes": {"100": [20, 0], "600": [20, 0], "1450": [20, 0]}}
BAD = {
    "link-lossy": LOSSY,
    "link-flaps": {**LOSSY, "gap": 14},
    "link-slow": {"delay_ms": [140.0, 150.0, 151.0, 160.0]},
    "link-jitters": {"delay_ms": [0.1, 30.0, 180.0, 300.0]},
    "link-capped": {"mbit": 2.0},
    "link-drops-large": {"answered": 40, "gap": 1, "sizes": {"100": [20, 20], "600": [20, 20], "1450": [20, 0]}},
    "link-corrupts": {"corrupt": 5},
    "link-duplicates": {"repeated": 7},
    "link-reorders": {"reordered": 9},
}


def spoil(facts: Draft, layers: list[str], host: str, **parts: object) -> None:
    """Make every path from and to a host bad in these layers."""
    for source, rows in facts.trains.items():
        for ident, measured in rows.items():
            dummy, layer, target = ident.split("/")
            if layer in layers and host in (source, target):
                measured.update(train(**parts))


def causes(facts: Draft) -> list[tuple[str, list[str], list[str]]]:
    facts.settings["checks"] = ["PATH-QUALITY"]
    return [(cause["id"], cause["nodes"], cause["networks"]) for cause in diagnose(whole(facts), facts)]


@pytest.mark.parametrize("ident", sorted(BAD))
def test_each_kind_of_bad_link_is_told_as_what_it_is(ident: str) -> None:
    facts = healthy()
    spoil(facts, ["wire", "icmp", *(_quality.layer_of(network) for network in facts.under_test)], "vm2", **BAD[ident])
    assert worst(facts, "PATH-QUALITY") == "fail"
    assert causes(facts) == [(ident, ["vm2"], [])], "the wire is the lowest layer, and explains the networks"


@pytest.mark.parametrize("ident", sorted(BAD))
def test_what_is_bad_in_one_network_alone_is_the_networks(ident: str) -> None:
    facts = healthy()
    spoil(facts, [_quality.layer_of(PLAIN)], "vm3", **BAD[ident])
    assert causes(facts) == [(ident, ["vm3"], [PLAIN["name"]])]


@pytest.mark.parametrize(
    "parts",
    [
        {
            "answered": 59,
            "gap": 1,
            "sizes": {"100": [20, 19], "600": [20, 20], "1450": [20, 20]},
        },  # one packet is chance
        {"delay_ms": [30.0, 39.0, 40.0, 41.0]},  # another site
        {"delay_ms": [0.1, 80.0, 90.0, 95.0], "late_ms": 60},  # the sender was late itself
        {"delay_ms": [0.1, 80.0, 90.0, 95.0], "dwell_ms": 60},  # and so was the helper
        {"mbit": 30.0},
        {"reordered": 1, "repeated": 1, "corrupt": 0},
        {"reordered": 5, "late_ms": 361},  # queues that waited for a processor
        {"reordered": 5, "dwell_ms": 829},
    ],
)
def test_chance_distance_and_late_processes_are_no_symptom(parts: dict) -> None:
    facts = healthy()
    spoil(facts, ["wire"], "vm2", **parts)
    assert worst(facts, "PATH-QUALITY") == "pass"


@pytest.mark.parametrize("parts", [{"reordered": 5, "late_ms": 90}, {"reordered": 9, "late_ms": 361, "dwell_ms": 829}])
def test_many_packets_out_of_order_are_the_networks_however_busy_the_ends(parts: dict) -> None:
    facts = healthy()
    spoil(facts, ["wire"], "vm2", **parts)
    assert causes(facts) == [("link-reorders", ["vm2"], [])]


def test_a_swarm_that_is_slow_everywhere_is_judged_by_the_limit() -> None:
    facts = healthy()
    for host in HOSTS:
        spoil(facts, ["wire"], host, delay_ms=[60.0, 70.0, 71.0, 72.0])
    assert worst(facts, "PATH-QUALITY") == "pass"
    facts.settings["quality"] = {"delay": 50.0}
    assert worst(facts, "PATH-QUALITY") == "fail"


def test_a_process_that_had_no_processor_proves_no_loss() -> None:
    facts = healthy()
    spoil(facts, ["wire"], "vm2", **LOSSY, dwell_ms=4000)
    results = CHECKS["PATH-QUALITY"].judge(facts)
    assert results[0]["status"] == "inconclusive" and results[0]["network"] is None
    assert results[0]["reason"] == "node-starved"


@pytest.mark.parametrize("parts", [DEAD, LOSSY, {"delay_ms": [1.0, 300.0, 400.0, 500.0]}])
def test_icmp_alone_may_be_filtered_or_limited(parts: dict) -> None:
    facts = healthy()
    spoil(facts, ["icmp"], "vm2", **parts)
    assert worst(facts, "PATH-QUALITY") == "pass" and causes(facts) == []


def test_a_dead_path_is_lost_and_not_merely_bad() -> None:
    facts = healthy()
    spoil(facts, ["wire"], "vm2", **DEAD)
    found = CHECKS["PATH-QUALITY"].judge(facts)[0]
    assert (found["status"], found["reason"], found["nodes"]) == ("fail", "paths-lost", ["vm2"])


def test_a_kernel_that_cannot_encrypt_is_the_reason_of_dead_encrypted_paths() -> None:
    facts = healthy()
    missing(facts, "vm3", "esp4")
    spoil(facts, [_quality.layer_of(SECRET)], "vm3", **DEAD)
    found = next(item for item in CHECKS["PATH-QUALITY"].judge(facts) if item["network"] == SECRET["name"])
    assert (found["status"], found["nodes"]) == ("fail", ["vm3"]) and "esp4" in found["hint"]


def test_two_nodes_with_a_bad_path_between_them_are_both_named() -> None:
    facts = healthy()
    for source, target in (("vm1", "vm2"), ("vm2", "vm1")):
        facts.trains[source][f"PATH-QUALITY/wire/{target}"].update(train(**LOSSY))
    found = diagnose(CHECKS["PATH-QUALITY"].judge(facts), facts)
    assert [(cause["id"], cause["title"]) for cause in found] == [
        ("link-lossy", "The link between vm1 and vm2 loses packets")
    ]


def two_of_three(vm1: dict, vm3: dict) -> Draft:
    """Two hosts, and what their echoes to the third node of the swarm showed, of which the run got nothing."""
    facts = healthy()
    for told in (facts.opened, facts.probed, facts.trains, facts.observations, facts.pulses):
        told.pop("vm2", None)
    for host, other, parts in (("vm1", "vm3", vm1), ("vm3", "vm1", vm3)):
        rows = {ident: row for ident, row in facts.trains[host].items() if ident.endswith(f"/{other}")}
        facts.trains[host] = {**rows, f"PATH-QUALITY/aside/{ADDRESS['vm2']}": train(**parts)}
    return facts


@pytest.mark.parametrize("ident", sorted({*BAD} - {"link-flaps", "link-capped"}))
@pytest.mark.parametrize(
    ("at", "nodes"), [(["vm3"], ["vm3"]), (["vm1"], ["vm1"]), (["vm1", "vm3"], ["vm1", "vm3"]), ([], ["vm1", "vm3"])]
)
def test_of_two_hosts_a_node_outside_the_run_shows_the_bad_one(ident: str, at: list[str], nodes: list[str]) -> None:
    facts = two_of_three(*(BAD[ident] if host in at else {} for host in ("vm1", "vm3")))
    spoil(facts, ["wire", "icmp"], "vm1", **BAD[ident])
    assert [(cause["id"], cause["nodes"]) for cause in diagnose(CHECKS["PATH-QUALITY"].judge(facts), facts)] == [
        (ident, nodes)
    ]


@pytest.mark.parametrize(
    ("vm1", "vm3", "alone"), [({}, DEAD, ["vm3"]), (DEAD, DEAD, []), ({}, {}, []), (DEAD, LOSSY, ["vm1"])]
)
def test_a_node_outside_the_run_that_answers_nobody_shows_nothing(vm1: dict, vm3: dict, alone: list[str]) -> None:
    facts = two_of_three(vm1, vm3)
    assert [host for host in ("vm1", "vm3") if _quality.is_alone(facts, host)] == alone


def test_two_hosts_ask_nodes_outside_the_run_for_an_echo() -> None:
    facts = two_of_three({}, {})
    asked = {
        host: [row["address"] for row in rows if "/aside/" in row["id"]]
        for host, rows in CHECKS["PATH-QUALITY"].trains(facts).items()
        if host in facts.opened
    }
    assert asked == {"vm1": [ADDRESS["vm2"]], "vm3": [ADDRESS["vm2"]]}
    facts.swarm["nodes"] = [{**node, "address": "0.0.0.0"} for node in facts.swarm["nodes"]]
    rows = CHECKS["PATH-QUALITY"].trains(facts)
    assert not [
        row
        for found in [*rows.values(), *CHECKS["PATH-QUALITY"].trains(healthy()).values()]
        for row in found
        if "/aside/" in row["id"]
    ]


def paused(facts: Draft, host: str, pauses: list, **parts: object) -> None:
    """The pulse on every path from and to a host paused."""
    lost = sum(packets for _seconds, packets in pauses)
    for source, rows in facts.pulses.items():
        for row in rows:
            if ADDRESS[host] in (ADDRESS[source], row["address"]):
                row.update({"pauses": pauses, "answered": row["sent"] - lost, **parts})


@pytest.mark.parametrize("pauses", [[[1.0, 9]], [[1.1, 10], [1.0, 9]], [[0.5, 4]]])
def test_a_link_that_goes_while_no_train_is_under_way_is_told(pauses: list) -> None:
    facts = healthy()
    paused(facts, "vm2", pauses)
    assert causes(facts) == [("link-flaps", ["vm2"], [])]
    (found,) = [item for item in CHECKS["PATH-QUALITY"].judge(facts) if item["status"] == "fail"]
    assert f"no answer for {pauses[0][0]:.1f} s of 9 s" in found["evidence"]["summary"]
    assert ("2 times" in found["evidence"]["summary"]) is (len(pauses) == 2)


@pytest.mark.parametrize(
    ("pauses", "parts"),
    [
        ([[0.4, 4]], {}),  # too short
        ([[1.0, 9]], {"late_ms": 600}),  # as late were the processes
        ([[1.0, 9]], {"dwell_ms": 600}),
        ([[0.5, 5]], {"answered": 60}),  # most losses are here and there
        ([[0.6, 6]] * 6, {"answered": 30}),  # a path that loses most packets has such pauses too
    ],
)
def test_a_pause_that_has_another_reason_is_no_flapping(pauses: list, parts: dict) -> None:
    facts = healthy()
    paused(facts, "vm2", pauses, **parts)
    assert causes(facts) == []


@pytest.mark.parametrize(
    ("settings", "state", "cause"),
    [
        ({"net.ipv4.conf.eth0.arp_ignore": 8}, "ready", "setting-wrong"),
        ({"net.ipv4.conf.all.arp_filter": 1}, "ready", "setting-wrong"),
        ({"net.ipv4.conf.eth0.arp_ignore": 8}, "down", "setting-wrong"),
        ({"net.ipv4.conf.eth0.arp_ignore": 1}, "ready", "link-flaps"),  # harmless: where the address is, it is told
        ({"net.ipv4.conf.eth0.rp_filter": 1}, "ready", "link-flaps"),  # drops from one way always, or never
    ],
)
def test_a_node_that_does_not_tell_its_hardware_address_is_no_flapping_link(
    settings: dict, state: str, cause: str
) -> None:
    """Others know the address from its own questions, until they forget it. So paths pause, or a manager misses it for a while."""
    facts = healthy()
    for host in facts.hosts:
        facts.witnessed[host]["after"] = told_of_itself(
            settings={"net.ipv4.ip_forward": 1, **dict.fromkeys(settings, 0)}
        )
    facts.witnessed["vm2"]["after"] = told_of_itself(settings={"net.ipv4.ip_forward": 1, **settings})
    if state == "ready":
        paused(facts, "vm2", [[1.0, 9]])
        results = CHECKS["PATH-QUALITY"].judge(facts)
    else:
        next(node for node in facts.swarm["nodes"] if node["id"] == facts.nodes["vm2"]["id"])["state"] = state
        results = CHECKS["PRE-REACH"].judge(facts)
    found = diagnose(results, facts)
    assert [(item["id"], item["nodes"]) for item in found] == [(cause, ["vm2"])]
    assert cause == "link-flaps" or next(iter(settings)) in found[0]["because"][0]


def test_a_pause_counts_not_where_the_helper_that_answers_had_no_processor() -> None:
    facts = healthy()
    paused(facts, "vm2", [[1.0, 9]])
    facts.late = {"vm2": {"ports": 0.7}}
    assert causes(facts) == []


FULL = {"answered": 30, "delay_ms": [12.0, 3600.0, 4100.0, 4200.0]}


@pytest.mark.parametrize(
    ("parts", "cause"),
    [
        (FULL, "link-capped"),  # a queue that is full most of the time, and overflows
        ({**FULL, "delay_ms": [12.0, 900.0, 4100.0, 4200.0]}, "link-slow"),
        ({"answered": 89, "delay_ms": [3500.0, 3600.0, 3650.0, 3700.0]}, "link-slow"),
        ({"answered": 30}, "link-lossy"),
        ({**FULL, "answered": 7}, "cut-off"),  # so few may have strayed through
        ({**FULL, "late_ms": 2000}, "cut-off"),  # as late were the processes
        ({}, "cut-off"),  # a pulse that goes well tells nothing of what carries no train
    ],
)
def test_a_wire_that_carries_no_train_is_told_by_its_pulse(parts: dict, cause: str) -> None:
    facts = healthy()
    for source, target in around("vm2"):
        facts.trains[source][f"PATH-QUALITY/wire/{target}"] = {**train(), **DEAD}
        for ident, seen in facts.observations[source].items():
            if ident.startswith("PRE-PORT/") and ident.endswith(f"/{target}"):
                seen.update(ok=False, error="no answer")
    for source, rows in facts.pulses.items():
        for row in rows:
            if ADDRESS["vm2"] in (ADDRESS[source], row["address"]):
                row.update(parts)
    results = [item for check in ("PRE-PORT", "PATH-QUALITY") for item in CHECKS[check].judge(facts)]
    assert [(found["id"], found["nodes"]) for found in diagnose(results, facts)] == [(cause, ["vm2"])]


@pytest.mark.parametrize(
    ("answered", "corrupt", "kinds"),
    [
        (1, 0, ["passes few bits"]),
        (7, 6, ["passes few bits", "corrupts packets"]),
        (8, 0, ["loses packets"]),  # enough of the train to judge by
    ],
)
def test_where_hardly_anything_of_a_train_comes_back_the_pulse_tells_more(
    answered: int, corrupt: int, kinds: list
) -> None:
    facts = healthy()
    lost = {
        "answered": answered,
        "corrupt": corrupt,
        "gap": 3,
        "sizes": {"100": [20, 3], "600": [20, 2], "1450": [20, 2]},
    }
    facts.trains["vm1"]["PATH-QUALITY/wire/vm2"] = train(**lost)
    for row in facts.pulses["vm1"]:
        row.update(FULL)
    paths = _quality.paths(facts, _quality.WIRE, _paths.host_pairs(facts))
    assert [row.kind for row in _quality.symptoms(facts, paths)["vm1", "vm2"]] == kinds


def test_losses_between_others_belong_to_no_link_that_goes_and_comes() -> None:
    facts = healthy()
    paused(facts, "vm2", [[2.0, 19]])
    for source, target in (("vm1", "vm3"), ("vm2", "vm3")):
        facts.trains[source][f"PATH-QUALITY/wire/{target}"] = train(**LOSSY)
    assert causes(facts) == [("link-flaps", ["vm2"], []), ("link-lossy", ["vm1", "vm3"], [])]
    # A rule that dropped packets tells at which of the two ends.
    rule = "raw: -A PREROUTING -p udp -m udp --dport 4789 -m statistic --mode random --probability 0.56 -j DROP"
    facts.witnessed["vm3"]["before"] = told_of_itself(rules={rule: 4})
    facts.witnessed["vm3"]["after"] = told_of_itself(rules={rule: 892})
    assert causes(facts) == [("link-flaps", ["vm2"], []), ("link-lossy", ["vm3"], [])]


def test_a_path_whose_train_met_the_bad_part_alone_goes_and_comes() -> None:
    facts = healthy()
    paused(facts, "vm2", [[2.0, 19]])
    spoil(facts, ["wire"], "vm2", **DEAD)
    assert ("link-flaps", ["vm2"], []) in causes(facts)


def test_a_device_that_lost_its_link_meanwhile_is_told() -> None:
    swarm = Swarm()
    swarm.of("probe", "vm3")["testimony"]["counters"] = {
        "eth1.carrier_down_count": 2,
        "docker_gwbridge.carrier_down_count": 5,
    }
    (found,) = swarm.causes()
    assert (found["id"], found["nodes"]) == ("link-flaps", ["vm3"]) and "eth1" in found["because"][0]


def lossy_and_closed(port: str, closed: list[tuple], share: float = 0.5) -> Swarm:
    """The wire between vm2 and vm3 loses packets, questions to this port get no answer there, nor on these ways."""
    swarm = shut([port], [*closed, ("vm2", "vm3"), ("vm3", "vm2")])
    left = round(20 * (1 - share))
    parts = {"answered": 3 * left, "sizes": {size: [20, left] for size in ("100", "600", "1450")}, "gap": 2}
    for source, target in (("vm2", "vm3"), ("vm3", "vm2")):
        swarm.of("probe", source)["trains"][f"PATH-QUALITY/wire/{target}"].update(train(**parts))
    return swarm


@pytest.mark.parametrize("port", ["gossip-udp", "gossip-tcp", "data"])
def test_a_lossy_link_explains_its_own_pair_and_a_closed_port_the_rest(port: str) -> None:
    found = lossy_and_closed(port, into("vm1")).causes()
    assert sorted((cause["id"], tuple(cause["nodes"])) for cause in found) == [
        *([("data-port-blocked", ("vm1",))] if port == "data" else []),
        *([(f"{port}-blocked", ("vm1",))] if port != "data" else []),
        ("link-lossy", ("vm2", "vm3")),
    ]


def test_a_lossy_link_alone_is_no_closed_port() -> None:
    assert [(cause["id"], cause["nodes"]) for cause in lossy_and_closed("gossip-udp", []).causes()] == [
        ("link-lossy", ["vm2", "vm3"])
    ]


def test_a_link_that_loses_little_does_not_explain_a_closed_port() -> None:
    found = lossy_and_closed("gossip-udp", into("vm3"), share=0.1).causes()
    assert ("gossip-udp-blocked", ["vm3"]) in [(cause["id"], cause["nodes"]) for cause in found]


def test_what_a_full_queue_does_to_other_paths_belongs_to_it() -> None:
    facts = healthy()
    spoil(facts, ["wire"], "vm3", **LOSSY)
    facts.trains["vm2"]["PATH-QUALITY/wire/vm3"].update(train(mbit=2.0))
    assert causes(facts) == [("link-capped", ["vm3"], [])]


FILLED = {"answered": 40, "delay_ms": [12.0, 2300.0, 4000.0, 4100.0], "gap": 2, "late_ms": 1500}


@pytest.mark.parametrize(
    ("lossy", "found"),
    [
        ([("vm1", "vm2")], []),
        ([("vm2", "vm3"), ("vm3", "vm2")], [("vm2", "vm3")]),
        (
            [("vm1", "vm2"), ("vm2", "vm1"), ("vm1", "vm3")],
            [("vm1",)],
        ),  # as many as those that hold back: both are possible
    ],
)
def test_a_path_that_alone_loses_what_others_hold_back_is_no_cause_of_its_own(lossy: list, found: list) -> None:
    """A link of 19 kbit/s: on three paths a queue filled up, on one nearly nothing came back; its peer was blamed for that first."""
    facts = healthy()
    spoil(facts, ["wire"], "vm1", **FILLED)
    for source, target in lossy:
        facts.trains[source][f"PATH-QUALITY/wire/{target}"] = train(**LOSSY)
    assert ("link-capped", ["vm1"], []) in causes(facts)
    rule = path_rules.quality(_quality.LOST)
    assert [finding.nodes for finding in rule(View(whole(facts), facts))] == found


def test_packets_are_fewer_where_there_are_many_paths() -> None:
    facts = healthy()
    rows = CHECKS["PATH-QUALITY"].trains(facts)
    assert {host: len(found) for host, found in rows.items()} == dict.fromkeys(HOSTS, 2 * 3 + 5 * len(facts.under_test))
    assert {row["packets"] for row in rows["vm1"]} == {58, 29}  # those through balancers are half as long
    hosts = [f"vm{number}" for number in range(1, 11)]
    facts.update(
        hosts=hosts,
        nodes={host: dict(facts.nodes["vm1"], address=f"10.77.0.{place}") for place, host in enumerate(hosts, 11)},
        opened=dict.fromkeys(hosts, facts.opened["vm1"]),
        probes={host: {network["id"]: "10.0.9.9" for network in facts.under_test} for host in hosts},
    )
    assert {row["packets"] for row in CHECKS["PATH-QUALITY"].trains(facts)["vm1"]} == {18}


def test_gossip_is_not_waited_for_on_a_wire_that_loses_packets() -> None:
    facts = healthy()
    assert not CHECKS["PATH-QUALITY"].hopeless(facts)
    spoil(facts, ["wire"], "vm2", **LOSSY)
    assert CHECKS["PATH-QUALITY"].hopeless(facts)
    facts.swarm = {}
    assert not CHECKS["PATH-QUALITY"].hopeless(facts)


def dead_wire(facts: Draft, here: str, there: str, **parts: object) -> None:
    facts.trains[here][f"PATH-QUALITY/wire/{there}"].update(train(**DEAD, **parts))


@pytest.mark.parametrize(
    ("parts", "because"),
    [
        ({"error": "network is unreachable"}, "vm1 to vm2: network is unreachable"),
        ({"source": "192.0.2.9"}, "vm1 sends to vm2 from 192.0.2.9, and its address is 10.77.0.11"),
    ],
)
def test_a_wrong_route_is_told_where_the_wire_is_dead(parts: dict, because: str) -> None:
    facts = healthy()
    facts.trains["vm1"]["PATH-QUALITY/wire/vm3"].update(source="192.0.2.9")  # it works: translated, or a second way
    dead_wire(facts, "vm1", "vm2", **parts)
    facts.settings["checks"] = ["PATH-QUALITY"]
    found = diagnose(whole(facts), facts)
    assert [(cause["id"], cause["nodes"]) for cause in found] == [("route-wrong", ["vm1"])]
    assert because in found[0]["because"]


def test_an_mtu_that_a_kernel_has_for_the_way_to_a_node_is_told() -> None:
    """As after an ICMP error "fragmentation needed", which the tunnel to that node obeys too."""
    facts = healthy()
    facts.trains["vm1"]["PATH-QUALITY/wire/vm3"].update(mtu=1450)  # and a network with a small MTU loses nothing
    for source, target in (("vm1", "vm2"), ("vm2", "vm1")):
        facts.trains[source][f"PATH-QUALITY/wire/{target}"].update(mtu=1450 if source == "vm1" else 1500)
        facts.trains[source][f"PATH-QUALITY/{_quality.layer_of(PLAIN)}/{target}"].update(
            train(**BAD["link-drops-large"])
        )
    facts.settings["checks"] = ["PATH-QUALITY"]
    found = diagnose(whole(facts), facts)
    assert [(cause["id"], cause["nodes"]) for cause in found] == [("mtu-too-small", ["vm1"])]
    assert found[0]["because"][0] == "vm1 sends vm2 1450 bytes at most, and its device takes 1500"


@pytest.mark.parametrize("owner", ["vm3", None])
def test_a_wrong_neighbour_is_told_where_the_wire_is_dead(owner: str | None) -> None:
    facts = healthy()
    for number, host in enumerate(HOSTS):
        facts.witnessed[host]["after"].update(hardware=[f"02:00:00:00:00:0{number}"], neighbours={})
    wrong = "02:00:00:00:00:02" if owner else "02:00:00:00:00:99"
    facts.witnessed["vm1"]["after"]["neighbours"] = {"10.77.0.12": [wrong, True]}
    facts.settings["checks"] = ["PATH-QUALITY"]
    assert diagnose(whole(facts), facts) == [], "some clouds answer for every address"
    dead_wire(facts, "vm1", "vm2")
    (found,) = diagnose(whole(facts), facts)
    assert (found["id"], found["nodes"]) == ("neighbour-wrong", ["vm1"])
    assert ("which is vm3's" if owner else "which no node has") in found["because"][0]


@pytest.mark.parametrize(("rate", "others", "bad"), [(4.86, None, False), (1.1, None, True), (4.86, 90.0, True)])
def test_a_rate_that_no_other_path_confirms_must_be_far_below_the_limit(
    rate: float, others: float | None, bad: bool
) -> None:
    """A burst over a busy processor's encryption took as long as 4.86 Mbit/s do, once, and the other bursts had gaps."""
    facts = healthy()
    for trains in facts.trains.values():
        for row in trains.values():
            row.pop("mbit", None)
            row.update({"mbit": others} if others else {})
    facts.trains["vm2"]["PATH-QUALITY/wire/vm3"]["mbit"] = rate
    found = [item for item in CHECKS["PATH-QUALITY"].judge(facts) if item["status"] == "fail"]
    assert [item["nodes"] for item in found] == ([["vm2", "vm3"]] if bad else [])


# --- At the limits

GIVEN = {"loss": 1.0, "delay": 100.0, "jitter": 100.0, "rate": 5.0}


def neighbours(key: str, values: list) -> list[_quality.Path]:
    return [_quality.Path(f"a{place}", f"b{place}", train(**{key: value})) for place, value in enumerate(values)]


@pytest.mark.parametrize(
    ("parts", "full"),
    [
        ({"answered": 57, "delay_ms": [0.0, 40.5, 60.0, 80.5]}, True),
        ({"answered": 57, "delay_ms": [10.0, 50.5, 60.0, 90.0]}, True),
        ({"answered": 57, "delay_ms": [0.0, 40.0, 60.0, 79.0]}, False),  # exactly the limit
        ({"answered": 57, "delay_ms": [10.0, 49.0, 60.0, 80.0]}, False),  # above the least, not above none
        ({"answered": 57, "delay_ms": [0.0, 41.0, 60.0, 82.0]}, False),  # as much above the middle as it is above the least
        ({"answered": 58, "delay_ms": [0.0, 41.0, 60.0, 80.0]}, False),  # two lost are chance
        (
            {"answered": 40, "sizes": {"100": [20, 20], "600": [20, 20], "1450": [20, 0]}, "delay_ms": [0.0, 41.0, 60.0, 80.0]},
            False,
        ),  # lost are those that never pass
    ],
)  # fmt: skip
def test_a_queue_that_fills_up_and_overflows(parts: dict, full: bool) -> None:
    found = _quality._narrow(train(**parts), [], GIVEN)
    assert (found is not None and found.kind == _quality.NARROW) is full


@pytest.mark.parametrize(
    ("rate", "others", "text"),
    [
        (1.24, [], "1.24 Mbit/s"),
        (1.25, [], None),  # exactly a quarter of the limit
        (None, [], None),
        (0, [], None),
        (1.0, [None, 0], "1 Mbit/s"),  # others that were not measured are no others
        (4.9, [39.2], "4.9 Mbit/s, others 39.2"),  # exactly an eighth of the others
        (4.9, [39.1], None),
        (5.0, [90.0], None),  # exactly the limit
        (4.9, [1.0, 2.0, 30.0, 80.0], None),  # the best quarter left out
        (4.9, [1.0, 2.0, 40.0, 80.0], "4.9 Mbit/s, others 40"),
        (1.0, [float(number) for number in range(11, 23)], "1 Mbit/s, others 19"),  # the fourth best of twelve
    ],
)
def test_a_rate_at_its_limits(rate: float | None, others: list, text: str | None) -> None:
    around = [*neighbours("mbit", others), _quality.Path("x", "y", None)]
    found = _quality._narrow(train(mbit=rate), around, GIVEN)
    assert found == (_quality.Symptom(_quality.NARROW, text) if text else None)


@pytest.mark.parametrize(
    ("parts", "others", "kind"),
    [
        ({"delay_ms": [0.0, 100.0, 100.0, 900.0]}, [], None),  # exactly the limits; the worst packet alone is none
        ({"delay_ms": [80.0, 100.5, 101.0, 900.0]}, [], _quality.SLOW),
        ({"delay_ms": [0.0, 1.0, 100.5, 900.0]}, [], _quality.UNSTEADY),
        ({"delay_ms": [50.0, 60.0, 150.0, 900.0]}, [], None),
        ({"delay_ms": [99.0, 120.0, 121.0, 900.0], "late_ms": 10, "dwell_ms": 1}, [], None),
        ({"delay_ms": [99.0, 120.5, 121.0, 900.0], "late_ms": 1, "dwell_ms": 10}, [], _quality.SLOW),
        ({"delay_ms": [0.0, 1.0, 120.0, 900.0], "late_ms": 1, "dwell_ms": 10}, [], None),
        ({"delay_ms": [0.0, 1.0, 120.5, 900.0], "late_ms": 10, "dwell_ms": 1}, [], _quality.UNSTEADY),
        # eight times as slow as the others, and more than a share of the limit
        ({"delay_ms": [40.0, 40.5, 40.5, 43.0]}, [[1.0, 5.0, 90.0, 900.0]], _quality.SLOW),
        ({"delay_ms": [40.0, 40.0, 40.0, 43.0]}, [[0.1, 0.2, 90.0, 900.0]], None),  # exactly the share
        ({"delay_ms": [40.0, 44.0, 44.0, 44.0]}, [[1.0, 5.5, 90.0, 900.0]], None),  # exactly eight times
        ({"delay_ms": [40.0, 44.5, 44.5, 44.5]}, [[1.0, 5.5, 90.0, 900.0]], _quality.SLOW),
        # of the others the best quarter is left out, and the rest does not matter
        ({"delay_ms": [40.0, 43.0, 43.0, 43.0]}, [[1.0, 6.0, 90.0, 900.0]] * 3 + [[1.0, 1.0, 90.0, 900.0]], None),
        ({"delay_ms": [40.0, 43.0, 43.0, 43.0]}, [[1.0, 5.0, 90.0, 900.0]] * 2 + [[1.0, 6.0, 90.0, 900.0]] * 2, _quality.SLOW),
        # eight times as unsteady as the others
        ({"delay_ms": [0.0, 1.0, 40.5, 900.0]}, [[10.0, 11.0, 15.0, 900.0]], _quality.UNSTEADY),
        ({"delay_ms": [0.0, 1.0, 40.0, 900.0]}, [[10.0, 11.0, 15.0, 900.0]], None),
        ({"delay_ms": [0.0, 1.0, 44.0, 900.0]}, [[10.0, 11.0, 15.5, 900.0]], None),
        ({"delay_ms": [0.0, 1.0, 44.5, 900.0]}, [[10.0, 11.0, 15.5, 900.0]], _quality.UNSTEADY),
    ],
)  # fmt: skip
def test_a_delay_at_its_limits(parts: dict, others: list, kind: str | None) -> None:
    measured = train(**{"late_ms": 0, "dwell_ms": 0, **parts})
    found = _quality._delayed(measured, neighbours("delay_ms", others), GIVEN)
    assert (found.kind if found else None) == kind


@pytest.mark.parametrize(("opened", "expected"), [(HOSTS[:1], ("skip", "one-node")), (HOSTS[:2], ("inconclusive", "no-pair"))])  # fmt: skip
def test_without_a_pair_one_node_is_a_skip_and_more_are_not(opened: list[str], expected: tuple) -> None:
    facts = healthy()
    facts.opened = {host: facts.opened[host] for host in opened}
    facts.nodes = {"vm1": facts.nodes["vm1"]}
    facts.probes, facts.settings["nodes"], facts.trains = {}, ["none of them"], {}
    found = CHECKS["PATH-QUALITY"].judge(facts)
    assert {(item["status"], item["reason"]) for item in found} == {expected}
    assert [item["network"] for item in found] == [None, *(network["name"] for network in facts.networks)]


def through_vip(facts: Draft, source: str, network: dict, **parts: object) -> None:
    """Spoil what a host's balancer passes on."""
    for ident, told in facts.trains[source].items():
        if ident.startswith(f"PATH-QUALITY/{_quality.balanced(network)}/"):
            told.update(train(**parts))


def of_quality(facts: Draft, network: str | None, title: str) -> dict:
    return next(
        item
        for item in CHECKS["PATH-QUALITY"].judge(facts)
        if item["network"] == network and item["title"].startswith(title)
    )


@pytest.mark.parametrize("ident", sorted(set(BAD) - {"link-capped"}))
def test_a_balancer_that_treats_its_packets_badly_is_the_one_of_that_node(ident: str) -> None:
    facts = healthy()
    through_vip(facts, "vm2", PLAIN, **BAD[ident])
    found = of_quality(facts, PLAIN["name"], "Paths")
    assert (found["status"], found["nodes"]) == ("fail", ["vm2"])
    assert "through the virtual IP" in found["evidence"]["summary"]
    assert causes(facts) == [(ident, ["vm2"], [PLAIN["name"]])]
    assert diagnose(whole(facts), facts)[0]["title"].startswith("The balancer (IPVS) of vm2")


def test_what_the_path_below_does_is_no_fault_of_the_balancer() -> None:
    facts = healthy()
    spoil(facts, [_quality.layer_of(PLAIN)], "vm3", **LOSSY)
    for host in HOSTS:
        for ident, told in facts.trains[host].items():
            if ident.startswith(f"PATH-QUALITY/{_quality.balanced(PLAIN)}/") and (
                host == "vm3" or ident.endswith("/2")
            ):
                told.update(train(who=told["who"], **LOSSY))
    assert causes(facts) == [("link-lossy", ["vm3"], [PLAIN["name"]])]


def test_a_balancer_that_passes_nothing_on_is_told() -> None:
    facts = healthy()
    through_vip(facts, "vm1", PLAIN, **DEAD)
    for told in facts.trains["vm1"].values():
        if not told["answered"]:
            del told["who"]
    found = of_quality(facts, PLAIN["name"], "Paths")
    assert (found["status"], found["reason"], found["nodes"]) == ("fail", "paths-lost", ["vm1"])
    facts.late = {"vm3": {"responder": 3.0}}  # the backend that was asked may have been this one
    assert of_quality(facts, PLAIN["name"], "Paths")["status"] == "inconclusive"


def test_published_ports_that_lose_packets_on_one_node() -> None:
    facts = healthy()
    for source in ("vm1", "vm3"):
        facts.trains[source]["PATH-QUALITY/mesh/vm2"].update(train(**LOSSY))
    found = of_quality(facts, None, "Published")
    assert (found["status"], found["nodes"]) == ("fail", ["vm2"])
    assert causes(facts) == [("link-lossy", ["vm2"], [])]
    for source in HOSTS:  # whatever node is asked: then it is the one of the task
        for ident, told in facts.trains[source].items():
            if "/mesh/" in ident:
                told.update(train(**LOSSY))
    assert of_quality(facts, None, "Published")["nodes"] == ["vm1"]
    assert causes(facts) == [("link-lossy", ["vm1"], [])]


def test_a_published_port_suffers_from_the_wire_without_a_cause_of_its_own() -> None:
    facts = healthy()
    spoil(facts, ["wire", "icmp", *(_quality.layer_of(network) for network in facts.under_test)], "vm2", **LOSSY)
    for source in ("vm1", "vm3"):
        facts.trains[source]["PATH-QUALITY/mesh/vm2"].update(train(**LOSSY))
    assert causes(facts) == [("link-lossy", ["vm2"], [])]


def test_a_filter_for_udp_harms_nobody_who_publishes_tcp_only() -> None:
    facts = healthy()
    for source in HOSTS:
        for ident, told in facts.trains[source].items():
            if "/mesh/" in ident:
                told.update(train(**DEAD))
    found = of_quality(facts, None, "Published")
    assert (found["status"], found["reason"], found["nodes"]) == ("skip", "udp-not-published", HOSTS)
    facts.published = [*facts.published, "udp/5353"]
    found = of_quality(facts, None, "Published")
    assert (found["status"], found["reason"], found["nodes"]) == ("fail", "paths-lost", ["vm1"])


def test_a_node_that_alone_filters_udp_is_left_out_where_nobody_publishes_it() -> None:
    facts = healthy()
    for source in ("vm1", "vm3"):
        facts.trains[source]["PATH-QUALITY/mesh/vm2"].update(train(**DEAD))
    found = of_quality(facts, None, "Published")
    assert found["status"] == "pass" and found["evidence"]["summary"].startswith("4 paths")


def test_a_backend_that_nobody_serves_is_no_broken_balancer() -> None:
    """As on a node that the play leaves out (``--limit``): swarm gives it a task of the probes, too."""
    facts = healthy()
    facts.trains["vm1"][f"PATH-QUALITY/{_quality.balanced(PLAIN)}/1"] = {**train(**DEAD), "error": "connection refused"}
    assert of_quality(facts, PLAIN["name"], "Paths")["reason"] == "paths-lost"
    facts.swarm["nodes"].append({**facts.swarm["nodes"][2], "id": "id-vm4", "hostname": "vm4"})
    assert of_quality(facts, PLAIN["name"], "Paths")["status"] == "pass"


def test_a_balancer_is_not_blamed_for_a_path_that_was_not_measured_by_itself() -> None:
    facts = healthy()
    layer = _quality.layer_of(PLAIN)
    del facts.trains["vm1"][f"PATH-QUALITY/{layer}/vm2"], facts.trains["vm2"][f"PATH-QUALITY/{layer}/vm1"]
    facts.trains["vm1"][f"PATH-QUALITY/{_quality.balanced(PLAIN)}/1"].update(train(**LOSSY))
    found = of_quality(facts, PLAIN["name"], "Paths")
    assert (found["status"], found["nodes"]) == ("fail", ["vm1", "vm2"])
    assert not [cause for cause in causes(facts) if cause[0] == "link-lossy"]
