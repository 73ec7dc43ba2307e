# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the report document from the results of checks. Pure.

Private to swarmlab.overlay. The document's schema is docs/report-schema.json.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

SCHEMA_VERSION = "1.5"
STATUSES = ("pass", "fail", "inconclusive", "skip")


def summary(results: Sequence[Mapping[str, t.Any]], seconds: float) -> dict[str, t.Any]:
    """The number of results of each status, and the duration in seconds."""
    counts = {status: len([item for item in results if item["status"] == status]) for status in STATUSES}
    ok = bool(counts["pass"]) and not counts["fail"] and not counts["inconclusive"]
    return dict(counts, total=len(results), seconds=round(seconds, 1), ok=ok)


def document(
    results: Sequence[Mapping[str, t.Any]],
    about: dict[str, t.Any],
    seconds: float,
    causes: Sequence[Mapping[str, t.Any]] = (),
) -> dict[str, t.Any]:
    """The whole report. Causes refer to results by index."""
    return {
        "schema_version": SCHEMA_VERSION,
        "run": about["run"],
        "started": about["started"],
        "collection": about["collection"],
        "lab": about["lab"],
        "swarm": about["swarm"],
        "nodes": about["nodes"],
        "networks": about["networks"],
        "summary": summary(results, seconds),
        "causes": list(causes),
        "checks": list(results),
    }
