# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The summary of a report for the terminal. Pure.

Private to swarmlab.overlay.
"""

from __future__ import annotations

import typing as t

from .. import _checks
from . import marks, performance

WORDS = {"fail": "FAIL", "inconclusive": "UNSURE", "skip": "skip", "pass": "ok"}
COLOURS = {"fail": "red", "inconclusive": "yellow", "skip": "cyan", "pass": "green"}
WORST_FIRST = ("fail", "inconclusive", "skip", "pass")
EVERYWHERE = "swarm"
BAD = ("fail", "inconclusive")
NO_CAUSE = "No single cause found for:"
FOLDED_SHOWN = 8
REMARKS = 5  # that are shown
COLUMNS = 6  # networks that have a column each
ROOM = 24  # letters of a name at the head of a column


class Line(t.NamedTuple):
    """A line of text and its colour, by Ansible's names; None is plain."""

    text: str
    colour: str | None = None


def verdict(report: dict[str, t.Any]) -> Line:
    """The verdict in one line."""
    numbers = report["summary"]
    parts = [
        f"{numbers[status]} {word}"
        for status, word in (
            ("pass", "passed"),
            ("fail", "failed"),
            ("inconclusive", "inconclusive"),
            ("skip", "skipped"),
        )
        if numbers[status] or status == "pass"
    ]
    where = ", ".join(
        f"{len(report[what])} {what[:-1]}{'' if len(report[what]) == 1 else 's'}" for what in ("nodes", "networks")
    )
    if not report["checks"]:
        return Line("NOTHING CHECKED", "yellow")
    word, colour = ("VERIFIED", "green") if numbers["ok"] else ("NOT VERIFIED", "red")
    word += ", NOTHING PROVEN" if nothing(report) else ""
    return Line(f"{word}: {', '.join(parts)} ({where}, {numbers['seconds']:.0f} s)", colour)


def nothing(report: dict[str, t.Any]) -> bool:
    """Whether there is no evidence about function at all. A missing node or network is no such evidence."""
    guards = _checks.guards()
    return not any(
        item["status"] == "pass" or (item["status"] == "fail" and item["id"] not in guards) for item in report["checks"]
    )


def troubles(report: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    """The bad results, failures first, each kind in the order of the checks."""
    bad = [item for item in report["checks"] if item["status"] in BAD]
    return sorted(bad, key=lambda item: WORST_FIRST.index(item["status"]))


def unexplained(report: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    """The bad results without a known cause, in the same order."""
    folded = {id(report["checks"][place]) for found in report["causes"] for place in found["explains"]}
    return [item for item in troubles(report) if id(item) not in folded]


def headline(found: dict[str, t.Any]) -> str:
    """A cause and the number of its results, in one line."""
    parts = [plural(len(found["explains"]), "result depends", "results depend") + " on it"] if found["explains"] else []
    parts += (
        [plural(len(found["shares"]), "more result is", "more results are") + " partly due to it"]
        if found["shares"]
        else []
    )
    return f"{'' if found['certainty'] == 'seen' else 'Most likely: '}{found['title']}: {', '.join(parts)}"


def plural(number: int, one: str, many: str) -> str:
    """'1 result', '2 results'."""
    return f"{number} {one if number == 1 else many}"


def folded(report: dict[str, t.Any], found: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    """The results that a cause explains."""
    return [report["checks"][place] for place in found["explains"]]


def scope(item: dict[str, t.Any]) -> str:
    """The scope of a result: its network and service; empty for the whole swarm."""
    return " ".join(part for part in (item["network"], item["service"]) if part)


def trouble(item: dict[str, t.Any]) -> str:
    """One bad result in one line."""
    where = f" [{scope(item)}]" if scope(item) else ""
    nodes = " on " + ", ".join(item["nodes"]) if item["nodes"] else ""
    return f"{item['id']}{where}{nodes}: {item['evidence']['summary']}"


class Grid(t.NamedTuple):
    """Check ids down, networks across (None: the whole swarm), and the worst status of each non-empty cell.

    ``stands``: network -> the column that stands for it.
    """

    rows: list[t.Any]
    columns: list[t.Any]
    cells: dict[t.Any, t.Any]
    stands: dict[t.Any, t.Any]


def grid(report: dict[str, t.Any]) -> Grid:
    """The checks' results in one table, in the order of the report. Of many networks only the worst have columns of their own."""
    stands = _stands(report)
    cells: dict[t.Any, t.Any] = {}
    for item in report["checks"]:
        key = (item["id"], stands[item["network"]])
        cells[key] = min(item["status"], cells.get(key, "pass"), key=WORST_FIRST.index)
    rows = dict.fromkeys(row for row, _where in cells)
    return Grid(list(rows), list(dict.fromkeys(stands.values())), cells, stands)


def _stands(report: dict[str, t.Any]) -> dict[t.Any, t.Any]:
    """Network -> its column; where there are many, all that are well share one, and so do the least bad of too many."""
    worst: dict[t.Any, str] = {}
    for item in report["checks"]:
        worst[item["network"]] = min(item["status"], worst.get(item["network"], "pass"), key=WORST_FIRST.index)
    names = [name for name in worst if name is not None]
    if len(names) <= COLUMNS:
        return {name: name for name in worst}
    bad = sorted((name for name in names if worst[name] in BAD), key=lambda name: WORST_FIRST.index(worst[name]))
    alone = bad[: COLUMNS - 1]
    rest = f"{len(names) - len(alone)} {'more ' if alone else ''}networks"  # no network has a name with a space
    whole = {None: None} if None in worst else {}
    return {**whole, **{name: name for name in alone}, **{name: rest for name in names if name not in alone}}


def table(report: dict[str, t.Any]) -> list[Line]:
    """The grid as text."""
    found = grid(report)
    width = max([len(row) for row in found.rows] + [5])
    head = "  ".join([" " * width] + [column_name(column) for column in found.columns])
    return [Line(head)] + [_row(found, row, width) for row in found.rows]


def column_name(column: str | None) -> str:
    """What stands at the head of a column."""
    return marks.fit(column or EVERYWHERE, ROOM)


def _row(found: Grid, row: str, width: int) -> Line:
    statuses = [found.cells.get((row, column)) for column in found.columns]
    words = [
        WORDS.get(status or "", "").ljust(len(column_name(column))) for status, column in zip(statuses, found.columns)
    ]
    worst = min([status for status in statuses if status], key=WORST_FIRST.index)
    return Line("  ".join([row.ljust(width), *words]).rstrip(), COLOURS[worst])


def lines(report: dict[str, t.Any], paths: dict[str, str]) -> list[Line]:
    """The whole summary: the verdict, the failures with their remedies, the table, and the files' paths."""
    found = [verdict(report)]
    for item in report["causes"]:
        found += _cause_lines(report, item)
    rest = unexplained(report)
    found += [Line("  " + NO_CAUSE, COLOURS[rest[0]["status"]])] if rest else []
    hints: list[t.Any] = []
    for item in rest:
        found.append(Line(f"  {WORDS[item['status']]!s:<6} {trouble(item)}", COLOURS[item["status"]]))
        if item["hint"] and item["hint"] not in hints:
            hints.append(item["hint"])
            found.append(Line("         -> " + item["hint"]))
    remarks = [words for item in report["checks"] for words in item["evidence"].get("remarks") or []]
    found += [Line(f"  NOTE   {words}", "cyan") for words in remarks[:REMARKS]]
    found += [Line(f"         and {len(remarks) - REMARKS} more, see the report")] if len(remarks) > REMARKS else []
    found += [Line(""), *table(report), Line("")]
    measured = performance.text(report)
    found += [Line(words) for words in measured] + ([Line("")] if measured else [])
    return found + [Line(f"{name + ':'!s:<12} {path}") for name, path in paths.items()]


def _cause_lines(report: dict[str, t.Any], found: dict[str, t.Any]) -> list[Line]:
    """A cause, its evidence, its remedy, and its results in a word each."""
    below = [item["id"] + (f" [{scope(item)}]" if scope(item) else "") for item in folded(report, found)]
    more = f" and {len(below) - FOLDED_SHOWN} more" if len(below) > FOLDED_SHOWN else ""
    said = [Line(f"         because {text}") for text in found["because"][:2]]
    names = [Line(f"         below it: {', '.join(below[:FOLDED_SHOWN])}{more}")] if below else []
    return [Line("  CAUSE  " + headline(found), "red"), *said, Line("         -> " + found["todo"]), *names]


def failure(report: dict[str, t.Any]) -> str:
    """The message of the failed task: the verdict, the causes, and the failures without one."""
    said = [headline(found) for found in report["causes"]] + [trouble(item) for item in unexplained(report)]
    more = f" (and {len(said) - 3} more, see the report)" if len(said) > 3 else ""
    return f"{verdict(report).text}. {'; '.join(said[:3])}{more}"
