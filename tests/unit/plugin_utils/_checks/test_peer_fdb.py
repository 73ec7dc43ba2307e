# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""PEER-FDB: the kernel of every node has entries for the endpoints of the other nodes, and no stale ones."""

from __future__ import annotations

import pytest
from drafts import Draft
from sound import ADDRESS, CHECKS, PLAIN, failed, healthy, worst


def peers(facts: Draft, host: str) -> dict:
    return facts.held[host][PLAIN["id"]]["peers"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rows: rows.pop(0), "no entry for 10.0.1.10 on vm1"),
        (lambda rows: rows.append("10.0.1.77 02:77 10.77.0.11"), "10.0.1.77 is stale"),
        (lambda rows: rows.__setitem__(0, rows[0].replace("02:vm1", "02:77")), "10.0.1.10 leads to 02:77"),
        (
            lambda rows: rows.__setitem__(0, rows[0].replace(ADDRESS["vm1"], ADDRESS["vm3"])),
            "at 10.77.0.13, it is 02:vm1 on vm1",
        ),
    ],
)
def test_a_wrong_entry_in_the_kernel_s_table(change, words: str) -> None:
    facts = healthy()
    for rows in peers(facts, "vm2").values():
        change(rows)
    result = failed(facts, "PEER-FDB")
    assert result["nodes"] == ["vm2"] and words in result["evidence"]["summary"]


def test_an_entry_that_came_or_went_meanwhile_is_no_fault() -> None:
    facts = healthy()
    peers(facts, "vm2")["ever"].append("10.0.1.77 02:77 10.77.0.11")
    peers(facts, "vm2")["always"].pop(0)
    assert worst(facts, "PEER-FDB") == "pass"


def test_an_entry_of_a_task_that_just_ended_is_no_fault() -> None:
    facts = healthy()
    for rows in peers(facts, "vm2").values():
        rows.append("10.0.1.77 02:77 10.77.0.11")
    facts.retired = {PLAIN["id"]: ["10.0.1.77"]}
    assert worst(facts, "PEER-FDB") == "pass"


def test_an_entry_of_a_task_that_ended_with_its_service_is_no_fault() -> None:
    """The managers forget the tasks of a service that is removed. Its containers may take ten seconds to end."""
    facts = healthy()
    for rows in peers(facts, "vm2").values():
        rows.append("10.0.1.77 02:77 10.77.0.11")
    facts.held["vm1"][PLAIN["id"]]["left"] = ["10.0.1.77 02:77"]
    assert worst(facts, "PEER-FDB") == "pass"


@pytest.mark.parametrize("state", ["ready", "down", "unknown"])
def test_staleness_is_not_judged_while_a_node_is_missing(state: str) -> None:
    """Also one that the managers have lost: its tasks may run."""
    facts = healthy()
    for rows in peers(facts, "vm2").values():
        rows.append("10.0.1.77 02:77 10.77.0.14")
    facts.swarm["nodes"].append({"id": "id-vm4", "state": state})
    results = CHECKS["PEER-FDB"].judge(facts)
    assert {item["status"] for item in results} == {"pass"} and "not judged" in results[0]["evidence"]["summary"]
