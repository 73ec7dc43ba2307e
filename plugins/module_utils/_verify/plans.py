# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of each phase for each host, worked out from the facts so far. Pure.

Private to swarmlab.overlay. Runs on the controller.
"""

from __future__ import annotations

from typing import Any

from .._probe import pause
from . import facts as gathered
from . import names

SLACK = 15


def prepare(facts: dict, _host: str, _checks: list) -> dict:
    """Every host prepares the same way; which one leads is found out there."""
    settings = facts["settings"]
    return {
        "run": facts["run"],
        "needs": facts["needs"],
        "image": settings["image"] or pause.IMAGE,
        "networks": settings["networks"],
    }


def open_node(facts: dict, host: str, _checks: list) -> dict | None:
    """Nothing to open on a host that was not prepared, or when nobody leads."""
    if host not in facts["nodes"] or not facts["leader"]:
        return None
    settings, able = facts["settings"], gathered.able_hosts(facts)
    return {
        "run": facts["run"],
        "name": host,
        "needs": facts["needs"],
        "image": settings["image"] or pause.IMAGE,
        "root": facts["nodes"][host]["root"],
        "made": facts["made"],
        "data_port": facts["swarm"]["data_port"],
        "limit": settings["limit"],
        "timeout": settings["timeout"],
        "task": gathered.expects_task(facts, host),
        "attach": facts["networks"] if host == facts["worker"] and "attach" in facts["needs"] else [],
        "leader": host == facts["leader"],
        "expected_nodes": [facts["nodes"][name]["id"] for name in able],
        "network_ids": names.with_twin([network["id"] for network in facts["networks"]], facts["made"]["twin"]),
    }


def probe(facts: dict, host: str, checks: list) -> dict | None:
    """All requests of all checks for this host, grouped by namespace."""
    if host not in facts["opened"]:
        return None
    settings = facts["settings"]
    lazy = None
    if host == facts["worker"] and facts["made"]["lazy"]:
        lazy = {"id": facts["made"]["lazy"], "name": lazy_name(facts)}
    return {
        "run": facts["run"],
        "name": host,
        "needs": facts["needs"],
        "image": settings["image"] or pause.IMAGE,
        "once": settings["once"],
        "limit": settings["convergence"] * 2 + SLACK,
        "lazy": lazy,
        "work": _work(facts, host, checks),
    }


def lazy_name(facts: dict) -> str:
    """The name of the lazy network, as the leader made it."""
    return facts["probe_name"].rpartition("-")[0] + "-lazy"


def _work(facts: dict, host: str, checks: list) -> list[dict]:
    grouped: dict = {}
    for check in checks:
        for request in check.plan(facts).get(host, []):
            where = request.get("where") or "probe"
            plain = {key: value for key, value in request.items() if key != "where"}
            grouped.setdefault(_namespace(facts, host, where), []).append(plain)
    return [{"namespace": namespace, "requests": requests} for namespace, requests in grouped.items()]


def _namespace(facts: dict, host: str, where: str) -> str | None:
    """The path of a namespace; None is the host's own."""
    if where == "host":
        return None
    return facts["opened"][host].get("namespace") if where == "probe" else where


def close(facts: dict, host: str, _checks: list) -> dict | None:
    """Every host that was reached at least once is cleaned."""
    if host not in facts["nodes"]:
        return None
    return {"run": facts["run"], "leader": host == facts["leader"], "lazy_id": facts["made"]["lazy"]}


PLANS: dict[str, Any] = {"prepare": prepare, "open": open_node, "probe": probe, "close": close}
