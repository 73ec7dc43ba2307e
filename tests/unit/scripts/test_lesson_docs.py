# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages of docs/lesson are those that the lesson's data and the kept record of a real run make."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lesson import keeping, lesson, markdown, places

CHECKOUT = Path(__file__).resolve().parents[3]
FOLDER = CHECKOUT / "docs" / "lesson"
STORY = keeping.read_story(FOLDER / "run.json")
STEPS = lesson.load().steps


@pytest.mark.parametrize("language", lesson.LANGUAGES)
def test_the_page_is_up_to_date(language: str) -> None:
    text = (FOLDER / f"{language}.md").read_text(encoding="utf-8")
    assert text == markdown.render(lesson.load(), STORY, language), "run: python scripts/lesson_docs.py"


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.id)
def test_the_record_typed_what_the_lesson_types_today(step: lesson.Step) -> None:
    """Otherwise it is time for a new record: make lesson, then python scripts/lesson_docs.py RECORD."""
    told = next(row for row in STORY["steps"] if row["id"] == step.id)
    typed = [row["typed"]["line"] for row in told["typed"]]
    for line in (line for typing in step.typed for line in typing.lines):
        pattern = "".join(
            r"\S+" if number % 2 else re.escape(part) for number, part in enumerate(places.PLACEHOLDER.split(line))
        )
        assert any(re.fullmatch(pattern, row) for row in typed), f"{line} is not in the record"


def test_a_record_that_is_none_changes_nothing(tmp_path: Path) -> None:
    before = (FOLDER / "en.md").read_text(encoding="utf-8")
    half = {**STORY, "steps": STORY["steps"][:3]}
    for name, text in (("broken.json", "{"), ("half.json", json.dumps(half))):
        (tmp_path / name).write_text(text, encoding="utf-8")
        argv = [sys.executable, str(CHECKOUT / "scripts" / "lesson_docs.py"), str(tmp_path / name)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == 1 and name in done.stderr and "Traceback" not in done.stderr
    assert (FOLDER / "en.md").read_text(encoding="utf-8") == before
