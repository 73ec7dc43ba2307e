# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What actions take is what their modules document: ansible-test compares specifications of modules only."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.module_utils.common.yaml import yaml_load
from ansible.plugins.action import ActionBase

PLUGINS = Path(__file__).resolve().parents[3] / "plugins"
SPECIFIED = sorted(
    path.stem
    for path in (PLUGINS / "action").glob("*.py")
    if "validate_argument_spec(" in path.read_text(encoding="utf-8")
)
COMPARED = {"type": "str", "default": None, "required": False, "choices": None, "elements": None}


class Taken(Exception):
    """The specification that an action gave."""


def documented(name: str) -> dict[str, Any]:
    module = import_module(f"ansible_collections.swarmlab.overlay.plugins.modules.{name}")
    told = yaml_load(module.DOCUMENTATION)
    options = dict(told.get("options") or {})
    for fragment in told.get("extends_documentation_fragment") or []:
        file, _dot, part = fragment.removeprefix("swarmlab.overlay.").partition(".")
        shared = import_module(f"ansible_collections.swarmlab.overlay.plugins.doc_fragments.{file}").ModuleDocFragment
        options.update(yaml_load(getattr(shared, (part or "documentation").upper())).get("options") or {})
    return options


def taken(name: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the action gives to Ansible to check its arguments by."""

    def take(self: ActionBase, argument_spec: dict[str, Any] | None = None, **more: Any) -> None:
        raise Taken(argument_spec)

    monkeypatch.setattr(ActionBase, "validate_argument_spec", take)
    monkeypatch.setattr(ActionBase, "run", lambda self, tmp=None, task_vars=None: {})
    action_class = import_module(f"ansible_collections.swarmlab.overlay.plugins.action.{name}").ActionModule
    action = action_class.__new__(action_class)
    action._task = SimpleNamespace(args={}, check_mode=False)
    with pytest.raises(Taken) as told:
        action.run(task_vars={})
    return told.value.args[0]


def comparable(options: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: {key: option.get(key, usual) for key, usual in COMPARED.items()} for name, option in options.items()}


@pytest.mark.parametrize("name", SPECIFIED)
def test_an_action_takes_what_its_module_documents(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert comparable(taken(name, monkeypatch)) == comparable(documented(name))


@pytest.mark.parametrize("path", sorted((PLUGINS / "action").glob("*.py")), ids=lambda path: path.stem)
def test_every_action_is_documented_by_a_module(path: Path) -> None:
    assert (PLUGINS / "modules" / path.name).is_file()
