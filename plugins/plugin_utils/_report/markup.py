# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTML and SVG in which every text is escaped, because only ``element`` creates markup. Pure.

Private to swarmlab.overlay. Names and evidence come from outside and are not trusted.
"""

from __future__ import annotations

import html
import re
import typing as t

VOID = ("meta", "link", "br", "hr", "input")
REPLACEMENT = "\ufffd"
# What XML 1.0 forbids or discourages: control characters, surrogates, non-characters.
FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef"
    + "".join(chr(plane << 16 | last) for plane in range(17) for last in (0xFFFE, 0xFFFF))
    + "]"
)


class Markup(str):
    """Text that is markup already and is not escaped again."""


def printable(text: str, limit: int | None = None) -> str:
    """The text without characters that HTML or XML forbid, cut at ``limit`` characters."""
    if limit is not None and len(text) > limit:
        text = text[:limit] + "\u2026"
    return FORBIDDEN.sub(REPLACEMENT, text)


def escape(text: t.Any) -> Markup:
    """Any value as text, safe inside elements and quoted attributes."""
    return text if isinstance(text, Markup) else Markup(html.escape(printable(str(text)), quote=True))


def join(children: t.Any) -> Markup:
    """Children in one piece. None is nothing, lists are flattened, and all text except markup is escaped."""
    if children is None:
        return Markup()
    if isinstance(children, (list, tuple)):
        return Markup("".join(join(child) for child in children))
    return escape(children)


def element(tag: str, /, *children: t.Any, **attributes: t.Any) -> Markup:
    """An element.

    ``class_`` is class, ``aria_label`` is aria-label. None and False omit an attribute, True adds it without value.
    """
    words = [tag]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        key = key.rstrip("_").replace("_", "-")
        words.append(key if value is True else f'{key}="{escape(value)}"')
    start = f"<{' '.join(words)}>"
    return Markup(start if tag in VOID else f"{start}{join(children)}</{tag}>")
