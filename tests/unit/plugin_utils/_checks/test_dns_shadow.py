# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""DNS-SHADOW: no name server of a node has an address inside an overlay's subnet."""

from __future__ import annotations

from sound import healthy, judged


def test_a_name_server_inside_an_overlay() -> None:
    facts = healthy()
    facts.opened["vm2"]["host"]["nameservers"].append("10.0.2.53")
    assert judged(facts, "DNS-SHADOW") == [("fail", None, ["vm2"])]


def test_a_node_that_told_no_name_server_is_not_sound() -> None:
    facts = healthy()
    facts.opened["vm3"]["host"] = None
    assert judged(facts, "DNS-SHADOW") == [("inconclusive", None, ["vm3"])]
