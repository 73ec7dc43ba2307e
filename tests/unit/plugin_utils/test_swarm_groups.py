# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts of an inventory are the swarm, whatever its groups are called."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils.swarm_groups import InventoryError, declared, nobody

NAMED_NOT = {"manager": None, "worker": None}


def roles(groups: dict, **named: str) -> dict:
    everybody = sorted({host for hosts in groups.values() for host in hosts})
    return dict(declared({"all": everybody, "ungrouped": [], **groups}, {**NAMED_NOT, **named}).roles)


@pytest.mark.parametrize(
    ("groups", "named", "expected"),
    [
        ({"swarm_managers": ["a"], "swarm_workers": ["b"], "db": ["c"]}, {}, {"a": "manager", "b": "worker"}),
        ({"managers": ["a"], "workers": ["b"], "db": ["c"]}, {}, {"a": "manager", "b": "worker"}),
        ({"docker_swarm_manager": ["a"], "docker_swarm_worker": ["b"]}, {}, {"a": "manager", "b": "worker"}),
        (
            {"leaders": ["a"], "crowd": ["b"]},
            {"manager": "leaders", "worker": "crowd"},
            {"a": "manager", "b": "worker"},
        ),
        # The canonical name wins, and a named one over it.
        ({"swarm_managers": ["a"], "managers": ["x"]}, {}, {"a": "manager"}),
        ({"swarm_managers": ["a"], "managers": ["x"]}, {"manager": "managers"}, {"x": "manager"}),
        # No workers at all; a parent with hosts of its own.
        ({"swarm_managers": ["a", "b"]}, {}, {"a": "manager", "b": "manager"}),
        ({"swarm": ["a", "b", "c"], "swarm_managers": ["a"]}, {}, {"a": "manager", "b": "", "c": ""}),
        # No groups: all there are, but for those that leave their lab.
        ({"lab_leaving": ["z"], "web": ["a", "b"]}, {}, {"a": "", "b": ""}),
        # Empty groups of a canonical name say nothing.
        ({"swarm_managers": [], "swarm_workers": [], "web": ["a"]}, {}, {"a": ""}),
    ],
)
def test_roles(groups: dict, named: dict, expected: dict) -> None:
    assert roles(groups, **named) == expected


@pytest.mark.parametrize(
    ("groups", "named", "words"),
    [
        (
            {"swarm_managers": ["a"], "swarm_workers": ["a", "b"]},
            {},
            "a: in both groups, swarm_managers and swarm_workers",
        ),
        ({"managers": ["a"], "manager": ["b"]}, {}, "swarm_managers_group"),
        (
            {"web": ["a"]},
            {"manager": "leaders"},
            "names the group leaders, which the inventory does not have. There are: web.",
        ),
        ({"web": ["a"]}, {"worker": "crowd"}, "swarm_workers_group names the group crowd"),
    ],
)
def test_an_inventory_that_does_not_say(groups: dict, named: dict, words: str) -> None:
    with pytest.raises(InventoryError, match=words):
        roles(groups, **named)


def test_nobody_is_told_with_what_there_is() -> None:
    assert "It has no groups" in nobody({"all": [], "ungrouped": []}, None) and "swarm_managers" in nobody(
        {"all": []}, None
    )
    assert "--limit vm9 leaves no host" in nobody({"all": []}, "vm9")
