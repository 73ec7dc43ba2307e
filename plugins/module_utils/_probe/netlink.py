# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read links, addresses, neighbours, their tables, and forwarding entries of the current network namespace over netlink.

Private to swarmlab.overlay. Standard library only. Reads only.
"""

from __future__ import annotations

import socket
import struct
import typing as t

from . import shapes

T = t.TypeVar("T")

NETLINK_ROUTE = 0
REQUEST_DUMP = 0x301
ERROR, DONE = 2, 3
HEADER = 16
GET_LINK, GET_ADDRESS, GET_NEIGHBOUR, GET_TABLE = 18, 22, 30, 66
BRIDGE = 7
PERMANENT = 0x80
LINK_ADDRESS, LINK_NAME, LINK_MTU, LINK_QUEUE, LINK_INFO, LINK_PROTO_DOWN = 1, 3, 4, 6, 18, 39
LINK_UP, LINK_NO_ARP, LINK_LOWER_UP = 0x1, 0x80, 0x10000
NO_ARP, ISOLATED = "arp off", "isolated on"  # in the words of ip-link(8) and bridge(8)
ETHERNET = 1  # linux/if_arp.h
INFO_KIND, INFO_DATA, INFO_PORT_OF, INFO_PORT = 1, 2, 4, 5
# linux/if_link.h: attributes of a bridge's port; linux/if_bridge.h: its states, by number, of which the fourth passes packets.
PORT_STATE, PORT_UNICAST, PORT_BROADCAST, PORT_ISOLATED, PORT_LOCKED = 1, 9, 30, 33, 39
PORT_STATES, FORWARDING = ("disabled", "listening", "learning", "forwarding", "blocking"), 3
VXLAN_ID, VXLAN_PORT = 1, 15
ADDRESS_ANY, ADDRESS_LOCAL = 1, 2
NEIGHBOUR_TARGET, NEIGHBOUR_MAC = 1, 2
# linux/neighbour.h: attributes of a table, and where its entries and its refusals stand in ndt_config and ndt_stats.
TABLE_NAME, TABLE_MOST, TABLE_CONFIG, TABLE_COUNTS = 1, 4, 5, 7
ENTRIES_AT, REFUSED_AT = 4, 80


def attributes(data: bytes) -> t.Iterator[tuple[int, bytes]]:
    """The netlink attributes in ``data``."""
    offset = 0
    while offset + 4 <= len(data):
        size, kind = struct.unpack("=HH", data[offset : offset + 4])
        if size < 4 or offset + size > len(data):
            return
        yield kind & 0x3FFF, data[offset + 4 : offset + size]
        offset += (size + 3) & ~3


def messages(data: bytes) -> t.Iterator[tuple[int, bytes]]:
    """The netlink messages in ``data`` as (type, body)."""
    offset = 0
    while offset + HEADER <= len(data):
        size, kind = struct.unpack("=IH", data[offset : offset + 6])
        if size < HEADER or offset + size > len(data):
            return
        yield kind, data[offset + HEADER : offset + size]
        offset += (size + 3) & ~3


def dump(
    family: int, request: int, body: bytes, parse: t.Callable[[int, bytes], T | None], seconds: float = 3.0
) -> list[T] | None:
    """The results of ``parse`` for each message of a dump, without None.

    Returns None when the kernel does not know the family.
    """
    found: list[T] = []
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, family) as channel:
            channel.settimeout(seconds)
            channel.send(struct.pack("=IHHII", HEADER + len(body), request, REQUEST_DUMP, 1, 0) + body)
            while True:
                for kind, content in messages(channel.recv(1 << 18)):
                    if kind in (DONE, ERROR):
                        return found
                    row = parse(kind, content)
                    if row is not None:
                        found.append(row)
    except OSError:
        return None


def mac(data: bytes) -> str:
    """The usual text of a hardware address."""
    return ":".join(f"{byte:02x}" for byte in data)


def parse_link(_kind: int, body: bytes) -> shapes.Link | None:
    """Index, name, MTU in bytes, kind, state and queueing; VXLAN id and port of a VXLAN interface."""
    if len(body) < 16:
        return None
    index, flags = struct.unpack("=iI", body[4:12])
    link: shapes.Link = {"index": index, "name": "", "mtu": 0, "kind": "", "up": bool(flags & LINK_UP), "blocked": []}
    if flags & LINK_NO_ARP and struct.unpack("=H", body[2:4])[0] == ETHERNET:
        link["blocked"].append(NO_ARP)
    for kind, value in attributes(body[16:]):
        if kind == LINK_NAME:
            link["name"] = value.rstrip(b"\0").decode("utf-8", "replace")
        elif kind == LINK_MTU and len(value) == 4:
            link["mtu"] = struct.unpack("=I", value)[0]
        elif kind == LINK_ADDRESS:
            link["mac"] = mac(value)
        elif kind == LINK_QUEUE:
            link["queue"] = value.rstrip(b"\0").decode("ascii", "replace")
        elif kind == LINK_PROTO_DOWN and value == b"\1":
            link["blocked"].append("protodown on")
        elif kind == LINK_INFO:
            link.update(_link_info(value))
            link["blocked"] += _port(dict(attributes(value)), bool(flags & LINK_LOWER_UP))
    return link


def _port(info: dict[int, bytes], live: bool) -> list[str]:
    """What a port of a bridge does not pass, in the words of bridge(8). One without a carrier is always disabled."""
    if not live or info.get(INFO_PORT_OF) != b"bridge\0":
        return []
    told = {kind: value[0] for kind, value in attributes(info.get(INFO_PORT, b"")) if len(value) == 1}
    state = told.get(PORT_STATE, FORWARDING)
    found = [f"state {PORT_STATES[state] if state < len(PORT_STATES) else state}"] if state != FORWARDING else []
    found += [words for words, kind in ((ISOLATED, PORT_ISOLATED), ("locked on", PORT_LOCKED)) if told.get(kind)]
    ways = (("flood", PORT_UNICAST), ("bcast_flood", PORT_BROADCAST))
    return found + [f"{word} off" for word, kind in ways if told.get(kind) == 0]


def _link_info(data: bytes) -> shapes.LinkInfo:
    parts = dict(attributes(data))
    info: shapes.LinkInfo = {"kind": parts.get(INFO_KIND, b"").rstrip(b"\0").decode("ascii", "replace")}
    if info["kind"] == "vxlan":
        inner = dict(attributes(parts.get(INFO_DATA, b"")))
        if len(inner.get(VXLAN_ID, b"")) == 4:
            info["vni"] = struct.unpack("=I", inner[VXLAN_ID])[0]
        if len(inner.get(VXLAN_PORT, b"")) == 2:
            info["port"] = struct.unpack("!H", inner[VXLAN_PORT])[0]
    return info


def text_of(raw: bytes) -> str | None:
    """The text of an IPv4 or IPv6 address, by its length; None for anything else."""
    family = {4: socket.AF_INET, 16: socket.AF_INET6}.get(len(raw))
    return socket.inet_ntop(family, raw) if family else None


def parse_address(_kind: int, body: bytes) -> shapes.Address | None:
    """An address and the index of its link."""
    if len(body) < 8:
        return None
    parts = dict(attributes(body[8:]))
    address = text_of(parts.get(ADDRESS_LOCAL) or parts.get(ADDRESS_ANY) or b"")
    return {"index": struct.unpack("=I", body[4:8])[0], "address": address, "prefix": body[1]} if address else None


def parse_neighbour(_kind: int, body: bytes) -> shapes.Neighbour | None:
    """A neighbour or forwarding entry: link, state, target address, hardware address."""
    if len(body) < 12:
        return None
    parts = dict(attributes(body[12:]))
    return {
        "index": struct.unpack("=i", body[4:8])[0],
        "permanent": bool(struct.unpack("=H", body[8:10])[0] & PERMANENT),
        "target": text_of(parts.get(NEIGHBOUR_TARGET, b"")),
        "mac": mac(parts.get(NEIGHBOUR_MAC, b"")),
    }


def parse_table(_kind: int, body: bytes) -> shapes.NeighbourTable | None:
    """A table of neighbours; None for the rows about its devices."""
    parts = dict(attributes(body[4:]))
    config, counts = parts.get(TABLE_CONFIG, b""), parts.get(TABLE_COUNTS, b"")
    if TABLE_NAME not in parts or len(parts.get(TABLE_MOST, b"")) != 4 or len(config) < ENTRIES_AT + 4:
        return None
    return {
        "name": parts[TABLE_NAME].rstrip(b"\0").decode("ascii", "replace"),
        "entries": struct.unpack_from("=I", config, ENTRIES_AT)[0],
        "most": struct.unpack("=I", parts[TABLE_MOST])[0],
        "refused": struct.unpack_from("=Q", counts, REFUSED_AT)[0] if len(counts) >= REFUSED_AT + 8 else 0,
    }


def links() -> list[shapes.Link]:
    """Every link."""
    return dump(NETLINK_ROUTE, GET_LINK, bytes(16), parse_link) or []


def addresses() -> list[shapes.Address]:
    """Every address, of IPv4 and IPv6."""
    return dump(NETLINK_ROUTE, GET_ADDRESS, bytes(8), parse_address) or []


def neighbours(family: int = socket.AF_INET) -> list[shapes.Neighbour]:
    """Every neighbour of one family."""
    return dump(NETLINK_ROUTE, GET_NEIGHBOUR, struct.pack("=B15x", family), parse_neighbour) or []


def forwarding() -> list[shapes.Neighbour]:
    """Every forwarding entry of bridges and VXLANs."""
    return dump(NETLINK_ROUTE, GET_NEIGHBOUR, struct.pack("=B15x", BRIDGE), parse_neighbour) or []


def neighbour_tables() -> list[shapes.NeighbourTable]:
    """The kernel's tables of neighbours, which all network namespaces share; /proc shows them in the first one only."""
    return dump(NETLINK_ROUTE, GET_TABLE, bytes(4), parse_table) or []
