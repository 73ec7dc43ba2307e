# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disruptions: which firewall rules are the engine's, what a command said, and that whatever was begun is undone."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._verify import disrupting

SAVED = """*mangle
:OUTPUT ACCEPT [0:0]
-A OUTPUT -p udp -m udp --dport 4789 -m bpf --bytecode "7,32 0 0 4294963252,21 1 0 4097" -j MARK --set-xmark 0xd0c4e3/0xffffffff
COMMIT
*filter
:DOCKER-USER - [0:0]
-A INPUT -p udp -m policy --dir in --pol none -m udp --dport 4789 -m bpf --bytecode "7,32 0 0 4294963252,21 1 0 4097" -j DROP
-A INPUT -j ufw-before-input
-A FORWARD -j DOCKER-USER
COMMIT
"""


def test_rules_of_the_engine_are_its_chains_and_those_of_encryption() -> None:
    assert [line.split()[1] for line in disrupting.of_engine(SAVED)] == ["FORWARD", "INPUT", "OUTPUT"]


@pytest.mark.parametrize(
    ("text", "enabled"),
    [
        ("ENABLED=yes\nLOGLEVEL=low\n", True),
        ('ENABLED="yes"', True),
        ("ENABLED=no\n", False),
        ("#ENABLED=yes", False),
        ("", False),
    ],
)
def test_ufw_that_is_on(text: str, enabled: bool) -> None:
    assert disrupting.ufw_enabled(text) is enabled


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        (["true"], None),
        (["sh", "-c", "exit 7"], "exit code 7"),
        (["sh", "-c", "echo a  b; echo c >&2; exit 1"], "a b c"),
    ],
)
def test_a_command_that_failed_is_told_in_its_own_words(command: list, problem: str | None) -> None:
    assert disrupting._run(command) == problem


def test_a_command_that_is_not_there_is_a_problem() -> None:
    assert "no-such-tool" in (disrupting._run(["no-such-tool"]) or "")


def test_only_what_is_new_or_differs_is_waited_for() -> None:
    before = {"web": "1 of 2 tasks run", "db": "0 of 1 tasks run"}
    now = {"web": "1 of 2 tasks run", "db": "still 0 of 1", "new": "0 of 3 tasks run"}
    assert disrupting._more(now, before) == {"db": "still 0 of 1", "new": "0 of 3 tasks run"}


def plan_of(run: str, **parts: object) -> dict:
    return {"run": run, "lease": 20, **parts}


def undone_within(path: Path, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end and not path.exists():
        time.sleep(0.05)
    return path.exists()


@pytest.fixture
def run_id(tmp_path: Path) -> str:
    return "unit" + tmp_path.parent.name.rpartition("-")[2] + tmp_path.name[-6:].replace("_", "")


def test_what_was_begun_is_undone_at_its_end_though_nobody_asks(tmp_path: Path, run_id: str) -> None:
    plan, mark = plan_of(run_id), tmp_path / "undone"
    assert disrupting._held(plan, 0.5, mark.touch) is None
    try:
        assert undone_within(mark, 20)
    finally:
        assert disrupting._taken_back(plan) is None


def test_undoing_can_be_asked_for_and_its_failure_is_told(tmp_path: Path, run_id: str) -> None:
    plan, mark = plan_of(run_id), tmp_path / "undone"

    def undo() -> str:
        mark.touch()
        return "the table is still there"

    assert disrupting._held(plan, 600, undo) is None
    assert not mark.exists()
    assert disrupting._taken_back(plan) == "the table is still there" and mark.exists()


def test_a_helper_that_was_gone_is_told() -> None:
    assert disrupting._taken_back(plan_of("unitnobody")) == "whatever should have undone it was gone"
