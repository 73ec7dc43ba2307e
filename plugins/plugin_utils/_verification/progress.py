# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress messages of a verification: a line or two at the beginning of each phase. Pure.

Private to swarmlab.overlay. Runs on the controller. The length is independent of the number of nodes.
"""

from __future__ import annotations

from types import ModuleType

from ...module_utils._verify import objects
from .._checks._result import count, listed
from .._facts.model import Facts
from . import plans

NAMES_SHOWN = 4
CHECKS_SHOWN = 8


def lines(phase: str, facts: Facts, checks: list[ModuleType]) -> list[str]:
    """The state at the beginning of this phase, and its purpose."""
    return LINES[phase](facts, checks)


def _prepare(facts: Facts, checks: list[ModuleType]) -> list[str]:
    return [
        (
            f"Setting up on {count(len(facts.hosts), 'node')} for {count(len(checks), 'check')}: {listed([check.ID for check in checks], CHECKS_SHOWN)}"
        )
    ]


def _nodes(facts: Facts) -> str:
    """The number of hosts that answered, and the names of those that did not."""
    hosts = facts.hosts
    silent = [host for host in hosts if host not in facts.nodes]
    text = f"{len(hosts) - len(silent)} of {count(len(hosts), 'node')} ready"
    return text + (f", not {listed(silent, NAMES_SHOWN)}" if silent else "")


def _open(facts: Facts, _checks: list[ModuleType]) -> list[str]:
    if not facts.leader:
        return [f"{_nodes(facts)}; none of them leads the swarm: nothing can be set up"]
    names = [f"{network['name']}{' (encrypted)' if network['encrypted'] else ''}" for network in facts.networks]
    where = f"{count(len(names), 'network')}: {listed(names, NAMES_SHOWN)}" if names else "no network"
    return [f"{_nodes(facts)}, {facts.leader} leads; {where}"]


def _probe(facts: Facts, checks: list[ModuleType]) -> list[str]:
    asked = {check.ID: sum(len(requests) for requests in check.plan(facts).values()) for check in checks}
    asked = {ident: number for ident, number in asked.items() if number}
    seconds = facts.convergence.get("seconds")
    up = f"Probes on {count(len(facts.probes), 'node')}" + (f" after {seconds:.1f} s" if seconds is not None else "")
    if not asked:
        return [f"{up}; nothing to ask over the network"]
    return [f"{up}; asking {count(sum(asked.values()), 'question')} for {listed(asked, CHECKS_SHOWN)}"]


def _reopen(facts: Facts, _checks: list[ModuleType]) -> list[str]:
    late = facts.late_probes
    return [f"The probes of {listed(late, NAMES_SHOWN)} came late; opening them"] if late else []


def _exchange(facts: Facts, _checks: list[ModuleType]) -> list[str]:
    late = [host for host in facts.hosts if facts.probed.get(host, {}).get("untold")]
    return [
        (
            f"Gossip has not told {listed(late, NAMES_SHOWN)} of every probe yet; waiting for the engines' next exchange of all records, up to {plans.WAIT} s"
        )
    ]


def _again(_facts: Facts, _checks: list[ModuleType]) -> list[str]:
    return ["Asking everything from inside the networks again"]


def _measure(facts: Facts, checks: list[ModuleType]) -> list[str]:
    found = [check.measurements(facts) for check in checks if hasattr(check, "measurements")]
    hosts, number = (
        {host for rows in found for host in rows},
        sum(len(rows) for asked in found for rows in asked.values()),
    )
    return [f"Measuring {count(number, 'path')} from {count(len(hosts), 'node')}, one after the other"]


def _disrupt(facts: Facts, _checks: list[ModuleType]) -> list[str]:
    return [f"Disrupting {facts.disrupted['node']}: {facts.disrupted['what']}"]


def _settle(facts: Facts, _checks: list[ModuleType]) -> list[str]:
    return ["Waiting until nodes and services are as before"]


def left_out(phase: str, facts: Facts) -> list[str]:
    """One line in place of all others when a disruption is impossible on this node or swarm."""
    given = facts.disrupted
    return [f"No {given['what']}: {given['skip']}"] if phase == "settle" else []


def _close(facts: Facts, checks: list[ModuleType]) -> list[str]:
    """The number of requests that were met, by check; they are judged later."""
    good, total, short = 0, 0, []
    for check in checks:
        wanted = [(host, request["id"]) for host, requests in check.plan(facts).items() for request in requests]
        met = sum(bool((facts.observations.get(host, {}).get(ident) or {}).get("ok")) for host, ident in wanted)
        good, total = good + met, total + len(wanted)
        if met < len(wanted):
            short.append(f"{check.ID} {met} of {len(wanted)}")
    text = f"{good} of {count(total, 'answer')} as expected"
    return [text + (f"; fewer for {listed(short, CHECKS_SHOWN)}" if short else "") + "; cleaning up"]


LINES = {
    "prepare": _prepare,
    "open": _open,
    "probe": _probe,
    "reopen": _reopen,
    **dict.fromkeys(objects.EXCHANGES, _exchange),
    "again": _again,
    "measure": _measure,
    "close": _close,
    "disrupt": _disrupt,
    "settle": _settle,
}
