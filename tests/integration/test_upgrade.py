# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Engines are restarted and upgraded node by node, while a client counts what it misses; runs are killed in the middle."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

UPGRADE = "swarmlab.overlay.upgrade"
# The kernel of a test machine may have no IPVS and no ESP.
CHECKS = ["PRE-SKEW", "SD-TASKS"]
RESTART = {"upgrade_action": "restart", "upgrade_restart_command": "kill -HUP 1", "upgrade_checks": CHECKS}
# It ends at once when it is told to, and answers until then.
WEB = "mkdir -p /www && echo served >/www/index.html && trap 'exit 0' TERM; httpd -f -h /www & wait $!"
OURS = "swarmlab.overlay/"


def flat(output: str) -> str:
    return " ".join(output.split())


def create(swarm, name: str, replicas: int, *more: str, command: str = WEB) -> None:
    swarm.docker(
        "vm1", "service", "create", "--quiet", "--no-resolve-image", "--name", name, "--replicas", str(replicas), "--stop-grace-period", "2s",
        "--update-monitor", "1s", *more, swarm.image, "sh", "-c", command,
    )  # fmt: skip


def specs(swarm, *services: str) -> list[dict]:
    """What the swarm has been told of its nodes and of these services."""
    nodes = swarm.docker("vm1", "node", "ls", "-q").split()
    found = json.loads(swarm.docker("vm1", "node", "inspect", *nodes))
    if services:
        found += json.loads(swarm.docker("vm1", "service", "inspect", *services))
    return [each["Spec"] for each in found]


def started(swarm, host: str) -> int:
    """When a node's engine was started, in ticks of the kernel that all container nodes share."""
    return int(swarm.shell(host, "cut -d' ' -f22 /proc/$(cat /run/docker.pid)/stat"))


def planned(output: str) -> list[str]:
    """The lines of the plan."""
    return re.findall(r"(?m)^  (\d+\. .*?)\s*$", output)


@contextmanager
def client(swarm, name: str, network: str, host: str) -> Iterator[list[str]]:
    """An attached container on a node asks the service by its name; in the end what it got, a line for each request."""
    got: list[str] = []
    command = f"while :; do wget -T 3 -qO- http://{name}/ 2>/dev/null || date +lost-%s; sleep 0.05; done"
    swarm.docker(host, "run", "-d", "--name", f"{name}-client", "--network", network, swarm.image, "sh", "-c", command)
    try:
        yield got
    finally:
        got += swarm.docker(host, "logs", f"{name}-client").splitlines()
        swarm.docker(host, "rm", "-f", f"{name}-client")


@pytest.mark.long
def test_a_rolling_restart_loses_no_request_and_leaves_a_drained_node_drained(swarm, unique) -> None:
    web = f"{unique}-web"
    assert swarm.run("overlay_network", {"name": f"{unique}-net", "attachable": True})["changed"]
    create(swarm, web, 4, "--update-order", "start-first", "--endpoint-mode", "dnsrr", "--network", f"{unique}-net")
    before = specs(swarm, web)
    engines = {host: started(swarm, host) for host in swarm.nodes}
    most = {**RESTART, "node": "vm2,vm1"}
    code, output = swarm.playbook(UPGRADE, most, "--check")
    assert code == 0, output
    plan = planned(output)
    assert plan == ["1. vm1 (leader): restarted", "2. vm2 (worker): restarted"]
    assert {host: started(swarm, host) for host in swarm.nodes} == engines and specs(swarm, web) == before
    with client(swarm, web, f"{unique}-net", "vm3") as got:
        time.sleep(1)
        began = time.monotonic()
        code, output = swarm.playbook(UPGRADE, most)
        seconds = time.monotonic() - began
        time.sleep(1)
    assert code == 0 and planned(output) == plan, output
    lost = [line for line in got if line != "served"]
    print(f"{len(got)} requests, lost {lost}, {seconds:.0f} s")
    assert len(got) > 200 and not lost
    now = {host: started(swarm, host) for host in swarm.nodes}
    assert engines["vm1"] < now["vm1"] < now["vm2"] and engines["vm3"] == now["vm3"], (engines, now)
    assert specs(swarm, web) == before

    swarm.docker("vm1", "node", "update", "--availability", "drain", "vm3")
    try:
        before = specs(swarm, web)
        code, output = swarm.playbook(UPGRADE, {**RESTART, "node": "vm3"})
        assert code == 0 and planned(output) == ["1. vm3 (worker): restarted; it stays in drain"], output
        assert specs(swarm, web) == before and started(swarm, "vm3") > now["vm3"]
    finally:
        swarm.docker("vm1", "node", "update", "--availability", "active", "vm3")
