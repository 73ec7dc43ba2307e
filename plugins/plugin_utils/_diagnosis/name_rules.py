# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Causes that are visible in names and attachments. Pure.

Private to swarmlab.overlay.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable

from .._checks import _paths
from .._checks._result import listed
from .model import INFERRED, Claim, Finding
from .view import View


def _by_network(rows: list[dict[str, t.Any]], key: str) -> dict[tuple[str, str], dict[str, tuple[str, ...]]]:
    """(network, name) -> {asking node: addresses} for the rows with a value for ``key``."""
    found: dict[tuple[str, str], dict[str, tuple[str, ...]]] = {}
    for row in rows:
        if row[key]:
            found.setdefault((row["network"], row["name"]), {})[row["node"]] = tuple(row[key])
    return found


def _asked(view: View, network: str) -> set[str]:
    known = next((item for item in view.facts.under_test if item["name"] == network), None)
    return set(_paths.probed(view.facts, known["id"])) if known else set()


def second_holder(view: View) -> Iterable[Finding]:
    """Every node gets the same surplus address for a name: another holder answers, or the record is stale."""
    for (network, name), told in _by_network(view.wrong_names, "unexpected").items():
        if set(told) >= _asked(view, network) and len(set(told.values())) == 1:
            addresses = min(told.values())
            yield Finding(
                f"{name} is held by more than its service on {network}: {listed(addresses)}",
                (),
                (f"every node hears {listed(addresses)} for {name}, and no task of the service has it",),
                (network,),
                certainty=INFERRED,
                claims=(Claim("SD-*", wide=True), Claim("DUP-*", wide=True)),
            )


def old_view(view: View) -> Iterable[Finding]:
    """Some nodes get wrong records, and others the right ones."""
    wrong: dict[t.Any, t.Any] = {}
    for row in view.wrong_names:
        wrong.setdefault(row["network"], {}).setdefault(row["node"], []).append(row)
    some = {network: rows for network, rows in wrong.items() if set(rows) < _asked(view, network)}
    nodes = view.ordered({node for rows in some.values() for node in rows})
    if nodes:
        lines = [
            (
                f"{row['node']} hears {listed(row['observed']) or row['answer']} for {row['name']} on {network}, not {listed(row['expected']) or 'nothing'}"
            )
            for network, rows in sorted(some.items())
            for node in view.ordered(rows)
            for row in rows[node]
        ]
        yield Finding(
            view.title("{nodes} [has|have] an old view of the names on {networks}", nodes, sorted(some)),
            nodes,
            tuple(lines[:4]),
            tuple(sorted(some)),
            certainty=INFERRED,
        )


def attach(view: View) -> Iterable[Finding]:
    """The engine of a worker refuses to attach a container."""
    worker = view.facts.worker or ""
    rows = (view.facts.probed.get(worker) or {}).get("attached") or []
    refused = {row["network"]: row["refused"] for row in rows if row.get("refused")}
    failed = {item["network"] for item in view.failed("NET-ATTACH")}
    for network in view.facts.networks:
        if network["id"] in refused and network["name"] in failed:
            yield Finding(
                f"{worker} cannot attach a container to {network['name']}",
                (worker,),
                (refused[network["id"]],),
                (network["name"],),
            )
