# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks whose failure is a cause by itself: each line of the tables, from what the nodes of a broken swarm report."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._diagnosis import told
from broken import (
    GOSSIP,
    Swarm,
    assert_no_text_matters,
    bad,
    certificate,
    cleared,
    clock,
    described,
    ending,
    forget,
    found_in,
    name_server,
    opened,
    probing,
    route,
    unaskable,
    unmet,
    view,
)
from sound import LEADER, PLAIN, probe_address

# A check that lies deep, and which of its reasons -> the swarm, the nodes, the networks.
LINES: dict[tuple[str, str], tuple] = {
    ("NET-EXISTS", "network-missing"): (
        lambda: Swarm(change=lambda told: told[LEADER]["seen"].update(unmatched=["gone"])), "network-missing", [], []),
    ("NET-EXISTS", "network-undone"): (lambda: Swarm(declared=["gone"]), "network-undone", [], []),
    ("NET-EXISTS", "network-otherwise"): (
        lambda: Swarm(declared_as={"front": {"encrypted": True, "attachable": False, "internal": False}}), "network-otherwise", [], ["front"]),
    ("NET-EXISTS", "service-missing"): (lambda: Swarm(services=["web", "gone"]), "service-missing", [], []),
    ("PRE-SKEW", "clock-skew"): (lambda: clock("vm3", 7200), "clock-skew", ["vm3"], []),
    ("CP-TLS", "certificate-expiring"): (lambda: certificate("vm3", not_after=1060), "certificate-expiring", ["vm3"], []),
    ("PRE-SKEW", "engine-skew"): (
        lambda: Swarm(change=lambda told: told["vm2"]["seen"]["node"].update(engine="29.1.3")), "engine-skew", ["vm2"], []),
    ("CP-ADDR", "wrong-address"): (
        lambda: Swarm(change=lambda told: told["vm2"].update(declared={"swarm_advertise_addr": "10.77.0.99"})), "wrong-address", ["vm2"], []),
    ("SUBNET-OVERLAP", ""): (lambda: Swarm(change=route("vm2", "10.0.1.0/25")), "subnet-overlap", ["vm2"], ["front"]),
    ("NET-INGRESS", "subnet-overlap"): (lambda: Swarm(change=route("vm2", "10.0.0.0/25")), "subnet-overlap", ["vm2"], []),
    ("NET-GATEWAY", "subnet-overlap"): (lambda: Swarm(change=route("vm3", "172.18.0.0/24")), "subnet-overlap", ["vm3"], []),
    ("NET-INGRESS", "resolver-shadowed"): (lambda: Swarm(change=name_server("vm3", "10.0.0.53")), "resolver-shadowed", ["vm3"], []),
    ("NET-GATEWAY", "resolver-shadowed"): (lambda: Swarm(change=name_server("vm1", "172.18.0.7")), "resolver-shadowed", ["vm1"], []),
    ("NET-GATEWAY", "gateway-missing"): (
        lambda: Swarm(change=lambda told: opened(told, "vm2").update(gateway=None)), "gateway-missing", ["vm2"], []),
    ("DNS-SHADOW", ""): (lambda: Swarm(change=name_server("vm2", "10.0.1.53")), "resolver-shadowed", ["vm2"], []),
    ("NAME-DUP", ""): (
        lambda: Swarm(change=lambda told: view(told)["all_networks"].append(["front", "other", "swarm", ["10.9.0.0/24"]])), "duplicate-network", [], ["front"]),
    ("OPT-LINT", ""): (lambda: Swarm(change=described(options={"encrypt": ""})), "option-misspelt", [], ["front"]),
    ("SD-*", "name-unaskable"): (lambda: Swarm(change=unaskable), "name-unaskable", [], ["front"]),
    ("SD-ALIAS", "name-shared"): (
        lambda: Swarm(change=lambda told: view(told).update(shared={PLAIN["id"]: {"api": ["shop", "web"]}})), "alias-shared", [], ["front"]),
    ("DUP-IP", ""): (
        lambda: Swarm(change=lambda told: view(told)["addresses"][PLAIN["id"]].append([probe_address(PLAIN, "vm2"), "task other"])), "duplicate-address",
        ["vm2"], ["front"]),
    ("GOSSIP-HASH", ""): (lambda: probing("vm2", lambda seen: forget(seen["held"][PLAIN["id"]]["records"], GOSSIP)), "gossip-differs", ["vm2"], ["front"]),
    ("PEER-FDB", ""): (
        lambda: probing("vm2", lambda seen: seen["held"][PLAIN["id"]]["peers"]["always"].append("10.0.1.200 02:x 10.77.0.11")), "peers-stale",
        ["vm2"], ["front"]),
    ("NET-EGRESS", "egress-lost"): (lambda: unmet(("vm2", "NET-EGRESS/far/icmp"), ("vm2", "NET-EGRESS/far/tcp")), "egress-broken", ["vm2"], []),
    ("FW-RULES", ""): (
        lambda: probing("vm2", lambda seen: seen["rules"].update(mark=[], drop=[], ingress_jump=False, ingress_ports=[])), "firewall-wiped", ["vm2"], []),
    ("MTU-FIT", ""): (
        lambda: Swarm(change=lambda told: opened(told, "vm2")["host"]["addresses"][0].update(mtu=1450)).leave_out("NET-INGRESS"), "mtu-too-small",
        ["vm2"], ["back", "front"]),
    ("NET-INGRESS", "full-size-lost"): (lambda: unmet(("vm1", "NET-INGRESS/vm2"), ("vm3", "NET-INGRESS/vm2")), "mtu-too-small", ["vm2"], []),
    ("NET-INGRESS", "mtu-too-small"): (
        lambda: Swarm(change=lambda told: opened(told, "vm2")["host"]["addresses"][0].update(mtu=1450)).leave_out("MTU-FIT"), "mtu-too-small", ["vm2"], []),
    ("NET-INGRESS", "addresses-exhausted"): (
        lambda: Swarm(change=lambda told: view(told)["ingress"].update(used=252)), "addresses-exhausted", [], []),
    ("NET-GATEWAY", "addresses-exhausted"): (
        lambda: Swarm(change=lambda told: opened(told, "vm3")["gateway"].update(subnets=["172.18.0.0/28"], used=11)), "addresses-exhausted", ["vm3"], []),
    ("DP-IPV6", "duplicate-address"): (
        lambda: Swarm(change=lambda told: opened(told, "vm2")["ipv6"].update({PLAIN["id"]: "fd00::1"})), "ipv6-broken", ["vm1", "vm2"], ["front"]),
    ("IPAM-HEADROOM", ""): (
        lambda: Swarm(change=described(room=[{"subnet": "10.0.1.0/24", "free": -3}])), "addresses-exhausted", [], ["front"]),
    ("ENC-SA-AGREE", "policies-lost"): (lambda: Swarm(change=lambda told: opened(told, "vm2").update(policies=[])), "ipsec-policies-gone", ["vm2"], ["back"]),
    ("ENC-SA-AGREE", "states-lost"): (lambda: Swarm(change=lambda told: opened(told, "vm2").update(xfrm=[])), "ipsec-states-gone", ["vm2"], ["back"]),
    ("ENC-SA-AGREE", "states-differ"): (
        lambda: probing("vm2", lambda seen: [row.update(port=9999) for row in seen["policies"]]), "ipsec-states-differ", ["vm2"], ["back"]),
    ("ENC-REJECT", ""): (lambda: cleared("vm2"), "clear-text-accepted", ["vm2"], ["back"]),
    ("LB-IPVS", ""): (lambda: probing("vm2", lambda seen: seen["held"][PLAIN["id"]].update(balancer=[])), "balancer-broken", ["vm2"], ["front"]),
    ("DP-TASK", "resolver-replaced"): (
        lambda: Swarm(change=lambda told: opened(told, "vm2")["workloads"]["rows"][0].update(resolvers=["192.0.2.53"])), "resolver-replaced", ["vm2"],
        ["back", "front"]),
    ("LB-SERVICE", "virtual-ip-silent"): (lambda: unmet(*ending("/80/vip", "vm3")), "balancer-broken", ["vm3"], ["back", "front"]),
    ("MESH-SERVICE", ""): (lambda: unmet(*ending("/8080/vm3", "vm1", "vm2")), "port-unreached", ["vm3"], []),
    ("XFRM-DELTA", "errors-rose"): (
        lambda: probing("vm2", lambda seen: seen.update(counters={"XfrmInError": 9, "XfrmInNoStates": 2})), "xfrm-errors", ["vm2"], ["back"]),
}  # fmt: skip


def line_of(check: str, ident: str) -> told.Line:
    return next(
        line
        for line in (*told.READ, *told.DEEP, *told.TABLES, *told.LATE, *told.SERVICES)
        if (line.check, line.id) == (check, ident)
    )


@pytest.mark.parametrize(("check", "reason"), LINES)
def test_a_check_that_lies_deep_is_a_cause_by_itself(check: str, reason: str) -> None:
    make, ident, nodes, networks = LINES[check, reason]
    results, found = found_in(make())
    assert [(cause["id"], cause["nodes"], cause["networks"]) for cause in found] == [(ident, nodes, networks)]
    assert found[0]["explains"] == bad(results) and found[0]["shares"] == []
    own = [item for item in results if item["status"] == "fail" and fnmatchcase(item["id"], check)]
    assert own and (not reason or {item["reason"] for item in own} == {reason})
    title, because = found[0]["title"], found[0]["because"]
    assert not [part for part in "{}" if part in title] and all(
        node in title or not line_of(check, ident).title.count("{nodes}") for node in nodes
    )
    assert because == list(dict.fromkeys(f"{item['id']}: {item['evidence']['summary']}" for item in own))[:4]
    assert found[0]["todo"] == line_of(check, ident).todo


def test_every_line_of_the_tables_is_among_them() -> None:
    lines = [*told.READ, *told.DEEP, *told.TABLES, *told.LATE, *told.SERVICES]
    for line in lines:
        mine = [
            reason
            for (check, reason), row in LINES.items()
            if (check, row[1]) == (line.check, line.id) and (reason in line.reasons or not line.reasons)
        ]
        assert mine, (
            f"LINES above lacks a case of {line.check}, {line.reasons or 'any reason'}: the line {line.id} of told.py"
        )


@pytest.mark.parametrize(("check", "reason"), LINES)
def test_no_text_matters(check: str, reason: str) -> None:
    assert_no_text_matters(LINES[check, reason][0]())
