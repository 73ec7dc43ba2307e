# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GOSSIP-HASH: gossip is the same on every node: services, tasks, and their nodes."""

from __future__ import annotations

import hashlib
import sys
import typing as t

from .._facts.model import Facts, Network, Requests, Result
from . import _gossip, _paths
from ._blame import between
from ._result import FAIL, INCONCLUSIVE, PASS, SKIP, count, each_network, listed, result

ID = "GOSSIP-HASH"
TITLE = "Gossip told every node the same"
HINT = (
    "Allow 7946/tcp and 7946/udp between all nodes (PRE-PORT); the engine's log tells of 'healthscore' and 'Bulk sync'. "
    "'docker service update --force SERVICE' writes its records anew."
)
ORDER = 57
NEEDS = ("probe", "gossip")
TAGS = ("P1", "control", "dns")
CHECK = sys.modules[__name__]


def plan(facts: Facts) -> Requests:
    """No requests: every node reports its engine's gossip."""
    return {}


def judge(facts: Facts) -> list[Result]:
    """One result a network."""
    return each_network(CHECK, facts, _judge, "probe")


def _judge(facts: Facts, network: Network) -> Result:
    name, hosts = network["name"], _paths.probed(facts, network["id"])
    told = {host: held["records"] for host, held in _paths.held(facts, network["id"]).items()}
    silent = [host for host in hosts if host not in told]
    if len(told) < 2 and not silent:
        return result(
            CHECK, SKIP, "too-few-nodes", "fewer than two nodes carry it: there is nothing to compare", network=name
        )
    odd = divergent({host: (set(rows["always"]), set(rows["ever"])) for host, rows in told.items()})
    hashes = {host: digest(rows["always"]) for host, rows in told.items()}
    if odd:
        rows = [f"{host} {verb} '{record}'" for host, found in sorted(odd.items()) for verb, record in found]
        return result(
            CHECK,
            FAIL,
            "records-differ",
            listed(rows, 3),
            network=name,
            nodes=sorted(odd),
            details={
                "records": rows,
                "hashes": hashes,
                "between": between(
                    (host, *_home(facts, record)) for host, found in odd.items() for _verb, record in found
                ),
            },
        )
    empty = [host for host, rows in told.items() if not rows["ever"]]
    if silent or empty:
        return result(
            CHECK,
            INCONCLUSIVE,
            "not-told",
            f"nothing told on {listed(silent + empty)}",
            network=name,
            nodes=silent + empty,
        )
    size = max(len(rows["always"]) for rows in told.values())
    return result(
        CHECK,
        PASS,
        "ok",
        f"{count(len(told), 'node')} hold the same {count(size, 'record')}",
        network=name,
        nodes=sorted(told),
        details={"hashes": hashes},
    )


def _home(facts: Facts, row: str) -> list[str]:
    """The host of a record's task, whose engine tells the others of it; none for a virtual IP."""
    where = _gossip.record(row).where
    return [host for host in facts.hosts if _paths.tunnel(facts, host) == where]


def digest(records: list[str]) -> str:
    """A short digest of a node's records."""
    return hashlib.sha256("\n".join(sorted(records)).encode()).hexdigest()[:12]


def divergent(told: dict[str, t.Any]) -> dict[str, t.Any]:
    """{host: [(lacks or holds, record)]} for each record that one node held all the time and another one never.

    The smaller group of nodes is the odd one.
    """
    odd: dict[str, list[tuple[str, str]]] = {}
    for record in sorted(set().union(*[always for always, _ever in told.values()])):
        holders = [host for host, (always, _ever) in told.items() if record in always]
        lackers = [host for host, (_always, ever) in told.items() if record not in ever]
        if not lackers:
            continue
        verb, hosts = ("lacks", lackers) if len(lackers) <= len(holders) else ("alone holds", holders)
        for host in hosts:
            odd.setdefault(host, []).append((verb, record))
    return odd
