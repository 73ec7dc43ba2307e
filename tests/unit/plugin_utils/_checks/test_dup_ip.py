# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""DUP-IP: every address of a network has a single holder."""

from __future__ import annotations

from sound import HOSTS, PLAIN, failed, healthy, judged


def test_a_network_that_nobody_uses_has_no_duplicates_to_find() -> None:
    facts = healthy()
    facts.addresses[PLAIN["id"]] = []
    for host in HOSTS:
        facts.held[host].pop(PLAIN["id"])
    assert ("skip", "front", []) in judged(facts, "DUP-IP")


def test_addresses_given_out_twice() -> None:
    facts = healthy()
    facts.addresses[PLAIN["id"]].append(["10.0.1.10", "task x of web"])
    facts.held["vm3"][PLAIN["id"]]["local"].append("10.0.1.11 02:77")
    result = failed(facts, "DUP-IP")
    assert (
        result["nodes"] == ["vm1", "vm2", "vm3"]
        and "10.0.1.10: task vm1 of probe and task x of web" in result["evidence"]["summary"]
    )
