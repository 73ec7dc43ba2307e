# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""IPAM-HEADROOM: a network has free addresses for further tasks."""

from __future__ import annotations

import pytest
from sound import PLAIN, healthy, worst


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
