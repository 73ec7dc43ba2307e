# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRE-REACH: nothing can be proven about a node that does not answer."""

from __future__ import annotations

import sys

from ._result import FAIL, PASS, count, listed, result

ID = "PRE-REACH"
TITLE = "Every declared node answered"
HINT = "Start the machine or its Docker Engine, repair its ssh, or take it out of the inventory."
ORDER = 10
NEEDS: tuple = ()
TAGS = ("P0", "preflight")
LOST = ("down", "disconnected")
CHECK = sys.modules[__name__]


def plan(facts: dict) -> dict:
    """Asks nothing: the phases themselves are the question."""
    return {}


def _lost(facts: dict) -> dict:
    """Nodes that answer Ansible, and not the swarm: it gives them no task, so nothing is proven there."""
    states = {node["id"]: node["state"] for node in (facts["swarm"] or {}).get("nodes", [])}
    found = {host: states.get(node["id"]) for host, node in facts["nodes"].items()}
    return {host: "it answers, but its managers call it %s" % state for host, state in found.items() if state in LOST}


def judge(facts: dict) -> list[dict]:
    """Fails with the name of every node that did not answer in some phase, whose probe did not come up, or that the swarm has lost."""
    problems = {**_lost(facts), **{host: text for host, text in facts["problems"].items() if text}}
    known = {node["id"] for node in facts["nodes"].values()}
    others = [node for node in (facts["swarm"] or {}).get("nodes", []) if node["id"] not in known]
    details = {
        "problems": problems,
        "not_in_inventory": [node["hostname"] for node in others if node["hostname"] not in problems],
    }
    if problems:
        text = "; ".join("%s: %s" % pair for pair in sorted(problems.items())[:3])
        return [result(CHECK, FAIL, text, nodes=sorted(problems), details=details)]
    text = "%s answered" % count(len(facts["hosts"]), "node")
    if details["not_in_inventory"]:
        text += "; not in this play: %s" % listed(details["not_in_inventory"])
    return [result(CHECK, PASS, text, nodes=facts["hosts"], details=details)]
