# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Send one canary in a clear-text VXLAN frame to another node, past this node's own firewall and IPsec.

Private to swarmlab.overlay. Standard library only. A packet socket sends below both, as any machine on the wire
could. The frame carries a question that only this run's probe answers.
"""

from __future__ import annotations

import re
import socket
import struct

from . import netlink, shapes, sockets

ETH_P_IP, ETH_P_IPV6 = 0x0800, 0x86DD
UDP = 17
EVERYBODY = b"\xff" * 6
OURS = bytes.fromhex("0242c0ffee01")
SOURCE_PORT = 48901
MAC_TEXT = 17  # characters of an Ethernet address


def datagram(source: str, target: str, source_port: int, target_port: int, content: bytes) -> bytes:
    """An IP packet with a UDP datagram. Over IPv4 it has no UDP checksum, which is optional there."""
    udp = struct.pack("!4H", source_port, target_port, 8 + len(content), 0) + content
    if sockets.family_of(target) == socket.AF_INET6:
        ends = socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, target)
        total = sockets.checksum(ends + struct.pack("!II", len(udp), UDP) + udp) or 0xFFFF
        return struct.pack("!IHBB", 6 << 28, len(udp), UDP, 64) + ends + udp[:6] + struct.pack("!H", total) + udp[8:]
    head = (
        struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 1, 0, 64, UDP, 0)
        + socket.inet_aton(source)
        + socket.inet_aton(target)
    )
    return head[:10] + struct.pack("!H", sockets.checksum(head)) + head[12:] + udp


def vxlan(number: int, inner: bytes) -> bytes:
    """The payload of a VXLAN datagram: a broadcast Ethernet frame with an IPv4 packet."""
    return struct.pack("!II", 0x08000000, number << 8) + EVERYBODY + OURS + struct.pack("!H", ETH_P_IP) + inner


def parse_arp(text: str) -> dict[str, tuple[bytes, str]]:
    """Address -> (hardware address, device) of the complete entries in /proc/net/arp."""
    rows = re.findall(r"(?m)^(\S+)\s+0x\w+\s+0x2\s+([0-9a-f:]{17})\s+\S+\s+(\S+)$", text)
    return {address: (bytes.fromhex(mac.replace(":", "")), device) for address, mac, device in rows}


def parse_gateway(text: str) -> str | None:
    """The default IPv4 gateway in /proc/net/route."""
    for line in text.splitlines()[1:]:
        parts = line.split()
        if len(parts) > 7 and parts[1] == "00000000" and parts[7] == "00000000" and parts[2] != "00000000":
            return socket.inet_ntoa(struct.pack("<I", int(parts[2], 16)))
    return None


def parse_gateway6(text: str) -> str | None:
    """The default IPv6 gateway in /proc/net/ipv6_route."""
    for parts in map(str.split, text.splitlines()):
        if len(parts) > 4 and parts[1] == "00" and int(parts[4], 16):
            return socket.inet_ntop(socket.AF_INET6, bytes.fromhex(parts[4]))
    return None


def _neighbours6() -> dict[str, tuple[bytes, str]]:
    """Address -> (hardware address, device) of the known IPv6 neighbours."""
    names = {link["index"]: link["name"] for link in netlink.links()}
    return {
        row["target"]: (bytes.fromhex(row["mac"].replace(":", "")), names[row["index"]])
        for row in netlink.neighbours(socket.AF_INET6)
        if row["target"] and len(row["mac"]) == MAC_TEXT and row["index"] in names
    }


def _next_hop(address: str) -> tuple[bytes, str] | None:
    """Hardware address and device of the next hop to this address."""
    if sockets.family_of(address) == socket.AF_INET6:
        known, gateway = _neighbours6(), parse_gateway6(_read("/proc/net/ipv6_route"))
    else:
        known, gateway = parse_arp(_read("/proc/net/arp")), parse_gateway(_read("/proc/net/route"))
    return known.get(address) or known.get(gateway or "")


def _read(path: str) -> str:
    with open(path, encoding="ascii", errors="replace") as handle:
        return handle.read()


def inject(run: str, name: str, request: shapes.Request) -> shapes.Reached:
    """Send the canary. Returns whether it was sent."""
    content = sockets.question(run, name, request["network"], sockets.new_nonce())
    inner = datagram(request["inner_source"], request["inner_target"], SOURCE_PORT, sockets.PORT, content)
    outer = datagram(request["source"], request["address"], SOURCE_PORT, request["port"], vxlan(request["vni"], inner))
    hop = _next_hop(request["address"])
    if not hop:
        return {"error": f"no hardware address is known for {request['address']}"}
    kind = ETH_P_IPV6 if sockets.family_of(request["address"]) == socket.AF_INET6 else ETH_P_IP
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(kind)) as channel:
        channel.sendto(outer, (hop[1], kind, 0, 0, hop[0]))
    return {"node": request["address"]}
