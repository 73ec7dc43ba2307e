# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the kernel's IPsec states over netlink; keys leave this file only as salted hashes.

Private to swarmlab.overlay. Standard library only.
"""

from __future__ import annotations

import hashlib
import hmac
import socket
import struct
from typing import Iterator

NETLINK_XFRM = 6
XFRM_MSG_NEWSA = 0x10
XFRM_MSG_GETSA = 0x12
NLM_F_REQUEST_DUMP = 0x301
NLMSG_ERROR = 2
NLMSG_DONE = 3
HEADER = 16
STATE_SIZE = 224
ATTR_AEAD = 18
ATTR_MARK = 21
ADDRESS, SPI, SOURCE, REQID, FAMILY = 56, 72, 80, 208, 212


def attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The netlink attributes in ``data``."""
    offset = 0
    while offset + 4 <= len(data):
        size, kind = struct.unpack("=HH", data[offset:offset + 4])
        if size < 4 or offset + size > len(data):
            return
        yield kind, data[offset + 4:offset + size]
        offset += (size + 3) & ~3


def messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The netlink messages in ``data`` as (type, body)."""
    offset = 0
    while offset + HEADER <= len(data):
        size, kind = struct.unpack("=IH", data[offset:offset + 6])
        if size < HEADER or offset + size > len(data):
            return
        yield kind, data[offset + HEADER:offset + size]
        offset += (size + 3) & ~3


def parse_state(body: bytes, salt: bytes) -> dict | None:
    """One state: addresses, SPI, mark, reqid, and the salted hash of its key. IPv4 only."""
    if len(body) < STATE_SIZE or struct.unpack("=H", body[FAMILY:FAMILY + 2])[0] != socket.AF_INET:
        return None
    state = {
        "source": socket.inet_ntoa(body[SOURCE:SOURCE + 4]),
        "target": socket.inet_ntoa(body[ADDRESS:ADDRESS + 4]),
        "spi": "%08x" % struct.unpack("!I", body[SPI:SPI + 4])[0],
        "protocol": body[SPI + 4],
        "reqid": struct.unpack("=I", body[REQID:REQID + 4])[0],
        "mark": 0,
        "key": None,
    }
    for kind, value in attributes(body[STATE_SIZE:]):
        if kind == ATTR_AEAD and len(value) > 72:
            state["key"] = hmac.new(salt, value[72:], hashlib.sha256).hexdigest()[:16]
        elif kind == ATTR_MARK and len(value) >= 4:
            state["mark"] = struct.unpack("=I", value[:4])[0]
    return state


def dump(salt: bytes, seconds: float = 3.0) -> list[dict] | None:
    """Every IPv4 state of this namespace; None when this kernel has no IPsec over netlink."""
    states: list[dict] = []
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_XFRM) as channel:
            channel.settimeout(seconds)
            channel.send(struct.pack("=IHHII", HEADER, XFRM_MSG_GETSA, NLM_F_REQUEST_DUMP, 1, 0))
            while True:
                for kind, body in messages(channel.recv(65536)):
                    if kind in (NLMSG_DONE, NLMSG_ERROR):
                        return states
                    state = parse_state(body, salt) if kind == XFRM_MSG_NEWSA else None
                    if state:
                        states.append(state)
    except OSError:
        return None
