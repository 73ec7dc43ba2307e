# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of a node that could not tell: a reason, and what it said."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.action import verify_probe
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine import transport


def failed(**details: str | int) -> dict:
    return {"failed": True, "msg": "told by the module", **details}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (failed(**transport.Unanswered("unix:///x", 5).details), "engine-hangs"),
        (failed(**transport.unreachable("unix:///x", "no socket").details), "engine-stopped"),
        (failed(reason_code="swarm-locked"), "swarm-locked"),
        (failed(msg="refused: The swarm does not have a leader."), "no-leader"),
        (failed(msg="The Docker Engine on vm3 refused: open /x/.tmp-link1: too many open files"), "limit-reached"),
        (failed(msg="The Docker Engine on vm3 refused: mkdir /x: no space left on device"), "disk-full"),
        (failed(msg="The Docker Engine on vm3 refused: mkdir /x: read-only file system"), "disk-read-only"),
        (failed(msg="fork: Cannot allocate memory"), "memory-short"),
        (failed(), "module-failed"),
        ({"msg": "gave nothing"}, "module-failed"),
    ],
)
def test_a_module_that_fails_gives_its_reason(answer: dict, reason: str) -> None:
    action = object.__new__(verify_probe.ActionModule)
    action._execute_module = lambda **_given: answer
    found = action._ask({}, {"inventory_hostname": "vm1"})
    assert (found["reason"], found["problem"], found["seen"]) == (reason, answer["msg"], None)


@pytest.mark.parametrize(("code", "reason"), [(137, "memory-short"), (-9, "memory-short"), (1, "module-failed")])
def test_a_module_that_was_killed_tells_of_memory(code: int, reason: str) -> None:
    action = object.__new__(verify_probe.ActionModule)
    action._execute_module = lambda **_given: failed(msg="No start of json char found", rc=code, module_stdout="")
    found = action._ask({}, {"inventory_hostname": "vm1"})
    assert found["reason"] == reason and found["problem"].endswith("No start of json char found")
    assert found["problem"].startswith(verify_probe.KILLED) is (code != 1)


def test_what_a_module_saw_is_handed_on() -> None:
    action = object.__new__(verify_probe.ActionModule)
    action._execute_module = lambda **_given: {"seen": {"leader": True}, "changed": False}
    assert action._ask({}, {"inventory_hostname": "vm1"}) == {"changed": False, "seen": {"leader": True}}
