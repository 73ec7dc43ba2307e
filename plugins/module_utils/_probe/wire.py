# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Count packets on a node's underlay: clear-text VXLAN, and ESP.

Private to swarmlab.overlay. Standard library only. *Outgoing* frames decide whether traffic is encrypted, because
decrypted packets appear once more inbound. Only counts are kept; the payload is only searched for the canary.
"""

from __future__ import annotations

import ctypes
import socket
import struct
import time
import typing as t

from . import shapes, sockets

ETH_P_ALL = 0x0003
SO_ATTACH_FILTER = 26
PACKET_HOST = 0
PACKET_OUTGOING = 4
PACKET_STATISTICS = 6
SOL_PACKET = 263
ESP = 50
UDP = 17
FRAGMENT = 44
IPV6_HEAD, FRAGMENT_HEAD = 40, 8
UDP_BYTES = 600
ESP_BYTES = 64
Step = t.Tuple[int, int, int, int]  # an instruction of a BPF program: code, jumps for true and false, number
INJECTED = b" clear@"  # the rest of a payload after the canary in frames of inject.py, which no network sent


def bpf_program(port: int) -> list[Step]:
    """A classic BPF program over an IP packet (no link header) that keeps ESP and UDP to ``port``."""
    return [
        (0x30, 0, 0, 0),  # A = version and header length
        (0x54, 0, 0, 0xF0),  # A &= 0xf0
        (0x15, 6, 0, 0x60),  # IPv6
        (0x15, 0, 18, 0x40),  # nor IPv4: drop
        (0x28, 0, 0, 6),  # A = flags and fragment offset
        (0x45, 16, 0, 0x1FFF),  # a later fragment: drop
        (0xB1, 0, 0, 0),  # X = header length
        (0x30, 0, 0, 9),  # A = protocol
        (0x05, 0, 0, 7),  # continue with the common part
        (0x01, 0, 0, IPV6_HEAD),  # IPv6: X = header length
        (0x30, 0, 0, 6),  # A = next header
        (0x15, 0, 4, FRAGMENT),
        (0x28, 0, 0, IPV6_HEAD + 2),  # A = fragment offset
        (0x45, 8, 0, 0xFFF8),  # a later fragment: drop
        (0x01, 0, 0, IPV6_HEAD + FRAGMENT_HEAD),
        (0x30, 0, 0, IPV6_HEAD),  # A = next header, behind that of the fragment
        (0x15, 0, 1, ESP),
        (0x06, 0, 0, ESP_BYTES),  # ESP: keep its header
        (0x15, 0, 3, UDP),
        (0x48, 0, 0, 2),  # A = destination port
        (0x15, 0, 1, port),
        (0x06, 0, 0, UDP_BYTES),
        (0x06, 0, 0, 0),
    ]


def attach(channel: socket.socket, program: list[Step]) -> None:
    """Attach a kernel filter to this socket."""
    code = b"".join(struct.pack("HBBI", *step) for step in program)
    buffer = ctypes.create_string_buffer(code)
    channel.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", len(program), ctypes.addressof(buffer)))


class Esp(t.NamedTuple):
    """An encrypted packet. ``spi``: the number of its IPsec state."""

    source: str
    target: str
    spi: int


class Inner(t.NamedTuple):
    """A clear-text packet of an overlay, and its payload."""

    source: str
    target: str
    vni: int
    content: bytes


def outer(packet: bytes) -> tuple[str, str, int, int] | None:
    """(source, target, protocol, offset of its header) of an IP packet; None for a fragment or anything else."""
    version = packet[0] >> 4 if packet else 0
    if version == 4 and len(packet) >= 20:
        return socket.inet_ntoa(packet[12:16]), socket.inet_ntoa(packet[16:20]), packet[9], (packet[0] & 0xF) * 4
    if version != 6 or len(packet) < IPV6_HEAD:
        return None
    protocol, start = packet[6], IPV6_HEAD
    if protocol == FRAGMENT and len(packet) >= IPV6_HEAD + FRAGMENT_HEAD:
        protocol, start = packet[IPV6_HEAD], IPV6_HEAD + FRAGMENT_HEAD
    return (
        socket.inet_ntop(socket.AF_INET6, packet[8:24]),
        socket.inet_ntop(socket.AF_INET6, packet[24:40]),
        protocol,
        start,
    )


def parse(packet: bytes, port: int) -> Esp | Inner | None:
    """The facts of one IP packet: ESP (destination, SPI) or VXLAN (destination, VNI, inner payload)."""
    head = outer(packet)
    if head is None:
        return None
    source, target, protocol, start = head
    if protocol == ESP and len(packet) >= start + 4:
        spi = struct.unpack("!I", packet[start : start + 4])[0]
        # Zero is reserved for local use (RFC 4303, 2.1): a question of ports.py, not the kernel's.
        return Esp(source, target, spi) if spi else None
    if protocol != UDP or len(packet) < start + 16 or struct.unpack("!H", packet[start + 2 : start + 4])[0] != port:
        return None
    if not packet[start + 8] & 0x08:
        return None
    number = struct.unpack("!I", packet[start + 12 : start + 16])[0] >> 8
    return Inner(source, target, number, packet[start + 16 :])


class Counts:
    """Counters, small enough to send. Keys are text because they travel as JSON."""

    def __init__(self, port: int, canary: bytes) -> None:
        self.port = port
        self.canary = canary
        self.plain: shapes.Table = {}
        self.seen: shapes.Table = {}
        self.esp_out: shapes.Table = {}
        self.esp_in: shapes.Table = {}
        self.plain_in: shapes.Table = {}
        self.injected = 0

    def add(self, packet: bytes, outgoing: bool) -> None:
        """Count one packet."""
        facts = parse(packet, self.port)
        if facts is None:
            return
        if isinstance(facts, Esp):
            self._esp(facts, outgoing)
        elif outgoing and self.canary + INJECTED in facts.content:
            self.injected += 1
        elif outgoing:
            key = str(facts.vni)
            _bump(self.plain, key, facts.target)
            if self.canary in facts.content:
                _bump(self.seen, key, facts.target)
        else:
            _bump(self.plain_in, str(facts.vni), facts.source)

    def _esp(self, facts: Esp, outgoing: bool) -> None:
        if outgoing:
            _bump(self.esp_out, facts.target, f"{facts.spi:08x}")
        else:
            _bump(self.esp_in, facts.source, f"{facts.spi:08x}")

    def data(self) -> shapes.Captured:
        """All counters as plain data."""
        return {
            "plain": self.plain,
            "canary": self.seen,
            "esp_out": self.esp_out,
            "esp_in": self.esp_in,
            "plain_in": self.plain_in,
            "injected": self.injected,
        }


def _bump(table: shapes.Table, first: str, second: str) -> None:
    row = table.setdefault(first, {})
    row[second] = row.get(second, 0) + 1


def listener(port: int) -> socket.socket:
    """A socket with the filtered frames of every interface of this namespace, in both directions."""
    channel = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
    attach(channel, bpf_program(port))
    sockets.with_room(channel)
    return channel


def watch(port: int, canary: bytes, ready: shapes.Ready, stopped: shapes.Stopped) -> shapes.Watched:
    """Count until told to stop. ``ready`` is called when no frame can be missed any more."""
    counts = Counts(port, canary)
    began = time.monotonic()
    with listener(port) as channel:
        channel.settimeout(0.2)
        ready()
        while not stopped():
            _take(channel, counts)
        _seen, lost = struct.unpack("II", channel.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
    return {**counts.data(), "lost": lost, "seconds": round(time.monotonic() - began, 1)}


def _take(channel: socket.socket, counts: Counts) -> None:
    try:
        packet, address = channel.recvfrom(2048)
    except socket.timeout:
        return
    if address[2] in (PACKET_HOST, PACKET_OUTGOING):
        counts.add(packet, address[2] == PACKET_OUTGOING)
