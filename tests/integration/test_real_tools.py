# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks declared here, as users have them: external in stack and compose files, and named in community.docker's modules."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

IDLE = "trap 'exit 0' TERM; sleep 100000 & wait $$!"
UPDATE = {"order": "start-first", "monitor": "100ms"}


def services(swarm, prefix: str) -> dict[str, dict]:
    """All services of a test, but for the ids of networks."""
    ids = swarm.docker("vm1", "service", "ls", "--quiet", "--filter", f"name={prefix}").split()
    names = dict(
        line.split()
        for line in swarm.docker("vm1", "network", "ls", "--no-trunc", "--format", "{{.ID}} {{.Name}}").splitlines()
    )
    found = {
        service["Spec"]["Name"]: service["Spec"]
        for service in json.loads(swarm.docker("vm1", "service", "inspect", *ids))
    }
    for spec in found.values():
        for attachment in spec["TaskTemplate"]["Networks"]:
            attachment["Target"] = names[attachment["Target"]]
    return found


def composed(network: str, image: str, **more: object) -> dict:
    """A stack or compose file: one service with an alias on a network that is not its own."""
    service = {
        "image": image, "command": ["sh", "-c", IDLE], "stop_grace_period": "2s", "networks": {"declared": {"aliases": ["www"]}}, **more,
    }  # fmt: skip
    return {
        "version": "3.7",
        "services": {"web": service},
        "networks": {"declared": {"external": True, "name": network}},
    }


def compose_command(environment: dict[str, str]) -> list[str] | None:
    """The distribution's compose: a program of its own, or a plugin."""
    if shutil.which("docker-compose", path=environment["PATH"]):
        return ["docker-compose"]
    plugin = subprocess.run(["docker", "compose", "version"], env=environment, capture_output=True, check=False)
    return None if plugin.returncode else ["docker", "compose"]


@pytest.fixture
def network(swarm, unique) -> str:
    assert swarm.run("overlay_network", {"name": f"{unique}-net", "attachable": True})["changed"]
    return f"{unique}-net"


def change(swarm, network: str) -> None:
    """Encrypt the network under its users."""
    changed = swarm.run(
        "overlay_network",
        {"name": network, "attachable": True, "encrypted": True, "in_use": "reattach", "timeout": 120},
    )
    assert not changed["failed"] and changed["actions"][0]["action"] == "reattach", changed
    assert "encrypted" in json.loads(swarm.docker("vm1", "network", "inspect", network))[0]["Options"]


def test_a_stack_and_a_service_of_community_docker_survive_a_change(swarm, unique, network, engine_socket) -> None:
    stack = {
        "name": f"{unique}-a", "compose": [composed(network, swarm.image, deploy={"update_config": UPDATE})], "resolve_image": "never",
        "docker_host": engine_socket, "detach": False,
    }  # fmt: skip
    service = {
        "name": f"{unique}-b", "image": swarm.image, "resolve_image": False, "command": ["sh", "-c", IDLE.replace("$$", "$")],
        "networks": [{"name": network, "aliases": ["other"]}], "update_config": UPDATE, "stop_grace_period": "2s",
    }  # fmt: skip
    # A stack by the command line, in the node; one by docker_stack; a service by docker_swarm_service.
    text = json.dumps(composed(network, swarm.image, deploy={"update_config": UPDATE}))
    deploy = f"cat > /tmp/{unique}.yml <<'END'\n{text}\nEND\ndocker stack deploy --resolve-image never --compose-file /tmp/{unique}.yml {unique}-c"
    swarm.shell("vm1", deploy)
    made = [
        swarm.run("community.docker.docker_stack", stack, host="localhost"),
        swarm.run("community.docker.docker_swarm_service", service),
    ]
    assert all(result["changed"] for result in made), made
    before = services(swarm, unique)
    assert sorted(before) == [f"{unique}-a_web", f"{unique}-b", f"{unique}-c_web"]
    change(swarm, network)
    assert services(swarm, unique) == before
    swarm.shell("vm1", deploy)
    again = [
        swarm.run("community.docker.docker_stack", stack, host="localhost"),
        swarm.run("community.docker.docker_swarm_service", service),
    ]
    assert not any(result["changed"] or result["failed"] for result in again), (
        "nothing that these tools would have to do again"
    )
    assert services(swarm, unique) == before
    records = swarm.run("overlay_network_info", {"names": [network]})["networks"][0]["records"]
    assert {"web", "www", "other", f"{unique}-b"} <= set(records)
    swarm.shell("vm1", f"docker stack rm {unique}-a {unique}-c; rm /tmp/{unique}.yml")


def test_a_compose_project_survives_a_change(swarm, unique, network, engine_socket, tmp_path: Path) -> None:
    compose = compose_command(swarm.environment)
    if compose is None:
        pytest.skip("this distribution has no docker-compose, neither as a program nor as a plugin")
    (tmp_path / "compose.yml").write_text(
        json.dumps(composed(network, swarm.image, container_name=f"{unique}-web")), encoding="utf-8"
    )
    environment = {**os.environ, **swarm.environment, "DOCKER_HOST": engine_socket}

    def up() -> str:
        argv = [*compose, "-f", str(tmp_path / "compose.yml"), "-p", unique, "up", "-d"]
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return swarm.docker("vm1", "inspect", "--format", "{{.Id}} {{.RestartCount}}", f"{unique}-web")

    container = up()
    change(swarm, network)
    attached = json.loads(swarm.docker("vm1", "inspect", f"{unique}-web"))[0]["NetworkSettings"]["Networks"]
    assert list(attached) == [network] and {"www", "web"} <= set(attached[network]["Aliases"])
    assert up() == container, "compose finds nothing to do"
