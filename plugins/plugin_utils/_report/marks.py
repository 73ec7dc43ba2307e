# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The look of a status on the page: a symbol and a word, with a colour in addition. Pure.

Private to swarmlab.overlay.
"""

from __future__ import annotations

import typing as t

from .markup import Markup, element

SYMBOLS = {"pass": "\u2713", "fail": "\u2715", "inconclusive": "?", "skip": "\u2013"}
WORDS = {"pass": "passed", "fail": "failed", "inconclusive": "inconclusive", "skip": "skipped"}
NONE = "\u00b7"


def badge(status: str, word: str | None = None) -> Markup:
    """Symbol and word in the colour of the status."""
    return element(
        "span", element("b", SYMBOLS[status], aria_hidden="true"), " ", word or WORDS[status], class_="badge " + status
    )


def short(names: list[str]) -> dict[str, str]:
    """Name -> the part before its domain, if that distinguishes all names."""
    first = {name: name.split(".")[0] or name for name in names}
    return (
        first
        if len(set(first.values())) == len(set(names)) and all(name[:1].isalpha() for name in names)
        else {name: name for name in names}
    )


def fit(text: str, room: int) -> str:
    """The text, shortened in the middle to so many characters. A tooltip has the full text."""
    return text if len(text) <= room else text[: room // 2] + "\u2026" + text[len(text) - (room - 1) // 2 :]


def fitting(names: list[str], room: int) -> dict[str, str]:
    """Name -> its short form in so many characters, or in as many more as tell all names apart."""
    first = short(names)
    longest = max((len(name) for name in names), default=0)
    while room < longest and len({fit(first[name], room) for name in names}) < len(set(names)):
        room += 4
    return {name: fit(first[name], room) for name in names}


def listing(names: t.Sequence[str], most: int) -> str:
    """The names, or the first of them and the number of the others."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def seconds(value: float) -> str:
    """A measured time in seconds, with its significant digits."""
    if value < 1:
        return f"{value:.2f}"
    return ("%.1f" if value < 10 else "%.0f") % value


def answered(value: float) -> str:
    """How long an answer took, with its unit: milliseconds below a tenth of a second."""
    if value < 0.1:
        return f"{value * 1000:.2g} ms" if value < 0.01 else f"{value * 1000:.0f} ms"
    return f"{seconds(value)} s"


def duration(value: float) -> str:
    """A duration in words."""
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def moment(started: str) -> Markup:
    """The time of a report, in its own notation: UTC, ISO 8601."""
    shown = started.replace("T", " ").replace("Z", " UTC")
    return element("time", shown, datetime=started)
