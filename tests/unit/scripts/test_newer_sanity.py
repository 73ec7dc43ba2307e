# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ansible-test of newer ansible-cores refuses, and that of the oldest supported one, which most people have at hand, does not see."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PLUGINS = Path(__file__).resolve().parents[3] / "plugins"
SENT = sorted(path for folder in ("modules", "module_utils") for path in (PLUGINS / folder).rglob("*.py"))
STARTERS = {"Popen", "call", "check_call", "check_output", "getoutput", "getstatusoutput", "run"}
REASON = "# pylint: disable=ansible-bad-function  # "


@pytest.mark.parametrize("path", SENT, ids=lambda path: str(path.relative_to(PLUGINS)))
def test_a_program_is_started_past_run_command_only_with_a_reason(path: Path) -> None:
    """Since 2.20: AnsibleModule.run_command, or the line that says why not."""
    text = path.read_text(encoding="utf-8")
    calls = [
        node.func
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]
    starts = [
        call
        for call in calls
        if isinstance(call.value, ast.Name) and call.value.id == "subprocess" and call.attr in STARTERS
    ]
    assert not starts or REASON in text, f"line {starts[0].lineno}: put '{REASON}WHY' below the module's docstring"
