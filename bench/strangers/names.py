# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that two have, and resolvers."""

from __future__ import annotations

from .model import WEB, Place, Stranger, shell


def second_name(place: Place) -> Stranger:
    network = place.network
    return Stranger(
        "names", f"a container on {place.node} answers to {WEB} on {network}", (), ("second-holder", "alias-shared"),
        shell(place.node, f"docker run -d --name faults-second --network {network} --network-alias {WEB} @image@ sleep 1d"),
        shell(place.node, "docker rm -f faults-second"),
    )  # fmt: skip


def shared_alias(place: Place) -> Stranger:
    alias = place.pick(["api", "db", "Backend", WEB])
    made = f"docker service create -q -d --no-resolve-image --name faults-alias-{{0}} --network name={place.network},alias={alias} @image@ sleep 1d"
    return Stranger(
        "names", f"two services with the alias {alias} on {place.network}", (), ("second-holder", "alias-shared"),
        shell("vm1", "; ".join(made.format(n) for n in (1, 2)) + "; sleep 4"),
        shell("vm1", "docker service rm faults-alias-1 faults-alias-2"),
    )  # fmt: skip


def resolver(place: Place) -> Stranger:
    line = place.pick(
        ["nameserver @inside@", "nameserver @inside@ # the office", "options ndots:0\nnameserver @inside@"]
    )
    return Stranger(
        "names", f"a name server of {place.node} lies inside an overlay", (place.node,), ("resolver-shadowed",),
        shell(place.node, f"cp /etc/resolv.conf /root/resolv.kept; printf '%s\\n' '{line}' >>/etc/resolv.conf"),
        shell(place.node, "cat /root/resolv.kept >/etc/resolv.conf"),
    )  # fmt: skip


def one_name_two_networks(place: Place) -> Stranger:
    node = place.pick([node for node in place.nodes if node != "vm1"])
    return Stranger(
        "names", f"a local network of {node} with an overlay's name", (node,), ("duplicate-network",),
        (*shell("vm1", "docker network create -d overlay --attachable faults-twice"),
         *shell(node, "docker network create -d bridge --subnet 10.99.9.0/24 faults-twice")),
        (*shell(node, "docker network rm faults-twice"), *shell("vm1", "docker network rm faults-twice")),
    )  # fmt: skip
