# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""firewalld: rich rules in the zones of the nodes' traffic.

A zone or an ipset of our own would need a reload to take effect. A zone with the nodes as sources would take them out
of their present zones, together with everything that is open for them there. Rich rules have no comment, so ours are
recognised by their priority, which also puts them before a zone's deny rules. Private to this collection, standard
library only.
"""

from __future__ import annotations

import ipaddress
import re
import typing as t

from .model import Command, Plan, Refusal, Wanted

PRIORITY = -7946
MODES = (("runtime", ()), ("permanent", ("--permanent",)))
OPEN = "ACCEPT"


class Zone(t.NamedTuple):
    """One zone in the output of C(firewall-cmd --list-all-zones)."""

    target: str
    interfaces: tuple[str, ...]
    sources: tuple[str, ...]
    rules: tuple[str, ...]


class Seen(t.NamedTuple):
    """The zones now and after a reload, the default zone, and the interface on the route to each address."""

    runtime: dict[str, Zone]
    permanent: dict[str, Zone]
    default: str
    routes: dict[str, str]


def zones(text: str) -> dict[str, Zone]:
    """Parse the output of C(firewall-cmd --list-all-zones)."""
    found = {}
    for block in re.split(r"\n(?=\S)", text.strip("\n")):
        name, _line, rest = block.partition("\n")
        fields = dict(re.findall(r"(?m)^  ([a-z-]+): ?(.*)$", rest))
        rules = re.findall(r"(?m)^\s+(rule .*\S)\s*$", rest)
        if name.strip():
            found[name.split()[0]] = Zone(
                fields.get("target", ""),
                tuple(fields.get("interfaces", "").split()),
                tuple(fields.get("sources", "").split()),
                tuple(rules),
            )
    return found


def rule(address: str, protocol: str, port: int | None) -> str:
    """One of our rich rules, in firewalld's own notation."""
    family = f"ipv{ipaddress.ip_address(address).version}"
    what = f'protocol value="{protocol}"' if port is None else f'port port="{port}" protocol="{protocol}"'
    return f'rule priority="{PRIORITY}" family="{family}" source address="{address}" {what} accept'


def is_ours(text: str) -> bool:
    return f'priority="{PRIORITY}"' in text


def zone_of(address: str, seen: Seen) -> str:
    """The zone that packets of this address enter by: a source takes precedence over the interface."""
    for name, zone in sorted(seen.runtime.items()):
        if any(_holds(source, address) for source in zone.sources):
            return name
    device = seen.routes.get(address, "")
    return next(
        (name for name, zone in sorted(seen.runtime.items()) if device and device in zone.interfaces), seen.default
    )


def _holds(source: str, address: str) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(source, strict=False)
    except ValueError:  # a MAC address, or the name of an ipset
        return False


def rules(wanted: Wanted, seen: Seen) -> dict[str, list[str]]:
    """Our rules by zone. An address of this host enters by no interface and needs no rule."""
    found: dict[str, list[str]] = {}
    for address in wanted.addresses:
        name = zone_of(address, seen)
        if seen.routes.get(address) == "lo" or seen.runtime.get(name, Zone("", (), (), ())).target == OPEN:
            continue
        found.setdefault(name, []).extend(
            rule(address, protocol, port) for protocol, ports in wanted.ports for port in (ports or (None,))
        )
    return found


def held(seen: Seen) -> list[str]:
    """The addresses in our present rules."""
    return [
        address
        for there in (seen.runtime, seen.permanent)
        for zone in there.values()
        for text in zone.rules
        if is_ours(text)
        for address in re.findall(r'source address="([^"]+)"', text)
    ]


def plan(wanted: Wanted | None, seen: Seen) -> Plan:
    """firewalld's commands for the running and the permanent configuration, without a reload."""
    after = rules(wanted, seen) if wanted else {}
    commands: list[Command] = []
    words: dict[str, list[str]] = {"before": [], "after": []}
    for mode, option in MODES:
        there = seen.runtime if mode == "runtime" else seen.permanent
        unknown = sorted(set(after) - set(there))
        if unknown:
            raise Refusal(
                f"firewalld's zone {', '.join(unknown)} is not permanent: save it (firewall-cmd --runtime-to-permanent)"
            )
        for name in sorted(there):
            ours = [text for text in there[name].rules if is_ours(text)]
            goal = after.get(name, [])
            commands += _commands(option, name, "--add-rich-rule", [text for text in goal if text not in ours])
            commands += _commands(option, name, "--remove-rich-rule", [text for text in ours if text not in goal])
            words["before"] += [f"{mode}, zone {name}: {text}" for text in sorted(ours)]
            words["after"] += [f"{mode}, zone {name}: {text}" for text in sorted(goal)]
    return Plan((), tuple(commands), tuple(words["before"]), tuple(words["after"]))


def _commands(option: tuple[str, ...], zone: str, act: str, texts: list[str]) -> list[Command]:
    return [Command(("firewall-cmd", *option, f"--zone={zone}", *(f"{act}={text}" for text in texts)))] if texts else []


def offline(permanent: t.Mapping[str, str]) -> Plan:
    """Remove our rules while firewalld does not run. C(permanent) holds the XML of its zones by name."""
    commands: list[Command] = []
    before: list[str] = []
    for name, text in sorted(permanent.items()):
        ours = [_from_xml(block) for block in re.findall(r"<rule\b.*?</rule>", text, re.DOTALL) if is_ours(block)]
        before += [f"permanent, zone {name}: {line}" for line in sorted(ours)]
        commands += [Command(("firewall-offline-cmd", f"--zone={name}", f"--remove-rich-rule={line}")) for line in ours]
    return Plan((), tuple(commands), tuple(before))


def _from_xml(block: str) -> str:
    """The text of a rich rule of ours in a C(rule) element."""
    address = re.search(r'<source address="([^"]+)"', block)
    port = re.search(r"<port\b([^>]*)>", block)
    protocol = re.search(r'protocol="(\w+)"', port.group(1)) if port else re.search(r'<protocol value="(\w+)"', block)
    number = re.search(r'port="(\d+)"', port.group(1)) if port else None
    if address is None or protocol is None:
        raise Refusal(
            f"a rule of priority {PRIORITY} in firewalld's zone does not have the form that this collection writes: {' '.join(block.split())}"
        )
    return rule(address.group(1), protocol.group(1), int(number.group(1)) if number else None)
