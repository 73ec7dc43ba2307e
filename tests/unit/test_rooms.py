# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Imports between the packages go the way that docs/architecture.md tells."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
HERE = "ansible_collections.swarmlab.overlay.plugins"
NODE: dict[str, set[str]] = {
    "_terms": set(),
    "_host": set(),
    "_redact": set(),
    "_engine": {"_host"},
    "_probe": {"_host"},
    "_discovery": {"_engine", "_probe"},
    "_daemon": {"_engine", "_host", "_probe", "_redact", "_swarm"},
    "_firewall": {"_engine"},
    "_swarm": {"_engine", "_host"},
    "_turn": {"_engine", "_host"},
    "_lesson": {"_engine", "_host", "_probe"},
    "_overlay": {"_daemon", "_discovery", "_engine", "_host", "_probe"},
    "_verify": {"_discovery", "_engine", "_host", "_probe"},
}
CONTROLLER: dict[str, set[str]] = {
    "_archive": {"_redact"},
    "_checks": {"_facts", "_foreign_words", "_host", "_probe"},
    "_diagnosis": {"_checks", "_facts"},
    "_facts": {"_foreign_words", "_verify"},
    "_foreign_words": set(),
    "_lab": {"_archive", "_host"},
    "_lesson": {"_lesson", "_report"},
    "_swarm_plan": {"_host", "_swarm", "swarm_groups"},
    "_report": {"_archive", "_checks", "_facts"},
    "_verification": {"_checks", "_facts", "_foreign_words", "_probe", "_verify"},
    "engine_restarts": {"_daemon", "_swarm"},
    "host_values": set(),
    "lab_action": {"_lab"},
    "module_failure": set(),
    "overlay_hosts": {"_swarm"},
    "swarm_discovery": {"_swarm"},
    "swarm_groups": set(),
    "private_file": set(),
    "standing_helper": {"_probe"},
    "swarm_backups": {"_daemon"},
    "unlock_keys": set(),
    "upgrades": {"_daemon", "_swarm", "_swarm_plan", "engine_restarts"},
    "variable_names": set(),
}


@functools.cache
def imported(path: Path) -> frozenset[tuple[str, ...]]:
    """The parts below plugins/ of every module of ours that a file imports."""
    return frozenset(_imported(path))


def _imported(path: Path) -> Iterator[tuple[str, ...]]:
    package = path.relative_to(PLUGINS).parent.parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            module = tuple((node.module or "").split(".")) if node.module else ()
            if node.level:
                base = package[: len(package) - node.level + 1] + module
            elif (node.module or "").startswith(HERE):
                base = module[len(HERE.split(".")) :]
            else:
                continue
            yield from ((*base, name.name) for name in node.names)


def rooms(folder: str) -> dict[str, set[str]]:
    """For each package of plugins/FOLDER, the packages of both folders that it imports."""
    found: dict[str, set[str]] = {}
    for path in sorted((PLUGINS / folder).rglob("*.py")):
        room = path.relative_to(PLUGINS / folder).parts[0].removesuffix(".py")
        others = {(parts[0], parts[1]) for parts in imported(path) if len(parts) > 1}
        assert folder == "plugin_utils" or not [other for other in others if other[0] != folder], (
            f"{path}: node code imports controller code"
        )
        found.setdefault(room, set()).update(name for where, name in others if (where, name) != (folder, room))
    return found


@pytest.mark.parametrize(("folder", "allowed"), [("module_utils", NODE), ("plugin_utils", CONTROLLER)])
def test_imports_go_one_way(folder: str, allowed: dict[str, set[str]]) -> None:
    found = rooms(folder)
    assert set(found) == set(allowed), "a package is new or gone: tell it here and in docs/architecture.md"
    wrong = {
        room: sorted(others - allowed[room] - {"_terms"})
        for room, others in found.items()
        if others - allowed[room] - {"_terms"}
    }
    assert not wrong, f"imports against the direction (docs/architecture.md): {wrong}"


def test_nobody_imports_a_module_or_an_action() -> None:
    """Modules and actions are the ends of the arrows; verify_run and verify_probe are two halves of one."""
    for path in sorted(PLUGINS.rglob("*.py")):
        ends = {parts[:2] for parts in imported(path) if parts[0] in ("modules", "action", "inventory", "filter")}
        assert ends <= {("action", "verify_probe")}, f"{path} imports {ends}"


def told(part: str) -> dict[str, set[str]]:
    """What the page's tables allow: package -> the packages that it may import. A name behind which is nothing allows nothing."""
    page = (PLUGINS.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = page.partition(f"\n### {part}: ")[2].partition("\n#")[0]
    cells = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("| `")]
    words = [[re.findall(r"`([^`]+)`", cell) for cell in (row[0], row[-1])] for row in cells]
    return {name: set(others) for names, others in words for name in names}


@pytest.mark.parametrize(("part", "allowed"), [("Node code", NODE), ("Controller code", CONTROLLER)])
def test_the_page_tells_every_package_and_what_it_may_import(part: str, allowed: dict[str, set[str]]) -> None:
    found = told(part)
    wrong = {
        name: sorted(found.get(name, {"no row"}) ^ allowed.get(name, {"no package"}))
        for name in found.keys() | allowed.keys()
        if found.get(name) != allowed.get(name)
    }
    assert not wrong, f"docs/architecture.md, '{part}', differs from the lists of this file: {wrong}"
