# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of a host that was asked, and of one that was not."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._swarm_plan.hosts import Host, names_of, problems_of

from .worlds import LED, member

SILENT = Host("vm2", problem="timed out")


def test_nothing_is_concluded_from_silence() -> None:
    assert (SILENT.state, SILENT.node_id, SILENT.members) == ("", "", [])
    with pytest.raises(LookupError, match="vm2 was not asked"):
        print(SILENT.told)


def test_what_an_engine_tells() -> None:
    asked = Host("vm1", place=LED)
    assert (asked.state, asked.node_id, asked.members) == ("active", "n1", [member("n1", "manager")])
    assert asked.told == LED


def test_hosts_in_a_message() -> None:
    assert names_of([SILENT, Host("vm3")]) == "vm2, vm3"
    assert problems_of([SILENT, Host("vm3")]) == "vm2: timed out; vm3: it was not asked"
