# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of a node that could not tell: a reason, and what it said."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.action import verify_probe
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine import transport


def failed(**details: str) -> dict:
    return {"failed": True, "msg": "told by the module", **details}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (failed(**transport.unanswered("unix:///x", 5).details), "engine-hangs"),
        (failed(**transport.unreachable("unix:///x", "no socket").details), "engine-stopped"),
        (failed(reason_code="swarm-locked"), "swarm-locked"),
        (failed(msg="refused: The swarm does not have a leader."), "no-leader"),
        (failed(), "module-failed"),
        ({"msg": "gave nothing"}, "module-failed"),
    ],
)
def test_a_module_that_fails_gives_its_reason(answer: dict, reason: str) -> None:
    action = object.__new__(verify_probe.ActionModule)
    action._execute_module = lambda **_given: answer
    found = action._ask({}, {"inventory_hostname": "vm1"})
    assert (found["reason"], found["problem"], found["seen"]) == (reason, answer["msg"], None)


def test_what_a_module_saw_is_handed_on() -> None:
    action = object.__new__(verify_probe.ActionModule)
    action._execute_module = lambda **_given: {"seen": {"leader": True}, "changed": False}
    assert action._ask({}, {"inventory_hostname": "vm1"}) == {"changed": False, "seen": {"leader": True}}
