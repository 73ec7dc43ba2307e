# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far the student has come, kept in the lab's folder."""

from __future__ import annotations

import json
from pathlib import Path

from plugins.plugin_utils._lesson import keeping

FILE = "progress.json"


class Progress:
    """The last verdict of each step and exercise."""

    def __init__(self, folder: Path) -> None:
        """:param folder: of the lab"""
        self.folder = folder / "lesson"
        self.verdicts = self._load()

    def _load(self) -> dict[str, str]:
        try:
            told = json.loads((self.folder / FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return {str(key): str(value) for key, value in told.items()} if isinstance(told, dict) else {}

    def note(self, what: str, verdict: str) -> None:
        """Keep a verdict."""
        self.verdicts[what] = verdict
        self._save()

    def forget(self) -> None:
        """From the beginning."""
        self.verdicts = {}
        self._save()

    def diagnosis(self) -> list[str]:
        """What the proof found before the last exercise was mended."""
        return keeping.read_diagnosis(self.folder)

    def _save(self) -> None:
        keeping.save(str(self.folder), FILE, json.dumps(self.verdicts, indent=1) + "\n")
