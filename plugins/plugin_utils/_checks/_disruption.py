# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Code shared by the checks that disrupt a node: what is proven before and after, and the verdict.

Private to swarmlab.overlay. The disruption itself is ``_verify/disrupting.py``; role verify runs one after the other.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable

from .._facts.model import Facts, Requests, Result
from ._result import FAIL, INCONCLUSIVE, PASS, SKIP, count, listed, result

# Checks of names and paths, and of their foundations, made before a disruption and again after it.
PROOF = (
    "PRE-REACH",
    "FW-RULES",
    "SD-VIP",
    "SD-ALIAS",
    "SD-TASKS",
    "SD-TASKNAME",
    "GOSSIP-HASH",
    "PEER-FDB",
    "LB-IPVS",
    "DP-MATRIX",
)
BAD = (FAIL, INCONCLUSIVE)
NOT_GREEN = "not begun: the proof before it was not green (verify_disruptive_force begins all the same)"


def plan(facts: Facts) -> Requests:
    """No requests: a verification follows each disruption."""
    return {}


def verdicts(results: Iterable[Result]) -> dict[tuple[t.Any, ...], Result]:
    """The bad results by id, network and title, to distinguish new results from earlier ones."""
    return {(item["id"], item["network"], item["title"]): item for item in results if item["status"] in BAD}


def outcome(facts: Facts, before: Iterable[Iterable[t.Any]], results: Iterable[Result]) -> dict[str, t.Any]:
    """The course of a disruption, and the results that are bad since. Plain data."""
    known = {tuple(key) for key in before}
    fresh = [item for key, item in verdicts(results).items() if key not in known]
    after = [
        {
            "check": item["id"],
            "network": item["network"],
            "status": item["status"],
            "nodes": item["nodes"],
            "summary": item["evidence"]["summary"],
        }
        for item in fresh
    ]
    hosts = {node["id"]: host for host, node in facts.nodes.items()}
    return dict(facts.disrupted, after=after, recovered=_recovered(facts), hosts=hosts)


def _recovered(facts: Facts) -> float | None:
    """Seconds from the end of the disruption until the last request was met.

    It is an upper bound: it includes the setup.
    """
    ended = facts.disrupted["ended"]
    met = [
        facts.probe_began[host] + seen["seconds"]
        for host, answers in facts.observations.items()
        if host in facts.probe_began
        for seen in answers.values()
        if seen["ok"]
    ]
    return round(max(met) - ended, 1) if met and ended is not None else None


def judge(check: t.Any, facts: Facts) -> list[Result]:
    """One result when the disruption was tried or left out."""
    found = facts.disruptions.get(check.SWITCH)
    if found is None:
        return []
    if found["skip"]:
        return [result(check, SKIP, "not-disrupted", found["skip"])]
    node, seen = found["node"], found["seen"]
    details = {"disrupted": node, "seen": seen, "after": found["after"], "recovered_seconds": found["recovered"]}
    wrong = _wrong(found)
    if wrong:
        nodes = sorted({name for names, _text in wrong for name in names} or {node})
        status = INCONCLUSIVE if seen.get("done") is False and not found["after"] else FAIL
        return [
            result(
                check,
                status,
                "worse-than-before" if status == FAIL else "not-carried-out",
                listed([text for _names, text in wrong], 3),
                nodes=nodes,
                details=details,
            )
        ]
    return [result(check, PASS, "ok", _told(found), nodes=[node], seconds=found["recovered"], details=details)]


def _wrong(found: dict[str, t.Any]) -> list[tuple[list[str], str]]:
    """(nodes, what is wrong there), the nearest to the disruption first."""
    node, seen, settled = found["node"], found["seen"], found["settled"]
    rows = [([node], f"{node}: {text}") for text in (found["problem"], seen.get("problem")) if text]
    if seen.get("lost"):
        rows.append(
            (
                [node],
                (
                    f"{node}: '{seen['command']}' wiped {count(len(seen['lost']), 'rule')} of the engine, which did "
                    f"not write them again ({_repaired(seen['repair'])})"
                ),
            )
        )
    if seen.get("left_behind"):
        rows.append(([node], f"{node} kept {count(len(seen['left_behind']), 'task')} though it was drained"))
    if seen.get("waiting"):
        rows.append(
            (
                [],
                "while {} was drained: {}".format(
                    node, listed("{}: {}".format(*pair) for pair in seen["waiting"].items())
                ),
            )
        )
    for ident, (state, availability) in sorted((settled.get("nodes") or {}).items()):
        name = found["hosts"].get(ident) or (node if ident == found["node_id"] else ident[:12])
        rows.append(([name], f"{name} is {state}, {availability}, and was not before"))
    rows += [([], f"service {name}: {text}") for name, text in sorted((settled.get("services") or {}).items())]
    rows += [([], f"the leader could not tell: {settled['problem']}")] if settled.get("problem") else []
    rows += [
        (
            item["nodes"],
            "{}{}: {}".format(item["check"], f" [{item['network']}]" if item["network"] else "", item["summary"]),
        )
        for item in found["after"]
    ]
    return rows


def _repaired(repair: dict[str, t.Any]) -> str:
    return (
        "its restart brought them back"
        if repair.get("done") and not repair.get("problem")
        else "and its restart failed too"
    )


def _told(found: dict[str, t.Any]) -> str:
    """A line about a disruption that the swarm survived."""
    seen = found["seen"]
    parts = (
        [f"{found['node']} disrupted for {seen['seconds']:.0f} s"]
        if "seconds" in seen
        else [f"{found['node']} disrupted"]
    )
    parts += [f"its engine was back after {seen['back_seconds']:.1f} s"] if "back_seconds" in seen else []
    parts += (
        [
            (
                f"its {count(seen['had'], 'task')} were gone, and ran elsewhere where they may, after {seen['moved_seconds']:.1f} s"
            )
            if seen["had"]
            else "it had no task to move"
        ]
        if "moved_seconds" in seen
        else []
    )
    parts += [f"nowhere else to run for {listed(seen['pinned'])}"] if seen.get("pinned") else []
    parts += (
        [f"the engine's rules were there again after {seen['restored_seconds']:.1f} s"]
        if "restored_seconds" in seen
        else []
    )
    if found["recovered"] is not None:
        parts.append(f"all names and paths right at the latest {found['recovered']:.0f} s after its end")
    return "; ".join(parts)
