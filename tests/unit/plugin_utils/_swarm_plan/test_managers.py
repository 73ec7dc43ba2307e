# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The managers keep their majority."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._swarm_plan.finding import find
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._swarm_plan.forming import plan
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._swarm_plan.hosts import Host, Leaver, Refusal

from .worlds import PORT, THREE, member, place


def test_two_of_four_managers_are_too_many_to_lose_while_one_is_dead() -> None:
    members = [member(f"n{number}", "manager", "down" if number == 4 else "ready") for number in range(1, 5)]
    hosts = [
        Host(f"vm{number}", "manager" if number == 1 else "worker", place=place("active", f"n{number}", members))
        for number in (1, 2, 3)
    ]
    with pytest.raises(Refusal, match="no majority"):
        plan(hosts, PORT)


def test_nodes_leave_only_while_the_managers_keep_a_majority() -> None:
    down = [dict(each, reachability="unreachable", state="down") if each["id"] == "n3" else each for each in THREE]
    hosts = [
        Leaver("a", place=place("active", "n1", down)),
        Leaver("b", place=place("active", "n2", down)),
        Leaver("c"),
    ]
    assert [target["id"] for target in find(["n3"], hosts, True).targets] == ["n3"]
    with pytest.raises(Refusal, match="Managers would leave .*Of the 2 remaining managers 1 would"):
        find(["b"], hosts, True)
    assert find(["b"], hosts).manager == "a"
