# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The results as JUnit XML for CI systems. Pure.

Private to swarmlab.overlay. One test case a result: failed is a failure, inconclusive an error, skipped is skipped.
Messages begin with the cause, because CI systems group by them.
"""

from __future__ import annotations

import json
import typing as t
from xml.etree import ElementTree

from . import performance
from .markup import printable
from .text import headline, scope

SUITE = "swarmlab.overlay verify"
OUTCOMES = {"fail": "failure", "inconclusive": "error", "skip": "skipped"}
NOTHING: dict[str, t.Any] = {
    "id": "NOTHING-CHECKED",
    "status": "inconclusive",
    "title": "The verification checked something",
    "network": None,
    "service": None,
    "nodes": [],
    "evidence": {"summary": "no check gave a result, but for those that do not apply"},
    "hint": None,
    "seconds": 0,
}


def render(report: dict[str, t.Any]) -> str:
    """The whole document.

    A run without checks is an error, because CI systems do not count an empty or skipped suite as a failure.
    """
    results = report["checks"] + ([] if any(item["status"] != "skip" for item in report["checks"]) else [NOTHING])
    root = ElementTree.Element("testsuites", _counts(results, report))
    suite = ElementTree.SubElement(root, "testsuite", dict(_counts(results, report), timestamp=report["started"]))
    _properties(suite, report)
    names: dict[t.Any, t.Any] = {}
    for place, item in enumerate(results):
        name = _name(item)
        names[item["id"], name] = number = names.get((item["id"], name), 0) + 1
        _case(suite, item, name if number == 1 else f"{name} ({number})", _causes(report, place))
    ElementTree.indent(root)
    return f"<?xml version='1.0' encoding='utf-8'?>\n{ElementTree.tostring(root, encoding='unicode')}\n"


def _counts(results: list[t.Any], report: dict[str, t.Any]) -> dict[str, t.Any]:
    statuses = [item["status"] for item in results]
    return {
        "name": SUITE,
        "tests": str(len(statuses)),
        "failures": str(statuses.count("fail")),
        "errors": str(statuses.count("inconclusive")),
        "skipped": str(statuses.count("skip")),
        "time": f"{report['summary']['seconds']:.1f}",
    }


def _properties(suite: ElementTree.Element, report: dict[str, t.Any]) -> None:
    properties = ElementTree.SubElement(suite, "properties")
    for name in ("run", "lab", "swarm", "schema_version"):
        if report[name]:
            ElementTree.SubElement(properties, "property", name=name, value=printable(str(report[name])))
    for name, value in performance.properties(report):
        ElementTree.SubElement(properties, "property", name=printable(name), value=printable(value))
    for found in report["causes"]:
        ElementTree.SubElement(properties, "property", name="cause", value=printable(headline(found)))


def _name(item: dict[str, t.Any]) -> str:
    where = scope(item)
    return printable(f"{item['title']} [{where}]" if where else item["title"])


def _causes(report: dict[str, t.Any], place: int) -> list[dict[str, t.Any]]:
    return [found for found in report["causes"] if place in found["explains"]]


def _case(suite: ElementTree.Element, item: dict[str, t.Any], name: str, causes: list[dict[str, t.Any]]) -> None:
    case = ElementTree.SubElement(
        suite, "testcase", classname=f"verify.{printable(item['id'])}", name=name, time=f"{item['seconds']:.2f}"
    )
    outcome = OUTCOMES.get(item["status"])
    if outcome:
        said = [found["title"] for found in causes] + [item["evidence"]["summary"]]
        about: dict[str, t.Any] = {"message": printable(" | ".join(said))}
        if outcome != "skipped":
            about["type"] = item["status"]
        ElementTree.SubElement(case, outcome, about).text = printable(_text(item, causes))
    ElementTree.SubElement(case, "system-out").text = printable(
        json.dumps(item["evidence"], indent=1, ensure_ascii=False)
    )


def _text(item: dict[str, t.Any], causes: list[dict[str, t.Any]]) -> str:
    lines = [f"Cause: {found['title']}. What to do: {found['todo']}" for found in causes] + [
        item["evidence"]["summary"]
    ]
    if item["nodes"]:
        lines.append("Nodes: " + ", ".join(item["nodes"]))
    if item["hint"] and not causes:
        lines.append("What to do: " + item["hint"])
    return "\n".join(lines)
