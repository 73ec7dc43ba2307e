# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SD-ALIAS: an alias resolves like the name of its service, from every node."""

from __future__ import annotations

import sys

from .._facts.model import Facts, Requests, Result
from . import _resolving
from ._result import PASS, listed

ID = "SD-ALIAS"
TITLE = "Aliases answer exactly what their service's name answers"
HINT = _resolving.HINT
ORDER = 51
NEEDS = ("probe",)
TAGS = ("P0", "dns")
KINDS = ("alias",)
CHECK = sys.modules[__name__]


def plan(facts: Facts) -> Requests:
    """Every probe asks every such name."""
    return _resolving.plan(CHECK, facts, KINDS)


def judge(facts: Facts) -> list[Result]:
    """Exact sets, a network at a time. A name that several services share is told; it is no failure by itself."""
    results = _resolving.judge(CHECK, facts, KINDS)
    named = {network["name"]: facts.shared.get(network["id"]) or {} for network in facts.networks}
    return [_remarked(item, named.get(item["network"] or "") or {}) for item in results]


def _remarked(item: Result, shared: dict[str, list[str]]) -> Result:
    if not shared or item["status"] != PASS:
        return item
    remarks = [
        f"{name} is a name of {' and of '.join(services)}: who asks for it meets any of them"
        for name, services in shared.items()
    ]
    summary = f"{item['evidence']['summary']}; {listed(remarks, 3)}"
    return Result(**{**item, "evidence": {**item["evidence"], "summary": summary, "remarks": remarks}})
