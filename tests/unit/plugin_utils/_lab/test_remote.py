# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An answer of a node that is cut off is asked for once more."""

from __future__ import annotations

import subprocess

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab import remote
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab.driver import Answer

COMMANDS = {"one": "echo 1", "two": "echo 2"}


class Machine:
    """A driver whose first answers lose their end."""

    def __init__(self, losses: int, problem: str | None = None) -> None:
        self.losses, self.problem, self.asked = losses, problem, 0

    def execute(self, _name: str, script: str, _seconds: int) -> Answer:
        self.asked += 1
        answer = Answer()
        answer.output = subprocess.run(["sh", "-c", script], stdout=subprocess.PIPE, check=True).stdout
        if self.asked <= self.losses:
            answer.output, answer.problem = answer.output[: len(answer.output) // 2], self.problem
        return answer


@pytest.mark.parametrize(
    ("losses", "problem", "told", "asked"),
    [(0, None, None, 1), (1, None, None, 2), (2, None, remote.CUT, 2), (1, "it was slow", "it was slow", 1)],
)
def test_a_cut_answer_is_asked_for_once_more(losses: int, problem: str | None, told: str | None, asked: int) -> None:
    machine = Machine(losses, problem)
    found, why = remote.ask(machine, ["vm1"], COMMANDS, 5, 10)["vm1"]
    assert (why, machine.asked) == (told, asked)
    assert told or (found["one"].strip(), found["two"].strip()) == ("1", "2")
