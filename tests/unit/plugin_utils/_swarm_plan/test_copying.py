# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which manager a backup copies, and where none may be stopped."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._terms import PURPOSE_LABEL
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._swarm_plan.copying import copied
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._swarm_plan.hosts import Host, Refusal

from .survivors import ALONE, LED, MANAGERS, host


@pytest.mark.parametrize(
    ("members", "hosts", "name", "alone", "expected"),
    [
        (LED, MANAGERS, "", False, "vm2"),
        ([*LED[:2], {**LED[2], "availability": "drain"}], MANAGERS, "", False, "vm3"),
        (LED, MANAGERS, "vm1", False, "vm1"),
        (LED, MANAGERS[:1], "", False, "it is the leader"),
        (LED, MANAGERS, "vm9", False, "vm9 is not a working manager"),
        (ALONE, MANAGERS[:1], "", False, "is the only manager"),
        (ALONE, MANAGERS[:1], "", True, "vm1"),
        ([*LED[:2], {**LED[2], "reachability": "unreachable"}], MANAGERS[:2], "", False, "a majority is 2"),
        (LED[:2], MANAGERS[:2], "", False, "a majority is 2"),
    ],
)
def test_which_manager_is_copied(members: list, hosts: list[str], name: str, alone: bool, expected: str) -> None:
    known: list[Host] = [host(each, members=members) for each in hosts]
    if expected not in MANAGERS:
        with pytest.raises(Refusal, match=expected) as told:
            copied(known, name, alone)
        assert "Nothing was done" in str(told.value)
        return
    found = copied(known, name, alone)
    assert (found.host, found.node_id) == (expected, f"id-{expected}")
    assert found.manager != expected or len(known) == 1


def test_what_a_killed_backup_left_drained_is_given_back() -> None:
    marked = [{**each, "labels": {PURPOSE_LABEL: "backup"}} if each["hostname"] == "vm3" else each for each in LED]
    hosts = [host("vm1", members=marked), host("vm2", members=marked), host("vm3", "silent")]
    found = copied(hosts, "vm2")
    assert (found.host, found.left) == ("vm2", ["id-vm3"])
    assert found.steps[1:] == ["vm3, which an earlier backup drained, is given back"]
    assert copied(hosts[:2], "vm1", False).left == ["id-vm3"]


def test_the_manager_that_a_killed_backup_left_is_copied_again() -> None:
    """Its archive may still lie there, and goes with the new one."""
    drained = [{**each, "availability": "drain"} if each["hostname"] != "vm1" else each for each in LED]
    marked = [{**each, "labels": {PURPOSE_LABEL: "backup"}} if each["hostname"] == "vm3" else each for each in drained]
    found = copied([host(each, members=marked) for each in MANAGERS])
    assert (found.host, found.left) == ("vm3", [])
