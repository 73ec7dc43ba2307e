# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRE-REACH: every node answers; nothing can be proven about one that does not."""

from __future__ import annotations

from sound import CHECKS, healthy


def test_a_node_that_the_swarm_has_lost_is_not_proven() -> None:
    facts = healthy()
    facts.swarm["nodes"][2]["state"] = "down"
    found = CHECKS["PRE-REACH"].judge(facts)[0]
    assert (found["status"], found["nodes"]) == ("fail", ["vm3"]) and "its managers call it down" in found["evidence"][
        "summary"
    ]
    facts.swarm["nodes"][2]["state"] = "unknown"  # of a moment after an election
    assert CHECKS["PRE-REACH"].judge(facts)[0]["status"] == "pass"
