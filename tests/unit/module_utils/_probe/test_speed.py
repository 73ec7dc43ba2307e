# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measuring over the loopback device of a scratch namespace."""

from __future__ import annotations

import fcntl
import os
import socket
import struct
from pathlib import Path

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._probe import background, netns, speed

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root")


@pytest.fixture
def helpers_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "ROOT", str(tmp_path / "run"))


def inside(look) -> list:
    """Run in a namespace of its own with a server called vm1 at 127.0.0.1."""

    def work() -> list:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as up:
            fcntl.ioctl(up, 0x8914, struct.pack("16sh14x", b"lo", 1))
        lease = background.Lease("r1", 30)
        lease.renew()
        reason = background.start(
            lease, "speed", lambda ready, stopped: speed.serve("r1", "vm1", "127.0.0.1", ready, stopped)
        )
        seen = look()
        background.stop("r1", ["speed"])
        return [reason, *seen]

    return netns.call(None, work, 30)


def test_a_stream_and_round_trips_are_measured(helpers_folder: None) -> None:
    reason, seen, again = inside(
        lambda: [speed.measure("r1", "vm1", ["127.0.0.2", "127.0.0.1"], 0.2, 1) for _number in range(2)]
    )
    assert reason is None
    for found in (seen, again):
        assert set(found) == {"mbit", "latency_ms"} and found["mbit"] > 1 and 0 < found["latency_ms"] < 100


def test_only_the_node_that_is_meant_is_measured(helpers_folder: None) -> None:
    _reason, other, foreign, nobody, none = inside(
        lambda: [
            speed.measure("r1", "vm2", ["127.0.0.1"], 0.1, 1),
            speed.measure("r2", "vm1", ["127.0.0.1"], 0.1, 1),
            speed.measure("r1", "vm1", ["127.0.0.2"], 0.1, 1),
            speed.measure("r1", "vm1", [], 0.1, 1),
        ]
    )
    assert other == {"error": "vm2 does not answer there"} and foreign == {"error": "vm1 does not answer there"}
    assert nobody == {"error": "connection refused"} and none == {"error": "no address is known for vm1"}
