# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Negative controls of checks that had them on facts only: each fault is made on the real swarm, found with its node, and undone."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import faults
import pytest
from test_verify import RUN, Verified, break_it, undo, wait_until

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
    done = Verified(swarm, tmp_path, verify_checks=["CP-TLS"])
    assert done.blamed("CP-TLS") == [("fail", ["vm3"])], done.of("CP-TLS")


def test_certificates_that_end_before_they_should(swarm, tmp_path: Path) -> None:
    done = Verified(swarm, tmp_path, verify_checks=["CP-TLS"], verify_certificate_days=365)
    assert done.of("CP-TLS")[0]["reason"] == "certificate-expiring", done.of("CP-TLS")
    assert done.blamed("CP-TLS") == [("fail", ["vm1", "vm2", "vm3"])]


def test_a_node_with_another_time(swarm, undo: list, tmp_path: Path) -> None:
    """Container nodes share one clock; so it is Python on the node that is told another time, which is what the check sees of it."""
    place = "/usr/lib/python3/dist-packages/another-time.pth"
    words = "import time; time.time = lambda right=time.time: right() + 300"
    break_it(swarm, undo, "vm2", f"echo '{words}' >{place}", f"rm -f {place}")
    done = Verified(swarm, tmp_path, verify_checks=["PRE-SKEW"])
    assert done.blamed("PRE-SKEW") == [("fail", ["vm2"])], done.of("PRE-SKEW")


def test_a_name_that_answers_outside_its_network(swarm, unique: str, undo: list, tmp_path: Path) -> None:
    name, worker = f"{unique}-net", "vm2"
    swarm.docker("vm1", "network", "create", "-d", "overlay", "--attachable", "--subnet", "10.203.0.0/24", name)
    own = swarm.shell(worker, "docker info -f '{{.Swarm.NodeAddr}}'")
    words = base64.b64encode(RESOLVER.encode()).decode()
    swarm.shell(
        worker,
        f"echo {words} | base64 -d >/run/resolver.py; setsid python3 /run/resolver.py {own} 10.203.0.77 >/run/resolver.log 2>&1 &",
    )
    undo.append((worker, "kill $(pgrep -f '[/]run/resolver.py')"))
    break_it(
        swarm,
        undo,
        worker,
        f"cp /etc/resolv.conf /run/resolv && echo nameserver {own} >/etc/resolv.conf",
        "cat /run/resolv >/etc/resolv.conf",
    )
    done = Verified(swarm, tmp_path, verify_networks=[name], verify_checks=["SD-SCOPE", "SD-VIP"])
    assert done.blamed("SD-SCOPE") == [("fail", [worker])], done.of("SD-SCOPE")
    assert "10.203.0.77" in done.of("SD-SCOPE")[0]["evidence"]["answers"] and done.blamed("SD-VIP") == []


def test_a_node_that_answers_us_and_not_the_swarm(swarm, undo: list, tmp_path: Path) -> None:
    rule = "OUTPUT -p tcp --dport 2377 -j DROP"
    break_it(swarm, undo, "vm3", f"iptables -w -I {rule}", f"iptables -w -D {rule}")
    states = ("node", "inspect", "-f", "{{.Status.State}}", "vm3")
    wait_until(lambda: swarm.docker("vm1", *states) == "down", 120)
    done = Verified(swarm, tmp_path, verify_checks=["PRE-REACH"])
    assert (
        done.blamed("PRE-REACH") == [("fail", ["vm3"])]
        and "its managers call it down" in done.of("PRE-REACH")[0]["evidence"]["summary"]
    )
    assert [cause["id"] for cause in done.report["causes"]] == ["lost-by-managers"]
    swarm.shell(*undo.pop())
    wait_until(lambda: swarm.docker("vm1", *states) == "ready", 120)


def test_two_networks_with_one_subnet(swarm, unique: str, tmp_path: Path) -> None:
    """The engine takes both, and never sets the second up."""
    for name in ("one", "two"):
        swarm.docker("vm1", "network", "create", "-d", "overlay", "--subnet", "10.204.0.0/24", f"{unique}-{name}")
    done = Verified(swarm, tmp_path, verify_networks=[f"{unique}-*"], verify_checks=["SUBNET-OVERLAP"])
    assert [(row["network"], row["status"]) for row in done.of("SUBNET-OVERLAP")] == [
        (f"{unique}-one", "pass"),
        (f"{unique}-two", "fail"),
    ]


@contextmanager
def meanwhile(act: Callable[[], None]) -> Iterator[None]:
    """Somebody who acts while a verification runs."""
    with ThreadPoolExecutor(1) as pool:
        acting = pool.submit(act)
        yield
        acting.result()


def await_part(swarm, kind: str, part: str) -> str:
    """The name of an object of the verification that runs, as soon as it is there."""
    look = f"docker {kind} ls --filter {RUN} --format '{{{{.Name}}}}' | grep -e '-{part}$'"
    return swarm.shell("vm1", f"for try in $(seq 600); do {look} && exit 0; sleep 0.1; done; exit 1")


def test_a_worker_that_has_a_network_without_being_asked(swarm, unique: str, tmp_path: Path) -> None:
    """A container on vm3 takes the network that only vm2 is meant to get."""

    def use() -> None:
        swarm.docker(
            "vm3",
            "run",
            "-d",
            "--name",
            f"{unique}-box",
            "--network",
            await_part(swarm, "network", "lazy"),
            swarm.image,
            "sleep",
            "1d",
        )
        # The run looks a last time before it forgets itself on the node; then it removes its network.
        wait_until(lambda: not swarm.shell("vm3", "ls /run/swarmlab-overlay 2>/dev/null || true"), 60)
        swarm.docker("vm3", "rm", "-f", f"{unique}-box")

    with meanwhile(use):
        done = Verified(swarm, tmp_path, verify_checks=["NET-LAZY"])
    assert done.blamed("NET-LAZY") == [("fail", ["vm3"])], done.of("NET-LAZY")


def test_a_service_that_is_only_published_and_has_a_name(swarm, unique: str, undo: list, tmp_path: Path) -> None:
    """A container bears its name on the network of the probes. The engine of vm3 is held until it does, and the run waits for its task."""
    network = f"{unique}-net"
    swarm.docker("vm1", "network", "create", "-d", "overlay", "--attachable", network)

    def bear() -> None:
        swarm.docker("vm2", "run", "-d", "--name", f"{unique}-box", "--network", network,
                     "--network-alias", await_part(swarm, "service", "published"), swarm.image, "sleep", "1d")  # fmt: skip
        swarm.shell(*undo.pop())

    break_it(swarm, undo, "vm3", "pkill -STOP -x dockerd", "pkill -CONT -x dockerd")
    with meanwhile(bear):
        done = Verified(swarm, tmp_path, verify_networks=[network], verify_checks=["SD-INGRESS-NONE"])
    assert done.blamed("SD-INGRESS-NONE") == [("fail", swarm.nodes)], done.of("SD-INGRESS-NONE")


def test_a_record_that_got_lost_while_nodes_joined_is_waited_for(swarm, unique: str, tmp_path: Path) -> None:
    """Gossip does not reach vm1 just while the probes come up: what was told then comes with the engines' next exchange of all records."""
    network = f"{unique}-net"
    swarm.docker("vm1", "network", "create", "-d", "overlay", network)
    rules = [
        f"{chain} -p {protocol} --dport 7946 -j DROP" for chain in ("INPUT", "OUTPUT") for protocol in ("tcp", "udp")
    ]

    def cut() -> None:
        await_part(swarm, "service", "probe")
        swarm.shell(
            "vm1",
            "; ".join(
                [*(f"iptables -I {rule}" for rule in rules), "sleep 3.5", *(f"iptables -D {rule}" for rule in rules)]
            ),
        )

    with meanwhile(cut):
        done = Verified(
            swarm, tmp_path, verify_networks=[network], verify_checks=["SD-VIP", "SD-TASKS", "GOSSIP-HASH", "PEER-FDB"]
        )
    assert done.not_passed() == []


@pytest.fixture
def forgotten(swarm, unique: str) -> Iterator[tuple[str, str]]:
    """A network, and an address that a container of vm2 has there while the manager, back with an older state as from a backup, knows nothing of it."""
    state, network, address = "/var/lib/docker/swarm", f"{unique}-net", "10.205.0.9"
    swarm.docker("vm1", "network", "create", "-d", "overlay", "--attachable", "--subnet", "10.205.0.0/24", network)
    swarm.shell("vm1", f"rm -rf /root/older; pkill -STOP -x dockerd; cp -a {state} /root/older; pkill -CONT -x dockerd")
    try:
        swarm.docker(
            "vm2",
            "run",
            "-d",
            "--network",
            network,
            "--ip",
            address,
            "--name",
            f"{unique}-first",
            swarm.image,
            "sleep",
            "1d",
        )
        swarm.shell("vm1", f"pkill -STOP -x dockerd; rm -r {state}; mv /root/older {state}")
        swarm.restart_engine("vm1")
        swarm.await_nodes("vm1")
        yield network, address
    finally:
        # As the swarm knows nothing of that container, its node would keep the network for good.
        swarm.shell("vm2", f"docker rm -f {unique}-first || true")
        swarm.restart_engine("vm2")
        swarm.await_nodes("vm1")


def test_an_address_that_is_given_out_twice(swarm, unique: str, forgotten: tuple[str, str], tmp_path: Path) -> None:
    network, address = forgotten
    swarm.docker(
        "vm3",
        "run",
        "-d",
        "--network",
        network,
        "--ip",
        address,
        "--name",
        f"{unique}-second",
        swarm.image,
        "sleep",
        "1d",
    )
    done = Verified(swarm, tmp_path, verify_networks=[network], verify_checks=["DUP-IP"])
    assert done.blamed("DUP-IP") == [("fail", ["vm2", "vm3"])], done.of("DUP-IP")
    assert address in done.of("DUP-IP")[0]["evidence"]["summary"]
    assert [cause["id"] for cause in done.report["causes"]] == ["duplicate-address"]
