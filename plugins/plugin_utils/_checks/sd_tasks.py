# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SD-TASKS: tasks.<service> resolves to the addresses of the running tasks, from every node."""

from __future__ import annotations

import sys

from .._facts.model import Facts, Requests, Result
from . import _resolving

ID = "SD-TASKS"
TITLE = "tasks.NAME answers exactly the running tasks"
HINT = _resolving.HINT
ORDER = 52
NEEDS = ("probe",)
TAGS = ("P0", "dns")
KINDS = ("tasks",)
CHECK = sys.modules[__name__]


def plan(facts: Facts) -> Requests:
    """Every probe asks every such name."""
    return _resolving.plan(CHECK, facts, KINDS)


def judge(facts: Facts) -> list[Result]:
    """Exact sets, a network at a time."""
    return _resolving.judge(CHECK, facts, KINDS)
