# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declarations of networks: what is taken, and what is refused with which words."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay import spec as spec_module
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.spec import (
    MTU_OPTION,
    VXLAN_OPTION,
    NetworkSpec,
    SpecError,
    Subnet,
    parse_networks,
)


def refused(**entry: object) -> str:
    with pytest.raises(SpecError) as caught:
        parse_networks({"state": "present", "networks": [dict({"name": "web"}, **entry)]})
    assert "Nothing was changed" in caught.value.message
    return caught.value.message


@pytest.mark.parametrize("name", ["web", "my-net", "a_b", "A1", "x" * 63])
def test_names_that_swarm_takes(name: str) -> None:
    assert parse_networks({"name": name})[0].name == name


@pytest.mark.parametrize("name", ["", "-a", "a-", "a.b", "ü", "a b", "x" * 64, "host", "none", "ingress", "bridge"])
def test_names_that_swarm_refuses(name: str) -> None:
    with pytest.raises(SpecError):
        parse_networks({"name": name})


@pytest.mark.parametrize(
    "entry, words",
    [
        ({"subnets": ["10.1.0.1/24"]}, "host bits set; the subnet is 10.1.0.0/24"),
        ({"subnets": ["10.1.0.0"]}, "no prefix length"),
        ({"subnets": ["ten"]}, "is not a subnet"),
        ({"subnets": ["fd00::/64"]}, "IPv6"),
        ({"subnets": ["10.1.0.0/31"]}, "too small"),
        ({"subnets": [{"gateway": "10.1.0.1"}]}, "must be a subnet"),
        ({"subnets": [{"subnet": "10.1.0.0/24", "gatway": "10.1.0.1"}]}, "unknown key gatway"),
        ({"subnets": [{"subnet": "10.1.0.0/24", "gateway": "10.2.0.1"}]}, "not inside subnet"),
        ({"subnets": [{"subnet": "10.1.0.0/24", "gateway": "10.1.0.255"}]}, "broadcast"),
        ({"subnets": [{"subnet": "10.1.0.0/24", "gateway": "x"}]}, "not an IPv4 address"),
        ({"subnets": [{"subnet": "10.1.0.0/24", "ip_range": "10.2.0.0/25"}]}, "not inside subnet"),
        ({"subnets": ["10.1.0.0/24", "10.1.0.128/25"]}, "overlaps"),
        ({"mtu": 67}, "68 to 65535"),
        ({"mtu": 65536}, "68 to 65535"),
        ({"labels": {"a": True}}, "quote it"),
        ({"labels": {"a": 1}}, "quote it"),
        ({"labels": {"swarmlab.overlay/pinned": "x"}}, "set by this collection"),
        ({"driver_options": {"encrypted": "false"}}, "presence only"),
        ({"driver_options": {MTU_OPTION: "1400"}}, "use the option mtu"),
        ({"driver_options": {"encryptd": ""}}, "ignore it silently"),
        ({"driver_options": {VXLAN_OPTION: "x"}}, "numbers"),
        ({"driver_options": {VXLAN_OPTION: "99999999"}}, "outside"),
        ({"driver_options": {VXLAN_OPTION: "5000,5001"}}, "one id for each subnet"),
    ],
)
def test_bad_entries(entry: dict, words: str) -> None:
    assert words in refused(**entry)


def test_all_problems_are_named_at_once() -> None:
    with pytest.raises(SpecError) as caught:
        parse_networks({"networks": [{"name": "a", "mtu": 1}, {"name": "b", "subnets": ["x"]}, {"name": "b"}]})
    for words in ("network a: mtu 1", "network b: subnet 'x'", "network b is declared 2 times"):
        assert words in caught.value.message


def test_overlap_between_networks_counts_only_for_those_that_shall_exist() -> None:
    networks = [{"name": "a", "subnets": ["10.1.0.0/16"]}, {"name": "b", "subnets": ["10.1.2.0/24"]}]
    with pytest.raises(SpecError, match="network a: subnet 10.1.0.0/16 overlaps 10.1.2.0/24 of network b"):
        parse_networks({"networks": networks})
    networks[1]["state"] = "absent"
    assert [spec.state for spec in parse_networks({"networks": networks})] == ["present", "absent"]


def test_the_calls_state_is_the_default_of_each_network() -> None:
    assert parse_networks({"state": "absent", "networks": [{"name": "a"}]})[0].state == "absent"


def test_subnets_are_ordered_and_vxlan_ids_go_along() -> None:
    declared = {"name": "a", "subnets": ["10.2.0.0/24", "10.1.0.0/24"], "driver_options": {VXLAN_OPTION: "5002,5001"}}
    found = parse_networks(declared)[0]
    assert found.subnets == (Subnet("10.1.0.0/24"), Subnet("10.2.0.0/24"))
    assert found.vxlan_ids == (5001, 5002)


def test_pinned_names_what_would_be_automatic() -> None:
    assert NetworkSpec("a").pinned() == []
    subnets = (Subnet("10.1.0.0/24", "10.1.0.9"),)
    assert NetworkSpec("a", subnets=subnets, vxlan_ids=(5000,)).pinned() == [
        "subnets",
        "gateway=10.1.0.0/24",
        "vxlan_ids",
    ]


def test_the_managed_label_may_be_declared() -> None:
    entry = {"name": "a", "labels": {spec_module.MANAGED_LABEL: "true", "x": "y"}}
    assert parse_networks(entry)[0].labels == {"x": "y"}
