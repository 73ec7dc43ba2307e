# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A drawing of the swarm: nodes in a row, each network a lane below, its tunnels as arcs between its nodes. Pure.

Private to swarmlab.overlay. The tables of the page have the same content in words.
"""

from __future__ import annotations

import typing as t

from . import marks, paths
from .markup import Markup, element

MARGIN = 14
CARD = 76
LANE_HEAD = 50
LANE_FOOT = 16
GAP = 12
LANES = 24
LANES_OF_MANY = 6  # networks drawn where the nodes are many: the worst, and the others are told in words
COLUMNS = 14  # nodes drawn: as many as fit a page
ARCS_UP_TO = 6  # number of nodes up to which every tunnel is drawn; above, only the broken ones are
BROKEN_DRAWN = 10  # arcs of one network; above, the nodes that have them all are marked
LOCK = (
    "M3 6V4.2a3 3 0 0 1 6 0V6h.6c.5 0 .9.4.9.9v4.2c0 .5-.4.9-.9.9H2.4c-.5 0-.9-.4-.9-.9V6.9c0-.5.4-.9.9-.9z"
    "m1.4 0h3.2V4.2a1.6 1.6 0 0 0-3.2 0z"
)
SUMMARY = "%d nodes and %d overlay networks, %d of them encrypted. The tables below say the same in words."


class Frame(t.NamedTuple):
    """The geometry of the drawing."""

    nodes: list[t.Any]
    short: dict[t.Any, t.Any]
    step: int
    width: int

    def x(self, name: str) -> float:
        """The x coordinate of a node's column."""
        return MARGIN + self.step * (self.nodes.index(name) + 0.5)


def draw(report: dict[str, t.Any]) -> Markup | None:
    """An ``svg`` element, and a line about omitted parts; None without nodes."""
    if not report["nodes"]:
        return None
    nodes = columns(report)
    names = [node["name"] for node in nodes]
    step = 124 if len(names) <= ARCS_UP_TO else 100 if len(names) <= 10 else 72
    frame = Frame(names, marks.short(names), step, max(2 * MARGIN + step * len(names), 320))
    kinds = paths.by_network(report)
    lanes: list[Markup] = []
    top: float = MARGIN + CARD + 18
    shown = LANES if len(report["nodes"]) <= ARCS_UP_TO else LANES_OF_MANY
    for network in chosen(report)[:shown]:
        lane, height = _lane(frame, network, kinds.get(network["name"], []), top)
        lanes.append(lane)
        top += height + GAP
    stems = (
        [
            element("line", x1=frame.x(name), y1=MARGIN + CARD, x2=frame.x(name), y2=top - GAP - 6, class_="stem")
            for name in names
        ]
        if lanes
        else []
    )
    cards = [_card(frame, node, report) for node in nodes]
    text = SUMMARY % (
        len(report["nodes"]),
        len(report["networks"]),
        sum(network["encrypted"] for network in report["networks"]),
    )
    height = top - GAP + MARGIN
    image = element(
        "svg",
        element("title", "Nodes, networks and tunnels", id="picture-title"),
        element("desc", text, id="picture-text"),
        stems,
        cards,
        lanes,
        viewBox=f"0 0 {frame.width} {height}",
        width=frame.width,
        height=height,
        role="img",
        aria_labelledby="picture-title picture-text",
        class_="picture",
    )
    note = _left_out(report, len(names), shown)
    window = element("div", image, class_="scroll", tabindex="0", role="region", aria_label="Picture of the swarm")
    return element("div", window, note)


def columns(report: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    """The nodes to draw, in their order. Of many those with most trouble."""
    if len(report["nodes"]) <= COLUMNS:
        return list(report["nodes"])
    bad = [item for item in report["checks"] if item["status"] in ("fail", "inconclusive")]
    counted = {node["name"]: sum(node["name"] in item["nodes"] for item in bad) for node in report["nodes"]}
    worst = sorted(report["nodes"], key=lambda node: (node["problem"] is None, -counted[node["name"]]))[:COLUMNS]
    return [node for node in report["nodes"] if node in worst]


def chosen(report: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    """The networks to draw, the worst first."""
    worst: dict[t.Any, str] = {}
    for item in report["checks"]:
        if item["status"] in ("fail", "inconclusive"):
            worst[item["network"]] = paths.worst((item["status"], worst.get(item["network"], "pass")))
    return sorted(report["networks"], key=lambda network: paths.WORST_FIRST.index(worst.get(network["name"], "pass")))


def _left_out(report: dict[str, t.Any], nodes: int, networks: int) -> Markup | None:
    """What is not drawn, in words."""
    left = [(len(report["nodes"]) - nodes, "node"), (len(report["networks"]) - networks, "network")]
    told = " and ".join(f"{number} more {word}{'' if number == 1 else 's'}" for number, word in left if number > 0)
    return element("p", f"{told} with less trouble or none: see the tables", class_="muted") if told else None


def _fit(text: str, width: float, size: float) -> str:
    """The text, shortened in the middle to a width. A tooltip has the full text."""
    return marks.fit(text, max(int(width / (size * 0.62)), 3))


def _card(frame: Frame, node: dict[str, t.Any], report: dict[str, t.Any]) -> Markup:
    x, width = frame.x(node["name"]), frame.step - 12
    named = len([item for item in report["checks"] if item["status"] == "fail" and node["name"] in item["nodes"]])
    status = "fail" if node["problem"] or named else "pass" if report["summary"]["pass"] else "inconclusive"
    words = "no full answer" if node["problem"] else f"in {named} failed" if named else "no failure"
    role, address = node["role"] or "role unknown", node["address"] or ""
    told = f"{node['name']}, {role} {address}: {node['problem'] or words}"
    lines = (
        (_fit(frame.short[node["name"]], width - 12, 13), 19, "name"),
        (_fit(role, width - 8, 10), 34, "small"),
        (_fit(address, width - 8, 10), 48, "small"),
        (f"{marks.SYMBOLS[status]} {words}" if width > 70 else marks.SYMBOLS[status], 66, "state"),
    )
    return element(
        "g",
        element("title", told),
        element("rect", x=x - width / 2, y=MARGIN, width=width, height=CARD, rx=9, class_="box"),
        [
            element("text", text, x=x, y=MARGIN + offset, text_anchor="middle", class_=class_)
            for text, offset, class_ in lines
        ],
        class_="node " + status,
    )


def _lane(frame: Frame, network: dict[str, t.Any], kinds: list[t.Any], top: float) -> tuple[Markup, float]:
    tunnels = paths.tunnels(kinds)
    ends: dict[str, str] = {}
    drawn = [(pair, status) for pair, status in tunnels.items() if set(pair) <= set(frame.nodes)]
    if len(frame.nodes) > ARCS_UP_TO:
        broken = [(pair, status) for pair, status in drawn if status != "pass"]
        drawn = broken if len(broken) <= BROKEN_DRAWN else []
        ends = {} if drawn else paths.ends(dict(broken))
    deep = max([_depth(frame, pair) for pair, _status in drawn], default=0) * 0.75
    line, height = top + LANE_HEAD, LANE_HEAD + deep + LANE_FOOT
    held = [name for name in frame.nodes if name in network["probes"]]
    parts = [element("rect", x=2, y=top, width=frame.width - 4, height=height, rx=10, class_="band")]
    parts += _label(frame, network, tunnels, top)
    if len(held) > 1:
        parts.append(element("line", x1=frame.x(held[0]), y1=line, x2=frame.x(held[-1]), y2=line, class_="bus"))
    parts += [_arc(frame, pair, status, line, network["encrypted"]) for pair, status in drawn]
    parts += [_port(frame, name, network, line, ends.get(name)) for name in frame.nodes]
    return element("g", parts, class_="lane encrypted" if network["encrypted"] else "lane"), height


def _label(frame: Frame, network: dict[str, t.Any], tunnels: dict[tuple[str, str], str], top: float) -> list[t.Any]:
    status = paths.worst(tunnels.values())
    good = len([1 for state in tunnels.values() if state == "pass"])
    told = f"{marks.SYMBOLS[status]} {good} of {len(tunnels)} tunnels work" if tunnels else "not tried"
    words = ["encrypted" if network["encrypted"] else "not encrypted"]
    words += [f"VXLAN {network['vni']}"] if network["vni"] is not None else []
    words += network["subnets"][:1]
    left = 14
    lock = []
    if network["encrypted"]:
        lock = [element("path", d=LOCK, transform=f"translate({left} {top + 8:.1f})", class_="lock")]
        left += 17
    room = frame.width - left - 150
    return [
        *lock,
        element(
            "text",
            element("title", network["name"]),
            _fit(network["name"], room, 13),
            x=left,
            y=top + 19,
            class_="name",
        ),
        element(
            "text",
            told,
            x=frame.width - 14,
            y=top + 19,
            text_anchor="end",
            class_="state " + (status if tunnels else "skip"),
        ),
        element("text", _fit(" · ".join(words), frame.width - 28, 10), x=14, y=top + 34, class_="small"),
    ]


def _depth(frame: Frame, pair: tuple[t.Any, ...]) -> float:
    distance = abs(frame.nodes.index(pair[0]) - frame.nodes.index(pair[1]))
    return 26 + (distance - 1) * min(22, 66 / max(len(frame.nodes) - 2, 1))


def _arc(frame: Frame, pair: tuple[t.Any, ...], status: str, line: float, encrypted: bool) -> Markup:
    one, other = sorted(frame.x(name) for name in pair)
    low = line + _depth(frame, pair)
    way = f"M{one:g} {line:g} C{one + 12:g} {low:g} {other - 12:g} {low:g} {other:g} {line:g}"
    told = "{} and {}: {}".format(pair[0], pair[1], {"pass": "traffic passes"}.get(status, marks.WORDS[status]))
    parts = [element("title", told), element("path", d=way, class_="wall" if encrypted else "wire")]
    if encrypted:
        parts.append(element("path", d=way, class_="core"))
    if status != "pass":
        x, y = (one + other) / 2, line + 0.75 * (low - line)
        parts += [
            element("circle", cx=x, cy=y, r=7, class_="spot"),
            element("text", marks.SYMBOLS[status], x=x, y=y + 3.8, text_anchor="middle", class_="cross"),
        ]
    return element("g", parts, class_="tunnel " + status)


def _port(frame: Frame, name: str, network: dict[str, t.Any], line: float, broken: str | None) -> Markup:
    """``broken``: what became of the node's tunnels, where they are too many to be drawn."""
    address = network["probes"].get(name)
    told = f"{name} holds nothing of {network['name']}"
    if address:
        told = f"{name} holds {network['name']}, probe {address}"
    if broken:
        x = frame.x(name)
        told += f"; its tunnels: {marks.WORDS[broken]}"
        return element(
            "g",
            element("title", told),
            element("circle", cx=x, cy=line, r=9, class_="spot"),
            element("text", marks.SYMBOLS[broken], x=x, y=line + 3.8, text_anchor="middle", class_="cross"),
            class_="tunnel " + broken,
        )
    return element(
        "circle",
        element("title", told),
        cx=frame.x(name),
        cy=line,
        r=6 if address else 4,
        class_="port" if address else "port empty",
    )
