# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Engine 20.10 of Debian bookworm: a node that is promoted right after its demotion could hang there (moby#47854)."""

from __future__ import annotations

import pytest
from conftest import Warm, nodes_of, own_lab

ROUNDS = 6


@pytest.mark.long
@pytest.mark.rare
def test_a_node_is_promoted_right_after_its_demotion(
    environment: dict[str, str], warm: Warm, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Each change is waited for, so the next begins when the node has settled. Both of two managers' neighbours, together and alone."""
    folder = tmp_path_factory.mktemp("old")
    with own_lab("old", "10.99.{}.0/24", environment, warm, folder, 3, 3, image="{suite: bookworm}") as lab:
        assert lab.docker("vm1", "version", "--format", "{{.Server.Version}}").startswith("20.10.")
        ids = dict(
            line.split() for line in lab.docker("vm1", "node", "ls", "--format", "{{.Hostname}} {{.ID}}").splitlines()
        )
        for turn in range(ROUNDS):
            hosts = (("vm3",), ("vm2", "vm3"))[turn % 2]
            for role, status in (("worker", ""), ("manager", "Reachable")):
                nodes = [{"id": ids[host], "role": role} for host in hosts]
                done = lab.run("swarm_node", {"nodes": nodes, "state": "present", "timeout": 120})
                assert not done["failed"] and done["changed"], (turn, role, done)
                now = {line.split()[0]: line.split()[3:] for line in nodes_of(lab)}
                assert all(now[host] == status.split() for host in hosts), (turn, role, now)
        assert nodes_of(lab) == [f"{host} Ready Active Reachable" for host in lab.nodes]
