# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRE-REACH: every node answers; nothing can be proven about one that does not."""

from __future__ import annotations

import sys
import typing as t

from .._facts.model import Facts, Requests, Result
from .._facts.problems import Problem
from ._result import FAIL, INCONCLUSIVE, PASS, count, listed, result

ID = "PRE-REACH"
TITLE = "Every declared node answered"
HINT = "Start the machine or its Docker Engine, repair its ssh, or take it out of the inventory."
ORDER = 10
NEEDS: tuple[str, ...] = ()
TAGS = ("P0", "preflight")
GUARD = True
LOST = ("down", "disconnected")
JOINING = 120  # seconds that a node may take to report its description
UNFINISHED = "Every node of the swarm has told who it is"
REMOVE = "On a manager run 'docker node rm' with each of: %s. Then let the machine join again."
SAME = "Every host of the play is a node of its own"
ONE_NAME = (
    "Keep one name for the machine in the inventory. If it is a copy of another: stop its engine, remove swarm/ from its data directory "
    "(/var/lib/docker), give it a host name and a machine-id of its own, and let it join as a new node."
)
CHECK = sys.modules[__name__]


def plan(facts: Facts) -> Requests:
    """No requests: the phases themselves show it."""
    return {}


def _lost(facts: Facts) -> dict[str, t.Any]:
    """Nodes that answer Ansible and not the swarm. Swarm gives them no task, so nothing is proven there."""
    states = {node["id"]: node["state"] for node in facts.swarm.get("nodes", [])}
    found = {host: states.get(node["id"]) for host, node in facts.nodes.items()}
    return {
        host: Problem("node-lost", f"it answers, but its managers call it {state}")
        for host, state in found.items()
        if state in LOST
    }


def judge(facts: Facts) -> list[Result]:
    """One result for the hosts of the play, and one for each problem of nodes' identities."""
    return [_answered(facts), *_same(facts), *_unfinished(facts)]


def same_node(facts: Facts) -> dict[str, t.Any]:
    """Node id -> the hosts of the play with that id, for ids with more than one host."""
    holders: dict[str, list[str]] = {}
    for host, node in facts.nodes.items():
        holders.setdefault(node["id"], []).append(host)
    return {ident: hosts for ident, hosts in holders.items() if len(hosts) > 1}


def unfit(facts: Facts) -> bool:
    """Whether several hosts are the same node, so that answers cannot be attributed."""
    return bool(same_node(facts))


def unfinished(facts: Facts) -> list[dict[str, t.Any]]:
    """Nodes of the swarm without a description for some time: their join was interrupted."""
    known = {node["id"] for node in facts.nodes.values()}
    return [
        node
        for node in facts.swarm.get("nodes", [])
        if not node["hostname"] and node["id"] not in known and (node.get("seconds") or 0) > JOINING
    ]


def _unfinished(facts: Facts) -> list[Result]:
    ids = [node["id"] for node in unfinished(facts)]
    text = f"the swarm lists {listed(ids)} without a host name: a join that broke off"
    return (
        [
            result(
                CHECK,
                FAIL,
                "join-broken-off",
                text,
                title=UNFINISHED,
                hint=REMOVE % " ".join(ids),
                details={"ids": ids},
            )
        ]
        if ids
        else []
    )


def together(facts: Facts, hosts: list[str]) -> str:
    """The relation of hosts with the same node id, in words."""
    one = len({facts.nodes[host].get("machine") for host in hosts}) == 1
    return f"one machine under {len(hosts)} names" if one else "copies of one machine: each has the other's node id"


def _same(facts: Facts) -> list[Result]:
    found = []
    for ident, hosts in same_node(facts).items():
        text = f"{listed(hosts)} are one node of the swarm, {ident}: {together(facts, hosts)}"
        found.append(
            result(CHECK, FAIL, "one-node-twice", text, title=SAME, nodes=hosts, hint=ONE_NAME, details={"id": ident})
        )
    return found


def _copies(facts: Facts) -> list[str]:
    """Machines that share an identity although they are separate nodes. That is a note, not an error."""
    holders: dict[tuple[str, str], dict[str, str]] = {}
    for host, node in facts.nodes.items():
        for what, value in (node.get("copied") or {}).items():
            holders.setdefault((what, value), {}).setdefault(node["id"], host)
    return [
        f"{listed(hosts.values())} have the same {what}: copies of one machine"
        for (what, _value), hosts in sorted(holders.items())
        if len(hosts) > 1
    ]


def _answered(facts: Facts) -> Result:
    """The result of the play's hosts.

    It fails for nodes that did not answer in a phase, whose probe did not start, or that the swarm has lost.
    """
    problems = {**_lost(facts), **facts.problems}
    known = {node["id"] for node in facts.nodes.values()}
    others = [node for node in facts.swarm.get("nodes", []) if node["id"] not in known]
    details = {
        "problems": {host: problem.text for host, problem in problems.items()},
        "reasons": {host: problem.reason for host, problem in problems.items()},
        "not_in_inventory": [node["hostname"] or node["id"] for node in others if node["hostname"] not in problems],
    }
    if problems:
        text = "; ".join(f"{host}: {problems[host].text}" for host in sorted(problems)[:3])
        return result(CHECK, FAIL, "node-problem", text, nodes=sorted(problems), details=details)
    if not facts.leader:
        return result(
            CHECK,
            INCONCLUSIVE,
            "leader-not-in-play",
            f"{count(len(facts.hosts), 'node')} answered, and none leads the swarm: nobody tells of its nodes",
            hint="Let the play reach the swarm's leader: all managers belong in the inventory.",
            details=details,
        )
    text = f"{count(len(facts.hosts), 'node')} answered"
    if details["not_in_inventory"]:
        text += f"; not in this play: {listed(details['not_in_inventory'])}"
    text = "; ".join([text, *_copies(facts)])
    return result(CHECK, PASS, "ok", text, nodes=facts.hosts, details=details)
