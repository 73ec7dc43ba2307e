# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DIS-DRAIN: the tasks of a drained node run elsewhere, names follow them, and the node returns to its former state."""

from __future__ import annotations

import sys

from .._facts.model import Facts, Result
from . import _disruption

ID = "DIS-DRAIN"
TITLE = "Tasks move from a drained node, and names follow them"
HINT = (
    "A service whose tasks stay pending may run nowhere else: look at its constraints and at what the other nodes have left. "
    "'docker node update --availability active NODE' gives a node back."
)
ORDER = 98
NEEDS: tuple[str, ...] = ()
TAGS = ("P2", "disruptive")
SWITCH = "drain"
CHECK = sys.modules[__name__]
plan = _disruption.plan


def judge(facts: Facts) -> list[Result]:
    """One result, after the node was disrupted."""
    return _disruption.judge(CHECK, facts)
