# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measurements in one small table: a line for each way of the traffic, with the median of all measured pairs. Pure.

Private to swarmlab.overlay. A check has ``evidence.performance``; see docs/report.md.
"""

from __future__ import annotations

import typing as t
from statistics import median

from .markup import Markup, element

PATHS = {"host": "the hosts' own path", "overlay": "plain overlay", "encrypted": "encrypted overlay"}
VIAS = {"direct": "", "vip": ", through a virtual IP"}
PROBLEMS_SHOWN = 1
COLUMNS = ("Mbit/s", "of the hosts' path", "round trip, ms")


class Way(t.NamedTuple):
    """One line of the table. ``problem``: the reason of missing figures, of all pairs or of some."""

    where: str
    words: str
    mbit: float | None
    ratio: float | None
    latency: float | None
    problem: str | None

    def cells(self) -> list[str]:
        """The figures as texts; a dash for one that was not measured."""
        figures = (
            ("%.0f" if (self.mbit or 0) >= 100 else "%.1f", self.mbit),
            ("%.2f", self.ratio),
            ("%.3f", self.latency),
        )
        return ["-" if value is None else form % value for form, value in figures]


def ways(report: dict[str, t.Any]) -> list[Way]:
    """The lines, in the order of the checks."""
    grouped: dict[t.Any, t.Any] = {}
    for item in report["checks"]:
        for row in item["evidence"].get("performance") or []:
            grouped.setdefault((row["where"], row["path"], row["via"]), []).append(row)
    return [_way(key, rows) for key, rows in grouped.items()]


def _way(key: tuple[t.Any, ...], rows: list[dict[str, t.Any]]) -> Way:
    where, path, via = key
    problems = sorted({row["problem"] for row in rows if row["problem"]})
    more = [f"and {len(problems) - PROBLEMS_SHOWN} more"] if len(problems) > PROBLEMS_SHOWN else []
    return Way(
        where,
        PATHS[path] + VIAS[via],
        _middle(rows, "mbit"),
        _middle(rows, "ratio"),
        _middle(rows, "latency_ms"),
        "; ".join(problems[:PROBLEMS_SHOWN] + more) or None,
    )


def _middle(rows: list[dict[str, t.Any]], name: str) -> float | None:
    found = [row[name] for row in rows if row[name] is not None]
    return median(found) if found else None


def text(report: dict[str, t.Any]) -> list[str]:
    """The table as lines of text; none without measurements."""
    found = ways(report)
    if not found:
        return []
    labels = [f"{way.where}: {way.words}" for way in found]
    width = max(map(len, labels))
    lines = ["  ".join(["Performance".ljust(width), *COLUMNS])]
    for label, way in zip(labels, found):
        cells = [cell.rjust(len(column)) for cell, column in zip(way.cells(), COLUMNS)]
        lines.append("  ".join([label.ljust(width), *cells, way.problem or ""]).rstrip())
    return lines


def properties(report: dict[str, t.Any]) -> list[tuple[str, str]]:
    """(name, value) pairs for a CI system."""
    return [
        (
            f"performance: {way.where}, {way.words}",
            way.problem
            if way.mbit is None and way.problem
            else ", ".join(f"{cell} {column}" for cell, column in zip(way.cells(), COLUMNS)),
        )
        for way in ways(report)
    ]


def section(report: dict[str, t.Any]) -> Markup | None:
    """The section of the page; None without measurements."""
    found = ways(report)
    if not found:
        return None
    head = element("tr", [element("th", name, scope="col") for name in ("Where", "Path", *COLUMNS, "Not measured")])
    rows = [
        element(
            "tr",
            element("th", way.where, scope="row"),
            element("td", way.words),
            [element("td", cell) for cell in way.cells()],
            element("td", way.problem or ""),
        )
        for way in found
    ]
    note = "The middle of all pairs that were measured, over TCP. There is no right number: compare with the path between the hosts themselves."
    table = element("table", element("thead", head), element("tbody", rows), class_="plain")
    return element(
        "section",
        element("h2", "Performance", id="performance"),
        element("p", note, class_="muted"),
        element("div", table, class_="scroll", tabindex="0", role="region", aria_label="Performance"),
        class_="card",
        aria_labelledby="performance",
    )
