# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's state of the networks under test: its engine's gossip, and the kernel.

Private to swarmlab.overlay. The state is read twice, before and after probing. A busy swarm changes meanwhile, so
only entries that are present (or missing) both times count.
"""

from __future__ import annotations

import functools
import time
import typing as t

from .._engine.client import Engine, NotFound
from .._engine.transport import Raw
from .._probe import netns, overlay, testimony
from .._probe import shapes as probed
from . import shapes

NEEDS = {"probe", "gossip", "peers", "balancer"}


def look(engine: Engine, plan: shapes.ExchangePlan, folder: str) -> dict[str, shapes.Held]:
    """Records, local endpoints and the kernel's state by network. ``folder``: of the engine's namespaces."""
    if not NEEDS & set(plan["needs"]):
        return {}
    kernel = overlay.facts(folder, plan["network_ids"])
    return {network: {**kernel[network], **_engine(engine, network)} for network in kernel}


def look_again(engine: Engine, plan: shapes.ExchangePlan, folder: str, deadline: float) -> dict[str, shapes.Held]:
    """The second reading. Gossip has until the deadline to deliver all probes of this run."""
    while True:
        seen = look(engine, plan, folder)
        if time.monotonic() > deadline or not any(_lacking(network, held, plan) for network, held in seen.items()):
            return seen
        time.sleep(0.5)


def _lacking(network: str, held: shapes.Held, plan: shapes.ExchangePlan) -> set[str]:
    """The probes that are missing in this node's gossip or kernel."""
    known = {row.split(" ")[0] for row in held["peers"] + held["local"]}
    return _untold(network, held, plan) | set(plan["probes"].get(network, [])) - known


def _untold(network: str, held: shapes.Held, plan: shapes.ExchangePlan) -> set[str]:
    """The probes that are missing in this node's gossip."""
    return set(plan["probes"].get(network, [])) - {row.rsplit(" ", 2)[1] for row in held["records"]}


def untold(seen: dict[str, shapes.Held], plan: shapes.ExchangePlan) -> list[str]:
    """The networks with probes that are missing in this node's gossip."""
    return sorted(network for network, held in seen.items() if _untold(network, held, plan))


def told_meanwhile(asked: dict[str, shapes.Held], seen: dict[str, shapes.Held], plan: shapes.ExchangePlan) -> list[str]:
    """The networks whose gossip was complete only after all was asked: names may have been answered without it."""
    return sorted(set(untold(asked, plan)) - set(untold(seen, plan)))


def behind(work: list[shapes.Work], told: probed.Observations, seen: dict[str, shapes.Held]) -> list[str]:
    """The networks with a name that was answered without an address that this node's gossip has.

    A resolver learns from gossip by events, one after the other: on a busy node it is seconds behind.
    """
    found = set()
    for request in (request for item in work for request in item["requests"] if request["kind"] == "dns"):
        answer = told.get(request["id"])
        if answer is None or answer["ok"] or answer["kind"] not in ("answer", "empty", "nxdomain"):
            continue
        missing = set(request.get("expected") or []) - set(answer["addresses"])
        if missing:
            found |= {network for network, held in seen.items() if missing <= _addresses(held["records"])}
    return sorted(found)


def _addresses(rows: list[str]) -> set[str]:
    """The addresses in records, of services and of tasks."""
    return {word for row in rows for word in row.rsplit(" ", 2)[1:]}


def _engine(engine: Engine, network: str) -> shapes.Gossip:
    try:
        raw = engine.inspect_network(network, verbose=True)
    except NotFound:
        return {"records": [], "local": []}
    return {"records": records(raw), "local": local(raw)}


def records(raw: Raw) -> list[str]:
    """The records in gossip: 'service address node-address', and 'service vip address'.

    A task's node address is empty as long as its news did not come.
    """
    found = []
    for name, service in (raw.get("Services") or {}).items():
        if service.get("VIP") not in (None, "", "<nil>"):
            found.append(f"{name} vip {service['VIP']}")
        for task in service.get("Tasks") or []:
            where = (task.get("Info") or {}).get("Host IP") or ""  # told by the driver, in news of its own
            found.append(f"{name} {task.get('EndpointIP')} {where}")
    return sorted(found)


def local(raw: Raw) -> list[str]:
    """The endpoints on this node, each as 'address hardware-address'."""
    return sorted(
        f"{item['IPv4Address'].split('/')[0]} {item['MacAddress']}"
        for item in (raw.get("Containers") or {}).values()
        if item.get("IPv4Address")
    )


def settled(first: dict[str, shapes.Held], second: dict[str, shapes.Held]) -> dict[str, shapes.Settled]:
    """Both readings in one: the entries that were present each time, and those present at least once."""
    held: dict[str, shapes.Settled] = {}
    for network, now in second.items():
        before = first.get(network)
        held[network] = {
            "vni": now["vni"],
            "port": now["port"],
            "mtu": now["mtu"],
            "balancer": now["balancer"],
            "local": now["local"],
            "left": sorted(set(before["local"]) - set(now["local"])) if before else [],
            "peers": _both(before["peers"] if before else [], now["peers"]),
            "records": _both(before["records"] if before else [], now["records"]),
        }
    return held


def _both(first: list[str], second: list[str]) -> shapes.Both:
    return {"always": sorted(set(first) & set(second)), "ever": sorted(set(first) | set(second))}


def inside(folder: str, networks: list[str], seen: shapes.Probed) -> dict[str, probed.Inside]:
    """What each overlay's own namespace holds on this node; its rules only where a path of the network was bad."""
    found: dict[str, probed.Inside] = {}
    suspected = {part for ident, bad in _outcomes(seen) if bad for part in ident.split("/")}
    for network in networks:
        here = overlay.overlay_namespace(folder, network)
        look = functools.partial(testimony.look_inside, any(part and network.startswith(part) for part in suspected))
        try:
            found[network] = netns.call(here, look, overlay.SECONDS)
        except netns.ProbeError:
            continue  # the network is not on this node
    return found


def _outcomes(seen: shapes.Probed) -> t.Iterator[tuple[str, bool]]:
    """(request, whether it was not met) of requests and trains."""
    yield from ((ident, not told["ok"]) for ident, told in seen["observations"].items())
    for ident, train in (seen.get("trains") or {}).items():
        yield ident, train["answered"] < train["sent"]
