# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults on nodes that are containers, seen from outside. They leave the shared swarm as it was."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

pytestmark = pytest.mark.long


@pytest.fixture
def fault(swarm) -> Iterator[Callable[..., dict]]:
    """Run module lab_fault on the lab; everything is mended afterwards."""
    yield swarm.fault
    assert not swarm.fault(state="absent")["failed"]


def reaches(swarm, host: str, target: str) -> bool:
    return swarm.shell(host, f"ping -c 1 -W 1 {target} >/dev/null && echo yes || echo no") == "yes"


def state(swarm, host: str) -> str:
    inspected = subprocess.run(
        ["docker", "inspect", "-f", "{{.State.Status}}", swarm.container(host)],
        env=swarm.environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return inspected.stdout.strip()


def test_a_cut_node_reaches_nobody_until_its_time_is_over(swarm, fault):
    assert reaches(swarm, "vm1", "vm2")
    done = fault(faults=[{"kind": "cut", "nodes": ["vm2"], "seconds": 600}])
    assert done["changed"] and done["faults"] == ["cut"]
    assert not reaches(swarm, "vm1", "vm2") and not reaches(swarm, "vm2", "vm3")
    assert reaches(swarm, "vm1", "vm3")
    fault(faults=[{"kind": "cut", "nodes": ["vm2"], "seconds": 1}])
    deadline = time.monotonic() + 20
    while fault(state="listed")["faults"] and time.monotonic() < deadline:
        time.sleep(0.5)
    assert reaches(swarm, "vm1", "vm2")
    assert not fault(state="absent")["changed"]


def test_a_partition_and_its_end(swarm, fault):
    fault(faults=[{"name": "split", "kind": "partition", "groups": [["vm1"], ["vm2", "vm3"]], "seconds": 600}])
    assert not reaches(swarm, "vm1", "vm3") and reaches(swarm, "vm2", "vm3")
    assert fault(state="absent", names=["other"])["faults"] == ["split"]
    ended = fault(state="absent", names=["split"])
    assert ended["changed"] and ended["faults"] == []
    assert reaches(swarm, "vm1", "vm3")


def test_a_frozen_node_goes_on_after_its_time(swarm, fault):
    assert fault(faults=[{"kind": "freeze", "nodes": ["vm3"], "seconds": 600}])["faults"] == ["freeze"]
    assert state(swarm, "vm3") == "paused"
    fault(faults=[{"kind": "freeze", "nodes": ["vm3"], "seconds": 1}])
    deadline = time.monotonic() + 30
    while state(swarm, "vm3") != "running" and time.monotonic() < deadline:
        time.sleep(0.5)
    assert state(swarm, "vm3") == "running"
    assert fault(state="listed")["faults"] == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"faults": [{"kind": "cut", "nodes": ["vm9"]}]}, "not a node of this lab"),
        ({"faults": [{"kind": "impair", "nodes": ["vm1"], "delay": 5}]}, "cannot delay"),
        ({"faults": []}, "needs faults"),
        ({"state": "broken"}, "not one of"),
        ({"name": "nowhere", "directory": "nowhere", "state": "listed"}, "there is no lab"),
    ],
)
def test_what_cannot_be_done_is_one_clear_message(swarm, fault, arguments, words):
    done = fault(**arguments)
    assert done["failed"] and words in done["msg"]
    assert fault(state="listed")["faults"] == []


def test_check_mode_breaks_nothing(swarm, fault):
    order = {"directory": str(swarm.folder), "faults": [{"kind": "cut", "nodes": ["vm2"]}]}
    assert swarm.run("lab_fault", order, "localhost", check=True)["changed"]
    assert reaches(swarm, "vm1", "vm2")
