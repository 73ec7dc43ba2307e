# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The facts of a run: each part is there for somebody, and nothing changes them."""

from __future__ import annotations

import ast
import dataclasses
import functools
from pathlib import Path

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._facts import model
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._verification import facts

PLUGINS = Path(model.__file__).parents[2]
ROOMS = ("_checks", "_diagnosis", "_report", "_verification")


@functools.cache
def read_somewhere() -> set[str]:
    """Names of attributes that the controller's code reads."""
    paths = [path for room in ROOMS for path in (PLUGINS / "plugin_utils" / room).glob("*.py")]
    trees = [
        ast.parse(path.read_text(encoding="utf-8")) for path in (*paths, *(PLUGINS / "action").glob("verify_*.py"))
    ]
    return {node.attr for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


@pytest.mark.parametrize("field", dataclasses.fields(model.Facts), ids=lambda field: field.name)
def test_every_part_of_the_facts_has_a_reader(field: dataclasses.Field) -> None:
    assert field.name in read_somewhere()


def test_before_any_phase_nothing_is_known_and_nothing_breaks() -> None:
    found = facts.assemble(["vm1"], {"run": "r1", "needs": []}, {})
    assert (found.leader, found.swarm, found.networks, found.problems, found.disrupted) == (None, {}, [], {}, {})
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.leader = "vm1"  # type: ignore[misc]


def test_what_the_managers_refused_and_what_tasks_wait_for_have_reasons() -> None:
    made = {**facts.NOTHING_MADE, "refused": {"speed": "could not find an available IP"}}
    view = {"convergence": {"seconds": 3.0, "errors": {"id1": "rejected: No such image: x"}}}
    seen = {
        "leader": True,
        "node": {"id": "id1", "role": "manager"},
        "made": made,
        "view": view,
        "opened": {"errors": []},
    }
    found = facts.assemble(["vm1"], {"run": "r1", "needs": []}, {"prepare": {"vm1": {"seen": seen}}})
    assert found.leader == "vm1" and found.viewed
    assert found.refused["speed"].reason == "addresses-exhausted"
    assert (found.task_problems["id1"].reason, found.task_problems["id1"].state) == ("image-missing", "rejected")
