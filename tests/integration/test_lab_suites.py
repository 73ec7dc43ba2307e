# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A swarm of three Debian suites, whose engines are years apart, on container nodes of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Swarm, Warm, free_subnet, inventory_of
from faults import loose

pytestmark = pytest.mark.long

LAB, SWARM, VERIFY = (f"swarmlab.overlay.{name}" for name in ("lab", "swarm", "verify"))
SUITES = {"vm1": "bookworm", "vm2": "trixie", "vm3": "forky"}
ENGINES = {"vm1": 20, "vm2": 26, "vm3": 28}
NETWORK, SERVICE = "suites-plain", "suites-web"


@pytest.fixture(scope="module")
def mixed(environment: dict[str, str], warm: Warm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarm]:
    settings = json.dumps({name: {"suite": suite} for name, suite in SUITES.items()})
    subnet = free_subnet("10.84.{}.0/24")
    inventory = inventory_of("suites", subnet=subnet, node_settings=settings)
    lab = Swarm("suites", inventory, tmp_path_factory.mktemp("suites"), dict(environment), warm, subnet=subnet)
    try:
        done = lab.ansible("ansible-playbook", LAB, SWARM)
        assert done.returncode == 0, done.stdout + done.stderr
        yield lab
    finally:
        code, output = lab.playbook("swarmlab.overlay.destroy")
        assert code == 0, output


def test_each_node_has_the_engine_of_its_suite(mixed: Swarm) -> None:
    listing = mixed.docker("vm1", "node", "ls", "--format", "{{.Hostname}} {{.Status}} {{.EngineVersion}}")
    found = {
        line.split()[0]: (line.split()[1], int(line.split()[2].partition(".")[0])) for line in listing.splitlines()
    }
    assert found == {name: ("Ready", engine) for name, engine in ENGINES.items()}
    nodes = json.loads((mixed.folder / "lab.json").read_text())["nodes"]
    assert {name: (entry["settings"]["suite"], entry["image"].partition("-")[0]) for name, entry in nodes.items()} == {
        name: (suite, suite) for name, suite in SUITES.items()
    }


def test_the_second_run_changes_nothing(mixed: Swarm) -> None:
    done = mixed.ansible("ansible-playbook", LAB, SWARM)
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(re.findall(r"changed=(\d+)", done.stdout)) == {"0"}, done.stdout


def test_the_proof_blames_nothing_but_the_kernel(mixed: Swarm, tmp_path: Path) -> None:
    mixed.docker("vm1", "network", "create", "-d", "overlay", "--attachable", NETWORK)
    mixed.docker("vm1", "service", "create", "-q", "--no-resolve-image", "--name", SERVICE, "--mode", "global",
                 "--network", NETWORK, mixed.image, "sleep", "1d")  # fmt: skip
    code, output = mixed.playbook(
        VERIFY, {"verify_directory": str(tmp_path), "verify_networks": [NETWORK], "verify_fail": False}
    )
    assert code == 0, output
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert {cause["id"] for cause in report["causes"]} <= {"kernel-lacks"}, report["causes"]
    assert not loose(report)
    assert report["summary"]["pass"] > 20
