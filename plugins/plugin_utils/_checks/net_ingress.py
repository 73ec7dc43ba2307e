# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NET-INGRESS: ingress, which nobody declares, overlaps nothing, has room, and fits the wire."""

from __future__ import annotations

import math
import sys
import typing as t

from .._facts.model import Facts, Network, Requests, Result
from . import _paths, _system, ipam_headroom, mesh_all, mtu_fit
from ._blame import between, blame
from ._result import FAIL, INCONCLUSIVE, PASS, SKIP, count, listed, result

ID = "NET-INGRESS"
TITLE = "Ingress, the network of published ports, fits the nodes"
HINT = "Make ingress anew with another subnet or a larger one (module overlay_ingress), or take away what overlaps: it is shadowed."
FULL = "Make ingress anew (module overlay_ingress) with option com.docker.network.driver.mtu of at most the underlay's MTU, or repair the MTU of %s."
ORDER = 68
NEEDS = ("published",)
TAGS = ("P1", "networks", "dataplane")
CHECK = sys.modules[__name__]
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
    """One result when it fits, else one for each way in which it does not."""
    if not facts.leader or not facts.viewed or facts.ingress == {}:
        return [result(CHECK, INCONCLUSIVE, "not-told", "no manager told of ingress", hint="See PRE-REACH.")]
    if facts.ingress is None:
        return [result(CHECK, SKIP, "no-ingress", "the swarm has no ingress network")]
    network = t.cast("Network", facts.ingress)
    routes = _system.routes(facts)
    found = [
        _overlap(facts, network),
        _shadowed(facts, network),
        _crowded(facts, network),
        _tight(facts, network),
        _full(facts),
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
        return [result(CHECK, INCONCLUSIVE, "no-observation", text, nodes=mute, hint="See PRE-REACH.")]
    if silent:
        text = f"no routes told by {listed(silent)}"
        return [result(CHECK, INCONCLUSIVE, "not-told", text, nodes=silent, hint="See PRE-REACH.")]
    text = f"{listed(network['subnets'])} of ingress overlaps nothing, has room, and its {mtu_fit.declared(network)} bytes fit"
    return [result(CHECK, PASS, "ok", text, nodes=sorted(routes))]


def _others(facts: Facts, network: Network) -> list[tuple[str, list[str]]]:
    """The other networks of the swarm."""
    return [
        (name, subnets)
        for name, ident, scope, subnets in facts.all_networks
        if scope == "swarm" and ident != network["id"]
    ]


def _overlap(facts: Facts, network: Network) -> Result | None:
    rows, nodes = _system.overlaps(network["subnets"], _system.routes(facts), _others(facts, network))
    if not rows:
        return None
    text = f"{listed(network['subnets'])} of ingress overlaps: {listed(rows, 3)}"
    return result(CHECK, FAIL, "subnet-overlap", text, nodes=nodes, details={"overlaps": rows})


def _shadowed(facts: Facts, network: Network) -> Result | None:
    found = _system.shadowed(facts, dict.fromkeys(_system.routes(facts), network["subnets"]))
    if not found:
        return None
    text = listed(f"{host}: {servers} is inside ingress" for host, servers in found.items())
    return result(CHECK, FAIL, "resolver-shadowed", text, nodes=sorted(found))


def _crowded(facts: Facts, network: Network) -> Result | None:
    told = [row["free"] for row in network.get("room") or [] if row["free"] is not None and ":" not in row["subnet"]]
    left = sum(told) if told else ipam_headroom.room(network["subnets"]) - t.cast("dict[str, t.Any]", network)["used"]
    needed = len([node for node in facts.swarm["nodes"] if node["state"] == "ready"])
    if not network["subnets"] or left >= needed:
        return None
    text = f"{count(left, 'address')} free in {listed(network['subnets'])}: each node and each published task takes one"
    return result(CHECK, FAIL, "addresses-exhausted", text, details={"free": left})


def _tight(facts: Facts, network: Network) -> Result | None:
    need = mtu_fit.declared(network) + mtu_fit.overhead(facts, network)
    wires = {host: mtu_fit.underlay(facts, host) for host in facts.opened}
    nodes = [host for host, mtu in wires.items() if need > (mtu or math.inf)]
    if not nodes or len(facts.opened) == 1:
        return None
    text = f"{mtu_fit.declared(network)} bytes and the overhead of ingress exceed the wire: {listed(f'{host} {wires[host]}' for host in nodes)}"
    return result(CHECK, FAIL, "mtu-too-small", text, nodes=nodes, hint=FULL % listed(nodes))


def _full(facts: Facts) -> Result | None:
    """Published ports that carry a few bytes and not many."""
    failed = {}
    for source, rows in mesh_all.plan(facts).items():
        for row in rows:
            small, full = _paths.seen(facts, source, row["id"]), _paths.seen(facts, source, _ident(row["id"]))
            if row["kind"] == "tcp" and small and small["ok"] and full and not full["ok"]:
                failed[source, row["id"].rpartition("/")[2]] = _paths.problem(full)
    if not failed:
        return None
    nodes, home = blame(failed), [host for host in [mesh_all.behind(facts)] if host]
    texts = [f"{source} to {target}: {why}" for (source, target), why in sorted(failed.items())]
    text = f"{SIZE} bytes do not pass a published port where a few do: {listed(texts, 2)}"
    return result(
        CHECK,
        FAIL,
        "full-size-lost",
        text,
        nodes=nodes,
        hint=FULL % listed(nodes),
        details={"failed": texts, "between": between((*pair, *home) for pair in failed)},
    )
