# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The archive of a manager's state, and the engine that is started again by whoever is left."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._daemon import alone, halting, saving
from ansible_collections.swarmlab.overlay.plugins.module_utils._host import HostError


def state_in(root: Path) -> None:
    (root / "swarm" / "raft").mkdir(parents=True)
    (root / "swarm" / "docker-state.json").write_text("{}")
    (root / "swarm" / "raft" / "log").write_bytes(b"x" * 5000)
    (root / "swarm" / "raft" / "log").chmod(0o600)
    (root / "swarm" / "raft").chmod(0o700)


def test_there_and_back(tmp_path: Path) -> None:
    state_in(tmp_path)
    old = os.umask(0)
    try:
        path = saving.path_of(str(tmp_path), "backup.tar.gz")
        saving.pack(str(tmp_path), path)
    finally:
        os.umask(old)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) == 0o700
    size, sha256 = saving.digest(path)
    other = saving.path_of(str(tmp_path), "restore.tar.gz")
    for offset in range(0, size, 100):
        saving.write(other, offset, saving.read(path, offset, 100))
    assert saving.digest(other) == (size, sha256) and stat.S_IMODE(os.stat(other).st_mode) == 0o600
    with pytest.raises(HostError, match="does not have the expected size"):
        saving.write(other, 50, b"x")
    (tmp_path / "swarm" / "raft" / "log").write_text("later")
    aside = saving.unpack(str(tmp_path), other)
    assert (tmp_path / "swarm" / "raft" / "log").read_bytes() == b"x" * 5000
    assert stat.S_IMODE((tmp_path / "swarm" / "raft" / "log").stat().st_mode) == 0o600
    assert (Path(aside) / "raft" / "log").read_text() == "later"
    saving.clear(other)
    saving.clear(other)


@pytest.mark.parametrize("name", ["../x.tar.gz", "x", "", "a/b.tar.gz"])
def test_names_stay_in_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(HostError, match="is not the name of an archive"):
        saving.path_of(str(tmp_path), name)


@pytest.mark.parametrize(
    ("name", "kind", "good"),
    [
        ("swarm", tarfile.DIRTYPE, True),
        ("swarm/raft/log", tarfile.REGTYPE, True),
        ("swarm/../x", tarfile.REGTYPE, False),
        ("/swarm/x", tarfile.REGTYPE, False),
        ("swarmer/x", tarfile.REGTYPE, False),
        ("swarm/x", tarfile.SYMTYPE, False),
        ("swarm/x", tarfile.CHRTYPE, False),
    ],
)
def test_members_of_an_archive(name: str, kind: bytes, good: bool) -> None:
    member = tarfile.TarInfo(name)
    member.type = kind
    assert saving.fits(member) is good


SEEN: dict[str, Any] = {
    "swarm": {"state": "active", "manager": True, "members": [], "node_id": "n1", "error": ""},
    "free": 10**9,
    "size": 10**8,
    "data_root": "/d",
}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, ""),
        ({"swarm": {**SEEN["swarm"], "node_id": "n2"}}, "it is node n2"),
        ({"swarm": {**SEEN["swarm"], "members": None, "error": "no leader"}}, "cannot manage a swarm.*no leader"),
        ({"swarm": {**SEEN["swarm"], "state": "locked"}}, "cannot manage a swarm.*locked"),
        ({"swarm": {**SEEN["swarm"], "manager": False}}, "cannot manage a swarm"),
        ({"free": 10**8}, "the disk of /d has 95 MB free, and 159 MB are needed"),
    ],
)
def test_what_cannot_be_copied(more: dict[str, Any], words: str) -> None:
    found = saving.refusal({**SEEN, **more}, "n1")
    assert bool(found) == bool(words)
    if words:
        with pytest.raises(AssertionError, match=words):
            raise AssertionError(found)


def test_the_guard_starts_the_engine_when_its_parent_is_killed(tmp_path: Path) -> None:
    started = tmp_path / "started"
    script = (
        "import os, subprocess, sys, time\n"
        f"guard = subprocess.Popen(['/bin/sh', '-c', {halting.GUARD!r}, 'guard', 'touch', {str(started)!r}], stdin=subprocess.PIPE,"
        " start_new_session=True)\n"
        "print('ready', flush=True)\n"
        "if sys.argv[1] == 'done':\n    guard.communicate(b'done\\n')\nelse:\n    time.sleep(60)\n"
    )
    subprocess.run([sys.executable, "-c", script, "done"], check=True, capture_output=True, timeout=30)
    assert not started.exists()
    with subprocess.Popen([sys.executable, "-c", script, "hang"], stdout=subprocess.PIPE) as parent:
        assert parent.stdout and parent.stdout.readline()
        parent.kill()
    deadline = time.monotonic() + 10
    while not started.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert started.exists()


def test_ways_to_stop_an_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(halting.process, "has_systemd", lambda: False)
    assert "belong together" in halting.Way("stop", "", 10).problem()
    assert "has no systemd" in halting.Way("", "", 10).problem()
    assert halting.Way("stop", "start it", 10).problem() == ""
    assert halting.Way("stop", "start it", 10).starting == ["start", "it"]
    monkeypatch.setattr(halting.process, "has_systemd", lambda: True)
    assert halting.Way("", "", 10).problem() == ""
    assert halting.Way("", "", 10).starting == ["systemctl", "start", "docker.service"]


def test_what_the_engine_is_asked_for() -> None:
    settings = {
        "ListenAddr": "0.0.0.0:2378", "AdvertiseAddr": "10.0.0.1:2378", "DataPathAddr": "10.1.0.1", "DataPathPort": 5789, "LocalAddr": "",
    }  # fmt: skip
    assert alone.asked(settings, "10.0.0.9") == {
        "ForceNewCluster": True, "ListenAddr": "0.0.0.0:2378", "AdvertiseAddr": "10.0.0.1:2378", "DataPathAddr": "10.1.0.1",
        "DataPathPort": 5789, "Spec": {},
    }  # fmt: skip
    assert alone.asked({}, "10.0.0.9")["AdvertiseAddr"] == "10.0.0.9"
    assert saving.settings_of("[]") == {} == saving.settings_of("no JSON")
