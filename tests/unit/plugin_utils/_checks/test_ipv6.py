# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A swarm whose nodes talk IPv6: the facts of test_checks with other addresses."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._checks import _paths, mesh_all
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._diagnosis.diagnose import diagnose
from drafts import Draft
from sound import CHECKS, HOSTS, break_path, healthy, judged, missing, worst

MTU = "com.docker.network.driver.mtu"
ADDRESS = {"vm1": "fd77::11", "vm2": "fd77::12", "vm3": "fd77::13"}


def over_ipv6(mtu: str = "1400") -> Draft:
    """The nodes have IPv4 addresses too, where the routing mesh answers; the networks' MTU leaves room for the longer header."""
    text = json.dumps(asdict(healthy())).replace("10.77.0.11:2377", "[fd77::11]:2377").replace("10.77.0.1", "fd77::1")
    facts = Draft(**json.loads(text))
    for host, number in zip(HOSTS, (11, 12, 13)):
        modules = facts.opened[host]["kernel"]["modules"]
        modules["esp6"] = modules.pop("esp4")
        facts.opened[host]["host"]["addresses"] += [
            {"address": "fe80::1", "device": "eth1", "mtu": 1500},
            {"address": f"192.0.2.{number}", "device": "eth1", "mtu": 1500},
        ]
        for held in facts.held[host].values():
            held["mtu"] -= 1500 - int(mtu)
    for network in [*facts.networks, *facts.under_test, facts.ingress]:
        network["options"] = {MTU: mtu}
    return facts


@pytest.mark.parametrize("ident", sorted(CHECKS))
def test_it_passes_everything(ident: str) -> None:
    facts = over_ipv6()
    for item in CHECKS[ident].judge(facts):
        assert item["status"] == "pass", item


def test_the_longer_header_counts() -> None:
    facts = over_ipv6("1500")
    found = [item for item in CHECKS["MTU-FIT"].judge(facts) if item["status"] == "fail"]
    assert [item["network"] for item in found] == ["front", "back"] and "1450 and 70 of overhead exceed 1500" in found[
        0
    ]["evidence"]["summary"]
    assert "less 20" in found[0]["hint"]
    assert worst(over_ipv6("1480"), "MTU-FIT") == "pass"


def test_it_is_esp6_that_the_kernel_needs() -> None:
    facts = over_ipv6()
    missing(facts, "vm2", "esp6")
    assert judged(facts, "PRE-KMOD") == [("fail", None, ["vm2"])]
    break_path(facts, facts.networks[1], [("vm1", "vm2"), ("vm2", "vm1"), ("vm2", "vm3"), ("vm3", "vm2")])
    results = [item for ident in ("PRE-KMOD", "DP-MATRIX", "ENC-WIRE") for item in CHECKS[ident].judge(facts)]
    facts.settings["checks"] = []
    assert [(cause["id"], cause["title"]) for cause in diagnose(results, facts)] == [
        ("kernel-lacks", "The kernel of vm2 lacks esp6")
    ]


def test_the_rule_for_a_closed_port_is_one_for_ipv6() -> None:
    facts = over_ipv6()
    for host in ("vm1", "vm3"):
        facts.observations[host]["PRE-PORT/port-udp/7946/vm2"].update(ok=False, error="no answer")
    hint = next(item["hint"] for item in CHECKS["PRE-PORT"].judge(facts) if item["status"] == "fail")
    assert "'ip6tables -I INPUT -p udp --dport 7946 -j ACCEPT'" in hint


def test_the_mesh_is_asked_over_ipv4() -> None:
    facts = over_ipv6()
    assert [mesh_all.asked_at(facts, host) for host in HOSTS] == ["192.0.2.11", "192.0.2.12", "192.0.2.13"]
    for host in HOSTS:
        facts.opened[host]["host"]["addresses"].pop()
    assert judged(facts, "MESH-ALL") == [("skip", None, [])]


@pytest.mark.parametrize("declared", ["fd77::12", "FD77:0:0::12", "fd77:0000:0000:0000:0000:0000:0000:0012", "eth1"])
def test_one_address_written_in_other_ways_is_the_same(declared: str) -> None:
    facts = over_ipv6()
    facts.settings.update(addresses={"vm2": declared}, data_addresses={"vm2": declared})
    assert worst(facts, "CP-ADDR") == "pass"
    # Of an interface the engine takes the address of IPv4.
    assert _paths.tunnel(facts, "vm2") == ("192.0.2.12" if declared == "eth1" else "fd77::12")


def test_a_manager_that_cannot_be_called_is_known_by_its_address() -> None:
    facts = over_ipv6()
    for host in ("vm2", "vm3"):
        facts.observations[host]["CP-TLS/[fd77::11]:2377"].update(ok=False, outcome="unreachable", detail="timed out")
    results = CHECKS["CP-TLS"].judge(facts)
    assert [(cause["id"], cause["nodes"]) for cause in diagnose(results, facts)] == [("manager-port-blocked", ["vm1"])]
