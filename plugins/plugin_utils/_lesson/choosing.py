# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which steps are run: those that were asked for, and those that make what they need. Pure.

Private to swarmlab.overlay.
"""

from __future__ import annotations

import re
import typing as t

from .lesson import Step

MAKES = re.compile(r"docker (service|network) create .*?(?:--name (\w+)|(\w+)$)")


class NoSuchStep(Exception):
    """A step that was asked for does not exist; the message says which there are."""


def made(step: Step) -> set[str]:
    """The objects that a step makes, by name."""
    found = (MAKES.match(line) for line in step.changing)
    return {match.group(2) or match.group(3) for match in found if match}


def needed(step: Step, steps: t.Sequence[Step]) -> list[str]:
    """The ids of the earlier steps whose objects are there when this step comes."""
    makers: dict[str, str] = {}
    for other in steps:
        if other.change:
            for names in other.change.clear.values():
                for name in names:
                    makers.pop(name, None)
        if other.id == step.id:
            break
        makers.update(dict.fromkeys(made(other), other.id))
    return list(dict.fromkeys(makers.values()))


def chosen(wanted: t.Sequence[str], steps: t.Sequence[Step]) -> list[Step]:
    """The steps that were asked for, by number (4), range (3-7) or id, with those that they need; without a wish all of them."""
    if not wanted:
        return list(steps)
    ids: set[str] = set()
    for word in wanted:
        for step in _named(str(word).strip(), steps):
            ids |= {step.id, *needed(step, steps)}
    for step in reversed(steps):  # what is needed has needs of its own
        if step.id in ids:
            ids |= set(needed(step, steps))
    return [step for step in steps if step.id in ids]


def _named(word: str, steps: t.Sequence[Step]) -> list[Step]:
    span = re.fullmatch(r"(\d+)(?:-(\d+))?", word)
    if span:
        first, last = int(span.group(1)), int(span.group(2) or span.group(1))
        found = [step for step in steps if first <= step.number <= last]
        if found and 1 <= first <= last <= len(steps):
            return found
    else:
        found = [step for step in steps if step.id == word]
        if found:
            return found
    known = ", ".join(f"{step.number} {step.id}" for step in steps)
    raise NoSuchStep(f"lesson_steps: the lesson has no step {word!r}. Its steps are: {known}.")
