# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of a lab: their options, and their effect on each direction of traffic. Pure.

Private to the collection swarmlab.overlay.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
import typing as t

from .options import bad, label, reject_unknown

KINDS = ("cut", "one_way", "partition", "impair", "freeze", "kill")
PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17, "esp": 50}
MAX_SECONDS = 3600
MAX_DELAY = 10000  # milliseconds
DEFAULTS: dict[str, t.Any] = {
    "name": None,  # the kind
    "kind": None,
    "nodes": [],
    "from": [],
    "to": [],
    "groups": [],
    "protocol": None,
    "port": None,
    "loss": 0,  # per cent
    "delay": 0,  # milliseconds
    "jitter": 0,  # milliseconds
    "seconds": 60,
}
# The required and the optional parameters of each kind.
NEEDS = {
    "cut": ("nodes",),
    "one_way": ("from",),
    "partition": ("groups",),
    "impair": ("nodes",),
    "freeze": ("nodes",),
    "kill": ("nodes",),
}
TAKES = {
    "cut": ("protocol", "port"),
    "one_way": ("to", "protocol", "port"),
    "partition": (),
    "impair": ("protocol", "port", "loss", "delay", "jitter"),
    "freeze": (),
    "kill": (),
}

TABLE_PREFIX = "swarmlab_fault_"
FAMILY = "inet"  # the tables' family: the segment may use either IP version

Side = list[str] | None  # None: every node


@dataclasses.dataclass(frozen=True)
class FaultSpec:
    """A valid fault. Links are pairs (from, to) of lists of node names, or None for every node."""

    name: str
    kind: str
    nodes: tuple[str, ...]
    links: tuple[tuple[Side, Side], ...]
    loss: float  # share
    delay: float  # seconds
    jitter: float  # seconds
    protocol: int | None
    port: int | None
    seconds: float

    @property
    def for_switch(self) -> dict[str, t.Any]:
        """The fault in the format of the lab's switch (see ``switch.parse_fault``)."""
        return {
            "name": self.name,
            "seconds": self.seconds,
            "links": [list(link) for link in self.links],
            "loss": self.loss,
            "delay": self.delay,
            "jitter": self.jitter,
            "protocol": self.protocol,
            "port": self.port,
            "frozen": list(self.nodes) if self.kind == "freeze" else [],
        }


def parse(options: t.Any, known: t.Collection[str]) -> FaultSpec:
    """Validate one fault. ``known`` are the names of the lab's nodes. Raises LabError."""
    if not isinstance(options, t.Mapping):
        raise bad("faults", f"{options!r} is not a dictionary")
    reject_unknown(options, DEFAULTS, "faults.")
    given = {**DEFAULTS, **{key: value for key, value in options.items() if value is not None}}
    kind = given["kind"]
    if kind not in KINDS:
        raise bad("faults.kind", f"{kind!r} is not one of {', '.join(KINDS)}")
    for key in NEEDS[kind]:
        if not given[key]:
            raise bad(f"faults.{key}", f"a fault of kind '{kind}' needs it")
    allowed = {"name", "kind", "seconds", *NEEDS[kind], *TAKES[kind]}
    for key, value in given.items():
        if value != DEFAULTS[key] and key not in allowed:
            raise bad(f"faults.{key}", f"a fault of kind '{kind}' does not take it")
    name = label("faults.name", str(given["name"] or kind))
    protocol = _protocol(given["protocol"])
    port = None if given["port"] is None else int(_number("port", given["port"], 1, 65535))
    if port is not None and protocol not in (PROTOCOLS["tcp"], PROTOCOLS["udp"]):
        raise bad("faults.port", "a port needs protocol tcp or udp")
    nodes = _nodes("nodes", given["nodes"], known)
    loss = _number("loss", given["loss"], 0, 100)
    delay = _number("delay", given["delay"], 0, MAX_DELAY)
    jitter = _number("jitter", given["jitter"], 0, MAX_DELAY)
    if kind == "impair" and not (loss or delay or jitter):
        raise bad("faults.impair", "it needs loss (per cent), delay or jitter (milliseconds)")
    return FaultSpec(
        name=name,
        kind=kind,
        nodes=tuple(nodes),
        links=tuple(_links(kind, given, nodes, known)),
        loss=loss / 100 if kind == "impair" else 1.0,
        delay=delay / 1000,
        jitter=jitter / 1000,
        protocol=protocol,
        port=port,
        seconds=_number("seconds", given["seconds"], 1, MAX_SECONDS),
    )


def _links(
    kind: str, given: t.Mapping[str, t.Any], nodes: list[str], known: t.Collection[str]
) -> list[tuple[Side, Side]]:
    if kind in ("cut", "impair"):
        return [(nodes, None), (None, nodes)]
    if kind == "one_way":
        return [(_nodes("from", given["from"], known), _nodes("to", given["to"], known) or None)]
    if kind == "partition":
        groups = given["groups"]
        if not isinstance(groups, (list, tuple)) or len(groups) < 2:
            raise bad("faults.groups", "it is not a list of two or more lists of nodes")
        sides = [_nodes("groups", group, known) for group in groups]
        if len({name for side in sides for name in side}) != sum(len(side) for side in sides) or not all(sides):
            raise bad("faults.groups", "a group is empty, or a node is in two of them")
        return list(itertools.permutations(sides, 2))
    return []


def _nodes(key: str, value: t.Any, known: t.Collection[str]) -> list[str]:
    names: list[t.Any] = (
        [value] if isinstance(value, str) else list(value) if isinstance(value, (list, tuple)) else [None]
    )
    for name in names:
        if name not in known:
            raise bad(f"faults.{key}", f"{name!r} is not a node of this lab, which has {', '.join(known)}")
    return names


def _protocol(value: t.Any) -> int | None:
    if value is None:
        return None
    if str(value) in PROTOCOLS:
        return PROTOCOLS[str(value)]
    if re.fullmatch(r"[0-9]{1,3}", str(value)) and int(value) < 256:
        return int(value)
    raise bad("faults.protocol", f"{value!r} is neither a number of an IP protocol nor one of {', '.join(PROTOCOLS)}")


def _number(key: str, value: t.Any, low: float, high: float) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if isinstance(value, bool) or not low <= number <= high:
        raise bad(f"faults.{key}", f"{value!r} is not a number between {low} and {high}")
    return number


def nftables(fault: FaultSpec, node: str, addresses: t.Mapping[str, str], interface: str) -> str:
    """Commands for nft(8) on a container node: traffic that it must not receive. Empty when there is none.

    Only incoming traffic is filtered, on every node, so that each direction is cut at its receiving end. Loss and
    protocols are supported; delays are not, because nftables cannot hold a packet back.
    """
    rules = []
    for sources, targets in fault.links:
        if targets is not None and node not in targets:
            continue
        senders = [
            address for name, address in addresses.items() if name != node and (sources is None or name in sources)
        ]
        if not senders:
            continue
        family = "ip6" if ":" in senders[0] else "ip"
        words = [f'iifname "{interface}"', f"{family} saddr {{ {', '.join(senders)} }}"]
        if fault.protocol is not None:
            words.append(f"meta l4proto {fault.protocol}")
        chance = [f"numgen random mod 10000 < {round(fault.loss * 10000)}"] if fault.loss < 1 else []
        for end in ("th sport", "th dport") if fault.port is not None else ("",):
            match = [f"{end} {fault.port}"] if end else []
            rules.append(" ".join([*words, *match, *chance, "counter drop"]))
    if not rules:
        return ""
    table = table_name(fault.name)
    chain = "".join(f"    {rule}\n" for rule in rules)
    return (
        f"table {FAMILY} {table}\ndelete table {FAMILY} {table}\ntable {FAMILY} {table} {{\n"
        f"  chain receive {{\n    type filter hook prerouting priority -400; policy accept;\n{chain}  }}\n}}\n"
    )


def table_name(fault: str) -> str:
    """Name of the table of a fault. Dots and hyphens, which table names cannot have, are encoded."""
    return TABLE_PREFIX + re.sub(r"[._-]", lambda found: f"_{ord(found.group()):02x}", fault)


def fault_tables(listing: str) -> dict[str, str]:
    """Tables of faults, with the faults' names, in the output of 'nft list tables'."""
    tables = re.findall(rf"^table {FAMILY} ({TABLE_PREFIX}\S+)$", listing, re.MULTILINE)
    return {
        table: re.sub(r"_([0-9a-f]{2})", lambda found: chr(int(found.group(1), 16)), table[len(TABLE_PREFIX) :])
        for table in tables
    }
