# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changing overlays that services and containers use, on a real swarm, with live clients and runs that die."""

from __future__ import annotations

import json
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.sdk import APIClient
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.moving import move
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.spec import NetworkSpec
from test_verify import wait_until

pytestmark = pytest.mark.long
TIMEOUT = 120
WEB = "mkdir -p /www && echo served > /www/index.html && trap 'exit 0' TERM; httpd -f -h /www & wait $!"
IDLE = "trap 'exit 0' TERM; sleep 100000 & wait $!"
# One request after the other, each with its moment and why it failed.
ASK = "while :; do why=$(wget -q -T 2 -O /dev/null http://{url} 2>&1) && why=ok; echo $(date +%s) $why; usleep 100000; done"
# Records of gossip may get lost where nodes join a network on a busy machine; engines mend that within two exchanges of all records,
# one every 30 s (docs/checks.md). Longer nobody may be cut off.
MENDED = 90


def create_service(swarm, name: str, network: str, *more: str) -> None:
    swarm.docker("vm1", "service", "create", "--quiet", "--no-resolve-image", "--name", name, "--network",
                 f"name={network},alias={name}-alias", "--endpoint-mode", "dnsrr", "--update-monitor", "100ms",
                 "--stop-grace-period", "2s", "--limit-memory", "64M", "--label", "keep=me", *more)  # fmt: skip


def service(engine: APIClient, name: str, networks: dict[str, str]) -> dict:
    """A service's specification, its networks by name."""
    spec = engine.inspect_service(name)["Spec"]
    for attachment in spec["TaskTemplate"]["Networks"]:
        attachment["Target"] = networks[attachment["Target"]]
    return spec


def names(engine: APIClient) -> dict[str, str]:
    return {raw["Id"]: raw["Name"] for raw in engine.networks()}


def answers(swarm, box: str) -> list[tuple[int, str]]:
    """The moment and the outcome of every request that a client made."""
    lines = [line.partition(" ") for line in swarm.docker("vm1", "logs", box).splitlines()]
    return [(int(moment), outcome) for moment, _blank, outcome in lines]


def run_box(swarm, host: str, name: str, network: str, command: str, *more: str) -> None:
    swarm.docker(host, "run", "--detach", "--name", name, "--network", network, "--network-alias", f"{name}-alias", *more,
                 swarm.image, "sh", "-c", command)  # fmt: skip


def test_a_network_is_changed_under_its_users(swarm, unique, engine) -> None:
    network, web, old, near, far = (f"{unique}-{part}" for part in ("net", "web", "old", "near", "far"))
    declared = {"name": network, "attachable": True, "subnets": [f"10.216.{int(unique[1:3], 16)}.0/24"]}
    assert swarm.run("overlay_network", declared)["changed"]
    create_service(swarm, web, network, "--replicas", "2", swarm.image, "sh", "-c", WEB)
    create_service(swarm, old, network, "--update-order", "start-first", swarm.image, "sh", "-c", IDLE)
    address = f"10.216.{int(unique[1:3], 16)}.77"
    run_box(swarm, "vm1", near, network, ASK.format(url=web), "--ip", address)
    run_box(swarm, "vm2", far, network, IDLE)
    before = {name: service(engine, name, names(engine)) for name in (web, old)}

    changed = dict(declared, mtu=1400)
    refused = swarm.run("overlay_network", changed)
    assert refused["failed"] and f"service {web}" in refused["msg"] and "in_use: reattach" in refused["msg"]
    alone = swarm.run("overlay_network", dict(changed, in_use="reattach"))
    assert alone["failed"] and " on vm2" in alone["msg"] and "Nothing was changed" in alone["msg"]
    variables = {"overlays_networks": [changed], "overlays_in_use": "reattach"}
    code, output = swarm.playbook("swarmlab.overlay.overlays", variables)
    assert code == 0, output

    assert engine.inspect_network(network)["Options"]["com.docker.network.driver.mtu"] == "1400"
    assert [name for name in names(engine).values() if name.startswith(unique)] == [network]
    assert {name: service(engine, name, names(engine)) for name in (web, old)} == before
    for host, name in (("vm1", near), ("vm2", far)):
        box = json.loads(swarm.docker(host, "inspect", name))[0]
        assert box["RestartCount"] == 0 and list(box["NetworkSettings"]["Networks"]) == [network]
        assert f"{name}-alias" in box["NetworkSettings"]["Networks"][network]["Aliases"]
    assert engine.inspect_container(near)["NetworkSettings"]["Networks"][network]["IPAddress"] == address
    wait_until(lambda: answers(swarm, near)[-1][1] == "ok", MENDED)
    told = answers(swarm, near)
    good = [moment for moment, answer in told if answer == "ok"]
    outage = max(later - earlier for earlier, later in pairwise([told[0][0], *good]))
    why = Counter(answer for _moment, answer in told)
    print(f"{len(told) - len(good)} of {len(told)} requests failed, the longest outage took {outage} s: {why}")
    assert told[-1][1] == "ok" and outage < MENDED, why


def test_runs_killed_at_every_change(swarm, unique, engine, engine_socket) -> None:
    """Each run dies by SIGKILL after its first change. A run remembers nothing, so each change is where one ends and the next begins."""
    network, web = f"{unique}-net", f"{unique}-web"
    assert swarm.run("overlay_network", {"name": network, "attachable": True})["changed"]
    create_service(swarm, web, network, swarm.image, "sh", "-c", IDLE)
    run_box(swarm, "vm1", f"{unique}-box", network, IDLE)
    before = service(engine, web, names(engine))
    wanted = {"name": network, "attachable": True, "mtu": 1400, "docker_host": engine_socket}
    deaths = 0
    # Only the first run is told to move users: what was begun is finished in any case.
    code, output = swarm.killed("overlay_network", 1, dict(wanted, in_use="reattach"))
    while code == -signal.SIGKILL:
        deaths += 1
        assert deaths < 40, "no run gets any further"
        on = {entry["Target"] for entry in engine.inspect_service(web)["Spec"]["TaskTemplate"]["Networks"]}
        assert on and on <= set(names(engine)), "a service is left with a network that is gone, or with none"
        assert engine.inspect_container(f"{unique}-box")["NetworkSettings"]["Networks"]
        code, output = swarm.killed("overlay_network", 1, wanted)
    assert code == 0 and json.loads(output[output.index("{") : output.rindex("}") + 1])["changed"] is False, output
    # Stand-in created and removed, network removed and created, each user four times, and the service's update order.
    assert deaths == 13
    assert service(engine, web, names(engine)) == before
    assert [name for name in names(engine).values() if name.startswith(unique)] == [network]
    assert engine.inspect_network(network)["Options"]["com.docker.network.driver.mtu"] == "1400"


def test_the_managers_engine_dies_during_a_move(swarm, unique, engine_socket) -> None:
    network, web = f"{unique}-net", f"{unique}-web"
    assert swarm.run("overlay_network", {"name": network})["changed"]
    create_service(swarm, web, network, swarm.image, "sh", "-c", IDLE)
    before = json.loads(swarm.docker("vm1", "service", "inspect", web))[0]["Spec"]
    wanted = {"name": network, "mtu": 1400, "timeout": TIMEOUT}
    with ThreadPoolExecutor() as pool:
        run = pool.submit(
            swarm.killed, "overlay_network", 0, dict(wanted, in_use="reattach", docker_host=engine_socket)
        )
        swarm.shell(
            "vm1",
            f"for try in $(seq 300); do docker network ls | grep -q {unique}.*standin && exit 0; sleep 0.1; done; exit 1",
        )
        swarm.restart_engine("vm1")
        code, output = run.result()
    assert code == 1 and "is unfinished, and all its users still have a network" in " ".join(output.split()), output
    swarm.await_nodes("vm1")
    start = time.monotonic()
    finished = swarm.run("overlay_network", wanted)
    assert not finished["failed"], finished
    print(f"finished in {time.monotonic() - start:.0f} s")
    after = json.loads(swarm.docker("vm1", "service", "inspect", web))[0]["Spec"]
    there = json.loads(swarm.docker("vm1", "network", "inspect", network))[0]
    before["TaskTemplate"]["Networks"][0]["Target"] = there["Id"]
    assert after == before and there["Options"]["com.docker.network.driver.mtu"] == "1400"
    assert "standin" not in swarm.docker("vm1", "network", "ls")


def test_one_more_run_rolls_back_what_is_declared_as_it_was(swarm, unique, engine) -> None:
    network, web = f"{unique}-net", f"{unique}-web"
    assert swarm.run("overlay_network", {"name": network})["changed"]
    create_service(swarm, web, network, swarm.image, "sh", "-c", IDLE)
    before = service(engine, web, names(engine))
    progress = move(engine, NetworkSpec(network, mtu=1400), engine.info()["Swarm"]["NodeID"], TIMEOUT)
    assert [next(progress).verb, next(progress).verb] == ["create standin", "attach standin"]
    progress.close()
    predicted = swarm.run("overlay_network", {"name": network}, check=True)
    finished = swarm.run("overlay_network", {"name": network, "timeout": TIMEOUT})
    assert finished["changed"] and finished["actions"] == predicted["actions"], finished
    assert service(engine, web, names(engine)) == before
    assert [name for name in names(engine).values() if name.startswith(unique)] == [network]
    assert not swarm.run("overlay_network", {"name": network})["changed"]
