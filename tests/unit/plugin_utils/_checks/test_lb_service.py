# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""LB-SERVICE: a task is deaf at a port where its own node does not reach it either, and nobody else does."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._checks import lb_service

OWN, OTHER, THIRD = ("vm2", "t2", 80), ("vm1", "t2", 80), ("vm3", "t2", 80)
DEAD = "no answer"


@pytest.mark.parametrize(
    ("straight", "deaf"),
    [
        ({OWN: DEAD, OTHER: DEAD, THIRD: DEAD}, True),
        ({OWN: DEAD}, True),
        ({OTHER: DEAD, THIRD: DEAD}, False),  # its own node was not asked
        ({OWN: None, OTHER: DEAD, THIRD: DEAD}, False),
        ({OWN: DEAD, OTHER: None, THIRD: DEAD}, False),
        ({OWN: DEAD, OTHER: DEAD, ("vm2", "t2", 81): None}, True),  # another port of it
        ({OWN: DEAD, OTHER: DEAD, ("vm2", "t1", 80): None}, True),  # another task
        ({OTHER: DEAD, ("vm2", "t2", 81): DEAD}, False),
        ({OTHER: DEAD, ("vm2", "t1", 80): DEAD}, False),
        ({}, False),
    ],
)
def test_a_deaf_task(straight: dict, deaf: bool) -> None:
    seen = lb_service._Seen.__new__(lb_service._Seen)
    seen.straight = straight
    seen.asked = SimpleNamespace(
        backends=[SimpleNamespace(task="t1", host="vm1"), SimpleNamespace(task="t2", host="vm2")]
    )
    assert seen._deaf("t2", 80) is deaf
