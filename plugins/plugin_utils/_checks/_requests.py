# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ids of requests that several checks or the diagnosis read, as values with fields. Pure.

Private to swarmlab.overlay. Nodes treat an id as text. A check with ids that only itself reads builds them itself.
"""

from __future__ import annotations

import typing as t

KINDS = ("icmp", "tcp", "udp")  # kinds of direct requests inside a network
PORTS, CALLS, MATRIX = (
    "PRE-PORT",
    "CP-TLS",
    "DP-MATRIX",
)  # the checks that probe ports, that call managers, and that try every path


class Path(t.NamedTuple):
    """A request from a host to the probe of another host, on a network."""

    check: str
    network: str  # the beginning of its id
    target: str
    kind: str

    def __str__(self) -> str:
        return "/".join(self)


class Knock(t.NamedTuple):
    """A request from a host to a swarm port of another host."""

    kind: str
    number: int
    target: str

    def __str__(self) -> str:
        return f"{PORTS}/{self.kind}/{self.number}/{self.target}"


class Call(t.NamedTuple):
    """A call from a host to a manager, without a certificate."""

    address: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{CALLS}/{host}:{self.port}"


def short(network: t.Mapping[str, t.Any]) -> str:
    """A network's short id, as used in ids of requests."""
    return str(network["id"])[:12]


def path(text: str) -> Path | None:
    """The path in an id; None for another kind of id."""
    parts = text.split("/")
    return Path(*parts) if len(parts) == 4 and parts[3] in KINDS and parts[0] != PORTS else None


def knock(text: str) -> Knock | None:
    """The port request in an id; None for another kind of id."""
    parts = text.split("/")
    return Knock(parts[1], int(parts[2]), parts[3]) if len(parts) == 4 and parts[0] == PORTS else None


def call(text: str) -> Call | None:
    """The call in an id; None for another kind of id."""
    check, dummy, address = text.partition("/")
    return manager(address) if check == CALLS else None


def manager(address: str) -> Call:
    """The call to a manager's address in swarm's notation: '10.0.0.1:2377', '[fd00::1]:2377'."""
    host, dummy, port = address.rpartition(":")
    return Call(host.strip("[]"), int(port))
