# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the processes of a container run, as the kernel tells it."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._probe import standstill

UNIFIED = "30 25 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
OLD = (
    "32 25 0:28 /docker/node /sys/fs/cgroup/freezer rw,nosuid - cgroup cgroup rw,freezer\n"
    "33 25 0:29 /docker/node /sys/fs/cgroup/memory rw,nosuid - cgroup cgroup rw,memory\n"
)


@pytest.mark.parametrize(
    ("group", "files"),
    [
        ("6:freezer:/docker/node/docker/x\n", ["/sys/fs/cgroup/freezer/docker/x/freezer.state"]),
        ("6:freezer:/docker/nodes/x\n", []),  # a group that is not seen from here
        ("6:freezer:/docker/node\n", []),  # of the whole node
        ("0::/x\n", ["/sys/fs/cgroup/x/cgroup.events"]),
        ("", []),
    ],
)
def test_the_file_of_a_frozen_group_is_found_where_its_hierarchy_is_mounted(
    monkeypatch: pytest.MonkeyPatch, group: str, files: list
) -> None:
    told = {"/proc/7/cgroup": group, "/proc/self/mountinfo": UNIFIED + OLD}
    monkeypatch.setattr(standstill.system, "read", lambda path: told.get(path, ""))
    assert [path for path, _pattern in standstill.freezers(7)] == files


@pytest.mark.parametrize(
    ("first", "others", "frozen", "state"),
    [
        ("S", [], False, "runs"),
        ("R", ["T"], False, "stopped"),  # a program beside its init
        ("S", ["T", "S"], False, "runs"),  # a job that a shell stopped
        ("T", ["S"], False, "stopped"),
        ("t", [], False, "stopped"),
        ("Z", [], False, "dead"),
        ("D", [], False, "stuck"),
        ("D", [], True, "frozen"),
        ("S", [], True, "frozen"),
    ],
)
def test_what_the_states_of_processes_mean(first: str, others: list, frozen: bool, state: str) -> None:
    assert standstill.conclude(first, others, frozen) == state


def test_the_state_of_a_process_with_an_odd_name() -> None:
    assert standstill.parse_state("12 (a) b (c) T 1 12 12") == "T"
    assert standstill.parse_state("") == ""


def test_a_process_of_this_machine_that_is_stopped_and_then_gone() -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        try:
            assert standstill.look(process.pid)["state"] == "runs"
            os.kill(process.pid, signal.SIGSTOP)
            deadline = time.monotonic() + 30
            while standstill.look(process.pid)["state"] != "stopped" and time.monotonic() < deadline:
                time.sleep(0.01)
            first, second = standstill.look(process.pid), standstill.look(process.pid)
            assert first["state"] == "stopped" and first == second and first["switches"] > 0
        finally:
            process.kill()
    assert standstill.look(process.pid) is None
