# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DIS-REBOOT: a node that was rebooted takes part again, with all names and paths."""

from __future__ import annotations

import sys

from .._facts.model import Facts, Result
from . import _disruption

ID = "DIS-REBOOT"
TITLE = "A node that was rebooted takes part again"
HINT = "Let the engine start at boot ('systemctl enable docker'), and keep addresses and modules over a reboot: see CP-ADDR and PRE-KMOD."
ORDER = 99
NEEDS: tuple[str, ...] = ()
TAGS = ("P2", "disruptive")
SWITCH = "reboot"
CHECK = sys.modules[__name__]
plan = _disruption.plan


def judge(facts: Facts) -> list[Result]:
    """One result, after the node was disrupted."""
    return _disruption.judge(CHECK, facts)
