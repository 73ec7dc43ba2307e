# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A helper that carries out orders between two tasks, and the controller's side of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._probe import background, standing
from ansible_collections.swarmlab.overlay.plugins.plugin_utils import standing_helper

RUN = "a-run"


def execute(command: str) -> dict[str, t.Any]:
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=30, check=False)
    return {"rc": done.returncode, "stdout": done.stdout, "stderr": done.stderr}


def idle(ready: t.Callable[[], None], stopped: t.Callable[[], bool]) -> None:
    ready()
    while not stopped():
        time.sleep(0.05)


def answer(order: dict[str, t.Any]) -> dict[str, t.Any]:
    if order["say"] == "start":
        assert background.start(background.Lease(RUN, 30.0), "other", idle) is None
    if order["say"] == "break":
        raise LookupError("not data")
    if order["say"] == "trace":
        Path(order["path"]).touch()
    if order["say"] == "forgotten":
        background.Lease(RUN, 0.3).renew()
    time.sleep(order.get("seconds", 0))
    return {"seen": order["say"]}


@pytest.fixture
def door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[standing.Door]:
    monkeypatch.setattr(background, "ROOT", str(tmp_path / "root"))
    monkeypatch.setattr(background, "HANG", 300)  # a busy machine freezes it for longer than 30 s
    found = standing.begin(background.Lease(RUN, 300.0), answer)
    assert found is not None
    yield found
    standing.end(RUN)


def test_orders_are_answered_one_after_the_other(door: standing.Door) -> None:
    for words in ("olá", 'it\'s "quoted" $HOME `x`', "x" * 50_000):
        assert standing_helper.ask(execute, door, {"say": words}) == {"seen": words}


def test_what_stands_before_the_answer_is_not_taken_for_it(door: standing.Door) -> None:
    def greeted(command: str) -> dict[str, t.Any]:
        told = execute(command)
        return {**told, "stdout": f"Welcome to vm1\n{told['stdout']}"}

    assert standing_helper.ask(greeted, door, {"say": "x"}) == {"seen": "x"}


def test_one_that_breaks_off_is_a_failure_and_the_next_is_answered(door: standing.Door) -> None:
    told = standing_helper.ask(execute, door, {"say": "break"})
    assert told and told["failed"] and "broke off (it said nothing)" in told["msg"]
    assert standing_helper.ask(execute, door, {"say": "x"}) == {"seen": "x"}


def test_a_helper_that_an_order_started_keeps_nobody_waiting(door: standing.Door) -> None:
    began = time.monotonic()
    assert standing_helper.ask(execute, door, {"say": "start"}) == {"seen": "start"}
    background.stop(RUN, [standing.NAME])
    assert standing_helper.ask(execute, door, {"say": "x"}) is None, "somebody else listens"
    assert time.monotonic() - began < 15
    background.stop(RUN, ["other"])


def test_nobody_is_asked_where_there_is_no_helper_or_it_has_ended(door: standing.Door) -> None:
    assert standing_helper.ask(execute, None, {"say": "x"}) is None
    standing.end(RUN)
    assert standing_helper.ask(execute, door, {"say": "x"}) is None
    assert not Path(background.ROOT).exists(), "it left its folder"


def test_one_that_is_frozen_is_passed_over_and_carries_nothing_out_when_it_thaws(
    door: standing.Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing_helper, "GREETING", 0.3)
    pid = json.loads(Path(door["path"]).with_name(f"{standing.NAME}.pid").read_text())["pid"]
    trace = tmp_path / "trace"
    os.kill(pid, signal.SIGSTOP)
    for _time in range(7):  # more than its queue takes
        assert standing_helper.ask(execute, door, {"say": "trace", "path": str(trace)}) is None
    os.kill(pid, signal.SIGCONT)
    monkeypatch.setattr(standing_helper, "GREETING", 20)
    assert standing_helper.ask(execute, door, {"say": "x"}) == {"seen": "x"}
    assert not trace.exists()


def test_a_frozen_one_is_removed_at_the_end(door: standing.Door) -> None:
    path = Path(door["path"]).with_name(f"{standing.NAME}.pid")
    who = json.loads(path.read_text())
    os.kill(who["pid"], signal.SIGSTOP)
    background.stop(RUN, [standing.NAME], seconds=0.1)
    deadline = time.monotonic() + 20
    while background.started_at(who["pid"]) == who["started"]:
        assert time.monotonic() < deadline, "it is still there"
        time.sleep(0.05)


def test_one_that_takes_an_order_and_hangs_is_a_failure(door: standing.Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing_helper, "ANSWER", 0.3)
    told = standing_helper.ask(execute, door, {"say": "slow", "seconds": 2})
    assert told and told["failed"] and "did not answer within 0.3 s" in told["msg"]


def test_an_order_that_no_command_line_takes_is_left_to_a_module(door: standing.Door) -> None:
    words = os.urandom(standing.LONGEST).hex()
    assert standing_helper.ask(execute, door, {"say": words}) is None


def test_only_the_owner_may_enter(door: standing.Door) -> None:
    assert Path(door["path"]).parent.stat().st_mode & 0o077 == 0


def test_a_helper_that_is_forgotten_ends_and_what_it_has_begun_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "ROOT", str(tmp_path / "root"))
    monkeypatch.setattr(background, "LOOK", 0.1)
    door = standing.begin(background.Lease(RUN, 30.0), answer)
    assert standing_helper.ask(execute, door, {"say": "forgotten", "seconds": 0.8}) == {"seen": "forgotten"}
    deadline = time.monotonic() + 20
    while Path(background.ROOT).exists():
        assert time.monotonic() < deadline, "a forgotten helper does not end"
        time.sleep(0.1)
    assert standing_helper.ask(execute, door, {"say": "x"}) is None
