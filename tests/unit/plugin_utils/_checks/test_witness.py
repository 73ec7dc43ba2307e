# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nodes tell of themselves: what is wrong by itself, what is only evidence, and when silence proves nothing."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._checks import _witness
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._diagnosis.diagnose import diagnose
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._verification.judging import judged as whole
from drafts import Draft
from sound import (
    ADDRESS,
    CHECKS,
    HOSTS,
    PLAIN,
    around,
    break_path,
    healthy,
    no_answer,
    probe_address,
    pulse,
    told_of_itself,
    train,
)

BRIDGE = {"up": True, "mtu": 1500, "kind": "bridge", "blocked": []}
RULE = "filter: -A INPUT -p udp --dport 4789 -j DROP"


def after(facts: Draft, host: str, **parts: object) -> None:
    facts.witnessed[host]["after"] = told_of_itself(**parts)


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"limits": {"connections": [262144, 262144]}}, "table-full"),
        ({"limits": {"processes of the group": [500, 500]}}, "table-full"),
        ({"counters": {"arp_cache.table_fulls": 40}}, "table-full"),
        ({"counters": {"ndisc_cache.table_fulls": 40}}, "table-full"),
        ({"limits": {"disk": [999_990, 1_000_000]}}, "disk-full"),
        ({"limits": {"inodes": [99, 100]}}, "disk-full"),
        ({"limits": {"inodes of /run": [100, 100]}}, "disk-full"),
        ({"limits": {"inodes of /run": [469, 500]}}, "disk-full"),  # a container takes about twenty
        ({"limits": {"disk of /run": [99_990, 100_000]}}, "disk-full"),
        ({"limits": {"disk of /run": [84, 92]}}, "disk-full"),  # 91 %, and no container fits into 8 KiB
        ({"limits": {"disk of /var/lib/docker/containers": [64, 64]}}, "disk-full"),
        ({"limits": {"memory": [999, 1000]}}, "memory-short"),
        ({"read_only": ["/var/lib/docker"]}, "disk-read-only"),
        ({"settings": {"net.ipv4.ip_forward": 0}}, "not-forwarding"),
        ({"settings": {"net.ipv4.ip_forward": 1, "net.ipv4.conf.eth1.forwarding": 0}}, "not-forwarding"),
        (
            {"settings": {"net.ipv4.conf.eth1.rp_filter": 1}, "counters": {"TcpExt.IPReversePathFilter": 80}},
            "setting-wrong",
        ),
        ({"settings": {"net.ipv4.ip_local_port_range": 2}}, "setting-wrong"),
        ({"settings": {"net.ipv4.udp_mem": 16}}, "setting-wrong"),
        ({"devices": {"docker_gwbridge": {**BRIDGE, "up": False}}}, "device-down"),
        ({"devices": {}}, "device-down"),
        ({"stopped": ["containerd (pid 12)"]}, "engine-part-stopped"),
    ],
)
def test_what_is_wrong_by_itself_is_a_result_and_a_cause(parts: dict, reason: str) -> None:
    facts = healthy()
    after(facts, "vm2", **parts)
    facts.settings["checks"] = ["NODE-STATE"]
    results = whole(facts)
    assert [(item["status"], item["reason"], item["nodes"]) for item in results] == [("fail", reason, ["vm2"])]
    assert [(cause["id"], cause["nodes"]) for cause in diagnose(results, facts)] == [(reason, ["vm2"])]


@pytest.mark.parametrize("parts", [{"counters": {"arp_cache.table_fulls": 40}}, {"limits": {"memory": [999, 1000]}}])
def test_what_a_node_suffers_from_does_not_hide_how_it_was_set_up(parts: dict) -> None:
    facts = healthy()
    after(facts, "vm2", **parts)
    for module in ("ip_vs", "ip_vs_rr"):
        facts.opened["vm2"]["kernel"]["modules"][module] = "missing"
    facts.settings["checks"] = ["NODE-STATE", "PRE-KMOD"]
    found = diagnose(whole(facts), facts)
    assert {cause["id"] for cause in found} == {"kernel-lacks", "table-full" if "counters" in parts else "memory-short"}


@pytest.mark.parametrize(
    "parts",
    [
        {"limits": {"disk": [990_000_000, 1_000_000_000]}},  # ten gigabytes are room
        {"limits": {"inodes of /run": [468, 500]}},
        {"limits": {"neighbours": [3000, 1024]}},  # pinned ones need no room
        {"settings": {"net.ipv4.conf.eth1.rp_filter": 1}},  # nothing was dropped for it
        {"settings": {"net.ipv4.conf.wlan0.forwarding": 0, "net.ipv4.ip_forward": 1}},  # not a way of the swarm
        {
            "settings": {
                "net.ipv4.ip_local_port_range": 28232,
                "net.ipv4.udp_mem": 1024,
                "net.netfilter.nf_conntrack_max": 7680,
            }
        },
        {"counters": {"Tcp.RetransSegs": 900, "eth0.rx_dropped": 9}},
        {"rules": {"filter: policy of INPUT: DROP": 5000}},
        {"shaped": ["eth0: tbf"]},
    ],
)
def test_what_sound_hosts_have_is_no_failure(parts: dict) -> None:
    facts = healthy()
    after(facts, "vm2", **parts)
    assert [item["status"] for item in CHECKS["NODE-STATE"].judge(facts)] == ["pass"]


@pytest.mark.parametrize(
    ("before", "now", "share"),
    [
        ({"held_back": 10.0}, {"held_back": 22.0}, "60 %"),
        ({"held_back": 10.0}, {"held_back": 15.9}, None),
        ({"held_back": 0.0}, {"held_back": 34.0}, "100 %"),  # of two processors, added up
        ({"steal": 100.0, "ticks": 1000.0}, {"steal": 800.0, "ticks": 3000.0}, "35 %"),  # a hypervisor took it
        ({"steal": 900.0, "ticks": 1000.0}, {"steal": 900.0, "ticks": 3000.0}, None),  # not meanwhile
        ({}, {"held_back": 12.0}, None),
        ({"steal": 0.0, "ticks": 0.0}, {"steal": 0.0, "ticks": 0.0}, None),
    ],
)
def test_a_node_that_gets_hardly_any_processor_and_yet_answers_is_remarked(
    before: dict, now: dict, share: str | None
) -> None:
    facts = healthy()
    facts.witnessed["vm2"] = {
        "before": told_of_itself(pressure=before), "after": told_of_itself(time=1020.0, pressure=now), "inside": {},
    }  # fmt: skip
    (found,) = CHECKS["NODE-STATE"].judge(facts)
    assert found["status"] == "pass"
    remarks = found["evidence"].get("remarks", [])
    assert [line.partition(":")[0] for line in remarks] == (["vm2"] if share else [])
    assert all(f"off the processor for {share} of the time" in line for line in remarks)


@pytest.mark.parametrize(("allowed", "told"), [(0.07, True), (0.24, True), (0.25, False), (2.0, False), (None, False)])
def test_a_node_that_may_use_a_small_part_of_a_processor_is_remarked(allowed: float | None, told: bool) -> None:
    facts = healthy()
    after(facts, "vm2", pressure={} if allowed is None else {"allowed": allowed})
    (found,) = CHECKS["NODE-STATE"].judge(facts)
    words = f"vm2: a limit of its control group leaves it {allowed} of a processor"
    assert found["status"] == "pass" and found["evidence"].get("remarks", []) == ([words] if told else [])


def test_a_clock_that_was_set_meanwhile_proves_no_lack_of_processor() -> None:
    facts = healthy()
    before, now = (
        told_of_itself(time=time, pressure={"held_back": held}) for time, held in ((1000.0, 1.0), (900.0, 9.0))
    )
    facts.witnessed["vm2"] = {"before": before, "after": now, "inside": {}}
    assert "remarks" not in CHECKS["NODE-STATE"].judge(facts)[0]["evidence"]


@pytest.mark.parametrize(
    ("before", "now", "text"),
    [
        ([500, 500], [430, 500], "0 of 500 inodes are left in /run"),  # what did not start gave some back
        ([430, 500], [480, 500], "20 of 500 inodes are left in /run"),
        ([100, 500], [430, 500], ""),
    ],
)
def test_a_folder_counts_as_full_if_either_look_found_no_room(before: list, now: list, text: str) -> None:
    facts = healthy()
    looks = (told_of_itself(limits={"inodes of /run": pair}) for pair in (before, now))
    facts.witnessed["vm2"] = {**dict(zip(("before", "after"), looks)), "inside": {}}
    found = CHECKS["NODE-STATE"].judge(facts)
    assert [(item["reason"], item["evidence"]["summary"]) for item in found if item["status"] == "fail"] == (
        [("disk-full", f"vm2: {text}")] if text else []
    )


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ({"up": False, "blocked": ["state disabled"]}, "is down"),
        ({"blocked": ["state blocking", "isolated on"]}, "has state blocking, isolated on"),
    ],
)
def test_a_device_inside_a_network_is_that_networks(state: dict, text: str) -> None:
    facts = healthy()
    facts.witnessed["vm3"]["inside"] = {
        PLAIN["id"]: {
            "devices": {"br0": {**BRIDGE, **state}, "lo": {**BRIDGE, "up": False}},
            "shaped": [],
            "rules": {},
        }
    }
    (found,) = CHECKS["NODE-STATE"].judge(facts)
    assert (found["reason"], found["network"], found["nodes"]) == ("device-down", PLAIN["name"], ["vm3"])
    assert found["evidence"]["summary"] == f"vm3: br0 of {PLAIN['name']} {text}"


@pytest.mark.parametrize(
    ("silent", "lines"),
    [(["vm2"], ["eth1, which has the node's address, has arp off"]), (HOSTS, [])],
)
def test_an_odd_device_for_the_other_nodes_is_told(silent: list[str], lines: list[str]) -> None:
    """Where the others have the same, it is their kind of device."""
    facts = healthy()
    for host in silent:
        after(facts, host, devices={"docker_gwbridge": BRIDGE, "eth1": {**BRIDGE, "kind": "", "blocked": ["arp off"]}})
    assert _witness.breaking(facts, "vm2") == lines


def test_nodes_that_tell_nothing_are_not_sound() -> None:
    facts = healthy()
    del facts.witnessed["vm2"]
    assert [(item["status"], item["nodes"]) for item in CHECKS["NODE-STATE"].judge(facts)] == [
        ("inconclusive", ["vm2"])
    ]


@pytest.mark.parametrize(
    ("rule", "before", "now", "told"),
    [
        (RULE, 10, 200, True),
        (RULE, 198, 200, False),  # it drops, but not now
        ("filter: -A INPUT -p tcp --dport 22 -j DROP", 0, 900, False),  # not a way of the swarm
        ("filter: -A INPUT -p tcp -m multiport --dports 22,2377 -j DROP", 0, 900, True),
        ("raw: -A PREROUTING -s 10.77.0.11/32 -j DROP", 0, 90, True),
        ("inet filter input: udp dport 4789 drop", 0, -1, True),  # it does not count
        ("filter: policy of FORWARD: DROP", 0, 900, False),  # the engine's own
    ],
)
def test_a_rule_counts_when_it_dropped_what_may_be_the_swarms(rule: str, before: int, now: int, told: bool) -> None:
    facts = healthy()
    facts.witnessed["vm2"] = {
        "before": told_of_itself(rules={rule: before}), "after": told_of_itself(rules={rule: now}), "inside": {},
    }  # fmt: skip
    assert bool(_witness.dropped_by(facts, "vm2")) is told
    assert any(rule in line for line in _witness.evidence(facts, "vm2")) is told


UDP_RULE = "raw: -A OUTPUT -p udp -m udp --dport 7946 -j DROP"


@pytest.mark.parametrize(
    ("rule", "protocol", "port", "dropping"),
    [
        (UDP_RULE, "udp", 7946, True),
        (UDP_RULE, "tcp", 7946, False),
        (UDP_RULE, "udp", 4789, False),
        ("raw: -A PREROUTING -s 10.77.0.11/32 -j DROP", "tcp", 2377, True),  # whatever comes from there
        ("filter: -A INPUT -p udp -m multiport --dports 4789 -j DROP", "udp", 4789, True),
        ("filter: -A INPUT -p udp -m multiport --dports 4789,7946 -j DROP", "udp", 7946, True),
        ("filter: -A INPUT -p udp -m udp --dport 7000:8000 -j DROP", "udp", 7946, True),
        ("filter: -A INPUT -p udp -m udp --dport 7000:7900 -j DROP", "udp", 7946, False),
        ("inet filter input: udp dport 4789 drop", "udp", 4789, True),
        ("inet filter input: meta l4proto udp udp dport { 2377, 7946-7950 } drop", "udp", 7946, True),
        ("filter: -A INPUT -p esp -j DROP", "esp", None, True),
        ("filter: -A INPUT -p esp -j DROP", "udp", 4789, False),
        (UDP_RULE, "esp", None, False),
    ],
)
def test_what_a_rule_drops(rule: str, protocol: str, port: int | None, dropping: bool) -> None:
    facts = healthy()
    after(facts, "vm1", rules={rule: 90})
    assert _witness.drops(facts, "vm1", protocol, port) is dropping and not _witness.drops(facts, "vm2", protocol, port)


@pytest.mark.parametrize("pairs", [[("vm1", "vm3")], [("vm3", "vm1")], [("vm1", "vm3"), ("vm3", "vm1")]])
@pytest.mark.parametrize(("rule", "nodes"), [(UDP_RULE, ["vm1"]), (UDP_RULE.replace("7946", "4789"), ["vm1", "vm3"])])
def test_of_two_nodes_that_do_not_hear_each_other_it_is_the_one_whose_rule_dropped_it(
    pairs: list, rule: str, nodes: list
) -> None:
    facts = healthy()
    for source, target in pairs:
        no_answer(facts, source, f"PRE-PORT/port-udp/7946/{target}")
    facts.settings.update(checks=["PRE-PORT"])
    after(facts, "vm1", rules={rule: 90})
    assert said(facts)[1] == [("gossip-udp-blocked", nodes)]


def test_a_rule_inside_an_overlay_counts_when_it_dropped_something() -> None:
    facts = healthy()
    rules = {
        "bridge tuning c: meta length > 712 drop": 12,
        "bridge tuning c: ip protocol igmp drop": 0,
        "bridge tuning c: drop": -1,
    }
    facts.witnessed["vm2"]["inside"] = {PLAIN["id"]: {"devices": {}, "shaped": [], "rules": rules}}
    assert _witness.dropped_inside(facts, "vm2", PLAIN["id"]) == [
        "bridge tuning c: drop",
        "bridge tuning c: meta length > 712 drop",
    ]
    assert _witness.dropped_inside(facts, "vm1", PLAIN["id"]) == []


def test_what_moved_stands_beside_the_cause_of_a_bad_path() -> None:
    facts = healthy()
    after(facts, "vm2", rules={RULE: 90}, shaped=["eth1: netem"])
    pairs = [("vm1", "vm2"), ("vm2", "vm1"), ("vm3", "vm2"), ("vm2", "vm3")]
    break_path(facts, PLAIN, pairs)
    facts.networks = [PLAIN]
    facts.under_test = [PLAIN]
    found = diagnose(CHECKS["DP-MATRIX"].judge(facts), facts)
    assert found[0]["id"] == "data-port-blocked" and found[0]["nodes"] == ["vm2"]
    assert "vm2: eth1: netem shapes traffic" in found[0]["because"] and any(
        RULE in line for line in found[0]["because"]
    )


def test_silence_of_a_node_without_a_processor_is_inconclusive() -> None:
    facts = healthy()
    pairs = [("vm1", "vm2"), ("vm2", "vm1"), ("vm3", "vm2"), ("vm2", "vm3")]
    break_path(facts, PLAIN, pairs)
    facts.settings.update(checks=["DP-MATRIX"], once=3.0)
    assert "fail" in [item["status"] for item in whole(facts)]
    facts.late = {"vm2": {"ports": 0.3, "responder": 12.0}}
    results = whole(facts)
    assert "fail" not in [item["status"] for item in results]
    assert {item["reason"] for item in results if item["status"] == "inconclusive"} == {"node-starved"}
    assert [(cause["id"], cause["nodes"]) for cause in diagnose(results, facts)] == [("node-starved", ["vm2"])]


def test_a_fault_elsewhere_stays_a_fault() -> None:
    facts = healthy()
    pairs = [("vm1", "vm2"), ("vm2", "vm1"), ("vm3", "vm2"), ("vm2", "vm3")]
    break_path(facts, PLAIN, pairs)
    facts.settings.update(checks=["DP-MATRIX"], once=3.0)
    facts.late = {"vm3": {"responder": 12.0}}
    assert "fail" in [item["status"] for item in whole(facts)], "vm1 and vm2 had their processors"


KNOCKS = ("PRE-PORT/port-tcp/7946/", "PRE-PORT/port-udp/7946/", "PRE-PORT/port-udp/4789/", "PRE-PORT/port-tcp/2377/")


def late(facts: Draft, *hosts: str, checks: list) -> Draft:
    """These hosts got no processor for twelve seconds, and these checks are chosen."""
    facts.settings.update(checks=checks, once=3.0)
    facts.networks = facts.under_test = [PLAIN]
    facts.late = {host: {"ports": 12.0, "responder": 0.1} for host in hosts}
    return facts


def unheard(facts: Draft, *pairs: tuple) -> None:
    """No knock at the swarm's ports of these pairs is answered."""
    for source, target in pairs:
        for knock in KNOCKS:
            if knock + target in facts.observations[source]:
                no_answer(facts, source, knock + target)


def said(facts: Draft) -> tuple[set, list]:
    """(status, reason) of the bad results, and the causes with their nodes."""
    results = whole(facts)
    bad = {(item["status"], item["reason"]) for item in results if item["status"] not in ("pass", "skip")}
    return bad, [(cause["id"], cause["nodes"]) for cause in diagnose(results, facts)]


STARVED = {("inconclusive", "node-starved")}


def test_no_port_between_two_nodes_is_closed_when_one_of_them_had_no_processor() -> None:
    facts = healthy()
    unheard(facts, ("vm1", "vm2"))
    assert said(late(facts, checks=["PRE-PORT"]))[0] == {("fail", "port-closed")}
    assert said(late(facts, "vm2", checks=["PRE-PORT"])) == (STARVED, [("node-starved", ["vm2"])])
    assert said(late(facts, "vm1", checks=["PRE-PORT"])) == (STARVED, [("node-starved", ["vm1"])])
    assert said(late(facts, "vm3", checks=["PRE-PORT"]))[0] == {("fail", "port-closed")}


@pytest.mark.parametrize(("seconds", "causes"), [(80.0, [("node-starved", ["vm2"])]), (20.0, [])])
def test_helpers_that_ended_while_another_node_was_slow_close_no_port(seconds: float, causes: list) -> None:
    """As where vm2 has 3 % of a processor: the helpers of vm3 ended before it was ready, and vm3 was called the one that drops."""
    facts = healthy()
    unheard(facts, ("vm1", "vm3"), ("vm2", "vm3"))
    facts.clocks = {"vm1": [[0.0, 30.0, 0.1, 29.0]], "vm2": [[0.0, seconds, 0.1, 19.0]], "vm3": [[0.0, 9.0, 0.1, 8.0]]}
    assert said(late(facts, checks=["PRE-PORT"]))[0] == {("fail", "port-closed")}
    facts.closed["vm3"]["ports"] = None
    assert said(facts) == (STARVED, causes)


def test_a_port_that_is_closed_between_other_nodes_is_the_only_one_that_counts() -> None:
    facts = healthy()
    for source, target in (("vm1", "vm3"), ("vm2", "vm1"), ("vm2", "vm3")):
        no_answer(facts, source, "PRE-PORT/port-udp/7946/" + target)
    assert said(late(facts, checks=["PRE-PORT"]))[1] == [("gossip-udp-blocked", HOSTS)]
    dummy, causes = said(late(facts, "vm2", checks=["PRE-PORT"]))
    assert causes == [("gossip-udp-blocked", ["vm1", "vm3"])], "what vm2 takes part in says nothing of vm3"


def test_a_manager_that_a_node_without_a_processor_did_not_reach_is_not_blocked() -> None:
    facts = healthy()
    call = next(ident for ident in facts.observations["vm2"] if ident.startswith("CP-TLS/"))
    facts.observations["vm2"][call].update(outcome="unreachable", detail="timed out")
    assert said(late(facts, checks=["CP-TLS"]))[1] == [("manager-port-blocked", ["vm2"])]
    assert said(late(facts, "vm2", checks=["CP-TLS"]))[1] == [("node-starved", ["vm2"])]


def test_a_published_port_is_not_silent_when_the_node_of_its_task_had_no_processor() -> None:
    facts = healthy()
    home = next(host for host, node in facts.nodes.items() if node["id"] == facts.published_on)
    others = [host for host in HOSTS if host != home]
    for source, target in (others, others[::-1]):
        no_answer(facts, source, f"MESH-ALL/{target}")
    assert said(late(facts, checks=["MESH-ALL"]))[0] == {("fail", "port-silent")}
    assert said(late(facts, home, checks=["MESH-ALL"])) == (STARVED, [("node-starved", [home])])


def test_a_task_does_not_miss_the_way_out_when_the_node_that_it_asked_had_no_processor() -> None:
    facts = healthy()
    for kind in ("icmp", "tcp"):
        no_answer(facts, "vm1", f"NET-EGRESS/far/{kind}")
    (item,) = [row for row in whole(late(facts, checks=["NET-EGRESS"])) if row["status"] == "fail"]
    (asked,) = {other for pair in item["evidence"]["between"] for other in pair} - {"vm1"}
    assert said(late(facts, asked, checks=["NET-EGRESS"])) == (STARVED, [("node-starved", [asked])])


def test_a_pulse_that_pauses_shows_no_bad_link_when_one_end_had_no_processor() -> None:
    facts = healthy()
    facts.pulses["vm1"] = [pulse(ADDRESS["vm3"], answered=45, pauses=[[25.0, 45]])]
    assert said(late(facts, checks=["PATH-QUALITY"]))[1] == [("link-flaps", ["vm1", "vm3"])]
    assert said(late(facts, "vm3", checks=["PATH-QUALITY"])) == (STARVED, [("node-starved", ["vm3"])])
    assert said(late(facts, "vm2", checks=["PATH-QUALITY"]))[1] == [("link-flaps", ["vm1", "vm3"])]


def test_trains_that_are_lost_at_a_node_without_a_processor_are_no_quality_of_others() -> None:
    facts = healthy()
    for source, target in around("vm2"):
        facts.trains[source][f"PATH-QUALITY/wire/{target}"] = train(answered=30, gap=2)
    facts.trains["vm1"]["PATH-QUALITY/wire/vm3"] = train(answered=30, gap=2)
    facts.trains["vm3"]["PATH-QUALITY/wire/vm1"] = train(answered=30, gap=2)
    assert said(late(facts, "vm2", checks=["PATH-QUALITY"]))[1] == [
        ("node-starved", ["vm2"]),
        ("link-lossy", ["vm1", "vm3"]),
    ]


@pytest.mark.parametrize(("gone", "counts"), [(("vm2",), False), (("vm2", "vm3"), True)])
def test_a_record_of_a_node_without_a_processor_is_not_missed_by_others(gone: tuple, counts: bool) -> None:
    facts = healthy()
    ident = f"SD-TASKS/{PLAIN['id']}/tasks.web"
    tasks = {task["node"]: task["addresses"][PLAIN["id"]] for task in facts.services[0]["tasks"]}
    facts.records[PLAIN["id"]]["tasks.web"] = list(tasks.values())
    left = [tasks[f"id-{host}"] for host in HOSTS if host not in gone]
    facts.observations["vm1"][ident].update(ok=False, addresses=left)
    assert said(late(facts, checks=["SD-TASKS"]))[1] == [("old-names", ["vm1"])]
    causes = said(late(facts, "vm2", checks=["SD-TASKS"]))[1]
    assert causes == ([("old-names", ["vm1"])] if counts else [("node-starved", ["vm2"])])


def dropped(facts: Draft, host: str, kind: str, start: str) -> None:
    """This host never held the row that begins so."""
    told = facts.held[host][PLAIN["id"]][kind]
    for when in ("always", "ever"):
        told[when] = [row for row in told[when] if not row.startswith(start)]


def test_a_device_that_is_down_has_lost_its_entries() -> None:
    facts = healthy()
    dropped(facts, "vm1", "peers", probe_address(PLAIN, "vm2") + " ")
    facts.settings.update(checks=["NODE-STATE", "PEER-FDB"])
    assert said(facts)[1] == [("peers-stale", ["vm1"])]
    down = {"devices": {"vxlan0": {**BRIDGE, "up": False}}, "shaped": [], "rules": {}}
    facts.witnessed["vm1"]["inside"] = {PLAIN["id"]: down}
    assert said(facts)[1] == [("device-down", ["vm1"])]


@pytest.mark.parametrize(
    ("check", "kind", "way"), [("GOSSIP-HASH", "records", "probe {}"), ("PEER-FDB", "peers", "{}")]
)
def test_what_a_node_does_not_hold_of_one_without_a_processor_is_not_its_fault(check: str, kind: str, way: str) -> None:
    facts = healthy()
    dropped(facts, "vm1", kind, way.format(probe_address(PLAIN, "vm2")) + " ")
    assert "node-starved" not in [cause[0] for cause in said(late(facts, checks=[check]))[1]]
    assert said(late(facts, "vm2", checks=[check])) == (STARVED, [("node-starved", ["vm2"])])
    dropped(facts, "vm1", kind, way.format(probe_address(PLAIN, "vm3")) + " ")
    assert "fail" in {status for status, _reason in said(late(facts, "vm2", checks=[check]))[0]}


@pytest.mark.parametrize(
    ("settings", "cause"),
    [
        ({"net.ipv4.ip_default_ttl": 1}, "setting-wrong"),
        ({"net.ipv4.ip_default_ttl": 128}, "data-port-blocked"),  # odd, and harmless
    ],
)
def test_a_setting_that_only_one_node_has_is_the_cause_where_it_can_break_paths(settings: dict, cause: str) -> None:
    facts = healthy()
    for host in facts.hosts:
        after(facts, host, settings={"net.ipv4.ip_forward": 1, "net.ipv4.ip_default_ttl": 64})
    after(facts, "vm2", settings={"net.ipv4.ip_forward": 1, **settings})
    assert _witness.odd(facts, "vm1") == {} and list(_witness.odd(facts, "vm2")) == list(settings)
    facts.networks = facts.under_test = [PLAIN]
    break_path(facts, PLAIN, [("vm1", "vm2"), ("vm2", "vm1"), ("vm3", "vm2"), ("vm2", "vm3")])
    found = diagnose(CHECKS["DP-MATRIX"].judge(facts), facts)
    assert [item["id"] for item in found] == [cause]
    assert any("ip_default_ttl" in line for item in found for line in item["because"]) is (cause == "setting-wrong")


def test_two_nodes_have_no_majority() -> None:
    facts = healthy()
    facts.hosts = ["vm1", "vm2"]
    after(facts, "vm1", settings={"net.ipv4.conf.all.arp_ignore": 0})
    after(facts, "vm2", settings={"net.ipv4.conf.all.arp_ignore": 8})
    assert _witness.odd(facts, "vm1") and _witness.odd(facts, "vm2")
    assert _witness.breaking(facts, "vm1") == [] and len(_witness.breaking(facts, "vm2")) == 1


@pytest.mark.parametrize(
    ("value", "apart", "bad"), [(0, True, True), (1, True, False), (0, False, False), (None, True, False)]
)
def test_a_bridge_whose_rules_the_kernel_does_not_ask_keeps_nobody_apart(
    value: int | None, apart: bool, bad: bool
) -> None:
    """Where people made the bridge so that tasks may reach each other over it, nothing is wrong."""
    facts = healthy()
    facts.opened["vm3"]["gateway"]["apart"] = apart
    given = {} if value is None else {"net.bridge.bridge-nf-call-iptables": value}
    after(facts, "vm3", settings={"net.ipv4.ip_forward": 1, **given})
    found = [item for item in CHECKS["NODE-STATE"].judge(facts) if item["status"] == "fail"]
    assert [(item["reason"], item["nodes"]) for item in found] == ([("not-apart", ["vm3"])] if bad else [])
    assert not any("remarks" in item["evidence"] for item in found)
    assert [(cause["id"], cause["nodes"]) for cause in diagnose(found, facts)] == (
        [("setting-wrong", ["vm3"])] if bad else []
    )


def test_a_bridge_that_keeps_nobody_apart_explains_no_path() -> None:
    facts = healthy()
    after(facts, "vm3", settings={"net.ipv4.ip_forward": 1, "net.bridge.bridge-nf-call-iptables": 0})
    facts.networks = facts.under_test = [PLAIN]
    break_path(facts, PLAIN, [("vm1", "vm3"), ("vm3", "vm1"), ("vm2", "vm3"), ("vm3", "vm2")])
    results = [*CHECKS["NODE-STATE"].judge(facts), *CHECKS["DP-MATRIX"].judge(facts)]
    assert {cause["id"] for cause in diagnose(results, facts)} > {"setting-wrong"}


def test_ping_that_a_node_alone_does_not_answer_is_a_remark_and_no_failure() -> None:
    facts = healthy()
    for host in facts.hosts:
        after(facts, host, settings={"net.ipv4.ip_forward": 1, "net.ipv4.icmp_echo_ignore_all": int(host == "vm3")})
    for source in ("vm1", "vm2"):
        facts.trains[source]["PATH-QUALITY/icmp/vm3"].update(answered=0)
    (found,) = CHECKS["NODE-STATE"].judge(facts)
    assert found["status"] == "pass" and found["evidence"]["remarks"] == [
        "vm3: net.ipv4.icmp_echo_ignore_all is 1, on the other nodes 0",
        "vm3 answers no ping, and the other nodes do: overlays need none",
    ]


def test_ping_that_nobody_answers_or_that_a_dead_wire_swallows_is_no_remark() -> None:
    facts = healthy()
    for source, rows in facts.trains.items():
        for target in set(facts.hosts) - {source}:
            rows[f"PATH-QUALITY/icmp/{target}"].update(answered=0)
    assert "remarks" not in CHECKS["NODE-STATE"].judge(facts)[0]["evidence"]
    facts = healthy()
    for source in ("vm1", "vm2"):
        for layer in ("icmp", "wire"):
            facts.trains[source][f"PATH-QUALITY/{layer}/vm3"].update(answered=0)
    assert "remarks" not in CHECKS["NODE-STATE"].judge(facts)[0]["evidence"]


def test_a_remark_stays_beside_a_failure() -> None:
    facts = healthy()
    for host in facts.hosts:
        after(facts, host, settings={"net.ipv4.ip_forward": 1, "net.ipv4.icmp_echo_ignore_all": int(host == "vm3")})
    after(facts, "vm1", stopped=["dockerd (pid 9)"])
    (found,) = CHECKS["NODE-STATE"].judge(facts)
    assert found["status"] == "fail" and "icmp_echo_ignore_all" in found["evidence"]["remarks"][0]
