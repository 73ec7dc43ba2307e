# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who the nodes are: never everybody, never a guess."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError, AnsibleUndefinedVariable
from ansible_collections.swarmlab.overlay.plugins.filter.node_addresses import node_addresses
from ansible_collections.swarmlab.overlay.plugins.module_utils._firewall import addresses
from ansible_collections.swarmlab.overlay.plugins.module_utils._firewall.model import Refusal, by_hand, wanted

NAMES = {"vm2.example": ["10.0.0.2", "fd77::2"], "here": ["127.0.1.1"], "odd": ["127.0.0.1"]}


def known(**nodes: list[str]) -> tuple[str, ...]:
    return addresses.known(nodes, lambda name: NAMES.get(name, []), {"here"})


def test_addresses_names_ports_and_doubles():
    assert known(
        a=["10.0.0.1:2377", "10.0.0.1"], b=["vm2.example:2377"], c=["[fd77:0::3]:2377"], d=["fd77::4", " "], e=["here"]
    ) == ("10.0.0.1", "10.0.0.2", "fd77::2", "fd77::3", "fd77::4")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ([], "vm9: no address is declared"),
        (["", " "], "vm9: no address is declared"),
        (["0.0.0.0"], "0.0.0.0 stands for every address"),
        (["::"], ":: stands for every address"),
        (["10.0.0.0/24"], "10.0.0.0/24 is a network"),
        (["0.0.0.0/0"], "is a network"),
        (["127.0.0.1"], "127.0.0.1 is the loopback address"),
        (["224.0.0.1"], "is not the address of a single host"),
        (["fe80::1"], "one link only"),
        (["eth1"], "eth1 is neither an address nor a name that this host can resolve"),
        (["odd"], "odd resolves to 127.0.0.1, which is the loopback address"),
    ],
)
def test_an_unknown_address_is_refused_by_name(said, words):
    with pytest.raises(Refusal, match="the addresses of some nodes are not known") as refused:
        known(vm1=["10.0.0.1"], vm9=said)
    assert words in str(refused.value) and "vm1" not in str(refused.value)


def test_every_unknown_address_is_told_at_once():
    with pytest.raises(Refusal, match=r"vm8: nope is neither.*vm9: no address is declared"):
        known(vm8=["nope"], vm9=[])


@pytest.mark.parametrize("port", [0, 80, 1023, 49152, 70000])
def test_a_data_path_port_that_no_swarm_has_is_refused(port):
    with pytest.raises(Refusal, match=f"data_path_port is {port}; it must lie between 1024 and 49151"):
        wanted(["10.0.0.1"], True, 2377, port)


def test_workers_do_not_get_the_managers_port():
    assert wanted([], False, 2377, 4789).ports == (("tcp", (7946,)), ("udp", (4789, 7946)), ("esp", ()))
    assert wanted([], True, 2378, 7789).ports == (("tcp", (2378, 7946)), ("udp", (7789, 7946)), ("esp", ()))


def test_a_refusal_lists_the_rules():
    text = by_hand(wanted(["10.0.0.1", "fd77::1"], True, 2377, 4789))
    assert (
        "ip saddr { 10.0.0.1 } tcp dport { 2377, 7946 } accept; " in text
        and "ip6 saddr { fd77::1 } meta l4proto esp accept" in text
    )


def test_members_that_an_engine_knows():
    info = {"Swarm": {"RemoteManagers": [{"NodeID": "x", "Addr": "10.0.0.1:2377"}]}}
    nodes = [
        {"Status": {"Addr": "0.0.0.0"}, "ManagerStatus": {"Addr": "10.0.0.3:2377"}},
        {"Status": {"Addr": "10.0.0.2"}},
        {},
    ]
    assert addresses.of_members(info, nodes, ["10.0.0.9", ""]) == ("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.9")


class Untold(dict):
    """Variables of a host, one of which is a template over facts that nobody gathered."""

    def get(self, name, default=None):
        if name == "swarm_advertise_addr":
            raise AnsibleUndefinedVariable("'ansible_default_ipv4' is undefined")
        return super().get(name, default)


LINK = {
    "eth_1": {
        "device": "eth-1",
        "ipv4": {"address": "10.0.0.7"},
        "ipv6": [{"address": "fe80::7"}, {"address": "fd77::7"}],
    }
}
MEMBERS = [
    {"id": "i5", "hostname": "five", "address": "10.0.0.5", "manager_address": ""},
    {"id": "i6", "hostname": "six", "address": "0.0.0.0", "manager_address": "10.0.0.6:2377"},
]


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, ["h"]),
        ({"ansible_host": "10.0.0.9"}, ["10.0.0.9"]),
        ({"swarm_advertise_addr": "10.0.0.1:2377", "ansible_host": "1.2.3.4"}, ["10.0.0.1"]),
        ({"swarm_advertise_addr": "10.0.0.1", "swarm_data_path_addr": "10.1.0.1"}, ["10.0.0.1", "10.1.0.1"]),
        ({"swarm_advertise_addr": "eth1", "engine_state": {"swarm": {"node_address": "10.0.0.1"}}}, ["10.0.0.1"]),
        (
            {"swarm_advertise_addr": "10.0.0.2", "swarm_told": {"swarm": {"node_address": "10.0.0.1"}}},
            ["10.0.0.1", "10.0.0.2"],
        ),
        ({"swarm_told": {"declared": {"swarm_advertise_addr": "10.0.0.8"}, "problem": "silent"}}, ["10.0.0.8"]),
        ({"swarm_advertise_addr": "eth-1", "ansible_facts": LINK}, ["10.0.0.7", "fd77::7"]),
        (Untold(), []),
        (Untold(engine_state={"swarm": {"node_address": "10.0.0.4"}}), ["10.0.0.4"]),
    ],
)
def test_what_inventory_and_engine_say(variables, expected):
    assert node_addresses(["h"], {"h": variables}) == {"h": expected}


def test_members_stand_for_hosts_that_the_inventory_does_not_have():
    hostvars = {"m": {"swarm_told": {"swarm": {"node_address": "10.0.0.5", "members": MEMBERS}}}, "w": Untold()}
    assert node_addresses(["m", "w"], hostvars) == {"m": ["10.0.0.5"], "member six (i6)": ["10.0.0.6"]}


def test_managers_outside_the_play_that_were_asked_tell_too():
    asked = {
        "results": [
            {"item": "m", "swarm": {"node_address": "10.0.0.5", "members": MEMBERS}},
            {"item": "x", "problem": "silent"},
        ]
    }
    hostvars = {
        "m": Untold(),
        "x": Untold(),
        "new": {"swarm_others": asked, "swarm_told": {"declared": {"swarm_advertise_addr": "10.0.0.9"}}},
    }
    assert node_addresses(["m", "x", "new"], hostvars) == {
        "m": ["10.0.0.5"],
        "new": ["10.0.0.9"],
        "member six (i6)": ["10.0.0.6"],
    }


def test_one_text_is_no_list_of_hosts():
    with pytest.raises(AnsibleFilterError, match="a list of host names"):
        node_addresses("vm1", {})
