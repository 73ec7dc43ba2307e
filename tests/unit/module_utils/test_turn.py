# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules that would disturb each other work one after the other on a host."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils import _turn
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.transport import EngineError
from ansible_collections.swarmlab.overlay.plugins.module_utils._host import HostError

HOLD = """
import sys, time
tests, lock = sys.argv[1:]
sys.path.insert(0, tests)
import conftest  # lets the collection be imported
from ansible_collections.swarmlab.overlay.plugins.module_utils import _turn
with _turn.taken("vm4 is drained", 0, False, lock):
    print("held", flush=True)
    time.sleep(60)
"""


def held(lock: Path) -> subprocess.Popen[str]:
    """Another process that holds the lock."""
    argv = [sys.executable, "-c", HOLD, str(Path(__file__).resolve().parents[2]), str(lock)]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


def test_the_second_is_refused_and_told_what_goes_on(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with held(lock) as first:
        with pytest.raises(HostError) as told, _turn.taken("vm4 is given back", 0, False, str(lock)):
            pytest.fail("two at a time")
        assert f"vm4 is drained (process {first.pid}, since " in str(told.value) and "Nothing was changed" in str(
            told.value
        )
        with _turn.taken("the plan", 0, True, str(lock)):  # check mode changes nothing, and waits for nobody
            pass
        first.kill()


def test_the_second_waits_for_the_first_and_for_no_dead_one(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with held(lock) as first:
        subprocess.Popen(["sh", "-c", f"sleep 1; kill -KILL {first.pid}"])
        began = time.monotonic()
        with _turn.taken("vm4 is given back", 30, False, str(lock)):
            assert time.monotonic() - began > 0.5
            assert lock.read_text().startswith("vm4 is given back (process ")
    assert first.returncode == -signal.SIGKILL
    with _turn.taken("again", 0, False, str(lock)):  # the file of the dead says nothing
        pass


def test_an_engine_that_is_stopped_meanwhile_is_asked_again(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    asked = []

    def look() -> str:
        asked.append(1)
        if len(asked) % 2:
            raise EngineError("it does not answer")
        return "it answers"

    with pytest.raises(EngineError):  # nobody works there
        _turn.again(look, 30, str(lock))
    asked.clear()
    with held(lock) as first:
        with pytest.raises(EngineError):
            _turn.again(look, 0.5, str(lock))
        asked.clear()
        subprocess.Popen(["sh", "-c", f"sleep 1; kill -KILL {first.pid}"])
        assert _turn.again(look, 30, str(lock)) == "it answers"
    asked.clear()
    with pytest.raises(EngineError):  # the file of the dead holds nobody up
        _turn.again(look, 30, str(lock))


def test_a_child_does_not_keep_the_lock(tmp_path: Path) -> None:
    """An engine that is started inside would hold it for its life."""
    lock = str(tmp_path / "lock")
    with _turn.taken("a start", 0, False, lock):
        child = subprocess.Popen(["sleep", "60"])
    with _turn.taken("the next", 0, False, lock):
        child.kill()
    child.wait()


def test_no_link_of_somebody_else_is_followed(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "other")
    with pytest.raises(HostError, match="cannot be opened"), _turn.taken("x", 0, False, str(tmp_path / "lock")):
        pytest.fail("followed")
    assert not (tmp_path / "other").exists()


def test_every_user_has_a_place_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert _turn.path() == "/run/swarmlab-overlay.lock"
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert _turn.path().endswith("/swarmlab-overlay-1000.lock")
