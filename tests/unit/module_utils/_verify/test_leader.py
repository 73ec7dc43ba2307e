# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the leader finds on the networks before anything is made."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._verify import leader


def attachment(number: int) -> dict:
    """The task of a container that no service started."""
    return {
        "ID": f"attachment{number}",
        "Status": {"State": "running"},
        "DesiredState": "running",
        "NetworksAttachments": [{"Network": {"ID": "n1"}, "Addresses": [f"10.0.0.{number}/28"]}],
    }


@pytest.mark.parametrize(("containers", "crowded"), [(6, []), (7, ["n1"])])
def test_containers_that_no_service_started_take_room_too(containers: int, crowded: list) -> None:
    """Of 13 addresses, a probe and a balancer on each of three nodes, and a virtual IP, need seven."""
    engine = SimpleNamespace(
        nodes=lambda: [{}, {}, {}],
        services=list,
        tasks=list,
        attachments=lambda: [attachment(number) for number in range(2, 2 + containers)],
    )
    network = {"id": "n1", "name": "small", "subnets": ["10.0.0.0/28"]}
    assert leader.with_room(engine, [network])[1] == crowded


def task(node: str, *states: str) -> list[dict]:
    """The tasks of one service on a node, the newest last."""
    return [
        {"ServiceID": "s1", "NodeID": node, "Status": {"State": state}, "CreatedAt": f"2026-01-01T00:00:{number:02}Z"}
        for number, state in enumerate(states)
    ]


@pytest.mark.parametrize(
    ("tasks", "vain"),
    [
        ([task("a", "running"), task("b", "assigned")], True),
        ([task("a", "running"), task("b", "rejected", "rejected", "rejected", "starting")], True),
        ([task("a", "assigned"), task("b", "starting")], False),  # one may come
        ([task("a", "running"), task("b", "rejected", "preparing")], False),
        ([task("a", "running"), task("b", "failed", "running")], False),  # all run
        ([], False),
    ],
)
def test_tasks_that_will_not_come_are_not_waited_for(tasks: list, vain: bool) -> None:
    assert leader.stuck([row for rows in tasks for row in rows]) == vain
