# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person sees while a verification runs: a line or two as each phase begins. Pure.

Private to swarmlab.overlay. Runs on the controller. The length does not depend on the number of nodes.
"""

from __future__ import annotations

from .._checks._result import count, listed
from ...module_utils._verify import objects
from . import plans

NAMES_SHOWN = 4
CHECKS_SHOWN = 8


def lines(phase: str, facts: dict, checks: list) -> list[str]:
    """What is known as this phase begins, and what it is about to do."""
    return PHASES[phase](facts, checks)


def _prepare(facts: dict, checks: list) -> list[str]:
    return ["Setting up on %s for %s: %s" % (
        count(len(facts["hosts"]), "node"), count(len(checks), "check"), listed([check.ID for check in checks], CHECKS_SHOWN))]


def _nodes(facts: dict) -> str:
    """Who answered; by name whoever did not."""
    hosts = facts["hosts"]
    silent = [host for host in hosts if host not in facts["nodes"]]
    text = "%d of %s ready" % (len(hosts) - len(silent), count(len(hosts), "node"))
    return text + (", not %s" % listed(silent, NAMES_SHOWN) if silent else "")


def _open(facts: dict, _checks: list) -> list[str]:
    if not facts["leader"]:
        return ["%s; none of them leads the swarm: nothing can be set up" % _nodes(facts)]
    names = ["%s%s" % (network["name"], " (encrypted)" if network["encrypted"] else "") for network in facts["networks"]]
    where = "%s: %s" % (count(len(names), "network"), listed(names, NAMES_SHOWN)) if names else "no network"
    return ["%s, %s leads; %s" % (_nodes(facts), facts["leader"], where)]


def _probe(facts: dict, checks: list) -> list[str]:
    asked = {check.ID: sum(len(requests) for requests in check.plan(facts).values()) for check in checks}
    asked = {ident: number for ident, number in asked.items() if number}
    seconds = facts["convergence"].get("seconds")
    up = "Probes on %s" % count(len(facts["probes"]), "node") + (" after %.1f s" % seconds if seconds is not None else "")
    if not asked:
        return ["%s; nothing to ask over the network" % up]
    return ["%s; asking %s for %s" % (up, count(sum(asked.values()), "question"), listed(asked, CHECKS_SHOWN))]


def _exchange(facts: dict, _checks: list) -> list[str]:
    late = [host for host in facts["hosts"] if facts["probed"].get(host, {}).get("untold")]
    return ["Gossip has not told %s of every probe yet; waiting for the engines' next exchange of all records, up to %d s" % (
        listed(late, NAMES_SHOWN), plans.WAIT)]


def _again(_facts: dict, _checks: list) -> list[str]:
    return ["Asking everything from inside the networks again"]


def _measure(facts: dict, checks: list) -> list[str]:
    found = [check.measurements(facts) for check in checks if hasattr(check, "measurements")]
    hosts, number = {host for rows in found for host in rows}, sum(len(rows) for asked in found for rows in asked.values())
    return ["Measuring %s from %s, one after the other" % (count(number, "path"), count(len(hosts), "node"))]


def _disrupt(facts: dict, _checks: list) -> list[str]:
    return ["Disrupting %s: %s" % (facts["disrupted"]["node"], facts["disrupted"]["what"])]


def _settle(facts: dict, _checks: list) -> list[str]:
    return ["Waiting until nodes and services are as before"]


def left_out(phase: str, facts: dict) -> list[str]:
    """In place of all lines of a disruption that this node or swarm cannot have: one, as soon as that is known."""
    given = facts["disrupted"]
    return ["No %s: %s" % (given["what"], given["skip"])] if phase == "settle" else []


def _close(facts: dict, checks: list) -> list[str]:
    """How many answers were as they should be, by check; judging comes later."""
    good, total, short = 0, 0, []
    for check in checks:
        wanted = [(host, request["id"]) for host, requests in check.plan(facts).items() for request in requests]
        met = sum(bool((facts["observations"].get(host, {}).get(ident) or {}).get("ok")) for host, ident in wanted)
        good, total = good + met, total + len(wanted)
        if met < len(wanted):
            short.append("%s %d of %d" % (check.ID, met, len(wanted)))
    text = "%d of %s as expected" % (good, count(total, "answer"))
    return [text + ("; fewer for %s" % listed(short, CHECKS_SHOWN) if short else "") + "; cleaning up"]


PHASES = {"prepare": _prepare, "open": _open, "probe": _probe, **dict.fromkeys(objects.EXCHANGES, _exchange), "again": _again,
          "measure": _measure, "close": _close, "disrupt": _disrupt, "settle": _settle}
