# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real swarm of three container nodes, made by this collection's own playbooks and shared by all tests.

``SWARMLAB_TEST_KEEP=1`` leaves it running, so that the next run starts in a second.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
KEEP = os.environ.get("SWARMLAB_TEST_KEEP") == "1"
IMAGE = "localhost/swarmlab/busybox:local"
ENGINE_START = 60  # seconds


@dataclass
class Swarm:
    """The test's hands: Ansible for our own modules and playbooks, the docker CLI to look from outside."""

    inventory: Path
    workspace: Path
    environment: dict[str, str]
    image: str = IMAGE
    managers: list[str] = field(default_factory=lambda: ["vm1"])
    workers: list[str] = field(default_factory=lambda: ["vm2", "vm3"])

    @property
    def nodes(self) -> list[str]:
        return self.managers + self.workers

    def ansible(self, program: str, *argv: str) -> subprocess.CompletedProcess[str]:
        """Run one of Ansible's programs against the swarm."""
        return subprocess.run(
            [str(BIN / program), "-i", str(self.inventory), *argv],
            cwd=CHECKOUT, env=self.environment, capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip

    def run(self, module: str, args: dict, host: str = "vm1", check: bool = False) -> dict:
        """The result of a module run on a node."""
        tree = self.workspace / uuid.uuid4().hex
        name = module if "." in module else f"swarmlab.overlay.{module}"
        mode = ["--check"] if check else []
        given = ["-a", json.dumps(args)] if args else []
        done = self.ansible("ansible", host, "-m", name, *given, "--diff", "--tree", str(tree), *mode)
        result = tree / host
        assert result.exists(), f"{name} on {host} left no result:\n{done.stdout}\n{done.stderr}"
        return {"failed": done.returncode != 0, **json.loads(result.read_text(encoding="utf-8"))}

    def playbook(self, playbook: str, extra_vars: dict | None = None, *argv: str) -> tuple[int, str]:
        """Exit code and output of a playbook: a path, or a name such as ``swarmlab.overlay.verify``."""
        done = self.ansible("ansible-playbook", playbook, "-e", json.dumps(extra_vars or {}), *argv)
        return done.returncode, done.stdout + done.stderr

    def shell(self, host: str, command: str) -> str:
        """What a shell command prints on a node; the command must succeed."""
        done = subprocess.run(
            ["docker", "exec", self.container(host), "sh", "-c", command],
            env=self.environment, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{host}: {command}\n{done.stdout}{done.stderr}"
        return done.stdout.strip()

    def docker(self, host: str, *argv: str) -> str:
        """What the docker CLI prints on a node."""
        done = subprocess.run(
            ["docker", "exec", self.container(host), "docker", *argv],
            env=self.environment, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{host}: docker {' '.join(argv)}\n{done.stdout}{done.stderr}"
        return done.stdout.strip()

    def container(self, host: str) -> str:
        """Name of the container that is the node."""
        return f"swarmlab-integration-{host}"


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Environment for subprocesses, with a host engine: the machine's own, or one started for this session."""
    variables = {
        **os.environ,
        "PATH": f"{BIN}:{os.environ['PATH']}:/usr/sbin:/sbin",
        "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
        "ANSIBLE_DEPRECATION_WARNINGS": "False",
        "ANSIBLE_FORCE_COLOR": "0",
    }
    if subprocess.run(["docker", "info"], env=variables, capture_output=True, check=False).returncode == 0:
        yield variables
        return
    if os.geteuid() != 0 or not shutil.which("dockerd", path=variables["PATH"]):
        pytest.fail("these tests need Docker Engine on this machine: start it, or run them as root with dockerd installed")
    folder = tmp_path_factory.mktemp("engine")
    variables["DOCKER_HOST"] = f"unix://{folder}/docker.sock"
    log = (folder / "dockerd.log").open("w")
    engine = subprocess.Popen(
        ["dockerd", "--host", variables["DOCKER_HOST"], "--data-root", str(folder / "data"),
         "--exec-root", str(folder / "exec"), "--pidfile", str(folder / "dockerd.pid")],
        env=variables, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + ENGINE_START
        while subprocess.run(["docker", "info"], env=variables, capture_output=True, check=False).returncode:
            if engine.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"dockerd did not start:\n{(folder / 'dockerd.log').read_text()[-3000:]}")
            time.sleep(0.5)
        yield variables
    finally:
        engine.send_signal(signal.SIGTERM)
        engine.wait(timeout=60)
        log.close()
        shutil.rmtree(folder / "data", ignore_errors=True)


@pytest.fixture(scope="session")
def swarm(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarm]:
    project = CHECKOUT / "tests" / "output" / "integration"
    project.mkdir(parents=True, exist_ok=True)
    inventory = project / "lab.yml"
    inventory.write_text(
        "---\nplugin: swarmlab.overlay.lab\nname: integration\ndriver: container\nsubnet: 10.78.0.0/24\n"
        f"directory: {project}\n",
        encoding="utf-8",
    )
    lab = Swarm(inventory, tmp_path_factory.mktemp("results"), environment)
    try:
        for playbook in ("swarmlab.overlay.lab", "swarmlab.overlay.swarm"):
            code, output = lab.playbook(playbook)
            assert code == 0, output
        yield lab
    finally:
        if not KEEP:
            code, output = lab.playbook("swarmlab.overlay.destroy")
            assert code == 0, output


@pytest.fixture
def unique(swarm: Swarm) -> Iterator[str]:
    """A prefix for the names of a test's objects, which are removed after the test."""
    prefix = f"t{uuid.uuid4().hex[:6]}"
    yield prefix
    for kind, hosts in (("service", swarm.managers), ("container", swarm.nodes), ("network", swarm.managers)):
        for host in hosts:
            remove = "rm -f" if kind == "container" else "rm"
            everything = "-a" if kind == "container" else ""
            # A filter by name takes the start of it, but for networks of a swarm: there it takes the whole.
            named = f"--format '{{{{.ID}}}} {{{{.Name}}}}' | grep ' {prefix}' | cut -d' ' -f1"
            if kind == "container":
                named = f"-q --filter name={prefix}"
            swarm.shell(
                host,
                f"for try in $(seq 40); do ids=$(docker {kind} ls {everything} {named}) || continue;"
                f' [ -z "$ids" ] && exit 0; docker {kind} {remove} $ids >/dev/null 2>&1; sleep 0.25; done; exit 1',
            )
