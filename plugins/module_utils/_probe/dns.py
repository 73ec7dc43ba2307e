# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small DNS client that asks an engine's embedded resolver for IPv4 addresses.

Private to swarmlab.overlay. Standard library only. The container's image needs no tool.
"""

from __future__ import annotations

import os
import socket
import struct
import time
import typing as t

RESOLVER = "127.0.0.11"
TYPE_A = 1
CLASS_IN = 1
RECURSION_DESIRED = 0x0100
TRUNCATED = 0x0200
RESPONSE = 0x8000
NXDOMAIN = 3


class Answer(t.NamedTuple):
    """The resolver's answer: ``kind`` is answer, empty, nxdomain, error, timeout or unreachable."""

    kind: str
    addresses: tuple[str, ...]


class Malformed(ValueError):
    """A packet that is not the DNS answer to our question."""


def encode_query(name: str, number: int) -> bytes:
    """A query for the A records of ``name``."""
    labels = name.rstrip(".").encode("idna" if not name.isascii() else "ascii").split(b".")
    if any(not 0 < len(label) < 64 for label in labels) or sum(len(label) + 1 for label in labels) > 254:
        raise ValueError(f"{name!r} is not a DNS name: labels have 1 to 63 characters, the whole up to 253")
    question = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    header = struct.pack("!6H", number, RECURSION_DESIRED, 1, 0, 0, 0)
    return header + question + struct.pack("!2H", TYPE_A, CLASS_IN)


def unaskable(name: str) -> str | None:
    """Why no resolver can be asked for this name; None if one can."""
    try:
        encode_query(name, 0)
    except ValueError as error:
        return str(error)
    return None


def decode_answer(packet: bytes, number: int) -> tuple[Answer, bool]:
    """The answer, and whether it was truncated (then ask again over TCP).

    Raises Malformed for any other packet.
    """
    if len(packet) < 12:
        raise Malformed("shorter than a DNS header")
    ident, flags, questions, answers = struct.unpack("!4H", packet[:8])
    if ident != number or not flags & RESPONSE:
        raise Malformed("not the answer to this question")
    code = flags & 0xF
    if code:
        return Answer("nxdomain" if code == NXDOMAIN else "error", ()), False
    offset = 12
    for _unused in range(questions):
        offset = _skip_name(packet, offset) + 4
    addresses = _addresses(packet, offset, answers)
    return Answer("answer" if addresses else "empty", tuple(sorted(addresses, key=address_key))), bool(
        flags & TRUNCATED
    )


def address_key(address: str) -> tuple[int, ...]:
    """A sort key that orders addresses as numbers."""
    return tuple(int(part) for part in address.split("."))


def _addresses(packet: bytes, offset: int, count: int) -> set[str]:
    found = set()
    for _unused in range(count):
        offset = _skip_name(packet, offset)
        if offset + 10 > len(packet):
            raise Malformed("a record is cut short")
        kind, family, _ttl, size = struct.unpack("!2HIH", packet[offset : offset + 10])
        data = packet[offset + 10 : offset + 10 + size]
        offset += 10 + size
        if kind == TYPE_A and family == CLASS_IN:
            if len(data) != 4:
                raise Malformed(f"an address of {len(data)} bytes")
            found.add(socket.inet_ntoa(data))
    return found


def _skip_name(packet: bytes, offset: int) -> int:
    """The offset after a name; a compression pointer always ends it."""
    while True:
        if offset >= len(packet):
            raise Malformed("a name runs past the end")
        length = packet[offset]
        if length == 0:
            return offset + 1
        if length & 0xC0 == 0xC0:
            return offset + 2
        if length & 0xC0:
            raise Malformed("an unknown label type")
        offset += 1 + length


def ask(name: str, server: str = RESOLVER, seconds: float = 3.0) -> Answer:
    """Ask ``server`` for ``name`` over UDP, and again over TCP when the answer was truncated."""
    number = struct.unpack("!H", os.urandom(2))[0]
    query = encode_query(name, number)
    deadline = time.monotonic() + seconds
    try:
        answer, truncated = _ask_udp(query, number, server, deadline)
        if truncated:
            answer = _ask_tcp(query, number, server, deadline)
    except socket.timeout:
        return Answer("timeout", ())
    except OSError:
        return Answer("unreachable", ())
    return answer


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise socket.timeout("no DNS answer in time")
    return left


def _ask_udp(query: bytes, number: int, server: str, deadline: float) -> tuple[Answer, bool]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        channel.connect((server, 53))
        channel.send(query)
        while True:
            channel.settimeout(_left(deadline))
            try:
                return decode_answer(channel.recv(4096), number)
            except Malformed:
                continue


def _ask_tcp(query: bytes, number: int, server: str, deadline: float) -> Answer:
    with socket.create_connection((server, 53), timeout=_left(deadline)) as channel:
        channel.sendall(struct.pack("!H", len(query)) + query)
        size = struct.unpack("!H", _exactly(channel, 2, deadline))[0]
        try:
            return decode_answer(_exactly(channel, size, deadline), number)[0]
        except Malformed:
            return Answer("error", ())


def _exactly(channel: socket.socket, size: int, deadline: float) -> bytes:
    data = b""
    while len(data) < size:
        channel.settimeout(_left(deadline))
        chunk = channel.recv(size - len(data))
        if not chunk:
            raise OSError("the resolver closed the connection early")
        data += chunk
    return data


def difference(expected: t.Iterable[str], observed: t.Iterable[str]) -> dict[str, list[str]]:
    """Missing and unexpected values, as two sorted lists; both empty when the sets are equal."""
    want, have = set(expected), set(observed)
    return {
        "missing": sorted(want - have, key=address_key),
        "unexpected": sorted(have - want, key=address_key),
    }
