# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node holds of the networks under test: what gossip told its engine, and what the engine told the kernel.

Private to swarmlab.overlay. Looked at twice, before and after probing: a swarm at work changes meanwhile, so only what was there
(or not there) both times counts.
"""

from __future__ import annotations

import time

from .._engine.client import Engine, NotFound
from .._engine.transport import Raw
from .._probe import overlay
from . import shapes

NEEDS = {"probe", "gossip", "peers", "balancer"}


def look(engine: Engine, plan: shapes.ExchangePlan, folder: str) -> dict[str, shapes.Held]:
    """By network: records, local endpoints, and the kernel's state. ``folder``: where the engine keeps namespaces."""
    if not NEEDS & set(plan["needs"]):
        return {}
    kernel = overlay.facts(folder, plan["network_ids"])
    return {network: {**kernel[network], **_engine(engine, network)} for network in kernel}


def look_again(engine: Engine, plan: shapes.ExchangePlan, folder: str, deadline: float) -> dict[str, shapes.Held]:
    """The second look: gossip gets until the deadline to tell of all probes of this run."""
    while True:
        seen = look(engine, plan, folder)
        if time.monotonic() > deadline or not any(_lacking(network, held, plan) for network, held in seen.items()):
            return seen
        time.sleep(0.5)


def _lacking(network: str, held: shapes.Held, plan: shapes.ExchangePlan) -> set[str]:
    """The probes that this node's gossip does not tell of, or its kernel does not know."""
    known = {row.split(" ")[0] for row in held["peers"] + held["local"]}
    return _untold(network, held, plan) | set(plan["probes"].get(network, [])) - known


def _untold(network: str, held: shapes.Held, plan: shapes.ExchangePlan) -> set[str]:
    """The probes that this node's gossip does not tell of."""
    return set(plan["probes"].get(network, [])) - {row.rsplit(" ", 2)[1] for row in held["records"]}


def untold(seen: dict[str, shapes.Held], plan: shapes.ExchangePlan) -> list[str]:
    """The networks of which this node's gossip did not tell all probes."""
    return sorted(network for network, held in seen.items() if _untold(network, held, plan))


def _engine(engine: Engine, network: str) -> shapes.Gossip:
    try:
        raw = engine.inspect_network(network, verbose=True)
    except NotFound:
        return {"records": [], "local": []}
    return {"records": records(raw), "local": local(raw)}


def records(raw: Raw) -> list[str]:
    """What gossip told: 'service address node-address', and 'service vip address'."""
    found = []
    for name, service in (raw.get("Services") or {}).items():
        if service.get("VIP") not in (None, "", "<nil>"):
            found.append(f"{name} vip {service['VIP']}")
        for task in service.get("Tasks") or []:
            found.append(f"{name} {task.get('EndpointIP')} {(task.get('Info') or {}).get('Host IP')}")
    return sorted(found)


def local(raw: Raw) -> list[str]:
    """The endpoints on this node, each as 'address hardware-address'."""
    return sorted(
        f"{item['IPv4Address'].split('/')[0]} {item['MacAddress']}"
        for item in (raw.get("Containers") or {}).values()
        if item.get("IPv4Address")
    )


def settled(first: dict[str, shapes.Held], second: dict[str, shapes.Held]) -> dict[str, shapes.Settled]:
    """Both looks as one: what was there each time, and what was there at all."""
    held: dict[str, shapes.Settled] = {}
    for network, now in second.items():
        before = first.get(network)
        held[network] = {
            "vni": now["vni"],
            "port": now["port"],
            "mtu": now["mtu"],
            "balancer": now["balancer"],
            "local": now["local"],
            "peers": _both(before["peers"] if before else [], now["peers"]),
            "records": _both(before["records"] if before else [], now["records"]),
        }
    return held


def _both(first: list[str], second: list[str]) -> shapes.Both:
    return {"always": sorted(set(first) & set(second)), "ever": sorted(set(first) | set(second))}
