# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture of a step: nodes in a row, a lane for each network, and on it a dot for each node that says what it knows. Pure.

Private to swarmlab.overlay.
"""

from __future__ import annotations

import typing as t

from .._report.markup import Markup, element
from .._report.picture import LOCK
from .story import Picture, PictureNode

STEP, MARGIN, CARD, LANE, GAP = 190, 12, 62, 58, 8
HELD, KNOWN, UNKNOWN = "held", "known", "unknown"
NAME_SHOWN = 24


def state(node: PictureNode, network: str) -> str:
    """What a node has of a network."""
    if network in node["held"]:
        return HELD
    return KNOWN if network in node["known"] else UNKNOWN


def short(name: str) -> str:
    """A container's name as the picture has room for it: of a task the service, the number and the beginning of its id."""
    service, _dot, rest = name.partition(".")
    slot, dot, task = rest.partition(".")
    if dot:
        return f"{service}.{slot}.{task[:4]}…" if slot.isdigit() else f"{service}.{task[:4]}…"
    return name if len(name) <= NAME_SHOWN else name[: NAME_SHOWN - 1] + "…"


def draw(told: Picture, label: str) -> Markup:
    """An ``svg`` element. ``label`` is its name for those who do not see it."""
    nodes, networks = told["nodes"], told["networks"]
    most = max((len(node["containers"]) for node in nodes), default=0)
    card = CARD + 14 * max(0, most - 1)
    width = 2 * MARGIN + STEP * len(nodes)
    height = MARGIN + card + GAP + (LANE + GAP) * len(networks) + MARGIN
    parts: list[t.Any] = [_stem(number, card, height) for number in range(len(nodes))]
    parts += [_card(node, number, card) for number, node in enumerate(nodes)]
    for row, network in enumerate(networks):
        parts.append(_lane(nodes, network, MARGIN + card + GAP + row * (LANE + GAP), width))
    return element(
        "svg", parts, viewBox=f"0 0 {width} {height}", width=width, height=height, role="img", aria_label=label, class_="picture"
    )  # fmt: skip


def _x(number: int) -> float:
    return MARGIN + STEP * (number + 0.5)


def _stem(number: int, card: int, height: int) -> Markup:
    return element("line", x1=_x(number), y1=MARGIN + card, x2=_x(number), y2=height - MARGIN, class_="stem")


def _card(node: PictureNode, number: int, height: int) -> Markup:
    middle = _x(number)
    rows = [
        element("text", short(found["name"]), x=middle, y=MARGIN + 52 + 14 * row, text_anchor="middle", class_="inside")
        for row, found in enumerate(node["containers"])
    ]
    return element(
        "g",
        element("rect", x=middle - STEP / 2 + 8, y=MARGIN, width=STEP - 16, height=height, rx=8, class_="box"),
        element("text", node["name"], x=middle, y=MARGIN + 20, text_anchor="middle", class_="name"),
        element("text", node["role"], x=middle, y=MARGIN + 34, text_anchor="middle", class_="small"),
        rows,
        class_="node",
    )


def _lane(nodes: t.Sequence[PictureNode], network: dict[str, t.Any], top: float, width: int) -> Markup:
    name, line = network["name"], top + 34
    parts: list[t.Any] = [element("rect", x=2, y=top, width=width - 4, height=LANE, rx=8, class_="band")]
    left = 12
    if network["encrypted"]:
        parts.append(element("path", d=LOCK, transform=f"translate({left} {top + 4:g})", class_="lock"))
        left += 16
    parts.append(element("text", name, x=left, y=top + 15, class_="name"))
    held = [number for number, node in enumerate(nodes) if state(node, name) == HELD]
    if len(held) > 1:
        parts.append(element("line", x1=_x(held[0]), y1=line, x2=_x(held[-1]), y2=line, class_="bus"))
    for number, node in enumerate(nodes):
        own = state(node, name)
        parts.append(element("circle", cx=_x(number), cy=line, r=5 if own == UNKNOWN else 8, class_=f"dot {own}"))
        addresses = [found["networks"][name] for found in node["containers"] if found["networks"].get(name)]
        text = addresses[0] + (f" +{len(addresses) - 1}" if len(addresses) > 1 else "") if addresses else ""
        parts.append(element("text", text, x=_x(number), y=line + 20, text_anchor="middle", class_="small"))
    return element("g", parts, class_="lane encrypted" if network["encrypted"] else "lane")
