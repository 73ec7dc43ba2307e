# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Problems of overlay networks, present or future, that the engine accepts silently. Pure."""

from __future__ import annotations

import ipaddress
import typing as t

from .._discovery.records import service_attachment
from .._engine.transport import Raw
from .._terms import STANDS_IN_LABEL
from .capacity import Capacity
from .compare import Description, describe, subnets_of
from .spec import ENCRYPTED_OPTION, KNOWN_OPTIONS, Subnet, suggest
from .surroundings import Surroundings

LOOKS_FALSE = ("false", "0", "no", "off")


class Finding(t.NamedTuple):
    """One finding for the user."""

    code: str
    text: str


def lint(
    raw: Raw,
    listed: t.Iterable[Raw],
    around: Surroundings,
    room: Capacity | None,
    services: t.Iterable[Raw] = (),
) -> list[Finding]:
    """All findings about one existing overlay; C(listed) are all networks.

    C(room) and C(services) are what a manager knows of its use.
    """
    described = describe(raw)
    others = [other for other in listed if other["Id"] != raw["Id"]]
    found = _options(raw.get("Options") or {}) + _names(described, others) + _overlaps(described, others)
    hard, soft = shadows(described["name"], subnets_of(described), around)
    found += [Finding("shadow", text) for text in hard] + [Finding("routed", text) for text in soft]
    found += [
        Finding("engine-resolver", text) for text in resolvers_inside(described["name"], subnets_of(described), around)
    ]
    found += [
        Finding("shared-name", f"{', '.join(owners)} share the name {name}: a query returns any of them")
        for name, owners in shared_names(raw["Id"], services).items()
    ]
    if not described["allocated"]:
        found.append(Finding("not-allocated", "the swarm has given it no subnet and no VXLAN id, so nobody can use it"))
    standing = (raw.get("Labels") or {}).get(STANDS_IN_LABEL)
    if standing:
        found.append(
            Finding(
                "unfinished-move",
                f"it stands in for network {standing}, whose change was interrupted; declare {standing} again",
            )
        )
    if room is not None and room.missing:
        found.append(
            Finding(
                "too-small",
                f"its users need {room.missing} addresses more than its subnets have ({room.size}); "
                "declare a larger subnet",
            )
        )
    return found


def shadows(name: str, subnets: t.Iterable[Subnet], around: Surroundings) -> tuple[list[str], list[str]]:
    """Conflicts where tasks on the network lose access to destinations that the node can reach.

    Returns the certain ones, and the possible ones (networks behind a gateway).
    """
    hard: list[str] = []
    soft: list[str] = []
    for subnet in subnets:
        own = ipaddress.ip_network(subnet.subnet)
        hard += [
            f"network {name}: subnet {own} holds the address {address} of node {node}"
            for node, address in around.nodes
            if _inside(address, own)
        ]
        hard += [
            f"network {name}: subnet {own} holds the resolver {address} of this node, which its tasks could not reach"
            for address in around.nameservers
            if _inside(address, own)
        ]
        hard += [
            f"network {name}: subnet {own} overlaps {text}, which is to be avoided"
            for text in around.avoid
            if _overlap(own, text)
        ]
        for route in around.routes:
            if _overlap(own, route.network):
                text = (
                    f"network {name}: subnet {own} overlaps {route.network}, which this node has on {route.interface}"
                )
                (hard if route.direct else soft).append(text)
    return hard, soft


def resolvers_inside(name: str, subnets: t.Iterable[Subnet], around: Surroundings) -> list[str]:
    """Resolvers of all of this node's containers that are in the network, where only its own containers reach them."""
    return [
        f"network {name}: subnet {subnet.subnet} holds {address}, which daemon.json of this node gives to all its containers as their "
        "resolver (dns): those on other networks do not reach it"
        for subnet in subnets
        for address in around.engine_resolvers
        if _inside(address, ipaddress.ip_network(subnet.subnet))
    ]


def shared_names(network_id: str, services: t.Iterable[Raw]) -> dict[str, list[str]]:
    """Names, aliases included, that several services have on the network. The engine compares them in lower case."""
    owners: dict[str, set[str]] = {}
    for service in services:
        attachment = service_attachment(service, network_id)
        if attachment is not None:
            own = service["Spec"]["Name"]
            for name in [own, *list(attachment.get("Aliases") or [])]:
                owners.setdefault(name.lower(), set()).add(f"service {own}")
    return {name: sorted(found) for name, found in sorted(owners.items()) if len(found) > 1}


def _options(options: t.Mapping[str, str]) -> list[Finding]:
    found = [
        Finding(
            "unknown-option", f"driver option {key} means nothing to the overlay driver, which ignores it{suggest(key)}"
        )
        for key in sorted(options)
        if key not in KNOWN_OPTIONS
    ]
    if options.get(ENCRYPTED_OPTION, "").strip().lower() in LOOKS_FALSE:
        found.insert(
            0,
            Finding(
                "encrypted-false",
                f"it was created with {ENCRYPTED_OPTION}={options[ENCRYPTED_OPTION]} and is encrypted all the "
                "same: the engine tests for the key's presence only",
            ),
        )
    return found


def _names(described: Description, others: list[Raw]) -> list[Finding]:
    return [
        Finding(
            "duplicate-name",
            f"the {other.get('Scope')}-scoped {other.get('Driver')} network {other['Id'][:12]} bears the same name",
        )
        for other in others
        if other["Name"] == described["name"]
    ]


def _overlaps(described: Description, others: list[Raw]) -> list[Finding]:
    return [
        Finding("overlap", f"subnet {mine.subnet} overlaps {theirs.subnet} of network {other['Name']}")
        for mine in subnets_of(described)
        for other in others
        for theirs in subnets_of(describe(other))
        if _overlap(ipaddress.ip_network(mine.subnet), theirs.subnet)
    ]


def _inside(address: str, subnet: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    return ipaddress.ip_address(address) in subnet


def _overlap(subnet: ipaddress.IPv4Network | ipaddress.IPv6Network, other: str) -> bool:
    network = ipaddress.ip_network(other, strict=False)
    return network.version == subnet.version and network.overlaps(subnet)
