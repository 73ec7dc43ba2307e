# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which nodes leave, and which hosts may not."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._swarm_plan.hosts import Host, Leaver, Refusal
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._swarm_plan.leaving import Farewell, farewell

from .worlds import STAYING, place


def ids(found: Farewell) -> list[str]:
    return [node["id"] for node in found.nodes]


@pytest.mark.parametrize(
    ("leaver", "nodes"),
    [
        # The engine's word counts, whatever the inventory calls the host.
        (Leaver("vm2", place=place("active", "n2", manager_ids=["n1"])), ["n2"]),
        # It has left, and its record is the one that we marked.
        (Leaver("vm5", place=place()), ["n5"]),
        # It has left, or was never there: a record of the same name may be another machine's.
        (Leaver("vm4", place=place(hostname="vm4")), []),
        # Dead: the address says which it was, or its owner does.
        (Leaver("vm4", addresses=frozenset({"10.0.0.4"})), ["n4"]),
        (Leaver("dead", declared_id="n4"), ["n4"]),
        (Leaver("dead", declared_id="n99"), []),
        (Leaver("vm5"), ["n5"]),
        # Dead, and the swarm has not noticed yet: name and address agree.
        (Leaver("vm3", addresses=frozenset({"10.0.0.2"})), ["n2"]),
        # Removed already.
        (Leaver("vm8", addresses=frozenset({"10.0.0.8"})), []),
    ],
)
def test_who_leaves(leaver: Leaver, nodes: list[str]) -> None:
    assert ids(farewell([leaver], STAYING)) == nodes


@pytest.mark.parametrize(
    ("leaver", "staying", "words"),
    [
        (Leaver("vm2", place=place("active", "n77")), STAYING, "another swarm than vm1"),
        # Silent, and only a name, or a node that is alive elsewhere, speaks for it.
        (Leaver("vm4", problem="timed out"), STAYING, "vm4 does not answer \\(timed out\\).*perhaps n4.*swarm_node_id"),
        (Leaver("web", addresses=frozenset({"10.0.0.2"})), STAYING, "perhaps n2"),
        (Leaver("vm2", place=place("active", "n1")), STAYING, "one node"),
        (
            Leaver("vm2", place=place("active", "n2")),
            [Host("vm1", "manager", False, problem="timed out")],
            "no remaining manager.*vm1: timed out",
        ),
        (Leaver("vm2"), [], "no other manager is in the inventory"),
        (Leaver("vm2", place=place("active", "n2")), [Host("vm1", "manager", False, place())], "vm1: inactive"),
    ],
)
def test_who_may_not(leaver: Leaver, staying: list[Host], words: str) -> None:
    with pytest.raises(Refusal, match=words):
        farewell([leaver], staying)


def test_without_any_swarm_there_is_nothing_to_leave() -> None:
    assert (
        farewell([Leaver("vm2", place=place()), Leaver("vm3")], [Host("vm1", "manager", False, place())]) == Farewell()
    )
