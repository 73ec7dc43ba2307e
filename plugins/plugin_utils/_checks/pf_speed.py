# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PF-SPEED: the speed of a plain and an encrypted overlay, beside that of the path between the hosts themselves."""

from __future__ import annotations

import sys
import typing as t
from collections.abc import Iterator

from .._facts.model import Facts, Requests, Result
from . import _blame, _paths
from ._result import INCONCLUSIVE, PASS, count, listed, not_set_up, result

ID = "PF-SPEED"
TITLE = "What overlay networks carry, beside the hosts' own path"
HINT = "See DP-MATRIX and MTU-FIT: a path that does not work cannot be measured."
NO_HOST = (
    "the hosts' own path was not measured: %s (port %d/tcp between them may be closed, which overlays do not mind)"
)
ORDER = 90
NEEDS = ("probe", "speed")
TAGS = ("P3", "performance")
SWITCH = "performance"
CHECK = sys.modules[__name__]

PAIRS = 3  # nodes that measure, each itself and its neighbour; more would only take longer
WAYS = (("host", "direct"), ("overlay", "direct"), ("overlay", "vip"), ("encrypted", "direct"), ("encrypted", "vip"))
PLACES = ("same node", "other node")
OVERHEAD = 2.0  # seconds of a measurement besides its stream
FAR_BELOW = 0.02  # share of the hosts' path; header, copying and cipher together cost a factor of two to ten
OFFLOAD = "%s carry less than a fiftieth of the hosts' path: look for packets in fragments (MTU-FIT) and for checksum offload of the network card"


def plan(facts: Facts) -> Requests:
    """No requests during probing: see ``measurements``."""
    return {}


def _rows(facts: Facts) -> Iterator[dict[str, t.Any]]:
    """The measurements: from a few nodes by hash order, different in every run, to themselves and to the next node."""
    ready = [host for host in facts.hosts if host in facts.served and facts.opened.get(host, {}).get("namespace")]
    ring = _blame.ring(ready, facts.run)
    sources = [host for host in ring if _paths.selected(facts, host)][:PAIRS]
    for source in sources:
        following = ring[(ring.index(source) + 1) % len(ring)]
        for where, target in zip(PLACES, (source, following)):
            for path, via in WAYS if target != source or where == PLACES[0] else ():
                yield {"where": where, "path": path, "via": via, "source": source, "target": target}


def _ident(row: dict[str, t.Any]) -> str:
    return "/".join((ID, row["target"], row["path"], row["via"]))


def blocked(facts: Facts, row: dict[str, t.Any]) -> str | None:
    """Why a way cannot be measured here, by the kernel or the run; None if it can."""
    no_ipvs, no_esp = _paths.lacks(facts, "ip_vs"), _paths.lacks_esp(facts)
    if row["via"] == "vip" and row["source"] in no_ipvs:
        return f"the kernel of {row['source']} lacks ip_vs"
    # A virtual IP rotates over all nodes, so each of them is needed.
    crossing = (
        facts.served if row["via"] == "vip" else {row["source"], row["target"]} if row["where"] == PLACES[1] else set()
    )
    without = [host for host in no_esp if host in crossing]
    if row["path"] == "encrypted" and without:
        return f"the kernel of {listed(without)} lacks {_paths.esp(facts)}"
    return None


def measurements(facts: Facts) -> dict[str, t.Any]:
    """{host: rows}, carried out one after the other, on one host at a time."""
    rows: Requests = {}
    for row in _rows(facts):
        if blocked(facts, row):
            continue
        host = row["path"] == "host"
        addresses = [_paths.address(facts, row["target"]) if host else facts.served[row["target"]].get(row["path"])]
        rows.setdefault(row["source"], []).append(
            {
                "id": _ident(row),
                "target": row["target"],
                "namespace": None if host else facts.opened[row["source"]]["namespace"],
                "addresses": [address for address in addresses if address],
                "tries": 2 * len(facts.served),
                "name": facts.speed_names[row["path"]] if row["via"] == "vip" else None,
            }
        )
    return rows


def longest(hosts: int, seconds: float) -> float:
    """The longest time in seconds for all measurements. The run's helpers have to live that long."""
    return min(hosts, PAIRS) * len(PLACES) * len(WAYS) * (seconds + OVERHEAD)


def judge(facts: Facts) -> list[Result]:
    """One result for the swarm. No figure is right or wrong: the results are shown beside the hosts' own path."""
    unmade = not_set_up(CHECK, facts, "speed")
    if unmade:
        return [unmade]
    rows = [dict(row, **_measured(facts, row)) for row in _rows(facts)]
    if not rows:
        return [
            result(
                CHECK,
                INCONCLUSIVE,
                "nothing-to-measure",
                "no node had a task of the run to measure",
                hint="See PRE-REACH.",
            )
        ]
    _compare(rows)
    return [_conclude(facts, rows)]


def _measured(facts: Facts, row: dict[str, t.Any]) -> dict[str, t.Any]:
    reason = blocked(facts, row)
    seen = (
        {"error": reason}
        if reason
        else facts.measured.get(row["source"], {}).get(_ident(row)) or {"error": "no observation"}
    )
    return {"mbit": seen.get("mbit"), "latency_ms": seen.get("latency_ms"), "ratio": None, "problem": seen.get("error")}


def _compare(rows: list[dict[str, t.Any]]) -> None:
    """Add each row's throughput as a share of the hosts' own path between the same two."""
    own = {(row["source"], row["target"]): row["mbit"] for row in rows if row["path"] == "host"}
    for row in rows:
        base = own[row["source"], row["target"]]
        if row["mbit"] is not None and base:
            row["ratio"] = round(row["mbit"] / base, 3)


def _conclude(facts: Facts, rows: list[dict[str, t.Any]]) -> Result:
    details: dict[str, t.Any] = {"performance": rows}
    lost = [row for row in rows if row["problem"] and row["path"] != "host" and not blocked(facts, row)]
    if lost:
        told = [f"{row['source']} to {row['target']}, {row['path']} {row['via']}: {row['problem']}" for row in lost]
        nodes = sorted({host for row in lost for host in (row["source"], row["target"])})
        text = f"{len(lost)} of {count(len(rows), 'way')} could not be measured: {listed(told, 3)}"
        return result(CHECK, INCONCLUSIVE, "not-measured", text, nodes=nodes, details=details)
    shut = [row["problem"] for row in rows if row["path"] == "host" and row["problem"]]
    slow = [row for row in rows if row["ratio"] is not None and row["ratio"] < FAR_BELOW]
    remarks = [NO_HOST % (shut[0], facts.speed_port)] if shut else []
    if slow:
        remarks.append(
            OFFLOAD % listed(dict.fromkeys(f"{row['source']} to {row['target']} ({row['path']})" for row in slow), 3)
        )
    if remarks:
        details["remarks"] = remarks
    text = "; ".join([_best(rows), *remarks])
    return result(CHECK, PASS, "ok", text, nodes=sorted({row["source"] for row in rows}), details=details)


def _best(rows: list[dict[str, t.Any]]) -> str:
    """The most interesting figure: between two nodes over the plain overlay, else over any other way."""
    measured = [row for row in rows if row["mbit"] is not None]
    crossing = [row for row in measured if row["where"] == PLACES[1]] or measured
    chosen = [row for row in crossing if (row["path"], row["via"]) == WAYS[1]] or crossing
    figures = [
        "{} to {} {} Mbit/s{}, round trip {} ms".format(
            row["source"],
            row["target"],
            row["mbit"],
            f", {row['ratio']} of the hosts' path" if row["ratio"] is not None else "",
            row["latency_ms"],
        )
        for row in chosen
    ]
    return (
        (f"{len(measured)} of {count(len(rows), 'way')} measured; over the {chosen[0]['path']} {listed(figures, 1)}")
        if chosen
        else "nothing could be measured"
    )
