# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network state of a node's host: addresses, routes, name servers, IPsec counters, firewall rules.

Private to swarmlab.overlay. Standard library only. Reads only.
"""

# pylint: disable=ansible-bad-function  # run_command has no time limit

from __future__ import annotations

import os
import re
import socket
import subprocess
import typing as t

from .._host import ROUTES, parse_nameservers, parse_routes, split_port
from . import netlink, shapes

RESOLV = ("/etc/resolv.conf", "/run/systemd/resolve/resolv.conf")
SECONDS = 10
MARK = "0xd0c4e3"
FIREWALLD = "/etc/firewalld/firewalld.conf"
FIREWALLD_DIRECT = "/etc/firewalld/direct.xml"
NFTABLES = "/etc/nftables.conf"
AT_BOOT = "/etc/systemd/system/sysinit.target.wants/nftables.service"
RUNNING = ("/sys/fs/cgroup/system.slice/%s.service", "/sys/fs/cgroup/systemd/system.slice/%s.service")


def read(path: str) -> str:
    """The text of a file of the kernel; empty when it cannot be read, or goes while it is read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as handle:
            return handle.read()
    except OSError:
        return ""


def routes(text: str) -> list[shapes.HostRoute]:
    """The routes in /proc/net/route without the default."""
    return [{"network": route.network, "device": route.interface} for route in parse_routes(text)]


def facts(declared: t.Iterable[str] = ()) -> shapes.Host:
    """Addresses with their links, tunnels, routes, and name servers. ``declared``: addresses that may be DNS names."""
    names = {link["index"]: link for link in netlink.links()}
    addresses: list[shapes.HostAddress] = [
        {"address": row["address"], "device": names[row["index"]]["name"], "mtu": names[row["index"]]["mtu"]}
        for row in netlink.addresses()
        if row["index"] in names
    ]
    nameservers = sorted({server for path in RESOLV for server in parse_nameservers(read(path))})
    vxlans: list[shapes.Vxlan] = [
        {"device": link["name"], "vni": link.get("vni"), "port": link.get("port")}
        for link in names.values()
        if link["kind"] == "vxlan"
    ]
    return {
        "addresses": addresses,
        "vxlans": vxlans,
        "routes": routes(read(ROUTES)),
        "nameservers": nameservers,
        "names": looked_up(declared),
    }


def looked_up(declared: t.Iterable[str]) -> dict[str, list[str]]:
    """The addresses of each declared DNS name (``mgr1.example.org``, perhaps with a port) on this host.

    The name of an interface has none.
    """
    found = {}
    for text in declared:
        try:
            answers = socket.getaddrinfo(split_port(text)[0], None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            continue
        found[text] = sorted({str(answer[4][0]) for answer in answers})
    return found


def parse_counters(text: str) -> shapes.Counters:
    """The IPsec counters in /proc/net/xfrm_stat."""
    return {name: int(value) for name, value in re.findall(r"(?m)^(Xfrm\w+)\s+(\d+)$", text)}


def ipsec_counters() -> shapes.Counters | None:
    """The kernel's IPsec counters; None when it has none."""
    return parse_counters(read("/proc/net/xfrm_stat")) or None


def output(command: list[str], seconds: float = SECONDS) -> str | None:
    """What a tool prints; None when it is not there, fails, or takes longer than this."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=seconds, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None


def tables(text: str) -> dict[str, list[str]]:
    """The rules by table in the output of iptables-save."""
    found: dict[str, list[str]] = {}
    table = ""
    for line in text.splitlines():
        if line.startswith("*"):
            table = line[1:].strip()
        elif line.startswith("-A "):
            found.setdefault(table, []).append(line)
    return found


def _carries(rule: str, vni: int) -> bool:
    """Whether the rule matches the VXLAN id, in byte code or in a u32 match."""
    return bool(re.search(f"21 \\d+ \\d+ {vni}\\b", rule)) or f"=0x{vni << 8:x}" in rule


def parse_rules(text: str, vnis: list[int], ports: list[str], carrying: str | None = None) -> shapes.Rules:
    """The engine's rules that are present: encryption by VXLAN id, ingress by published port such as 'tcp/8080'.

    ``carrying``: the rules of the nodes' address family, if another. The routing mesh is IPv4 only.
    """
    rules = tables(text)
    between = rules if carrying is None else tables(carrying)
    marks = [rule for rule in between.get("mangle", []) if rule.startswith("-A OUTPUT ") and MARK in rule]
    drops = [
        rule
        for rule in between.get("filter", [])
        if rule.startswith("-A INPUT ") and "--pol none" in rule and rule.endswith("-j DROP")
    ]
    nat = rules.get("nat", [])
    return {
        "mark": [vni for vni in vnis if any(_carries(rule, vni) for rule in marks)],
        "drop": [vni for vni in vnis if any(_carries(rule, vni) for rule in drops)],
        "ingress_jump": any(rule.startswith("-A PREROUTING ") and "DOCKER-INGRESS" in rule for rule in nat),
        "ingress_ports": [
            port
            for port in ports
            if any(
                rule.startswith(f"-A DOCKER-INGRESS -p {port.split('/')[0]} ")
                and f"--dport {port.split('/')[1]} " in rule
                for rule in nat
            )
        ],
    }


def parse_nft(text: str, vnis: list[int], ports: list[str]) -> shapes.Rules:
    """The same for the rules of an engine with its own nftables support."""
    held = re.search(r"set encrypted-vnis \{.*?elements = \{(.*?)\}", text, re.DOTALL)
    numbers = {int(number, 0) for number in re.findall(r"0x[0-9a-f]+|\d+", held.group(1))} if held else set()
    there = [vni for vni in vnis if vni in numbers or vni << 8 in numbers]
    return {
        "mark": there,
        "drop": there,
        "ingress_jump": True,
        "ingress_ports": [port for port in ports if re.search(f"\\b{port.split('/')[1]}\\b", text)],
    }


def firewall(backend: str, vnis: list[int], ports: list[str], ipv6: bool = False) -> shapes.Rules | None:
    """The engine's rules on this node; None when its tool does not answer. ``ipv6``: the nodes talk over IPv6."""
    if backend == "nftables":
        text = output(["nft", "list", "ruleset"])
        return None if text is None else parse_nft(text, vnis, ports)
    text, carrying = output(["iptables-save"]), output(["ip6tables-save"]) if ipv6 else None
    return None if text is None or (ipv6 and carrying is None) else parse_rules(text, vnis, ports, carrying)


def parse_flushers(firewalld: str, direct: str, nftables: str) -> list[str]:
    """The tools that flush the engine's rules when they are reloaded, from firewalld's settings and nftables' file.

    The engine's bridge driver restores its rules after a reload of firewalld; the overlay driver does not
    (docs/hosts-firewall.md).
    """
    found = []
    if re.search(r"(?mi)^\s*FirewallBackend\s*=\s*iptables\b", firewalld):
        found.append("firewalld with FirewallBackend=iptables")
    elif firewalld and re.search(r"<(rule|chain|passthrough)\b", direct):
        found.append("firewalld with direct rules")
    if re.search(r"(?m)^\s*flush\s+ruleset\b", nftables):
        found.append("nftables.service with 'flush ruleset'")
    return found


def flushers() -> list[str]:
    """The same for this node, for the tools that are enabled."""
    on = any(os.path.isdir(path % "firewalld") for path in RUNNING)
    return parse_flushers(
        read(FIREWALLD) if on else "", read(FIREWALLD_DIRECT), read(NFTABLES) if os.path.islink(AT_BOOT) else ""
    )
