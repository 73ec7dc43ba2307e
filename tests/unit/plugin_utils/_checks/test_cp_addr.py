# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""CP-ADDR: every node is known by a usable address, the declared one, and tunnels end at an address of its own."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._checks import _paths
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._diagnosis import links
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._facts.model import Facts
from broken import Swarm, opened
from sound import ADDRESS, PLAIN, SECRET, failed, healthy, probe_address, worst


def ends(facts: Facts, hosts: list[str], where: str) -> None:
    """What hosts have in gossip as the end of the tunnel to vm2's probe."""
    task = f"probe {probe_address(PLAIN, 'vm2')} "
    for host in hosts:
        rows = facts.held[host][PLAIN["id"]]["records"]["always"]
        rows[:] = [task + where if row.startswith(task) else row for row in rows]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda facts: facts.nodes["vm2"].update(address="0.0.0.0"), "calls itself 0.0.0.0"),
        (lambda facts: facts.nodes["vm2"].update(address="127.0.0.1"), "calls itself 127.0.0.1"),
        (lambda facts: facts.swarm["nodes"][1].update(address="10.77.0.99"), "know it as 10.77.0.99"),
        (lambda facts: facts.swarm["nodes"][1].update(manager_address="0.0.0.0:2377"), "its manager is at 0.0.0.0"),
        (lambda facts: facts.settings.update(addresses={"vm2": "10.77.0.99"}), "the inventory declares 10.77.0.99"),
        (lambda facts: ends(facts, ["vm1", "vm2", "vm3"], "0.0.0.0"), "tunnels to it end at 0.0.0.0"),
    ],
)
def test_a_wrong_address(change, words: str) -> None:
    facts = healthy()
    change(facts)
    result = failed(facts, "CP-ADDR")
    assert result["nodes"] == ["vm2"] and words in result["evidence"]["summary"]


@pytest.mark.parametrize("address", ["0.0.0.0", "127.0.0.1"])
def test_a_leader_that_sees_itself_at_no_address_is_known_by_its_manager_s(address: str) -> None:
    """So it is after another manager led (moby#35437)."""
    facts = healthy()
    leader = facts.swarm["nodes"][0]
    leader["address"] = address
    assert worst(facts, "CP-ADDR") == "pass"
    leader["manager_address"] = "10.77.0.99:2377"
    assert "know it as 10.77.0.99" in failed(facts, "CP-ADDR")["evidence"]["summary"]
    facts.swarm["nodes"][1]["address"] = address  # a worker has no other
    assert failed(facts, "CP-ADDR")["nodes"] == ["vm1", "vm2"]


@pytest.mark.parametrize("service", ["probe", "probe-of-before"])
def test_a_stale_record_of_another_task_that_had_the_address_is_no_wrong_tunnel(service: str) -> None:
    """As where a node with too small an MTU lost the news that the task is gone."""
    facts = healthy()
    stale = f"{service} {probe_address(PLAIN, 'vm2')} {ADDRESS['vm3']}"
    facts.held["vm3"][PLAIN["id"]]["records"]["always"].append(stale)
    assert worst(facts, "CP-ADDR") == "pass"


@pytest.mark.parametrize("hosts", [["vm3"], ["vm1", "vm2", "vm3"]])
def test_an_endpoint_that_was_not_told_yet_is_no_wrong_tunnel(hosts: list[str]) -> None:
    """The engine tells of a task and of the end of its tunnel in two messages, of which one was lost."""
    facts = healthy()
    ends(facts, hosts, "")
    assert worst(facts, "CP-ADDR") == "pass"
    assert _paths.vtep(facts, "vm2") == ADDRESS["vm2"]


def test_a_wrong_tunnel_is_seen_where_the_node_itself_told_nothing() -> None:
    facts = healthy()
    ends(facts, ["vm1", "vm3"], "10.77.0.99")
    del facts.held["vm2"]
    assert failed(facts, "CP-ADDR")["nodes"] == ["vm2"]


def test_an_interface_may_be_declared_in_place_of_an_address() -> None:
    facts = healthy()
    facts.settings["addresses"] = {"vm1": "eth1", "vm2": ADDRESS["vm2"], "vm3": None}
    assert worst(facts, "CP-ADDR") == "pass"


def test_two_nodes_with_one_address() -> None:
    facts = healthy()
    facts.nodes["vm3"]["address"] = facts.swarm["nodes"][2]["address"] = ADDRESS["vm2"]
    assert failed(facts, "CP-ADDR")["nodes"] == ["vm2", "vm3"]


def having(host: str, address: str) -> Swarm:
    """A host with one more address."""
    row = {"device": "eth0", "address": address, "prefix": 24, "mtu": 1500}
    return Swarm(change=lambda told: opened(told, host)["host"]["addresses"].append(row))


@pytest.mark.parametrize("address", ["fe80::1", "127.0.0.2", "10.77.0.200", "172.18.0.1"])
def test_an_address_by_which_the_swarm_knows_nobody_harms_nobody(address: str) -> None:
    assert worst(having("vm2", address).facts(), "CP-ADDR") == "pass"


def test_a_node_that_has_the_address_of_another_one_too_is_named_with_it() -> None:
    """What vm2 sends to vm3 ends at vm2 itself, and what others send to vm3 at either."""
    swarm = having("vm2", ADDRESS["vm3"])
    found = failed(swarm.facts(), "CP-ADDR")
    assert (found["reason"], found["nodes"]) == ("duplicate-address", ["vm2"])
    assert found["evidence"]["summary"] == f"vm2: has {ADDRESS['vm3']} on eth0, by which the swarm knows vm3"
    swarm.lose([PLAIN, SECRET], [("vm2", "vm3"), ("vm3", "vm2")], end=links.WAY)
    first = swarm.causes()[0]
    assert (first["id"], first["nodes"], first["title"]) == (
        "duplicate-address", ["vm2", "vm3"], "vm2 has the address of vm3, too"
    )  # fmt: skip
