# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host of a node tells of its own network: addresses, routes, name servers, IPsec counters, firewall rules.

Private to swarmlab.overlay. Standard library only. Reads only.
"""

# pylint: disable=ansible-bad-function  # run_command has no time limit

from __future__ import annotations

import re
import subprocess

from .._host import ROUTES, parse_routes
from . import netlink

RESOLV = ("/etc/resolv.conf", "/run/systemd/resolve/resolv.conf")
SECONDS = 10
MARK = "0xd0c4e3"


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as handle:
            return handle.read()
    except OSError:
        return ""


def routes(text: str) -> list[dict]:
    """The routes in /proc/net/route that are no default."""
    return [{"network": route.network, "device": route.interface} for route in parse_routes(text)]


def parse_nameservers(text: str) -> list[str]:
    """The IPv4 name servers in a resolv.conf."""
    return re.findall(r"(?m)^\s*nameserver\s+(\d+\.\d+\.\d+\.\d+)\s*$", text)


def facts() -> dict:
    """Addresses with their links, routes, and name servers."""
    names = {link["index"]: link for link in netlink.links()}
    addresses = [
        {"address": row["address"], "device": names[row["index"]]["name"], "mtu": names[row["index"]]["mtu"]}
        for row in netlink.addresses() if row["index"] in names
    ]
    nameservers = sorted({server for path in RESOLV for server in parse_nameservers(_read(path))})
    return {"addresses": addresses, "routes": routes(_read(ROUTES)), "nameservers": nameservers}


def parse_counters(text: str) -> dict:
    """The IPsec counters in /proc/net/xfrm_stat."""
    return {name: int(value) for name, value in re.findall(r"(?m)^(Xfrm\w+)\s+(\d+)$", text)}


def ipsec_counters() -> dict | None:
    """The kernel's IPsec counters; None when it keeps none."""
    return parse_counters(_read("/proc/net/xfrm_stat")) or None


def _output(command: list[str]) -> str | None:
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None


def tables(text: str) -> dict:
    """Rules by table in what iptables-save prints."""
    found: dict = {}
    table = ""
    for line in text.splitlines():
        if line.startswith("*"):
            table = line[1:].strip()
        elif line.startswith("-A "):
            found.setdefault(table, []).append(line)
    return found


def _carries(rule: str, vni: int) -> bool:
    """Whether the rule matches the VXLAN id, as byte code or as u32."""
    return bool(re.search(r"21 \d+ \d+ %d\b" % vni, rule)) or "=0x%x" % (vni << 8) in rule


def parse_rules(text: str, vnis: list[int], ports: list[str]) -> dict:
    """Which of the engine's rules are there: encryption by VXLAN id, ingress by published port such as 'tcp/8080'."""
    rules = tables(text)
    marks = [rule for rule in rules.get("mangle", []) if rule.startswith("-A OUTPUT ") and MARK in rule]
    drops = [rule for rule in rules.get("filter", [])
             if rule.startswith("-A INPUT ") and "--pol none" in rule and rule.endswith("-j DROP")]
    nat = rules.get("nat", [])
    return {
        "mark": [vni for vni in vnis if any(_carries(rule, vni) for rule in marks)],
        "drop": [vni for vni in vnis if any(_carries(rule, vni) for rule in drops)],
        "ingress_jump": any(rule.startswith("-A PREROUTING ") and "DOCKER-INGRESS" in rule for rule in nat),
        "ingress_ports": [port for port in ports
                          if any(rule.startswith("-A DOCKER-INGRESS -p %s " % port.split("/")[0])
                                 and "--dport %s " % port.split("/")[1] in rule for rule in nat)],
    }


def parse_nft(text: str, vnis: list[int], ports: list[str]) -> dict:
    """The same of the rules of an engine that uses nftables by itself."""
    held = re.search(r"set encrypted-vnis \{.*?elements = \{(.*?)\}", text, re.S)
    numbers = {int(number, 0) for number in re.findall(r"0x[0-9a-f]+|\d+", held.group(1))} if held else set()
    there = [vni for vni in vnis if vni in numbers or vni << 8 in numbers]
    return {"mark": there, "drop": there, "ingress_jump": True,
            "ingress_ports": [port for port in ports if re.search(r"\b%s\b" % port.split("/")[1], text)]}


def firewall(backend: str, vnis: list[int], ports: list[str]) -> dict | None:
    """The engine's rules on this node; None when its tool does not answer."""
    if backend == "nftables":
        text = _output(["nft", "list", "ruleset"])
        return None if text is None else parse_nft(text, vnis, ports)
    text = _output(["iptables-save"])
    return None if text is None else parse_rules(text, vnis, ports)
