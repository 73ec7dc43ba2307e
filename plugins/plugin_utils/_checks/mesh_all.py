# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""MESH-ALL: a published port answers on every node, wherever the task runs; a port that is not published does not."""

from __future__ import annotations

import sys

from ...module_utils._probe.sockets import PORT as PROBE_PORT
from .._facts.model import Facts, Requests, Result
from . import _paths
from ._blame import Pair, between, blame
from ._result import FAIL, INCONCLUSIVE, PASS, SKIP, count, listed, not_set_up, result

ID = "MESH-ALL"
TITLE = "A published port answers on every node"
HINT = "Look for the chain DOCKER-INGRESS ('iptables -t nat -S DOCKER-INGRESS') and the data path to the task's node; restart the engine there."
NO_IPVS = "The kernel of %s lacks ip_vs: published ports do not answer there (see PRE-KMOD)."
OPEN = "A port that nobody published answers: a container in host mode or a rule of the host's forwards it."
ORDER = 64
NEEDS = ("published",)
TAGS = ("P0", "dataplane", "balancing")
CHECK = sys.modules[__name__]


def plan(facts: Facts) -> Requests:
    """Each source connects to each target of its pairs, at the published port and at one that is not."""
    home = behind(facts)
    if not facts.published_port or not home:
        return {}
    requests: Requests = {}
    for source, target in asked(facts):
        base = {"network": "ingress", "address": asked_at(facts, target), "node": home, "where": "host"}
        patience = 0 if target in _paths.lacks(facts, "ip_vs") else facts.settings["convergence"]
        requests.setdefault(source, []).extend(
            [
                dict(base, id=_ident(target), kind="tcp", port=facts.published_port, patience=patience),
                dict(base, id=_ident(target) + "/closed", kind="closed", port=PROBE_PORT, patience=0),
            ]
        )
    return requests


def asked(facts: Facts) -> list[Pair]:
    """The pairs of a host and a node whose published port it asks."""
    tries = _paths.host_pairs(facts) or [(host, host) for host in facts.opened]
    return [pair for pair in tries if asked_at(facts, pair[1])]


def asked_at(facts: Facts, host: str) -> str | None:
    """The host's address for requests to the mesh, None when it has none.

    The mesh answers on every IPv4 address of a node, and over IPv4 only.
    """
    address = _paths.address(facts, host)
    if not address or ":" not in address:
        return address
    devices = {row["device"] for row in _paths.local(facts, host) if row["address"] == address}
    return next(
        (row["address"] for row in _paths.local(facts, host) if row["device"] in devices and ":" not in row["address"]),
        None,
    )


def behind(facts: Facts) -> str | None:
    """The host where the task of the published service runs."""
    return next((host for host, node in facts.nodes.items() if node["id"] == facts.published_on), None)


def own_ports(facts: Facts) -> tuple[str, str]:
    """The ports of the run's published service, as in ``facts.published``."""
    return f"tcp/{facts.published_port}", f"udp/{facts.published_udp}"


def is_udp_published(facts: Facts) -> bool:
    """Whether somebody publishes a UDP port: else no harm is done where a filter lets none pass but the swarm's own."""
    return any(port.startswith("udp/") for port in set(facts.published) - {*own_ports(facts)})


def _ident(target: str) -> str:
    return f"{ID}/{target}"


def judge(facts: Facts) -> list[Result]:
    """One result for the swarm."""
    blocked = not_set_up(CHECK, facts, "published")
    if blocked:
        return [blocked]
    home, tries = behind(facts), asked(facts)
    if not facts.published_port or not home:
        return [
            result(
                CHECK,
                INCONCLUSIVE,
                "service-not-up",
                "the run's published service did not come up on a node of the play",
            )
        ]
    if not tries:
        if not facts.opened:
            return [result(CHECK, SKIP, "not-told", "no node was open")]
        return [
            result(
                CHECK,
                SKIP,
                "ipv6-only",
                "the routing mesh answers over IPv4 alone, and no node has such an address beside that of IPv6",
            )
        ]
    failed, open_ports, silent = {}, set(), set()
    for source, target in tries:
        seen, closed = (
            _paths.seen(facts, source, _ident(target)),
            _paths.seen(facts, source, _ident(target) + "/closed"),
        )
        if seen is None or closed is None:
            silent.add(source)
            continue
        if not seen["ok"]:
            failed[source, target] = _paths.problem(seen)
        if not closed["ok"]:
            open_ports.add(target)
    return [_conclude(facts, home, tries, failed, open_ports, silent)]


def _conclude(
    facts: Facts,
    home: str,
    tries: list[tuple[str, str]],
    failed: dict[Pair, str],
    open_ports: set[str],
    silent: set[str],
) -> Result:
    details = {"port": facts.published_port, "task_on": home}
    if failed:
        rows = [f"{target} asked by {source}: {why}" for (source, target), why in sorted(failed.items())]
        deaf = sorted(
            {target for _source, target in failed if all(pair in failed for pair in tries if pair[1] == target)}
        )
        nodes, hint = deaf or blame(failed), HINT
        lacking = _paths.lacks(facts, "ip_vs")
        if lacking and {target for _source, target in failed} <= set(lacking):
            nodes, hint = lacking, NO_IPVS % listed(lacking)
        return result(
            CHECK,
            FAIL,
            "port-silent",
            f"port {facts.published_port} does not answer on {listed(rows, 3)}",
            nodes=nodes,
            hint=hint,
            details=dict(details, failed=rows, between=between((*pair, home) for pair in failed)),
        )
    if open_ports:
        return result(
            CHECK,
            FAIL,
            "port-unpublished",
            f"port {PROBE_PORT} answers on {listed(sorted(open_ports))} and nobody published it",
            nodes=sorted(open_ports),
            hint=OPEN,
            details=details,
        )
    if silent:
        return result(
            CHECK,
            INCONCLUSIVE,
            "no-observation",
            f"no observation from {listed(sorted(silent))}",
            nodes=sorted(silent),
            details=details,
        )
    text = (
        f"port {facts.published_port} answers on "
        f"{count(len({target for _source, target in tries}), 'node')}, the task runs on {home}; port "
        f"{PROBE_PORT}, not published, does not"
    )
    return result(CHECK, PASS, "ok", text, nodes=sorted(facts.opened), details=details)
