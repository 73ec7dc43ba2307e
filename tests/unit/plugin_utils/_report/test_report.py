# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import jsonschema
import pytest
import report_schema
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._report import build, text
from hypothesis import given, settings
from hypothesis import strategies as st

ABOUT = {
    "run": "r1",
    "started": "2026-01-01T00:00:00Z",
    "collection": "swarmlab.overlay",
    "lab": None,
    "swarm": "s1",
    "nodes": [
        {
            "name": "vm1",
            "id": None,
            "role": None,
            "address": None,
            "engine": None,
            "kernel": None,
            "problem": "off",
            "reason": "node-unreachable",
        }
    ],
    "networks": [
        {
            "id": "n1",
            "name": "back",
            "encrypted": True,
            "attachable": True,
            "internal": False,
            "vni": 4097,
            "subnets": ["10.0.2.0/24"],
            "probes": {"vm1": "10.0.2.10"},
        }
    ],
}


def item(status: str, ident: str = "DP-MATRIX", network: str | None = "back", nodes: tuple = ("vm2",)) -> dict:
    return {
        "id": ident,
        "status": status,
        "reason": "ok" if status == "pass" else "paths-lost",
        "title": "t",
        "network": network,
        "service": None,
        "nodes": list(nodes),
        "evidence": {"summary": "6 of 6 pairs failed"},
        "hint": "open the port" if status == "fail" else None,
        "seconds": 0.5,
    }


def report(*statuses: str, causes: tuple = ()) -> dict:
    return build.document([item(status) for status in statuses], ABOUT, 12.34, causes)


def cause(*explains: int, shares: tuple = (), certainty: str = "seen") -> dict:
    return {
        "id": "esp-blocked",
        "title": "vm2 drops ESP",
        "nodes": ["vm2"],
        "networks": ["back"],
        "todo": "open the firewall",
        "because": ["nothing leaves"],
        "certainty": certainty,
        "explains": list(explains),
        "shares": list(shares),
    }


@settings(max_examples=30)
@given(st.lists(st.sampled_from(build.STATUSES), max_size=8))
def test_every_report_follows_its_schema(statuses: list[str]) -> None:
    made = report(*statuses)
    report_schema.validate(made)
    assert sum(made["summary"][status] for status in build.STATUSES) == made["summary"]["total"] == len(statuses)
    assert made["summary"]["ok"] == ("pass" in statuses and not {"fail", "inconclusive"} & set(statuses))
    assert text.lines(made, {"report": "/x"}) and text.failure(made)


@pytest.mark.parametrize("change", [{"schema_version": "9"}, {"extra": 1}, {"checks": [{"id": "X"}]}])
def test_the_schema_refuses_other_documents(change: dict) -> None:
    with pytest.raises(jsonschema.ValidationError):
        report_schema.validate(dict(report("pass"), **change))


def test_a_green_summary_starts_with_the_verdict() -> None:
    lines = text.lines(report("pass", "pass", "skip"), {"report": "/x/report.json", "page": "/x/report.html"})
    assert lines[0] == text.Line("VERIFIED: 2 passed, 1 skipped (1 node, 1 network, 12 s)", "green")
    assert not [line for line in lines if "->" in line.text]
    assert [line.text for line in lines[-2:]] == ["report:      /x/report.json", "page:        /x/report.html"]


def test_a_red_summary_names_node_cause_and_hint_once() -> None:
    words = [line.text for line in text.lines(report("inconclusive", "fail", "fail", "pass"), {})]
    assert words[0].startswith("NOT VERIFIED: 1 passed, 2 failed, 1 inconclusive")
    assert words[1:3] == ["  No single cause found for:", "  FAIL   DP-MATRIX [back] on vm2: 6 of 6 pairs failed"]
    assert sum("open the port" in word for word in words) == 1


def test_causes_lead_and_fold_what_they_explain() -> None:
    made = report("fail", "pass", "fail", "inconclusive", causes=(cause(0, 2),))
    report_schema.validate(made)
    words = [line.text for line in text.lines(made, {})]
    assert words[1:7] == [
        "  CAUSE  vm2 drops ESP: 2 results depend on it",
        "         because nothing leaves",
        "         -> open the firewall",
        "         below it: DP-MATRIX [back], DP-MATRIX [back]",
        "  No single cause found for:",
        "  UNSURE DP-MATRIX [back] on vm2: 6 of 6 pairs failed",
    ]
    assert "open the port" not in "".join(words)
    assert text.failure(made).endswith(
        "vm2 drops ESP: 2 results depend on it; DP-MATRIX [back] on vm2: 6 of 6 pairs failed"
    )


def test_nothing_is_left_to_say_when_causes_explain_all() -> None:
    made = report("fail", causes=(cause(0, certainty="inferred"),))
    words = [line.text for line in text.lines(made, {})]
    assert words[1] == "  CAUSE  Most likely: vm2 drops ESP: 1 result depends on it" and not [
        line for line in words if "No single" in line
    ]
    assert text.headline(cause(shares=(1, 2))) == "vm2 drops ESP: 2 more results are partly due to it"


@pytest.mark.parametrize("change", [{"explains": [-1]}, {"certainty": "sure"}, {"id": "ESP"}, {"extra": 1}])
def test_the_schema_refuses_other_causes(change: dict) -> None:
    with pytest.raises(jsonschema.ValidationError):
        report_schema.validate(report("fail", causes=(dict(cause(0), **change),)))


def test_a_skip_is_no_verification() -> None:
    assert not report("skip")["summary"]["ok"]
    assert report()["summary"]["ok"] is False
    assert text.verdict(report()).text == "NOTHING CHECKED"


def test_the_table_shows_the_worst_of_each_cell() -> None:
    made = build.document([item("pass"), item("fail"), item("pass", "PRE-KMOD", None)], ABOUT, 1)
    rows = [line.text for line in text.table(made)]
    assert rows == ["           back  swarm", "DP-MATRIX  FAIL", "PRE-KMOD         ok"]


def test_the_failure_message_is_bounded() -> None:
    message = text.failure(report(*["fail"] * 50))
    assert "and 47 more" in message and len(message) < 1000
