# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Managers of a swarm of three that may have lost its leader."""

from __future__ import annotations

import typing as t

from ansible_collections.swarmlab.overlay.plugins.plugin_utils._swarm_plan.hosts import Leaver

MANAGERS = ("vm1", "vm2", "vm3")


def member(name: str, role: str = "manager", reachability: str = "reachable", **more: t.Any) -> dict[str, t.Any]:
    return {
        "id": f"id-{name}", "hostname": name, "role": role, "availability": "active", "labels": {}, "state": "ready", "message": "",
        "address": "", "leader": False, "reachability": reachability, "manager_address": "", **more,
    }  # fmt: skip


def host(name: str, state: str = "active", members: list | None = None, role: str = "manager", **more: t.Any) -> Leaver:
    """A manager of the swarm of MANAGERS; without members it has no leader. State "silent": it did not answer."""
    number = name[2:]
    joined = state in ("active", "pending")
    place = {
        "state": state, "hostname": name, "node_id": f"id-{name}" if joined else "", "node_address": f"10.0.0.{number}" if joined else "",
        "manager": joined and role == "manager", "managers": [f"10.0.0.{each[2:]}:2377" for each in MANAGERS] if joined else [],
        "manager_ids": [f"id-{each}" for each in MANAGERS] if joined else [], "swarm_id": "s", "data_path_port": 4789, "members": members,
        "error": "", **more,
    }  # fmt: skip
    return Leaver(
        name, role, place=None if state == "silent" else t.cast(t.Any, place), problem="it is not reachable",
        addresses=frozenset({f"10.0.0.{number}"}),
    )  # fmt: skip


LED = [member(name, leader=name == "vm1") for name in MANAGERS]
FORCED = [member("vm1", leader=True), *(member(name, reachability="", state="down") for name in MANAGERS[1:])]
ALONE = [member("vm1", leader=True)]
