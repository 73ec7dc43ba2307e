# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes that names mean."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._swarm_plan.finding import (
    find,
    refuse_lost_labels,
    refuse_no_return,
)
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._swarm_plan.hosts import Leaver, Refusal
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._swarm_plan.leaving import farewell

from .worlds import inventory, place


@pytest.mark.parametrize(
    ("names", "found", "manager"),
    [
        (["d"], [("n5", "d")], "a"),
        (["n5"], [("n5", "d")], "a"),
        (["a"], [("n1", "a")], "b"),
        (["vm1", "b"], [("n1", "a"), ("n2", "b")], "c"),
        (["gone"], [("n6", "")], "a"),
        (["d", "n5"], [("n5", "d")], "a"),
        # Nobody else can be asked, and a drain does not need another.
        (["a", "b", "c"], [("n1", "a"), ("n2", "b"), ("n3", "c")], "a"),
    ],
)
def test_the_nodes_that_are_meant(names: list[str], found: list[tuple[str, str]], manager: str) -> None:
    seen = find(names, inventory())
    assert [(target["id"], target["host"]) for target in seen.targets] == found and seen.manager == manager


@pytest.mark.parametrize(
    ("names", "hosts", "going", "words"),
    [
        ([], inventory(), False, "No node was named"),
        (["vm9"], inventory(), False, "vm9: not a node of the swarm. Its nodes are gone, twin, twin, vm1"),
        (["twin"], inventory(), False, "twin is the host name of several nodes.*n4 \\(down\\), n5 \\(ready\\)"),
        (["d"], [Leaver("a", problem="timed out")], False, "No manager in the inventory can manage the swarm \\(a: timed out"),
        (["d"], inventory(d=Leaver("d", "worker", problem="timed out")), False, "d: not a node of the swarm"),
        (["d"], inventory(d=Leaver("d", place=place("active", "n77"))), False, "another swarm"),
        (["d"], inventory(d=Leaver("d", place=place("locked", error="encrypted"))), False, "d: its engine is locked in a swarm.*unlock_keys.*the node.s id"),
        (["d"], inventory(d=Leaver("d", place=place("locked", error="encrypted"))), True, "d: its engine is locked"),
        (["d"], inventory(d=Leaver("d", place=place("error", error="has expired"))), True, "which node of it it is: has expired.*leave --force"),
        (["a", "b", "c"], inventory(), True, "no remaining manager"),
        (["n5"], [host for host in inventory() if host.name != "d"], True, "twin \\(n5\\): runs, and is no host of this play"),
        # It was drained then, and the play in which it leaves had no hosts.
        (["d"], inventory(d=Leaver("d", in_play=False, addresses=frozenset({"10.0.0.5"}))), True, "d: --limit leaves it out"),
        (["a", "d"], inventory(d=Leaver("d", in_play=False)), True, "d: --limit leaves it out"),
        # Nothing was done, as if it had left already.
        (["d"], inventory(d=Leaver("d", place=place("pending"))), True, "d: its engine is on its way into a swarm"),
    ],
)  # fmt: skip
def test_nodes_that_nobody_can_tell(names: list[str], hosts: list[Leaver], going: bool, words: str) -> None:
    with pytest.raises(Refusal, match=words):
        find(names, hosts, going)


def test_a_host_that_was_installed_anew_was_the_dead_node_at_its_address() -> None:
    new = Leaver("new", place=place(), addresses=frozenset({"10.0.0.6"}))
    assert find(["new"], inventory(new=new), True).absent == ["new"]
    new = Leaver("new", place=place(), addresses=frozenset({"10.0.0.6"}), replaced=True)
    assert [target["id"] for target in find(["new"], inventory(new=new), True).targets] == ["n6"]
    assert [node["id"] for node in farewell([new], inventory()).nodes] == ["n6"]
    alive = Leaver("new", place=place(), addresses=frozenset({"10.0.0.3"}), replaced=True)
    assert find(["new"], inventory(new=alive), True).absent == ["new"]  # whoever lives there is not this host


def test_a_host_that_joins_now_is_no_node_yet() -> None:
    """What a killed run had begun: it is waited for, and the id names the node in any case."""
    joining = inventory(d=Leaver("d", place=place("pending"), replaced=True))
    assert find(["d"], joining, True).absent == ["d"]
    locked = inventory(d=Leaver("d", place=place("locked")))
    assert [target["id"] for target in find(["n5"], locked).targets] == ["n5"]


def test_a_name_that_may_be_a_mistake_is_told() -> None:
    """A departure that finds nothing to do is no error: it may be the second one."""
    left = inventory(d=Leaver("d", place=place()))
    assert not find(["d"], left, True).warnings
    told = find(["vm9"], left, True).warnings
    assert len(told) == 1 and "vm9: no host of the inventory and no node of the swarm" in told[0]
    silent = inventory(d=Leaver("d", problem="timed out"))
    found = find(["d", "b"], silent, True)
    assert found.absent == ["d"] and "d does not answer (timed out)" in found.warnings[0] and len(found.warnings) == 1


def test_what_is_replaced_can_join_again() -> None:
    """It had left when it turned out that it could not, and a dead node that no host is was drained and stayed."""
    hosts = inventory()
    refuse_no_return(find(["d"], hosts, True), hosts)
    with pytest.raises(Refusal, match="gone \\(n6\\): no host of the inventory is this node.*Nothing was changed"):
        refuse_no_return(find(["n6"], hosts, True), hosts)
    hosts = inventory(d=Leaver("d", place=place("active", "n5", manager_ids=["n1"])))
    with pytest.raises(Refusal, match="d: no group declares its role.*Nothing was changed"):
        refuse_no_return(find(["b", "d"], hosts, True), hosts)


def test_labels_that_only_the_swarm_has_are_not_lost() -> None:
    found = find(["b"], inventory(), True)
    refuse_lost_labels(found, {"b": {"rack": "b"}})
    with pytest.raises(Refusal, match="b: rack=a"):
        refuse_lost_labels(found, {"b": {}})
