# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import socket
import struct

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._probe import wire
from hypothesis import given
from hypothesis import strategies as st

CANARY = b"swarmlab-canary-1"
A, B = "10.77.0.11", "10.77.0.12"
A6, B6 = "fd77::11", "fd77::12"


def ip(protocol: int, payload: bytes, fragment: int = 0, options: bytes = b"") -> bytes:
    first = 0x40 | (5 + len(options) // 4)
    head = struct.pack("!BBHHHBBH", first, 0, 20 + len(options) + len(payload), 1, fragment, 64, protocol, 0)
    return head + socket.inet_aton(A) + socket.inet_aton(B) + options + payload


def ip6(following: int, payload: bytes) -> bytes:
    head = struct.pack("!IHBB", 6 << 28, len(payload), following, 64)
    return head + socket.inet_pton(socket.AF_INET6, A6) + socket.inet_pton(socket.AF_INET6, B6) + payload


def piece(following: int, offset: int) -> bytes:
    """The header of a fragment."""
    return struct.pack("!BBHI", following, 0, offset, 7)


def vxlan(number: int, inner: bytes, port: int = 4789) -> bytes:
    return struct.pack("!4H", 40000, port, 16 + len(inner), 0) + struct.pack("!II", 0x08000000, number << 8) + inner


def esp(spi: int) -> bytes:
    return struct.pack("!II", spi, 1) + bytes(40)


def run_bpf(program: list, packet: bytes) -> int:
    """What the kernel would do: the number of bytes kept. An access beyond the packet drops it."""
    accumulator = index = at = 0
    while True:
        code, true, false, value = program[at]
        at += 1
        if code == 0x06:
            return value
        if code == 0x05:
            at += value
        elif code == 0x01:
            index = value
        elif code in (0x30, 0x28, 0x48):
            offset, size = (value, 1 if code == 0x30 else 2) if code != 0x48 else (index + value, 2)
            if offset + size > len(packet):
                return 0
            accumulator = int.from_bytes(packet[offset : offset + size], "big")
        elif code == 0xB1:
            index = (packet[value] & 0xF) * 4
        elif code == 0x54:
            accumulator &= value
        elif code == 0x15:
            at += true if accumulator == value else false
        elif code == 0x45:
            at += true if accumulator & value else false
        else:
            raise AssertionError(f"unknown instruction {code:#x}")


@pytest.mark.parametrize(
    ("packet", "kept"),
    [
        (ip(50, esp(1)), wire.ESP_BYTES),
        (ip(17, vxlan(4097, b"x")), wire.UDP_BYTES),
        (ip(17, vxlan(4097, b"x"), options=bytes(8)), wire.UDP_BYTES),
        (ip(17, vxlan(4097, b"x", port=53)), 0),
        (ip(6, bytes(40)), 0),
        (ip(50, esp(1), fragment=0x00B9), 0),
        (ip(50, esp(1), fragment=0x2000), wire.ESP_BYTES),
        (ip6(50, esp(1)), wire.ESP_BYTES),
        (ip6(17, vxlan(4097, b"x")), wire.UDP_BYTES),
        (ip6(17, vxlan(4097, b"x", port=53)), 0),
        (ip6(6, bytes(40)), 0),
        (ip6(44, piece(50, 1) + esp(1)), wire.ESP_BYTES),
        (ip6(44, piece(17, 1) + vxlan(4097, b"x")), wire.UDP_BYTES),
        (ip6(44, piece(17, 1) + vxlan(4097, b"x", port=53)), 0),
        (ip6(44, piece(50, 185 << 3) + esp(1)), 0),
        (b"\x60" + bytes(60), 0),
        (b"\x50" + bytes(60), 0),
        (b"", 0),
    ],
)
def test_the_kernel_s_filter(packet: bytes, kept: int) -> None:
    assert run_bpf(wire.bpf_program(4789), packet) == kept


def test_esp() -> None:
    assert wire.parse(ip(50, esp(0xDEADBEEF)), 4789) == wire.Esp(A, B, 0xDEADBEEF)


def test_a_question_of_the_port_check_is_no_esp_of_the_kernel() -> None:
    assert wire.parse(ip(50, esp(0)), 4789) is None


def test_vxlan() -> None:
    facts = wire.parse(ip(17, vxlan(4097, b"inner")), 4789)
    assert facts == wire.Inner(A, B, 4097, b"inner")


def test_over_ipv6() -> None:
    for packet in (ip6(17, vxlan(4097, b"inner")), ip6(44, piece(17, 1) + vxlan(4097, b"inner"))):
        assert wire.parse(packet, 4789) == wire.Inner(A6, B6, 4097, b"inner")
    assert wire.parse(ip6(50, esp(7)), 4789) == wire.Esp(A6, B6, 7)


@given(st.binary(max_size=120))
def test_any_bytes_are_parsed_or_ignored(packet: bytes) -> None:
    wire.parse(packet, 4789)


def test_counts_tell_directions_and_canaries_apart() -> None:
    counts = wire.Counts(4789, CANARY)
    counts.add(ip(17, vxlan(4097, b"..." + CANARY)), outgoing=True)
    counts.add(ip(17, vxlan(4097, b"other")), outgoing=True)
    counts.add(ip(17, vxlan(4098, CANARY)), outgoing=False)
    counts.add(ip(17, vxlan(4097, b"..." + CANARY + b" clear@vm1 back n")), outgoing=True)
    counts.add(ip(50, esp(1)), outgoing=True)
    counts.add(ip(50, esp(2)), outgoing=False)
    assert counts.data() == {
        "plain": {"4097": {B: 2}},
        "canary": {"4097": {B: 1}},
        "esp_out": {B: {"00000001": 1}},
        "esp_in": {A: {"00000002": 1}},
        "plain_in": {"4098": {A: 1}},
        "injected": 1,
    }
