# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The declared overlays, looked at with the docker CLI, ip and tcpdump."""

from __future__ import annotations

import json
import re

import pytest
from conftest import Lab, Node

SWARM_REQID = 0xD0C4E3
CAPTURE = "/tmp/swarmlab-e2e.pcap"


def overlays(node: Node) -> set[str]:
    return set(node.sh("docker network ls --filter driver=overlay --format '{{.Name}}'").split())


def inspect(node: Node, network: str) -> dict:
    return json.loads(node.sh(f"docker network inspect {network}"))[0]


def test_networks_are_as_declared(lab: Lab) -> None:
    manager = lab.node("vm1")
    assert overlays(manager) == {"ingress", "plain", "secret"}
    plain, secret = inspect(manager, "plain"), inspect(manager, "secret")
    assert plain["Attachable"] and secret["Attachable"]
    assert "encrypted" in secret["Options"] and "encrypted" not in plain["Options"]
    assert plain["Scope"] == secret["Scope"] == "swarm"


def test_workers_hold_an_overlay_only_where_something_uses_it(lab: Lab) -> None:
    for node in lab.nodes[1:]:
        uses_plain = bool(node.containers("web")) or node.name == "vm2"
        expected = {"ingress", "secret"} | ({"plain"} if uses_plain else set())
        assert overlays(node) == expected, node.name


def test_names_resolve_inside_the_standalone_container(lab: Lab) -> None:
    node = lab.node("vm2")
    tasks = {other.address(container, "plain") for other in lab.nodes for container in other.containers("web")}
    assert len(tasks) == 2
    answer = node.inside("client", "nslookup tasks.web 127.0.0.11")
    assert set(re.findall(r"Address:\s*([\d.]+)", answer)) - {"127.0.0.11"} == tasks
    service = json.loads(lab.node("vm1").sh("docker service inspect web"))[0]
    plain_id = inspect(lab.node("vm1"), "plain")["Id"]
    vip = next(ip["Addr"].split("/")[0] for ip in service["Endpoint"]["VirtualIPs"] if ip["NetworkID"] == plain_id)
    for name in ("web", "site"):
        assert vip in node.inside("client", f"nslookup {name} 127.0.0.11")


def test_service_answers_by_name_and_on_the_published_port_of_every_node(lab: Lab) -> None:
    assert lab.node("vm2").inside("client", "wget -q -T 10 -O - http://web/")
    for node in lab.nodes:
        address = node.sh("docker info --format '{{.Swarm.NodeAddr}}'")
        assert lab.node("vm3").sh(f"busybox wget -q -T 10 -O - http://{address}:8080/")


def test_encrypted_network_carries_traffic_between_all_nodes(lab: Lab) -> None:
    where = {node.name: (node, node.containers("vault")[0]) for node in lab.nodes}
    addresses = {name: node.address(container, "secret") for name, (node, container) in where.items()}
    for node, container in where.values():
        node.inside(
            container, "sh -c '" + " && ".join(f"ping -c 1 -W 5 {target}" for target in addresses.values()) + "'"
        )


def test_kernel_holds_ipsec_states_for_both_peers(lab: Lab) -> None:
    everyone = {node.sh("docker info --format '{{.Swarm.NodeAddr}}'"): node for node in lab.nodes}
    for address, node in everyone.items():
        states = node.sh("ip xfrm state | grep -v aead")  # no key may reach the log of a failed test
        assert f"reqid {SWARM_REQID}" in states
        outgoing = set(re.findall(rf"src {re.escape(address)} dst (\S+)", states))
        assert outgoing == set(everyone) - {address}


def capture(node: Node, request: str) -> tuple[str, bytes]:
    """What leaves and enters the segment while a request is made: tcpdump's lines, and the raw bytes."""
    node.sh(
        f"rm -f {CAPTURE}; timeout 25 tcpdump -i eth1 -U -w {CAPTURE} 'udp port 4789 or ip proto 50' 2>/tmp/tcpdump.log & capture=$!; "
        "for try in $(seq 50); do grep -q 'listening on' /tmp/tcpdump.log && break; sleep 0.2; done; "
        f"{request}; sleep 1; kill $capture; wait $capture"
    )
    lines = node.sh(f"tcpdump -nn -r {CAPTURE} 2>/dev/null")
    return lines, node.host.run(f"grep -a -c canary-on-the-wire {CAPTURE}").stdout.strip().encode()


@pytest.mark.parametrize(("network", "service"), [("plain", "web"), ("secret", "vault")])
def test_wire_shows_clear_text_on_plain_and_only_esp_on_secret(lab: Lab, network: str, service: str) -> None:
    client = lab.node("vm2")
    target = next(
        node.address(container, network)
        for node in lab.nodes
        if node.name != client.name
        for container in node.containers(service)
    )
    vni = inspect(lab.node("vm1"), network)["Options"]["com.docker.network.driver.overlay.vxlanid_list"]
    lines, canaries = capture(
        client, f"docker exec client wget -q -T 10 -O - http://{target}/?canary-on-the-wire >/dev/null 2>&1"
    )
    clear = [line for line in lines.splitlines() if f"vni {vni}" in line]
    if network == "plain":
        assert clear and int(canaries) > 0
    else:
        assert "ESP(spi=" in lines
        assert not clear and int(canaries) == 0
