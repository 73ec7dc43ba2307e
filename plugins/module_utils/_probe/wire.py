# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Count what leaves and reaches a node's underlay: VXLAN in the clear, and ESP.

Private to swarmlab.overlay. Standard library only. Whether traffic is encrypted is judged on *outgoing* frames, because
decrypted packets come by again inbound. Nothing captured is kept but counts; the payload is only searched for the canary.
"""

from __future__ import annotations

import ctypes
import socket
import struct
import time
from typing import Any, Callable

ETH_P_ALL = 0x0003
SO_ATTACH_FILTER = 26
PACKET_HOST = 0
PACKET_OUTGOING = 4
PACKET_STATISTICS = 6
SOL_PACKET = 263
ESP = 50
UDP = 17
UDP_BYTES = 600
ESP_BYTES = 64
INJECTED = b" clear@"  # behind the canary of what inject.py writes on the wire: no network sent that


def bpf_program(port: int) -> list:
    """A classic BPF program over an IPv4 packet (no link header): ESP, or UDP to ``port``; the rest is dropped."""
    return [
        (0x30, 0, 0, 0),                 # A = version and header length
        (0x54, 0, 0, 0xF0),              # A &= 0xf0
        (0x15, 0, 10, 0x40),             # not IPv4: drop
        (0x28, 0, 0, 6),                 # A = flags and fragment offset
        (0x45, 8, 0, 0x1FFF),            # a later fragment: drop
        (0x30, 0, 0, 9),                 # A = protocol
        (0x15, 0, 1, ESP),
        (0x06, 0, 0, ESP_BYTES),         # ESP: keep its head
        (0x15, 0, 4, UDP),
        (0xB1, 0, 0, 0),                 # X = header length
        (0x48, 0, 0, 2),                 # A = destination port
        (0x15, 0, 1, port),
        (0x06, 0, 0, UDP_BYTES),
        (0x06, 0, 0, 0),
    ]


def attach(channel: socket.socket, program: list) -> None:
    """Let the kernel filter for this socket."""
    code = b"".join(struct.pack("HBBI", *step) for step in program)
    buffer = ctypes.create_string_buffer(code)
    channel.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", len(program), ctypes.addressof(buffer)))


def parse(packet: bytes, port: int) -> dict | None:
    """The facts of one IPv4 packet: ESP (destination, SPI) or VXLAN (destination, VNI, inner payload)."""
    if len(packet) < 20 or packet[0] >> 4 != 4:
        return None
    start = (packet[0] & 0xF) * 4
    source, target = socket.inet_ntoa(packet[12:16]), socket.inet_ntoa(packet[16:20])
    if packet[9] == ESP and len(packet) >= start + 4:
        spi = struct.unpack("!I", packet[start:start + 4])[0]
        # Zero is reserved for local use (RFC 4303, 2.1): a question of ports.py, nothing of the kernel's.
        return {"kind": "esp", "source": source, "target": target, "spi": spi} if spi else None
    if packet[9] != UDP or len(packet) < start + 16 or struct.unpack("!H", packet[start + 2:start + 4])[0] != port:
        return None
    if not packet[start + 8] & 0x08:
        return None
    number = struct.unpack("!I", packet[start + 12:start + 16])[0] >> 8
    return {"kind": "vxlan", "source": source, "target": target, "vni": number, "inner": packet[start + 16:]}


class Counts:
    """Sums, small enough to send: keys are text because they travel as JSON."""

    def __init__(self, port: int, canary: bytes) -> None:
        self.port = port
        self.canary = canary
        self.plain: dict = {}
        self.seen: dict = {}
        self.esp_out: dict = {}
        self.esp_in: dict = {}
        self.plain_in: dict = {}
        self.injected = 0

    def add(self, packet: bytes, outgoing: bool) -> None:
        """Count one packet."""
        facts = parse(packet, self.port)
        if facts is None:
            return
        if facts["kind"] == "esp":
            self._esp(facts, outgoing)
        elif outgoing and self.canary + INJECTED in facts["inner"]:
            self.injected += 1
        elif outgoing:
            key = str(facts["vni"])
            _bump(self.plain, key, facts["target"])
            if self.canary in facts["inner"]:
                _bump(self.seen, key, facts["target"])
        else:
            _bump(self.plain_in, str(facts["vni"]), facts["source"])

    def _esp(self, facts: dict, outgoing: bool) -> None:
        if outgoing:
            _bump(self.esp_out, facts["target"], "%08x" % facts["spi"])
        else:
            _bump(self.esp_in, facts["source"], "%08x" % facts["spi"])

    def data(self) -> dict:
        """Everything counted, as plain data."""
        return {"plain": self.plain, "canary": self.seen, "esp_out": self.esp_out, "esp_in": self.esp_in,
                "plain_in": self.plain_in, "injected": self.injected}


def _bump(table: dict, first: str, second: str) -> None:
    row = table.setdefault(first, {})
    row[second] = row.get(second, 0) + 1


def listener(port: int) -> socket.socket:
    """A socket that sees the filtered frames of every interface of this namespace, both ways."""
    channel = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
    attach(channel, bpf_program(port))
    channel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    return channel


def watch(port: int, canary: bytes, ready: Callable[[], None], stopped: Callable[[], bool]) -> dict:
    """Count until told to stop; ``ready`` is called once no frame can be missed any more."""
    counts = Counts(port, canary)
    began = time.monotonic()
    with listener(port) as channel:
        channel.settimeout(0.2)
        ready()
        while not stopped():
            _take(channel, counts)
        _seen, lost = struct.unpack("II", channel.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
    result: dict[str, Any] = counts.data()
    result.update(lost=lost, seconds=round(time.monotonic() - began, 1))
    return result


def _take(channel: socket.socket, counts: Counts) -> None:
    try:
        packet, address = channel.recvfrom(2048)
    except socket.timeout:
        return
    if address[2] in (PACKET_HOST, PACKET_OUTGOING):
        counts.add(packet, address[2] == PACKET_OUTGOING)
