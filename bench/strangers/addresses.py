# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses and routes of nodes."""

from __future__ import annotations

from .model import Place, Stranger, shell

LOST_WAY = ("one-way-loss", "cut-off", "partition")


def neighbour(place: Place) -> Stranger:
    return Stranger(
        "address", f"{place.node} has a wrong hardware address for {place.peer}, for good", place.both,
        ("neighbour-wrong", "duplicate-address", *LOST_WAY),
        shell(place.node, f"ip neigh replace @{place.peer}@ lladdr 02:00:00:00:be:ef dev @dev:{place.node}@ nud permanent"),
        shell(place.node, f"ip neigh del @{place.peer}@ dev @dev:{place.node}@"),
    )  # fmt: skip


def route(place: Place) -> Stranger:
    words = place.pick(["route {} blackhole", "route {} unreachable", "route {} prohibit", "rule"])
    act = (
        words.replace("{} ", "add ") + f" @{place.peer}@" if words != "rule" else f"rule add to @{place.peer}@ prohibit"
    )
    undo = act.replace(" add ", " del ")
    return Stranger(
        "address", f"on {place.node}: ip {act.replace(f'@{place.peer}@', place.peer)}", place.both, ("route-wrong", *LOST_WAY),
        shell(place.node, f"ip {act}"), shell(place.node, f"ip {undo}"),
    )  # fmt: skip


def overlapping(place: Place) -> Stranger:
    device = place.pick(["lo", f"@dev:{place.node}@"])
    return Stranger(
        "address", f"a route of {place.node} into an overlay's subnet", (place.node,), ("subnet-overlap",),
        shell(place.node, f"ip route add @subnet@ dev {device}"), shell(place.node, f"ip route del @subnet@ dev {device}"),
    )  # fmt: skip


def twice(place: Place) -> Stranger:
    """Two nodes with one address; the others are told of the second by what it sends."""
    third = next(node for node in place.nodes if node not in place.both)
    return Stranger(
        "address", f"{place.node} took the address of {place.peer} too", place.both,
        ("address-duplicate", "duplicate-address", "wrong-address", "one-node-twice", *LOST_WAY),
        (*shell(place.node, f"ip addr add @{place.peer}@/24 dev @dev:{place.node}@"),
         *shell(third, f"ip neigh replace @{place.peer}@ lladdr @mac:{place.node}@ dev @dev:{third}@ nud stale")),
        renew=True,
    )  # fmt: skip


def moved(place: Place) -> Stranger:
    return Stranger(
        "address", f"the address of {place.node} changed, its engine began anew", (place.node,), ("address-gone", "wrong-address"),
        (*shell(place.node, f"ip addr del @{place.node}@/24 dev @dev:{place.node}@; ip addr add @free@/24 dev @dev:{place.node}@; @restart@"),
         *shell(place.node, "sleep 25")), renew=True,
    )  # fmt: skip
