# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab that grows, shrinks, tells its state and its logs, on container nodes of its own beside the shared lab."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import CHECKOUT, Swarm, Warm, free_subnet, inventory_of, kept

pytestmark = pytest.mark.long

LAB, SWARM, STATUS, LOGS = (f"swarmlab.overlay.{name}" for name in ("lab", "swarm", "status", "logs"))
SUBNET = free_subnet("10.83.{}.0/24").replace("0/24", "{}")
SECRET = re.compile(r"SWMTKN-\d|SWMKEY-\d|PRIVATE KEY|LS0tLS1CRUdJTi|0x[0-9a-f]{32}")


class SmallLab(Swarm):
    """A lab whose size the tests change."""

    def sized(
        self, nodes: int, *playbooks: str, managers: int = 1, variables: dict | None = None, check: bool = False
    ) -> str:
        """Ask for so many nodes; what the playbooks printed."""
        self.environment.update(SWARMLAB_NODES=str(nodes), SWARMLAB_MANAGERS=str(managers))
        mode = ["--check"] if check else []
        done = self.ansible("ansible-playbook", *playbooks, "-e", json.dumps(variables or {}), *mode)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def members(self) -> dict[str, str]:
        """{host name: status, availability, role} as the swarm has it."""
        columns = "{{.Hostname}} {{.Status}} {{.Availability}} {{.ManagerStatus}}"
        listing = self.shell(
            "vm1", f"docker node ls --format '{columns}' || true"
        )  # no answer while managers come and go
        return {line.split()[0]: " ".join(line.split()[1:]) for line in listing.splitlines()}

    def containers(self) -> set[str]:
        """The nodes that this machine's engine has, running or not."""
        done = subprocess.run(
            ["docker", "ps", "-a", "--format", "{{.Names}}", "--filter", "name=^swarmlab-size-"],
            env=self.environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return {name.rsplit("-", 1)[1] for name in done.stdout.split()}

    def recorded(self) -> set[str]:
        return set(json.loads((self.folder / "lab.json").read_text())["nodes"])

    def running_on(self, service: str) -> list[str]:
        listing = self.docker(
            "vm1",
            "service",
            "ps",
            service,
            "--filter",
            "desired-state=running",
            "--format",
            "{{.Node}} {{.CurrentState}}",
        )
        return sorted(line.split()[0] for line in listing.splitlines() if line.split()[1] == "Running")

    def engine(self, *argv: str) -> None:
        subprocess.run(["docker", *argv], env=self.environment, capture_output=True, check=True)


@pytest.fixture(scope="module")
def lab(environment: dict[str, str], warm: Warm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallLab]:
    small = SmallLab(
        "size",
        inventory_of("size", subnet=SUBNET.format(0) + "/24"),
        tmp_path_factory.mktemp("size"),
        dict(environment),
        warm,
    )
    try:
        small.sized(2, LAB, SWARM)
        yield small
    finally:
        if not kept():
            code, output = small.playbook("swarmlab.overlay.destroy")
            assert code == 0, output


@pytest.fixture
def service(lab: SmallLab) -> Iterator[Callable[..., None]]:
    """Make services that end at once when they are told to; they are removed after the test."""
    made = []

    def make(name: str, *options: str) -> None:
        command = "trap 'exit 0' TERM; while :; do sleep 0.1; done"
        lab.docker(
            "vm1",
            "service",
            "create",
            "-d",
            "--no-resolve-image",
            "--name",
            name,
            *options,
            lab.image,
            "sh",
            "-c",
            command,
        )
        made.append(name)

    yield make
    for name in made:
        lab.shell("vm1", f"docker service rm {name} || true")


def eventually(look: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.2)


@pytest.mark.rare
def test_a_lab_grows_and_its_tasks_move_when_it_shrinks(lab: SmallLab, service) -> None:
    lab.sized(3, LAB, SWARM, managers=3)
    assert set(lab.members()) == {"vm1", "vm2", "vm3"}
    eventually(
        lambda: [words.split()[2:] for words in lab.members().values()] == [["Leader"], ["Reachable"], ["Reachable"]]
    )
    assert lab.shell("vm1", "getent hosts vm3").split()[0] == SUBNET.format(13)
    service("moves", "--replicas", "3")
    eventually(lambda: lab.running_on("moves") == ["vm1", "vm2", "vm3"])

    predicted = lab.sized(2, LAB, check=True)
    assert len(re.findall(r"^vm3 .*changed=[1-9]", predicted, re.MULTILINE)) == 1
    assert "Ready Active" in lab.members()["vm3"] and "vm3" in lab.containers()

    # A task that cannot move keeps its node, and is named. On a slow machine other tasks are still on their way after
    # 3 s, and it may not be known yet why this one cannot move: then another run is as good.
    service("pinned", "--constraint", "node.hostname==vm3")
    eventually(lambda: lab.running_on("pinned") == ["vm3"])
    lab.environment.update(SWARMLAB_NODES="2", SWARMLAB_MANAGERS="1")
    for dummy in range(10):
        code, output = lab.playbook(LAB, {"swarm_leave_timeout": 3})
        assert code != 0
        told = re.search(
            r"After 3 s these tasks do not run elsewhere: (.*?)\. The nodes are drained", " ".join(output.split())
        )
        assert told and "pinned.1" in told[1], output
        assert "Drain" in lab.members()["vm3"] and "vm3" in lab.containers()
        if told[1].startswith("pinned.1: pending (no suitable node"):
            break
    else:
        pytest.fail(output)

    lab.docker("vm1", "service", "rm", "pinned")
    lab.sized(2, LAB)  # finishes what was begun
    assert set(lab.members()) == {"vm1", "vm2"} and lab.containers() == {"vm1", "vm2"}
    running = lab.running_on("moves")  # at once: the machine went after its task had moved
    assert len(running) == 3 and set(running) == {"vm1", "vm2"}
    assert lab.recorded() == {"vm1", "vm2"}

    again = lab.sized(2, LAB, SWARM)
    assert len(re.findall(r"^vm\d .*failed=0", again, re.MULTILINE)) == 2 and "Remove their machines" not in again
    eventually(lambda: not lab.members()["vm2"].split()[2:])  # a worker again, since one manager is asked for


def test_a_node_that_is_dead_for_good_leaves(lab: SmallLab, service) -> None:
    lab.sized(3, LAB, SWARM)
    service("pinned", "--constraint", "node.hostname==vm3")
    eventually(lambda: lab.running_on("pinned") == ["vm3"])
    # The same as a run that was killed between removing the machine and saving the record.
    lab.engine("rm", "-f", "-v", lab.container("vm3"))
    lab.sized(2, LAB, variables={"swarm_leave_timeout": 0})
    assert set(lab.members()) == {"vm1", "vm2"} and lab.recorded() == {"vm1", "vm2"}


def test_the_module_alone_never_shrinks(lab: SmallLab) -> None:
    options = {
        "name": "size",
        "directory": str(lab.folder),
        "driver": "container",
        "subnet": f"{SUBNET.format(0)}/24",
        "nodes": 1,
    }
    result = lab.run("lab", options, host="localhost")
    assert result["failed"] and result["error_id"] == "LAB-E-SHRINK" and "surplus: remove" in result["msg"]
    assert lab.containers() == {"vm1", "vm2"}


def test_status_tells_what_there_is_soon(lab: SmallLab) -> None:
    lab.environment["SWARMLAB_NODES"] = "2"
    (lab.folder / "snapshots").mkdir(exist_ok=True)
    (lab.folder / "snapshots" / "formed.json").write_text('{"name": "formed", "created": 1700000000}')
    # As slow as on a machine with much to do.
    slow = "printf '#!/bin/sh\\nsleep 3\\nexec /usr/bin/docker \"$@\"\\n' >/usr/local/bin/docker; chmod +x /usr/local/bin/docker"
    lab.shell("vm1", slow)
    started = time.monotonic()
    code, output = lab.playbook(STATUS)
    seconds = time.monotonic() - started
    lab.shell("vm1", "rm /usr/local/bin/docker")
    assert code == 0, output
    rows = {line.split()[0]: line.split() for line in output.splitlines() if re.match(r"vm\d  ", line)}
    assert rows["vm1"] == ["vm1", "running", SUBNET.format(11), "swarmlab-size-vm1", "leader", "active", "ready"]
    assert rows["vm2"][4:] == ["worker", "active", "ready"]
    assert "formed  2023-11-14 22:13:20 UTC" in output and re.search(
        r"^disk: lab \d+ MiB, image cache", output, re.MULTILINE
    )
    assert max(map(len, output.split("TASK")[0].splitlines()[2:])) <= 80
    assert seconds < 30, f"{seconds:.1f} s"  # one on an idle machine, and tests may meet a busy one


def test_status_and_logs_bear_a_node_that_is_frozen(lab: SmallLab) -> None:
    lab.engine("pause", lab.container("vm1"))
    try:
        found = lab.run("lab_info", {"name": "size", "directory": str(lab.folder)}, host="localhost")["lab"]
        assert [node["state"] for node in found["nodes"]] == ["paused", "running"]
        assert not found["swarm"] and not found["disk"]["lab_complete"]
        logs = lab.run("lab_logs", {"name": "size", "directory": str(lab.folder)}, host="localhost")
        assert not logs["failed"] and logs["problems"] == {"vm1": "it is paused"}
        assert "vm2/docker-info.txt" in logs["files"] and "vm1/container.log" in logs["files"]
    finally:
        lab.engine("unpause", lab.container("vm1"))


def test_logs_are_one_private_archive_without_secrets(lab: SmallLab) -> None:
    token = lab.docker("vm1", "swarm", "join-token", "-q", "worker")
    # What the engine says stands in its log; what a person types may, too.
    lab.shell(
        "vm1",
        f"echo 'joined with {token}' > /proc/1/fd/1; cat /var/lib/docker/swarm/certificates/swarm-node.key > /proc/1/fd/1",
    )
    code, output = lab.playbook(LOGS)
    assert code == 0, output
    path = Path(re.search(r"^logs: (\S+)$", output, re.MULTILINE)[1])
    assert path.parent == lab.folder and path.stat().st_mode & 0o777 == 0o600
    with tarfile.open(path) as tar:
        texts = {name.split("/", 1)[1]: tar.extractfile(name).read().decode() for name in tar.getnames()}
    assert "joined with SWMTKN-[removed]" in texts["vm1/container.log"]
    for name, text in texts.items():
        assert token not in text and not SECRET.search(text), name
    assert "Server Version" in texts["vm2/docker-info.txt"] and "vm2" in texts["vm1/docker-node-ls.txt"]
    assert "ingress" in texts["vm1/docker-network-ls.txt"] and SUBNET.format(12) in texts["vm2/ip.txt"]
    assert not {"problems.json"} & set(texts)


def test_a_shell_on_a_container_node_and_clear_errors(lab: SmallLab) -> None:
    labs = CHECKOUT / ".lab"
    labs.mkdir(exist_ok=True)
    link = labs / "size"
    link.symlink_to(lab.folder)
    try:

        def shell(*argv: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [sys.executable, "scripts/node_shell.py", *argv],
                cwd=CHECKOUT, env=lab.environment, capture_output=True, text=True, timeout=30, check=False,
                stdin=subprocess.DEVNULL,
            )  # fmt: skip

        done = shell("size", "vm2", "hostname")
        assert (done.stdout, done.stderr) == ("vm2\n", "")
        unknown = shell("size", "vm9")
        assert unknown.returncode == 1 and unknown.stderr == "ssh: lab size has no node vm9; there are vm1, vm2\n"
        absent = shell("nolab", "vm1")
        assert absent.returncode == 1 and "there is no lab nolab" in absent.stderr and "size" in absent.stderr
        assert "Traceback" not in shell("../size", "vm1").stderr
    finally:
        link.unlink()
        if not os.listdir(labs):
            labs.rmdir()


def test_a_stopped_lab_still_tells_the_rest_and_stopping_removes_nothing(lab: SmallLab) -> None:
    lab.environment["SWARMLAB_NODES"] = "1"  # vm2 would leave, were the lab not to be stopped
    code, output = lab.playbook(LAB, {"lab_state": "stopped"})
    assert code == 0, output
    assert lab.containers() == {"vm1", "vm2"}
    code, output = lab.playbook(STATUS)
    assert code == 0 and "2 stopped" in output and "no running node speaks for one" in output

    lab.sized(1, LAB)  # starts vm1; vm2, which does not run, leaves all the same
    assert set(lab.members()) == {"vm1"} and lab.containers() == {"vm1"}


def test_a_lab_without_swarm_shrinks_and_one_that_the_leaving_node_leads_does_not(lab: SmallLab) -> None:
    lab.docker("vm1", "swarm", "leave", "--force")
    lab.sized(2, LAB)
    lab.docker("vm2", "swarm", "init", "--advertise-addr", "eth0")
    lab.environment["SWARMLAB_NODES"] = "1"
    code, output = lab.playbook(LAB)
    assert code != 0
    assert "vm2 cannot leave: no remaining manager can manage the swarm (vm1: inactive)" in " ".join(output.split())
    assert lab.containers() == {"vm1", "vm2"}

    lab.docker("vm2", "swarm", "leave", "--force")
    lab.sized(1, LAB)
    assert lab.containers() == {"vm1"}
