# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real swarm broken on purpose: the report must name the cause and its nodes, and nobody else. ``make detection`` tries many more."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import faults
import pytest
import report_schema

pytestmark = pytest.mark.long

# One of each sort: a port, the gossip, inside the overlay, the size of packets, an engine, a name. Neighbours in this list name other nodes, so
# that one which is not mended shows as a wrong node of the next.
TRIED = ("data-port-by-port", "gossip-tcp", "mtu", "tcp-inside", "second-holder", "engine-stopped", "lossy-link", "not-forwarding", "bridge-down",
         "containerd-stopped")  # fmt: skip
# More of those that have a recording: what tasks suffer by themselves, what two nodes have, what only a whole run sees.
SELDOM = ("task-still", "task-narrow", "alias-shared", "flapping-link", "tasks-not-apart", "rule-beside-a-lossy-link")
FAULTS = {fault.name: fault for fault in faults.FAULTS}


@dataclass
class Broken:
    """The shared swarm, as the table of faults wants it."""

    swarm: object
    nodes: list[str]
    image: str

    def shell(self, host: str, command: str) -> str:
        return self.swarm.shell(host, command)

    def fault(self, **arguments) -> dict:
        done = self.swarm.fault(**arguments)
        assert not done["failed"], done
        return done

    def verify(self, folder: Path, variables: dict) -> tuple[dict, str]:
        _code, output = self.swarm.playbook("swarmlab.overlay.verify", {**variables, "verify_directory": str(folder)})
        path = folder / "report.json"
        assert path.exists(), output
        report = json.loads(path.read_text(encoding="utf-8"))
        report_schema.validate(report)
        return report, output


@pytest.fixture(scope="module")
def lab(swarm) -> Iterator[Broken]:
    hands = Broken(swarm, swarm.nodes, swarm.image)
    faults.clear(hands)
    faults.furnish(hands, encrypted=False)
    yield hands
    hands.fault(state="absent")
    faults.clear(hands)


def lacking(report: dict) -> set:
    """What the kernel of the test machine lacks is true, and no fault of ours."""
    return {(cause["id"], tuple(cause["nodes"])) for cause in report["causes"] if cause["id"] == "kernel-lacks"}


@pytest.mark.parametrize("name", [*TRIED, *(pytest.param(name, marks=pytest.mark.rare) for name in SELDOM)])
def test_a_fault_is_named_with_its_nodes_and_nobody_else(lab: Broken, tmp_path: Path, name: str) -> None:
    fault = FAULTS[name]
    fault.make(lab)
    try:
        report, output = lab.verify(tmp_path, fault.variables)
    finally:
        fault.mend(lab)
    faults.until("the lab did not heal", lambda: faults.whole(lab))
    found = faults.judged(fault, report, lacking(report))
    assert set(found.values()) == {True}, (
        found,
        report["causes"],
        [row["evidence"]["summary"] for row in faults.loose(report)],
    )
    cause = next(cause for cause in report["causes"] if cause["id"] == fault.cause)
    assert f"CAUSE  {'' if cause['certainty'] == 'seen' else 'Most likely: '}{cause['title']}: " in output
    assert "Setting up on 3 nodes" in output and "answers as expected" in output
    check_archive(lab, tmp_path)


def check_archive(lab: Broken, folder: Path) -> None:
    """What is for a colleague is there, and the swarm's secrets are not."""
    archives = list(folder.glob("diagnostics-*.tar.gz"))
    assert len(archives) == 1 and archives[0].stat().st_mode & 0o777 == 0o600
    with tarfile.open(archives[0]) as tar:
        files = {member.name.split("/", 1)[1]: tar.extractfile(member).read().decode() for member in tar.getmembers()}
    assert {
        "summary.txt",
        "report.json",
        "facts.json",
        "told/01-vm1.json",
        "told/02-vm2.json",
        "told/03-vm3.json",
    } <= set(files)
    token = lab.shell("vm1", "docker swarm join-token -q worker")
    for text in files.values():
        assert (
            token.split("-")[-1] not in text
            and "SWMTKN-" not in text
            and "PRIVATE KEY" not in text
            and "aead" not in text
        )


def test_right_after_all_of_them_the_swarm_is_as_it_was(lab: Broken, tmp_path: Path) -> None:
    report, _output = lab.verify(
        tmp_path,
        {
            "verify_networks": [faults.PLAIN, faults.OTHER],
            "verify_checks": ["PRE-*", "CP-TLS", "SD-*", "DP-MATRIX", "GOSSIP-HASH"],
        },
    )
    assert faults.fresh(report, lacking(report)) == [] and faults.loose(report) == []
    assert {cause["id"] for cause in report["causes"]} <= {"kernel-lacks"}
