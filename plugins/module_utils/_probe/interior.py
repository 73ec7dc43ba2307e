# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the current network namespace has: listening TCP ports, interfaces, addresses, routes, neighbours, rules.

Private to swarmlab.overlay. Standard library only. Reads only. ``closely`` alone starts programs, so it is for
namespaces in which something fails.
"""

from __future__ import annotations

import os
import re
import socket
import stat
import struct
import typing as t

from .._host import ROUTES, leads_out, parse_routes, read_text
from . import netlink, shapes, system

LISTEN = "0A"
TABLES = (("/proc/self/net/tcp", 8), ("/proc/self/net/tcp6", 32))
MAPPED = "::ffff:"
WILDCARDS = ("0.0.0.0", "::")
RESOLVER = "127.0.0.11"  # of the engine, in the namespace of each container on an overlay
RESOLVER_FILE = "/etc/resolv.conf"
MOST = 64 * 1024  # bytes of it that are read
LISTERS = (
    ["iptables-save"],
    ["iptables-legacy-save"],
    ["nft", "list", "ruleset"],
)  # the last shows also what the first does
DECIDES = re.compile(r"\b(drop|reject|queue|redirect|dnat to|snat to|masquerade)\b")
REFUSES = re.compile(r"(?i)\b(drop|reject)\b")
SECONDS = 5
SETTINGS = (
    "net/ipv4/icmp_echo_ignore_all",
    "net/ipv4/ip_default_ttl",
    "net/ipv4/ip_no_pmtu_disc",
    "net/ipv4/conf/all/arp_filter",
    "net/ipv4/conf/all/arp_ignore",
    "net/ipv4/conf/all/rp_filter",
)  # that are the namespace's own, and by which it may drop packets or send none that arrive
RULES = 12  # at most that many rules are told of a namespace


def _address(text: str) -> str:
    """The address in hexadecimal words of the machine's own byte order."""
    words = [int(text[start : start + 8], 16) for start in range(0, len(text), 8)]
    raw = struct.pack(f"={len(words)}I", *words)
    found = socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw)
    return found[len(MAPPED) :] if found.startswith(MAPPED) and "." in found else found


def listeners(text: str) -> list[shapes.Listener]:
    """The listening sockets in /proc/net/tcp or tcp6. ``waiting``: connections that the program has not accepted yet."""
    found: list[shapes.Listener] = []
    for line in text.splitlines()[1:]:
        parts = line.split()
        if len(parts) > 4 and parts[3] == LISTEN:
            address, dummy, port = parts[1].partition(":")
            waiting = parts[4].partition(":")[2]
            found.append({"address": _address(address), "port": int(port, 16), "waiting": int(waiting, 16)})
    return found


def sockets_here() -> list[shapes.Listener]:
    """The listening TCP sockets of this namespace."""
    return [row for path, dummy in TABLES for row in listeners(read_text(path))]


def reachable(rows: t.Iterable[shapes.Listener], addresses: t.Collection[str]) -> list[int]:
    """The ports that listen on one of these addresses, or on all of them. Loopback's are nobody else's. Pure."""
    return sorted({row["port"] for row in rows if row["address"] in (*WILDCARDS, *addresses)})


def only_ipv6(rows: t.Iterable[shapes.Listener], addresses: t.Collection[str]) -> list[int]:
    """The ports of which it is unknown whether they take IPv4: ``::`` may mean IPv6 alone. Pure."""
    rows = list(rows)
    sure = set(reachable([row for row in rows if row["address"] != "::"], addresses))
    return [port for port in reachable(rows, addresses) if port not in sure]


def resolver_file(pid: int) -> str | None:
    """The /etc/resolv.conf that a process sees; None where it has no plain file there, or has ended."""
    # No link is followed: one inside a container would lead to a file of the host.
    try:
        handle = os.open(f"/proc/{pid}/root{RESOLVER_FILE}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with open(handle, "rb") as file:
        return file.read(MOST).decode("utf-8", "replace") if stat.S_ISREG(os.fstat(handle).st_mode) else None


def look() -> shapes.Interior:
    """Interfaces with their addresses, routes, whether one leads everywhere, neighbours that somebody pinned, and settings."""
    links, addresses = netlink.links(), netlink.addresses()
    names = {link["index"]: link["name"] for link in links}
    routes = read_text(ROUTES)
    return {
        "links": [
            {
                "name": row["name"],
                "up": row.get("up", True),
                "mtu": row["mtu"],
                "queue": row.get("queue", ""),
                "addresses": [one["address"] for one in addresses if one["index"] == row["index"]],
            }
            for row in links
            if row["name"] != "lo"
        ],
        "addresses": sorted(row["address"] for row in addresses),
        "routes": sorted(f"{route.network} {route.interface}" for route in parse_routes(routes)),
        "leads_out": leads_out(routes),
        "pinned": sorted(
            f"{row['target']} {row['mac']} {names.get(row['index'], '?')}"
            for row in netlink.neighbours()
            if row["permanent"] and row["target"] and not row["target"].startswith(("127.", "224."))
        ),
        "settings": {path.replace("/", "."): system.read("/proc/sys/" + path).strip() for path in SETTINGS},
    }


def parse_rules(text: str) -> tuple[list[str], bool]:
    """(rules that are not the engine's, whether the engine's redirection of DNS is there), of iptables-save or nft. Pure."""
    foreign, redirected = [], False
    for line in (row.strip() for row in text.splitlines()):
        if RESOLVER in line and not REFUSES.search(line):
            redirected = True
        elif line.startswith("-A ") or (line.startswith(":") and " DROP " in line) or DECIDES.search(line):
            foreign.append(line)
    return foreign, redirected


def closely() -> shapes.Closely:
    """The packet filters' rules in this namespace, from the first tool that has any which is not the engine's."""
    known, redirected = False, False
    for command in LISTERS:
        text = system.output(command, SECONDS)
        if text is None:
            continue
        foreign, there = parse_rules(text)
        known, redirected = True, redirected or there
        if foreign:
            return {"rules": list(dict.fromkeys(foreign))[:RULES], "redirected": redirected}
    return {"rules": [], "redirected": redirected if known else None}


def waiting(ports: t.Iterable[int]) -> dict[str, int]:
    """Connections that nobody accepted, by port, where there are any."""
    wanted = set(ports)
    found: dict[str, int] = {}
    for row in sockets_here():
        if row["port"] in wanted and row["waiting"]:
            found[str(row["port"])] = found.get(str(row["port"]), 0) + row["waiting"]
    return found
