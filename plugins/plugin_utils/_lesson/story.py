# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of a lesson: what was typed, what came, what it proves, and a picture of every step. JSON, from which the pages are made. Pure.

Private to swarmlab.overlay.
"""

from __future__ import annotations

import re
import typing as t

from ...module_utils._lesson import shapes
from .lesson import Step
from .proofs import FAILED, Evidence, Finding, Seen, prove

FORMAT = 1
CERTIFICATE = re.compile(r"(-----BEGIN CERTIFICATE-----\n[^\n]*\n)(?:[^-\n]+\n)+( *-----END CERTIFICATE-----)")


class Piece(t.TypedDict):
    """A piece of evidence: the key of its words, their values, and whether it speaks for the step."""

    key: str
    values: dict[str, t.Any]
    good: bool


class Said(t.TypedDict):
    """A typed line with its node."""

    node: str
    typed: shapes.Typed


class PictureNode(t.TypedDict):
    """A node in the picture. ``held`` and ``known`` are names of networks; a container is its name and addresses."""

    name: str
    role: str
    held: list[str]
    known: list[str]
    containers: list[shapes.Container]


class Picture(t.TypedDict):
    """Which node knows which network at that moment."""

    nodes: list[PictureNode]
    networks: list[dict[str, t.Any]]


class Told(t.TypedDict):
    """A step as it went."""

    id: str
    verdict: str
    evidence: list[Piece]
    typed: list[Said]
    frames: list[shapes.Frame]
    words: str
    picture: Picture | None


class Story(t.TypedDict):
    """The whole lesson. Times are in seconds; ``began`` since 1970. ``looks`` are those of the last round, and none once it is finished."""

    format: int
    run: str
    language: str
    lab: str
    began: float
    seconds: float
    image: str
    nodes: list[dict[str, str]]
    steps: list[Told]
    stopped: str
    causes: list[str]
    looks: dict[str, shapes.Look]


def begin(settings: dict[str, t.Any], ready: t.Mapping[str, shapes.Ready]) -> Story:
    """A story without steps."""
    looks = [seen["look"] for seen in ready.values()]
    return {
        "format": FORMAT,
        "run": settings["run"],
        "language": settings["language"],
        "lab": settings["lab_name"],
        "began": settings["began"],
        "seconds": 0.0,
        "image": "named" if any(seen["image"] == "named" for seen in ready.values()) else "present",
        "nodes": [{"name": look["hostname"], "role": look["role"], "engine": look["engine"]} for look in looks],
        "steps": [],
        "stopped": "",
        "causes": [],
        "looks": {},
    }


def tell(seen: Seen, steps: t.Sequence[Step]) -> list[Told]:
    """The steps of a round, up to the first that failed."""
    drawn = picture(seen.looks)
    told = []
    for step in steps:
        finding = prove(seen, step)
        told.append(_told(seen, step, finding, drawn))
        if finding.verdict == FAILED:
            break
    return told


def problem(step: Step, problems: t.Mapping[str, str]) -> Told:
    """A step that could not be carried out, because nodes did not answer."""
    pieces: list[Piece] = [
        {"key": "problem", "values": {"node": host, "problem": text}, "good": False}
        for host, text in sorted(problems.items())
    ]
    return {
        "id": step.id, "verdict": FAILED, "evidence": pieces, "typed": [], "frames": [], "words": "", "picture": None,
    }  # fmt: skip


def _told(seen: Seen, step: Step, finding: Finding, drawn: Picture) -> Told:
    letters = [letter for letter in seen.letters.values() if letter and step.letter]
    return {
        "id": step.id,
        "verdict": finding.verdict,
        "evidence": [_piece(row) for row in finding.evidence],
        "typed": [
            {"node": seen.names[host], "typed": shortened(line)}
            for host in in_order(seen, step)
            for line in seen.said[host].get(step.id, [])
        ],
        "frames": _frames(letters),
        "words": letters[0]["words"] if letters else "",
        "picture": drawn,
    }


def shortened(line: shapes.Typed) -> shapes.Typed:
    """A line whose answer shows the beginning of a certificate, and not all of it."""
    return {**line, "output": CERTIFICATE.sub(r"\1...\n\2", line["output"])}


def in_order(seen: Seen, step: Step) -> list[str]:
    """The hosts in the order in which the step types on them."""
    order: list[str] = []
    for typing in step.typed:
        order += [host for host in seen.places.at(typing.at) if host not in order]
    return [host for host in [*order, *(host for host in seen.said if host not in order)] if host in seen.said]


def _piece(row: Evidence) -> Piece:
    return {"key": row.key, "values": row.values, "good": row.good}


def _frames(letters: t.Sequence[shapes.Letter]) -> list[shapes.Frame]:
    """One frame of each kind."""
    found: dict[str, shapes.Frame] = {}
    for letter in letters:
        for frame in letter["frames"]:
            found.setdefault(frame["kind"], frame)
    return [found[kind] for kind in sorted(found, key=lambda kind: kind == "esp")]


def picture(looks: t.Mapping[str, shapes.Look]) -> Picture:
    """The picture of this moment: ingress and the lesson's networks, in the order of their making."""
    networks: dict[str, dict[str, t.Any]] = {}
    for look in looks.values():
        for row in look["networks"]:
            if row["name"] == "ingress" or row["ours"]:
                networks.setdefault(row["name"], {"name": row["name"], "encrypted": row["encrypted"]})
    names = sorted(networks, key=lambda name: (name != "ingress", name != "clara", name))
    return {
        "nodes": sorted((_node(look, networks) for look in looks.values()), key=lambda node: node["name"]),
        "networks": [networks[name] for name in names],
    }


def _node(look: shapes.Look, networks: t.Collection[str]) -> PictureNode:
    shown = [row for row in look["networks"] if row["name"] in networks]
    return {
        "name": look["hostname"],
        "role": look["role"],
        "held": [row["name"] for row in shown if row["held"]],
        "known": [row["name"] for row in shown],
        "containers": look["containers"],
    }
