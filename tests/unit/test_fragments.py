# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What modules have in common is documented once, in plugins/doc_fragments."""

from __future__ import annotations

import functools
from collections import defaultdict
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.yaml import yaml_load

MODULES = sorted((Path(__file__).resolve().parents[2] / "plugins" / "modules").glob("*.py"))
OFTEN = 3
ENGINE = "swarmlab.overlay.engine"


@functools.cache
def documentation(path: Path) -> dict[str, Any]:
    module = import_module(f"ansible_collections.swarmlab.overlay.plugins.modules.{path.stem}")
    told: dict[str, Any] = yaml_load(module.DOCUMENTATION)
    return told


def fragments(path: Path) -> list[str]:
    return documentation(path).get("extends_documentation_fragment") or []


def test_no_option_attribute_or_note_stands_word_by_word_in_three_modules() -> None:
    modules = defaultdict(list)
    for path in MODULES:
        told = documentation(path)
        for kind in ("options", "attributes"):
            for name, text in (told.get(kind) or {}).items():
                if "description" in text or "details" in text:  # the rest is only the level of support
                    modules[(kind, name, repr(sorted(text.items())))].append(path.stem)
        for kind in ("notes", "requirements"):
            for text in told.get(kind) or []:
                modules[(kind, "", text)].append(path.stem)
    assert {text: names for text, names in modules.items() if len(names) >= OFTEN} == {}


@pytest.mark.parametrize("path", [path for path in MODULES if ENGINE in fragments(path)], ids=lambda path: path.stem)
def test_a_module_requires_the_sdk_when_it_uses_it(path: Path) -> None:
    uses = "module_utils._engine.sdk import" in path.read_text(encoding="utf-8")
    assert (f"{ENGINE}.sdk" in fragments(path)) == uses
