# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what was registered of a host to a reason and a text."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._facts import problems
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._facts.problems import Problem


@pytest.mark.parametrize(
    ("result", "seen", "found"),
    [
        (None, None, Problem("no-answer", "gave no answer (phase open)")),
        ({"problem": "off", "reason": "node-unreachable"}, None, Problem("node-unreachable", "off (phase open)")),
        ({"problem": "odd"}, None, Problem("module-failed", "odd (phase open)")),
        ({"idle": True}, None, None),
        ({"msg": "no root"}, None, Problem("module-failed", "no root (phase open)")),
        ({"run": "r1"}, None, Problem("module-failed", "gave no result (phase open)")),
        ({"run": "r1"}, {"errors": []}, None),
        ({"run": "r1"}, {"errors": ["wire: no"]}, Problem("helper-failed", "wire: no")),
        ({"run": "r1"}, {"opened": {"errors": ["a", "b"]}}, Problem("helper-failed", "a; b")),
        ({"run": "r1"}, {"errors": ["late"], "reason": "probe-not-started"}, Problem("probe-not-started", "late")),
    ],
)
def test_why_a_host_cannot_be_judged(result: dict | None, seen: dict | None, found: Problem | None) -> None:
    assert problems.of_host("open", result, seen) == found


@pytest.mark.parametrize(
    ("text", "reason", "state"),
    [
        ("new: created", "addresses-exhausted", "new"),
        ("pending: could not find an available IP while allocating VIP", "addresses-exhausted", "pending"),
        ("rejected: No such image: x", "image-missing", "rejected"),
        ("failed: task: non-zero exit (1)", "task-not-running", "failed"),
    ],
)
def test_why_a_task_does_not_run(text: str, reason: str, state: str) -> None:
    assert problems.of_task(text) == problems.TaskProblem(reason, text, state)


def test_why_an_object_was_refused() -> None:
    assert problems.of_part("could not find an available IP").reason == "addresses-exhausted"
    assert problems.of_part("name taken") == Problem("engine-refused", "name taken")
