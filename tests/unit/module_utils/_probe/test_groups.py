# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control groups of a process, as folders, of both versions and in namespaces that hide or show the path."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._probe import groups, testimony

ROOT = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\nodd\n"
UNIFIED = "30 25 0:26 {} /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
OLD = "32 25 0:28 {} /sys/fs/cgroup/cpu rw,nosuid - cgroup cgroup rw,cpu\n"
OTHER = "33 25 0:29 / /sys/fs/cgroup/memory rw,nosuid - cgroup cgroup rw,memory\n"
NEW_ROOT, OLD_ROOT = "/sys/fs/cgroup", "/sys/fs/cgroup/cpu"


def test_the_groups_of_a_process() -> None:
    told = groups.parse_groups("9:cpu,cpuacct:/a\n6:freezer:/docker/node/docker/x\n0::/system.slice/x:y.scope\n")
    assert told == {"cpu": "/a", "cpuacct": "/a", "freezer": "/docker/node/docker/x", "": "/system.slice/x:y.scope"}


def test_the_mounted_hierarchies() -> None:
    unified, old = groups.parse_mounts(UNIFIED.format("/") + ROOT + OLD.format("/docker/node"))
    assert (unified.root, unified.folder, unified.unified) == ("/", NEW_ROOT, True)
    assert (old.root, old.folder, old.unified) == ("/docker/node", OLD_ROOT, False)


@pytest.mark.parametrize(
    ("mounts", "told", "folders"),
    [
        # A machine: the group of the process, and those above it.
        (
            UNIFIED.format("/"),
            "0::/a.slice/b.scope\n",
            [f"{NEW_ROOT}/a.slice/b.scope", f"{NEW_ROOT}/a.slice", NEW_ROOT],
        ),
        (OLD.format("/"), "4:memory:/m\n3:cpu:/a\n", [f"{OLD_ROOT}/a", OLD_ROOT]),
        (OLD.format("/") + OTHER, "4:memory:/m\n3:cpu:/\n0::/\n", [OLD_ROOT]),
        # A container with a namespace of its own: what is mounted is its own group.
        (UNIFIED.format("/"), "0::/\n", [NEW_ROOT]),
        # A container in the namespace of its machine, with its own group mounted, or with the machine's.
        (OLD.format("/docker/node"), "3:cpu:/docker/node/x\n", [f"{OLD_ROOT}/x", OLD_ROOT]),
        (OLD.format("/"), "3:cpu:/docker/node\n", [f"{OLD_ROOT}/docker/node", f"{OLD_ROOT}/docker", OLD_ROOT]),
        # Both versions side by side.
        (UNIFIED.format("/") + OLD.format("/"), "3:cpu:/a\n0::/\n", [NEW_ROOT, f"{OLD_ROOT}/a", OLD_ROOT]),
        (OLD.format("/docker/other"), "3:cpu:/docker/node\n", []),  # not seen from here
        ("", "3:cpu:/docker/node\n", []),
        (OLD.format("/"), "", []),  # the process has gone
    ],
)
def test_the_folders_of_a_group_and_of_those_above_it(
    monkeypatch: pytest.MonkeyPatch, mounts: str, told: str, folders: list
) -> None:
    seen = {"/proc/7/cgroup": told, "/proc/self/mountinfo": ROOT + mounts}
    monkeypatch.setattr(groups.system, "read", lambda path: seen.get(path, ""))
    assert groups.folders("7", "cpu") == folders


@pytest.mark.parametrize("root", ["/../..", "/docker/other"])
def test_a_group_whose_name_is_hidden_is_found_by_its_members(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, root: str
) -> None:
    """The groups of the machine are mounted in a container with a namespace of its own."""
    own = tmp_path / "docker" / "node"
    (tmp_path / "docker" / "other").mkdir(parents=True)
    own.mkdir()
    (own / "cgroup.procs").write_text(f"1\n{os.getpid()}\n")
    (tmp_path / "docker" / "other" / "cgroup.procs").write_text("0\n12\n")
    real = groups.system.read
    told = {
        "/proc/self/cgroup": "3:cpu:/\n",
        "/proc/self/mountinfo": OLD.format(root).replace(OLD_ROOT, str(tmp_path)),
    }
    monkeypatch.setattr(groups.system, "read", lambda path: told.get(path) or real(path))
    assert groups.folders("self", "cpu") == [str(own), str(own.parent), str(tmp_path)]
    monkeypatch.setattr(groups, "SEARCHED", 1)
    assert groups.folders("self", "cpu") == []


@pytest.mark.parametrize(
    ("files", "told"),
    [
        # Version 1: the quota of the node's container, and what is above it has none.
        (
            {
                "a/cpu.stat": "nr_periods 40\nnr_throttled 30\nthrottled_time 2500000000\n",
                "a/cpu.cfs_quota_us": "7000\n", "a/cpu.cfs_period_us": "100000\n",
                "cpu.stat": "nr_periods 0\nnr_throttled 0\nthrottled_time 0\n",
                "cpu.cfs_quota_us": "-1\n", "cpu.cfs_period_us": "100000\n",
            },
            {"held_back": 2.5, "allowed": 0.07},
        ),
        # Version 2: the narrower limit is that of a slice above.
        (
            {
                "a/cpu.stat": "usage_usec 9\nthrottled_usec 500000\n", "a/cpu.max": "400000 100000\n",
                "cpu.stat": "usage_usec 9\nthrottled_usec 1000000\n", "cpu.max": "20000 100000\n",
            },
            {"held_back": 1.5, "allowed": 0.2},
        ),
        ({"cpu.stat": "usage_usec 9\n"}, {}),
        ({}, {}),
    ],
)  # fmt: skip
def test_the_limits_of_groups_and_how_long_they_held_the_node_back(tmp_path: Path, files: dict, told: dict) -> None:
    (tmp_path / "a").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert testimony.processors_of_groups([str(tmp_path / "a"), str(tmp_path)]) == told


def test_the_group_with_the_least_room_for_processes_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    monkeypatch.setattr(testimony, "own_groups", lambda controller: [str(tmp_path / "a"), str(tmp_path)])
    assert "processes of the group" not in testimony.limits("/")
    for folder, used, most in ((tmp_path / "a", 90, 900), (tmp_path, 95, 100)):
        (folder / "pids.current").write_text(f"{used}\n")
        (folder / "pids.max").write_text(f"{most}\n")
    assert testimony.limits("/")["processes of the group"] == [95, 100]
    (tmp_path / "pids.max").write_text("max\n")
    assert testimony.limits("/")["processes of the group"] == [90, 900]
