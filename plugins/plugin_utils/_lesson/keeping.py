# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of a lesson on the controller's disk: readable for its owner alone, written atomically.

Private to swarmlab.overlay.
"""

from __future__ import annotations

import json
import os
import typing as t
from pathlib import Path

from .story import FORMAT, Story

STORY, PAGE, DIAGNOSIS = "lesson.json", "lesson.html", "diagnosis.json"


class Unkept(Exception):
    """The record cannot be written or read; the message says why."""


def save(directory: str, name: str, text: str) -> str:
    """Write a file into the lesson's folder. Returns its path. Raises Unkept."""
    path = os.path.join(directory, name)
    temporary = f"{path}.{os.getpid()}"
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as handle:
            handle.write(text)
        os.replace(temporary, path)
    except OSError as error:
        raise Unkept(f"lesson_directory: cannot write {error.filename}: {error.strerror}.") from error
    return path


def save_story(directory: str, story: Story) -> str:
    """Write the record."""
    return save(directory, STORY, json.dumps(story, indent=1, ensure_ascii=False) + "\n")


def save_diagnosis(directory: str, causes: list[str]) -> None:
    """Write what the proof found before an exercise was mended."""
    save(directory, DIAGNOSIS, json.dumps(causes, ensure_ascii=False) + "\n")


def read_diagnosis(directory: Path) -> list[str]:
    """What the proof found last; nothing where none was asked."""
    try:
        told = json.loads((directory / DIAGNOSIS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [str(cause) for cause in told] if isinstance(told, list) else []


def read_story(path: Path) -> Story:
    """A record. Raises Unkept."""
    try:
        told: t.Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Unkept(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise Unkept(f"{path} is not the record of a lesson of this version. Hold the lesson again (make lesson).")
    story: Story = t.cast(Story, told)
    return story
