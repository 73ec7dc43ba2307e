# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes that talk IPv6 to each other: the lab's swarm is formed anew over it, proven, broken, and brought back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from test_verify import NEEDS_ESP, NEEDS_VIP, Verified, break_it, undo, wait_until

pytestmark = pytest.mark.long
__all__ = ["undo"]  # a fixture
ADDRESS = "fd77::1{{ inventory_hostname[-1] }}"
MTU = "com.docker.network.driver.mtu=1400"


@pytest.fixture(scope="module")
def over_ipv6(swarm) -> Iterator[tuple[str, str]]:
    """A plain and an encrypted network of such a swarm, with a service on both."""
    try:
        for host in swarm.nodes:
            swarm.shell(
                host,
                "docker swarm leave --force; sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.eth0.disable_ipv6=0; "
                f"ip -6 addr add fd77::1{host[-1]}/64 dev eth0 nodad",
            )
        swarm.docker("vm1", "swarm", "init", "--advertise-addr", "fd77::11")
        token = swarm.docker("vm1", "swarm", "join-token", "-q", "worker")
        for host in swarm.workers:
            swarm.docker(
                host, "swarm", "join", "--token", token, "--advertise-addr", f"fd77::1{host[-1]}", "[fd77::11]:2377"
            )
        # The engine reckons ingress with IPv4's shorter header too.
        swarm.shell("vm1", "echo y | docker network rm ingress")
        wait_until(lambda: "ingress" not in swarm.docker("vm1", "network", "ls", "--format", "{{.Name}}"), 60)
        swarm.docker("vm1", "network", "create", "-d", "overlay", "--ingress", "-o", MTU, "ingress")
        swarm.docker("vm1", "network", "create", "-d", "overlay", "--attachable", "-o", MTU, "front")
        swarm.docker("vm1", "network", "create", "-d", "overlay", "-o", "encrypted", "-o", MTU, "back")
        swarm.docker("vm1", "service", "create", "-q", "-d", "--no-resolve-image", "--name", "web", "--mode", "global",
                     "--network", "front", "--network", "back", swarm.image, "sleep", "1d")  # fmt: skip
        wait_until(lambda: swarm.docker("vm1", "service", "ls", "--format", "{{.Replicas}}") == "3/3", 120)
        yield "front", "back"
    finally:
        # Tasks that run while their node leaves by force can leave their networks behind on it, for all swarms to come.
        swarm.shell("vm1", "docker service rm web || true")
        for host in swarm.nodes:
            wait_until(lambda host=host: not swarm.docker(host, "ps", "-q"), 60)
        swarm.shell("vm1", "docker network rm front back || true")
        for host in swarm.nodes:
            swarm.shell(
                host, f"docker swarm leave --force || true; ip -6 addr del fd77::1{host[-1]}/64 dev eth0 || true"
            )
        code, output = swarm.playbook("swarmlab.overlay.swarm")
        assert code == 0, output


def test_all_is_proven_but_for_what_the_kernel_lacks(swarm, over_ipv6: tuple[str, str], tmp_path: Path) -> None:
    done = Verified(swarm, tmp_path, swarm_advertise_addr=ADDRESS)
    lacking = " ".join(done.of("PRE-KMOD")[0]["evidence"].get("missing", {}))
    expected = {"PRE-KMOD"} if lacking else set()
    expected |= (NEEDS_VIP if "ip_vs" in lacking else set()) | (NEEDS_ESP if "esp6" in lacking else set())
    assert {row[0] for row in done.not_passed()} <= expected, done.not_passed()
    for ident in ("PRE-PORT", "CP-ADDR", "CP-TLS", "GOSSIP-HASH", "PEER-FDB", "ENC-REJECT"):
        assert {row["status"] for row in done.of(ident)} == {"pass"}, done.of(ident)
    assert done.of("DP-MATRIX", "front")[0]["status"] == "pass" and done.of("MTU-FIT", "front")[0]["status"] == "pass"
    assert {node["address"] for node in done.report["nodes"]} == {"fd77::11", "fd77::12", "fd77::13"}
    assert {cause["id"] for cause in done.report["causes"]} == ({"kernel-lacks"} if lacking else set())


@pytest.mark.parametrize(
    ("rule", "cause"), [("udp --dport 4789", "data-port-blocked"), ("udp --dport 7946", "gossip-udp-blocked")]
)
def test_a_closed_port_is_named_with_its_node(
    swarm, over_ipv6: tuple[str, str], undo: list, tmp_path: Path, rule: str, cause: str
) -> None:
    break_it(swarm, undo, "vm3", f"ip6tables -I INPUT -p {rule} -j DROP", f"ip6tables -D INPUT -p {rule} -j DROP")
    done = Verified(
        swarm, tmp_path, verify_networks=["front"], verify_checks=["PRE-PORT"], swarm_advertise_addr=ADDRESS
    )
    assert done.blamed("PRE-PORT") == [("fail", ["vm3"])], done.of("PRE-PORT")
    assert [(found["id"], found["nodes"]) for found in done.report["causes"]] == [(cause, ["vm3"])]


@pytest.mark.rare
def test_a_network_that_leaves_no_room_for_the_longer_header(swarm, over_ipv6: tuple[str, str], tmp_path: Path) -> None:
    """The engine reckons with IPv4: what it gives a network by itself is too large by 20."""
    swarm.docker("vm1", "network", "create", "-d", "overlay", "wide")
    try:
        done = Verified(
            swarm, tmp_path, verify_networks=["wide"], verify_checks=["MTU-FIT"], swarm_advertise_addr=ADDRESS
        )
    finally:
        swarm.docker("vm1", "network", "rm", "wide")
    assert (
        done.blamed("MTU-FIT") == [("fail", swarm.nodes)]
        and "70 of overhead exceed 1500" in done.of("MTU-FIT")[0]["evidence"]["summary"]
    )
