# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DIS-PARTITION: names and paths work again after a node was cut off from the swarm for a while."""

from __future__ import annotations

import sys

from .._facts.model import Facts, Result
from . import _disruption

ID = "DIS-PARTITION"
TITLE = "Names and paths come back after a partition"
HINT = (
    "Records that a cut left wrong (moby#53141): 'docker service update --force SERVICE' rewrites them, restarting the engine of the node "
    "renews its tables; compare the engines' versions (PRE-SKEW)."
)
ORDER = 95
NEEDS: tuple[str, ...] = ()
TAGS = ("P2", "disruptive")
SWITCH = "partition"
CHECK = sys.modules[__name__]
plan = _disruption.plan


def judge(facts: Facts) -> list[Result]:
    """One result, after the node was disrupted."""
    return _disruption.judge(CHECK, facts)
