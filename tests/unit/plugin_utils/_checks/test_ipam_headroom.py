# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""IPAM-HEADROOM: a network has free addresses for further tasks."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._checks import ipam_headroom
from sound import HOSTS, PLAIN, healthy, worst


@pytest.mark.parametrize(
    ("room", "subnets", "status"),
    [
        (None, ["10.0.1.0/24"], "pass"),
        (None, ["10.0.1.8/29"], "fail"),
        ([{"subnet": "10.0.1.0/24", "used": 253, "free": 0}], ["10.0.1.0/24"], "pass"),  # the probes give three back
        ([{"subnet": "10.0.1.0/24", "used": 250, "free": 50}], ["10.0.1.0/24"], "pass"),
    ],
)
def test_addresses_left(room: list | None, subnets: list, status: str) -> None:
    facts = healthy()
    facts.networks = [dict(PLAIN, room=room, subnets=subnets)]
    assert worst(facts, "IPAM-HEADROOM") == status


def test_addresses_of_ipv6_are_no_room_for_tasks() -> None:
    room = [{"subnet": "10.0.1.0/24", "used": 253, "free": 1}, {"subnet": "fd00::/64", "used": 1, "free": 1000}]
    found = ipam_headroom.free(healthy(), dict(PLAIN, room=room))
    assert found and found[0] == 1 + len(HOSTS)
