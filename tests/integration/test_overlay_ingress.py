# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module overlay_ingress against a real swarm. The nodes' kernel may lack IPVS, so what is looked at is what the engines hold."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator

import pytest

IDLE = "trap 'exit 0' TERM; sleep 100000 & wait $!"


@pytest.fixture
def ingress(swarm, unique) -> Iterator[str]:
    """The ingress network is as the engine makes it before and after a test."""
    yield unique
    services = swarm.docker("vm1", "service", "ls", "--quiet", "--filter", f"name={unique}").split()
    if services:
        swarm.docker("vm1", "service", "rm", *services)
    done = swarm.run("overlay_ingress", {"in_use": "reattach"})
    assert not done["failed"], done


def inspect(swarm, host: str = "vm1") -> dict:
    return json.loads(swarm.docker(host, "network", "inspect", "ingress"))[0]


def service(swarm, name: str) -> dict:
    return json.loads(swarm.docker("vm1", "service", "inspect", name))[0]["Spec"]


def publish(swarm, name: str, *ports: str) -> None:
    published = [word for port in ports for word in ("--publish", port)]
    swarm.docker("vm1", "service", "create", "--quiet", "--no-resolve-image", "--name", name, "--update-monitor", "100ms",
                 "--stop-grace-period", "2s", *published, swarm.image, "sh", "-c", IDLE)  # fmt: skip


def test_subnet_mtu_and_encryption_without_users(swarm, ingress) -> None:
    assert not swarm.run("overlay_ingress", {})["changed"], "as the engine makes it"
    subnet = f"10.220.{int(ingress[1:3], 16)}.0/24"
    wanted = {
        "mtu": "auto",
        "underlay_mtu": [1400],
        "encrypted": True,
        "subnets": [{"subnet": subnet, "gateway": subnet.replace(".0/24", ".9")}],
    }
    assert [action["action"] for action in swarm.run("overlay_ingress", wanted, check=True)["actions"]] == ["recreate"]
    predicted = swarm.shown("overlay_ingress", wanted, "--check")
    assert "encrypted" not in inspect(swarm)["Options"]
    assert predicted and predicted == swarm.shown("overlay_ingress", wanted)
    for host in swarm.nodes:
        there = inspect(swarm, host)
        assert there["Ingress"] and there["IPAM"]["Config"] == [
            {"Subnet": subnet, "Gateway": subnet.replace(".0/24", ".9")}
        ]
        assert there["Options"]["com.docker.network.driver.mtu"] == "1400" and "encrypted" in there["Options"]
        assert "ingress-sbox" in there["Containers"], "every node has its place on the routing mesh"
    assert not swarm.run("overlay_ingress", wanted)["changed"]
    nodes = swarm.docker("vm1", "node", "ls", "--quiet").split()
    assert "nudge" not in swarm.docker("vm1", "node", "inspect", *nodes)


@pytest.mark.long
def test_ports_are_given_back_by_whoever_comes_after_a_killed_run(swarm, ingress, engine_socket) -> None:
    """Each run dies by SIGKILL after its first change, until there is nothing left to change."""
    publish(swarm, ingress, "18091:80")
    before = service(swarm, ingress)
    ports = [{"protocol": "tcp", "target": 80, "published": 18091}]
    refused = swarm.run("overlay_ingress", {"mtu": 1300})
    assert (
        refused["failed"]
        and f"service {ingress} publishes 18091->80/tcp" in refused["msg"]
        and "Nothing was changed" in refused["msg"]
    )
    assert refused["published"] == [{"service": ingress, "parked": False, "ports": ports}]
    assert swarm.run("overlay_network_info", {"names": ["ingress"]})["networks"][0]["published"] == refused["published"]
    assert service(swarm, ingress) == before
    wanted = {"mtu": 1300, "docker_host": engine_socket}
    deaths = 0
    code, output = swarm.killed("overlay_ingress", 1, dict(wanted, in_use="reattach"))
    while code == -signal.SIGKILL:
        deaths += 1
        assert deaths < 40, "no run gets any further"
        spec = service(swarm, ingress)
        assert "swarmlab.overlay/published-before" in spec["Labels"] or spec["EndpointSpec"] == before["EndpointSpec"]
        code, output = swarm.killed("overlay_ingress", 1, wanted)
    assert code == 0 and json.loads(output[output.index("{") : output.rindex("}") + 1])["changed"] is False, output
    # Parked, removed, created, each node nudged (some more than once) and told to forget, published, and the update order given back.
    assert deaths >= 3 + 2 * len(swarm.nodes) + 2
    assert service(swarm, ingress) == before
    for host in swarm.nodes:
        there = inspect(swarm, host)
        assert there["Options"]["com.docker.network.driver.mtu"] == "1300" and "ingress-sbox" in there["Containers"]


@pytest.mark.long
def test_one_more_run_rolls_back_and_the_role_changes_it_under_its_users(swarm, ingress, engine_socket) -> None:
    publish(swarm, ingress, "18094:80", "18093:53/udp", "mode=host,target=81,published=18092")
    before = service(swarm, ingress)
    assert (
        swarm.killed("overlay_ingress", 1, {"mtu": 1300, "in_use": "reattach", "docker_host": engine_socket})[0]
        == -signal.SIGKILL
    )
    assert [port["PublishMode"] for port in service(swarm, ingress)["EndpointSpec"]["Ports"]] == ["host"]
    predicted = swarm.shown("overlay_ingress", {"timeout": 90}, "--check")
    assert any(ingress in line for line in predicted), predicted
    assert swarm.shown("overlay_ingress", {"timeout": 90}) == predicted
    assert service(swarm, ingress) == before
    code, output = swarm.playbook(
        "swarmlab.overlay.overlays", {"overlays_ingress": {"mtu": "auto"}, "overlays_in_use": "reattach"}
    )
    assert code == 0, output
    assert service(swarm, ingress) == before
    assert inspect(swarm)["Options"]["com.docker.network.driver.mtu"] == "1500"


def test_bad_input_and_workers_are_refused(swarm, unique) -> None:
    for args, words in (
        ({"mtu": 10}, "68 to 65535"),
        ({"subnets": [swarm.subnet.replace(".0/24", ".128/25")]}, "which this node has on eth0"),
        ({"driver_options": {"encrypted": "false"}}, "presence only"),
        ({"mtu": "auto"}, "needs underlay_mtu"),
    ):
        result = swarm.run("overlay_ingress", args)
        assert result["failed"] and words in result["msg"] and "Nothing was changed" in result["msg"], result
    assert "vm2 is a worker" in swarm.run("overlay_ingress", {}, host="vm2")["msg"]
