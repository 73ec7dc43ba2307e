# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A check's evidence for readers: any JSON becomes lists and small tables, limited in size. Pure.

Private to swarmlab.overlay. Nothing here depends on a check: new evidence needs no change.
"""

from __future__ import annotations

import json
import typing as t

from .markup import Markup, element, printable

ELSEWHERE = ("summary", "matrix", "performance")  # shown elsewhere on the page
ROWS = 50
COLUMNS = 8
TEXT = 2000


def render(evidence: dict[str, t.Any]) -> Markup | None:
    """A description list of all evidence except the summary; None when there is no other."""
    rows = [
        (element("dt", _words(key)), element("dd", _value(value)))
        for key, value in evidence.items()
        if key not in ELSEWHERE
    ]
    return element("dl", rows, class_="evidence") if rows else None


def _value(value: t.Any) -> t.Any:
    if value in (None, [], {}, ""):
        return element("span", "none", class_="muted")
    if isinstance(value, dict) and all(_flat(item) for item in value.values()):
        return _table(["", ""], [[str(key), _inline(item)] for key, item in value.items()])
    if isinstance(value, list) and all(_scalar(item) for item in value):
        return _list(value)
    if isinstance(value, list) and all(
        isinstance(item, dict) and all(_flat(cell) for cell in item.values()) for item in value
    ):
        keys = list(dict.fromkeys(key for item in value for key in item))[:COLUMNS]
        return _table([_words(key) for key in keys], [[_inline(item.get(key)) for key in keys] for item in value])
    if _scalar(value):
        return _inline(value)
    return element("pre", printable(json.dumps(value, indent=1, ensure_ascii=False), TEXT))


def _scalar(value: t.Any) -> bool:
    return value is None or isinstance(value, (str, int, float))


def _flat(value: t.Any) -> bool:
    """Whether the value fits into one cell of a table."""
    return _scalar(value) or (isinstance(value, list) and all(_scalar(item) for item in value))


def _inline(value: t.Any) -> str:
    if isinstance(value, list):
        more = f" and {len(value) - ROWS} more" if len(value) > ROWS else ""
        return ", ".join(_inline(item) for item in value[:ROWS]) + more if value else "none"
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    return printable(str(value), TEXT)


def _words(key: t.Any) -> str:
    return printable(str(key).replace("_", " "), 80)


def _list(values: list[t.Any]) -> t.Any:
    if len(values) == 1:
        return _inline(values[0])
    return element("ul", [element("li", _inline(value)) for value in values[:ROWS]], _rest(len(values), "li"))


def _table(head: list[t.Any], rows: list[t.Any]) -> Markup:
    """A table. With an empty head, the first column holds the row titles."""
    named = any(head)
    lines = (
        [
            element(
                "tr",
                element("td" if named else "th", row[0], scope=None if named else "row"),
                [element("td", cell) for cell in row[1:]],
            )
            for row in rows[:ROWS]
        ]
        if head
        else []
    )
    top = element("thead", element("tr", [element("th", word, scope="col") for word in head])) if named else None
    table = element("table", top, element("tbody", lines), class_="plain")
    return element(
        "div", table, _rest(len(rows), "p"), class_="scroll", tabindex="0", role="region", aria_label="Evidence"
    )


def _rest(number: int, name: str) -> Markup | None:
    if number <= ROWS:
        return None
    return element(name, f"and {number - ROWS} more in report.json", class_="muted")
