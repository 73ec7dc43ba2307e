# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the lesson's pages in docs/lesson from the record of a real run.

Usage: python scripts/lesson_docs.py [RECORD]      (a lesson.json that 'make lesson' wrote; by default the one that is kept in docs/lesson)
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT))

from plugins.plugin_utils._lesson import keeping, lesson, markdown  # noqa: E402  (found by the line above)

FOLDER = CHECKOUT / "docs" / "lesson"
RECORD = FOLDER / "run.json"


def pages(record: Path) -> dict[str, str]:
    """The text of each page by its file's name."""
    told = keeping.read_story(record)
    return {f"{language}.md": markdown.render(lesson.load(), told, language) for language in lesson.LANGUAGES}


def main(argv: list[str]) -> int:
    given = Path(argv[0]) if argv else RECORD
    try:
        told = keeping.read_story(given)
    except keeping.Unkept as error:
        print(f"lesson_docs: {error}", file=sys.stderr)
        return 1
    missing = [step.id for step in lesson.load().steps if step.id not in {row["id"] for row in told["steps"]}]
    if missing or told["stopped"]:
        print(
            f"lesson_docs: {given} is not a whole lesson: it lacks {', '.join(missing) or 'nothing, but stopped'}",
            file=sys.stderr,
        )
        return 1
    FOLDER.mkdir(exist_ok=True)
    RECORD.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    for name, text in pages(RECORD).items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        print(FOLDER / name)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
