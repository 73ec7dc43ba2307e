# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""SD-ALIAS: an alias resolves like the name of its service, from every node, and one service alone has each name."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._diagnosis.diagnose import diagnose
from sound import CHECKS, PLAIN, failed, healthy, worst


@pytest.mark.parametrize("alias", ["a" * 64, "a..b", ".a", "\u00fc" * 64])
def test_an_alias_that_nobody_can_look_up_is_told_and_not_asked_for(alias: str) -> None:
    facts = healthy()
    facts.records[PLAIN["id"]][alias] = ["10.0.1.5"]
    facts.owners[PLAIN["id"]][alias] = ["web", "alias"]
    assert not any(
        request["name"].startswith(alias) for rows in CHECKS["SD-ALIAS"].plan(facts).values() for request in rows
    )
    result = failed(facts, "SD-ALIAS")
    assert (result["network"], result["service"], result["nodes"]) == (
        "front",
        "web",
        [],
    ) and "cannot be asked for" in result["evidence"]["summary"]
    assert worst(facts, "SD-VIP") == "pass"
    assert [cause["id"] for cause in diagnose([result], facts)] == ["name-unaskable"]
