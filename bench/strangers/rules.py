# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules that somebody added on a node, or inside an overlay."""

from __future__ import annotations

from .model import Place, Step, Stranger, shell

IN = ("raw PREROUTING", "mangle PREROUTING", "mangle INPUT", "filter INPUT")
OUT = ("raw OUTPUT", "mangle OUTPUT", "filter OUTPUT", "mangle POSTROUTING")


def matched(place: Place, inward: bool) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """Words of iptables that something matches, the causes, and the nodes at fault."""
    end, alone = "-s" if inward else "-d", (place.node,)
    size, share = place.between(400, 1400), place.between(15, 80)
    return place.pick([
        ("-p udp --dport 4789", ("data-port-blocked",), alone),
        (f"-p udp --dport 4789 {end} @{place.peer}@", ("data-port-blocked",), place.both),
        ("-p udp --dport 7946", ("gossip-udp-blocked",), alone),
        ("-p tcp --dport 7946", ("gossip-tcp-blocked",), alone),
        ("-p udp ! -i lo" if inward else "-p udp ! -o lo", ("data-port-blocked", "gossip-udp-blocked"), alone),
        (f"{end} @{place.peer}@", ("one-way-loss", "cut-off"), place.both),
        (f"-p udp --dport 4789 -m length --length {size}:65535", ("mtu-too-small",), alone),
        (f"-p udp --dport 4789 -m statistic --mode random --probability 0.{share}", ("data-port-blocked", "link-lossy"), alone),
        (f"-m statistic --mode random --probability 0.{share} {end} @{place.peer}@", ("link-lossy",), place.both),
    ])  # fmt: skip


def ruled(place: Place) -> Stranger:
    """A rule of iptables on any chain that sees the traffic of overlays."""
    inward = place.chance.random() < 0.5
    table, dummy, chain = place.pick(IN if inward else OUT).partition(" ")
    match, causes, nodes = matched(place, inward)
    action = "REJECT" if table == "filter" and place.chance.random() < 0.3 else "DROP"
    words = f"{chain} {match} -j {action}"
    return Stranger(
        "rule", f"rule on {place.node}: iptables -t {table} -I {words}", nodes, ("rule-drops", "egress-broken", *causes),
        shell(place.node, f"iptables -w -t {table} -I {words}"),
        shell(place.node, f"iptables -w -t {table} -D {words}"),
    )  # fmt: skip


def tabled(place: Place) -> Stranger:
    """A table of nftables with a chain of any priority, also where frames come in."""
    port, causes = place.pick([
        ("udp dport 4789", ("data-port-blocked",)), ("udp dport 7946", ("gossip-udp-blocked",)),
        ("tcp dport 7946", ("gossip-tcp-blocked",)), (f"ip saddr @{place.peer}@", ("one-way-loss", "cut-off")),
    ])  # fmt: skip
    family, hook = place.pick([
        ("inet", "prerouting"), ("inet", "input"), ("ip", "prerouting"), ("ip", "input"),
        ("netdev", f"ingress device @dev:{place.node}@"),
    ])  # fmt: skip
    priority = place.pick([-400, -301, -150, 0, 1, 100])
    rules = (
        f"table {family} tuning {{ chain c {{ type filter hook {hook} priority {priority}; {port} counter drop; }}; }}"
    )
    return Stranger(
        "rule", f"rule on {place.node}: nft {rules}", place.both if "saddr" in port else (place.node,),
        ("rule-drops", "egress-broken", *causes), shell(place.node, f"nft '{rules}'"), shell(place.node, f"nft delete table {family} tuning"),
    )  # fmt: skip


def forwarding_rule(place: Place) -> Stranger:
    """A rule about what is forwarded: published ports and tasks' ways out."""
    chain = place.pick(["filter DOCKER-USER", "filter FORWARD", "mangle FORWARD", "raw PREROUTING"])
    table, dummy, name = chain.partition(" ")
    side = "-i" if name == "PREROUTING" else place.pick(["-i", "-o"])
    words = f"{name} {side} docker_gwbridge -j DROP"
    return Stranger(
        "rule", f"rule on {place.node}: iptables -t {table} -I {words}", (place.node,),
        ("rule-drops", "egress-broken", "port-unreached"),
        shell(place.node, f"iptables -w -t {table} -I {words}"), shell(place.node, f"iptables -w -t {table} -D {words}"),
    )  # fmt: skip


def bridged(place: Place) -> Stranger:
    """A rule inside an overlay, on its bridge."""
    match, causes = place.pick([
        ("ip protocol icmp", ("icmp-filtered",)), ("ip protocol tcp", ("checksum-offload",)),
        ("ip protocol udp", ("udp-filtered",)), ("ether type ip", ()),
        (f"meta length > {place.between(300, 1300)}", ("mtu-too-small", "link-drops-large")),
        (f"numgen random mod 100 < {place.between(15, 80)}", ("link-lossy",)),
    ])  # fmt: skip
    rules = f"table bridge tuning {{ chain c {{ type filter hook forward priority 0; {match} counter drop; }}; }}"
    return Stranger(
        "inside", f"inside {place.network} on {place.node}: nft {rules}", (place.node,),
        ("rule-drops", "network-broken", *causes),
        (Step("network", place.node, f"nft '{rules}'", place.network),),
        (Step("network", place.node, "nft delete table bridge tuning", place.network),),
    )  # fmt: skip
