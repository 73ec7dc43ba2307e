# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attachments of existing containers: what is to be done, and what is taken over from another attachment."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._discovery.asking import Endpoint
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.attaching import is_leftover
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.attachments import (
    AttachmentSpec,
    decide,
    parse_attachment_list,
)
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.joining import like_endpoint
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.refusals import Wish, refusals
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.resolution import Question, question, unable
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.spec import SpecError

THERE = {"Aliases": ["www", "0123456789ab"], "IPAddress": "10.1.0.5", "IPAMConfig": {"IPv4Address": "10.1.0.5"}}
AUTOMATIC = {"0123456789ab", "box"}


@pytest.mark.parametrize(
    "declared, settings, action",
    [
        ({}, None, "attach"),
        ({}, THERE, "none"),
        ({"state": "absent"}, None, "none"),
        ({"state": "absent"}, THERE, "detach"),
        ({"aliases": ("www",)}, THERE, "none"),
        ({"aliases": ()}, THERE, "reattach"),
        ({"aliases": ("box", "www")}, THERE, "reattach"),
        ({"ipv4_address": "10.1.0.5"}, THERE, "none"),
        ({"ipv4_address": "10.1.0.6"}, THERE, "reattach"),
    ],
)
def test_decisions(declared: dict[str, t.Any], settings: dict | None, action: str) -> None:
    assert decide(AttachmentSpec("box", "net", **declared), settings, AUTOMATIC).action == action


def test_the_users_choices_are_taken_over_and_the_engines_are_not() -> None:
    settings = dict(THERE, DriverOpts={"a": "b"}, Links=None, MacAddress="02:42:0a:01:00:05", NetworkID="x")
    assert like_endpoint(settings, "0123456789abcdef") == {"Aliases": ["www"], "DriverOpts": {"a": "b"}}


def test_bad_entries_are_named_all_at_once() -> None:
    entries = [{"container": "a", "network": "n", "ipv4_address": "10.0.0"}, {"container": "b", "network": "n"}] * 2
    with pytest.raises(SpecError) as caught:
        parse_attachment_list(entries, "present")
    for words in ("container a: networks: ipv4_address '10.0.0'", "container b: network n is declared 2 times"):
        assert words in caught.value.message


NODE = {"id": "n2", "name": "vm2", "availability": "active", "state": "ready"}
NETWORK = {
    "name": "net", "attachable": True, "allocated": True, "subnets": [{"subnet": "10.1.0.0/29"}], "nodes": ["vm1"],
    "capacity": {"size": 6, "free": 2},
    "addresses": {
        "10.1.0.1": {"kind": "gateway", "name": "10.1.0.0/29", "node": None},
        "10.1.0.3": {"kind": "container", "name": "cafe01234567", "node": "vm1"},
    },
}  # fmt: skip
WISH = Wish("box", "0123456789abcdef", "net")


@pytest.mark.parametrize(
    "wishes, network, node, words",
    [
        ([WISH], {}, {}, None),
        ([WISH._replace(network="other")], {}, {}, "network other is not there"),
        ([WISH], {"attachable": False}, {}, "network net is not attachable"),
        ([WISH], {"allocated": False}, {}, "address pools are exhausted"),
        ([WISH], {"capacity": {"size": 6, "free": 1}}, {}, "2 are needed (one of them for the load balancer of vm2)"),
        ([WISH], {"capacity": {"size": 6, "free": 1}, "nodes": ["vm2"]}, {}, None),
        (
            [WISH, WISH],
            {"nodes": ["vm2"], "capacity": {"size": 6, "free": 1}},
            {},
            "1 of 6 addresses are free, and 2 are needed",
        ),
        ([WISH._replace(joins=False)], {"capacity": {"size": 6, "free": 0}}, {}, None),
        ([WISH._replace(address="10.1.0.4")], {}, {}, None),
        ([WISH._replace(address="10.2.0.4")], {}, {}, "is outside network net, which has 10.1.0.0/29"),
        ([WISH._replace(address="10.1.0.7")], {}, {}, "network or broadcast address"),
        ([WISH._replace(address="10.1.0.1")], {}, {}, "taken on network net by gateway"),
        ([WISH._replace(address="10.1.0.3")], {}, {}, "taken on network net by container cafe01234567 on vm1"),
        ([WISH._replace(address="10.1.0.3", container_id="cafe0123456789", joins=False)], {}, {}, None),
        ([WISH], {}, {"availability": "drain"}, "node vm2 is set to drain"),
        ([WISH], {}, {"availability": "pause"}, "node vm2 is set to pause"),
        ([WISH], {}, {"state": "down"}, "node vm2 is down"),
        ([], {}, {"availability": "drain"}, None),
    ],
)
def test_refusals_name_the_reason(wishes: list[Wish], network: dict, node: dict, words: str | None) -> None:
    found = refusals(wishes, {"networks": [dict(NETWORK, **network)], "swarm_nodes": [dict(NODE, **node)]}, "n2")
    assert [words in text for text in found] == ([True] if words else []), found


def test_only_the_engines_own_denial_may_be_a_leftover() -> None:
    assert is_leftover("network front not found")
    assert not is_leftover("Could not attach to network x: rpc error: code = NotFound desc = network x not found")
    assert not is_leftover("No such container: box")


CONTAINER = {
    "Id": "0123456789abcdef", "Name": "/box", "State": {"Running": True},
    "NetworkSettings": {"SandboxKey": "/own", "Networks": {"net": {"IPAddress": "10.1.0.5", "Aliases": ["www", "0123456789ab"]}}},
}  # fmt: skip


def test_a_peer_is_asked_rather_than_the_container_itself() -> None:
    own, peer = Endpoint("box", "/own"), Endpoint("web.1", "/peer")
    assert question(CONTAINER, "net", [own, peer]) == Question("net", "10.1.0.5", ("box", "www"), peer, True)
    assert question(CONTAINER, "net", [own]) == Question("net", "10.1.0.5", ("box", "www"), own, False)
    assert question(dict(CONTAINER, State={"Running": False}), "net", [peer]) == "the container does not run"
    assert question(CONTAINER, "other", [peer]) == "the container has no IPv4 address on the network"
    assert "another machine" in (unable("tcp://10.0.0.1:2375") or "")
