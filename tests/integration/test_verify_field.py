# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people's swarms have that labs have not: each is told as the one thing that it is."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_verify import Verified, break_it, undo, wait_until

pytestmark = pytest.mark.long
__all__ = ["undo"]  # a fixture
RESTART = "kill -HUP 1"  # of the engine of a container node


def causes(done: Verified) -> list[tuple]:
    """The causes but for what the kernel of the test machine lacks."""
    return [(cause["id"], cause["nodes"]) for cause in done.report["causes"] if cause["id"] != "kernel-lacks"]


def state(swarm, host: str) -> str:
    return swarm.shell(host, "docker info -f '{{.Swarm.LocalNodeState}}' 2>/dev/null || true")


@pytest.fixture
def network(swarm, unique: str) -> str:
    swarm.docker("vm1", "network", "create", "-d", "overlay", "--attachable", f"{unique}-net")
    return f"{unique}-net"


@pytest.fixture
def twice(swarm, tmp_path: Path) -> Iterator[None]:
    """The inventory has vm2 once more, as db2."""
    argv = [str(Path(sys.executable).parent / "ansible-inventory"), "-i", str(swarm.inventory), "--list"]
    told = subprocess.run(argv, env=swarm.environment, capture_output=True, text=True, timeout=60, check=True).stdout
    found = json.loads(told)["_meta"]["hostvars"]
    workers = {name: found[name.replace("db", "vm")] for name in ("vm2", "vm3", "db2")}
    hosts = {"swarm_managers": {"hosts": {"vm1": found["vm1"]}}, "swarm_workers": {"hosts": workers}}
    path = tmp_path / "twice.json"
    path.write_text(json.dumps({"all": {"children": {"swarm": {"children": hosts}}}}), encoding="utf-8")
    kept, swarm.inventory = swarm.inventory, path
    yield
    swarm.inventory = kept


def test_one_machine_under_two_names(swarm, network: str, twice: None, tmp_path: Path) -> None:
    done = Verified(swarm, tmp_path, verify_networks=[network])
    assert [(cause["id"], cause["nodes"]) for cause in done.report["causes"]] == [("one-node-twice", ["vm2", "db2"])]
    assert "vm2 and db2 are one machine under 2 names" in done.output and done.code != 0


def test_an_alias_that_nobody_can_look_up(swarm, network: str, unique: str, tmp_path: Path) -> None:
    swarm.docker("vm1", "service", "create", "-q", "-d", "--no-resolve-image", "--name", f"{unique}-web", "--network", f"name={network},alias={'a' * 64}",
                 swarm.image, "sleep", "1d")  # fmt: skip
    wait_until(
        lambda: swarm.docker("vm1", "service", "ls", "-f", f"name={unique}-web", "--format", "{{.Replicas}}") == "1/1",
        60,
    )
    done = Verified(swarm, tmp_path, verify_networks=[network], verify_checks=["SD-VIP", "SD-ALIAS", "SD-TASKNAME"])
    assert done.blamed("SD-ALIAS") == [("fail", [])] and causes(done) == [("name-unaskable", [])]
    assert {row["status"] for row in done.of("SD-VIP") + done.of("SD-TASKNAME")} == {"pass"}


def test_a_locked_manager_is_not_told_to_join(swarm, network: str, tmp_path: Path) -> None:
    swarm.docker("vm1", "swarm", "update", "--autolock=true")
    key = swarm.docker("vm1", "swarm", "unlock-key", "-q")
    try:
        done = Verified(swarm, tmp_path, verify_networks=[network], verify_checks=["DIS-ENGINE"], verify_disruptive=["engine-restart"],
                        verify_disruptive_node="vm1", verify_disruptive_force=True)  # fmt: skip
        assert [row["status"] for row in done.of("DIS-ENGINE")] == ["skip"] and "autolock" in done.of("DIS-ENGINE")[0][
            "evidence"
        ]["summary"]
        swarm.shell("vm1", RESTART)
        wait_until(lambda: state(swarm, "vm1") == "locked", 60)
        done = Verified(swarm, tmp_path, verify_networks=[network], verify_checks=["OPT-LINT"], verify_fail=False)
        assert causes(done) == [("swarm-locked", ["vm1"])] and "NOTHING PROVEN" in done.output
        assert done.code != 0, "nothing proven is no success, whatever verify_fail says"
        assert key not in done.output
    finally:
        if state(swarm, "vm1") == "locked":
            argv = ["docker", "exec", "-i", swarm.container("vm1"), "docker", "swarm", "unlock"]
            subprocess.run(
                argv, env=swarm.environment, input=key + "\n", text=True, capture_output=True, timeout=60, check=True
            )
        wait_until(lambda: state(swarm, "vm1") == "active", 60)
        swarm.docker("vm1", "swarm", "update", "--autolock=false")
        swarm.await_nodes("vm1")


def test_the_address_of_the_leader_changed(swarm, network: str, tmp_path: Path) -> None:
    old, new = swarm.subnet.replace("0/24", "11/24"), swarm.subnet.replace("0/24", "111/24")
    swap = "ip addr del {} dev eth0; ip addr add {} dev eth0; " + RESTART
    swarm.shell("vm1", swap.format(old, new))
    try:
        states = "docker node ls --format '{{.Status}}' | sort | xargs"
        wait_until(lambda: swarm.shell("vm1", states + " || true") == "Down Down Ready", 120)
        done = Verified(swarm, tmp_path, verify_networks=[network], verify_checks=["PRE-*", "CP-*", "DP-MATRIX"])
    finally:
        swarm.shell("vm1", swap.format(new, old))
        wait_until(lambda: state(swarm, "vm1") == "active", 60)
        swarm.await_nodes("vm1")
    assert causes(done) == [("address-gone", ["vm1"])], done.report["causes"]


def test_namespaces_below_another_exec_root(swarm, network: str, undo: list, tmp_path: Path) -> None:
    """NET-LAZY would hold the worker for empty, and the tables of its kernel could not be read."""
    file = "/etc/docker/daemon.json"
    words = f"import json; d = json.load(open('{file}')); d['exec-root'] = '/run/dk'; json.dump(d, open('{file}', 'w'))"
    break_it(
        swarm,
        undo,
        "vm2",
        f'cp {file} /root/kept.json && python3 -c "{words}" && {RESTART}',
        f"cp /root/kept.json {file} && {RESTART}",
    )
    try:
        wait_until(lambda: "ingress_sbox" in swarm.shell("vm2", "ls /run/dk/netns 2>/dev/null || true"), 60)
        swarm.await_nodes("vm1")
        done = Verified(
            swarm, tmp_path, verify_networks=[network], verify_checks=["NET-LAZY", "PEER-FDB", "GOSSIP-HASH", "DUP-IP"]
        )
        assert {row["status"] for row in done.of("NET-LAZY") + done.of("PEER-FDB")} == {"pass"}, done.not_passed()
        # An engine that has just started may lack a record for a moment: what counts here is that all could be read.
        assert "inconclusive" not in [row["status"] for row in done.report["checks"]]
    finally:
        swarm.shell(*undo.pop())
        wait_until(lambda: state(swarm, "vm2") == "active", 60)
        swarm.await_nodes("vm1")


def test_a_stopped_process_of_the_engine_is_one_problem_in_bounded_time(
    swarm, network: str, undo: list, tmp_path: Path
) -> None:
    break_it(swarm, undo, "vm3", "pkill -STOP -x dockerd", "pkill -CONT -x dockerd")
    done = Verified(swarm, tmp_path, verify_networks=[network], verify_checks=["PRE-REACH", "SD-VIP"])
    assert causes(done) == [("engine-part-stopped", ["vm3"])] and done.report["summary"]["seconds"] < 200


def test_what_is_asked_for_or_declared_and_is_not_there(swarm, network: str, tmp_path: Path) -> None:
    done = Verified(swarm, tmp_path, verify_networks=[network, "pruned"], verify_services=["wbe"], verify_checks=["OPT-LINT"],
                    overlays_networks=[{"name": network, "encrypted": True}, {"name": "pruned"}])  # fmt: skip
    assert {cause["id"] for cause in done.report["causes"]} == {
        "network-otherwise",
        "network-missing",
        "service-missing",
        "network-undone",
    } and done.code != 0
    code, output = swarm.playbook("swarmlab.overlay.verify", {"verify_networks": [], "verify_directory": str(tmp_path)})
    assert code != 0 and "verify_networks is empty" in output and "Setting up" not in output


@pytest.fixture
def copied(swarm) -> Iterator[None]:
    """vm3 has the identity of vm2, as a copy of that machine would have."""
    folder = "/var/lib/docker/swarm"
    swarm.shell("vm3", f"pkill -STOP -x dockerd; mv {folder} /root/own-swarm")
    try:
        copying = f"docker exec {swarm.container('vm2')} tar -C /var/lib/docker -c swarm | docker exec -i {swarm.container('vm3')} tar -C /var/lib/docker -x"
        subprocess.run(["sh", "-c", copying], env=swarm.environment, capture_output=True, timeout=60, check=True)
        swarm.restart_engine("vm3")
        wait_until(lambda: state(swarm, "vm3") == "active", 60)
        yield
    finally:
        swarm.shell("vm3", f"pkill -STOP -x dockerd; rm -rf {folder}; mv /root/own-swarm {folder}")
        # vm1 first: its gossip may go on with the id at the address of the copy, and refuse the node itself.
        for host in ("vm1", "vm3", "vm2"):
            swarm.restart_engine(host)
        swarm.await_nodes("vm1")


def test_a_copy_of_a_node_with_its_id(swarm, network: str, copied: None, tmp_path: Path) -> None:
    done = Verified(swarm, tmp_path, verify_networks=[network])
    assert [(cause["id"], cause["nodes"]) for cause in done.report["causes"]] == [("one-node-twice", ["vm2", "vm3"])]
    assert "copies of one machine" in done.output and done.code != 0
