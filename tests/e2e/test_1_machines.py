# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Three machines of their own, one swarm, one trust."""

from __future__ import annotations

import json
import stat

import pytest
from conftest import Lab


@pytest.mark.parametrize(
    "look",
    [
        "cat /proc/sys/kernel/random/uuid",
        "cat /etc/machine-id",
        "hostname",
        "cat /sys/class/net/eth0/address",
        "cat /sys/class/net/eth1/address",
        "ip -4 -o addr show dev eth1 | awk '{print $4}'",
        "cat /etc/ssh/ssh_host_ed25519_key.pub",
        "docker info --format '{{.ID}}'",
        "docker info --format '{{.Swarm.NodeID}}'",
    ],
)
def test_every_machine_has_an_identity_of_its_own(lab: Lab, look: str) -> None:
    seen = [node.sh(look) for node in lab.nodes]
    assert all(seen) and len(set(seen)) == len(seen)


def test_host_keys_are_known_in_advance_and_checked(lab: Lab) -> None:
    config = (lab.folder / "ssh_config").read_text(encoding="utf-8")
    assert "StrictHostKeyChecking yes" in config
    assert stat.S_IMODE(lab.folder.stat().st_mode) == 0o700


def test_swarm_has_one_manager_and_two_workers_over_the_segment(lab: Lab) -> None:
    listed = lab.node("vm1").sh("docker node ls --format '{{.Hostname}} {{.Status}} {{.ManagerStatus}}'").splitlines()
    assert sorted(line.strip() for line in listed) == ["vm1 Ready Leader", "vm2 Ready", "vm3 Ready"]
    for node in lab.nodes:
        address = node.sh("ip -4 -o addr show dev eth1 | awk '{split($4, a, \"/\"); print a[1]}'")
        assert node.sh("docker info --format '{{.Swarm.NodeAddr}}'") == address


def test_every_node_trusts_the_same_root(lab: Lab) -> None:
    inspected = json.loads(lab.node("vm1").sh("docker node inspect vm1 vm2 vm3"))
    trust = {json.dumps(node["Description"]["TLSInfo"], sort_keys=True) for node in inspected}
    assert len(trust) == 1 and "TrustRoot" in trust.pop()


def test_no_join_token_was_written(lab: Lab) -> None:
    for path in lab.folder.rglob("*"):
        if path.is_file() and path.stat().st_size < 5_000_000:
            assert b"SWMTKN-" not in path.read_bytes(), path
