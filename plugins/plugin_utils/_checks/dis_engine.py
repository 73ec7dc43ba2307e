# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DIS-ENGINE: names and paths work again after the engine of a node was restarted."""

from __future__ import annotations

import sys

from .._facts.model import Facts, Result
from . import _disruption

ID = "DIS-ENGINE"
TITLE = "Names and paths come back after a restart of the engine"
HINT = (
    "Look into the log of the engine on that node ('journalctl -u docker'); attached containers that nobody restarts stay dead (moby#32607): "
    "give them a restart policy."
)
ORDER = 96
NEEDS: tuple[str, ...] = ()
TAGS = ("P2", "disruptive")
SWITCH = "engine-restart"
CHECK = sys.modules[__name__]
plan = _disruption.plan


def judge(facts: Facts) -> list[Result]:
    """One result, after the node was disrupted."""
    return _disruption.judge(CHECK, facts)
