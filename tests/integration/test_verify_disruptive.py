# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disrupting a node of a real swarm: it undoes itself, names and paths come back, and what does not come back is told with its node.

The proof before a disruption may not be green on a test machine, whose kernel may lack ip_vs; so all of them are forced but one.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from test_verify import CHECKOUT, Verified, leftovers, undo, wait_until

pytestmark = pytest.mark.long

__all__ = ["undo"]  # a fixture
CHAIN = "SWARMLAB-PARTITION"


@pytest.fixture(scope="module")
def network(swarm, shared: str) -> Iterator[str]:
    """A network with a service of two tasks that may run on any node, and one on every node."""
    name = f"{shared}-net"
    swarm.docker("vm1", "network", "create", "-d", "overlay", "--attachable", name)
    service = [
        "service",
        "create",
        "-q",
        "-d",
        "--no-resolve-image",
        "--network",
        name,
        "--stop-signal",
        "KILL",
        "--name",
    ]
    idle = [swarm.image, "sleep", "1d"]
    swarm.docker("vm1", *service, f"{shared}-web", "--replicas", "3", *idle)
    swarm.docker("vm1", *service, f"{shared}-all", "--mode", "global", *idle)
    wait_until(
        lambda: (
            swarm.docker("vm1", "service", "ls", "-f", f"name={shared}", "--format", "{{.Replicas}}").split()
            == ["3/3"] * 2
        ),
        120,
    )
    yield name
    swarm.shell(
        "vm1", "for id in $(docker node ls -q); do docker node update --availability active $id >/dev/null; done"
    )
    wait_until(lambda: whole(swarm), 120)


def whole(swarm) -> bool:
    return swarm.docker("vm1", "node", "ls", "--format", "{{.Status}} {{.Availability}}").splitlines() == [
        "Ready Active"
    ] * len(swarm.nodes)


def disrupted(swarm, folder: Path, network: str, *what: str, **variables) -> Verified:
    return Verified(swarm, folder, **{
        "verify_networks": [network], "verify_checks": ["DIS-*"], "verify_disruptive": list(what), "verify_disruptive_force": True,
        "verify_disruptive_timeout": 60, **variables})  # fmt: skip


def chains(swarm) -> list[str]:
    return [host for host in swarm.nodes if CHAIN in swarm.shell(host, "iptables-save; nft list tables")]


def test_a_swarm_survives_partition_restart_and_drain(swarm, network: str, tmp_path: Path) -> None:
    before = swarm.shell("vm2", "cat /var/run/docker.pid")
    done = disrupted(swarm, tmp_path, network, "partition", "engine-restart", "firewall-reload", "drain", "reboot")
    found = {row["id"]: row for row in done.report["checks"] if row["id"].startswith("DIS-")}
    assert {ident: (row["status"], row["nodes"]) for ident, row in found.items()} == {
        "DIS-PARTITION": ("pass", ["vm2"]), "DIS-ENGINE": ("pass", ["vm2"]), "DIS-DRAIN": ("pass", ["vm2"]),
        "DIS-FIREWALL": ("skip", []), "DIS-REBOOT": ("skip", [])}, [row["evidence"] for row in found.values()]  # fmt: skip
    assert found["DIS-PARTITION"]["evidence"]["seen"]["seconds"] >= 20 and 0 < found["DIS-PARTITION"]["seconds"] < 120
    assert swarm.shell("vm2", "cat /var/run/docker.pid") != before
    drained = found["DIS-DRAIN"]["evidence"]["seen"]
    assert drained["had"] >= 1 and drained["left_behind"] == [] and drained["waiting"] == {} and whole(swarm)
    assert "no firewall service" in found["DIS-FIREWALL"]["evidence"]["summary"]
    assert "cannot be rebooted" in found["DIS-REBOOT"]["evidence"]["summary"]
    assert "Disrupting vm2: partition" in done.output and done.of("SD-TASKS", network)[0]["status"] == "pass"
    assert chains(swarm) == [] and not (tmp_path / "report" / "report.previous.json").exists()
    wait_until(lambda: not leftovers(swarm), 30)


def test_a_proof_that_is_not_green_begins_nothing(swarm, network: str, tmp_path: Path) -> None:
    done = disrupted(swarm, tmp_path, network, "partition", verify_disruptive_force=False, verify_networks=[network, "no-such-net"],
                     verify_checks=["NET-EXISTS", "DIS-*"])  # fmt: skip
    assert done.code != 0 and [row["status"] for row in done.of("DIS-PARTITION")] == ["skip"]
    assert "not begun" in done.of("DIS-PARTITION")[0]["evidence"]["summary"] and "Disrupting" not in done.output


def test_an_engine_that_does_not_come_back_is_told_with_its_node(
    swarm, network: str, undo: list, tmp_path: Path
) -> None:
    undo.append(("vm2", "[ ! -e /run/docker.sock.away ] || mv /run/docker.sock.away /run/docker.sock"))
    done = disrupted(swarm, tmp_path, network, "engine-restart", verify_engine_restart="mv /run/docker.sock /run/docker.sock.away",
                     verify_disruptive_timeout=8, verify_timeout=20)  # fmt: skip
    found = done.of("DIS-ENGINE")
    assert [(row["status"], row["nodes"]) for row in found] == [("fail", ["vm2"])], found
    assert "the engine was not restarted within 8 s" in found[0]["evidence"]["summary"] and done.code != 0


def meanwhile(action: Callable[[], None]) -> threading.Thread:
    """Run beside the verification."""
    thread = threading.Thread(target=action)
    thread.start()
    return thread


def availability(swarm, node: str) -> str:
    return swarm.docker("vm1", "node", "inspect", "-f", "{{.Spec.Availability}}", node)


@pytest.mark.rare
def test_a_node_that_stays_drained_is_told(swarm, network: str, undo: list, tmp_path: Path) -> None:
    """Somebody drains it again, once the check has given it back."""
    undo.append(("vm1", "docker node update --availability active vm2"))

    # Waits on the node itself, so that on a busy machine too it comes before the run looks whether all is as before.
    state = "docker node inspect -f '{{.Spec.Availability}}' vm2"
    waits = [
        f"for try in $(seq 1000); do [ $({state}) = {wanted} ] && break; sleep 0.05; done"
        for wanted in ("drain", "active")
    ]
    thread = meanwhile(lambda: swarm.shell("vm1", "; ".join([*waits, "docker node update --availability drain vm2"])))
    done = disrupted(swarm, tmp_path, network, "drain", verify_disruptive_timeout=15)
    thread.join()
    found = done.of("DIS-DRAIN")
    assert [(row["status"], row["nodes"]) for row in found] == [("fail", ["vm2"])], found
    assert "vm2 is ready, drain, and was not before" in found[0]["evidence"]["summary"] and done.code != 0


@pytest.mark.rare
def test_a_node_that_stays_cut_off_is_told(swarm, network: str, undo: list, tmp_path: Path) -> None:
    """Rules of somebody else's do the same, and stay."""
    rules = [f"{chain} -p {protocol} --{end} {port} -j DROP" for chain, end in (("INPUT", "dport"), ("OUTPUT", "dport"))
             for protocol, port in (("tcp", 2377), ("tcp", 7946), ("udp", 7946), ("udp", 4789))]  # fmt: skip
    undo.append(("vm2", "; ".join(f"iptables -w -D {rule} 2>/dev/null || true" for rule in rules)))

    def too() -> None:
        wait_until(lambda: CHAIN in swarm.shell("vm2", "iptables -S"), 120)
        swarm.shell("vm2", " && ".join(f"iptables -w -A {rule}" for rule in rules))

    thread = meanwhile(too)
    done = disrupted(
        swarm,
        tmp_path,
        network,
        "partition",
        verify_disruptive_timeout=15,
        verify_timeout=20,
        verify_convergence_timeout=5,
    )
    thread.join()
    found = done.of("DIS-PARTITION")
    assert [row["status"] for row in found] == ["fail"] and "vm2" in found[0]["nodes"], found
    assert "vm2 is down, active, and was not before" in found[0]["evidence"]["summary"]
    swarm.shell(*undo.pop())
    wait_until(lambda: whole(swarm), 180)


@pytest.mark.parametrize(("what", "host"), [("partition", "vm2"), ("drain", "vm1")])
def test_a_killed_controller_leaves_no_node_disrupted(
    swarm, network: str, unique: str, tmp_path: Path, what: str, host: str
) -> None:
    """Killed on the controller, and its module on the node too; only the helper in the background is left."""

    def disturbed() -> bool:
        return CHAIN in swarm.shell("vm2", "iptables -S") or availability(swarm, "vm2") != "active"

    # A task that does not end when it is told to keeps the drain waiting.
    swarm.docker("vm1", "service", "create", "-q", "-d", "--no-resolve-image", "--name", f"{unique}-slow", "--constraint", "node.hostname==vm2",
                 "--stop-grace-period", "60s", swarm.image, "sleep", "1d")  # fmt: skip
    wait_until(
        lambda: swarm.docker("vm1", "service", "ls", "-f", f"name={unique}-slow", "--format", "{{.Replicas}}") == "1/1",
        60,
    )
    variables = {"verify_directory": str(tmp_path), "verify_networks": [network], "verify_checks": ["DIS-*"], "verify_disruptive": [what],
                 "verify_disruptive_force": True, "verify_disruptive_timeout": 600}  # fmt: skip
    control = subprocess.Popen(
        [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(swarm.inventory), "swarmlab.overlay.verify", "-e", json.dumps(variables)],
        cwd=CHECKOUT, env=swarm.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        wait_until(disturbed, 180)
    finally:
        os.killpg(control.pid, signal.SIGKILL)
        control.wait()
    swarm.shell(host, "keep=$(sed 's/.*\"pid\": \\([0-9]*\\).*/\\1/' /run/swarmlab-overlay/*/disruption.pid);"
                      " for pid in $(pgrep python3); do [ $pid = $keep ] || kill -9 $pid; done")  # fmt: skip
    wait_until(lambda: not disturbed(), 30)
    wait_until(lambda: whole(swarm) and not leftovers(swarm), 120)


def test_the_partition_of_a_node_with_nft_alone(swarm) -> None:
    """In a network namespace of its own, with the tool that this node has besides."""
    source = base64.b64encode((CHECKOUT / "plugins/module_utils/_probe/partition.py").read_bytes()).decode()
    script = ("import subprocess, partition\npartition.tools = lambda: ['nft']\nports = dict(tcp=[2377], udp=[4789])\n"
              "listed = lambda: subprocess.run(['nft', 'list', 'ruleset'], stdout=subprocess.PIPE).stdout.decode()\n"
              "print([partition.cut(ports), listed().count('drop'), partition.mend(), listed()])\n")  # fmt: skip
    coded = base64.b64encode(script.encode()).decode()
    printed = swarm.shell("vm3", f"cd $(mktemp -d) && echo {source} | base64 -d >partition.py && echo {coded} | base64 -d >look.py"
                                 " && unshare -n python3 look.py")  # fmt: skip
    assert printed == "[None, 10, None, '']"
