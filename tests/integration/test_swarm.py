# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles engine and swarm, and the module engine, on container nodes."""

from __future__ import annotations

import json
import re
import time

import pytest

SWARM = "swarmlab.overlay.swarm"
NO_CHANGE = re.compile(r"^vm\d .*changed=0 +unreachable=0 +failed=0", re.MULTILINE)


def rejoin(swarm, host: str) -> None:
    """Bring a worker back into the swarm and wait until the old record of it is gone."""
    deadline = time.monotonic() + 60
    while "Down" not in swarm.docker("vm1", "node", "ls", "--format", "{{.Hostname}} {{.Status}}"):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    for line in swarm.docker("vm1", "node", "ls", "--format", "{{.ID}} {{.Hostname}} {{.Status}}").splitlines():
        if line.split()[1:] == [host, "Down"]:
            swarm.docker("vm1", "node", "rm", "--force", line.split()[0])


def test_second_run_changes_nothing(swarm) -> None:
    code, output = swarm.playbook(SWARM)
    assert code == 0, output
    assert len(NO_CHANGE.findall(output)) == 3, output
    role = [
        task for task in output.split("\nTASK [") if task.startswith("swarmlab.overlay.swarm :") and "ok: [vm" in task
    ]
    assert len([task for task in role if "Validating arguments" not in task]) <= 3, (
        "a run that has nothing to do is longer"
    )


def test_left_worker_joins_again_and_no_token_is_shown(swarm) -> None:
    swarm.docker("vm3", "swarm", "leave")
    outside = swarm.run("overlay_attachment", {"attachments": [{"container": "box", "network": "net"}]}, host="vm3")
    assert "not an active node of a swarm" in outside["msg"] and "swarmlab.overlay.swarm" in outside["msg"], outside
    code, output = swarm.playbook(SWARM, {}, "-vvvvv")
    rejoin(swarm, "vm3")
    assert code == 0, output[-3000:]
    assert "SWMTKN-" not in output
    assert swarm.docker("vm3", "info", "--format", "{{.Swarm.LocalNodeState}}") == "active"


def test_node_of_another_swarm_is_refused_and_left_alone(swarm) -> None:
    swarm.docker("vm3", "swarm", "leave")
    swarm.docker("vm3", "swarm", "init", "--advertise-addr", "eth0")
    other = swarm.docker("vm3", "info", "--format", "{{.Swarm.NodeID}}")
    try:
        code, output = swarm.playbook(SWARM)
        assert code != 0
        assert "vm3 belongs to another swarm" in output and other in output
        assert swarm.docker("vm3", "info", "--format", "{{.Swarm.NodeID}}") == other
    finally:
        swarm.docker("vm3", "swarm", "leave", "--force")
        code, output = swarm.playbook(SWARM)
        rejoin(swarm, "vm3")
    assert code == 0, output


def test_data_path_port_of_a_swarm_cannot_change(swarm) -> None:
    code, output = swarm.playbook(SWARM, {"swarm_data_path_port": 5000})
    assert code != 0
    assert "uses UDP port 4789" in " ".join(output.split()) and "5000" in output


@pytest.mark.parametrize("port", [80, 50000])
def test_data_path_port_out_of_range(swarm, port: int) -> None:
    code, output = swarm.playbook(SWARM, {"swarm_data_path_port": port})
    assert code != 0
    assert "between 1024 and 49151" in " ".join(output.split())


def test_labels_and_availability_of_a_node(swarm) -> None:
    declared = {"swarm_node_labels": {"rack": "a"}, "swarm_node_availability": "drain"}
    code, output = swarm.playbook(SWARM, declared, "--limit", "vm1,vm2", "--check")
    assert code == 0, output
    code, output = swarm.playbook(SWARM, {"swarm_node_labels": {"rack": "a"}})
    assert code == 0, output
    for host in swarm.nodes:
        identity = swarm.docker(host, "info", "--format", "{{.Swarm.NodeID}}")
        spec = json.loads(swarm.docker("vm1", "node", "inspect", identity))[0]["Spec"]
        assert spec["Labels"] == {"rack": "a"} and spec["Availability"] == "active"
