# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes since the previous report. Pure.

Private to swarmlab.overlay. The previous report is a file on a disk: it may come from an older version, or have any
content.
"""

from __future__ import annotations

import typing as t

from .build import SCHEMA_VERSION, STATUSES
from .text import WORST_FIRST


class Change(t.NamedTuple):
    """A check whose verdict changed; None: it was not, or is no longer, among the checks."""

    key: tuple[t.Any, ...]
    before: str | None
    after: str | None


class Comparison(t.NamedTuple):
    """``problem`` is the reason why no comparison is possible; the other fields are empty then."""

    problem: str | None
    started: str | None = None
    changes: tuple[t.Any, ...] = ()

    @property
    def verdicts(self) -> list[Change]:
        """What was asked both times and changed, the worst first."""
        both = [change for change in self.changes if change.before and change.after]
        return sorted(both, key=lambda change: WORST_FIRST.index(change.after))

    @property
    def asked_anew(self) -> list[Change]:
        """What was not asked for in the previous run."""
        return [change for change in self.changes if not change.before]

    @property
    def dropped(self) -> list[Change]:
        """What was not asked for in this run."""
        return [change for change in self.changes if not change.after]


def compare(previous: t.Any, report: dict[str, t.Any]) -> Comparison:
    """The verdicts that changed."""
    problem = _problem(previous, report)
    if problem:
        return Comparison(problem)
    before, after = _verdicts(previous["checks"]), _verdicts(report["checks"])
    keys = list(after) + [key for key in before if key not in after]
    changed = [Change(key, before.get(key), after.get(key)) for key in keys if before.get(key) != after.get(key)]
    started = previous.get("started")
    return Comparison(None, started if isinstance(started, str) else None, tuple(changed))


def _problem(previous: t.Any, report: dict[str, t.Any]) -> str | None:
    if previous is None:
        return "There is no earlier report beside this one."
    if not isinstance(previous, dict) or not isinstance(previous.get("checks"), list):
        return "The earlier report cannot be read."
    if str(previous.get("schema_version")).partition(".")[0] != SCHEMA_VERSION.partition(".")[0]:
        return f"The earlier report has another format (schema version {previous.get('schema_version')})."
    if previous.get("swarm") and report["swarm"] and previous["swarm"] != report["swarm"]:
        return "The earlier report is about another swarm."
    return None


def _verdicts(checks: list[t.Any]) -> dict[tuple[t.Any, ...], str]:
    """The worst status of each check on each network.

    Titles and services are left out, since they depend on the verdict.
    """
    found: dict[t.Any, t.Any] = {}
    for item in checks:
        if not isinstance(item, dict) or item.get("status") not in STATUSES or not isinstance(item.get("id"), str):
            continue
        key = (item["id"], _text(item.get("network")), _text(item.get("title")))
        found[key] = min(item["status"], found.get(key, "pass"), key=WORST_FIRST.index)
    return found


def _text(value: t.Any) -> str | None:
    return value if isinstance(value, str) else None
