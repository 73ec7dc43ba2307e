# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRE-SKEW: the nodes' engine versions fit together, and their clocks agree."""

from __future__ import annotations

import re
import statistics
import sys
import typing as t

from .._facts.model import Facts, Requests, Result
from ._result import FAIL, INCONCLUSIVE, PASS, count, listed, result

ID = "PRE-SKEW"
TITLE = "The nodes' engines fit together and their clocks agree"
HINT = "Run one engine version on all nodes, and keep time with chrony or systemd-timesyncd."
SPI = (
    "Docker Engine 29.0.0 to 29.2.0 derives other SPIs than all other versions (moby#51798): encrypted networks carry nothing between "
    "them and the rest. Upgrade %s."
)
CLOCK = "Set the clock of %s: 'systemctl restart systemd-timesyncd' (or chronyd). A clock that is wrong breaks joining and certificates."
ORDER = 24
NEEDS: tuple[str, ...] = ()
TAGS = ("P0", "preflight")
CHECK = sys.modules[__name__]
LIMIT = 30.0  # seconds; a restored machine needs a moment to set its clock


def plan(facts: Facts) -> Requests:
    """No requests: every node reports its version and its time."""
    return {}


def version(text: str) -> tuple[int, ...]:
    """The numbers of an engine's version."""
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


def odd_spi(text: str) -> bool:
    """Whether this engine version derives SPIs in its own way."""
    return (29, 0, 0) <= version(text) <= (29, 2, 0)


def skew(calls: list[list[float]]) -> tuple[float, float] | None:
    """Bounds of (node's clock - controller's clock) in seconds, from both clocks' times of each call.

    Calls that contradict each other (a clock was set meanwhile, or a call was answered by an earlier try) leave all in between open.
    """
    lows = [ended - heard for _asked, heard, _began, ended in calls]
    highs = [began - asked for asked, _heard, began, _ended in calls]
    if not calls:
        return None
    first, last = sorted((max(lows), min(highs)))
    return first, last


def middle(clocks: list[float], more: float) -> float:
    """The middle one of some clocks. One more clock decides where two are in the middle: they may be two halves that differ."""
    return statistics.median(clocks if len(clocks) % 2 else [*clocks, more])


def judge(facts: Facts) -> list[Result]:
    """One result for the swarm."""
    versions = {host: node["engine"] for host, node in facts.nodes.items() if node.get("engine")}
    bounds = {host: skew(facts.clocks.get(host) or []) for host in versions}
    told = {host: bound for host, bound in bounds.items() if bound}
    details = {"engines": versions, "clocks": {host: [round(end, 1) for end in bound] for host, bound in told.items()}}
    odd = sorted(host for host, text in versions.items() if odd_spi(text))
    if odd and len(odd) < len(versions) and any(network["encrypted"] for network in facts.networks):
        return [
            result(
                CHECK,
                FAIL,
                "engine-skew",
                f"{listed(odd)}: 29.0.0 to 29.2.0 among others, with an encrypted network",
                nodes=odd,
                hint=SPI % listed(odd),
                details=details,
            )
        ]
    wrong = _apart(told)
    if wrong:
        text = listed(f"{host} by at least {seconds:.0f} s" for host, seconds in wrong.items())
        return [
            result(
                CHECK,
                FAIL,
                "clock-skew",
                "clocks differ from the other nodes': " + text,
                nodes=sorted(wrong),
                hint=CLOCK % listed(sorted(wrong)),
                details=details,
            )
        ]
    if not told or len(told) < len(versions):
        silent = sorted(set(versions) - set(told))
        return [
            result(
                CHECK,
                INCONCLUSIVE,
                "not-told",
                f"no clock was read on {listed(silent) or 'any node'}",
                nodes=silent,
                details=details,
            )
        ]
    text = f"{count(len(told), 'node')}: engine {listed(sorted(set(versions.values())))}; clocks within {LIMIT:.0f} s"
    return [result(CHECK, PASS, "ok", text, nodes=sorted(told), details=details)]


def _apart(bounds: dict[str, t.Any]) -> dict[str, t.Any]:
    """The hosts whose clock certainly differs from the middle of all, and by how many seconds.

    The middle is known as well as the clocks are: a slow call bounds a clock badly, and to one side.
    """
    lows, highs = [low for low, _high in bounds.values()], [high for _low, high in bounds.values()]
    first, last = middle(lows, 0.0), middle(highs, 0.0)  # the controller's clock is the zero
    found = {}
    for host, (low, high) in bounds.items():
        least = max(low - last, first - high)
        if least > LIMIT:
            found[host] = least
    return found
