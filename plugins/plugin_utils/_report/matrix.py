# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths between nodes: one small heat map for each network and kind of traffic. Pure.

Private to swarmlab.overlay.
"""

from __future__ import annotations

import typing as t

from . import marks, paths
from .markup import Markup, element

HEAT = (0.25, 1.0, 5.0)  # seconds: the limits of the shades
DENSE_FROM = 9  # number of nodes from which cells hold symbols only, with upright names
WHOLE_UP_TO = 40  # number of nodes above which only nodes with failures are drawn
PAIRS_NAMED = 8
OPEN_UP_TO = (
    4  # networks that are shown at once; of more the worst, of large ones the worst alone, and the others are folded
)
ROOM = 18  # letters of a node's name
STATES = {"fail": ("f", "fail"), "inconclusive": ("u", "inconclusive")}


def section(report: dict[str, t.Any]) -> Markup | None:
    """The section of all matrices; None when no check has one."""
    found = paths.by_network(report)
    if not found:
        return None
    encrypted = {network["name"] for network in report["networks"] if network["encrypted"]}
    numbers = {name: number for number, name in enumerate(found, 1)}
    worst = {
        name: paths.worst(paths.state(cell) for kind in kinds for *_pair, cell in paths.pairs(kind))
        for name, kinds in found.items()
    }
    many = len(found) > OPEN_UP_TO
    order = sorted(found, key=lambda name: paths.WORST_FIRST.index(worst[name])) if many else list(found)
    large = any(len(kind.nodes) >= DENSE_FROM for kinds in found.values() for kind in kinds)
    seen = 1 if large else OPEN_UP_TO
    parts = [
        _network(numbers[name], name, found[name], name in encrypted, many and (worst[name] == "pass" or place >= seen))
        for place, name in enumerate(order)
    ]
    return element(
        "section", element("h2", "Paths", id="paths"), _legend(), parts, class_="card", aria_labelledby="paths"
    )


def anchors(report: dict[str, t.Any]) -> dict[str, t.Any]:
    """Network -> id of its part of the section."""
    return {name: f"paths-{number}" for number, name in enumerate(paths.by_network(report), 1)}


def _legend() -> Markup:
    steps = [f"up to {limit:g} s" for limit in HEAT] + ["longer"]
    items = [
        element("li", element("i", marks.SYMBOLS["pass"], class_=f"key h{step}", aria_hidden="true"), " ", words)
        for step, words in enumerate(steps)
    ]
    items += [
        element("li", element("i", symbol, class_="key " + class_, aria_hidden="true"), " ", words)
        for symbol, class_, words in (
            (marks.SYMBOLS["fail"], "f", "failed"),
            ("?", "u", "no observation"),
            (marks.NONE, "n", "not tried"),
        )
    ]
    text = "From the node of each row to the node of each column. The numbers tell how long it took until the path answered."
    return element("div", element("p", text, class_="muted"), element("ul", items, class_="legend"))


def _network(number: int, name: str | None, kinds: list[t.Any], encrypted: bool, fold: bool) -> Markup:
    """The maps of one network; ``fold`` leaves one line of them."""
    words = [name or "Whole swarm", element("span", "encrypted", class_="chip") if encrypted else None]
    dense = any(len(kind.nodes) >= DENSE_FROM for kind in kinds)
    maps = element("div", [_figure(name, kind) for kind in (paths.merged(kinds) if dense else kinds)], class_="maps")
    if not fold:
        return element("div", element("h3", words, id=f"paths-{number}"), maps, class_="network")
    tried = [cell for kind in kinds for *_pair, cell in paths.pairs(kind)]
    good = [cell for cell in tried if paths.state(cell) == "pass"]
    told = f"{len(good)} of {len(tried)} work: {', '.join(kind.name.upper() for kind in kinds)}"
    line = [element("b", words), " ", marks.badge(paths.worst(map(paths.state, tried)), told), " "]
    slowest = element("span", f"slowest {marks.answered(max(good))}", class_="muted") if good else None
    return element("details", element("summary", line, slowest), maps, id=f"paths-{number}", class_="network folded")


def _figure(network: str | None, kind: paths.Kind) -> Markup:
    tried = paths.pairs(kind)
    good = [cell for _source, _target, cell in tried if paths.state(cell) == "pass"]
    status = paths.worst(paths.state(cell) for *_pair, cell in tried)
    slowest = f"slowest {marks.answered(max(good))}" if good else None
    heading = [
        element("b", kind.name.upper()),
        " ",
        marks.badge(status, f"{len(good)} of {len(tried)} work"),
        " ",
        element("span", slowest, class_="muted"),
    ]
    nodes = _shown(kind)
    left = len(kind.nodes) - len(nodes)
    note = (
        element("p", f"{left} nodes without trouble are not drawn; report.json has them all.", class_="muted")
        if left
        else None
    )
    if not nodes:
        return element("div", element("p", heading), note, class_="map")
    table = element(
        "div",
        _table(kind, nodes, heading),
        class_="scroll",
        tabindex="0",
        role="region",
        aria_label=f"{kind.name.upper()} on {network or 'the swarm'}",
    )
    return element("div", table, note, _reasons(tried, marks.fitting(kind.nodes, ROOM)), class_="map")


def _shown(kind: paths.Kind) -> list[t.Any]:
    if len(kind.nodes) <= WHOLE_UP_TO:
        return kind.nodes
    troubled = {
        node for source, target, cell in paths.pairs(kind) if paths.state(cell) != "pass" for node in (source, target)
    }
    return [node for node in kind.nodes if node in troubled][:WHOLE_UP_TO]


def _table(kind: paths.Kind, nodes: list[str], heading: list[t.Any]) -> Markup:
    dense, short = len(nodes) >= DENSE_FROM, marks.fitting(nodes, ROOM)
    head = element(
        "tr",
        element("td", class_="corner"),
        [element("th", element("span", short[node]), scope="col", title=node) for node in nodes],
    )
    rows = [
        element(
            "tr",
            element("th", short[source], scope="row", title=source),
            [_cell(kind, source, target, dense) for target in nodes],
        )
        for source in nodes
    ]
    return element(
        "table",
        element("caption", heading),
        element("thead", head),
        element("tbody", rows),
        class_="heat dense" if dense else "heat",
    )


def _cell(kind: paths.Kind, source: str, target: str, dense: bool) -> Markup:
    row = kind.cells.get(source, {})
    if target not in row:
        return element("td", marks.NONE if source != target else None, class_="n" if source != target else "self")
    cell = row[target]
    where = f"{source} to {target}: "
    if cell is None or isinstance(cell, str):
        class_, symbol = STATES[paths.state(cell)]
        return element("td", marks.SYMBOLS[symbol], class_=class_, title=where + (cell or "no observation"))
    shade = sum(cell > limit for limit in HEAT)
    shown = None if dense else element("small", marks.answered(cell))
    told = f"{where}answered after {marks.answered(cell)}"
    return element("td", marks.SYMBOLS["pass"], shown, class_=f"h{shade}", title=told)


def _reasons(tried: list[tuple[str, str, t.Any]], short: dict[str, str]) -> Markup | None:
    """The reasons of failed pairs, each reason once, because a phone or paper shows no tooltips."""
    reasons: dict[t.Any, t.Any] = {}
    for source, target, cell in tried:
        if isinstance(cell, str):
            reasons.setdefault(cell or "failed", []).append(f"{short[source]} → {short[target]}")
    rows = []
    for reason, named in reasons.items():
        if len(named) == len(tried):
            named = ["every pair"]
        more = f" and {len(named) - PAIRS_NAMED} more" if len(named) > PAIRS_NAMED else ""
        rows.append(element("li", element("b", reason, ": "), ", ".join(named[:PAIRS_NAMED]) + more))
    return element("ul", rows, class_="reasons") if rows else None
