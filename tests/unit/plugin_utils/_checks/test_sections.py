# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes with every check: its section in docs/checks.md, the row of each of its tags there, and a unit test of its own."""

from __future__ import annotations

import ast
import fnmatch
import re
from pathlib import Path

import pytest
from sound import CHECKS

PAGE = (Path(__file__).resolve().parents[4] / "docs" / "checks.md").read_text(encoding="utf-8")
SECTIONS = {part.split("\n")[0]: part for part in PAGE.split("\n## ")[1:]}
ROWS = re.findall(r"(?m)^\| (.+?) \| (.+?) \|$", SECTIONS["Choosing"])
PLACES = ("swarm", "machines", "facts")
BASICS = ("P0", "P1")  # their rows name no checks
DISRUPTIVE = "disruptive"  # test_disruption.py goes through all of them


def test_every_section_about_a_check_is_about_one_that_exists() -> None:
    found = {name for name in SECTIONS if re.fullmatch(r"[A-Z]+(-[A-Z0-9]+)+", name)}
    assert found == set(CHECKS), f"docs/checks.md and the checks differ in {sorted(found ^ set(CHECKS))}"


@pytest.mark.parametrize("ident", sorted(CHECKS))
def test_a_section_tells_what_is_asserted_and_how_the_check_was_seen_to_fail(ident: str) -> None:
    text = SECTIONS.get(ident, "")
    lacking = [label for label in ("Asserts", "How", "Control") if f"\n- **{label}**:" not in text]
    assert not lacking, f"docs/checks.md, section {ident}, lacks {lacking}"
    control = text.partition("- **Control**:")[2].partition("\n- **")[0]
    places = "|".join(PLACES)
    assert re.search(rf"\((?:[^()]*\W)?(?:{places})\b", control), (
        f"{ident}: its control names none of the places {places}"
    )


@pytest.mark.parametrize("tag", sorted({tag for check in CHECKS.values() for tag in check.TAGS} - set(BASICS)))
def test_the_row_of_a_tag_names_its_checks(tag: str) -> None:
    words = [
        word for names, text in ROWS if tag in names.split(", ") for word in re.findall(r"[A-Z]+-[A-Z0-9*-]+", text)
    ]
    told = {ident for ident in CHECKS for word in words if fnmatch.fnmatchcase(ident, word)}
    tagged = {ident for ident, check in CHECKS.items() if tag in check.TAGS}
    assert told == tagged, f"docs/checks.md, Choosing, tag {tag}: it differs from TAGS in {sorted(told ^ tagged)}"


def named_in_tests() -> str:
    """The texts in the tests of checks, without those in sets, which only list checks of a sort."""
    found = []
    for path in Path(__file__).parent.glob("test_*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        sets = {id(part) for node in ast.walk(tree) if isinstance(node, ast.Set) for part in node.elts}
        found += [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in sets]
    return "\n".join(text for text in found if isinstance(text, str))


def test_every_check_has_a_test_of_its_own() -> None:
    text = named_in_tests()
    lacking = [ident for ident, check in CHECKS.items() if ident not in text and DISRUPTIVE not in check.TAGS]
    assert not lacking, f"no test in tests/unit/plugin_utils/_checks/ names {lacking}"
