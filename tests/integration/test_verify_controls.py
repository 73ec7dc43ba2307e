# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Negative controls of checks that had them on facts only: each fault is made on the real swarm, found with its node, and undone."""

from __future__ import annotations

import base64
from pathlib import Path

import faults
import pytest
from test_verify import Verified, break_it, undo, wait_until

pytestmark = pytest.mark.long
__all__ = ["undo"]  # a fixture
# A resolver upstream that knows every name, and has an address inside an overlay for it: port, address.
RESOLVER = """
import socket, struct, sys
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind((sys.argv[1], 53))
while True:
    asked, who = server.recvfrom(4096)
    end = asked.index(b"\\0", 12) + 5
    answer = struct.pack("!HHHLH", 0xC00C, 1, 1, 5, 4) + socket.inet_aton(sys.argv[2])
    server.sendto(asked[:2] + struct.pack("!5H", 0x8180, 1, 1, 0, 0) + asked[12:end] + answer, who)
"""


def test_a_node_with_a_foreign_root_of_trust(swarm, undo: list, tmp_path: Path) -> None:
    break_it(swarm, undo, "vm3", faults.FOREIGN, f"mv /root/kept.crt {faults.CERTIFICATES}/swarm-root-ca.crt")
    done = Verified(swarm, tmp_path, verify_networks=["no-network-*"], verify_checks=["CP-TLS"])
    assert done.blamed("CP-TLS") == [("fail", ["vm3"])], done.of("CP-TLS")


def test_a_node_with_another_time(swarm, undo: list, tmp_path: Path) -> None:
    """Container nodes share one clock; so it is Python on the node that is told another time, which is what the check sees of it."""
    place = "/usr/lib/python3/dist-packages/another-time.pth"
    words = "import time; time.time = lambda right=time.time: right() + 300"
    break_it(swarm, undo, "vm2", f"echo '{words}' >{place}", f"rm -f {place}")
    done = Verified(swarm, tmp_path, verify_networks=["no-network-*"], verify_checks=["PRE-SKEW"])
    assert done.blamed("PRE-SKEW") == [("fail", ["vm2"])], done.of("PRE-SKEW")


def test_a_name_that_answers_outside_its_network(swarm, unique: str, undo: list, tmp_path: Path) -> None:
    name, worker = f"{unique}-net", "vm2"
    swarm.docker("vm1", "network", "create", "-d", "overlay", "--attachable", "--subnet", "10.203.0.0/24", name)
    own = swarm.shell(worker, "docker info -f '{{.Swarm.NodeAddr}}'")
    words = base64.b64encode(RESOLVER.encode()).decode()
    swarm.shell(worker, f"echo {words} | base64 -d >/run/resolver.py; setsid python3 /run/resolver.py {own} 10.203.0.77 >/run/resolver.log 2>&1 &")
    undo.append((worker, "kill $(pgrep -f '[/]run/resolver.py')"))
    break_it(swarm, undo, worker, f"cp /etc/resolv.conf /run/resolv && echo nameserver {own} >/etc/resolv.conf", "cat /run/resolv >/etc/resolv.conf")
    done = Verified(swarm, tmp_path, verify_networks=[name], verify_checks=["SD-SCOPE", "SD-VIP"])
    assert done.blamed("SD-SCOPE") == [("fail", [worker])], done.of("SD-SCOPE")
    assert "10.203.0.77" in done.of("SD-SCOPE")[0]["evidence"]["answers"] and done.blamed("SD-VIP") == []


def test_a_node_that_answers_us_and_not_the_swarm(swarm, undo: list, tmp_path: Path) -> None:
    rule = "OUTPUT -p tcp --dport 2377 -j DROP"
    break_it(swarm, undo, "vm3", f"iptables -w -I {rule}", f"iptables -w -D {rule}")
    states = ("node", "inspect", "-f", "{{.Status.State}}", "vm3")
    wait_until(lambda: swarm.docker("vm1", *states) == "down", 120)
    done = Verified(swarm, tmp_path, verify_networks=["no-network-*"], verify_checks=["PRE-REACH"])
    assert done.blamed("PRE-REACH") == [("fail", ["vm3"])] and "its managers call it down" in done.of("PRE-REACH")[0]["evidence"]["summary"]
    assert [cause["id"] for cause in done.report["causes"]] == ["lost-by-managers"]
    swarm.shell(*undo.pop())
    wait_until(lambda: swarm.docker("vm1", *states) == "ready", 120)


def test_two_networks_with_one_subnet(swarm, unique: str, tmp_path: Path) -> None:
    """The engine takes both, and never sets the second up."""
    for name in ("one", "two"):
        swarm.docker("vm1", "network", "create", "-d", "overlay", "--subnet", "10.204.0.0/24", f"{unique}-{name}")
    done = Verified(swarm, tmp_path, verify_networks=[f"{unique}-*"], verify_checks=["SUBNET-OVERLAP"])
    assert [(row["network"], row["status"]) for row in done.of("SUBNET-OVERLAP")] == [(f"{unique}-one", "pass"), (f"{unique}-two", "fail")]
