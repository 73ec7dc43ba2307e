# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbooks of a swarm's life are wrongly told is refused with one message, before anything is changed; and what --check says is what happens."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from conftest import Swarm, flat, steps

LIMITED = "Run it without --limit"
BACKUP = {"swarm_backup_plain": True, "swarm_stop_command": "true", "swarm_start_command": "true"}
ENGINE = {"upgrade_stop_command": "true", "upgrade_start_command": "true", "upgrade_checks": []}


def state(swarm: Swarm) -> tuple[str, list[str]]:
    """What the swarm has been told of itself and its nodes, and which engine processes run."""
    swarm_spec = swarm.docker("vm1", "info", "--format", "{{json .Swarm.Cluster.Spec}}")
    listed = swarm.docker("vm1", "node", "inspect", *swarm.docker("vm1", "node", "ls", "-q").split())
    told = [node["Spec"] for node in json.loads(listed)]
    return json.dumps([json.loads(swarm_spec), told]), [swarm.shell(host, "pgrep -x dockerd") for host in swarm.nodes]


@pytest.mark.parametrize(
    ("playbook", "told", "limit", "words"),
    [
        ("drain", {"node": "vm2"}, "vm2,vm3", LIMITED),
        ("activate", {"node": "vm2"}, "vm2,vm3", LIMITED),
        ("remove", {"node": "vm2"}, "vm2,vm3", LIMITED),
        ("replace", {"node": "vm2"}, "vm2,vm3", LIMITED),
        ("rotate", {"swarm_rotate_max_age": 0}, "vm2,vm3", LIMITED),
        ("backup", BACKUP, "vm2,vm3", LIMITED),
        ("upgrade", ENGINE, "vm2,vm3", LIMITED),
        ("remove", {"node": "vm3"}, "vm1,vm2", "vm3: --limit leaves it out"),
        ("recover", {}, "vm2,vm3", "Only a running manager can continue alone"),
        ("drain", {"node": "vm9"}, "", "vm9: not a node of the swarm. Its nodes are vm1, vm2, vm3"),
        ("activate", {"node": "vm9"}, "", "vm9: not a node of the swarm"),
        ("drain", {}, "", "No node was named"),
        ("backup", {**BACKUP, "node": "vm2"}, "", "vm2 is not a working manager"),
        ("backup", {**BACKUP, "node": "vm1"}, "", "vm1 is the only manager"),
        ("upgrade", {**ENGINE, "node": "vm9"}, "", "vm9: no host of this play"),
        ("upgrade", {**ENGINE, "engine_version": "1.13.1"}, "", "Version 1.13.1 is below the present one"),
        ("upgrade", {**ENGINE, "engine_version": "999.1.1"}, "", "Not every host can have version 999.1.1"),
        ("recover", {"node": "vm1"}, "", "there is nothing to recover"),
        ("remove", {"node": "vm1"}, "", "no remaining manager can manage the swarm"),
        ("rotate", {"swarm_rotate": "unlock_key", "swarm_unlock_key_file": "/nowhere/keys.yml"}, "", "/nowhere is not a writable folder"),
    ],
)  # fmt: skip
def test_refused(swarm: Swarm, tmp_path: Path, playbook: str, told: dict, limit: str, words: str) -> None:
    before = state(swarm)
    folder = {"swarm_backup_directory": str(tmp_path)} if playbook == "backup" else {}
    code, output = swarm.playbook(
        f"swarmlab.overlay.{playbook}", {**told, **folder}, *(["--limit", limit] if limit else [])
    )
    assert code != 0 and words in flat(output) and "Nothing was " in flat(output), output
    assert "Traceback" not in output and state(swarm) == before and not list(tmp_path.iterdir())


@pytest.mark.skipif(os.geteuid() != 0, reason="a small disk is mounted")
def test_a_full_disk_of_the_controller_is_seen_before_the_engine_is_stopped(swarm: Swarm, tmp_path: Path) -> None:
    before = state(swarm)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path)], check=True)
    try:
        told = {**BACKUP, "swarm_backup_alone": True, "swarm_backup_directory": str(tmp_path)}
        code, output = swarm.playbook("swarmlab.overlay.backup", told)
        words = f"The disk of {tmp_path} on the controller has 1 MB free, and the state has "
        assert code != 0 and words in flat(output) and "Nothing was done" in flat(output), output
        assert state(swarm) == before and not list(tmp_path.iterdir())
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def changes(output: str) -> list[str]:
    """The lines of all diffs, and what is said of services."""
    return re.findall(r"(?m)^[+-](?![+-]).*$|^ +\"(.*: .*)\",?$", output)


def suffered(output: str) -> list[str]:
    """What is said of services."""
    return re.findall(r"(?m)^ +- '(.*: .*)'$", output)


def test_what_check_says_of_a_drain_and_a_rotation_is_what_happens(swarm: Swarm, unique: str) -> None:
    swarm.docker(
        "vm1", "service", "create", "--quiet", "--no-resolve-image", "--name", unique, "--mode", "global", "--stop-grace-period", "1s",
        swarm.image, "sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait",
    )  # fmt: skip
    try:
        for playbook, told in (
            ("drain", {"node": "vm3"}),
            ("activate", {"node": "vm3"}),
            ("rotate", {"swarm_rotate": "worker_token", "swarm_rotate_max_age": 0}),
        ):
            before = state(swarm)
            code, output = swarm.playbook(f"swarmlab.overlay.{playbook}", told, "--check", "--diff")
            plan = changes(output)
            assert code == 0 and plan and state(swarm) == before, output
            code, output = swarm.playbook(f"swarmlab.overlay.{playbook}", told, "--diff")
            assert code == 0 and changes(output) == plan and state(swarm) != before, output
    finally:
        swarm.run("swarm_maintenance", {"node": "vm3", "state": "active"})


@pytest.mark.long
@pytest.mark.parametrize(("playbook", "lines"), [("replace", 2), ("remove", 1)])
def test_what_check_says_of_a_departure_is_what_happens(swarm: Swarm, unique: str, playbook: str, lines: int) -> None:
    swarm.docker(
        "vm1", "service", "create", "--quiet", "--no-resolve-image", "--name", unique, "--mode", "global", "--stop-grace-period", "1s",
        swarm.image, "sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait",
    )  # fmt: skip
    before, former = state(swarm), swarm.docker("vm3", "info", "--format", "{{.Swarm.NodeID}}")
    try:
        code, output = swarm.playbook(f"swarmlab.overlay.{playbook}", {"node": "vm3"}, "--check")
        plan, fates = steps(output), suffered(output)
        assert code == 0 and len(plan) == lines and plan[0] == f"vm3 leaves: node {former}, host name vm3", output
        assert len(fates) == 1 and state(swarm) == before, output
        code, output = swarm.playbook(f"swarmlab.overlay.{playbook}", {"node": "vm3"})
        assert code == 0 and [step for step in steps(output) if not step.startswith("waiting for")] == plan, output
        assert suffered(output) == fates and former not in swarm.docker("vm1", "node", "ls", "-q"), output
    finally:
        if playbook == "remove" or code:  # what was replaced is there again
            code, output = swarm.playbook("swarmlab.overlay.swarm")
    assert code == 0 and "vm3" in swarm.docker("vm1", "node", "ls", "--format", "{{.Hostname}}").split(), output
