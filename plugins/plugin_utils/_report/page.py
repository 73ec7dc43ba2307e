# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as one HTML page: the verdict first, without script or network. Pure.

Private to swarmlab.overlay.
"""

from __future__ import annotations

import typing as t
from collections import Counter

from . import evidence, marks, matrix, performance, picture, style
from .compare import Change, Comparison
from .markup import Markup, element
from .text import BAD, column_name, folded, grid, headline, plural, scope, unexplained

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'"
)
COUNTS = ("fail", "inconclusive", "pass", "skip")
CHANGES_SHOWN = 12  # of more, the rest is folded
NODES_NAMED = 6
CHECKS_UP_TO = 60  # of more, what is well is folded, below what is not
HELD_NAMED = 4  # networks of a node


def page_head(title: str, css: str) -> Markup:
    """The head of a page that loads nothing."""
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("link", rel="icon", href="data:,"),
        element("title", title),
        element("style", Markup(css)),
    )


def render(report: dict[str, t.Any], comparison: Comparison) -> str:
    """The whole document."""
    word, status = verdict(report)
    main = element(
        "main",
        _answer(report, word, status),
        _causes(report),
        _changes(comparison),
        _overview(report),
        matrix.section(report),
        performance.section(report),
        _checks(report, comparison),
        _nodes(report),
    )
    head = page_head(f"{word} · {_subject(report)} · {report['started']}", style.CSS)
    script = element("script", Markup(style.SCRIPT)) if report["checks"] else None
    return "<!DOCTYPE html>\n{}\n".format(
        element("html", head, element("body", main, _footer(report), script), lang="en")
    )


def verdict(report: dict[str, t.Any]) -> tuple[str, str]:
    """The verdict in a word, and the status that gives it its look."""
    if not report["checks"]:
        return "NOTHING CHECKED", "inconclusive"
    if report["summary"]["ok"]:
        return "VERIFIED", "pass"
    return ("FAILED", "fail") if report["summary"]["fail"] else ("NOT VERIFIED", "inconclusive")


def _subject(report: dict[str, t.Any]) -> str:
    return report["lab"] or report["swarm"] or "swarm"


def _answer(report: dict[str, t.Any], word: str, status: str) -> Markup:
    numbers = report["summary"]
    shares = [element("i", class_=name, style=f"flex:{numbers[name]}") for name in COUNTS if numbers[name]]
    counts = [
        element("li", marks.badge(name, f"{numbers[name]} {marks.WORDS[name]}"))
        for name in COUNTS
        if numbers[name] or name == "pass"
    ]
    facts = (
        ("When", marks.moment(report["started"])),
        ("Took", marks.duration(numbers["seconds"])),
        ("Lab", report["lab"] or "none: hosts of your own"),
        ("Swarm", element("code", report["swarm"] or "no manager told")),
        ("Nodes", len(report["nodes"])),
        (
            "Networks",
            f"{len(report['networks'])}, {sum(network['encrypted'] for network in report['networks'])} encrypted",
        ),
    )
    return element(
        "header",
        element("p", "Overlay networks of ", element("b", _subject(report)), class_="over"),
        element("h1", element("i", marks.SYMBOLS[status], aria_hidden="true"), word),
        element("p", _sentence(report)),
        element("div", shares, class_="bar", aria_hidden="true") if shares else None,
        element("ul", counts, class_="counts", aria_label="Results"),
        element(
            "dl", [element("div", element("dt", name), element("dd", value)) for name, value in facts], class_="facts"
        ),
        class_="card answer " + status,
    )


def _sentence(report: dict[str, t.Any]) -> str:
    numbers = report["summary"]
    if not report["checks"]:
        return "No check gave a result, so nothing is known."
    if numbers["skip"] == len(report["checks"]):
        return "No check that was chosen applies here, so nothing is proven."
    if numbers["ok"]:
        return "Every check that applies passed, on every node and network it looked at."
    if report["causes"]:
        first, more = report["causes"][0], len(report["causes"]) - 1
        others = f" And {plural(more, 'other cause stands', 'other causes stand')} below." if more else ""
        return headline(first) + "." + others
    if numbers["fail"]:
        return "Something was seen not to work, and no single cause was found. What to do stands right below."
    return "Nothing was seen to fail, but evidence is missing, and a check without evidence has not passed."


def _ids(report: dict[str, t.Any]) -> list[tuple[t.Any, ...]]:
    """(id on the page, result)."""
    return [(f"check-{number}", item) for number, item in enumerate(report["checks"], 1)]


def _causes(report: dict[str, t.Any]) -> Markup | None:
    """The failures by cause.

    Those without a cause are grouped by hint, since failures with one cause often share it.
    """
    places = {id(item): place for place, item in _ids(report)}
    rows = [_cause(report, found, places) for found in report["causes"]]
    rest = _without_cause(unexplained(report), places)
    if not rows and not rest:
        return None
    note = element("h3", "No single cause found", class_="rest") if rest else None
    return element(
        "section",
        element("h2", "What is wrong, and what to do", id="todo"),
        element("ul", rows, class_="causes") if rows else None,
        note,
        element("ul", rest, class_="causes") if rest else None,
        class_="card",
        aria_labelledby="todo",
    )


def _cause(report: dict[str, t.Any], found: dict[str, t.Any], places: dict[int, str]) -> Markup:
    """A cause with its evidence; its results are folded below."""
    below = folded(report, found)
    status = "fail" if any(item["status"] == "fail" for item in below) or not below else "inconclusive"
    parts = [plural(len(below), "result depends", "results depend") + " on it"] if below else []
    parts += [plural(len(found["shares"]), "result", "results") + " below partly"] if found["shares"] else []
    chips = [element("span", name, class_="chip") for name in found["networks"]]
    certainty = None if found["certainty"] == "seen" else element("span", "most likely", class_="chip")
    fold = (
        element(
            "details",
            element("summary", ", ".join(parts)),
            element("ul", [_line(item, places) for item in below]),
            class_="fold",
        )
        if below
        else element("p", ", ".join(parts), class_="muted")
    )
    return element(
        "li",
        element("b", found["title"], class_="title"),
        certainty,
        chips,
        element("p", element("b", "What to do: "), found["todo"], class_="todo"),
        element("p", "Because", class_="muted") if found["because"] else None,
        element("ul", [element("li", text) for text in found["because"]], class_="because")
        if found["because"]
        else None,
        fold,
        class_=status,
    )


def _without_cause(items: list[dict[str, t.Any]], places: dict[int, str]) -> list[t.Any]:
    hints: dict[t.Any, t.Any] = {}
    for item in items:
        hints.setdefault(item["hint"] or "", []).append(item)
    return [
        element(
            "li",
            element("span", hint, class_="hint") if hint else None,
            element("ul", [_line(item, places) for item in found]),
            class_=found[0]["status"],
        )
        for hint, found in hints.items()
    ]


def _line(item: dict[str, t.Any], places: dict[int, str]) -> Markup:
    return element(
        "li",
        marks.badge(item["status"]),
        " ",
        element("a", element("span", item["id"], class_="id"), href="#" + places[id(item)]),
        _scope(item),
        " ",
        item["title"],
        element("span", " on " + marks.listing(item["nodes"], NODES_NAMED), class_="muted") if item["nodes"] else None,
    )


def _scope(item: dict[str, t.Any]) -> Markup | None:
    where = scope(item)
    return element("span", where, class_="chip") if where else None


def _changes(comparison: Comparison) -> Markup:
    head = element("h2", "Since the previous run", id="changes")
    if comparison.problem:
        body: list[t.Any] = [element("p", comparison.problem, class_="muted")]
    else:
        when = marks.moment(comparison.started) if comparison.started else "an unknown time"
        body = [element("p", "Compared with ", when, ": ", _told(comparison), class_="muted")]
        rows = [_change(change) for change in comparison.verdicts]
        if rows:
            body.append(element("ul", rows[:CHANGES_SHOWN], class_="changes"))
        if rows[CHANGES_SHOWN:]:
            more = element("summary", f"{len(rows) - CHANGES_SHOWN} more")
            body.append(element("details", more, element("ul", rows[CHANGES_SHOWN:], class_="changes"), class_="fold"))
        body += [
            _asked(comparison.asked_anew, "not asked for before"),
            _asked(comparison.dropped, "no longer asked for"),
        ]
    return element("section", head, body, class_="card", aria_labelledby="changes")


def _told(comparison: Comparison) -> str:
    number = len(comparison.verdicts)
    return "no verdict changed." if not number else f"{plural(number, 'verdict', 'verdicts')} changed."


def _asked(changes: list[Change], words: str) -> Markup | None:
    """One line about what the other run has no answer to: how much it is, and what became of it."""
    if not changes:
        return None
    counted = Counter(change.after or change.before for change in changes)
    told = [[" ", marks.badge(name, f"{counted[name]} {marks.WORDS[name]}")] for name in COUNTS if counted[name]]
    return element("p", plural(len(changes), "result was ", "results were ") + words + ":", told, class_="asked")


def _change(change: Change) -> Markup:
    """One changed verdict. Both runs have one: what only one of them was asked for is told apart."""
    ident, network, title = change.key
    return element(
        "li",
        marks.badge(str(change.before)),
        element("span", " \u2192 ", class_="arrow", aria_label="then"),
        marks.badge(str(change.after)),
        " ",
        element("span", ident, class_="id"),
        element("span", network, class_="chip") if network else None,
        " ",
        title,
    )


def _overview(report: dict[str, t.Any]) -> Markup:
    drawn = picture.draw(report)
    left = element(
        "section",
        element("h2", "Nodes, networks, tunnels", id="map"),
        drawn,
        class_="card drawn",
        aria_labelledby="map",
    )
    right = element(
        "section", element("h2", "At a glance", id="glance"), _grid(report), class_="card", aria_labelledby="glance"
    )
    beside = drawn and len(report["nodes"]) <= picture.ARCS_UP_TO
    return element("div", left if drawn else None, right, class_="pair" if beside else "pair stacked")


def _grid(report: dict[str, t.Any]) -> Markup:
    found = grid(report)
    if not found.rows:
        return element("p", "No check gave a result.", class_="muted")
    places: dict[t.Any, t.Any] = {}
    for place, item in _ids(report):
        key = (item["id"], found.stands[item["network"]])
        if item["status"] == found.cells[key]:
            places.setdefault(key, place)
    head = element(
        "tr",
        element("th", "Check", scope="col"),
        [element("th", column_name(column), scope="col", title=column) for column in found.columns],
    )
    rows = [
        element(
            "tr",
            element("th", element("span", row, class_="id"), scope="row"),
            [
                element(
                    "td",
                    element("a", marks.badge(found.cells[row, column]), href="#" + places[row, column])
                    if (row, column) in found.cells
                    else None,
                )
                for column in found.columns
            ],
        )
        for row in found.rows
    ]
    table = element("table", element("thead", head), element("tbody", rows), class_="grid")
    return element("div", table, class_="scroll", tabindex="0", role="region", aria_label="Checks by network")


def _checks(report: dict[str, t.Any], comparison: Comparison) -> Markup | None:
    if not report["checks"]:
        return None
    numbers = report["summary"]
    buttons = [element("button", f"All {numbers['total']}", type="button", data_status="", aria_pressed="true")]
    buttons += [
        element(
            "button",
            f"{marks.SYMBOLS[name]} {numbers[name]} {marks.WORDS[name]}",
            type="button",
            data_status=name,
            aria_pressed="false",
        )
        for name in COUNTS
        if numbers[name]
    ]
    search = element("input", type="search", placeholder="Filter by any word", aria_label="Filter the checks")
    tools = element(
        "div",
        buttons,
        search,
        element("button", "Open or fold all", type="button", data_fold=True),
        element("output", class_="muted"),
        class_="tools",
        role="group",
        aria_label="Filter the checks",
        hidden=True,
    )
    before = {change.key: change.before for change in comparison.changes if change.before}
    paths = matrix.anchors(report)
    causes = {
        place: [found["title"] for found in report["causes"] if place in found["explains"]]
        for place in range(len(report["checks"]))
    }
    items = [_check(place, item, before, paths, causes[number]) for number, (place, item) in enumerate(_ids(report))]
    return element(
        "section",
        element("h2", "Checks", id="checks"),
        tools,
        _worst_first(report, items) if len(items) > CHECKS_UP_TO else items,
        class_="card",
        aria_labelledby="checks",
    )


def _worst_first(report: dict[str, t.Any], items: list[Markup]) -> list[t.Any]:
    """The checks of a large swarm: first what no cause explains; what one does, and what is well, is one line each, which opens."""
    explained = {place for found in report["causes"] for place in found["explains"]}
    groups: dict[tuple[bool, str], list[Markup]] = {}
    for place, (item, made) in enumerate(zip(report["checks"], items)):
        groups.setdefault((place in explained, item["status"]), []).append(made)
    bad = [groups.get((False, name), []) for name in BAD]
    below = {name: groups.get((True, name), []) for name in BAD}
    well = {name: groups.get((False, name), []) + groups.get((True, name), []) for name in ("pass", "skip")}
    return [*bad, _folded("What a cause above explains:", below), _folded("What is well:", well)]


def _folded(words: str, groups: dict[str, list[Markup]]) -> Markup | None:
    """Checks below one line that counts them."""
    counted = [[" ", marks.badge(name, f"{len(some)} {marks.WORDS[name]}")] for name, some in groups.items() if some]
    return element("details", element("summary", words, counted), *groups.values(), class_="well") if counted else None


def _check(
    place: str,
    item: dict[str, t.Any],
    before: dict[tuple[str, str | None, str | None], str | None],
    paths: dict[str, t.Any],
    causes: list[t.Any],
) -> Markup:
    was = before.get((item["id"], item["network"], item["title"]))
    summary = element(
        "summary",
        marks.badge(item["status"]),
        element("span", element("span", item["id"], class_="id"), item["title"], _scope(item), class_="what"),
        element("span", marks.seconds(item["seconds"]) + " s", class_="took", title="until it was so")
        if item["seconds"]
        else element("span", class_="took"),
        element("span", item["evidence"]["summary"], class_="line"),
    )
    hint = element("p", element("b", "What to do: "), item["hint"], class_="todo") if item["hint"] else None
    if causes:
        hint = element(
            "p",
            element("b", "Because: "),
            "; ".join(causes),
            " ",
            element("a", "What to do", href="#todo"),
            class_="todo",
        )
    facts = [("Nodes", ", ".join(item["nodes"]))] if item["nodes"] else []
    facts += [("Until it was so", marks.seconds(item["seconds"]) + " s")] if item["seconds"] else []
    facts += [("Previous run", marks.badge(was))] if was else []
    if "matrix" in item["evidence"]:
        facts.append(("Paths", element("a", "node by node", href="#" + paths[item["network"]])))
    table = element("dl", [(element("dt", name), element("dd", value)) for name, value in facts], class_="evidence")
    return element(
        "details",
        summary,
        element("div", hint, table, evidence.render(item["evidence"]), class_="body"),
        class_="check " + item["status"],
        id=place,
        data_status=item["status"],
        data_id=item["id"],
        open=item["status"] in BAD and not causes,
    )


def _nodes(report: dict[str, t.Any]) -> Markup | None:
    if not report["nodes"]:
        return None
    columns = ("role", "address", "engine", "kernel", "problem")
    head = element("tr", [element("th", name.capitalize(), scope="col") for name in ("node", *columns, "holds")])
    rows = []
    for node in sorted(report["nodes"], key=lambda node: node["problem"] is None):
        cells = [element("td", node[key] or ("none" if key == "problem" else "unknown")) for key in columns]
        rows.append(
            element("tr", element("th", node["name"], scope="row"), cells, element("td", _held(report, node["name"])))
        )
    table = element("table", element("thead", head), element("tbody", rows), class_="plain")
    return element(
        "section",
        element("h2", "Nodes", id="nodes"),
        element("div", table, class_="scroll", tabindex="0", role="region", aria_label="Nodes"),
        class_="card",
        aria_labelledby="nodes",
    )


def _held(report: dict[str, t.Any], node: str) -> str:
    """The networks that a node holds, in few words."""
    held = [network["name"] for network in report["networks"] if node in network["probes"]]
    missing = [network["name"] for network in report["networks"] if node not in network["probes"]]
    if not held:
        return "no network"
    if len(held) <= HELD_NAMED:
        return ", ".join(held)
    if not missing:
        return f"all {len(held)} networks"
    if len(missing) <= HELD_NAMED:
        return "all but " + ", ".join(missing)
    return marks.listing(held, HELD_NAMED)


def _footer(report: dict[str, t.Any]) -> Markup:
    return element(
        "footer",
        "Run ",
        element("code", report["run"]),
        " of ",
        report["collection"],
        ", report format ",
        report["schema_version"],
        ". The same results for programs: report.json and junit.xml beside this page.",
    )
