# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page about causes."""

from __future__ import annotations

import re
from pathlib import Path

from ansible_collections.swarmlab.overlay.plugins.plugin_utils._diagnosis import table


def test_the_page_about_causes_lists_them_all() -> None:
    text = (Path(__file__).resolve().parents[4] / "docs" / "diagnosis.md").read_text(encoding="utf-8")
    rows = re.findall(r"(?m)^\| `([a-z0-9-]+)` \|", text)
    known = {rule.id for rule in table.RULES}
    assert len(rows) == len(set(rows)), "a cause has two rows in docs/diagnosis.md"
    assert set(rows) == known, f"docs/diagnosis.md and the rules differ in {sorted(set(rows) ^ known)}"
