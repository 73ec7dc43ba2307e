# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of what was measured, in every form of the report."""

from __future__ import annotations

from xml.etree import ElementTree

import report_schema
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._report import (
    build,
    compare,
    junit,
    page,
    performance,
    text,
)


def row(source: str, path: str, mbit: float | None, problem: str | None = None, **more) -> dict:
    return {
        "where": "other node",
        "path": path,
        "via": "direct",
        "source": source,
        "target": "vm9",
        "mbit": mbit,
        "latency_ms": None if mbit is None else 0.25,
        "ratio": None if mbit is None else mbit / 1000,
        "problem": problem,
        **more,
    }


def report(*rows: dict) -> dict:
    about = {
        "run": "r1",
        "started": "2026-01-01T00:00:00Z",
        "collection": "swarmlab.overlay",
        "lab": None,
        "swarm": "s1",
        "nodes": [],
        "networks": [],
    }
    made = build.document(
        [
            {
                "id": "PF-SPEED",
                "status": "pass",
                "reason": "ok",
                "title": "t",
                "network": None,
                "service": None,
                "nodes": [],
                "evidence": {"summary": "s", "performance": list(rows)},
                "hint": None,
                "seconds": 0,
            }
        ],
        about,
        1,
    )
    report_schema.validate(made)
    return made


MEASURED = report(
    row("vm1", "host", 1000.0),
    row("vm2", "host", 1000.0),
    row("vm1", "overlay", 300.0),
    row("vm2", "overlay", 500.0),
    row("vm3", "overlay", 40.0),
    row("vm1", "encrypted", None, "the kernel of vm1 lacks esp4", via="vip"),
)


def test_the_middle_of_all_pairs_is_shown() -> None:
    lines = performance.text(MEASURED)
    assert [line.split() for line in lines[1:3]] == [
        ["other", "node:", "the", "hosts'", "own", "path", "1000", "1.00", "0.250"],
        ["other", "node:", "plain", "overlay", "300", "0.30", "0.250"],
    ]
    assert lines[3].split("  ")[0] == "other node: encrypted overlay, through a virtual IP" and lines[3].endswith(
        "the kernel of vm1 lacks esp4"
    )
    assert [line.text for line in text.lines(MEASURED, {})].count(lines[1]) == 1


def test_page_and_ci_have_the_same_figures() -> None:
    shown = page.render(MEASURED, compare.compare(None, MEASURED))
    assert '<h2 id="performance">Performance</h2>' in shown and "<td>0.30</td>" in shown and "lacks esp4" in shown
    found = {
        item.get("name"): item.get("value")
        for item in ElementTree.fromstring(junit.render(MEASURED).encode()).iter("property")
    }
    assert (
        found["performance: other node, plain overlay"] == "300 Mbit/s, 0.30 of the hosts' path, 0.250 round trip, ms"
    )
    assert found["performance: other node, encrypted overlay, through a virtual IP"] == "the kernel of vm1 lacks esp4"


def test_without_measurements_there_is_no_table() -> None:
    empty = report()
    assert performance.text(empty) == performance.properties(empty) == [] and performance.section(empty) is None
