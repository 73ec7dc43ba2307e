# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel keeps about a network: forwarding entries, neighbours, IPsec, the balancer."""

from __future__ import annotations

from .model import Place, Step, Stranger, shell

ENTRIES = 'bridge fdb show dev vxlan0 | grep "dst @{0}@" | while read mac rest; do {1}; done'


def records(place: Place) -> Stranger:
    act, what = place.pick([
        ("bridge fdb del $mac dev vxlan0 self", "gone"),
        ("bridge fdb replace $mac dev vxlan0 dst 192.0.2.9 self permanent", "to a wrong node"),
    ])  # fmt: skip
    return Stranger(
        "records", f"forwarding entries of {place.node} to {place.peer} {what} on {place.network}", place.both,
        ("peers-stale", "network-broken"),
        (Step("network", place.node, f"sh -c '{ENTRIES.format(place.peer, act)}'", place.network),), renew=True,
    )  # fmt: skip


def hardware(place: Place) -> Stranger:
    act = "ip neigh show dev vxlan0 | while read ip rest; do ip neigh replace $ip lladdr 02:42:de:ad:be:ef dev vxlan0 nud permanent; done"
    return Stranger(
        "records", f"neighbours of {place.network} wrong on {place.node}", (place.node,), ("peers-stale", "network-broken"),
        (Step("network", place.node, f"sh -c '{act}'", place.network),), renew=True,
    )  # fmt: skip


def ipsec(place: Place) -> Stranger:
    what, cause = place.pick([("state", "ipsec-states-gone"), ("policy", "ipsec-policies-gone")])
    part = place.pick(["flush", "flush", f"deleteall dst @{place.peer}@"])
    return Stranger(
        "records", f"ip xfrm {what} {part.partition(' @')[0]} on {place.node}", place.both if "@" in part else (place.node,),
        (cause, "ipsec-states-differ"), shell(place.node, f"ip xfrm {what} {part}"), (), ("esp4", "vm"), renew=True,
    )  # fmt: skip


def balancer(place: Place) -> Stranger:
    act, what = place.pick([
        ("iptables -w -t mangle -F", "marks gone"),
        ("ip -o link | grep -o eth[0-9]* | sort -u | head -n 1 | while read device; do ip link set $device down; done", "interface down"),
    ])  # fmt: skip
    return Stranger(
        "records", f"the balancer of {place.network} on {place.node}: {what}", (place.node,), ("balancer-broken", "device-down"),
        (Step("balancer", place.node, f"sh -c '{act}'", place.network),), (), ("ip_vs",), renew=True,
    )  # fmt: skip
