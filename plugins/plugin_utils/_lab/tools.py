# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Queries to this machine: programs, memory, space, files.

Private to the collection swarmlab.overlay.
"""

from __future__ import annotations

import ipaddress
import os
import re
import shutil
import typing as t
from pathlib import Path

from ...module_utils._host import ROUTES, parse_routes, read_text
from .errors import LabError

ROUTES6 = "/proc/net/ipv6_route"
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
SBIN = ("/usr/sbin", "/sbin")


def find_tool(name: str) -> str | None:
    """A program's path, also from the administrators' folders, which users' PATH often lacks."""
    return shutil.which(name) or shutil.which(name, path=os.pathsep.join(SBIN))


def require_tools(tools: t.Mapping[str, tuple[str, str]]) -> None:
    """Raise LabError unless every program in ``tools`` (name: (package, purpose)) is installed."""
    for name, (package, purpose) in tools.items():
        if find_tool(name) is None:
            raise LabError("LAB-E-NOTOOL", tool=name, package=package, purpose=purpose)


def free_mib(folder: Path) -> int:
    """MiB that this user can still write below ``folder``, which need not exist yet."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free // 2**20


def available_memory_mib(meminfo: str | None = None) -> int:
    """MemAvailable of /proc/meminfo in MiB: the memory that programs can use without swapping."""
    text = meminfo if meminfo is not None else Path("/proc/meminfo").read_text(encoding="ascii")
    match = re.search(r"^MemAvailable:\s+(\d+) kB", text, re.MULTILINE)
    return int(match.group(1)) // 1024 if match else 0


def interfaces_within(network: Network, routes: str | None = None) -> list[str]:
    """Network interfaces of this machine with a route to ``network`` or a part of it."""
    text = routes if routes is not None else read_text(ROUTES if network.version == 4 else ROUTES6)
    found = (
        _routes6(text) if network.version == 6 else [(route.network, route.interface) for route in parse_routes(text)]
    )
    return sorted({interface for target, interface in found if _within(ipaddress.ip_network(target), network)})


def _within(inner: Network, outer: Network) -> bool:
    if isinstance(inner, ipaddress.IPv4Network):
        return isinstance(outer, ipaddress.IPv4Network) and inner.subnet_of(outer)
    return isinstance(outer, ipaddress.IPv6Network) and inner.subnet_of(outer)


def _routes6(text: str) -> list[tuple[str, str]]:
    """(network, interface) of each line of /proc/net/ipv6_route."""
    lines = [line.split() for line in text.splitlines()]
    return [
        (f"{ipaddress.IPv6Address(int(fields[0], 16))}/{int(fields[1], 16)}", fields[-1])
        for fields in lines
        if len(fields) == 10
    ]


def used_bytes(folder: Path) -> int:
    """The disk space of a folder's files in bytes. Files that vanish meanwhile count as zero."""
    total = 0
    for root, unused, files in os.walk(folder):
        for name in files:
            try:
                total += os.lstat(os.path.join(root, name)).st_blocks * 512
            except FileNotFoundError:
                continue
    return total


def read_end(path: Path, limit: int) -> bytes:
    """At most the last ``limit`` bytes of a file."""
    with path.open("rb") as stream:
        stream.seek(0, os.SEEK_END)
        stream.seek(max(0, stream.tell() - limit))
        return stream.read()


def tail(path: Path, lines: int) -> str:
    """The last non-empty lines of a text file, joined, without control characters."""
    try:
        text = read_end(path, 8192).decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f]", "", text)
    return " | ".join([line.strip() for line in text.splitlines() if line.strip()][-lines:])


def write_private(path: Path, content: str | bytes) -> None:
    """Replace a file atomically by one that only its owner can read."""
    data = content.encode() if isinstance(content, str) else content
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
    temporary.replace(path)
