# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an engine keeps its namespaces: below its exec-root, wherever that is."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._probe import overlay
from ansible_collections.swarmlab.overlay.plugins.module_utils._verify import local

MOUNTS = """22 28 0:21 / /proc rw,nosuid shared:12 - proc proc rw
310 29 0:4 net:[4026532281] {folder}/default rw shared:180 - nsfs nsfs rw
311 29 0:4 net:[4026532282] {folder}/1-k1gl9djspo rw - nsfs nsfs rw
312 29 0:4 net:[4026532283] {folder}/lb_k1gl9djsp rw shared:182 master:3 - nsfs nsfs rw
313 29 0:4 net:[4026532284] /run/netns/mine rw shared:183 - nsfs nsfs rw
"""


class Engine:
    """An engine with these containers: the key of each one's sandbox, None for one that has gone or that it is at work on."""

    def __init__(self, keys: list) -> None:
        self.keys = keys

    def containers(self, _filters: dict) -> list[dict]:
        return [{"Id": number} for number in range(len(self.keys))]

    def glimpse(self, number: int) -> dict | None:
        return None if self.keys[number] is None else {"NetworkSettings": {"SandboxKey": self.keys[number]}}


def test_the_mounts_of_namespaces_are_found() -> None:
    assert overlay.mounted(MOUNTS.format(folder="/run/dk/netns")) == ["/run/dk/netns"]
    assert overlay.mounted(MOUNTS.format(folder="/run/a/netns") + MOUNTS.format(folder="/run/b/netns")) == [
        "/run/a/netns",
        "/run/b/netns",
    ]
    assert overlay.mounted("") == []


@pytest.mark.parametrize(
    ("keys", "mounts", "folder"),
    [
        (["/run/snap.docker/netns/abc"], "", "/run/snap.docker/netns"),
        ([None, "", "/run/dk/netns/default"], "", "/run/dk/netns"),
        ([], MOUNTS.format(folder="/run/dk/netns"), "/run/dk/netns"),
        ([""], MOUNTS.format(folder="/run/a/netns") + MOUNTS.format(folder="/run/b/netns"), local.NAMESPACES),
        ([], "", local.NAMESPACES),
    ],
)
def test_the_folder_is_what_a_container_says_or_what_is_mounted(
    monkeypatch, keys: list, mounts: str, folder: str
) -> None:
    monkeypatch.setattr(local, "read_text", lambda path: mounts if path == local.MOUNTS else "")
    assert local.namespaces(Engine(keys)) == folder


class Containers:
    """An engine with these containers of the run, look by look; None is one that runs."""

    def __init__(self, *looks: list) -> None:
        self.looks = list(looks)

    def containers(self, filters: dict, every: bool = False) -> list[dict]:
        if filters.get("status") == "running":
            return [{"Id": "r"}] if None in self.looks[0] else []
        return [{"Id": ident} for ident in self.looks.pop(0)]

    def glimpse(self, container: str) -> dict | None:
        if container == "starting":
            return None
        error = "mkdir /run/x: no space left on device" if container.startswith("full") else ""
        return {"NetworkSettings": {"SandboxKey": "/run/r"}, "State": {"Error": error}}


@pytest.mark.parametrize(
    "error", ["No space left on device", "open /x: too many open files", "fork: cannot allocate memory"]
)
def test_what_the_kernel_refuses_is_known_by_its_own_words(error: str) -> None:
    assert local.is_refused(f"rejected: {error}: unknown") and not local.is_refused("No such image")


@pytest.mark.parametrize(
    ("looks", "last"),
    [
        ([[], []], True),  # nothing comes
        ([[], ["a"], ["a"]], False),  # one was made: it may start
        ([["a"], ["b"], ["c"], ["d"]], True),  # none stays
        ([[], [None]], True),  # it runs
        ([["full1"], ["full1", "full2"]], True),  # refused twice
        ([["full1"], ["full1"]], False),
        ([["starting"], ["starting"]], False),  # the engine tells nothing of it before it runs
    ],
)
def test_a_container_that_will_not_come_is_not_waited_for(monkeypatch, looks: list, last: bool) -> None:
    clock = iter(range(0, 1000, 30))
    monkeypatch.setattr(local.time, "monotonic", lambda: next(clock))
    arrival = local.Arrival(Containers(*looks), "run", "probe", 90)
    assert [arrival.look()[0] for _look in looks] == [False] * (len(looks) - 1) + [last]
