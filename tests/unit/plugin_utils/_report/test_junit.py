# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from xml.etree import ElementTree

from ansible_collections.swarmlab.overlay.plugins.plugin_utils._report import build, junit
from hypothesis import given
from hypothesis import strategies as st

WORDS = st.text() | st.just("\x00\x0b\ud800\uffff]]></failure>&\"'\r")


def item(status: str, words: str = "seen", network: str | None = "back") -> dict:
    return {
        "id": "DP-MATRIX",
        "status": status,
        "reason": "ok" if status == "pass" else "paths-lost",
        "title": "Title",
        "network": network,
        "service": None,
        "nodes": [words],
        "evidence": {"summary": words, "more": [words]},
        "hint": words if status in ("fail", "inconclusive") else None,
        "seconds": 1.25,
    }


def suite_of(results: list, words: str = "s1") -> ElementTree.Element:
    about = {
        "run": "r1",
        "started": "2026-01-01T00:00:00Z",
        "collection": "swarmlab.overlay",
        "lab": None,
        "swarm": words,
        "nodes": [],
        "networks": [],
    }
    root = ElementTree.fromstring(junit.render(build.document(results, about, 12.34)).encode("utf-8"))
    assert root.tag == "testsuites" and [child.tag for child in root] == ["testsuite"]
    return root[0]


def test_each_status_is_what_a_ci_system_expects() -> None:
    suite = suite_of([item(status) for status in build.STATUSES])
    cases = suite.findall("testcase")
    assert [[child.tag for child in case] for case in cases] == [
        ["system-out"],
        ["failure", "system-out"],
        ["error", "system-out"],
        ["skipped", "system-out"],
    ]
    assert {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped", "time", "timestamp")} == {
        "tests": "4",
        "failures": "1",
        "errors": "1",
        "skipped": "1",
        "time": "12.3",
        "timestamp": "2026-01-01T00:00:00Z",
    }
    assert cases[0].get("classname") == "verify.DP-MATRIX" and cases[0].get("time") == "1.25"
    assert cases[1].find("failure").get("message") == "seen"
    assert cases[1].find("failure").text == "seen\nNodes: seen\nWhat to do: seen"
    assert '"more"' in cases[0].find("system-out").text
    assert len({case.get("name") for case in cases}) == 4


def test_a_run_that_checked_nothing_is_no_success() -> None:
    suite = suite_of([])
    assert (suite.get("tests"), suite.get("errors")) == ("1", "1")


@given(st.lists(st.tuples(st.sampled_from(build.STATUSES), WORDS), max_size=5), WORDS)
def test_any_words_are_well_formed(rows: list, words: str) -> None:
    suite = suite_of([item(status, text, text) for status, text in rows], words)
    assert len(suite.findall("testcase")) == len(rows) + all(status == "skip" for status, _text in rows)


def test_a_failure_leads_with_its_cause() -> None:
    about = {
        "run": "r1",
        "started": "2026-01-01T00:00:00Z",
        "collection": "swarmlab.overlay",
        "lab": None,
        "swarm": "s1",
        "nodes": [],
        "networks": [],
    }
    cause = {
        "id": "esp-blocked",
        "title": "vm2 drops ESP",
        "nodes": ["vm2"],
        "networks": [],
        "todo": "open it",
        "because": [],
        "certainty": "seen",
        "explains": [0],
        "shares": [],
    }
    root = ElementTree.fromstring(junit.render(build.document([item("fail"), item("fail")], about, 1, [cause])))
    first, second = (case.find("failure") for case in root.iter("testcase"))
    assert first.get("message") == "vm2 drops ESP | seen" and second.get("message") == "seen"
    assert first.text == "Cause: vm2 drops ESP. What to do: open it\nseen\nNodes: seen"
    assert [row.get("value") for row in root.iter("property") if row.get("name") == "cause"] == [
        "vm2 drops ESP: 1 result depends on it"
    ]
