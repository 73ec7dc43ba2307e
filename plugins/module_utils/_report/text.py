# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The summary a person reads in ten seconds. Pure.

Private to swarmlab.overlay.
"""

from __future__ import annotations

from typing import NamedTuple

WORDS = {"fail": "FAIL", "inconclusive": "UNSURE", "skip": "skip", "pass": "ok"}
COLOURS = {"fail": "red", "inconclusive": "yellow", "skip": "cyan", "pass": "green"}
WORST_FIRST = ("fail", "inconclusive", "skip", "pass")
EVERYWHERE = "swarm"


class Line(NamedTuple):
    """A line of text and its colour, by Ansible's names; None is plain."""

    text: str
    colour: str | None = None


def verdict(report: dict) -> Line:
    """The answer, in one line."""
    numbers = report["summary"]
    parts = ["%d %s" % (numbers[status], word) for status, word in
             (("pass", "passed"), ("fail", "failed"), ("inconclusive", "inconclusive"), ("skip", "skipped"))
             if numbers[status] or status == "pass"]
    where = "%d nodes, %d networks" % (len(report["nodes"]), len(report["networks"]))
    if not report["checks"]:
        return Line("NOTHING CHECKED", "yellow")
    word, colour = ("VERIFIED", "green") if numbers["ok"] else ("NOT VERIFIED", "red")
    return Line("%s: %s (%s, %.0f s)" % (word, ", ".join(parts), where, numbers["seconds"]), colour)


def causes(report: dict) -> list[dict]:
    """What went wrong, failures first, each kind in the order of the checks."""
    bad = [item for item in report["checks"] if item["status"] in ("fail", "inconclusive")]
    return sorted(bad, key=lambda item: WORST_FIRST.index(item["status"]))


def cause(item: dict) -> str:
    """One failed check in one line."""
    scope = " ".join(part for part in (item["network"], item["service"]) if part)
    nodes = " on " + ", ".join(item["nodes"]) if item["nodes"] else ""
    return "%s%s%s: %s" % (item["id"], " [%s]" % scope if scope else "", nodes, item["evidence"]["summary"])


def table(report: dict) -> list[Line]:
    """Checks down, networks across, the worst status of each."""
    columns = []
    for item in report["checks"]:
        column = item["network"] or EVERYWHERE
        if column not in columns:
            columns.append(column)
    rows = []
    for item in report["checks"]:
        if item["id"] not in rows:
            rows.append(item["id"])
    width = max([len(row) for row in rows] + [5])
    head = "  ".join([" " * width] + columns)
    return [Line(head)] + [_row(report, row, columns, width) for row in rows]


def _row(report: dict, row: str, columns: list[str], width: int) -> Line:
    cells, worst = [], "pass"
    for column in columns:
        statuses = [item["status"] for item in report["checks"]
                    if item["id"] == row and (item["network"] or EVERYWHERE) == column]
        cell = min(statuses, key=WORST_FIRST.index) if statuses else None
        worst = min(worst, cell or "pass", key=WORST_FIRST.index)
        cells.append((WORDS[cell] if cell else "").ljust(len(column)))
    return Line("  ".join([row.ljust(width)] + cells).rstrip(), COLOURS[worst])


def lines(report: dict, path: str | None) -> list[Line]:
    """The whole summary: the verdict, what is wrong and what to do, the table, where the report is."""
    found = [verdict(report)]
    hints: list = []
    for item in causes(report):
        found.append(Line("  %-6s %s" % (WORDS[item["status"]], cause(item)), COLOURS[item["status"]]))
        if item["hint"] and item["hint"] not in hints:
            hints.append(item["hint"])
            found.append(Line("         -> " + item["hint"]))
    found += [Line("")] + table(report) + [Line("")]
    if path:
        found.append(Line("report: " + path))
    return found


def failure(report: dict) -> str:
    """The message of the failed task: the verdict and its first causes."""
    bad = causes(report)
    more = " (and %d more, see the report)" % (len(bad) - 3) if len(bad) > 3 else ""
    return "%s. %s%s" % (verdict(report).text, "; ".join(cause(item) for item in bad[:3]), more)
