# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""NET-EGRESS: from inside a task the way out of the swarm's networks works, as far as the next node's own address."""

from __future__ import annotations

from sound import CHECKS, healthy


def test_the_way_out_of_a_node_that_told_nothing_else_is_asked_without_another_node() -> None:
    facts = healthy()
    del facts.opened["vm3"]
    assert set(CHECKS["NET-EGRESS"].plan(facts)) == {"vm1", "vm2", "vm3"}
