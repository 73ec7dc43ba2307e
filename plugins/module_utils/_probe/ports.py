# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prove that a packet to a port with a foreign listener passes the firewalls of both ends, and that the answer returns.

Private to swarmlab.overlay. Standard library only. A raw socket receives its copy of a datagram after the host's
input filter, whichever process owns the port. So a helper on each node answers the nonces of the others, over UDP and
over IP protocol 50. The payload begins with zeros: VXLAN drops it because its id is invalid, and no SPI of the kernel
is zero.
"""

from __future__ import annotations

import contextlib
import errno
import selectors
import socket
import struct

from . import shapes, sockets, train, wire

UDP, ESP = 17, 50
IPV6_CHECKSUM, CHECKSUM_AT = 7, 6  # include/uapi/linux/in6.h; offset of the UDP checksum, which IPv6 requires
EMPTY = bytes(8)
ASK, ANSWER = b"?", b"!"
BYTES = train.RECEIVED


def magic(run: str) -> bytes:
    """The first bytes of a run's payloads."""
    return EMPTY + b"swarmlab-port-" + run.encode()


def payload(run: str, sign: bytes, name: str, nonce: str) -> bytes:
    """A question or an answer of the node ``name``."""
    return b" ".join([magic(run), sign, name.encode(), nonce.encode()])


def parse(run: str, data: bytes, sign: bytes) -> tuple[str, str] | None:
    """(name, nonce) of a question or answer of this run; None for anything else."""
    parts = data[len(EMPTY) :].split(b" ") if data.startswith(magic(run)) else []
    if len(parts) != 4 or parts[1] != sign:
        return None
    return parts[2].decode("ascii", "replace"), parts[3].decode("ascii", "replace")


def body(packet: bytes, protocol: int, family: int = socket.AF_INET) -> tuple[int, int, bytes] | None:
    """(source port, target port, payload) of a raw socket's packet; ESP has no ports.

    An IPv4 socket returns the IP header too, an IPv6 socket only the bytes after it.
    """
    start = (packet[0] & 0xF) * 4 if packet and family == socket.AF_INET else 0
    if len(packet) < start + 8:
        return None
    if protocol == ESP:
        return 0, 0, packet[start:]
    ports = struct.unpack("!HH", packet[start : start + 4])
    return ports[0], ports[1], packet[start + 8 :]


def bpf_program(offset: int, family: int = socket.AF_INET) -> list[wire.Step]:
    """A classic BPF program for a raw socket's packets: 8 zero bytes and 's' at ``offset`` after the IP header."""
    word, byte = (0x40, 0x50) if family == socket.AF_INET else (0x20, 0x30)  # relative to X, or not
    return [
        (0xB1, 0, 0, 0),  # X = header length, of IPv4
        (word, 0, 0, offset),  # A = first word
        (0x15, 0, 5, 0),
        (word, 0, 0, offset + 4),
        (0x15, 0, 3, 0),
        (byte, 0, 0, offset + 8),
        (0x15, 0, 1, ord("s")),
        (0x06, 0, 0, BYTES),
        (0x06, 0, 0, 0),
    ]


def _raw(protocol: int, family: int = socket.AF_INET) -> socket.socket:
    channel = socket.socket(family, socket.SOCK_RAW, protocol)
    sockets.with_room(channel)
    train.stamped(channel)
    wire.attach(channel, bpf_program(8 if protocol == UDP else 0, family))
    if family == socket.AF_INET6 and protocol == UDP:
        channel.setsockopt(socket.IPPROTO_IPV6, IPV6_CHECKSUM, CHECKSUM_AT)
    return channel


def _listeners() -> list[tuple[socket.socket, int]]:
    """(socket, protocol) of both families; a kernel may lack IPv6."""
    found = [(_raw(protocol), protocol) for protocol in (UDP, ESP)]
    try:
        found += [(_raw(protocol, socket.AF_INET6), protocol) for protocol in (UDP, ESP)]
    except OSError as error:
        if error.errno != errno.EAFNOSUPPORT:
            raise
    return found


def serve(run: str, name: str, ready: shapes.Ready, stopped: shapes.Stopped) -> shapes.Heard:
    """Answer nonces and trains until told to stop. Returns how often each sender was heard: protocol/port/sender."""
    heard: shapes.Heard = {}
    trains = train.Answerer(run, name)
    with selectors.DefaultSelector() as selector, contextlib.ExitStack() as opened:
        for channel, protocol in _listeners():
            selector.register(opened.enter_context(channel), selectors.EVENT_READ, (channel, protocol))
        ready()
        while not stopped():
            for key, _unused in selector.select(0.2):
                channel, protocol = key.data
                _answer(channel, protocol, run, name, heard, trains)
    return heard


def _answer(
    channel: socket.socket, protocol: int, run: str, name: str, heard: shapes.Heard, trains: train.Answerer
) -> None:
    try:
        packet, received, sender = train.receive(channel)
        told = body(packet, protocol, channel.family)
        if not told:
            return
        content = trains.answer(told[2], received)
        asked = None if content else parse(run, told[2], ASK)
        if asked:
            key = f"{protocol}/{told[1]}/{asked[0]}"
            heard[key] = heard.get(key, 0) + 1
            content = payload(run, ANSWER, name, asked[1])
        if not content:
            return
        if protocol == UDP:
            content = struct.pack("!4H", told[1], told[0], 8 + len(content), 0) + content
        channel.sendto(content, (sender[0], 0))
    except OSError:
        # The asker is gone or there is no route back; the asker reports it.
        return


def udp(run: str, name: str, address: str, port: int) -> sockets.Talk:
    """Questions to a UDP port: the node whose helper answers."""
    return sockets.Talk(
        (address, port),
        lambda: sockets.connected(address, port),
        lambda nonce: payload(run, ASK, name, nonce),
        lambda data: parse(run, data, ANSWER),
    )


def esp(run: str, name: str, address: str) -> sockets.Talk:
    """Questions over IP protocol 50: the node whose helper answers."""
    family = sockets.family_of(address)
    return sockets.Talk(
        (address, 0),
        lambda: _raw(ESP, family),
        lambda nonce: payload(run, ASK, name, nonce),
        lambda packet: parse(run, (body(packet, ESP, family) or (0, 0, b""))[2], ANSWER),
    )


def tcp(address: str, port: int, seconds: float) -> shapes.Reached:
    """Whether a TCP port accepts a connection within ``seconds``."""
    with socket.create_connection((address, port), timeout=seconds):
        return {"node": address}
