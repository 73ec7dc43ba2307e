# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""People's own services and containers, and what nobody declares: real faults on the real swarm, each found with its task and its node.

All faults are there at once, on three nodes, and one run must tell them apart: that is harder than one after the other, and quicker.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from test_verify import Verified, wait_until

pytestmark = pytest.mark.long
SERVICES = ("DP-TASK", "LB-SERVICE", "MESH-SERVICE")
OTHERS = ("NET-INGRESS", "NET-GATEWAY", "NET-EGRESS", "DP-IPV6", "SD-ALIAS", "SD-VIP", "IPAM-HEADROOM")
ALONE = {"halt": "vm1", "thin": "vm1", "iced": "vm2"}  # more containers of no service: the node of each
RAW = "PREROUTING -p tcp --dport 18089 -j DROP"
ROUTE = "172.18.250.0/24 dev lo"


def create(swarm, name: str, *argv: str) -> None:
    swarm.docker("vm1", "service", "create", "-q", "-d", "--no-resolve-image", "--name", name, *argv)


@pytest.fixture(scope="module")
def names(swarm, shared: str) -> dict[str, str]:
    """A service with a task on every node, which listens on 80, with a port of the mesh and one of mode host; one that has its alias, in
    another spelling; a network with IPv6."""
    made = {part: f"{shared}-{part}" for part in ("net", "six", "web", "shop", "box", "api", *ALONE)}
    six = ["--ipv6", "--subnet", "10.206.0.0/24", "--subnet", "fd00:206::/64"]
    swarm.docker("vm1", "network", "create", "-d", "overlay", "--attachable", made["net"])
    swarm.docker("vm1", "network", "create", "-d", "overlay", *six, made["six"])
    alias = f"{shared}-Api"
    create(swarm, made["web"], "--mode", "global", "--network", f"name={made['net']},alias={alias}", "-p", "18088:80",
           "-p", "mode=host,target=80,published=18089", swarm.image, "httpd", "-f", "-p", "80")  # fmt: skip
    create(swarm, made["shop"], "--network", f"name={made['net']},alias={made['api']}", swarm.image, "sleep", "1d")
    for part, host in {"box": "vm3", **ALONE}.items():
        swarm.docker(host, "run", "-d", "--name", made[part], "--network", made["net"], swarm.image, "sleep", "1d")
    running = ["docker", "service", "ls", "-f", f"name={shared}", "--format", "'{{.Replicas}}'"]
    wait_until(lambda: sorted(swarm.shell("vm1", " ".join(running)).split()) == ["1/1", "3/3"], 60)
    return made


def inside(swarm, host: str, name: str, network: str) -> tuple[str, str]:
    """(shell words that run what follows in a container's network namespace, its interface on the network)"""
    ident = swarm.docker(host, "ps", "-q", "--filter", f"name={name}")
    look = f'{{{{.NetworkSettings.SandboxKey}}}} {{{{(index .NetworkSettings.Networks "{network}").IPAddress}}}}'
    path, address = swarm.docker(host, "inspect", "-f", look, ident).split()
    enter = f"nsenter --net={path} "
    return enter, swarm.shell(host, f"{enter}ip -br -4 addr | grep ' {address}/' | cut -d@ -f1")


def resolver(swarm, host: str, name: str) -> str:
    """The file with the name servers that a task's programs read, as the node sees it."""
    pid = swarm.shell(host, f"docker inspect -f '{{{{.State.Pid}}}}' $(docker ps -q --filter name={name})")
    return f"/proc/{pid.strip()}/root/etc/resolv.conf"


def run(swarm, names: dict[str, str], folder: Path, *networks: str) -> Verified:
    return Verified(swarm, folder, verify_networks=[names[part] for part in networks], verify_checks=[*SERVICES, *OTHERS],
                    verify_convergence_timeout=4, verify_shared_names=[names["api"]])  # fmt: skip


@pytest.fixture(scope="module")
def sound(swarm, names: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Verified:
    return run(swarm, names, tmp_path_factory.mktemp("sound"), "net")


@pytest.fixture(scope="module")
def broken(
    swarm, names: dict[str, str], sound: Verified, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Verified]:
    """The same swarm with all faults: inside three tasks and a container, on three nodes, and of two networks."""
    at = {host: inside(swarm, host, names["web"], names["net"]) for host in swarm.nodes}
    asks = resolver(swarm, "vm1", names["web"])
    box, device = inside(swarm, "vm3", names["box"], names["net"])
    thin, slim = inside(swarm, "vm1", names["thin"], names["net"])
    # An address of ingress, which is not 10.0.0.0/24 any more where a test before made it anew.
    server = swarm.docker("vm1", "network", "inspect", "-f", "{{(index .IPAM.Config 0).Gateway}}", "ingress")
    halt = "kill -{} $(docker inspect -f '{{{{.State.Pid}}}}' " + names["halt"] + ")"
    faults = [
        ("vm1", f"{at['vm1'][0]}iptables -w -{{}} INPUT -i {at['vm1'][1]} -p tcp --dport 80 -j DROP", "A", "D"),
        ("vm2", f"{at['vm2'][0]}ip link set {at['vm2'][1]} {{}}", "down", "up"),
        ("vm3", f"{at['vm3'][0]}iptables -w -{{}} OUTPUT -d 127.0.0.11 -j DROP", "A", "D"),
        ("vm3", f"{box}ip addr {{}} dev {device}", "flush", "show"),
        ("vm3", f"iptables -w -t raw -{{}} {RAW}", "I", "D"),
        ("vm1", "sysctl -qw net.ipv4.ip_forward={}", "0", "1"),
        ("vm1", "{}", f"cp {asks} /run/asks && echo nameserver 192.0.2.53 >{asks}", f"cat /run/asks >{asks}"),
        ("vm2", f"ip route {{}} {ROUTE}", "add", "del"),
        ("vm1", f"{thin}ip link set {slim} mtu {{}}", "300", "1450"),
        ("vm1", halt, "STOP", "CONT"),
        ("vm2", f"docker {{}} {names['iced']}", "pause", "unpause"),
        ("vm2", "{}", f"cp /etc/resolv.conf /run/resolv && echo nameserver {server} >>/etc/resolv.conf", "cat /run/resolv >/etc/resolv.conf"),
    ]  # fmt: skip
    done = []
    try:
        for host, words, make, mend in faults:
            swarm.shell(host, words.format(make))
            done.append((host, words.format(mend)))
        yield run(swarm, names, tmp_path_factory.mktemp("broken"), "net", "six")
    finally:
        for host, words in reversed(done):
            swarm.shell(host, words)


def lacks_ipvs(done: Verified) -> bool:
    return any(cause["id"] == "kernel-lacks" for cause in done.report["causes"])


def causes(done: Verified, ident: str) -> list[tuple]:
    return [(cause["nodes"], cause["title"]) for cause in done.report["causes"] if cause["id"] == ident]


def test_sound_services_are_reached_and_nothing_else_is_said(sound: Verified) -> None:
    assert [cause["id"] for cause in sound.report["causes"]] == (["kernel-lacks"] if lacks_ipvs(sound) else [])
    assert sound.of("DP-TASK")[0]["evidence"]["summary"].startswith("8 containers of people's on 3 nodes")
    assert [row["status"] for row in sound.of("NET-INGRESS") + sound.of("NET-GATEWAY") + sound.of("NET-EGRESS")] == [
        "pass"
    ] * 3
    (reached,) = sound.of("LB-SERVICE")
    if lacks_ipvs(sound):
        assert (
            reached["reason"] == "virtual-ip-silent" and "each task answers by itself" in reached["evidence"]["summary"]
        )
        assert "ip_vs" in reached["hint"] and sound.of("MESH-SERVICE")[0]["reason"] == "port-silent"
        assert not any(":18089" in row for row in sound.of("MESH-SERVICE")[0]["evidence"]["failed"])
    else:
        assert [row["status"] for row in (reached, *sound.of("MESH-SERVICE"))] == ["pass", "pass"]


def test_a_name_that_two_services_share_on_purpose_is_told_and_is_no_failure(
    sound: Verified, names: dict[str, str]
) -> None:
    """In two spellings: each answers with the addresses of both."""
    (row,) = sound.of("SD-ALIAS")
    assert row["status"] == "pass", row
    remark = f"{names['api']} is a name of {names['shop']} and of {names['web']}"
    assert row["evidence"]["remarks"] == [remark]


def test_a_name_that_two_services_share_is_a_cause(swarm, names: dict[str, str], tmp_path: Path) -> None:
    done = Verified(swarm, tmp_path, verify_networks=[names["net"]], verify_checks=["SD-ALIAS"])
    assert [cause["id"] for cause in done.report["causes"]] == ["alias-shared"]
    assert done.of("SD-ALIAS")[-1]["evidence"]["shared"] == {names["api"]: sorted([names["shop"], names["web"]])}


@pytest.mark.parametrize(
    ("part", "host", "fails", "odd"),
    [
        ("web", "vm2", ["near", "far"], " is down"),
        ("web", "vm3", ["name"], "rule -A OUTPUT -d 127.0.0.11/32 -j DROP"),
        ("box", "vm3", ["near", "far"], "no interface has"),
    ],
)
def test_a_task_that_alone_is_broken_is_named(
    broken: Verified, names: dict[str, str], part: str, host: str, fails: list, odd: str
) -> None:
    (result,) = [row for row in broken.of("DP-TASK", names["net"]) if row["reason"] == "task-cut"]
    (row,) = [row for row in result["evidence"]["tasks"] if row["node"] == host and row["task"].startswith(names[part])]
    assert row["service"] == (names["web"] if part == "web" else None) and row["fails"] == fails, row
    assert any(odd in text for text in row["inside"]), row
    assert [nodes for nodes, title in causes(broken, "task-cut") if names[part] in title] == [
        ["vm2", "vm3"] if part == "web" else ["vm3"]
    ]


def test_a_container_whose_interface_is_too_small_is_named(broken: Verified, names: dict[str, str]) -> None:
    (result,) = [row for row in broken.of("DP-TASK", names["net"]) if row["reason"] == "task-cut"]
    (row,) = [row for row in result["evidence"]["tasks"] if row["task"] == names["thin"]]
    assert row["fails"] == ["full", "mtu"] and "has an MTU of 300, the probe's 1450" in row["inside"][0], row
    ((nodes, title),) = [found for found in causes(broken, "task-cut") if names["thin"] in found[1]]
    assert nodes == ["vm1"] and "no packets of full size" in title


def test_containers_whose_processes_stand_still_are_named(broken: Verified, names: dict[str, str]) -> None:
    (result,) = [row for row in broken.of("DP-TASK") if row["reason"] == "task-stopped"]
    told = {row["task"]: (row["node"], row["state"]) for row in result["evidence"]["still"]}
    assert told == {names["halt"]: ("vm1", "stopped"), names["iced"]: ("vm2", "frozen")}
    assert [nodes for nodes, _title in causes(broken, "task-stopped")] == [["vm1"], ["vm2"]]


def test_a_task_that_asks_another_name_server_is_named(broken: Verified, names: dict[str, str]) -> None:
    (result,) = [row for row in broken.of("DP-TASK", names["net"]) if row["reason"] == "resolver-replaced"]
    (row,) = result["evidence"]["asking"]
    assert row["task"].startswith(names["web"]) and (row["node"], row["asks"]) == ("vm1", ["192.0.2.53"])
    assert [nodes for nodes, _title in causes(broken, "resolver-replaced")] == [["vm1"]]


def test_neither_names_nor_nodes_are_blamed_for_tasks(broken: Verified, names: dict[str, str]) -> None:
    rows = broken.of("SD-VIP", names["net"]) + broken.of("IPAM-HEADROOM")
    assert {row["status"] for row in rows} == {"pass"}
    assert not {cause["id"] for cause in broken.report["causes"]} & {"second-holder", "old-names"}
    assert not {cause["id"] for cause in broken.report["causes"]} & {"network-broken", "data-port-blocked", "cut-off"}


def test_a_task_whose_port_is_closed_inside_is_deaf(broken: Verified, names: dict[str, str]) -> None:
    (result,) = broken.of("LB-SERVICE", names["net"])
    assert (result["reason"], result["service"]) == ("service-unreached", names["web"])
    (row,) = [row for row in result["evidence"]["deaf"] if row["node"] == "vm1"]
    assert any("--dport 80 -j DROP" in text for text in row["inside"]), row
    assert ["vm1", "vm2"] in [nodes for nodes, _title in causes(broken, "task-deaf")]


def test_a_published_port_that_a_node_drops(broken: Verified) -> None:
    failed = broken.of("MESH-SERVICE")[0]["evidence"]["failed"]
    assert {text.partition(":18089")[0] for text in failed if ":18089" in text} >= {"vm3"}


def test_a_node_that_does_not_forward(broken: Verified) -> None:
    assert broken.blamed("NET-EGRESS") == [("fail", ["vm1"])]
    assert [nodes for nodes, _title in causes(broken, "not-forwarding")] == [["vm1"]]


def test_the_swarms_own_networks_are_in_view(broken: Verified) -> None:
    found = [(row["reason"], row["nodes"]) for ident in ("NET-INGRESS", "NET-GATEWAY") for row in broken.of(ident)]
    assert found == [("resolver-shadowed", ["vm2"]), ("subnet-overlap", ["vm2"])]
    assert [causes(broken, ident)[0][0] for ident in ("subnet-overlap", "resolver-shadowed")] == [["vm2"], ["vm2"]]


def test_ipv6_in_an_overlay_is_proven_or_told_to_be_broken(swarm, broken: Verified, names: dict[str, str]) -> None:
    """Docker Engine 26.1 gives an address twice."""
    (row,) = broken.of("DP-IPV6")
    if swarm.docker("vm1", "version", "-f", "{{.Server.Version}}").startswith("26."):
        assert (row["status"], row["network"]) == ("fail", names["six"]), row
    assert bool(causes(broken, "ipv6-broken")) == (row["status"] == "fail")
