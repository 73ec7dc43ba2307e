# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""ENC-REJECT: an encrypted network drops injected clear text, and the same injection arrives on a plain network."""

from __future__ import annotations

import pytest
from sound import ADDRESS, CHECKS, HOSTS, healthy, judged


def test_injected_clear_text_that_arrives_names_the_receiver() -> None:
    facts = healthy()
    facts.received["vm2"]["udp/back/clear@vm1"] = 1
    assert judged(facts, "ENC-REJECT") == [("fail", "back", ["vm2"])]


@pytest.mark.parametrize(
    "change",
    [
        lambda facts: facts.received["vm2"].clear(),
        lambda facts: facts.observations["vm1"]["ENC-REJECT/secret000000/vm2"].update(ok=False),
    ],
)
def test_a_refusal_without_its_control_proves_nothing(change) -> None:
    facts = healthy()
    change(facts)
    assert judged(facts, "ENC-REJECT") == [("inconclusive", "back", ["vm2"])]


def test_each_node_is_injected_once_by_another() -> None:
    facts = healthy()
    rows = [(source, request) for source, requests in CHECKS["ENC-REJECT"].plan(facts).items() for request in requests]
    assert sorted(row["address"] for _source, row in rows if row["network"] == "back") == [
        ADDRESS[host] for host in HOSTS
    ]
    assert all(ADDRESS[source] == row["source"] != row["address"] for source, row in rows)
