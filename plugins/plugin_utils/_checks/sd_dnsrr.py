# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SD-DNSRR: a service's name in endpoint mode dnsrr resolves to the addresses of its running tasks, from every node."""

from __future__ import annotations

import sys

from .._facts.model import Facts, Requests, Result
from . import _resolving

ID = "SD-DNSRR"
TITLE = "Names in endpoint mode dnsrr answer exactly the running tasks"
HINT = _resolving.HINT
ORDER = 53
NEEDS = ("probe",)
TAGS = ("P0", "dns")
KINDS = ("dnsrr",)
CHECK = sys.modules[__name__]


def plan(facts: Facts) -> Requests:
    """Every probe asks every such name."""
    return _resolving.plan(CHECK, facts, KINDS)


def judge(facts: Facts) -> list[Result]:
    """Exact sets, a network at a time."""
    return _resolving.judge(CHECK, facts, KINDS, absent="no service on it has endpoint mode dnsrr")
