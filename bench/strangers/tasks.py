# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A task of people, alone."""

from __future__ import annotations

from .model import WEB, Place, Step, Stranger

WRONG = "sh -c 'for n in $(seq 2 60); do ip neigh replace @prefix:{0}@.$n lladdr 02:42:de:ad:be:ef dev @task:{0}@ nud permanent; done'"


def task(place: Place) -> Stranger:
    """Something wrong with one task of a service, while the network and all else on the node work."""
    kept = "/root/task.kept"
    what, make, mend, causes = place.pick([
        ("drops TCP that comes in", "iptables -w -I INPUT -p tcp -j DROP", "iptables -w -D INPUT -p tcp -j DROP", ()),
        ("drops all that comes in", "iptables -w -I INPUT -j DROP", "iptables -w -D INPUT -j DROP", ()),
        ("sends nothing", "iptables -w -I OUTPUT -j DROP", "iptables -w -D OUTPUT -j DROP", ()),
        ("has an interface down", f"ip link set @task:{place.network}@ down", f"ip link set @task:{place.network}@ up", ("device-down",)),
        ("has an MTU of 300", f"ip link set @task:{place.network}@ mtu 300", f"ip link set @task:{place.network}@ mtu 1450",
         ("mtu-too-small", "setting-wrong")),
        ("has no way out", f"sh -c 'ip route show default >{kept}; ip route del default'", f"sh -c 'ip route add $(cat {kept})'", ("route-wrong",)),
        ("has no address", f"ip addr flush dev @task:{place.network}@", "", ()),
        ("has wrong neighbours", WRONG.format(place.network), f"ip neigh flush dev @task:{place.network}@ nud permanent", ("neighbour-wrong",)),
    ])  # fmt: skip
    return Stranger(
        "task", f"the task of {WEB} on {place.node} {what}", (place.node,), ("task-broken", "task-cut", "task-deaf", *causes),
        (Step("task", place.node, make),), (Step("task", place.node, mend),) if mend else (), renew=not mend,
    )  # fmt: skip


def task_still(place: Place) -> Stranger:
    what, make, mend = place.pick([
        ("does not run on: its process is stopped", "kill -STOP @pid@", "kill -CONT @pid@"),
        ("asks another resolver", "sed -i.kept s/127.0.0.11/192.0.2.53/ /proc/@pid@/root/etc/resolv.conf",
         "sed -i s/192.0.2.53/127.0.0.11/ /proc/@pid@/root/etc/resolv.conf"),
    ])  # fmt: skip
    return Stranger(
        "task", f"the task of {WEB} on {place.node} {what}", (place.node,),
        ("task-broken", "task-cut", "task-deaf", "task-stopped", "resolver-shadowed", "resolver-replaced"),
        (Step("task", place.node, make),), (Step("task", place.node, mend),), renew=False,
    )  # fmt: skip
