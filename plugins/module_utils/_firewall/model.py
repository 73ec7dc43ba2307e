# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The openings, a tool's steps for them, and the refusals. Private to this collection, standard library only."""

from __future__ import annotations

import ipaddress
import typing as t

from .._terms import GOSSIP_PORT

MARK = "swarmlab.overlay"
DATA_PATH_PORTS = (1024, 49151)
TOOLS = ("firewalld", "ufw", "nftables", "iptables")


class Refusal(Exception):
    """The reason to change nothing: what is wrong, where, and what to do."""


class Wanted(t.NamedTuple):
    """The nodes' addresses, and the local ports that they may reach: (protocol, ports), ESP without ports."""

    addresses: tuple[str, ...]
    ports: tuple[tuple[str, tuple[int, ...]], ...]

    def of(self, version: int) -> tuple[str, ...]:
        """The addresses of one IP version."""
        return tuple(address for address in self.addresses if ipaddress.ip_address(address).version == version)


class Command(t.NamedTuple):
    """A program to run, and its standard input."""

    argv: tuple[str, ...]
    text: str = ""


class Plan(t.NamedTuple):
    """A tool's steps: files first, then commands. C(before) and C(after) are our rules in words."""

    files: tuple[tuple[str, str | None], ...] = ()
    commands: tuple[Command, ...] = ()
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        return bool(self.files or self.commands)


NOTHING = Plan()


def wanted(addresses: t.Iterable[str], manager: bool, listen_port: int, data_path_port: int) -> Wanted:
    """The openings for the nodes. Raises C(Refusal) for a port that no swarm can have."""
    low, high = DATA_PATH_PORTS
    if not low <= data_path_port <= high:
        raise Refusal(f"data_path_port is {data_path_port}; it must lie between {low} and {high}")
    if not 1 <= listen_port <= 65535:
        raise Refusal(f"listen_port is {listen_port}; it must lie between 1 and 65535")
    tcp = tuple(sorted({listen_port, GOSSIP_PORT} if manager else {GOSSIP_PORT}))
    udp = tuple(sorted({GOSSIP_PORT, data_path_port}))
    return Wanted(ordered(addresses), (("tcp", tcp), ("udp", udp), ("esp", ())))


def ordered(addresses: t.Iterable[str]) -> tuple[str, ...]:
    """Each address once, in its canonical form, IPv4 first."""
    known = {ipaddress.ip_address(address) for address in addresses}
    return tuple(str(address) for address in sorted(known, key=lambda address: (address.version, int(address))))


def nft_rules(wanted: Wanted, families: t.Iterable[int] = (4, 6)) -> list[str]:
    """The rules in nft's notation, which a refusal lists too."""
    rows = []
    for version in families:
        addresses = wanted.of(version)
        if not addresses:
            continue
        source = f"{'ip' if version == 4 else 'ip6'} saddr {{ {', '.join(addresses)} }}"
        for protocol, ports in wanted.ports:
            match = (
                f"{protocol} dport {{ {', '.join(str(port) for port in ports)} }}"
                if ports
                else f"meta l4proto {protocol}"
            )
            rows.append(f"{source} {match} accept")
    return rows


def by_hand(wanted: Wanted) -> str:
    """The end of a refusal: the rules to add by hand."""
    rules = "; ".join(nft_rules(wanted))
    return (
        f"Nothing was changed. To open the firewall by hand, add these rules (nft syntax): {rules}"
        if rules
        else "Nothing was changed."
    )
