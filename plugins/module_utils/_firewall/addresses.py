# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes' addresses, from the inventory and from engines. Private to this collection, standard library only."""

from __future__ import annotations

import ipaddress
import typing as t

from .model import Refusal, ordered

Resolve = t.Callable[[str], t.List[str]]


def bare(text: str) -> str:
    """The host part of C(host), C(host:port) or C([host]:port)."""
    text = text.strip()
    if text.startswith("["):
        return text[1:].split("]")[0]
    return text.split(":")[0] if text.count(":") == 1 else text


def literal(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The text as an IP address, or None."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def unfit(text: str) -> str | None:
    """Why a firewall cannot be opened for this address; None when it can."""
    address = literal(text)
    if address is None:
        return "is not an address"
    if address.is_unspecified:
        return "stands for every address"
    if address.is_loopback:
        return "is the loopback address"
    if address.is_multicast or text == "255.255.255.255":
        return "is not the address of a single host"
    if address.is_link_local and address.version == 6:
        return "is valid on one link only"
    return None


def known(nodes: t.Mapping[str, t.Iterable[str]], resolve: Resolve, own_names: t.Collection[str]) -> tuple[str, ...]:
    """All addresses of all nodes. Raises C(Refusal) that lists every node without a known address."""
    found: list[str] = []
    wrong: list[str] = []
    for node, said in sorted(nodes.items()):
        texts = [bare(str(text)) for text in said if str(text).strip()]
        if not texts:
            wrong.append(f"{node}: no address is declared")
        for text in texts:
            addresses, problem = _of(text, resolve, own_names)
            found += addresses
            if problem:
                wrong.append(f"{node}: {problem}")
    if wrong:
        raise Refusal(
            f"the addresses of some nodes are not known. {'; '.join(wrong)}. Declare them in the inventory as addresses (swarm_advertise_addr,"
            " swarm_data_path_addr), or as names that this host can resolve"
        )
    return ordered(found)


def _of(text: str, resolve: Resolve, own_names: t.Collection[str]) -> tuple[list[str], str | None]:
    if "/" in text:
        return [], f"{text} is a network, and the firewall is opened for single nodes only"
    if literal(text) is not None:
        reason = unfit(text)
        return ([], f"{text} {reason}") if reason else ([text], None)
    resolved = resolve(text)
    if not resolved:
        return [], f"{text} is neither an address nor a name that this host can resolve"
    fit = [address for address in resolved if not unfit(address)]
    # Debian maps its own name to 127.0.1.1 in /etc/hosts. No host needs a rule for itself.
    if not fit and text not in own_names:
        return [], f"{text} resolves to {', '.join(resolved)}, which {unfit(resolved[0])}"
    return fit, None


def of_members(
    info: t.Mapping[str, t.Any], nodes: t.Iterable[t.Mapping[str, t.Any]], peers: t.Iterable[str]
) -> tuple[str, ...]:
    """The addresses of the swarm's members: from C(/info), a manager's C(/nodes), and the peers of overlays."""
    texts = [manager.get("Addr") or "" for manager in (info.get("Swarm") or {}).get("RemoteManagers") or []]
    for node in nodes:
        texts += [(node.get("Status") or {}).get("Addr") or "", (node.get("ManagerStatus") or {}).get("Addr") or ""]
    hosts = {bare(text) for text in [*texts, *peers]}
    return ordered(host for host in hosts if not unfit(host))
