# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DIS-FIREWALL: the engine's rules, and with them names and paths, survive a reload of the host's firewall."""

from __future__ import annotations

import sys

from .._facts.model import Facts, Result
from . import _disruption

ID = "DIS-FIREWALL"
TITLE = "The engine's rules survive a reload of the host's firewall"
HINT = (
    "Let the firewall leave the engine's chains alone (nftables: no 'flush ruleset'; firewalld: FirewallBackend=nftables and no direct "
    "rules), or restart the engine after it; systemd does so after a restart of nftables with 'PartOf=nftables.service' in a drop-in of "
    "docker.service (firewalld#503, moby#48657)."
)
ORDER = 97
NEEDS: tuple[str, ...] = ()
TAGS = ("P2", "disruptive")
SWITCH = "firewall-reload"
CHECK = sys.modules[__name__]
plan = _disruption.plan


def judge(facts: Facts) -> list[Result]:
    """One result, after the node was disrupted."""
    return _disruption.judge(CHECK, facts)
