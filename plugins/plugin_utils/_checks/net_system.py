# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NET-SYSTEM: ingress and docker_gwbridge, which nobody declares, overlap nothing, have room, and fit the wire."""

from __future__ import annotations

import ipaddress
import math
import sys
import typing as t

from .._facts.model import Facts, Network, Requests, Result
from . import _paths, ipam_headroom, mesh_all, mtu_fit
from ._blame import blame
from ._result import FAIL, INCONCLUSIVE, PASS, SKIP, count, listed, result

ID = "NET-SYSTEM"
TITLE = "Ingress and docker_gwbridge fit the nodes"
HINT = "Make ingress anew with a subnet and an MTU of its own (module overlay_ingress); docker_gwbridge while its node is out of the swarm."
OVERLAP = (
    "What overlaps is shadowed: make %s anew with another subnet (ingress: module overlay_ingress; docker_gwbridge: 'docker network create "
    "--subnet ... docker_gwbridge' while the node is out of the swarm), or give the swarm another pool."
)
MISSING = "Restart the engine of %s, which makes it; without it tasks have no way out, and published ports no way in."
FULL = "Make ingress anew (module overlay_ingress) with option com.docker.network.driver.mtu of at most the underlay's MTU, or repair the MTU of %s."
ORDER = 68
NEEDS = ("published",)
TAGS = ("P1", "networks", "dataplane")
CHECK = sys.modules[__name__]
GATEWAY = "docker_gwbridge"
LEAST = 4  # addresses that docker_gwbridge must have left: each container on an overlay takes one
SIZE = 8192  # bytes through a published port and back, so that segments of full size pass both ways


def plan(facts: Facts) -> Requests:
    """A question and an answer of several full segments through the run's published port; small ones are the control."""
    requests: Requests = {}
    for source, rows in mesh_all.plan(facts).items():
        asked = [row for row in rows if row["kind"] == "tcp"]
        requests[source] = asked + [{**row, "id": _ident(row["id"]), "size": SIZE} for row in asked]
    return requests


def _ident(small: str) -> str:
    return f"{ID}/{small.rpartition('/')[2]}"


def judge(facts: Facts) -> list[Result]:
    """One result for each of the two networks when it fits, else one for each way in which it does not."""
    return [*_ingress(facts), *_gateway(facts)]


# --- Ingress


def _ingress(facts: Facts) -> list[Result]:
    if not facts.leader or not facts.viewed or facts.ingress == {}:
        return [
            result(
                CHECK, INCONCLUSIVE, "not-told", "no manager told of ingress", network="ingress", hint="See PRE-REACH."
            )
        ]
    if facts.ingress is None:
        return [result(CHECK, SKIP, "no-ingress", "the swarm has no ingress network", network="ingress")]
    network = t.cast("Network", facts.ingress)
    name, routes = network["name"], _routes(facts)
    found = [
        _overlap(name, network["subnets"], {host: routes[host] for host in routes}, _others(facts, network)),
        _shadowed(facts, name, dict.fromkeys(routes, network["subnets"])),
        _crowded(facts, network),
        _tight(facts, network),
        _full(facts, name),
    ]
    bad = [item for item in found if item]
    if bad:
        return bad
    silent = [host for host in facts.hosts if host not in routes]
    mute = sorted(
        source
        for source, rows in plan(facts).items()
        if any(_paths.seen(facts, source, row["id"]) is None for row in rows)
    )
    if mute:
        text = f"no observation from {listed(mute)}"
        return [result(CHECK, INCONCLUSIVE, "no-observation", text, network=name, nodes=mute, hint="See PRE-REACH.")]
    if silent:
        text = f"no routes told by {listed(silent)}"
        return [result(CHECK, INCONCLUSIVE, "not-told", text, network=name, nodes=silent, hint="See PRE-REACH.")]
    text = f"{listed(network['subnets'])} overlaps nothing, has room, and its {mtu_fit.declared(network)} bytes fit"
    return [result(CHECK, PASS, "ok", text, network=name, nodes=sorted(routes))]


def _routes(facts: Facts) -> dict[str, list[dict[str, t.Any]]]:
    return {host: data["host"]["routes"] for host, data in facts.opened.items() if data.get("host")}


def _others(facts: Facts, network: Network) -> list[tuple[str, list[str]]]:
    """The other networks of the swarm."""
    return [
        (name, subnets)
        for name, ident, scope, subnets in facts.all_networks
        if scope == "swarm" and ident != network["id"]
    ]


def _hits(text: str, subnets: list[str]) -> bool:
    other = ipaddress.ip_network(text, strict=False)
    return any(other.version == net.version and other.overlaps(net) for net in map(ipaddress.ip_network, subnets))


def _overlap(
    name: str,
    subnets: list[str],
    routes: dict[str, list[dict[str, t.Any]]],
    others: list[tuple[str, list[str]]],
) -> Result | None:
    rows: list[str] = []
    nodes = []
    for host, known in sorted(routes.items()):
        hit = [f"{row['network']} by {row['device']}" for row in known if _hits(row["network"], subnets)]
        if hit:
            nodes.append(host)
            rows.append(f"{host} reaches {listed(hit)}")
    rows += [
        f"network {other} has {listed(theirs)}"
        for other, theirs in others
        if any(_hits(net, subnets) for net in theirs)
    ]
    if not rows:
        return None
    return result(
        CHECK,
        FAIL,
        "subnet-overlap",
        f"{listed(subnets)} overlaps: {listed(rows, 3)}",
        network=name,
        nodes=nodes,
        hint=OVERLAP % name,
        details={"overlaps": rows},
    )


def _shadowed(facts: Facts, name: str, subnets: dict[str, list[str]]) -> Result | None:
    """Name servers inside the subnets, unless the node itself has that address."""
    rows, nodes = [], []
    for host, mine in sorted(subnets.items()):
        own = {row["address"] for row in _paths.local(facts, host)}
        servers = (facts.opened[host].get("host") or {}).get("nameservers") or []
        inside = [server for server in servers if server not in own and any(_paths.within(server, net) for net in mine)]
        if inside:
            nodes.append(host)
            rows.append(f"{host}: {listed(inside)} is inside {name}")
    if not rows:
        return None
    return result(CHECK, FAIL, "resolver-shadowed", listed(rows, 3), network=name, nodes=nodes, hint=OVERLAP % name)


def _crowded(facts: Facts, network: Network) -> Result | None:
    told = [row["free"] for row in network.get("room") or [] if row["free"] is not None and ":" not in row["subnet"]]
    left = sum(told) if told else ipam_headroom.room(network["subnets"]) - t.cast("dict[str, t.Any]", network)["used"]
    needed = len([node for node in facts.swarm["nodes"] if node["state"] == "ready"])
    if not network["subnets"] or left >= needed:
        return None
    text = f"{count(left, 'address')} free in {listed(network['subnets'])}: each node and each published task takes one"
    return result(CHECK, FAIL, "addresses-exhausted", text, network=network["name"], details={"free": left})


def _tight(facts: Facts, network: Network) -> Result | None:
    need = mtu_fit.declared(network) + mtu_fit.overhead(facts, network)
    wires = {host: mtu_fit.underlay(facts, host) for host in facts.opened}
    nodes = [host for host, mtu in wires.items() if need > (mtu or math.inf)]
    if not nodes or len(facts.opened) == 1:
        return None
    text = f"{mtu_fit.declared(network)} bytes and the overhead of ingress exceed the wire: {listed(f'{host} {wires[host]}' for host in nodes)}"
    return result(CHECK, FAIL, "mtu-too-small", text, network=network["name"], nodes=nodes, hint=FULL % listed(nodes))


def _full(facts: Facts, name: str) -> Result | None:
    """Published ports that carry a few bytes and not many."""
    failed = {}
    for source, rows in mesh_all.plan(facts).items():
        for row in rows:
            small, full = _paths.seen(facts, source, row["id"]), _paths.seen(facts, source, _ident(row["id"]))
            if row["kind"] == "tcp" and small and small["ok"] and full and not full["ok"]:
                failed[source, row["id"].rpartition("/")[2]] = _paths.problem(full)
    if not failed:
        return None
    nodes = blame(failed)
    texts = [f"{source} to {target}: {why}" for (source, target), why in sorted(failed.items())]
    text = f"{SIZE} bytes do not pass a published port where a few do: {listed(texts, 2)}"
    return result(
        CHECK,
        FAIL,
        "full-size-lost",
        text,
        network=name,
        nodes=nodes,
        hint=FULL % listed(nodes),
        details={"failed": texts},
    )


# --- docker_gwbridge


def _gateway(facts: Facts) -> list[Result]:
    told = {host: data["gateway"] for host, data in facts.opened.items() if "gateway" in data}
    if not told:
        return [
            result(
                CHECK, INCONCLUSIVE, "not-told", f"no node told of {GATEWAY}", network=GATEWAY, hint="See PRE-REACH."
            )
        ]
    missing = [host for host, found in told.items() if found is None]
    bad: list[Result | None] = []
    if missing:
        text = f"{GATEWAY} is missing on {listed(missing)}"
        bad.append(
            result(CHECK, FAIL, "gateway-missing", text, network=GATEWAY, nodes=missing, hint=MISSING % listed(missing))
        )
    there = {host: found for host, found in told.items() if found}
    routes = _routes(facts)
    for host, found in there.items():
        # Its own route is no overlap.
        foreign = [row for row in routes.get(host, []) if row["device"] != GATEWAY]
        bad.append(_overlap(GATEWAY, found["subnets"], {host: foreign}, []))
    bad.append(_shadowed(facts, GATEWAY, {host: found["subnets"] for host, found in there.items()}))
    bad.append(_full_bridge(there))
    real = _joined([item for item in bad if item])
    if real:
        return real
    silent = [host for host in facts.hosts if host not in told]
    if silent:
        text = f"{listed(silent)} did not tell"
        return [result(CHECK, INCONCLUSIVE, "not-told", text, network=GATEWAY, nodes=silent, hint="See PRE-REACH.")]
    subnets = sorted({subnet for found in there.values() for subnet in found["subnets"]})
    text = f"{listed(subnets, 3)} on {count(len(there), 'node')} overlaps nothing, and has room"
    return [result(CHECK, PASS, "ok", text, network=GATEWAY, nodes=sorted(there))]


def _full_bridge(there: dict[str, dict[str, t.Any]]) -> Result | None:
    left = {
        host: ipam_headroom.room(found["subnets"]) - found["used"] for host, found in there.items() if found["subnets"]
    }
    nodes = [host for host, number in left.items() if number < LEAST]
    if not nodes:
        return None
    text = listed(f"{host}: {count(left[host], 'address')} left in {listed(there[host]['subnets'])}" for host in nodes)
    return result(CHECK, FAIL, "addresses-exhausted", text, network=GATEWAY, nodes=nodes, details={"free": left})


def _joined(found: list[Result]) -> list[Result]:
    """One result for each reason: the bridge of each node is a network of its own."""
    by_reason: dict[str, list[Result]] = {}
    for item in found:
        by_reason.setdefault(item["reason"], []).append(item)
    return [
        Result(
            **{
                **items[0],
                "nodes": sorted({host for item in items for host in item["nodes"]}),
                "evidence": {
                    **items[0]["evidence"],
                    "summary": listed([item["evidence"]["summary"] for item in items], 3),
                },
            }
        )
        for items in by_reason.values()
    ]
