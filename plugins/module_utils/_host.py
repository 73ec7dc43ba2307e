# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's host: kernel modules and routes. Private to this collection."""

from __future__ import annotations

import ipaddress
import os
import re
import socket
import struct
import typing as t

MODULES_LOAD = "/etc/modules-load.d/swarmlab-overlay.conf"
ROUTES = "/proc/net/route"
ROUTE_UP, ROUTE_GATEWAY = 0x1, 0x2  # include/uapi/linux/route.h


class HostError(Exception):
    """A problem of the host, in one sentence that says what to do."""

    @property
    def message(self) -> str:
        """The sentence, with one full stop."""
        return str(self).rstrip(".") + "."


def require_root() -> None:
    """Raise HostError unless this runs as root."""
    if os.geteuid() != 0:
        raise HostError(
            f"On {socket.gethostname()} this runs as user id {os.geteuid()}, and needs root: use 'become: true'. Nothing was changed"
        )


def refuse_times(options: t.Mapping[str, t.Any]) -> None:
    """Raise HostError for a time limit below 0 seconds, and for a call to the engine that may take none."""
    for name, value in options.items():
        least = 1 if name == "engine_timeout" else 0
        if name.endswith("timeout") and isinstance(value, int) and value < least:
            raise HostError(f"{name} is {value}, and must be at least {least} (seconds). Nothing was changed")


def loaded_kernel_modules(proc_modules: str, builtin: str) -> set[str]:
    """Names of the modules that are loaded or built in.

    :param proc_modules: text of /proc/modules
    :param builtin: text of modules.builtin of the running kernel
    """
    loaded = {line.split()[0] for line in proc_modules.splitlines() if line.strip()}
    built_in = {os.path.basename(line.strip()).split(".")[0] for line in builtin.splitlines() if line.strip()}
    return {name.replace("-", "_") for name in loaded | built_in}


def missing_kernel_modules(wanted: list[str], there: set[str]) -> list[str]:
    """The wanted modules that are missing, in the given order."""
    return [name for name in wanted if name.replace("-", "_") not in there]


def kernel_modules_package(missing: t.Sequence[str], os_release: str, release: str) -> str:
    """The package with the rarely used modules of the running kernel.

    Empty when none is missing, or when the distribution has a single package for all modules.

    :param os_release: text of /etc/os-release
    :param release: the running kernel's release
    """
    ids = set(" ".join(re.findall(r"(?m)^ID(?:_LIKE)?=[\"']?([^\"'\n]*)", os_release)).split())
    if missing and ids & {"rhel", "fedora", "centos"}:
        return f"kernel-modules-extra-{release}"
    if missing and "ubuntu" in ids:
        return f"linux-modules-extra-{release}"
    return ""


class Route(t.NamedTuple):
    """An IPv4 route: destination, interface, and whether it has no gateway."""

    network: str
    interface: str
    direct: bool


def parse_routes(text: str) -> list[Route]:
    """The active routes in /proc/net/route without the default. Its numbers have the machine's byte order (proc(5))."""
    found = []
    for fields in (line.split() for line in text.splitlines()[1:]):
        flags, mask = (int(fields[3], 16), int(fields[7], 16)) if len(fields) > 7 else (0, 0)
        if flags & ROUTE_UP and mask:
            target = socket.inet_ntoa(struct.pack("=I", int(fields[1], 16)))
            found.append(Route(f"{target}/{bin(mask).count('1')}", fields[0], not flags & ROUTE_GATEWAY))
    return found


def leads_out(text: str) -> bool:
    """Whether an active default route is in /proc/net/route, or the two halves that programs of VPNs set instead."""
    rows = [line.split() for line in text.splitlines()[1:]]
    wide = {(fields[1], fields[7]) for fields in rows if len(fields) > 7 and int(fields[3], 16) & ROUTE_UP}
    return any(int(mask, 16) == 0 or bin(int(mask, 16)).count("1") == 1 for _target, mask in wide)


def parse_nameservers(text: str) -> list[str]:
    """The name servers' addresses in a resolv.conf, as in resolv.conf(5) and the engine. Comments may follow."""
    found = []
    for fields in (re.split(r"[#;]", line)[0].split() for line in text.splitlines()):
        if len(fields) < 2 or fields[0] != "nameserver":
            continue
        try:
            found.append(str(ipaddress.ip_address(fields[1].partition("%")[0])))
        except ValueError:
            continue  # the resolver skips it too
    return found


def split_port(text: str) -> tuple[str, str]:
    """Address and port of ``10.0.0.1:2377``, ``[fd00::1]:2377``, ``eth0`` or ``fd00::1``; the port may be empty."""
    if text.startswith("["):
        host, _bracket, rest = text[1:].partition("]")
        return host, rest.lstrip(":")
    host, colon, port = text.rpartition(":")
    return (host, port) if colon and ":" not in host else (text, "")


def read_text(path: str) -> str:
    """The file's text; empty when there is no such file."""
    try:
        with open(path, encoding="utf-8") as handle:
            return handle.read()
    except FileNotFoundError:
        return ""


def read_bytes(path: str) -> bytes | None:
    """The file's bytes; None when there is no such file."""
    try:
        with open(path, "rb") as handle:
            return handle.read()
    except FileNotFoundError:
        return None
