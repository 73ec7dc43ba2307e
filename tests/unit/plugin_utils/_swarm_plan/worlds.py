# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Swarms as their engines tell of them, and hosts of an inventory that plans are made for."""

from __future__ import annotations

import copy
import typing as t

from ansible_collections.swarmlab.overlay.plugins.module_utils._terms import LEAVING_LABEL
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._swarm_plan.forming import Plan
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._swarm_plan.hosts import Host, Leaver

PORT = 4789


class World:
    """Engines and their swarms, as far as a plan sees and changes them."""

    def __init__(self) -> None:
        self.node_of: dict[str, str] = {}  # host -> id of the node that its engine says it is
        self.swarms: dict[str, dict[str, dict]] = {}  # swarm -> id -> member
        self.created = 0

    def member(self, swarm: str, node_id: str, role: str = "worker", state: str = "ready", **more: t.Any) -> None:
        self.swarms.setdefault(swarm, {})[node_id] = {
            "id": node_id, "hostname": node_id, "role": role, "availability": "active", "labels": {}, "state": state, "message": "",
            "address": "", "leader": False, "manager_address": f"{node_id}:2377" if role == "manager" else "",
            "reachability": ("reachable" if state == "ready" else "unreachable") if role == "manager" else "", **more,
        }  # fmt: skip

    def swarm_of(self, host: str) -> str:
        node_id = self.node_of.get(host)
        return next((swarm for swarm, members in self.swarms.items() if node_id in members), "")

    def managers(self, swarm: str) -> list[dict]:
        return [member for member in self.swarms[swarm].values() if member["role"] == "manager"]

    def has_majority(self, swarm: str) -> bool:
        managers = self.managers(swarm)
        return len([member for member in managers if member["reachability"] == "reachable"]) > len(managers) // 2

    def place(self, host: str) -> dict:
        swarm, node_id = self.swarm_of(host), self.node_of.get(host, "")
        if not swarm:
            return {
                "state": "inactive",
                "hostname": host,
                "node_id": "",
                "node_address": "",
                "manager": False,
                "managers": [],
                "manager_ids": [],
                "swarm_id": "",
                "data_path_port": None,
                "members": None,
                "error": "",
            }
        manager = self.swarms[swarm][node_id]["role"] == "manager"
        led = manager and self.has_majority(swarm)
        return {
            "state": "active", "hostname": host, "node_id": node_id, "node_address": "", "manager": manager,
            "managers": [f"{member['id']}:2377" for member in self.managers(swarm)],
            "manager_ids": [member["id"] for member in self.managers(swarm)], "swarm_id": swarm if manager else "",
            "data_path_port": PORT if manager else None, "error": "",
            "members": copy.deepcopy(list(self.swarms[swarm].values())) if led else None,
        }  # fmt: skip

    def carry_out(self, planned: Plan, roles: t.Mapping[str, str]) -> set[str]:
        """Do what is planned; the ids of the nodes that were touched. Promotions first, as module swarm_node does."""
        touched = set()
        if planned.init:
            self.created += 1
            self.node_of[planned.init] = f"n-{planned.init}"
            self.member(f"made-{self.created}", f"n-{planned.init}", "manager")
        swarm = self.swarm_of(planned.primary)
        for role, hosts in planned.joins.items():
            for host in hosts:
                assert roles[host] == role
                self.node_of[host] = f"n-{host}"
                self.member(swarm, f"n-{host}", role)
                assert self.has_majority(swarm)
        if planned.joins or planned.init:
            return touched
        for change in sorted(planned.changes, key=lambda change: change.get("role") == "worker"):
            touched.add(change["id"])
            member = self.swarms[swarm][change["id"]]
            member["state"] = "ready"
            if "role" in change:
                member.update(role=change["role"], reachability="reachable" if change["role"] == "manager" else "")
            member["labels"].update(change.get("labels", {}))
            member["availability"] = change.get("availability", member["availability"])
            assert self.has_majority(swarm), "a step of ours cost the majority"
        return touched

    def leave(self, host: str, node_id: str) -> None:
        """A node's farewell in module swarm_node's order: demoted, gone from its engine, removed from the list."""
        swarm = next(swarm for swarm, members in self.swarms.items() if node_id in members)
        self.swarms[swarm][node_id].update(role="worker", reachability="")
        assert self.has_majority(swarm), "a departure cost the majority"
        del self.swarms[swarm][node_id]
        if self.node_of.get(host) == node_id:
            del self.node_of[host]


def place(state: str = "inactive", node_id: str = "", members: list[dict] | None = None, **more: t.Any) -> dict:
    return {
        "state": state, "hostname": "h", "node_id": node_id, "node_address": "", "manager": members is not None, "managers": ["10.0.0.9:2377"],
        "manager_ids": [], "swarm_id": "A" if members is not None else "", "data_path_port": PORT if members is not None else None,
        "members": members, "error": "", **more,
    }  # fmt: skip


def member(node_id: str, role: str = "worker", state: str = "ready", **more: t.Any) -> dict:
    world = World()
    world.member("A", node_id, role, state, **more)
    return world.swarms["A"][node_id]


LED = place("active", "n1", [member("n1", "manager")])
STAYING = [
    Host(
        "vm1",
        "manager",
        False,
        place(
            "active",
            "n1",
            [
                member("n1", "manager"),
                member("n2", hostname="vm3", address="10.0.0.2"),
                member("n3", hostname="vm2", address="10.0.0.3"),
                member("n4", state="down", hostname="vm4", address="10.0.0.4"),
                member("n5", state="down", labels={LEAVING_LABEL: "vm5"}, hostname="vm5"),
            ],
        ),
    )
]
THREE = [
    member("n1", "manager", hostname="vm1", address="10.0.0.1"),
    member("n2", "manager", hostname="vm2", address="10.0.0.2", labels={"rack": "a", LEAVING_LABEL: "x"}),
    member("n3", "manager", hostname="vm3", address="10.0.0.3"),
    member("n4", hostname="twin", address="10.0.0.4", state="down"),
    member("n5", hostname="twin", address="10.0.0.5"),
    member("n6", hostname="gone", address="10.0.0.6", state="down"),
]


def inventory(**changes: Leaver) -> list[Leaver]:
    """Hosts a, b and c are the managers n1, n2 and n3, d is worker n5; what each is called there does not matter."""
    hosts = {
        "a": Leaver("a", "manager", place=place("active", "n1", THREE)),
        "b": Leaver("b", "manager", place=place("active", "n2", THREE)),
        "c": Leaver("c", "manager", place=place("active", "n3", THREE)),
        "d": Leaver("d", "worker", place=place("active", "n5", manager_ids=["n1"])),
    }
    return list({**hosts, **changes}.values())
