# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Eyes other than the collection's own: ssh, the docker CLI, ip, tcpdump, on the machines that Molecule made."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import testinfra
from testinfra.host import Host

CHECKOUT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
LAB = os.environ.get("SWARMLAB_LAB", "molecule")
LAB_FOLDER = CHECKOUT / ".lab" / LAB
SERVICE_LABEL = "com.docker.swarm.service.name"


@dataclass(frozen=True)
class Node:
    """One machine, seen through ssh."""

    name: str
    host: Host

    def sh(self, command: str) -> str:
        """What a command prints; it must succeed."""
        done = self.host.run(command)
        assert done.rc == 0, f"{self.name}: {command}\n{done.stdout}{done.stderr}"
        return done.stdout.strip()

    def containers(self, service: str) -> list[str]:
        """Ids of the service's containers on this machine."""
        return self.sh(f"docker ps -q --filter label={SERVICE_LABEL}={service}").split()

    def inside(self, container: str, command: str) -> str:
        """What a command prints inside a container."""
        return self.sh(f"docker exec {container} {command}")

    def address(self, container: str, network: str) -> str:
        """The container's address on a network."""
        networks = json.loads(self.sh(f"docker inspect -f '{{{{json .NetworkSettings.Networks}}}}' {container}"))
        return networks[network]["IPAddress"]


class Lab:
    """The lab's machines, and its own playbooks run from outside."""

    def __init__(self, name: str = LAB) -> None:
        self.name = name
        self.folder = CHECKOUT / ".lab" / name

    def node(self, name: str) -> Node:
        return Node(name, testinfra.get_host(f"ssh://{name}", ssh_config=str(self.folder / "ssh_config")))

    @property
    def nodes(self) -> list[Node]:
        return [self.node(name) for name in ("vm1", "vm2", "vm3")]

    def play(self, playbook: str, *argv: str, **variables: str) -> tuple[int, str]:
        """Exit code and output of one of the collection's playbooks on this lab."""
        return self._run("ansible-playbook", str(CHECKOUT / "playbooks" / playbook), *argv, **variables)

    def module(self, name: str, **arguments: object) -> str:
        """What a module of the collection says that works on this lab; it must succeed."""
        given = json.dumps({"name": self.name, "directory": str(self.folder), **arguments})
        code, output = self._run("ansible", "localhost", "-m", f"swarmlab.overlay.{name}", "-a", given)
        assert code == 0, output
        return output

    def _run(self, program: str, *argv: str, **variables: str) -> tuple[int, str]:
        environment = {
            **os.environ,
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
            "ANSIBLE_FORCE_COLOR": "0",
            "SWARMLAB_LAB": self.name,
            **variables,
        }
        done = subprocess.run(
            [str(BIN / program), *argv],
            cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=3600, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    def report(self) -> dict:
        """The newest report of the verification."""
        return json.loads((self.folder / "report" / "report.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def lab() -> Lab:
    return Lab()
