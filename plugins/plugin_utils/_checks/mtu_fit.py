# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""MTU-FIT: full-size packets of a network fit the wire below it, by arithmetic and by an unfragmented burst."""

from __future__ import annotations

import math
import sys
import typing as t

from .._facts.model import Facts, Network, Requests, Result
from . import _paths, _quality, _requests, dp_matrix
from ._blame import Pair, between, blame
from ._result import FAIL, INCONCLUSIVE, PASS, SKIP, count, each_network, listed, result

ID = "MTU-FIT"
TITLE = "Full-size packets fit the wire"
HINT = "See DP-MATRIX: packets of full size are sent where smaller ones pass."
ADVICE = (
    "Create the network with option com.docker.network.driver.mtu of at most the underlay's MTU%s (the engine itself takes %d off it), "
    "or repair the MTU of %s ('ip link')."
)
ORDER = 66
NEEDS = ("probe", "peers")
TAGS = ("P1", "dataplane")
CHECK = sys.modules[__name__]
MTU_OPTION = "com.docker.network.driver.mtu"
PLAIN, ENCRYPTED, IPV6 = 50, 76, 20


def overhead(facts: Facts, network: Network) -> int:
    """The bytes that VXLAN adds to a packet, and ESP on encrypted networks. The outer header is longer over IPv6."""
    return _default(network) + (IPV6 if _paths.over_ipv6(facts) else 0)


def _default(network: Network) -> int:
    """The overhead that the engine assumes, in bytes, even over IPv6."""
    return ENCRYPTED if network["encrypted"] else PLAIN


def declared(network: Network) -> int:
    """The network's MTU from the engine: the declared MTU of the wire, or 1500, minus the overhead."""
    text = str((network.get("options") or {}).get(MTU_OPTION) or "")
    return (int(text) if text.isdigit() and int(text) else 1500) - _default(network)


def hint(facts: Facts, network: Network, nodes: list[str]) -> str:
    """The advice for packets that are too large."""
    return ADVICE % (
        f" less {IPV6}, as IPv6 takes" if _paths.over_ipv6(facts) else "",
        _default(network),
        listed(nodes),
    )


def plan(facts: Facts) -> Requests:
    """Three packets of full size to each target, and a small one as the control (which DP-MATRIX sends too)."""
    requests: Requests = {}
    for network in facts.networks:
        for source, target in _paths.pairs(facts, network["id"]):
            small = [
                row for row in dp_matrix.direct(facts, dp_matrix.ID, network, source, target) if row["kind"] == "udp"
            ]
            full = [dict(row, id=_ident(network, target), kind="burst", size=declared(network)) for row in small]
            requests.setdefault(source, []).extend(small + full)
    return requests


def _ident(network: Network, target: str) -> str:
    return f"{ID}/{_requests.short(network)}/{target}"


def judge(facts: Facts) -> list[Result]:
    """One result a network."""
    return each_network(CHECK, facts, _judge, "probe")


def _judge(facts: Facts, network: Network) -> Result:
    name, hosts = network["name"], _paths.probed(facts, network["id"])
    sizes = {host: (facts.held.get(host, {}).get(network["id"]) or {}).get("mtu") for host in hosts}
    wires = {host: underlay(facts, host) for host in hosts}
    details = {"mtu": sizes, "underlay": wires}
    tight = [
        host
        for host in hosts
        if sizes[host] and (sizes[host] or 0) + overhead(facts, network) > (wires[host] or math.inf)
    ]
    if tight:
        text = listed(
            f"{host}: {sizes[host]} and {overhead(facts, network)} of overhead exceed {wires[host]}" for host in tight
        )
        return result(
            CHECK,
            FAIL,
            "mtu-too-small",
            text,
            network=name,
            nodes=tight,
            hint=hint(facts, network, tight),
            details=details,
        )
    pairs = _paths.pairs(facts, network["id"])
    if not pairs:
        if len(facts.opened) == 1 and hosts:
            return result(CHECK, SKIP, "one-node", "the play has one node: nothing crosses a wire", network=name)
        return result(CHECK, INCONCLUSIVE, "no-pair", "no pair could be tried", network=name)
    failed, dead, lossy = {}, [], []
    for source, target in pairs:
        small = _paths.seen(facts, source, dp_matrix.ident(dp_matrix.ID, network, target, "udp"))
        full = _paths.seen(facts, source, _ident(network, target))
        if small is None or full is None or not small["ok"]:
            dead.append((source, target))
        elif not full["ok"] and _loses_any_size(facts, network, source, target):
            lossy.append((source, target))
        elif not full["ok"]:
            failed[source, target] = _paths.problem(full)
    if lossy and not failed:
        rows = [f"{source} to {target}" for source, target in lossy]
        text = f"packets of every size get lost: {listed(rows, 3)}"
        nodes, more = blame(lossy), "See PATH-QUALITY: the size is not what stops them."
        return result(
            CHECK,
            INCONCLUSIVE,
            "any-size-lost",
            text,
            network=name,
            nodes=nodes,
            hint=more,
            details={**details, "between": between(lossy)},
        )
    return _conclude(facts, network, pairs, failed, dead, details)


def _loses_any_size(facts: Facts, network: Network, source: str, target: str) -> bool:
    """Whether PATH-QUALITY's train on the path lost packets, and not because they were large."""
    ident = _quality.ident(_quality.layer_of(network), target)
    train = facts.trains.get(source, {}).get(ident)
    return train is not None and train["answered"] < train["sent"] and not _quality.is_capped(train)


def _conclude(
    facts: Facts,
    network: Network,
    pairs: list[tuple[str, str]],
    failed: dict[Pair, str],
    dead: list[Pair],
    details: dict[str, t.Any],
) -> Result:
    name = network["name"]
    if failed:
        nodes = blame(failed)
        rows = [f"{source} to {target}: {why}" for (source, target), why in sorted(failed.items())]
        return result(
            CHECK,
            FAIL,
            "full-size-lost",
            f"{declared(network)} bytes do not pass where small packets do: {listed(rows, 3)}",
            network=name,
            nodes=nodes,
            hint=hint(facts, network, nodes),
            details=dict(details, failed=rows, between=between(failed)),
        )
    if dead:
        rows = [f"{source} to {target}" for source, target in dead]
        return result(
            CHECK,
            INCONCLUSIVE,
            "small-size-lost",
            f"not even small packets pass: {listed(rows, 3)}",
            network=name,
            nodes=blame(dead),
            hint="See DP-MATRIX: the size is not what stops them.",
            details=dict(details, between=between(dead)),
        )
    smallest = min([size for size in details["underlay"].values() if size] or [0])
    text = f"{declared(network)} bytes pass unfragmented between {count(len(pairs), 'pair')}; with {overhead(facts, network)} of overhead they fit {smallest}"
    return result(CHECK, PASS, "ok", text, network=name, nodes=_paths.probed(facts, network["id"]), details=details)


def underlay(facts: Facts, host: str) -> int | None:
    """The MTU in bytes of the link of the node's tunnel endpoint."""
    return next((row["mtu"] for row in _paths.local(facts, host) if row["address"] == _paths.vtep(facts, host)), None)
