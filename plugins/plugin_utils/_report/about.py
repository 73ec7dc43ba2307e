# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report's description of the swarm: the run, its nodes, its networks. Pure.

Private to swarmlab.overlay.
"""

from __future__ import annotations

import time
import typing as t
from collections.abc import Mapping

from .._facts.model import Facts, Network


def about(gathered: Facts, task_vars: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The part of the report about the swarm itself."""
    swarm = gathered.swarm or {}
    return {
        "run": gathered.run,
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(gathered.settings["began"])),
        "collection": "swarmlab.overlay",
        "lab": task_vars.get("lab_name"),
        "swarm": swarm.get("id"),
        "nodes": [_node(gathered, host) for host in gathered.hosts],
        "networks": [_network(gathered, network) for network in gathered.networks],
    }


def _network(gathered: Facts, network: Network) -> dict[str, t.Any]:
    told = {key: network[key] for key in ("id", "name", "encrypted", "attachable", "internal", "vni", "subnets")}
    probes = {
        host: addresses[network["id"]] for host, addresses in gathered.probes.items() if network["id"] in addresses
    }
    return dict(told, probes=probes)


def _node(gathered: Facts, host: str) -> dict[str, t.Any]:
    node: Mapping[str, t.Any] = gathered.nodes.get(host, {})
    problem = gathered.problems.get(host)
    kernel = gathered.opened.get(host, {}).get("kernel") or {}
    return {
        "name": host,
        "id": node.get("id"),
        "role": node.get("role"),
        "address": node.get("address"),
        "engine": node.get("engine"),
        "kernel": kernel.get("release"),
        "problem": problem.text if problem else None,
        "reason": problem.reason if problem else None,
        "sent": _sent(gathered, host),
    }


def _sent(gathered: Facts, host: str) -> dict[str, int] | None:
    """The packets and bytes of the host's measurements; their answers are as long. None without any."""
    rows = [*gathered.trains.get(host, {}).values(), *gathered.pulses.get(host, [])]
    return {key: sum(row[key] for row in rows) for key in ("packets", "bytes")} if rows else None
