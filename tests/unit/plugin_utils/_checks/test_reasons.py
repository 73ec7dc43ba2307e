# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reasons are what programs match: all are listed, what the diagnosis matches is emitted, and no text matters to it."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils import _checks
from ansible_collections.swarmlab.overlay.plugins.plugin_utils import _foreign_words as foreign
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._checks import _paths, _reasons
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._diagnosis import node_rules, told

ROOT = Path(_checks.__file__).parents[3]
NONSENSE = "qux"


@functools.cache
def source(name: str) -> ast.Module:
    return ast.parse((ROOT / "plugins" / "plugin_utils" / name).read_text(encoding="utf-8"))


def texts(node: ast.AST) -> set:
    return {part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)}


@functools.cache
def emitted() -> dict[str, set]:
    """File of the checks -> the reasons that it names."""
    files = sorted((ROOT / "plugins" / "plugin_utils" / "_checks").glob("*.py"))
    known = {path.stem: texts(source(f"_checks/{path.name}")) & set(_reasons.RESULTS) for path in files}
    return {name: found for name, found in known.items() if name != "_reasons"}


def test_every_result_has_a_reason_that_is_listed() -> None:
    for path in (ROOT / "plugins" / "plugin_utils" / "_checks").glob("*.py"):
        for call in ast.walk(source(f"_checks/{path.name}")):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "result":
                reason = call.args[2]
                branches = [reason.body, reason.orelse] if isinstance(reason, ast.IfExp) else [reason]
                constants = [part.value for part in branches if isinstance(part, ast.Constant)]
                unknown = set(constants) - set(_reasons.RESULTS)
                assert not unknown, f"{path.name}:{call.lineno}: register {unknown} in _reasons.py and docs/reasons.md"
                assert constants or isinstance(reason, ast.Name), (path.name, call.lineno)


def test_every_listed_reason_is_given_by_a_check() -> None:
    idle = set(_reasons.RESULTS) - set().union(*emitted().values())
    assert not idle, f"no check gives these reasons; take them out of _reasons.py and docs/reasons.md: {idle}"


@pytest.mark.parametrize(
    "line", [*told.READ, *told.DEEP, *told.TABLES, *told.LATE, *told.SERVICES], ids=lambda line: line.check + line.id
)
def test_what_the_diagnosis_matches_is_given_by_that_check(line: told.Line) -> None:
    module = "_resolving" if line.check == "SD-*" else line.check.lower().replace("-", "_")
    unknown = set(line.reasons) - emitted()[module]
    assert not unknown, f"{module}.py never gives {unknown}, which the line {line.id} of told.py looks for"


def test_problems_that_are_causes_are_listed() -> None:
    assert set(node_rules.PROBLEMS) | {_paths.NOT_STARTED} <= set(_reasons.PROBLEMS)
    assert set(node_rules.TASKS) <= set(_reasons.REFUSALS)
    spoken = {words.reason for words in foreign.HOST}, {words.reason for words in (*foreign.TASK, *foreign.ATTACHMENT)}
    assert spoken[0] <= set(_reasons.PROBLEMS) and spoken[1] <= set(_reasons.REFUSALS)


def test_nodes_and_the_controller_give_problems_that_are_listed() -> None:
    """Whatever stands behind ``reason_code``, or is taken for one, in what runs on nodes and reads it."""
    plugins = ROOT / "plugins"
    paths = [*(plugins / "module_utils" / "_engine").glob("*.py"), *(plugins / "module_utils" / "_verify").glob("*.py")]
    found = {
        keyword.value.value
        for path in [*paths, plugins / "action" / "verify_probe.py"]
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        for keyword in call.keywords
        if keyword.arg == "reason_code" and isinstance(keyword.value, ast.Constant)
    }
    assert found == {"disk-full", "engine-hangs", "engine-part-stopped", "engine-stopped", "node-starved"}
    assert found <= set(_reasons.PROBLEMS)


@pytest.mark.parametrize("words", [*foreign.HOST, *foreign.TASK, *foreign.ATTACHMENT], ids=lambda words: words.sample)
def test_words_of_others_are_found_in_what_they_said(words: foreign.Words) -> None:
    assert words.pattern.search(words.sample) and re.search(r"\d", words.versions)
    among = next(group for group in (foreign.HOST, foreign.TASK, foreign.ATTACHMENT) if words in group)
    assert foreign.reason(words.sample, among, "") == words.reason
    assert foreign.reason(NONSENSE, among, "other") == "other"


def test_the_page_about_reasons_lists_them_all() -> None:
    page = (ROOT / "docs" / "reasons.md").read_text(encoding="utf-8")
    parts = [re.findall(r"(?m)^\| `([a-z0-9-]+)` \| (.+) \|$", part) for part in page.split("\n## ")[1:]]
    for part, listed in zip(parts, (_reasons.RESULTS, _reasons.PROBLEMS, _reasons.REFUSALS), strict=True):
        wrong = sorted(set(part) ^ set(listed.items()))
        assert not wrong, f"docs/reasons.md and _reasons.py differ: {wrong}"


@pytest.mark.parametrize("reason", [*_reasons.RESULTS, *_reasons.PROBLEMS, *_reasons.REFUSALS])
def test_reasons_are_kebab_case(reason: str) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", reason)
