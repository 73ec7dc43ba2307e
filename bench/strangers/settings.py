# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of the kernel that are wrong."""

from __future__ import annotations

from .model import Place, Step, Stranger, shell

# name -> (wrong value, right value, causes, needs)
SETTINGS: dict[str, tuple[str, str, tuple[str, ...], tuple[str, ...]]] = {
    "net.ipv4.ip_forward": ("0", "1", ("not-forwarding",), ()),
    "net.ipv4.conf.docker_gwbridge.forwarding": ("0", "1", ("not-forwarding",), ()),
    "net.bridge.bridge-nf-call-iptables": ("0", "1", (), ()),
    "net.ipv4.conf.@dev@.arp_ignore": ("8", "0", ("cut-off", "one-way-loss"), ()),
    "net.ipv4.conf.@dev@.rp_filter": ("1", "0", ("not-forwarding", "one-way-loss"), ("vm",)),
    "net.ipv4.vs.conn_reuse_mode": ("1", "0", ("balancer-broken",), ("vm", "ip_vs")),
    "net.ipv4.vs.expire_nodest_conn": ("0", "1", ("balancer-broken",), ("vm", "ip_vs")),
    "net.ipv4.ip_local_port_range": ("61000 61001", "32768 60999", ("table-full", "manager-port-blocked"), ()),
    "net.netfilter.nf_conntrack_max": ("8", "262144", ("table-full",), ("vm",)),
    "net.ipv4.neigh.default.gc_thresh3": ("2", "1024", ("table-full",), ("vm",)),
    "net.ipv4.icmp_echo_ignore_all": ("1", "0", ("icmp-filtered",), ()),
}
# No overlay needs these, and many people set them on purpose: a report has to name them, and is wrong if it is red for them.
HARMLESS = ("net.ipv4.icmp_echo_ignore_all",)


def setting(place: Place) -> Stranger:
    name = place.pick(list(SETTINGS))
    wrong, right, causes, needs = SETTINGS[name]
    path = "/proc/sys/" + name.replace(".", "/").replace("@dev@", f"@dev:{place.node}@")
    peers = [node for node in place.nodes if node != place.node]
    forget = tuple(
        Step("shell", peer, f"ip neigh del @{place.node}@ dev @dev:{peer}@") for peer in peers if "arp" in name
    )
    return Stranger(
        "setting", f"{name.replace('@dev@', 'the underlay device')}={wrong} on {place.node}", (place.node,),
        ("setting-wrong", *causes), (*shell(place.node, f"echo '{wrong}' >{path}"), *forget),
        shell(place.node, f"echo '{right}' >{path}"), needs, remark=name if name in HARMLESS else "",
    )  # fmt: skip
