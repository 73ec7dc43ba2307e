# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof says what is true: green on a sound swarm, and the right node named when it is broken."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from collections.abc import Iterator

import jsonschema
import pytest
from conftest import CHECKOUT, Lab

CHECKS = {
    "PRE-REACH", "PRE-KMOD", "PRE-PORT", "PRE-SKEW", "CP-ADDR", "CP-TLS", "NAME-DUP", "IPAM-HEADROOM", "DUP-IP", "SUBNET-OVERLAP",
    "OPT-LINT", "NET-LAZY", "NET-ATTACH", "FW-RULES", "DNS-SHADOW", "SD-VIP", "SD-ALIAS", "SD-TASKS", "SD-TASKNAME", "SD-SCOPE",
    "SD-INGRESS-NONE", "GOSSIP-HASH", "PEER-FDB", "LB-IPVS", "DP-MATRIX", "LB-SPREAD", "MESH-ALL", "MTU-FIT", "ENC-SA-AGREE",
    "ENC-WIRE", "ENC-REJECT", "XFRM-DELTA",
}  # fmt: skip


def machines(lab: str) -> list[str]:
    """Command lines of the lab's QEMU processes."""
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout.splitlines()
    return [line for line in listed if "qemu-system" in line.split()[0] and f"-name {lab}-vm" in line]


def failed(report: dict) -> list[dict]:
    return [check for check in report["checks"] if check["status"] == "fail"]


def test_report_of_the_sound_swarm_is_green_and_complete(lab: Lab) -> None:
    report = lab.report()
    schema = json.loads((CHECKOUT / "docs" / "report-schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(report, schema)
    assert report["summary"]["fail"] == report["summary"]["inconclusive"] == 0, failed(report)
    passed = {check["id"] for check in report["checks"] if check["status"] == "pass"}
    assert passed >= CHECKS
    path = lab.folder / "report" / "report.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_verification_left_nothing_behind(lab: Lab) -> None:
    label = "swarmlab.overlay/run"
    manager = lab.node("vm1")
    assert manager.sh(f"docker service ls -q --filter label={label}") == ""
    assert manager.sh(f"docker network ls -q --filter label={label}") == ""
    for node in lab.nodes:
        assert node.sh(f"docker ps -aq --filter label={label}") == ""


@pytest.mark.life
def test_a_play_that_leaves_a_node_out_proves_what_the_others_share(lab: Lab) -> None:
    """Swarm gives that node tasks of the run, too; they are backends that answer nobody."""
    checks = {"verify_checks": ["PRE-REACH", "DP-MATRIX", "LB-SPREAD", "PATH-QUALITY", "MESH-ALL"]}
    code, output = lab.play("verify.yml", "--limit", "vm1,vm3,localhost", "-e", json.dumps(checks))
    assert code == 0, output
    told = {(check["id"], check["network"], check["status"]) for check in lab.report()["checks"]}
    assert {("MESH-ALL", None, "pass"), ("LB-SPREAD", "plain", "pass"), ("LB-SPREAD", "secret", "pass")} <= told, told
    assert {status for _check, _network, status in told} == {"pass"}, told


@pytest.fixture
def esp_dropped_on_vm2(lab: Lab) -> Iterator[None]:
    node = lab.node("vm2")
    node.sh("iptables -I INPUT -p esp -j DROP")
    yield
    node.sh("iptables -D INPUT -p esp -j DROP")


@pytest.mark.usefixtures("esp_dropped_on_vm2")
def test_dropped_esp_is_found_and_its_node_named(lab: Lab) -> None:
    checks = {"verify_checks": ["PRE-*", "DP-MATRIX", "ENC-WIRE"]}
    code, output = lab.play("verify.yml", "-e", json.dumps(checks))
    assert code != 0
    found = [check for check in failed(lab.report()) if check["network"] == "secret"]
    assert {check["id"] for check in found} & {"ENC-WIRE", "DP-MATRIX"}, output
    assert {tuple(check["nodes"]) for check in found} == {("vm2",)}
    assert not [check for check in failed(lab.report()) if check["network"] == "plain"]
    cause = lab.report()["causes"][0]
    assert cause["nodes"] == ["vm2"] and "ESP" in cause["title"], cause
    assert cause["title"] in output


@pytest.fixture
def clear_text_from_vm1(lab: Lab) -> Iterator[None]:
    """The engine's rules that send what leaves for an encrypted network through IPsec are gone on one node."""
    node = lab.node("vm1")
    rules = [line for line in node.sh("iptables -t mangle -S OUTPUT").splitlines() if "0xd0c4e3" in line]
    assert rules and all(rule.startswith("-A OUTPUT ") for rule in rules)
    for rule in rules:
        node.sh(f"iptables -t mangle -D{rule[2:]}")
    yield
    for rule in rules:
        node.sh(f"iptables -t mangle {rule}")


@pytest.mark.usefixtures("clear_text_from_vm1")
def test_clear_text_on_an_encrypted_network_is_found_and_its_sender_named(lab: Lab) -> None:
    checks = {"verify_checks": ["PRE-REACH", "FW-RULES", "ENC-WIRE"]}
    code, output = lab.play("verify.yml", "-e", json.dumps(checks))
    assert code != 0
    found = {check["id"]: check for check in failed(lab.report())}
    assert set(found) == {"FW-RULES", "ENC-WIRE"}, output
    assert found["ENC-WIRE"]["nodes"] == found["FW-RULES"]["nodes"] == ["vm1"]
    assert found["ENC-WIRE"]["evidence"]["plain_frames"]["vm1"] > 0


@pytest.fixture
def lossy_balancers(lab: Lab) -> Iterator[None]:
    """The balancer of one node and the published ports of another lose packets; every direct path is sound."""
    network = lab.node("vm2").sh("docker network inspect plain --format '{{.Id}}'").strip()
    places = {"vm2": (f"lb_{network[:9]}", "eth0"), "vm3": ("ingress_sbox", "eth1")}
    enter = {node: f"nsenter --net=/var/run/docker/netns/{name} tc qdisc" for node, (name, _device) in places.items()}
    for node, (_name, device) in places.items():
        lab.node(node).sh(f"{enter[node]} add dev {device} root netem loss 30%")
    yield
    for node, (_name, device) in places.items():
        lab.node(node).sh(f"{enter[node]} del dev {device} root")


@pytest.mark.life
@pytest.mark.usefixtures("lossy_balancers")
def test_what_a_balancer_and_published_ports_lose_are_two_causes(lab: Lab) -> None:
    code, output = lab.play("verify.yml", "-e", json.dumps({"verify_checks": ["PRE-REACH", "PATH-QUALITY"]}))
    assert code != 0
    causes = {(cause["id"], tuple(cause["nodes"])): cause["title"] for cause in lab.report()["causes"]}
    assert set(causes) == {("link-lossy", ("vm2",)), ("link-lossy", ("vm3",))}, output
    assert "balancer" in causes["link-lossy", ("vm2",)] and "published" in causes["link-lossy", ("vm3",)], causes
    for (
        node
    ) in lab.nodes:  # no packet of the measurement taught a node that less than its own MTU passes to another one
        assert " mtu " not in node.sh("ip route show cache")


def test_stopped_machine_is_named_and_the_lab_repairs_it(lab: Lab) -> None:
    identity = lab.node("vm3").sh("cat /etc/machine-id")
    pid = int((lab.folder / "nodes" / "vm3" / "qemu.pid").read_text())
    os.kill(pid, 9)
    code, output = lab.play("verify.yml", "-e", json.dumps({"verify_checks": ["PRE-REACH", "SD-VIP"]}))
    assert code != 0
    reach = [check for check in failed(lab.report()) if check["id"] == "PRE-REACH"]
    assert [check["nodes"] for check in reach] == [["vm3"]], output

    code, output = lab.play("lab.yml")
    assert code == 0, output
    assert "changed=1" in output
    assert lab.node("vm3").sh("cat /etc/machine-id") == identity
    ready = "for try in $(seq 90); do docker node ls | grep -q 'vm3.*Ready' && exit 0; sleep 2; done; exit 1"
    lab.node("vm1").sh(ready)


def test_second_lab_runs_beside_the_first_and_goes_without_trace(lab: Lab) -> None:
    other = Lab("beside")
    definition = {"SWARMLAB_NODES": "1"}
    code, output = other.play("lab.yml", **definition)
    assert code == 0, output
    try:
        assert other.node("vm1").sh("cat /etc/machine-id") != lab.node("vm1").sh("cat /etc/machine-id")
        assert other.node("vm1").host.run("ping -c 1 -W 2 10.77.0.12").rc != 0, "the labs' segments are joined"
    finally:
        code, output = other.play("destroy.yml", **definition)
    assert code == 0, output
    assert not other.folder.exists()
    assert machines("beside") == []
    assert len(machines(lab.name)) == 3
