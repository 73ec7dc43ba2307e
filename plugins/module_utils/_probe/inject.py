# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Send one canary in a clear VXLAN frame to another node, past this node's own firewall and IPsec.

Private to swarmlab.overlay. Standard library only. A packet socket writes below both, as any machine on the wire could. The frame
carries a question to the probe of this run and to nothing else.
"""

from __future__ import annotations

import re
import socket
import struct

from . import sockets

ETH_P_IP = 0x0800
UDP = 17
EVERYBODY = b"\xff" * 6
OURS = bytes.fromhex("0242c0ffee01")
SOURCE_PORT = 48901


def datagram(source: str, target: str, source_port: int, target_port: int, content: bytes) -> bytes:
    """An IPv4 packet with a UDP datagram (without its optional checksum)."""
    udp = struct.pack("!4H", source_port, target_port, 8 + len(content), 0) + content
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 1, 0, 64, UDP, 0) + socket.inet_aton(source) + socket.inet_aton(target)
    return head[:10] + struct.pack("!H", sockets.checksum(head)) + head[12:] + udp


def vxlan(number: int, inner: bytes) -> bytes:
    """The payload of a VXLAN datagram: an Ethernet frame to everybody on the network, with an IPv4 packet in it."""
    return struct.pack("!II", 0x08000000, number << 8) + EVERYBODY + OURS + struct.pack("!H", ETH_P_IP) + inner


def parse_arp(text: str) -> dict:
    """Address -> (hardware address, device) of the complete entries in /proc/net/arp."""
    rows = re.findall(r"(?m)^(\S+)\s+0x\w+\s+0x2\s+([0-9a-f:]{17})\s+\S+\s+(\S+)$", text)
    return {address: (bytes.fromhex(mac.replace(":", "")), device) for address, mac, device in rows}


def parse_gateway(text: str) -> str | None:
    """The default gateway in /proc/net/route."""
    for line in text.splitlines()[1:]:
        parts = line.split()
        if len(parts) > 7 and parts[1] == "00000000" and parts[7] == "00000000" and parts[2] != "00000000":
            return socket.inet_ntoa(struct.pack("<I", int(parts[2], 16)))
    return None


def _read(path: str) -> str:
    with open(path, encoding="ascii", errors="replace") as handle:
        return handle.read()


def inject(run: str, name: str, request: dict) -> dict:
    """Send the canary; tells whether it left."""
    content = sockets.question(run, name, request["network"], sockets.new_nonce())
    inner = datagram(request["inner_source"], request["inner_target"], SOURCE_PORT, sockets.PORT, content)
    outer = datagram(request["source"], request["address"], SOURCE_PORT, request["port"], vxlan(request["vni"], inner))
    known = parse_arp(_read("/proc/net/arp"))
    hop = known.get(request["address"]) or known.get(parse_gateway(_read("/proc/net/route")) or "")
    if not hop:
        return {"error": "no hardware address is known for %s" % request["address"]}
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP)) as channel:
        channel.sendto(outer, (hop[1], ETH_P_IP, 0, 0, hop[0]))
    return {"node": request["address"]}
