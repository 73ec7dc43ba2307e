# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NET-GATEWAY: every node has a docker_gwbridge, through which tasks leave it; it overlaps nothing and has room."""

from __future__ import annotations

import sys
import typing as t

from ...module_utils._terms import GATEWAY
from .._facts.model import Facts, Requests, Result
from . import _system, ipam_headroom
from ._result import FAIL, INCONCLUSIVE, PASS, count, listed, result

ID = "NET-GATEWAY"
TITLE = "docker_gwbridge, the way out of tasks, fits every node"
HINT = (
    "Make docker_gwbridge anew with another subnet ('docker network create --subnet ... docker_gwbridge', while the node is out of the swarm), "
    "or take away what overlaps: it is shadowed."
)
MISSING = "Restart the engine of %s, which makes it; without it tasks have no way out, and published ports no way in."
ORDER = 69
NEEDS: tuple[str, ...] = ()
TAGS = ("P1", "networks", "lint")
CHECK = sys.modules[__name__]
LEAST = 4  # addresses that it must have left: each container on an overlay takes one


def plan(facts: Facts) -> Requests:
    """No requests: every node tells of its bridge."""
    return {}


def judge(facts: Facts) -> list[Result]:
    """One result when it fits, else one for each way in which it does not."""
    told = {host: data["gateway"] for host, data in facts.opened.items() if "gateway" in data}
    if not told:
        return [result(CHECK, INCONCLUSIVE, "not-told", f"no node told of {GATEWAY}", hint="See PRE-REACH.")]
    there = {host: found for host, found in told.items() if found}
    bad = [item for item in (_missing(told), _overlap(facts, there), _shadowed(facts, there), _full(there)) if item]
    if bad:
        return bad
    silent = [host for host in facts.hosts if host not in told]
    if silent:
        text = f"{listed(silent)} did not tell"
        return [result(CHECK, INCONCLUSIVE, "not-told", text, nodes=silent, hint="See PRE-REACH.")]
    subnets = sorted({subnet for found in there.values() for subnet in found["subnets"]})
    text = f"{listed(subnets, 3)} on {count(len(there), 'node')} overlaps nothing, and has room"
    return [result(CHECK, PASS, "ok", text, nodes=sorted(there))]


def _missing(told: dict[str, t.Any]) -> Result | None:
    nodes = [host for host, found in told.items() if found is None]
    if not nodes:
        return None
    text = f"{GATEWAY} is missing on {listed(nodes)}"
    return result(CHECK, FAIL, "gateway-missing", text, nodes=nodes, hint=MISSING % listed(nodes))


def _overlap(facts: Facts, there: dict[str, t.Any]) -> Result | None:
    rows: list[str] = []
    nodes: list[str] = []
    for host, found in there.items():
        # Its own route is no overlap.
        foreign = [row for row in _system.routes(facts).get(host, []) if row["device"] != GATEWAY]
        here, mine = _system.overlaps(found["subnets"], {host: foreign}, [])
        rows, nodes = rows + here, nodes + mine
    if not rows:
        return None
    text = f"its subnet overlaps: {listed(rows, 3)}"
    return result(CHECK, FAIL, "subnet-overlap", text, nodes=sorted(nodes), details={"overlaps": rows})


def _shadowed(facts: Facts, there: dict[str, t.Any]) -> Result | None:
    found = _system.shadowed(facts, {host: data["subnets"] for host, data in there.items()})
    if not found:
        return None
    text = listed(f"{host}: {servers} is inside {GATEWAY}" for host, servers in found.items())
    return result(CHECK, FAIL, "resolver-shadowed", text, nodes=sorted(found))


def _full(there: dict[str, t.Any]) -> Result | None:
    left = {host: ipam_headroom.room(data["subnets"]) - data["used"] for host, data in there.items() if data["subnets"]}
    nodes = [host for host, number in left.items() if number < LEAST]
    if not nodes:
        return None
    text = listed(f"{host}: {count(left[host], 'address')} left in {listed(there[host]['subnets'])}" for host in nodes)
    return result(CHECK, FAIL, "addresses-exhausted", text, nodes=nodes, details={"free": left})
