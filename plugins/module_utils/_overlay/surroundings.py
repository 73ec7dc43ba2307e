# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The surroundings of the overlays on this node: routes, resolvers, and the interface that carries them."""

from __future__ import annotations

import fcntl
import os
import re
import socket
import struct
import typing as t

from .._daemon import settings
from .._engine.transport import Raw
from .._host import ROUTES, HostError, Route, parse_nameservers, parse_routes, read_bytes, read_text

RESOLVERS = ("/etc/resolv.conf", "/run/systemd/resolve/resolv.conf")
SIOCGIFADDR = 0x8915
INTERFACE_NAME_BYTES = 15
# Bridges of the engine's own networks, which are compared as networks.
ENGINE_INTERFACES = re.compile(r"docker0|docker_gwbridge|br-[0-9a-f]{12}|veth.*")


class Surroundings(t.NamedTuple):
    """Addresses that an overlay should not overlap: this node's own, and those given for the other nodes."""

    routes: tuple[Route, ...] = ()
    nameservers: tuple[str, ...] = ()
    nodes: tuple[tuple[str, str], ...] = ()
    avoid: tuple[str, ...] = ()
    # The resolvers that daemon.json sets for all containers of this node.
    engine_resolvers: tuple[str, ...] = ()


def look_around(docker_host: str, nodes: t.Iterable[Raw], avoid: t.Iterable[str]) -> Surroundings:
    """This node's routes and resolvers (if the engine is local), the addresses of all nodes, and the given ranges."""
    addresses = tuple(
        sorted(
            ((node.get("Description") or {}).get("Hostname") or node["ID"], address)
            for node in nodes
            for address in [(node.get("Status") or {}).get("Addr")]
            if address and address != "0.0.0.0"
        )
    )
    if not docker_host.startswith("unix://"):
        return Surroundings((), (), addresses, tuple(avoid))
    servers = [server for path in RESOLVERS for server in resolvers(read_text(path))]
    return Surroundings(
        tuple(own_routes(read_text(ROUTES))),
        tuple(dict.fromkeys(servers)),
        addresses,
        tuple(avoid),
        engine_resolvers(read_bytes(settings.CONFIG_FILE) or b""),
    )


def own_routes(text: str) -> list[Route]:
    """The node's own routes in /proc/net/route, without the default and those to the engine's bridges."""
    return [route for route in parse_routes(text) if not ENGINE_INTERFACES.fullmatch(route.interface)]


def engine_resolvers(content: bytes) -> tuple[str, ...]:
    """The IPv4 resolvers in a daemon.json. A file that cannot be parsed yields none; module engine reports it."""
    try:
        declared = settings.parse(settings.decode(content)).get("dns")
    except HostError:
        return ()
    given = [address for address in declared if isinstance(address, str)] if isinstance(declared, list) else []
    return tuple(dict.fromkeys(resolvers("\n".join(f"nameserver {address}" for address in given))))


def resolvers(text: str) -> list[str]:
    """The IPv4 resolvers of a resolv.conf, without those on the node itself."""
    return [server for server in parse_nameservers(text) if ":" not in server and not server.startswith("127.")]


def underlay(address: str) -> dict[str, t.Any]:
    """The interface of this node that has the address, and its MTU in bytes; both None when there is none."""
    for interface in sorted(os.listdir("/sys/class/net")):
        if _interface_address(interface) == address:
            mtu = read_text(f"/sys/class/net/{interface}/mtu").strip()
            return {"address": address, "interface": interface, "mtu": int(mtu) if mtu.isdigit() else None}
    return {"address": address or None, "interface": None, "mtu": None}


def _interface_address(interface: str) -> str | None:
    request = struct.pack("256s", interface.encode()[:INTERFACE_NAME_BYTES])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        try:
            return socket.inet_ntoa(fcntl.ioctl(asker.fileno(), SIOCGIFADDR, request)[20:24])
        except OSError:
            # an interface without an IPv4 address
            return None
