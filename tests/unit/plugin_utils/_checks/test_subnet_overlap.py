# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""SUBNET-OVERLAP: a network's subnet overlaps no route of the nodes and no other overlay's subnet."""

from __future__ import annotations

from sound import failed, healthy, judged


def test_a_subnet_that_the_host_reaches_otherwise() -> None:
    facts = healthy()
    facts.opened["vm2"]["host"]["routes"].append({"network": "10.0.0.0/16", "device": "tun0"})
    assert ("fail", "front", ["vm2"]) in judged(facts, "SUBNET-OVERLAP")


def test_two_overlays_with_one_subnet() -> None:
    facts = healthy()
    facts.all_networks.append(["unselected", "another00000", "swarm", ["10.0.1.128/25"]])
    result = failed(facts, "SUBNET-OVERLAP")
    assert result["network"] == "front" and "network unselected" in result["evidence"]["summary"]


def test_a_network_that_the_managers_never_set_up() -> None:
    facts = healthy()
    facts.unallocated, facts.settings["networks"] = ["second", "other"], ["sec*"]
    result = failed(facts, "SUBNET-OVERLAP")
    assert (
        result["network"] == "second"
        and "neither driver nor subnet" in result["evidence"]["summary"]
        and "Remove second" in result["hint"]
    )
