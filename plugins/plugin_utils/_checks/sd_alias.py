# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SD-ALIAS: an alias resolves like the name of its service, from every node, and one service alone has each name."""

from __future__ import annotations

import fnmatch
import sys

from .._facts.model import Facts, Network, Requests, Result
from . import _resolving
from ._result import FAIL, PASS, count, listed, result

ID = "SD-ALIAS"
TITLE = "Aliases answer exactly what their service's name answers"
HINT = _resolving.HINT
SHARED = (
    "Whoever asks for the name gets one of these services by chance: give it to one of them alone, ask for 'STACK_SERVICE', or keep the services on "
    "networks of their own. If it is meant so, list the name in verify_shared_names."
)
ORDER = 51
NEEDS = ("probe",)
TAGS = ("P0", "dns")
KINDS = ("alias",)
CHECK = sys.modules[__name__]


def plan(facts: Facts) -> Requests:
    """Every probe asks every such name."""
    return _resolving.plan(CHECK, facts, KINDS)


def judge(facts: Facts) -> list[Result]:
    """Exact sets, a network at a time; and the names that several services have though nobody said that they may."""
    results = []
    for item in _resolving.judge(CHECK, facts, KINDS):
        network = next((known for known in facts.networks if known["name"] == item["network"]), None)
        results.append(_remarked(item, _shared(facts, network, True) if network else {}))
    found = [(network, _shared(facts, network, False)) for network in facts.networks]
    return results + [_failed(network, names) for network, names in found if names]


def _shared(facts: Facts, network: Network, meant: bool) -> dict[str, list[str]]:
    """The names of a network that several services have, one of them selected: those that may be shared, or the others."""
    patterns = [pattern.lower() for pattern in facts.settings.get("shared_names") or []]
    return {
        name: services
        for name, services in (facts.shared.get(network["id"]) or {}).items()
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns) is meant
        and any(_resolving.selected(facts, service) for service in services)
    }


def _words(shared: dict[str, list[str]]) -> list[str]:
    return [f"{name} is a name of {' and of '.join(services)}" for name, services in shared.items()]


def _remarked(item: Result, shared: dict[str, list[str]]) -> Result:
    if not shared or item["status"] != PASS:
        return item
    remarks = _words(shared)
    summary = f"{item['evidence']['summary']}; {listed(remarks, 3)}"
    return Result(**{**item, "evidence": {**item["evidence"], "summary": summary, "remarks": remarks}})


def _failed(network: Network, shared: dict[str, list[str]]) -> Result:
    rows = _words(shared)
    more = f" ({count(len(rows), 'name')} in all)" if len(rows) > 2 else ""
    return result(
        CHECK,
        FAIL,
        "name-shared",
        listed(rows, 2) + more,
        network=network["name"],
        hint=SHARED,
        details={"shared": shared},
    )
