# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab as a tool: a formed swarm frozen and thawed as a whole, and faults that come and go."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator

import pytest
from conftest import Lab, Node

SNAPSHOT = "e2e"


def reaches(node: Node, target: str, tries: int = 1) -> bool:
    """Whether an answer comes over the segment, at one of the tries."""
    return node.host.run(f"for try in $(seq {tries}); do ping -c 1 -W 2 {target} && exit 0; done; exit 1").rc == 0


@pytest.fixture
def snapshot(lab: Lab) -> Iterator[str]:
    lab.module("lab_snapshot", snapshot=SNAPSHOT)
    yield SNAPSHOT
    lab.module("lab_snapshot", snapshot=SNAPSHOT, state="absent")
    assert SNAPSHOT not in lab.module("lab_snapshot", state="listed")


def test_a_formed_swarm_comes_back_as_a_whole(lab: Lab, snapshot: str) -> None:
    manager, worker = lab.node("vm1"), lab.node("vm2")
    services = "docker service ls --format '{{.ID}} {{.Name}} {{.Replicas}}' | sort"
    before = manager.sh(services)
    worker.sh("touch /root/made-after-the-snapshot")
    manager.sh("docker service scale --detach web=1")
    time.sleep(20)  # the clocks are to be behind by more than anybody could take for chance

    lab.module("lab_snapshot", snapshot=snapshot, state="restored")
    clocks = {node.name: abs(float(node.sh("date +%s")) - time.time()) for node in lab.nodes}
    assert max(clocks.values()) < 10, clocks
    assert worker.host.run("test -e /root/made-after-the-snapshot").rc != 0
    ready = "for try in $(seq 60); do [ $(docker node ls | grep -c Ready) = 3 ] && exit 0; sleep 1; done; exit 1"
    manager.sh(ready)
    assert manager.sh(services) == before
    # Names, virtual addresses and the encrypted network, from a container on vm2 to tasks on every node.
    answers = {worker.sh("docker exec client wget -T 20 -qO- http://vault") for dummy in range(6)}
    assert len(answers) == 3, answers


def test_a_cable_is_out_for_its_time_and_the_way_in_is_not(lab: Lab) -> None:
    one, two, three = lab.nodes
    assert reaches(one, "vm2", tries=3)
    lab.module("lab_fault", faults=[{"kind": "cut", "nodes": ["vm2"], "seconds": 600}])
    assert two.sh("hostname") == "vm2"
    assert not reaches(one, "vm2")
    assert reaches(one, "vm3", tries=3)
    assert "cut" in lab.module("lab_fault", state="listed")
    lab.module("lab_fault", faults=[{"kind": "cut", "nodes": ["vm2"], "seconds": 1}])
    time.sleep(1.5)
    assert reaches(one, "vm2", tries=3)
    assert reaches(three, "vm2", tries=3)


def test_one_direction_and_one_protocol_alone_can_fail(lab: Lab) -> None:
    one, two, three = lab.nodes
    fault = {"kind": "one_way", "from": ["vm1"], "to": ["vm2"], "protocol": "icmp", "seconds": 600}
    lab.module("lab_fault", faults=[fault])
    assert not reaches(one, "vm2")
    assert reaches(one, "vm3", tries=3)
    # What vm2 sends arrives: its questions are heard, only the answers to them are lost.
    heard = "timeout 20 tcpdump -l -c 1 -n -i eth1 icmp and src host vm2 2>/dev/null"
    asking = subprocess.Popen(
        ["ssh", "-F", str(lab.folder / "ssh_config"), "vm2", "ping -c 10 -W 1 vm1"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert "echo request" in one.sh(heard)
    assert " 0 received" in asking.communicate(timeout=60)[0]
    assert one.sh("timeout 20 busybox nc -w 10 vm2 22 </dev/null | head -c 3") == "SSH"
    lab.module("lab_fault", state="absent")
    assert reaches(one, "vm2", tries=3)


def test_a_frozen_machine_goes_on_when_it_is_mended(lab: Lab) -> None:
    lab.module("lab_fault", faults=[{"kind": "freeze", "nodes": ["vm3"], "seconds": 600}])
    assert not reaches(lab.node("vm1"), "vm3")
    lab.module("lab_fault", state="absent")
    assert lab.node("vm3").sh("hostname") == "vm3"
    assert reaches(lab.node("vm1"), "vm3", tries=3)
