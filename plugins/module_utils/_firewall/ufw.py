# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ufw: rules with our comment, before the others. Private to this collection, standard library only."""

from __future__ import annotations

import binascii
import ipaddress
import re
import typing as t

from .model import MARK, Command, Plan, Refusal, Wanted

ANY = ("0.0.0.0/0", "::/0")


class Rule(t.NamedTuple):
    """A rule: a source address and the ports that it may reach."""

    address: str
    protocol: str
    ports: str

    @property
    def words(self) -> tuple[str, ...]:
        port = ("port", self.ports) if self.ports else ()
        return ("allow", "proto", self.protocol, "from", self.address, "to", "any", *port)


class Seen(t.NamedTuple):
    """The text of C(/etc/ufw/user.rules) and C(user6.rules), and whether ufw manages IPv6."""

    rules: str
    ipv6: bool


def tuples(text: str) -> list[tuple[Rule, str]]:
    """The plain allow rules for incoming packets in ufw's files, with their comments."""
    found = []
    for line in re.findall(r"(?m)^### tuple ### (.*)$", text):
        line, _word, comment = line.partition(" comment=")
        words = line.split()
        # action protocol destination-port destination source-port source direction
        if len(words) == 7 and words[0] == "allow" and words[3] in ANY and words[4] == "any" and words[6] == "in":
            ports = "" if words[2] == "any" else words[2]
            found.append((Rule(words[5], words[1], ports), _comment(comment)))
    return found


def _comment(text: str) -> str:
    try:
        return binascii.unhexlify(text.strip()).decode("utf-8", "replace")
    except ValueError:
        return text


def rules(wanted: Wanted) -> list[Rule]:
    return [
        Rule(address, protocol, ",".join(str(port) for port in ports))
        for address in wanted.addresses
        for protocol, ports in wanted.ports
    ]


def held(seen: Seen) -> list[str]:
    """The addresses in our present rules."""
    return [rule.address for rule, comment in tuples(seen.rules) if comment == MARK]


def plan(wanted: Wanted | None, seen: Seen) -> Plan:
    """The calls of ufw. An identical rule of another author is left alone."""
    present = tuples(seen.rules)
    ours = [rule for rule, comment in present if comment == MARK]
    theirs = [rule for rule, comment in present if comment != MARK]
    goal = [rule for rule in rules(wanted) if rule not in theirs] if wanted else []
    closed = [rule.address for rule in goal if ipaddress.ip_address(rule.address).version == 6]
    if closed and not seen.ipv6:
        raise Refusal(
            f"ufw does not filter IPv6 here, and nodes have IPv6 addresses ({closed[0]}): set IPV6=yes in /etc/default/ufw"
        )
    commands = [Command(("ufw", "prepend", *rule.words, "comment", MARK)) for rule in goal if rule not in ours]
    commands += [Command(("ufw", "--force", "delete", *rule.words)) for rule in ours if rule not in goal]
    return Plan((), tuple(commands), _told(ours), _told(goal))


def _told(rules: t.Iterable[Rule]) -> tuple[str, ...]:
    return tuple(sorted(f"{' '.join(rule.words)} comment {MARK}" for rule in rules))
