# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""NET-EXISTS: the networks and services that the user named exist."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._diagnosis.diagnose import diagnose
from sound import CHECKS, healthy


@pytest.mark.parametrize(
    ("services", "status"), [(["web"], "pass"), (["w*"], "pass"), (["*"], None), (["web", "wbe"], "fail"), ([], None)]
)
def test_a_service_that_was_asked_for_and_is_not_there(services: list, status: str | None) -> None:
    facts = healthy()
    facts.settings.update(services=services, networks=["front"] if services else ["*"])
    assert [item["status"] for item in CHECKS["NET-EXISTS"].judge(facts)] == (
        [status] if status else ["pass"] if services else []
    )
    assert CHECKS["NET-EXISTS"].judge(replace(facts, viewed=False)) is not None


@pytest.mark.parametrize(
    ("declared", "asked", "status"),
    [(["front"], ["*"], None), (["front", "gone"], ["*"], "fail"), (["gone"], ["front"], "pass"), ([], ["*"], None)],
)
def test_a_network_that_the_inventory_declares_is_looked_for(declared: list, asked: list, status: str | None) -> None:
    facts = healthy()
    facts.settings.update(declared=declared, networks=asked)
    found = CHECKS["NET-EXISTS"].judge(facts)
    assert [item["status"] for item in found] == ([status] if status else [])
    if status == "fail":
        assert "declares gone" in found[0]["evidence"]["summary"]
        assert [cause["id"] for cause in diagnose(found, facts)] == ["network-undone"]
        facts.unmatched, facts.settings["services"] = ["frnt"], ["wbe"]
        found = CHECKS["NET-EXISTS"].judge(facts)
        assert {cause["id"] for cause in diagnose(found, facts)} == {
            "network-missing",
            "service-missing",
            "network-undone",
        }
