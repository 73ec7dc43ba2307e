# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""SD-VIP: a service's name resolves to its virtual IP, from every node."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._checks import _resolving
from sound import CHECKS, HOSTS, PLAIN, healthy, judged, worst


@pytest.mark.parametrize(
    ("later", "statuses"),
    [
        (None, {"fail", "pass"}),
        ({"web": ["10.0.1.5"]}, {"fail", "pass"}),
        ({"web": ["10.0.1.6"], "other": ["10.0.1.7"]}, {"pass"}),  # it was rescheduled meanwhile
        ({}, {"pass"}),  # it was removed meanwhile
    ],
)
def test_a_name_that_changes_while_it_is_asked_for_is_no_fault(later: dict | None, statuses: set) -> None:
    facts = healthy()
    facts.records[PLAIN["id"]] = {"web": ["10.0.1.5"], "other": ["10.0.1.7"]}
    facts.owners[PLAIN["id"]] = {"web": ["web", "service"], "other": ["other", "service"]}
    facts.later_records = None if later is None else dict(facts.records, **{PLAIN["id"]: later})
    for host in HOSTS:
        for name, ok in (("web", False), ("other", True)):
            facts.observations[host][_resolving.ident(CHECKS["SD-VIP"], PLAIN, name)] = {
                "ok": ok,
                "seconds": 1,
                "kind": "answer",
                "addresses": [],
            }
    assert {item["status"] for item in CHECKS["SD-VIP"].judge(facts)} == statuses


def test_when_all_names_change_nothing_is_proven() -> None:
    facts = healthy()
    facts.later_records = {}
    for host in HOSTS:
        facts.observations[host][_resolving.ident(CHECKS["SD-VIP"], PLAIN, "web")].update(ok=False)
    assert ("skip", "front", []) in judged(facts, "SD-VIP")


def test_a_service_that_was_not_selected_is_not_asked_for() -> None:
    facts = healthy()
    facts.settings["services"] = ["r*"]
    asked = {
        request["name"]
        for ident in ("SD-VIP", "SD-DNSRR")
        for rows in CHECKS[ident].plan(facts).values()
        for request in rows
    }
    assert asked == {"rr.front", "rr.back"}
    assert worst(facts, "SD-VIP") == "skip"
