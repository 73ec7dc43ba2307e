# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A year of a swarm of three managers, on machines: the engine of the next suite, a boot and a new CA while clients of every kind ask; two are lost."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab.image import machine_mirror
from conftest import Lab, Node

pytestmark = pytest.mark.life

IMAGE = "localhost/swarmlab/busybox:local"
# A service that is meant to be replaced without a gap answers for a while after it was told to end.
SERVER = "mkdir -p /www && echo served >/www/index.html && trap 'sleep 5; exit 0' TERM; httpd -f -h /www & wait $!"
START_FIRST = f"--update-order start-first --stop-grace-period 20s --network life-net {IMAGE} sh -c"
PORT = 8090
# Short connections, as a balancer in front of the swarm makes them: what one node refuses, the next is asked.
MESH = """
import time, urllib.request
addresses = {addresses!r}
while True:
    for place, address in enumerate(addresses):
        try:
            print(urllib.request.urlopen("http://" + address + ":{port}/", timeout=3).read().decode().strip(), flush=True)
            break
        except OSError as error:
            if place + 1 == len(addresses):
                print("lost", time.time(), error, flush=True)
    addresses.append(addresses.pop(0))
    time.sleep(0.1)
"""
# The suite after that of the lab. Its lists may be older than they are signed for (docs/lab.md).
SOURCES = """
echo 'deb {mirror} trixie main' >/etc/apt/sources.list.d/life.list
echo 'deb {mirror} forky main' >>/etc/apt/sources.list.d/life.list
echo 'Acquire::Check-Valid-Until "false";' >/etc/apt/apt.conf.d/99life
"""


def engines(lab: Lab) -> dict[str, str]:
    return {node.name: node.sh("docker version --format '{{.Server.Version}}'").partition("+")[0] for node in lab.nodes}


def planned(output: str) -> list[str]:
    """The lines of the plan."""
    return re.findall(r"(?m)^  (\d+\. .*?)\s*$", output)


def segment(node: Node) -> str:
    return node.sh("docker info --format '{{.Swarm.NodeAddr}}'")


@contextmanager
def clients(lab: Lab, at: Node) -> Iterator[dict[str, list[str]]]:
    """Clients on a node whose turn it is not: by VIP, by DNS round robin, through the mesh; in the end what each got."""
    names = {"vip": "life-web", "dnsrr": "life-rr"}
    got: dict[str, list[str]] = {}
    for kind, name in names.items():
        loop = f"while :; do wget -T 3 -qO- http://{name}/ || date +lost-%s; sleep 0.1; done"
        at.sh(f'docker run -d --name life-{kind} --network life-net {IMAGE} sh -c "{loop}"')
    addresses = [segment(node) for node in lab.nodes]
    script = base64.b64encode(MESH.format(addresses=addresses, port=PORT).encode()).decode()
    at.sh(f"echo {script} | base64 -d >/root/mesh.py")
    at.sh("systemd-run --unit=life-mesh -p StandardOutput=truncate:/root/mesh.log python3 /root/mesh.py")
    time.sleep(5)
    try:
        yield got
        time.sleep(2)
    finally:
        at.sh("systemctl stop life-mesh")
        got["mesh"] = at.sh("cat /root/mesh.log").splitlines()
        for kind in names:
            got[kind] = at.sh(f"docker logs life-{kind} 2>/dev/null").splitlines()
            at.sh(f"docker rm -f life-{kind}")


def lost(got: dict[str, list[str]]) -> dict[str, list[str]]:
    """What clients did not get; each asked all the time."""
    print({kind: len(lines) for kind, lines in got.items()})
    assert all(len(lines) > 100 for lines in got.values())
    return {kind: bad for kind, lines in got.items() if (bad := [line for line in lines if line != "served"])}


@pytest.fixture(scope="module", autouse=True)
def services(lab: Lab) -> Iterator[None]:
    first = lab.nodes[0]
    first.sh("docker network create -d overlay --attachable --opt encrypted life-net")
    create = "docker service create --quiet --detach=false --no-resolve-image --replicas 3"
    first.sh(f'{create} --name life-web --publish {PORT}:80 {START_FIRST} "{SERVER}"')
    first.sh(f'{create} --name life-rr --endpoint-mode dnsrr {START_FIRST} "{SERVER}"')
    yield
    first.sh("docker service rm life-web life-rr")
    first.sh("for try in $(seq 60); do docker network rm life-net && exit 0; sleep 1; done; exit 1")


def test_the_engine_of_the_next_suite_costs_no_request(lab: Lab) -> None:
    assert {version[:3] for version in engines(lab).values()} == {"26."}
    for node in lab.nodes:
        node.sh(SOURCES.format(mirror=machine_mirror()))
    code, output = lab.play("upgrade.yml", "--check")
    assert code != 0 and "container client, of no service" in " ".join(output.split()), output
    accepted = ("-e", json.dumps({"upgrade_accept": ["gap"]}))
    code, output = lab.play("upgrade.yml", "--check", *accepted, "-e", "node=vm1,vm2")
    plan = planned(output)
    assert code == 0 and sorted(line.split()[1] for line in plan) == ["vm1", "vm2"], output
    assert "(leader)" not in plan[0] and all("upgraded from 26." in line for line in plan), plan
    with clients(lab, lab.node("vm3")) as got:
        began = time.monotonic()
        code, output = lab.play("upgrade.yml", *accepted, "-e", "node=vm1,vm2")
        print(f"two machines: {time.monotonic() - began:.0f} s")
    assert code == 0 and planned(output) == plan, output
    assert not lost(got)
    code, output = lab.play("upgrade.yml", *accepted)
    assert code == 0 and [line.split()[1] for line in planned(output)] == ["vm3"], output
    assert len(set(engines(lab).values())) == 1 and engines(lab)["vm1"] > "28", engines(lab)


def test_a_boot_costs_no_request(lab: Lab) -> None:
    boot = lab.node("vm2").sh("cat /proc/sys/kernel/random/boot_id")
    with clients(lab, lab.node("vm3")) as got:
        code, output = lab.play(
            "upgrade.yml", "-e", json.dumps({"upgrade_action": "reboot", "node": "vm2", "upgrade_accept": ["gap"]})
        )
    assert code == 0 and lab.node("vm2").sh("cat /proc/sys/kernel/random/boot_id") != boot, output
    assert not lost(got)


def test_a_new_ca_costs_no_request(lab: Lab) -> None:
    root = lab.node("vm3").sh("docker info --format '{{.Swarm.Cluster.TLSInfo.TrustRoot}}'")
    with clients(lab, lab.node("vm3")) as got:
        code, output = lab.play("rotate.yml", "-e", json.dumps({"swarm_rotate": ["ca"], "swarm_rotate_max_age": 0}))
    assert code == 0, output
    assert lab.node("vm3").sh("docker info --format '{{.Swarm.Cluster.TLSInfo.TrustRoot}}'") != root
    assert not lost(got)


def test_a_swarm_that_lost_two_of_three_managers_goes_on_with_its_mesh_and_names(lab: Lab) -> None:
    first, gone = lab.nodes[0], lab.nodes[1:]
    ident = first.sh("docker info --format '{{.Swarm.NodeID}}'")
    for node in gone:
        os.kill(int((lab.folder / "nodes" / node.name / "qemu.pid").read_text()), signal.SIGKILL)
    first.sh("for try in $(seq 90); do docker node ls 2>&1 | grep -q 'have a leader' && exit 0; sleep 2; done; exit 1")
    recover = ("recover.yml", "-e", json.dumps({"node": "vm1", "swarm_lost_managers": "vm2,vm3"}))
    began = time.monotonic()
    code, output = lab.play(*recover)
    print(f"one goes on alone: {time.monotonic() - began:.0f} s")
    assert code == 0 and first.sh("docker info --format '{{.Swarm.NodeID}}'") == ident, output
    assert first.sh("docker node ls --format '{{.Hostname}}'") == "vm1"
    reached(first, [first])

    # They come back, a majority of the swarm that was, and leave it.
    code, output = lab.play("lab.yml")
    assert code == 0, output
    began = time.monotonic()
    code, output = lab.play(*recover)
    print(f"two join again: {time.monotonic() - began:.0f} s")
    assert code == 0 and "vm2 leaves its former swarm by force" in output, output
    assert first.sh("docker node ls --format '{{.Hostname}}' | sort").split() == ["vm1", "vm2", "vm3"]
    first.sh("docker service update --quiet --force life-web")  # on all three again
    for node in lab.nodes:
        reached(node, lab.nodes)


def reached(node: Node, others: list[Node]) -> None:
    """From a node the published port is served on these nodes, and the names inside the network."""
    for other in others:
        asked = f"import urllib.request as u; print(u.urlopen('http://{segment(other)}:{PORT}/', timeout=3).read())"
        node.sh(f'for try in $(seq 60); do python3 -c "{asked}" && exit; sleep 2; done; exit 1')
    for name in ("life-web", "life-rr"):
        asked = f"for try in $(seq 60); do wget -T 3 -qO- http://{name}/ && exit; sleep 2; done; exit 1"
        node.sh(f"docker run --rm --network life-net {IMAGE} sh -c '{asked}'")


def test_after_it_everything_is_proven(lab: Lab) -> None:
    code, output = lab.play("verify.yml")
    assert code == 0 and "VERIFIED" in output and "NOT VERIFIED" not in output, output
