# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A helper that carries out orders between two tasks, and the controller's side of it."""

from __future__ import annotations

import os
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
    time.sleep(order.get("seconds", 0))
    return {"seen": order["say"]}


@pytest.fixture
def door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[standing.Door]:
    monkeypatch.setattr(background, "ROOT", str(tmp_path / "root"))
    found = standing.begin(background.Lease(RUN, 30.0), answer)
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
    door = standing.begin(background.Lease(RUN, 0.3), answer)
    assert standing_helper.ask(execute, door, {"say": "slow", "seconds": 0.8}) == {"seen": "slow"}
    deadline = time.monotonic() + 20
    while Path(background.ROOT).exists():
        assert time.monotonic() < deadline, "a forgotten helper does not end"
        time.sleep(0.1)
    assert standing_helper.ask(execute, door, {"say": "x"}) is None
