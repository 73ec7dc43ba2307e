# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report of a swarm of any size, as the checks would make it, for tests of the page."""

from __future__ import annotations

from ansible_collections.swarmlab.overlay.plugins.plugin_utils._report import build

LONGEST = 63  # letters of a name
ONE_EACH = (
    "NET-ATTACH",
    "SD-TASKS",
    "SD-VIP",
    "GOSSIP-HASH",
    "PEER-FDB",
    "MTU-FIT",
    "IPAM-HEADROOM",
    "LB-IPVS",
    "DUP-IP",
    "LB-SPREAD",
)
ENCRYPTED = ("ENC-SA-AGREE", "ENC-WIRE", "ENC-REJECT", "XFRM-DELTA")
ONCE = (
    "PRE-REACH",
    "PRE-KMOD",
    "PRE-SKEW",
    "CP-TLS",
    "CP-ADDR",
    "NAME-DUP",
    "SUBNET-OVERLAP",
    "DNS-SHADOW",
    "OPT-LINT",
    "FW-RULES",
)
PORTS = ("managers", "gossip-tcp", "gossip-udp", "data", "esp")


def names(prefix: str, number: int) -> list[str]:
    """The second is as long as names get, and another has a domain's dots."""
    found = [f"{prefix}{place}" for place in range(1, number + 1)]
    found[1:2] = [f"{prefix}2-{'of-the-second-department-' * 3}"[:LONGEST]]
    return found


def swarm(nodes: int = 20, networks: int = 10, look: str = "mixed") -> dict:
    """``look``: green, red (two nodes let no VXLAN through) or mixed (the same on one network; something unsure on another)."""
    hosts, nets = names("node", nodes), names("net", networks)
    secret = set(nets[1::2])
    results = [_result(ident) for ident in ONCE] + [
        _result("PRE-PORT", title=f"The ports for {kind} are open") for kind in PORTS
    ]
    for place, net in enumerate(nets):
        broken = set(hosts[1:3]) if look == "red" or (look == "mixed" and place == networks - 2) else set()
        unsure = hosts[4] if look == "mixed" and place == networks // 2 else None
        for ident in (*ONE_EACH, *(ENCRYPTED if net in secret else ())):
            hit = broken and ident in ("SD-TASKS", "MTU-FIT", "LB-SPREAD", "ENC-WIRE")
            results.append(_result(ident, "fail" if hit else "inconclusive" if unsure and ident == "LB-IPVS" else "pass", net,
                                   nodes=sorted(broken) if hit else [unsure] if unsure else []))  # fmt: skip
        kinds = {kind: _cells(hosts, broken, unsure) for kind in ("icmp", "tcp", "udp", "vip")}
        status = "fail" if broken else "inconclusive" if unsure else "pass"
        results.append(_result("DP-MATRIX", status, net, nodes=sorted(broken), matrix={"nodes": hosts, "kinds": kinds}))
    bad = [place for place, item in enumerate(results) if item["status"] == "fail"]
    causes = [_cause(hosts[1:3], sorted({results[place]["network"] for place in bad}), bad)] if bad else []
    about = {
        "run": "r1", "started": "2026-11-26T12:00:00Z", "collection": "swarmlab.overlay", "lab": "lab", "swarm": "x" * 25,
        "nodes": [_node(place, host) for place, host in enumerate(hosts)],
        "networks": [_network(place, net, net in secret, hosts) for place, net in enumerate(nets)],
    }  # fmt: skip
    return build.document(results, about, 58, causes)


def _result(
    ident: str, status: str = "pass", net: str | None = None, title: str = "", nodes: list | None = None, **evidence
) -> dict:
    said = {
        "pass": "as expected everywhere",
        "fail": "lost on the way from and to the nodes",
        "inconclusive": "no answer in time",
    }
    return {
        "id": ident, "status": status, "reason": "ok" if status == "pass" else "paths-lost", "title": title or f"What {ident} asserts holds",
        "network": net, "service": None, "nodes": nodes or [], "evidence": {"summary": said[status], **evidence},
        "hint": "Allow the data-path port between all nodes." if status == "fail" else None, "seconds": 0.4,
    }  # fmt: skip


def _cells(hosts: list[str], broken: set[str], unsure: str | None) -> dict:
    def cell(source: str, target: str) -> object:
        if source in broken or target in broken:
            return "no answer"
        return None if unsure in (source, target) else 0.2

    return {source: {target: cell(source, target) for target in hosts if target != source} for source in hosts}


def _cause(nodes: list[str], networks: list[str], explains: list[int]) -> dict:
    return {
        "id": "data-port-blocked", "title": f"{' and '.join(nodes)} drop VXLAN (udp/4789) that arrives there", "nodes": nodes,
        "networks": networks, "todo": "Allow the data-path port between all nodes.", "because": ["DP-MATRIX: 76 of 380 pairs lost"],
        "certainty": "seen", "explains": explains, "shares": [],
    }  # fmt: skip


def _node(place: int, host: str) -> dict:
    return {"name": host, "id": f"i{place}", "role": "worker" if place else "manager", "address": f"10.77.0.{place + 11}",
            "engine": "26.1.5", "kernel": "6.12.1-cloud", "problem": None, "reason": None, "sent": {"packets": 900, "bytes": 300000}}  # fmt: skip


def _network(place: int, net: str, encrypted: bool, hosts: list[str]) -> dict:
    return {
        "id": f"n{place}", "name": net, "encrypted": encrypted, "attachable": True, "internal": False, "vni": 4097 + place,
        "subnets": [f"10.0.{place}.0/24"], "probes": {host: f"10.0.{place}.{number + 2}" for number, host in enumerate(hosts)},
    }  # fmt: skip
