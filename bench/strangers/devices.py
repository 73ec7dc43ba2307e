# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices that are down, or whose MTU is too small."""

from __future__ import annotations

from .model import Place, Step, Stranger, shell


def device_down(place: Place) -> Stranger:
    device = place.pick(["vxlan0", "br0"])
    return Stranger(
        "device", f"{device} of {place.network} down on {place.node}", (place.node,), ("device-down", "network-broken"),
        (Step("network", place.node, f"ip link set {device} down", place.network),),
        (Step("network", place.node, f"ip link set {device} up", place.network),), renew=device == "br0",
    )  # fmt: skip


def gateway_down(place: Place) -> Stranger:
    return Stranger(
        "device", f"docker_gwbridge down on {place.node}", (place.node,), ("device-down",),
        shell(place.node, "ip link set docker_gwbridge down"), shell(place.node, "ip link set docker_gwbridge up"),
    )  # fmt: skip


def port_down(place: Place) -> Stranger:
    """A port of an overlay's bridge, where a container or the balancer is plugged in."""
    act = "sh -c 'ip -o link | grep -o veth[0-9a-f]* | sort -u | {} | while read port; do ip link set $port {}; done'"
    return Stranger(
        "device", f"the first port of the bridge of {place.network} down on {place.node}", (place.node,),
        ("device-down", "network-broken", "task-broken", "task-cut", "task-deaf"),
        (Step("network", place.node, act.format("head -n 1", "down"), place.network),),
        (Step("network", place.node, act.format("cat", "up"), place.network),),
    )  # fmt: skip


def small_mtu(place: Place) -> Stranger:
    size = place.between(600, 1400)
    causes = ("mtu-too-small", "setting-wrong", "network-broken", "link-drops-large")
    if place.chance.random() < 0.5:
        return Stranger(
            "device", f"MTU of {place.node}'s underlay device {size}", (place.node,), causes,
            shell(place.node, f"ip link set @dev:{place.node}@ mtu {size}"),
            shell(place.node, f"ip link set @dev:{place.node}@ mtu 1500"),
        )  # fmt: skip
    return Stranger(
        "device", f"MTU of the tunnel of {place.network} {size} on {place.node}", (place.node,), causes,
        (Step("network", place.node, f"ip link set vxlan0 mtu {size}", place.network),),
        (Step("network", place.node, "ip link set vxlan0 mtu 1450", place.network),),
    )  # fmt: skip
