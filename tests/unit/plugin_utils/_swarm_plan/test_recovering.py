# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may go on alone: never where somebody else may lead the swarm."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._terms import PURPOSE_LABEL
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._swarm_plan.hosts import Leaver, Refusal
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._swarm_plan.recovering import recovery, restoration

from .survivors import ALONE, FORCED, LED, MANAGERS, host, member

RESTORED = [member("vm1", leader=True, availability="drain", labels={PURPOSE_LABEL: "backup"})]


@pytest.mark.parametrize(
    ("hosts", "name", "lost", "words"),
    [
        ([host("vm1", members=LED), host("vm2", members=LED), host("vm3", "silent")], "", [], "nothing to recover"),
        ([host("vm1"), host("vm2", members=LED), host("vm3", members=LED)], "vm1", [], "must not continue alone"),
        ([host("vm1"), host("vm2", "silent"), host("vm3", "silent")], "", [], "vm2 .*vm3 "),
        ([host("vm1"), host("vm2", "silent"), host("vm3", "silent")], "", ["vm2"], "vm3 "),
        ([host("vm1"), host("vm2", "silent"), host("vm3", "silent")], "", ["vm2", "10.0.0.9"], "vm3 "),
        ([host("vm1"), host("vm2", "silent")], "", ["vm2"], "the manager at 10.0.0.3 \\(not asked"),
        ([host("vm1"), host("vm2", "silent", role="worker"), host("vm3", "inactive")], "", [], "the manager at 10.0.0.2"),
        ([host("vm1"), host("vm2"), host("vm3", "silent")], "", ["vm3"], "Several managers have survived: vm1, vm2"),
        ([host("vm1"), host("vm2"), host("vm3", "silent")], "vm3", ["vm3"], "vm3 is not a running manager"),
        ([host("vm1", "locked"), host("vm2", "silent")], "", ["vm2"], "Unlock the managers first"),
        ([host("vm1", "inactive"), host("vm2", "silent")], "", ["vm2"], "restore a backup"),
        ([host("vm1", members=ALONE), host("vm2", members=LED), host("vm3", members=LED)], "vm1", [], "vm2, vm3: in another swarm than vm1"),
        ([host("vm1", members=ALONE), host("vm2", members=LED)], "", [], "Name the manager that continues"),
        ([host("vm1", members=ALONE)], "", [], "nothing to recover.*remove or replace. Nothing was"),
        # Ended after the others had left their former swarm.
        ([host("vm1", members=ALONE), host("vm2", "inactive"), host("vm3", "inactive")], "", [], "In no swarm: vm2, vm3 \\(playbook swarm lets them join\\)"),
    ],
)  # fmt: skip
def test_refused(hosts: list[Leaver], name: str, lost: list[str], words: str) -> None:
    with pytest.raises(Refusal, match=words) as told:
        recovery(hosts, name, lost)
    assert "Nothing was changed" in str(told.value)


@pytest.mark.parametrize(
    ("hosts", "name", "lost", "wiped"),
    [
        ([host("vm1"), host("vm2", "silent"), host("vm3", "silent")], "", ["vm2", "vm3"], []),
        ([host("vm1"), host("vm2", "silent"), host("vm3", "silent")], "vm1", ["10.0.0.2", "10.0.0.3"], []),
        ([host("vm1")], "", ["10.0.0.2", "10.0.0.3"], []),
        ([host("vm1"), host("vm2", "inactive"), host("vm3", "inactive")], "", [], []),
        ([host("vm1", "pending"), host("vm2", "inactive"), host("vm3", "pending", role="worker")], "", [], []),
        ([host("vm1", "pending"), host("vm2", "pending"), host("vm3", "silent")], "vm1", ["vm3"], ["vm2"]),
        ([host("vm1"), host("vm2"), host("vm3", "silent")], "vm1", ["vm3"], ["vm2"]),
        ([host("vm1", members=FORCED), host("vm2", "silent"), host("vm3", "silent")], "", [], []),
        ([host("vm1", members=ALONE), host("vm2"), host("vm3", "silent")], "", [], ["vm2"]),
        ([host("vm1", members=ALONE), host("vm2", members=LED), host("vm3", members=LED)], "vm1", ["vm2", "vm3"], ["vm2", "vm3"]),
    ],
)  # fmt: skip
def test_goes_on(hosts: list[Leaver], name: str, lost: list[str], wiped: list[str]) -> None:
    found = recovery(hosts, name, lost)
    assert (found.host, found.node_id, list(found.wiped)) == ("vm1", "id-vm1", wiped)
    assert found.answering == [each.name for each in hosts if each.place is not None]


@pytest.mark.parametrize(
    ("hosts", "lost", "words"),
    [
        ([host("vm1", "inactive"), host("vm2", members=LED)], [], "vm2: a manager of a running swarm"),
        ([host("vm1", "inactive"), host("vm2", "pending")], ["vm2"], "vm2: a manager of a running swarm"),
        ([host("vm1", "inactive"), host("vm2")], ["vm2"], "vm2: a manager of a running swarm"),
        ([host("vm1", "inactive"), host("vm2", "silent")], ["10.0.0.3"], "vm2 "),
        ([host("vm1", "inactive"), host("vm2", "inactive")], [], "the manager at 10.0.0.3"),
        ([host("vm1", "inactive"), host("vm2", "silent")], ["vm2", "10.0.0.3"], ""),
        ([host("vm1", "inactive"), host("vm2", "inactive"), host("vm3", "inactive")], [], ""),
    ],
)
def test_a_backup_beside_a_swarm_that_may_live(hosts: list[Leaver], lost: list[str], words: str) -> None:
    managers, ids = [f"10.0.0.{name[2:]}:2377" for name in MANAGERS], [f"id-{name}" for name in MANAGERS]
    hosts[0] = Leaver(**{**vars(hosts[0]), "place": {**hosts[0].told, "node_address": "10.0.0.1"}})
    if not words:
        found = restoration(hosts, "vm1", managers, ids, lost)
        assert found.host == "vm1" and found.answering == [each.name for each in hosts if each.place is not None]
        joining = [f"{each.name} joins as manager through vm1" for each in hosts[1:] if each.place is not None]
        assert found.steps[1:] == ["vm1 goes on as the only manager of its swarm", *joining]
        return
    with pytest.raises(Refusal, match=words):
        restoration(hosts, "vm1", managers, ids, lost)


def test_a_backup_of_another_swarm_than_the_workers_are_in() -> None:
    worker = host("vm4", role="worker")
    assert restoration([host("vm1", "inactive"), worker], "vm1", ["10.0.0.1:2377"], ["id-vm1"], ["vm1"]).steps
    with pytest.raises(Refusal, match="vm4: in another swarm than that of the backup .*Nothing was changed"):
        restoration([host("vm1", "inactive"), worker], "vm1", ["10.0.0.1:2377"], ["id-other"], ["vm1"])


def test_what_a_recovery_says_is_what_is_left_to_be_done() -> None:
    alone, settled = (
        "vm1 goes on as the only manager of its swarm",
        "vm1: its engine is restarted, and lost managers are removed from its list",
    )
    back = [host("vm2", "inactive"), host("vm3", "silent")]
    joins = "vm2 joins as manager through vm1"
    assert recovery([host("vm1"), *back], "", ["vm3"]).steps == [alone, settled, joins]
    assert recovery([host("vm1", members=FORCED), *back], "", []).steps == [settled, joins]
    former = [host("vm1", members=ALONE), host("vm2"), back[1]]
    assert recovery(former, "", []).steps == ["vm2 leaves its former swarm by force", joins]
    assert recovery(former, "", []).settled and not recovery([host("vm1", members=FORCED), *back], "", []).settled
    # A restoration that ended before the manager was given back.
    given_back = "vm1, which an earlier backup drained, is given back"
    assert recovery([host("vm1", members=RESTORED), *back], "", []).steps == [joins, given_back]
    half = [*RESTORED, member("vm2")]
    assert recovery([host("vm2", members=half), host("vm1", members=half)], "", []).steps == [given_back]
