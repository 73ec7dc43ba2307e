# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may go on alone: never where somebody else may lead the swarm."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._swarm_plan.hosts import Leaver, Refusal
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._swarm_plan.recovering import recovery, refuse_others

from .survivors import ALONE, FORCED, LED, MANAGERS, host


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
        ([host("vm1", members=ALONE)], "", [], "nothing to recover"),
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
    managers = [f"10.0.0.{name[2:]}:2377" for name in MANAGERS]
    hosts[0] = Leaver(**{**vars(hosts[0]), "place": {**hosts[0].told, "node_address": "10.0.0.1"}})
    if not words:
        refuse_others(hosts, "vm1", managers, lost)
        return
    with pytest.raises(Refusal, match=words):
        refuse_others(hosts, "vm1", managers, lost)
