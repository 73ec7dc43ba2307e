# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Code shared by the checks of service discovery: ask for names from every node, compare exact sets.

Private to swarmlab.overlay.
"""

from __future__ import annotations

import fnmatch
import typing as t

from ...module_utils._probe import dns
from .._facts.model import Facts, Network, Requests, Result
from . import _paths, _requests
from ._blame import between
from ._result import FAIL, INCONCLUSIVE, PASS, SKIP, count, listed, not_set_up, result

RENAME = "Give the service another name or alias: no program can look this one up."
HINT = (
    "Records that stay wrong after the convergence time: 'docker service update --force SERVICE' rewrites them; "
    "look for 7946/udp blocked between the nodes."
)


def asked_as(facts: Facts, network: Network, name: str) -> str:
    """The bare name when only this network has it; else the name with the network's, which the resolver supports.

    The probe is on all networks at once, so a bare name of several networks would have several right answers.
    """
    spelled = name.lower()
    holders = [
        item
        for item in facts.under_test
        if any(known.lower() == spelled for known in facts.records.get(item["id"], {}))
    ]
    return name if len(holders) == 1 else f"{name}.{network['name']}"


def chosen(facts: Facts, network: Network, kinds: tuple[str, ...]) -> dict[str, t.Any]:
    """Name -> expected addresses, for the names of these kinds on the network."""
    owners = facts.owners.get(network["id"], {})
    records = facts.records.get(network["id"], {})
    return {
        name: addresses
        for name, addresses in records.items()
        if owners.get(name, [None, None])[1] in kinds and selected(facts, owners[name][0])
    }


def selected(facts: Facts, service: str) -> bool:
    """Whether a service is among the selected ones."""
    return any(fnmatch.fnmatchcase(service, pattern) for pattern in facts.settings.get("services") or ["*"])


def plan(check: t.Any, facts: Facts, kinds: tuple[str, ...]) -> Requests:
    """Every host with a probe asks every chosen name of every network."""
    requests: Requests = {}
    for network in facts.networks:
        for host in _paths.asking(facts, network["id"]):
            for name, expected in askable(facts, network, kinds).items():
                requests.setdefault(host, []).append(
                    {
                        "id": ident(check, network, name),
                        "kind": "dns",
                        "name": asked_as(facts, network, name),
                        "expected": expected,
                        "patience": facts.settings["convergence"],
                    }
                )
    return requests


def askable(facts: Facts, network: Network, kinds: tuple[str, ...]) -> dict[str, t.Any]:
    """The chosen names that a resolver can be asked for, since the engine accepts any alias."""
    return {
        name: addresses
        for name, addresses in chosen(facts, network, kinds).items()
        if not dns.unaskable(asked_as(facts, network, name))
    }


def _unaskable(check: t.Any, facts: Facts, network: Network, kinds: tuple[str, ...]) -> list[Result]:
    found: dict[str, list[str]] = {}
    for name in chosen(facts, network, kinds):
        reason = dns.unaskable(asked_as(facts, network, name))
        if reason:
            found.setdefault(facts.owners[network["id"]][name][0], []).append(reason)
    return [
        result(
            check,
            FAIL,
            "name-unaskable",
            f"cannot be asked for: {listed(reasons, 3)}",
            network=network["name"],
            service=service,
            hint=RENAME,
        )
        for service, reasons in sorted(found.items())
    ]


def ident(check: t.Any, network: Network, name: str) -> str:
    """The id of a request."""
    return f"{check.ID}/{_requests.short(network)}/{name}"


def judge(check: t.Any, facts: Facts, kinds: tuple[str, ...], absent: str | None = None) -> list[Result]:
    """One result a network when all is well; else one for each service with wrong answers.

    ``absent`` is the reason to skip a network without such a name; by default that is missing evidence.
    """
    results = []
    for network in facts.networks:
        blocked = not_set_up(check, facts, "probe", network["name"])
        results += [blocked] if blocked else _judge_network(check, facts, network, kinds, absent)
    return results


def _judge_network(
    check: t.Any, facts: Facts, network: Network, kinds: tuple[str, ...], absent: str | None
) -> list[Result]:
    names, odd = askable(facts, network, kinds), _unaskable(check, facts, network, kinds)
    if odd and not names:
        return odd
    return odd + _judge_names(check, facts, network, names, absent)


def _judge_names(
    check: t.Any, facts: Facts, network: Network, names: dict[str, t.Any], absent: str | None
) -> list[Result]:
    hosts = _paths.asking(facts, network["id"])
    unfit = not names and (absent or ("no such name of a selected service" if facts.settings.get("services") else None))
    if hosts and unfit:
        return [result(check, SKIP, "no-such-name", unfit, network=network["name"])]
    if not hosts or not names:
        missing = "no probe runs on this network" if not hosts else "the swarm has no such name on this network"
        return [result(check, INCONCLUSIVE, "no-such-name" if hosts else "no-probe", missing, network=network["name"])]
    wrong: dict[str, list[dict[str, t.Any]]] = {}
    silent: set[str] = set()
    moved: set[str] = set()
    slowest = 0.0
    for host in hosts:
        for name, expected in names.items():
            seen = _paths.seen(facts, host, ident(check, network, name))
            if seen is None:
                silent.add(host)
                continue
            if not seen["ok"] and not steady(facts, network, name, expected):
                moved.add(name)
                continue
            slowest = max(slowest, seen["seconds"])
            if not seen["ok"]:
                service = facts.owners[network["id"]][name][0]
                wrong.setdefault(service, []).append(_difference(facts, network, host, name, expected, seen))
    return _results(check, network, names, hosts, wrong, silent, slowest, moved)


def steady(facts: Facts, network: Network, name: str, expected: list[str]) -> bool:
    """Whether the swarm expected the same records after probing. While a service changes, no answer is wrong."""
    later = facts.later_records
    return later is None or later.get(network["id"], {}).get(name) == list(expected)


def _difference(
    facts: Facts, network: Network, host: str, name: str, expected: list[str], seen: dict[str, t.Any]
) -> dict[str, t.Any]:
    want, have, holders = set(expected), set(seen["addresses"]), _holders(facts, network)
    return {
        "node": host,
        "name": name,
        "expected": list(expected),
        "observed": list(seen["addresses"]),
        "missing": sorted(want - have),
        "unexpected": sorted(have - want),
        "answer": seen["kind"],
        "holders": sorted({holders[address] for address in want ^ have if address in holders}),
    }


def _holders(facts: Facts, network: Network) -> dict[str, str]:
    """Address on the network -> the host of the probe or task that has it."""
    hosts = {node["id"]: host for host, node in facts.nodes.items()}
    ident = network["id"]
    tasks = [task for service in facts.services for task in service["tasks"] if task["node"] in hosts]
    found = {task["addresses"][ident]: hosts[task["node"]] for task in tasks if ident in task["addresses"]}
    return {**found, **{own[ident]: host for host, own in facts.probes.items() if ident in own}}


def _results(
    check: t.Any,
    network: Network,
    names: dict[str, t.Any],
    hosts: list[str],
    wrong: dict[str, t.Any],
    silent: set[str],
    slowest: float,
    moved: set[str],
) -> list[Result]:
    found = []
    for service, rows in sorted(wrong.items()):
        nodes = sorted({row["node"] for row in rows})
        found.append(
            result(
                check,
                FAIL,
                "records-wrong",
                describe(rows[0]) + (f" ({count(len(rows), 'record')} in all)" if len(rows) > 1 else ""),
                network=network["name"],
                service=service,
                nodes=nodes,
                seconds=slowest,
                details={
                    "records": rows,
                    "between": between(
                        (row["node"], holder) for row in rows for holder in row["holders"] or [row["node"]]
                    ),
                },
            )
        )
    if silent:
        found.append(
            result(
                check,
                INCONCLUSIVE,
                "no-observation",
                f"no observation from {listed(sorted(silent))}",
                network=network["name"],
                nodes=sorted(silent),
            )
        )
    if found:
        return found
    if len(moved) == len(names):
        text = (
            f"every name changed while it was asked for: {listed(sorted(moved), 3)}; verify again when the "
            "services are at rest"
        )
        return [result(check, SKIP, "names-moved", text, network=network["name"])]
    text = (
        f"{count(len(names) - len(moved), 'name')} from {count(len(hosts), 'node')}, exact sets after {slowest:.1f} s"
    )
    if moved:
        text += f"; {listed(sorted(moved), 3)} changed meanwhile"
    return [result(check, PASS, "ok", text, network=network["name"], nodes=hosts, seconds=slowest)]


def describe(row: dict[str, t.Any]) -> str:
    """One wrong record as text."""
    parts = []
    if row["missing"]:
        parts.append("missing " + listed(row["missing"]))
    if row["unexpected"]:
        parts.append("unexpected " + listed(row["unexpected"]))
    return f"{row['name']} asked on {row['node']}: {'; '.join(parts) or 'not as expected'} (answer: {row['answer']})"
