# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nobody declares: ingress, docker_gwbridge, the way out of tasks, IPv6 inside overlays, marks, names that services share."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._checks import lb_ipvs, sd_alias
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._diagnosis.diagnose import diagnose
from drafts import Draft
from sound import CHECKS, HOSTS, PLAIN, healthy, judged, results, worst


def bad(facts: Draft, ident: str) -> list[tuple]:
    found = [item for item in CHECKS[ident].judge(facts) if item["status"] != "pass"]
    return [(item["status"], item["reason"], item["network"], item["nodes"]) for item in found]


def causes(facts: Draft, *idents: str) -> list[tuple]:
    results = [item for ident in idents for item in CHECKS[ident].judge(facts)]
    return [(cause["id"], cause["nodes"]) for cause in diagnose(results, facts)]


def route(host: str, network: str, device: str = "eth2"):
    return lambda facts: facts.opened[host]["host"]["routes"].append({"network": network, "device": device})


def server(host: str, address: str):
    return lambda facts: facts.opened[host]["host"]["nameservers"].append(address)


def full(facts: Draft) -> None:
    for source in ("vm1", "vm3"):
        facts.observations[source]["NET-INGRESS/vm2"].update(ok=False, error="no answer")


SMALL = {"subnets": ["172.18.0.0/28"], "used": 11}


@pytest.mark.parametrize(
    ("change", "found", "cause"),
    [
        (route("vm2", "10.0.0.0/25"), ("subnet-overlap", "ingress", ["vm2"]), "subnet-overlap"),
        (lambda facts: facts.all_networks.append(["other", "x", "swarm", ["10.0.0.128/25"]]), ("subnet-overlap", "ingress", []), "subnet-overlap"),
        (server("vm3", "10.0.0.53"), ("resolver-shadowed", "ingress", ["vm3"]), "resolver-shadowed"),
        (lambda facts: facts.ingress.update(used=252), ("addresses-exhausted", "ingress", []), "addresses-exhausted"),
        (lambda facts: facts.ingress.update(room=[{"subnet": "10.0.0.0/24", "free": 2}]), ("addresses-exhausted", "ingress", []), "addresses-exhausted"),
        (lambda facts: facts.opened["vm2"]["host"]["addresses"][0].update(mtu=1450), ("mtu-too-small", "ingress", ["vm2"]), "mtu-too-small"),
        (full, ("full-size-lost", "ingress", ["vm2"]), "mtu-too-small"),
        (route("vm1", "172.18.4.0/24", "tun0"), ("subnet-overlap", "docker_gwbridge", ["vm1"]), "subnet-overlap"),
        (server("vm1", "172.18.0.53"), ("resolver-shadowed", "docker_gwbridge", ["vm1"]), "resolver-shadowed"),
        (lambda facts: facts.opened["vm3"].update(gateway=None), ("gateway-missing", "docker_gwbridge", ["vm3"]), "gateway-missing"),
        (lambda facts: facts.opened["vm3"].update(gateway=SMALL), ("addresses-exhausted", "docker_gwbridge", ["vm3"]), "addresses-exhausted"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_swarms_own_networks(change, found: tuple, cause: str) -> None:
    facts = healthy()
    change(facts)
    reason, network, nodes = found
    here, there = ("NET-INGRESS", "NET-GATEWAY") if network == "ingress" else ("NET-GATEWAY", "NET-INGRESS")
    assert bad(facts, here) == [("fail", reason, None, nodes)] and bad(facts, there) == []
    assert causes(facts, here, there) == [(cause, nodes)]


def test_a_name_server_on_the_node_itself_is_no_stranger() -> None:
    facts = healthy()
    facts.opened["vm1"]["host"]["addresses"].append({"address": "172.18.0.1", "device": "docker_gwbridge", "mtu": 1500})
    server("vm1", "172.18.0.1")(facts)
    assert bad(facts, "NET-GATEWAY") == []


def test_a_swarm_without_ingress_and_one_that_tells_nothing() -> None:
    facts = healthy()
    facts.ingress = None
    assert bad(facts, "NET-INGRESS") == [("skip", "no-ingress", None, [])]
    facts.ingress = {}
    assert bad(facts, "NET-INGRESS") == [("inconclusive", "not-told", None, [])]
    facts = healthy()
    facts.opened["vm2"].pop("gateway")
    assert bad(facts, "NET-GATEWAY") == [("inconclusive", "not-told", None, ["vm2"])]


def test_full_size_is_judged_only_where_small_packets_pass() -> None:
    facts = healthy()
    full(facts)
    for source in ("vm1", "vm3"):
        facts.observations[source]["MESH-ALL/vm2"].update(ok=False, error="no answer")
    assert bad(facts, "NET-INGRESS") == []


# --- The way out


def blocked(facts: Draft, host: str, where: str, kinds: tuple = ("icmp", "tcp")) -> None:
    for kind in kinds:
        facts.observations[host][f"NET-EGRESS/{where}/{kind}"].update(ok=False, error="no answer")


def test_tasks_that_do_not_get_past_their_node() -> None:
    facts = healthy()
    blocked(facts, "vm3", "far")
    assert bad(facts, "NET-EGRESS") == [("fail", "egress-lost", None, ["vm3"])]
    assert causes(facts, "NET-EGRESS") == [("egress-broken", ["vm3"])]
    assert "reaches its own node, and not" in CHECKS["NET-EGRESS"].judge(facts)[0]["evidence"]["summary"]
    blocked(facts, "vm3", "near")
    assert "reaches its own" not in CHECKS["NET-EGRESS"].judge(facts)[0]["evidence"]["summary"]


def test_one_of_two_ways_out_is_enough_and_the_node_itself_is_the_control() -> None:
    facts = healthy()
    blocked(facts, "vm3", "far", ("icmp",))
    blocked(facts, "vm2", "near")
    assert bad(facts, "NET-EGRESS") == []
    blocked(facts, "vm3", "far")
    for ident, seen in facts.observations["vm3"].items():
        if ident.startswith("PRE-PORT/port-tcp/7946/"):
            seen.update(ok=False, error="no answer")
    assert bad(facts, "NET-EGRESS") == [("inconclusive", "control-failed", None, ["vm3"])]


def test_internal_networks_have_no_way_out() -> None:
    facts = healthy()
    facts.under_test = [dict(network, internal=True) for network in facts.under_test]
    assert bad(facts, "NET-EGRESS") == [("skip", "internal-only", None, [])] and CHECKS["NET-EGRESS"].plan(facts) == {}


def test_a_lone_node_has_its_own_address_on_the_far_side() -> None:
    facts = healthy()
    facts.opened, facts.probes, facts.hosts = {"vm1": facts.opened["vm1"]}, {"vm1": facts.probes["vm1"]}, ["vm1"]
    assert {row["id"].split("/")[1] for row in CHECKS["NET-EGRESS"].plan(facts)["vm1"]} == {"near"}
    assert bad(facts, "NET-EGRESS") == []
    blocked(facts, "vm1", "near")
    assert bad(facts, "NET-EGRESS") == [("fail", "egress-lost", None, ["vm1"])]


# --- IPv6 inside an overlay


def test_ipv6_that_carries_nothing() -> None:
    facts = healthy()
    for source in HOSTS:
        for ident, seen in facts.observations[source].items():
            if ident.startswith("DP-IPV6/"):
                seen.update(ok=False, error="no route to host")
    assert bad(facts, "DP-IPV6") == [("fail", "paths-lost", "front", HOSTS)]
    assert causes(facts, "DP-IPV6") == [("ipv6-broken", HOSTS)]
    facts = healthy()
    facts.opened["vm3"]["ipv6"] = {}
    assert bad(facts, "DP-IPV6") == [("fail", "no-ipv6-address", "front", ["vm3"])]
    facts = healthy()
    facts.vips = dict(facts.vips, **{PLAIN["id"]: "fd00::2"})
    assert bad(facts, "DP-IPV6") == [("fail", "no-ipv4-address", "front", HOSTS)]
    facts = healthy()
    del facts.probes["vm2"][PLAIN["id"]]
    assert bad(facts, "DP-IPV6") == [("fail", "no-ipv4-address", "front", HOSTS)]
    facts = healthy()
    facts.networks = [dict(PLAIN, subnets=["10.0.1.0/24"])]
    assert bad(facts, "DP-IPV6") == [("skip", "no-ipv6", None, [])]


# --- The marks of virtual IPs

MARKED = {"10.0.1.2": 256}


@pytest.mark.parametrize(
    ("marks", "sets", "words"),
    [
        (MARKED, [(256, 3)], None),
        (MARKED, [(257, 3)], "probe has no virtual service with backends"),
        (MARKED, [(257, 3), (256, 2)], "probe has no virtual service with backends"),
        ({"10.0.1.9": 256}, [(256, 3)], "no rule marks what goes to 10.0.1.2, the virtual IP of probe"),
        (None, [(257, 3)], None),
    ],
)
def test_a_mark_leads_to_its_virtual_service(marks: dict | None, sets: list, words: str | None) -> None:
    facts = healthy()
    held = facts.held["vm2"][PLAIN["id"]]
    every = ["10.0.1.10", "10.0.1.11", "10.0.1.12"]
    held["balancer"] = [{"active": every[:number], "quiet": [], "mark": mark} for mark, number in sets]
    found = lb_ipvs.differences(held, marks)
    assert (words is None and found == []) or (len(found) == 1 and words in found[0])


def test_a_service_of_people_without_a_mark_is_found_and_an_unread_table_is_not_judged() -> None:
    facts = healthy()
    for when in ("always", "ever"):
        facts.held["vm2"][PLAIN["id"]]["records"][when] += ["web vip 10.0.1.5", "web 10.0.1.50 10.77.0.11"]
    facts.held["vm2"][PLAIN["id"]]["balancer"] = [
        {"active": ["10.0.1.10", "10.0.1.11", "10.0.1.12"], "quiet": [], "mark": 256},
        {"active": ["10.0.1.50"], "quiet": [], "mark": 257},
    ]
    facts.probed["vm2"]["marks"] = {PLAIN["id"]: {}}
    assert worst(facts, "LB-IPVS") == "pass", "not even the run's own mark is listed: it is another table"
    facts.probed["vm2"]["marks"] = {PLAIN["id"]: MARKED}
    assert judged(facts, "LB-IPVS")[0] == ("fail", "front", ["vm2"])
    facts.probed["vm2"]["marks"] = {PLAIN["id"]: {**MARKED, "10.0.1.5": 257}}
    assert worst(facts, "LB-IPVS") == "pass"


def test_a_name_that_several_services_have_is_a_failure_of_its_network() -> None:
    facts = healthy()
    assert judged(facts, "SD-ALIAS") == [("pass", "front", HOSTS), ("pass", "back", HOSTS)]
    facts.shared = {PLAIN["id"]: {"api": ["shop", "web"], "db": ["one", "two"], "www": ["shop", "web"]}}
    *sound, found = results(facts, "SD-ALIAS")
    assert [item["status"] for item in sound] == ["pass", "pass"]
    assert (found["status"], found["reason"], found["network"], found["nodes"]) == ("fail", "name-shared", "front", [])
    assert (
        found["evidence"]["shared"] == facts.shared[PLAIN["id"]] and "(3 names in all)" in found["evidence"]["summary"]
    )
    assert found["hint"] == sd_alias.SHARED and "www" not in found["evidence"]["summary"]


def test_a_name_that_is_shared_on_purpose_is_told_and_is_no_failure() -> None:
    facts = healthy()
    assert "remarks" not in CHECKS["SD-ALIAS"].judge(facts)[0]["evidence"]
    facts.shared = {PLAIN["id"]: {"www": ["shop", "web"]}}
    facts.settings["shared_names"] = ["W*"]
    front, back = CHECKS["SD-ALIAS"].judge(facts)
    assert front["status"] == "pass" and "www is a name of shop and of web" in front["evidence"]["summary"]
    assert front["evidence"]["remarks"] and "remarks" not in back["evidence"]


@pytest.mark.parametrize(("chosen", "fails"), [(["shop"], True), (["other"], False)])
def test_a_shared_name_counts_where_one_of_its_services_was_chosen(chosen: list, fails: bool) -> None:
    facts = healthy()
    facts.shared = {PLAIN["id"]: {"www": ["shop", "web"]}}
    facts.settings["services"] = chosen
    assert ("fail" in [status for status, _network, _nodes in judged(facts, "SD-ALIAS")]) is fails
