# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each seed gives."""

from __future__ import annotations

import random
from collections.abc import Sequence

from . import addresses, devices, limits, links, machines, names, places, records, rules, settings, tasks
from .model import Maker, Place, Scenario, Stranger

TWO_AT_ONCE = 0.2  # share of seeds with two faults
DEVELOPED = 1000  # rules may be developed on smaller seeds; of the others nobody looks at more than the table
# Causes that a report should name and that no rule knew when these faults were written.
WANTED = {
    "link-lossy", "link-slow", "link-jitters", "link-capped", "link-corrupts", "link-duplicates", "link-reorders", "link-flaps",
    "link-drops-large", "rule-drops", "device-down", "setting-wrong", "not-forwarding", "table-full", "limit-reached", "node-starved",
    "disk-full", "disk-read-only", "engine-part-stopped", "task-broken", "alias-shared", "neighbour-wrong", "route-wrong",
    "address-duplicate",
}  # fmt: skip
FAMILIES: dict[str, tuple[Maker, ...]] = {
    "link": (
        links.lossy,
        links.slow,
        links.jittery,
        links.doubled,
        links.reordered,
        links.damaging,
        links.narrow,
        links.flapping,
        links.hole,
    ),
    "wall": (links.walled,),
    "rule": (rules.ruled, rules.ruled, rules.ruled, rules.tabled, rules.tabled, rules.forwarding_rule),
    "inside": (rules.bridged,),
    "device": (devices.device_down, devices.gateway_down, devices.port_down, devices.small_mtu),
    "setting": (settings.setting,),
    "table": (limits.tracked, limits.files, limits.exhausted),
    "engine": (machines.engine_part, machines.engine_part, machines.frozen),
    "starved": (machines.starved, machines.busy, machines.memory),
    "disk": (machines.disk_full, machines.inodes, machines.read_only),
    "clock": (machines.clock,),
    "names": (names.second_name, names.shared_alias, names.resolver, names.one_name_two_networks),
    "address": (addresses.neighbour, addresses.route, addresses.overlapping, addresses.twice, addresses.moved),
    "records": (records.records, records.hardware, records.ipsec, records.balancer),
    "task": (tasks.task, tasks.task, tasks.task_still),
    "swarm": (places.left, places.locked, places.expelled),
}
# A link is most of what goes wrong between nodes, and it has most parameters.
WEIGHTS = {"link": 4, "rule": 3, "task": 2, "setting": 2, "clock": 0.5, "swarm": 0.7}


def one(chance: random.Random, nodes: Sequence[str]) -> Stranger:
    """One fault of any family."""
    families = list(FAMILIES)
    family = chance.choices(families, [WEIGHTS.get(name, 1) for name in families])[0]
    return chance.choice(FAMILIES[family])(Place(chance, nodes))


def scenario(seed: int, nodes: Sequence[str]) -> Scenario:
    """What a seed gives on these nodes. Two faults have no node in common, so that each can be told from the other."""
    if len(nodes) < 3:
        raise ValueError("three nodes at least: of two nobody can tell which one is at fault")
    chance = random.Random(seed)
    first = one(chance, nodes)
    if chance.random() >= TWO_AT_ONCE:
        return Scenario(seed, (first,))
    for dummy in range(100):
        second = one(chance, nodes)
        if (
            first.nodes
            and second.nodes
            and not set(first.nodes) & set(second.nodes)
            and not {"wire"} <= {step.how for step in first.make} & {step.how for step in second.make}
        ):
            return Scenario(seed, (first, second))
    return Scenario(seed, (first,))
