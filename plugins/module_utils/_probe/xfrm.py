# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the kernel's IPsec states over netlink. Keys leave this file only as salted hashes.

Private to swarmlab.overlay. Standard library only.
"""

from __future__ import annotations

import hashlib
import hmac
import socket
import struct

from . import netlink, shapes

NETLINK_XFRM = 6
XFRM_MSG_NEWSA = 0x10
XFRM_MSG_GETSA = 0x12
XFRM_MSG_NEWPOLICY = 0x13
XFRM_MSG_GETPOLICY = 0x15
STATE_SIZE = 224
ATTR_TEMPLATE = 5
ATTR_AEAD = 18
ATTR_MARK = 21
ADDRESS, SPI, SOURCE, REQID, FAMILY = 56, 72, 80, 208, 212
POLICY_SIZE = 168
POLICY_PORT, POLICY_FAMILY, POLICY_DIRECTION = 32, 40, 160


def _address_size(body: bytes, offset: int) -> int:
    """The length in bytes of the address family at this offset; 0 for any other than IPv4 and IPv6."""
    return {socket.AF_INET: 4, socket.AF_INET6: 16}.get(struct.unpack("=H", body[offset : offset + 2])[0], 0)


def parse_state(body: bytes, salt: bytes) -> shapes.State | None:
    """One state: addresses, SPI, mark, reqid, and the salted hash of its key."""
    size = _address_size(body, FAMILY) if len(body) >= STATE_SIZE else 0
    if not size:
        return None
    state: shapes.State = {
        "source": netlink.text_of(body[SOURCE : SOURCE + size]),
        "target": netlink.text_of(body[ADDRESS : ADDRESS + size]),
        "spi": f"{struct.unpack('!I', body[SPI : SPI + 4])[0]:08x}",
        "protocol": body[SPI + 4],
        "reqid": struct.unpack("=I", body[REQID : REQID + 4])[0],
        "mark": 0,
        "key": None,
    }
    for kind, value in netlink.attributes(body[STATE_SIZE:]):
        if kind == ATTR_AEAD and len(value) > 72:
            state["key"] = hmac.new(salt, value[72:], hashlib.sha256).hexdigest()[:16]
        elif kind == ATTR_MARK and len(value) >= 4:
            state["mark"] = struct.unpack("=I", value[:4])[0]
    return state


def parse_policy(body: bytes) -> shapes.Policy | None:
    """One policy: direction, target, port, mark, and the state that it requires."""
    size = _address_size(body, POLICY_FAMILY) if len(body) >= POLICY_SIZE else 0
    if not size:
        return None
    policy: shapes.Policy = {
        "target": netlink.text_of(body[:size]),
        "port": struct.unpack("!H", body[POLICY_PORT : POLICY_PORT + 2])[0],
        "out": body[POLICY_DIRECTION] == 1,
        "mark": 0,
        "spi": None,
        "reqid": None,
    }
    for kind, value in netlink.attributes(body[POLICY_SIZE:]):
        if kind == ATTR_MARK and len(value) >= 4:
            policy["mark"] = struct.unpack("=I", value[:4])[0]
        elif kind == ATTR_TEMPLATE and len(value) >= 48:
            policy["target"] = netlink.text_of(value[:size])
            policy["spi"] = f"{struct.unpack('!I', value[16:20])[0]:08x}"
            policy["reqid"] = struct.unpack("=I", value[44:48])[0]
    return policy


def dump(salt: bytes) -> list[shapes.State] | None:
    """Every state of this namespace; None when this kernel has no IPsec over netlink."""
    return netlink.dump(
        NETLINK_XFRM,
        XFRM_MSG_GETSA,
        b"",
        lambda kind, body: parse_state(body, salt) if kind == XFRM_MSG_NEWSA else None,
    )


def policies() -> list[shapes.Policy] | None:
    """Every policy of this namespace; None when this kernel has no IPsec over netlink."""
    return netlink.dump(
        NETLINK_XFRM,
        XFRM_MSG_GETPOLICY,
        b"",
        lambda kind, body: parse_policy(body) if kind == XFRM_MSG_NEWPOLICY else None,
    )
