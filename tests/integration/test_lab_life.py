# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Life of a lab of container nodes: no engine, a run that is killed, a lost record, and an end without remains."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from conftest import BIN, CHECKOUT, Swarm, Warm, free_subnet, inventory_of

pytestmark = pytest.mark.long

LAB, STATUS, DESTROY = (f"swarmlab.overlay.{name}" for name in ("lab", "status", "destroy"))
NODES = ("vm1", "vm2")


class Life(Swarm):
    """A lab that only these tests use, and what the engine holds of it."""

    def held(self, *command: str) -> set[str]:
        done = subprocess.run(["docker", *command], env=self.environment, capture_output=True, text=True, check=True)
        return set(done.stdout.split())

    def containers(self) -> set[str]:
        return self.held("ps", "-aq", "--filter", "name=^swarmlab-life-")

    def volumes(self) -> set[str]:
        """What its containers keep; other tests make and remove volumes on this engine at the same time."""
        told = "{{range .Mounts}}{{.Name}} {{end}}"
        return self.held("inspect", "--format", told, *containers) if (containers := self.containers()) else set()

    def remains(self) -> set[str]:
        return self.containers() | self.held("network", "ls", "-q", "--filter", "name=^swarmlab-life$")

    def must(self, playbook: str) -> str:
        code, output = self.playbook(playbook)
        assert code == 0, output
        return output


@pytest.fixture
def life(environment: dict[str, str], warm: Warm, tmp_path: Path):
    lab = Life(
        "life", inventory_of("life", nodes=2, subnet=free_subnet("10.88.{}.0/24")), tmp_path, dict(environment), warm
    )
    lab.must(DESTROY)
    yield lab
    lab.environment = dict(environment)
    lab.must(DESTROY)


def family(process: int) -> list[int]:
    """A process and all that it started."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rsplit(")", 1)[1].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended
    found = [process]
    for member in found:
        found += [child for child, parent in parents.items() if parent == member]
    return found


def test_a_killed_run_is_repaired_and_nothing_outlives_the_lab(life: Life) -> None:
    run = subprocess.Popen(
        [BIN / "ansible-playbook", "-i", life.inventory, LAB], cwd=CHECKOUT, env=life.environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not life.containers():
        assert run.poll() is None and time.monotonic() < deadline
    for process in family(run.pid):
        os.kill(process, signal.SIGKILL)
    run.wait()
    volumes = life.volumes()
    life.must(LAB)
    assert [life.shell(host, "docker info --format '{{.Name}}'") for host in NODES] == list(NODES)
    assert re.search(r"^localhost .*changed=0", life.must(LAB), re.MULTILINE)
    volumes |= life.volumes()
    assert volumes
    shutil.rmtree(life.folder)  # what exists is found by its labels
    life.must(DESTROY)
    assert life.remains() == set() and not life.held("volume", "ls", "-q") & volumes
    assert not life.folder.exists()


@pytest.mark.parametrize("left_behind", [False, True])
def test_without_an_engine_one_message_says_how_to_start_it(life: Life, tmp_path: Path, left_behind: bool) -> None:
    socket = tmp_path / "docker.sock"
    if left_behind:
        socket.touch()  # what an engine that was killed leaves: nobody answers
    life.environment["DOCKER_HOST"] = f"unix://{socket}"
    code, output = life.playbook(LAB)
    told = " ".join(output.split())
    reason = "Connection refused" if left_behind else "No such file or directory"
    assert code != 0 and "Traceback" not in output
    assert (
        f"LAB-E-NOENGINE: the Docker Engine of this machine cannot be used: unix://{socket}: {reason}. Start it ("
        in told
    )
    assert not life.folder.exists()


@pytest.fixture
def six(environment: dict[str, str], warm: Warm, tmp_path: Path):
    lab = Life("six", inventory_of("six", nodes=2, subnet="fd88:1::/64"), tmp_path, dict(environment), warm)
    yield lab
    lab.must(DESTROY)


def test_a_segment_of_ipv6_carries_a_swarm_and_has_faults(six: Life) -> None:
    done = six.ansible("ansible-playbook", LAB, "swarmlab.overlay.swarm")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [six.docker(host, "info", "--format", "{{.Swarm.NodeAddr}}") for host in NODES] == ["fd88:1::b", "fd88:1::c"]
    reach = "ping -6 -c 1 -W 2 vm2 >/dev/null && echo yes || echo no"
    assert six.shell("vm1", reach) == "yes"
    six.fault(faults=[{"kind": "cut", "nodes": ["vm2"]}])
    assert six.shell("vm1", reach) == "no"
    six.fault(state="absent")
    assert six.shell("vm1", reach) == "yes"
