# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ids of requests and rows of gossip: what is written is read again."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._probe import shapes, work
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._checks import _gossip, _requests
from sound import CHECKS, healthy


@pytest.mark.parametrize(
    ("text", "path", "knock", "call"),
    [
        ("DP-MATRIX/plain0000000/vm2/udp", _requests.Path("DP-MATRIX", "plain0000000", "vm2", "udp"), None, None),
        ("DP-MATRIX/plain0000000/*/vip", None, None, None),
        ("PRE-PORT/port-udp/7946/tcp", None, _requests.Knock("port-udp", 7946, "tcp"), None),
        ("CP-TLS/10.0.0.1:2377", None, None, _requests.Call("10.0.0.1", 2377)),
        ("CP-TLS/[fd77::11]:2377", None, None, _requests.Call("fd77::11", 2377)),
        ("SD-VIP/plain0000000/web", None, None, None),
        ("MESH-ALL/vm2/closed", None, None, None),
    ],
)
def test_an_id_means_one_thing(text: str, path: object, knock: object, call: object) -> None:
    found = _requests.path(text), _requests.knock(text), _requests.call(text)
    assert found == (path, knock, call)
    assert [str(value) for value in found if value] in ([text], [])


# What the nodes' code reads of each kind of request, besides its id (``_probe/work.py``).
PATH = {"address", "network", "node"}
READ = {
    "dns": {"name"},
    "icmp": {"address"},
    "tcp": PATH,
    "udp": PATH,
    "burst": {*PATH, "size"},
    "vip": {"address", "network", "nodes"},
    "closed": {"address", "network", "port"},
    "connect": {"address", "port"},
    "stranger": {"address", "port"},
    "port-tcp": {"address", "port"},
    "port-udp": {"address", "port"},
    "port-esp": {"address"},
    "inject": {"address", "port", "vni"},
}
PLACES = {"where", "about"}  # what the controller and the phases read of it


@pytest.mark.parametrize("ident", sorted(CHECKS))
def test_a_node_can_carry_out_every_request(ident: str) -> None:
    facts = healthy()
    known = {*t.get_type_hints(shapes.Request), *PLACES}
    assert set(READ) == {*work.KINDS, *work.TALKS}
    for host, requests in CHECKS[ident].plan(facts).items():
        assert host in facts.hosts
        for request in requests:
            missing = {key for key in READ[request["kind"]] if request.get(key) in (None, "", [])}
            assert not missing and set(request) <= known, request
            assert request["kind"] != "dns" or {"expected", "within", "includes"} & set(request), request


def test_no_two_different_requests_of_a_host_have_one_id() -> None:
    facts = healthy()
    for host in facts.hosts:
        rows: dict = {}
        for check in CHECKS.values():
            for request in check.plan(facts).get(host, []):
                assert rows.setdefault(request["id"], request) == request


def test_rows_of_gossip() -> None:
    held = {
        "records": {"always": ["my web 10.0.1.5 10.77.0.11", "web vip 10.0.1.2", " 10.0.1.6 "], "ever": []},
        "local": ["10.0.1.5 02:01"],
        "peers": {"always": ["10.0.1.6 02:02 10.77.0.12"]},
    }
    task, virtual, bare = _gossip.records(held)
    assert task == ("my web", "10.0.1.5", "10.77.0.11") and not task.is_virtual
    assert virtual.is_virtual and virtual.where == "10.0.1.2"
    assert bare == ("", "10.0.1.6", "")
    assert _gossip.records(held, "ever") == _gossip.records(None) == []
    assert _gossip.endpoints(held) == [("10.0.1.5", "02:01")] and _gossip.endpoints(None) == []
    assert _gossip.entries(held, "always") == [("10.0.1.6", "02:02", "10.77.0.12")]
