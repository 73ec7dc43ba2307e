# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes that a manager lists and the inventory does not have."""

from __future__ import annotations

from ansible_collections.swarmlab.overlay.plugins.plugin_utils.swarm_discovery import (
    address_of,
    connection_keys,
    name_of,
    unknown,
)


def member(identity: str, hostname: str, address: str = "10.0.0.9", manager_address: str = "") -> dict[str, str]:
    return {"id": identity, "hostname": hostname, "address": address, "manager_address": manager_address}


def test_nodes_that_no_host_is_come_in_the_order_of_their_names() -> None:
    listed = [
        member("a", "vm10"),
        member("d", "vm2"),
        member("c", "vm2"),
        member("b", "db"),
        member("e", "known"),
        member("f", "silent"),
    ]
    found = unknown(listed, {"e"}, {"silent"})
    assert [(each["hostname"], each["id"]) for each in found] == [
        ("db", "b"),
        ("vm2", "c"),
        ("vm2", "d"),
        ("vm10", "a"),
    ]


def test_a_node_is_reached_where_the_swarm_reaches_it() -> None:
    assert address_of(member("a", "vm1")) == "10.0.0.9"
    assert address_of(member("a", "vm1", "0.0.0.0", "[fd00::1]:2377")) == "fd00::1"
    assert address_of(member("a", "vm1", "")) == "vm1"


def test_names_are_told_apart() -> None:
    assert name_of(member("abcdefgh", "vm1"), []) == "vm1"
    assert name_of(member("abcdefgh", "vm1"), ["vm1"]) == "vm1-abcdef"
    assert name_of(member("abcdefgh", ""), []) == "abcdefgh"


def test_only_what_holds_for_neighbours_is_taken_over() -> None:
    given = [
        "ansible_user",
        "ansible_host",
        "ansible_ssh_host",
        "ansible_ssh_common_args",
        "ansible_ssh_public_key",
        "ansible_become_password",
        "region",
    ]
    assert connection_keys(given) == ["ansible_user", "ansible_ssh_common_args", "ansible_become_password"]
