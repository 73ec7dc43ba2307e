# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses
import ipaddress
from pathlib import Path

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab.errors import LabError
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab.imagespec import FIREWALLS, SUITES, ImageSpec
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab.spec import (
    DEFAULTS,
    default_cache,
    manager_warning,
    parse,
)
from hypothesis import given
from hypothesis import strategies as st

BASE = Path("/project")


def test_defaults_are_a_valid_lab_of_three():
    spec = parse({}, BASE)
    assert [node.name for node in spec.node_list] == ["vm1", "vm2", "vm3"]
    assert spec.directory == Path("/project/.lab/lab")
    assert spec.manager_names == ["vm1"]
    assert spec.node(3).address == "10.77.0.13"


def test_a_segment_may_be_of_the_other_ip():
    spec = parse({"subnet": "fd77::/64"}, BASE)
    assert (spec.node(1).address, spec.node(3).address, spec.node(1).prefix) == ("fd77::b", "fd77::d", 64)


def test_every_node_has_addresses_of_its_own_and_labs_do_not_share_them():
    one, two = parse({"nodes": 9}, BASE), parse({"nodes": 9, "name": "other"}, BASE)
    macs = [mac for spec in (one, two) for node in spec.node_list for mac in (node.management_mac, node.segment_mac)]
    assert len(set(macs)) == 36
    assert len({node.alias for spec in (one, two) for node in spec.node_list}) == 18


def test_one_lab_has_the_same_aliases_at_every_time():
    assert parse({"nodes": 1}, BASE).node(1) == parse({"nodes": 5}, BASE).node(1)


def test_numbers_may_come_as_text_from_the_environment():
    assert parse({"nodes": "5", "managers": " 3 "}, BASE).managers == 3


@pytest.mark.parametrize(
    ("options", "key", "word"),
    [
        ({"driver": "vmware"}, "driver", "vm, container"),
        ({"nodes": 0}, "nodes", "between 1"),
        ({"nodes": -1}, "nodes", "between 1"),
        ({"nodes": "three"}, "nodes", "whole number"),
        ({"nodes": 2.5}, "nodes", "whole number"),
        ({"nodes": True}, "nodes", "whole number"),
        ({"nodes": 3, "managers": 4}, "managers", "3 node(s)"),
        ({"managers": 0}, "managers", "between 1"),
        ({"memory": 100}, "memory", "between 384"),
        ({"disk": 1}, "disk", "between 4"),
        ({"vcpus": -1}, "vcpus", "between 0"),
        ({"accel": "hvf"}, "accel", "auto, kvm, tcg"),
        ({"state": "gone"}, "state", "present, stopped, absent"),
        ({"name": "Upper"}, "name", "lower-case"),
        ({"name": "../x"}, "name", "lower-case"),
        ({"name": ""}, "name", "lower-case"),
        ({"subnet": "10.77.0.1/24"}, "subnet", "host bits"),
        ({"subnet": "8.8.8.0/24"}, "subnet", "private"),
        ({"subnet": "192.168.0.0/16"}, "subnet", "management"),
        ({"subnet": "10.77.0.0/28", "nodes": 5}, "subnet", "too small"),
        ({"subnet": 24}, "subnet", "not a network"),
        ({"subnet": "2001:4860::/64"}, "subnet", "private"),
        ({"subnet": "fe80::/64"}, "subnet", "private"),
        ({"subnet": "fd00::1/64"}, "subnet", "host bits"),
        ({"subnet": "fd00::/124", "nodes": 5}, "subnet", "too small"),
        ({"image": "trixie"}, "image", "dictionary"),
        ({"image": {"suit": "trixie"}}, "image.suit", "image.suite"),
        ({"image": {"suite": "a b"}}, "image.suite", "suite"),
        ({"image": {"suite": "buster"}}, "image.suite", "bookworm, trixie, forky, sid"),
        ({"node_settings": ["vm1"]}, "node_settings", "dictionary"),
        ({"node_settings": "{vm1"}, "node_settings", "JSON"),
        ({"node_settings": {"vm4": {}}}, "node_settings.vm4", "vm1 to vm3"),
        ({"node_settings": {"web1": {}}}, "node_settings.web1", "no such node"),
        ({"node_settings": {"vm1": "trixie"}}, "node_settings.vm1", "dictionary"),
        ({"node_settings": {"vm1": {"suit": "trixie"}}}, "node_settings.vm1.suit", "node_settings.vm1.suite"),
        ({"node_settings": {"vm1": {"suite": "jessie"}}}, "node_settings.vm1.suite", "bookworm"),
        ({"node_settings": {"all": {"engine": "perhaps"}}}, "node_settings.all.engine", "true nor false"),
        (
            {"node_settings": {"all": {"firewall": "iptables"}}},
            "node_settings.all.firewall",
            "firewalld, ufw, nftables",
        ),
        ({"node_settings": {"all": {"user": "Big Name"}}}, "node_settings.all.user", "name for a user"),
        ({"node_settings": {"all": {"user": "sshd"}}}, "node_settings.all.user", "system"),
        ({"node_settings": {"vm1": {"jump": "vm9"}}}, "node_settings.vm1.jump", "not a node"),
        ({"node_settings": {"vm1": {"jump": 1}}}, "node_settings.vm1.jump", "name of a node"),
        ({"node_settings": {"vm1": {"jump": "vm2"}, "vm2": {"jump": "vm3"}}}, "node_settings.vm1.jump", "through vm3"),
        ({"node_settings": {"all": {"jump": "vm1"}, "vm1": {"jump": "vm2"}}}, "node_settings.vm1.jump", "through vm1"),
        (
            {"driver": "container", "node_settings": {"vm1": {"engine": False}}},
            "node_settings.vm1.engine",
            "driver: vm",
        ),
        (
            {"driver": "container", "node_settings": {"all": {"user": "student"}}},
            "node_settings.all.user",
            "driver: vm",
        ),
        ({"image": {"mirror": "somewhere"}}, "image.mirror", "URL"),
        ({"image": {"packages": "vim"}}, "image.packages", "list"),
        ({"image": {"packages": ["vim; rm"]}}, "image.packages", "package"),
        ({"noodes": 3}, "noodes", "did you mean 'nodes'"),
        ({"qqqq": 3}, "qqqq", "known are"),
        ({"retain_failed": "perhaps"}, "retain_failed", "true nor false"),
        ({"directory": 'a"b'}, "directory", "quote"),
        ({"directory": 5}, "directory", "path"),
        ({"boot_timeout": 1}, "boot_timeout", "between 5"),
    ],
)
def test_a_bad_value_names_its_key(options, key, word):
    with pytest.raises(LabError) as caught:
        parse(options, BASE)
    assert caught.value.id == "LAB-E-OPTION"
    assert caught.value.details["key"] == key
    assert word in caught.value.message


@pytest.mark.parametrize(("managers", "survives"), [(2, 0), (4, 1), (6, 2)])
def test_an_even_number_of_managers_is_explained(managers, survives):
    warning = manager_warning(managers)
    assert warning is not None
    assert f"the loss of {survives}" in warning


@pytest.mark.parametrize("managers", [1, 3, 5])
def test_an_odd_number_of_managers_is_fine(managers):
    assert manager_warning(managers) is None


def test_the_cache_follows_the_environment():
    assert default_cache({"XDG_CACHE_HOME": "/c"}) == Path("/c/swarmlab")


@given(st.text(max_size=40))
def test_names_that_pass_are_safe_everywhere(name):
    try:
        spec = parse({"name": name}, BASE)
    except LabError as error:
        assert error.details["key"] == "name"
    else:
        assert name.replace("-", "a").isalnum() and name.isascii() and name == name.lower()
        assert spec.directory.parent == Path("/project/.lab")


@given(st.ip_addresses(v=4), st.integers(0, 32), st.integers(1, 200))
def test_subnets_that_pass_hold_all_nodes(address, prefix, nodes):
    subnet = ipaddress.ip_network(f"{address}/{prefix}", strict=False)
    try:
        spec = parse({"subnet": str(subnet), "nodes": nodes}, BASE)
    except LabError as error:
        assert error.details["key"] == "subnet"
    else:
        hosts = {ipaddress.ip_address(node.address) for node in spec.node_list}
        assert len(hosts) == nodes
        assert all(host in subnet and host != subnet.broadcast_address for host in hosts)


def test_no_option_is_without_a_default():
    assert set(DEFAULTS) >= {"name", "directory", "driver", "nodes", "managers", "memory", "image", "state"}


def test_nodes_may_differ():
    spec = parse({"node_settings": {"all": {"user": "student"}, "vm2": {"suite": "bookworm", "user": "root"}}}, BASE)
    assert [spec.settings_of(name).user for name in ("vm1", "vm2", "vm3")] == ["student", "root", "student"]
    assert [spec.settings_of(name).suite for name in ("vm1", "vm2", "vm3")] == ["trixie", "bookworm", "trixie"]


def test_the_image_option_holds_for_nodes_that_name_no_suite():
    spec = parse(
        {"image": {"suite": "forky", "packages": ["vim"]}, "node_settings": '{"vm1": {"suite": "trixie"}}'}, BASE
    )
    assert [spec.image_of(name) for name in ("vm1", "vm2")] == [
        ImageSpec("trixie", None, ("vim",)),
        ImageSpec("forky", None, ("vim",)),
    ]


def test_a_way_for_all_nodes_leads_to_its_own_node_directly():
    spec = parse({"node_settings": {"all": {"jump": "vm2"}}}, BASE)
    assert [spec.settings_of(name).jump for name in ("vm1", "vm2", "vm3")] == ["vm2", None, "vm2"]


@given(st.dictionaries(st.sampled_from(["all", "vm1", "vm2", "vm3"]), st.fixed_dictionaries({}, optional={
    "suite": st.sampled_from(list(SUITES)), "engine": st.booleans(), "firewall": st.sampled_from(list(FIREWALLS)),
    "user": st.sampled_from(["root", "student"]), "jump": st.sampled_from(["vm1", "vm2", "vm3"]),
})))  # fmt: skip
def test_settings_that_pass_come_back_the_same(settings):
    """What the inventory hands to the role is what the module reads."""
    try:
        spec = parse({"node_settings": settings}, BASE)
    except LabError as error:
        assert error.details["key"].endswith(".jump")
        return
    again = parse({"node_settings": {name: dataclasses.asdict(found) for name, found in spec.settings.items()}}, BASE)
    assert again.settings == spec.settings
    ways = {name: found.jump for name, found in spec.settings.items()}
    assert all(way is None or ways[way] is None for way in ways.values())
