# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DP-MATRIX: every node reaches every other one on every network, directly and through the virtual IP."""

from __future__ import annotations

import sys
import typing as t

from ...module_utils._probe.sockets import REFUSED
from .._facts.model import Facts, Network, Requests, Result
from . import _paths, _requests
from ._blame import Pair, blame
from ._result import FAIL, INCONCLUSIVE, PASS, SKIP, count, listed, not_set_up, result

ID = _requests.MATRIX
TITLE = "Every node reaches every other node"
DIRECT = "Every node reaches every other node directly (ICMP, TCP, UDP)"
BALANCED = "Every node reaches every other node through the virtual IP (TCP)"
HINT = "Allow the data path between all nodes: UDP 4789 (or the swarm's data-path port), and IP protocol 50 for encrypted networks."
OFFLOAD = "ICMP passes and TCP does not: switch checksum offload off ('ethtool -K DEVICE tx-checksum-ip-generic off') and try again."
NO_ESP = "The kernel of %s lacks %s: encrypted networks carry nothing between nodes there (see PRE-KMOD)."
NO_IPVS = "The kernel of %s lacks ip_vs: virtual IPs do not answer there (see PRE-KMOD)."
ORDER = 60
NEEDS = ("probe", "wire")
TAGS = ("P0", "dataplane")
KINDS = _requests.KINDS
CHECK = sys.modules[__name__]


def plan(facts: Facts) -> Requests:
    """Each source tries each target of its pairs in three ways, and the virtual IP until every backend has answered."""
    requests: Requests = {}
    for network in facts.networks:
        for source, target in _paths.pairs(facts, network["id"]):
            requests.setdefault(source, []).extend(direct(facts, ID, network, source, target))
        for source in _paths.asking(facts, network["id"]):
            requests.setdefault(source, []).extend(balanced(facts, network, source))
    return requests


def direct(facts: Facts, check: str, network: Network, source: str, target: str) -> list[dict[str, t.Any]]:
    """The requests from one host to the probe on another."""
    patience = facts.settings["convergence"]
    if network["encrypted"] and {source, target} & set(_paths.lacks_esp(facts)):
        patience = 0
    return [
        {
            "id": ident(check, network, target, kind),
            "kind": kind,
            "network": network["name"],
            "node": target,
            "address": facts.probes[target][network["id"]],
            "patience": patience,
        }
        for kind in KINDS
    ]


def ident(check: str, network: Network, target: str, kind: str) -> str:
    """The id of a request."""
    return str(_requests.Path(check, _requests.short(network), target, kind))


def balanced(facts: Facts, network: Network, source: str) -> list[dict[str, t.Any]]:
    """Connections from one host through the virtual IP."""
    vip = facts.vips.get(network["id"])
    if not vip:
        return []
    hosts, unheard = _paths.probed(facts, network["id"]), _paths.unheard(facts)
    unbalanced = source in _paths.lacks(facts, "ip_vs")  # each connection runs out of its time, however many
    if unbalanced:
        manner: dict[str, t.Any] = {"count": 2}
    elif any(unheard):  # every backend must have its turn, and some refuse
        manner = {"count": 2 * len([*hosts, *unheard.hosts, *unheard.others]), "refusal": True}
    else:
        manner = {}
    helpless = unbalanced or (network["encrypted"] and _paths.lacks_esp(facts))
    return [
        {
            "id": ident(ID, network, "*", "vip"),
            "kind": "vip",
            "network": network["name"],
            "address": vip,
            "nodes": hosts,
            "patience": 0 if helpless else facts.settings["convergence"],
            **manner,
        }
    ]


def judge(facts: Facts) -> list[Result]:
    """Two results a network."""
    results = []
    for network in facts.networks:
        blocked = not_set_up(CHECK, facts, "probe", network["name"])
        results += [blocked] if blocked else [_judge_direct(facts, network), _judge_balanced(facts, network)]
    return results


def _judge_direct(facts: Facts, network: Network) -> Result:
    tried = _paths.pairs(facts, network["id"])
    if not tried:
        return _alone(facts, network, DIRECT)
    failed: dict[Pair, dict[str, str]] = {}
    silent, slowest = set(), 0.0
    for source, target in tried:
        for kind in KINDS:
            seen = _paths.seen(facts, source, ident(ID, network, target, kind))
            if seen is None:
                silent.add(source)
                continue
            slowest = max(slowest, seen["seconds"])
            if not seen["ok"]:
                failed.setdefault((source, target), {})[kind] = _paths.problem(seen)
    if failed:
        return _failed_direct(facts, network, tried, failed, slowest)
    if silent:
        return result(
            CHECK,
            INCONCLUSIVE,
            "no-observation",
            f"no observation from {listed(sorted(silent))}",
            title=DIRECT,
            network=network["name"],
            nodes=sorted(silent),
            details=_direct_matrix(facts, network, tried),
        )
    text = f"{count(len(tried), 'pair')} by ICMP, TCP and UDP, the last after {slowest:.1f} s"
    return result(
        CHECK,
        PASS,
        "ok",
        text,
        title=DIRECT,
        network=network["name"],
        nodes=_paths.probed(facts, network["id"]),
        seconds=slowest,
        details=_direct_matrix(facts, network, tried),
    )


def _direct_matrix(facts: Facts, network: Network, tried: list[tuple[str, str]]) -> dict[str, t.Any]:
    kinds: dict[t.Any, t.Any] = {kind: {} for kind in KINDS}
    for source, target in tried:
        for kind in KINDS:
            seen = _paths.seen(facts, source, ident(ID, network, target, kind))
            kinds[kind].setdefault(source, {})[target] = _paths.cell(seen)
    return _paths.matrix(_paths.probed(facts, network["id"]), kinds)


def _alone(facts: Facts, network: Network, title: str) -> Result:
    hosts = _paths.probed(facts, network["id"])
    if len(facts.opened) == 1 and hosts:
        return result(
            CHECK,
            SKIP,
            "one-node",
            "the play has one node: there is no pair to try",
            title=title,
            network=network["name"],
        )
    return result(
        CHECK,
        INCONCLUSIVE,
        "no-pair",
        f"{count(len(hosts), 'probe')} on this network: no pair could be tried",
        title=title,
        network=network["name"],
    )


def _failed_direct(
    facts: Facts, network: Network, tried: list[tuple[str, str]], failed: dict[Pair, dict[str, str]], slowest: float
) -> Result:
    weights = _paths.suspicion(facts, network, list(failed))
    rows = [
        f"{source} to {target} ({', '.join(f'{kind}: {why}' for kind, why in sorted(kinds.items()))})"
        for (source, target), kinds in sorted(failed.items())
    ]
    nodes, hint = blame(failed, lambda node: weights.get(node, 0)), HINT
    lacking = _paths.lacks_esp(facts) if network["encrypted"] else []
    if lacking and all(set(pair) & set(lacking) for pair in failed):
        nodes, hint = lacking, NO_ESP % (listed(lacking), _paths.esp(facts))
    elif all("tcp" in kinds and "icmp" not in kinds for kinds in failed.values()):
        hint = OFFLOAD
    text = f"{len(failed)} of {count(len(tried), 'pair')} failed: {listed(rows, 2)}"
    return result(
        CHECK,
        FAIL,
        "paths-lost",
        text,
        title=DIRECT,
        network=network["name"],
        nodes=nodes,
        hint=hint,
        seconds=slowest,
        details=dict(_direct_matrix(facts, network, tried), failed=rows),
    )


def _judge_balanced(facts: Facts, network: Network) -> Result:
    hosts = _paths.probed(facts, network["id"])
    if not facts.vips.get(network["id"]) or not hosts:
        return result(
            CHECK,
            INCONCLUSIVE,
            "no-virtual-ip",
            "the probes have no virtual IP here",
            title=BALANCED,
            network=network["name"],
        )
    missing: dict[str, tuple[list[str], list[str]]] = {}
    silent, mute, slowest = [], [], 0.0
    unheard = _paths.unheard(facts)
    for source in _paths.asking(facts, network["id"]):
        seen = _paths.seen(facts, source, ident(ID, network, "*", "vip"))
        if seen is None:
            silent.append(source)
            continue
        slowest = max(slowest, seen["seconds"])
        gone = sorted(set(hosts) - set(seen["nodes"]))
        if not gone and any(unheard) and seen["errors"] == [REFUSED]:
            mute.append(source)
        elif not seen["ok"]:
            missing[source] = (gone, seen["errors"])
    if missing:
        return _failed_balanced(facts, network, missing, slowest)
    if silent or (mute and unheard.hosts):
        reason, nodes, text = "no-observation", silent, f"no observation from {listed(silent)}"
        if mute:
            reason, nodes = "probe-unopened", unheard.hosts
            text = (
                f"every backend answered {listed(mute)}, and some connections were refused: "
                f"the probe of {listed(unheard.hosts)} was not opened and answers nobody"
            )
        return result(
            CHECK,
            INCONCLUSIVE,
            reason,
            text,
            title=BALANCED,
            network=network["name"],
            nodes=nodes,
            details=_balanced_matrix(facts, network),
        )
    text = f"from {count(len(hosts), 'node')} every one of {count(len(hosts), 'backend')} answered"
    if mute:
        text += f"; nobody serves those outside of this play, on {listed(unheard.others)}"
    return result(
        CHECK,
        PASS,
        "ok",
        text,
        title=BALANCED,
        network=network["name"],
        nodes=hosts,
        seconds=slowest,
        details=_balanced_matrix(facts, network),
    )


def _balanced_matrix(facts: Facts, network: Network) -> dict[str, t.Any]:
    hosts = _paths.probed(facts, network["id"])
    rows = {
        source: _backends(_paths.seen(facts, source, ident(ID, network, "*", "vip")), hosts)
        for source in _paths.asking(facts, network["id"])
    }
    return _paths.matrix(hosts, {"vip": rows})


def _backends(seen: dict[str, t.Any] | None, hosts: list[str]) -> dict[str, t.Any]:
    """The backends that answered one source. The balancer rotates, so a failed attempt counts for all backends."""
    if seen is None or seen["ok"]:
        return {host: _paths.cell(seen) for host in hosts}
    reason = listed(seen["errors"]) or "no answer"
    if set(hosts) <= set(seen["nodes"]):
        return dict.fromkeys(hosts, "some attempts failed: " + reason)
    return {host: seen["seconds"] if host in seen["nodes"] else reason for host in hosts}


def _failed_balanced(facts: Facts, network: Network, missing: dict[str, t.Any], slowest: float) -> Result:
    """The result of failed virtual IPs.

    A source without any backend has a local cause; else each missing backend is a failed pair.
    """
    backends = _paths.probed(facts, network["id"])
    deaf = [source for source, (gone, _errors) in missing.items() if set(gone) == set(backends)]
    failed = {
        (source, target)
        for source, (gone, _errors) in missing.items()
        if source not in deaf
        for target in gone
        if source != target
    }
    weights = _paths.suspicion(facts, network, list(failed))
    nodes = sorted(
        set(deaf)
        | set(blame({pair for pair in failed if not set(pair) & set(deaf)}, lambda node: weights.get(node, 0)))
        or set(missing)
    )
    hint = HINT
    no_ipvs, no_esp = _paths.lacks(facts, "ip_vs"), _paths.lacks_esp(facts) if network["encrypted"] else []
    if set(missing) <= set(no_ipvs):
        nodes, hint = sorted(missing), NO_IPVS % listed(no_ipvs)
    elif no_esp:
        nodes, hint = no_esp, NO_ESP % (listed(no_esp), _paths.esp(facts))
    rows = [
        f"{source} reached no backend on {listed(gone) or 'some attempts'} ({listed(errors)})"
        for source, (gone, errors) in sorted(missing.items())
    ]
    return result(
        CHECK,
        FAIL,
        "backends-missing",
        listed(rows, 2),
        title=BALANCED,
        network=network["name"],
        nodes=nodes,
        hint=hint,
        seconds=slowest,
        details=dict(_balanced_matrix(facts, network), failed=rows),
    )
