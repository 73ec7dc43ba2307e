# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Causes inside people's own tasks and containers, on nodes that are sound. Pure.

Private to swarmlab.overlay.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable

from .._checks import dp_task
from .._checks._result import listed
from .model import INFERRED, SEEN, Claim, Finding
from .view import View

CUT = "{tasks} on {nodes} [is|are] cut off inside [its|their] own namespace"
DEAF = "{tasks} on {nodes} [takes|take] no connection from anybody, [its|their] own node included"
SMALL = "{tasks} on {nodes} [passes|pass] no packets of full size inside [its|their] own namespace"
STILL = "{tasks} on {nodes} [does|do] not run: [its|their] processes stand still"


def still(view: View) -> Iterable[Finding]:
    """Containers whose processes were stopped, frozen, dead or stuck all the time."""
    yield from _findings(view, "DP-TASK", "still", STILL)


def cut(view: View) -> Iterable[Finding]:
    """Containers that do not reach what the probe beside them reaches."""
    yield from _findings(view, "DP-TASK", "tasks", CUT)


def deaf(view: View) -> Iterable[Finding]:
    """Tasks that listen, and that nobody reaches: a rule inside, or a program that does not accept."""
    yield from _findings(view, "LB-SERVICE", "deaf", DEAF)


def _findings(view: View, check: str, key: str, template: str) -> Iterable[Finding]:
    """One cause a service; a container of no service is one by itself."""
    groups: dict[str, list[tuple[dict[str, t.Any], str]]] = {}
    for item in view.failed(check):
        for row in item["evidence"].get(key) or []:
            owner = item["service"] or row.get("service") or row["task"]
            groups.setdefault(owner, []).append((row, item["network"] or ""))
    for owner, found in sorted(groups.items()):
        names = sorted({row["task"] for row, _network in found})
        nodes = view.ordered({row["node"] for row, _network in found})
        told = listed(names, 3) + ("" if names == [owner] else f" (of {owner})")
        words = (
            SMALL if all(set(row.get("fails") or [""]) <= set(dp_task.BY_SIZE) for row, _network in found) else template
        )
        title = _number(words, len({(row["task"], row["node"]) for row, _network in found})).replace("{tasks}", told)
        yield Finding(
            view.title(title, nodes),
            nodes,
            tuple(dict.fromkeys(_because(row) for row, _network in found))[:4],
            tuple(sorted({network for _row, network in found if network})) or None,
            certainty=SEEN if any(row["inside"] for row, _network in found) else INFERRED,
            claims=tuple(Claim(pattern, tuple(names)) for pattern in ("DP-TASK", "LB-SERVICE")),
        )


def _number(template: str, many: int) -> str:
    """The verbs agree with the number of tasks, not of nodes."""
    for words in ("is|are", "its|their", "takes|take", "does|do", "passes|pass"):
        template = template.replace(f"[{words}]", words.split("|")[1 if many > 1 else 0])
    return template


def _because(row: dict[str, t.Any]) -> str:
    told = [f"{kind}: {problem}" for kind, problem in sorted((row.get("problems") or {}).items())]
    return f"{row['task']} on {row['node']}: {listed([*row['inside'], *told], 3) or 'nothing odd is seen inside'}"
