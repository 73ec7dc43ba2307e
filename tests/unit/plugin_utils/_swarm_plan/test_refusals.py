# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that nothing can be planned for: a table of what is refused."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._swarm_plan.forming import plan
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._swarm_plan.hosts import Host, Refusal

from .worlds import LED, PORT, member, place

LOCKED = place("locked", error="Swarm is encrypted and needs to be unlocked")


@pytest.mark.parametrize(
    ("hosts", "words"),
    [
        ([Host("vm1", "manager", place=None, problem="it is not reachable")], "vm1: it is not reachable"),
        ([Host("vm1", "manager", place=LOCKED)], "docker swarm unlock.*needs to be unlocked"),
        ([Host("vm1", "manager", place=place("error", error="certificate expired"))], "certificate expired"),
        ([Host("vm1", "manager", place=LED), Host("vm2", "worker", place=place("active", "n1"))], "vm1, vm2 are one node"),
        ([Host("vm1", "manager", place=LED), Host("vm2", "worker", place=place("active", "n7"))], "vm2 belongs to another swarm than vm1"),
        ([Host("vm1", "manager", place=LED), Host("vm2", "worker", place=place("active", "n7", manager_ids=["n1"]))], "the swarm has removed this node"),
        ([Host("vm1", "manager", place=LED), Host("vm2", "manager", place=place("active", "n2", [member("n2", "manager")], swarm_id="B"))],
         "several swarms: vm1 of A; vm2 of B"),
        ([Host("vm1", "manager", place=LED), Host("vm2", place=place())], "vm2: in no swarm, and no group declares"),
        ([Host("vm1", "worker", place=place("active", "n1"))], "none of its managers \\(10.0.0.9:2377\\) can be used"),
        ([Host("vm1", "worker", place=place())], "no host is declared a manager"),
        ([Host("vm1", "manager", False, place()), Host("vm2", "worker", place=place())], "none of the declared managers \\(vm1\\) is in this play"),
        # A locked manager outside of the play is in a swarm, though it does not say in which.
        ([Host("vm1", "manager", False, LOCKED), Host("vm2", "manager", place=place())], "vm1: already in a swarm"),
        ([Host("vm1", "manager", False), Host("vm2", "manager", place=place())], "It is unknown whether a swarm exists already: vm1"),
        # A host that no group calls a worker may be a manager.
        ([Host("vm1", "", False), Host("vm2", "manager", place=place())], "It is unknown whether"),
        ([Host("vm1", "manager", place=place("active", "n1", None, manager=True, error="no leader"))], "no majority.*no leader"),
        ([Host("vm1", "worker", place=LED)], "declare managers as workers"),
    ],
)  # fmt: skip
def test_refused(hosts: list[Host], words: str) -> None:
    with pytest.raises(Refusal, match=words):
        plan(hosts, PORT, final=True)


def test_a_port_that_the_swarm_does_not_have() -> None:
    with pytest.raises(Refusal, match="UDP port 4789 for overlay traffic, and swarm_data_path_port declares 5000"):
        plan([Host("vm1", "manager", place=LED)], 5000)
