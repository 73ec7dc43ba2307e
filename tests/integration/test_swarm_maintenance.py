# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes are drained, given back and replaced, while clients count what they miss; runs are killed at every change."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from conftest import await_words

DRAIN, ACTIVATE, REMOVE, REPLACE = (f"swarmlab.overlay.{name}" for name in ("drain", "activate", "remove", "replace"))
MARKS = ("swarmlab.overlay/maintenance", "swarmlab.overlay/evacuated")
# It ends at once when it is told to, and answers until then.
WEB = "mkdir -p /www && echo served >/www/index.html && trap 'exit 0' TERM; httpd -f -h /www & wait $!"
# What it prints: one line for each answer, "served" or the time of one that was missed.
CLIENT = "while :; do wget -T 3 -qO- http://{name}/ 2>/dev/null || date +lost-%s; sleep 0.05; done"


@contextmanager
def clients(swarm, name: str, network: str, *hosts: str) -> Iterator[dict[str, list[str]]]:
    """An attached container on each of these nodes asks the service by its name; in the end what each got."""
    got: dict[str, list[str]] = {}
    for host in hosts:
        command = CLIENT.format(name=name)
        swarm.docker(
            host, "run", "-d", "--name", f"{name}-client", "--network", network, swarm.image, "sh", "-c", command
        )
    try:
        yield got
    finally:
        for host in hosts:
            got[host] = swarm.docker(host, "logs", f"{name}-client").splitlines()
            swarm.docker(host, "rm", "-f", f"{name}-client")


def create(swarm, name: str, replicas: int, *more: str, command: str = "sleep 3600") -> None:
    swarm.docker(
        "vm1", "service", "create", "--quiet", "--no-resolve-image", "--name", name, "--replicas", str(replicas), "--stop-grace-period", "1s",
        "--update-monitor", "1s", *more, swarm.image, "sh", "-c", command,
    )  # fmt: skip


FIRST = ("--update-order", "start-first")


def running(swarm, name: str) -> dict[str, str]:
    """{id of each running task: its node}."""
    listing = swarm.docker(
        "vm1",
        "service",
        "ps",
        name,
        "--filter",
        "desired-state=running",
        "--format",
        "{{.ID}} {{.Node}} {{.CurrentState}}",
    )
    return {line.split()[0]: line.split()[1] for line in listing.splitlines() if line.split()[2] == "Running"}


def is_updating(swarm, name: str) -> bool:
    status = "{{if .UpdateStatus}}{{.UpdateStatus.State}}{{end}}"
    return swarm.docker("vm1", "service", "inspect", name, "--format", status) == "updating"


def specs(swarm, *services: str) -> list[dict]:
    """What the swarm has been told of its nodes and of these services."""
    nodes = swarm.docker("vm1", "node", "ls", "-q").split()
    found = json.loads(swarm.docker("vm1", "node", "inspect", *nodes))
    if services:
        found += json.loads(swarm.docker("vm1", "service", "inspect", *services))
    return [each["Spec"] for each in found]


def test_a_node_is_drained_without_a_lost_request_and_given_back(swarm, unique) -> None:
    web, alone, pinned = (f"{unique}-{name}" for name in ("web", "alone", "pinned"))
    assert swarm.run("overlay_network", {"name": f"{unique}-net", "attachable": True})["changed"]
    create(swarm, web, 4, *FIRST, "--network", f"{unique}-net", "--endpoint-mode", "dnsrr", command=WEB)
    create(swarm, alone, 1, "--constraint", "node.hostname!=vm1")
    create(swarm, pinned, 1, *FIRST, "--constraint", "node.hostname==vm2")
    swarm.docker("vm2", "run", "-d", "--name", f"{unique}-box", swarm.image, "sleep", "3600")
    before, placed = specs(swarm, web, alone, pinned), running(swarm, web)
    try:
        # What would suffer is told, and nothing is done.
        code, output = swarm.playbook(DRAIN, {"node": "vm2"})
        assert code != 0 and f"{pinned}, 1 task: fits no other node" in " ".join(output.split()), output
        assert specs(swarm, web, alone, pinned) == before

        with clients(swarm, web, f"{unique}-net", "vm1", "vm3") as got:
            time.sleep(1)
            code, output = swarm.playbook(
                DRAIN, {"node": "vm2", "swarm_accept": ["gap", "nowhere"], "swarm_drain_timeout": 40}
            )
            assert code == 0, output
            assert re.search(f"Not moved by a drain: .*{unique}-box", output) and f"{web}, " in output, output
            on_vm2 = [task for task, node in placed.items() if node == "vm2"]
            now = running(swarm, web)
            # Only the tasks of the node were replaced.
            assert on_vm2 and len(now) == 4 and set(placed) - set(now) == set(on_vm2) and "vm2" not in now.values()
            assert "vm2" not in running(swarm, alone).values() and not running(swarm, pinned)
            assert swarm.docker("vm1", "node", "inspect", "vm2", "--format", "{{.Spec.Availability}}") == "drain"
            again = swarm.run("swarm_maintenance", {"node": "vm2", "state": "drained"})
            assert not again["failed"] and not again["changed"] and not again["foreign"], again

            code, output = swarm.playbook(ACTIVATE, {"node": "vm2"})
            assert code == 0, output
            assert running(swarm, web) == now and specs(swarm, web, alone, pinned) == before
        assert all(len(lines) > 50 and set(lines) == {"served"} for lines in got.values()), {
            host: [len(lines), *(line for line in lines if line != "served")] for host, lines in got.items()
        }
        assert not swarm.run("swarm_maintenance", {"node": "vm2", "state": "active"})["changed"]
    finally:
        swarm.run("swarm_maintenance", {"node": "vm2", "state": "active", "foreign": True})


def test_a_drain_of_somebody_else_is_left_alone(swarm) -> None:
    before = specs(swarm)
    swarm.docker("vm1", "node", "update", "--availability", "drain", "vm3")
    try:
        found = swarm.run("swarm_maintenance", {"node": "vm3", "state": "drained"})
        assert not found["changed"] and found["foreign"], found
        found = swarm.run("swarm_maintenance", {"node": "vm3", "state": "active"})
        assert (
            found["failed"]
            and "this collection did not set it" in found["msg"]
            and "Nothing was changed" in found["msg"]
        )
        assert swarm.run("swarm_maintenance", {"node": "vm3", "state": "active", "foreign": True})["changed"]
        assert specs(swarm) == before
    finally:
        swarm.docker("vm1", "node", "update", "--availability", "active", "vm3")
    found = swarm.run("swarm_maintenance", {"node": "vm9", "state": "drained"})
    assert found["failed"] and "The swarm has no node vm9" in found["msg"]


def test_a_node_whose_tasks_do_not_move_in_time_is_given_back(swarm, unique) -> None:
    """It ignores that it is told to stop."""
    create(
        swarm,
        f"{unique}-slow",
        1,
        "--constraint",
        "node.hostname!=vm1",
        command="trap '' TERM; sleep 3600 & wait; wait",
    )
    swarm.docker("vm1", "service", "update", "--detach", "--quiet", "--stop-grace-period", "180s", f"{unique}-slow")
    where = ""
    deadline = time.monotonic() + 30
    while not where:
        assert time.monotonic() < deadline
        where = next(iter(running(swarm, f"{unique}-slow").values()), "")
    before = specs(swarm)
    found = swarm.run("swarm_maintenance", {"node": where, "state": "drained", "accept": ["gap"], "timeout": 4})
    assert found["failed"] and f"{unique}-slow.1 on {where}: running" in found["msg"], found
    assert "The node was given back: it is active as before" in found["msg"] and found["waiting"]
    assert specs(swarm) == before
    # It stops for minutes still.
    stay = {"node": where, "state": "drained", "accept": ["gap"], "timeout": 4, "give_up": "stay"}
    found = swarm.run("swarm_maintenance", stay)
    assert found["failed"] and f"{unique}-slow.1 on {where}: running" in found["msg"], found
    assert swarm.docker("vm1", "node", "inspect", where, "--format", "{{.Spec.Availability}}") == "drain"
    assert swarm.run("swarm_maintenance", {"node": where, "state": "active"})["changed"] and specs(swarm) == before


@pytest.mark.long
@pytest.mark.rare
def test_a_service_that_cannot_start_elsewhere_costs_nothing(swarm, unique) -> None:
    """Its image is on one node alone, so the update that moves it pauses. Its task runs on, and the node is given back."""
    image = f"localhost/{unique}:only"
    swarm.docker("vm2", "tag", swarm.image, image)
    try:
        swarm.docker(
            "vm1", "service", "create", "--quiet", "--no-resolve-image", "--name", f"{unique}-only", "--constraint", "node.role==worker",
            "--constraint", "node.hostname!=vm3", *FIRST, image, "sleep", "3600",
        )  # fmt: skip
        swarm.docker(
            "vm1", "service", "update", "--detach", "--quiet", "--constraint-rm", "node.hostname!=vm3", f"{unique}-only"
        )
        before, placed = specs(swarm, f"{unique}-only"), running(swarm, f"{unique}-only")
        assert list(placed.values()) == ["vm2"]
        found = swarm.run("swarm_maintenance", {"node": "vm2", "state": "drained", "timeout": 60})
        assert found["failed"] and f"the update that moves {unique}-only is paused" in found["msg"], found
        assert "The node was given back: it is active as before" in found["msg"]
        assert specs(swarm, f"{unique}-only") == before and running(swarm, f"{unique}-only") == placed
    finally:
        swarm.docker("vm1", "service", "rm", f"{unique}-only")
        swarm.docker("vm2", "rmi", image)


@pytest.mark.long
@pytest.mark.rare
def test_a_run_that_was_killed_is_finished_by_the_next(swarm, unique, engine_socket) -> None:
    names = [f"{unique}-{letter}" for letter in "ab"]
    for name in names:
        create(swarm, name, 3, *FIRST, command="trap 'exit 0' TERM; sleep 3600 & wait")
    create(
        swarm, f"{unique}-c", 1, "--constraint", "node.hostname!=vm1", command="trap 'exit 0' TERM; sleep 3600 & wait"
    )
    before = specs(swarm, *names, f"{unique}-c")
    told = {"docker_host": engine_socket, "node": "vm2"}
    drain = {**told, "state": "drained", "accept": ["gap"]}
    activate = {**told, "state": "active"}
    killed = {"drained": 0, "active": 0}
    for changes in range(1, 10):
        # Some tasks are there each time.
        for name in names:
            swarm.docker("vm1", "service", "update", "--force", "--detach", "--quiet", name)
        deadline = time.monotonic() + 60
        while any("vm2" not in (now := running(swarm, name)).values() or len(now) != 3 for name in names):
            assert time.monotonic() < deadline
            time.sleep(0.5)
        # Its tasks run already while the swarm still calls the service "updating", and a drain refuses that.
        state = "docker service inspect --format '{{.UpdateStatus.State}}'"
        for name in names:
            await_words(swarm, "vm1", f"{state} {name}", "completed")
        expected = specs(swarm, *names, f"{unique}-c")
        code, output = swarm.killed("swarm_maintenance", changes, drain)
        killed["drained"] += code == -9
        done = swarm.run("swarm_maintenance", {**drain, "docker_host": "unix:///var/run/docker.sock"})
        assert done["failed"] is False, done
        assert all("vm2" not in running(swarm, name).values() for name in names)
        drained, _output = swarm.killed("swarm_maintenance", changes, activate)
        killed["active"] += drained == -9
        done = swarm.run("swarm_maintenance", {"node": "vm2", "state": "active"})
        assert not done["failed"], done
        assert specs(swarm, *names, f"{unique}-c") == expected
        if code == 0 and drained == 0:
            break
    assert killed == {"drained": 4, "active": 3}, killed
    assert [{**spec, "TaskTemplate": {**spec.get("TaskTemplate", {}), "ForceUpdate": 0}} for spec in expected] == [
        {**spec, "TaskTemplate": {**spec.get("TaskTemplate", {}), "ForceUpdate": 0}} for spec in before
    ]


def test_a_departure_that_was_given_up_leaves_nothing(swarm, unique) -> None:
    """What playbook remove does until its run is killed; then the host stays, because the playbook that forms the swarm runs."""
    create(swarm, unique, 3, *FIRST, command="trap 'exit 0' TERM; sleep 3600 & wait")
    before = specs(swarm, unique)
    assert swarm.run("swarm_maintenance", {"node": "vm3", "state": "drained"})["changed"]
    node = {"id": members(swarm)["vm3"][0].split()[0], "labels": {"swarmlab.overlay/leaving": "vm3"}}
    assert swarm.run("swarm_node", {"nodes": [node], "state": "drained"})["changed"]
    assert any("node.id!=" in json.dumps(spec) for spec in specs(swarm, unique))
    code, output = swarm.playbook("swarmlab.overlay.swarm")
    assert code == 0 and specs(swarm, unique) == before, output


def members(swarm) -> dict[str, list[str]]:
    """{host name: ids of its nodes, with their states}."""
    found: dict[str, list[str]] = {}
    for line in swarm.docker("vm1", "node", "ls", "--format", "{{.Hostname}} {{.ID}} {{.Status}}").splitlines():
        found.setdefault(line.split()[0], []).append(line.partition(" ")[2])
    return found


@pytest.mark.long
@pytest.mark.rare
def test_a_host_that_was_installed_anew_takes_its_place_again(swarm) -> None:
    before = members(swarm)
    swarm.docker("vm1", "node", "update", "--label-add", "rack=a", "vm3")
    swarm.docker("vm3", "swarm", "leave")  # its engine knows of no swarm, and the swarm has a dead node at its address
    try:
        deadline = time.monotonic() + 60
        while not members(swarm)["vm3"][0].endswith("Down"):
            assert time.monotonic() < deadline
            time.sleep(0.5)
        code, output = swarm.playbook(REPLACE, {"node": "vm3"})
        assert code != 0 and "vm3: rack=a" in " ".join(output.split()), output
        assert swarm.docker("vm3", "info", "--format", "{{.Swarm.LocalNodeState}}") == "inactive"
        swarm.docker("vm1", "node", "update", "--label-rm", "rack", before["vm3"][0].split()[0])
        code, output = swarm.playbook(REPLACE, {"node": "vm1"})
        assert code != 0 and "no remaining manager" in " ".join(output.split()), output
    finally:
        code, output = swarm.playbook(REPLACE, {"node": "vm3"})
    assert code == 0, output
    now = members(swarm)
    assert len(now["vm3"]) == 1 and now["vm3"][0].endswith("Ready") and now["vm3"] != before["vm3"], now
    assert {**now, "vm3": ""} == {**before, "vm3": ""}
    try:
        code, output = swarm.playbook(REMOVE, {"node": "vm3"})
        assert code == 0 and "vm3" not in members(swarm), output
        code, output = swarm.playbook(REMOVE, {"node": "vm3"})
        assert code == 0 and "vm3" not in members(swarm), output
    finally:
        code, output = swarm.playbook("swarmlab.overlay.swarm")
    assert code == 0 and members(swarm)["vm3"][0].endswith("Ready"), output


def node_container(swarm, verb: str, host: str) -> None:
    subprocess.run(
        ["docker", verb, swarm.container(host)], env=swarm.environment, capture_output=True, timeout=120, check=True
    )


@pytest.mark.long
@pytest.mark.rare
def test_a_dead_manager_is_removed_while_the_others_keep_their_majority(swarm) -> None:
    before = members(swarm)
    ids = {host: before[host][0].split()[0] for host in ("vm2", "vm3")}
    for host in ids:
        swarm.docker("vm1", "node", "promote", ids[host])
    deadline = time.monotonic() + 60
    while swarm.docker("vm1", "node", "ls", "--format", "{{.ManagerStatus}}").split().count("Reachable") != 2:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    node_container(swarm, "stop", "vm3")
    try:
        swarm.await_nodes("vm1", "Ready Ready Down")
        # One of the two that live would leave one of two.
        code, output = swarm.playbook(REMOVE, {"node": "vm2"})
        assert code != 0 and "Managers would leave (vm2). Of the 2 remaining managers 1 would" in " ".join(
            output.split()
        ), output
        code, output = swarm.playbook(REMOVE, {"node": "vm3"})
        assert code == 0 and "vm3" not in members(swarm), output
    finally:
        node_container(swarm, "start", "vm3")
        look = "for try in $(seq 240); do docker info >/dev/null 2>&1 && exit 0; sleep 0.25; done; exit 1"
        swarm.shell("vm3", look)
        swarm.shell("vm3", "docker swarm leave --force || true")
        code, output = swarm.playbook("swarmlab.overlay.swarm")
    assert code == 0, output
    assert [swarm.docker("vm1", "node", "ls", "--format", "{{.ManagerStatus}}").split()] == [["Leader"]]
    assert {host: len(found) for host, found in members(swarm).items()} == {"vm1": 1, "vm2": 1, "vm3": 1}
