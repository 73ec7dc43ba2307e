# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validate single option values, which come from YAML, from the environment, or from a template. Pure.

Private to the collection swarmlab.overlay.
"""

from __future__ import annotations

import difflib
import re
import typing as t

from .errors import LabError


def bad(key: str, problem: str) -> LabError:
    return LabError("LAB-E-OPTION", key=key, problem=problem)


def reject_unknown(options: t.Mapping[str, t.Any], known: t.Iterable[str], prefix: str) -> None:
    """Raise LabError for the first unknown key, with the known key that it resembles."""
    names = list(known)
    for key in options:
        if key not in names:
            near = difflib.get_close_matches(str(key), names, n=1)
            hint = f"did you mean '{prefix}{near[0]}'?" if near else f"known are {', '.join(sorted(names))}"
            raise bad(f"{prefix}{key}", f"there is no such option; {hint}")


def label(key: str, value: t.Any) -> str:
    """The name of a snapshot or a fault, which becomes part of file names and commands. Raises LabError."""
    if not isinstance(value, str) or not re.fullmatch(r"[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?", value):
        raise bad(key, f"{value!r} is not a name of 1 to 64 lower-case letters, digits, dots, hyphens and underscores")
    return value


def integer(key: str, value: t.Any, low: int, high: int) -> int:
    if isinstance(value, str) and re.fullmatch(r"\s*-?[0-9]{1,9}\s*", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise bad(key, f"{value!r} is not a whole number")
    if not low <= value <= high:
        raise bad(key, f"{value} is not between {low} and {high}")
    return int(value)


def boolean(key: str, value: t.Any) -> bool:
    words = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    found = words.get(str(value).strip().lower())
    if found is None:
        raise bad(key, f"{value!r} is neither true nor false")
    return found


def choice(key: str, value: t.Any, choices: t.Collection[str]) -> str:
    if not isinstance(value, str) or value not in choices:
        raise bad(key, f"{value!r} is not one of {', '.join(choices)}")
    return value
