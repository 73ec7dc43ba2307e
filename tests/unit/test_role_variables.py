# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What -e name=value gives is a string, and Ansible's validation of a role's arguments hands it on as it is. A template that asks whether
"false" is true, or for an attribute of a string, does the opposite of what was said."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible.module_utils.common.yaml import yaml_load

TOP = Path(__file__).resolve().parents[2]
FILES = sorted([*TOP.glob("roles/*/tasks/*.yml"), *TOP.glob("roles/*/vars/*.yml"), *TOP.glob("playbooks/*.yml")])
HANDED_ON = r'\w+: "\{\{ NAME(?: \| default\([^)]*\))? \}\}"'  # to a module, which reads it by its own specification


def variables(*kinds: str) -> list[str]:
    """The variables of all roles that have one of these types."""
    return sorted(
        {
            name
            for path in TOP.glob("roles/*/meta/argument_specs.yml")
            for entry in yaml_load(path.read_text(encoding="utf-8"))["argument_specs"].values()
            for name, option in (entry.get("options") or {}).items()
            if option.get("type") in kinds
        }
    )


def lines() -> Iterator[tuple[Path, str]]:
    for path in FILES:
        for line in path.read_text(encoding="utf-8").splitlines():
            if not line.lstrip().startswith(("#", "msg:", "This swarm")):
                yield path, line.strip()


def untyped(name: str, text: str) -> bool:
    """Whether a line uses the variable as what it need not be."""
    used = re.findall(rf"\b{name}\b(?!:)(.{{0,30}})", text)
    return any(not re.match(r" \| (?:bool|swarmlab\.overlay\.typed)\b|=", rest) for rest in used)


@pytest.mark.parametrize("name", variables("bool"))
def test_a_boolean_is_read_as_one_before_a_template_decides_by_it(name: str) -> None:
    handed_on = re.compile(HANDED_ON.replace("NAME", name))
    wrong = [
        f"{path.relative_to(TOP)}: {line}"
        for path, line in lines()
        if not handed_on.fullmatch(line) and untyped(name, line)
    ]
    assert not wrong


@pytest.mark.parametrize("name", variables("dict"))
def test_a_dictionary_is_read_as_one_before_a_template_asks_for_its_parts(name: str) -> None:
    wrong = [
        f"{path.relative_to(TOP)}: {line}" for path, line in lines() if re.search(rf"\b{name}(?:\.(?!yml)\w|\[)", line)
    ]
    assert not wrong
