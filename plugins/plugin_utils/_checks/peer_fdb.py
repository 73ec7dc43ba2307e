# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PEER-FDB: the kernel of every node has entries for the endpoints of the other nodes, and no stale ones."""

from __future__ import annotations

import sys

from .._facts.model import Facts, Network, Requests, Result
from . import _gossip, _paths
from ._blame import between
from ._result import FAIL, INCONCLUSIVE, PASS, SKIP, count, each_network, listed, result

ID = "PEER-FDB"
TITLE = "The kernel's table of peers is right"
HINT = "See PRE-REACH: nobody could say what forwarding entries the kernel holds."
ADVICE = (
    "A stale or missing entry (moby#52661): let the task restart ('docker service update --force SERVICE'), "
    "or restart the engine of %s."
)
ORDER = 58
NEEDS = ("probe", "peers", "gossip")
TAGS = ("P1", "dataplane")
CHECK = sys.modules[__name__]


def plan(facts: Facts) -> Requests:
    """No requests: every node reports its neighbour and forwarding entries."""
    return {}


def judge(facts: Facts) -> list[Result]:
    """One result a network."""
    return each_network(CHECK, facts, _judge, "probe")


def _judge(facts: Facts, network: Network) -> Result:
    name, hosts = network["name"], _paths.probed(facts, network["id"])
    told = _paths.held(facts, network["id"])
    silent = [host for host in hosts if host not in told]
    if len(hosts) < 2:
        return result(CHECK, SKIP, "too-few-nodes", "fewer than two nodes carry it: there is no peer", network=name)
    wrong = {host: rows for host, rows in ((host, _node(facts, network, host)) for host in told) if rows}
    if wrong:
        rows = [f"{host}: {row}" for host, found in sorted(wrong.items()) for _others, row in found]
        return result(
            CHECK,
            FAIL,
            "entries-wrong",
            listed(rows, 3),
            network=name,
            nodes=sorted(wrong),
            hint=ADVICE % listed(sorted(wrong)),
            details={
                "entries": rows,
                "between": between((host, *others) for host, found in wrong.items() for others, _row in found),
            },
        )
    if silent:
        return result(CHECK, INCONCLUSIVE, "not-told", f"nothing told on {listed(silent)}", network=name, nodes=silent)
    entries = sum(len(facts.held[host][network["id"]]["peers"]["always"]) for host in told)
    text = f"{count(entries, 'entry')} on {count(len(told), 'node')} lead to the right node"
    return result(
        CHECK,
        PASS,
        "ok",
        text + ("; none is stale" if everybody(facts) else "; staleness not judged: nodes of the swarm told nothing"),
        network=name,
        nodes=list(told),
    )


def everybody(facts: Facts) -> bool:
    """Whether every node of the swarm reported its endpoints, also those that the managers have lost: their tasks may run.

    Only then is an unknown endpoint a stale one.
    """
    told = {facts.nodes[host]["id"] for host in facts.held}
    return all(node["id"] in told for node in facts.swarm["nodes"])


def _own(facts: Facts, host: str) -> set[str | None]:
    return {row["address"] for row in _paths.local(facts, host)} | {_paths.address(facts, host)}


def _local(facts: Facts, network: Network, host: str) -> dict[str, str]:
    """Address -> MAC address of the endpoints on the host."""
    return dict(_gossip.endpoints(facts.held.get(host, {}).get(network["id"])))


def _node(facts: Facts, network: Network, host: str) -> list[tuple[list[str], str]]:
    """The problems in one node's table, each with the other node that it is about, if that is known."""
    held = facts.held[host][network["id"]]
    entries = {entry.address: entry for entry in _gossip.entries(held, "ever")}
    steady = {address for address, _who in facts.addresses.get(network["id"], [])}
    wrong: list[tuple[list[str], str]] = []
    for other in facts.held:
        if other == host:
            continue
        for address, mac in _local(facts, network, other).items():
            entry = entries.get(address)
            if address in steady and not entry:
                wrong.append(([other], f"no entry for {address} on {other}"))
            elif address in steady and entry and (entry.mac != mac or entry.where not in _own(facts, other)):
                wrong.append(([other], f"{address} leads to {entry.mac} at {entry.where}, it is {mac} on {other}"))
    stale = _stale(facts, network, _gossip.entries(held, "always"), steady) if everybody(facts) else []
    return wrong + [([], row) for row in stale]


def _stale(facts: Facts, network: Network, entries: list[_gossip.Entry], steady: set[str]) -> list[str]:
    alive = set(steady) | set(facts.retired.get(network["id"], []))
    for host, held in facts.held.items():
        alive |= set(_local(facts, network, host))
        alive |= {endpoint.address for endpoint in _gossip.departed(held.get(network["id"]))}
    for data in facts.probed.values():
        alive |= {row.get("address") for row in data.get("attached") or []}
    return [f"{entry.address} is stale: nobody has that address" for entry in entries if entry.address not in alive]
