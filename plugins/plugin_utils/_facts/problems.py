# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Problems of a node, a task or an object of a run: a reason for programs, and a text for users. Pure.

Private to swarmlab.overlay. ``_checks/_reasons.py`` lists the reasons.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .. import _foreign_words as foreign


@dataclass(frozen=True)
class Problem:
    """A problem."""

    reason: str
    text: str


@dataclass(frozen=True)
class TaskProblem(Problem):
    """A task that does not run; ``state`` is its state in swarm's terms."""

    state: str


def of_host(phase: str, result: t.Mapping[str, t.Any] | None, seen: t.Mapping[str, t.Any] | None) -> Problem | None:
    """Why a host cannot be judged in full, from its registered result of a phase that has begun; None if it can."""
    if not result:
        return Problem("no-answer", f"gave no answer (phase {phase})")
    if result.get("problem"):
        return Problem(result.get("reason") or "module-failed", f"{result['problem']} (phase {phase})")
    if result.get("idle"):
        return None
    if seen is None:
        return Problem("module-failed", f"{result.get('msg') or 'gave no result'} (phase {phase})")
    texts = [*(seen.get("errors") or []), *((seen.get("opened") or {}).get("errors") or [])]
    return Problem(seen.get("reason") or "helper-failed", "; ".join(texts)) if texts else None


def of_task(text: str) -> TaskProblem:
    """The problem in the leader's text about a task: 'STATE: error of the swarm or of the task's node'."""
    state = text.partition(": ")[0]
    # A task that stays new waits for its addresses: nothing else separates this state from the next.
    reason = "addresses-exhausted" if state == "new" else foreign.reason(text, foreign.TASK, "task-not-running")
    return TaskProblem(reason, text, state)


def of_part(text: str) -> Problem:
    """The managers' reason to refuse an object of the run."""
    return Problem(foreign.reason(text, foreign.TASK, "engine-refused"), text)
