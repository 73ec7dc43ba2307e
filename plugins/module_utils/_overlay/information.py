# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""One node's knowledge of overlay networks; on a manager also the records derived from the swarm's API."""

from __future__ import annotations

import typing as t

from .._discovery.records import expected_records
from .._engine.sdk import APIClient, NotFound, manager_addresses, manager_problem, retry_dropped
from .._engine.transport import Raw
from .capacity import capacity, engine_counts
from .compare import describe, subnets_of
from .lint import lint
from .publishing import published
from .surroundings import Surroundings, look_around, underlay
from .users import Usage, observe


def gather(client: APIClient, params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Describe the named overlays, or all that the node knows."""
    names = params["names"]
    info = client.info()
    problem = manager_problem(info)
    swarm = info.get("Swarm") or {}
    usage, nodes = (observe(client), client.nodes()) if problem is None else (None, [])
    around = look_around(params["docker_host"], nodes, params["avoid"])
    everything = client.networks()
    listed = [raw for raw in everything if is_overlay(raw) and (names is None or raw["Name"] in names)]
    networks = [
        _network(client, raw, everything, usage, nodes, around) for raw in sorted(listed, key=lambda raw: raw["Name"])
    ]
    found = {network["name"] for network in networks}
    return {
        "changed": False,
        "node": info.get("Name"),
        "manager": problem is None,
        "managers": manager_addresses(info),
        "records_missing_because": None if problem is None else problem.message,
        "swarm_nodes": None if problem is not None else [_node(node) for node in nodes],
        "underlay": underlay(swarm.get("NodeAddr") or ""),
        "networks": networks,
        "missing": sorted(set(names or []) - found),
    }


def is_overlay(raw: Raw) -> bool:
    """Whether this is an overlay of the swarm. One that was never allocated has no driver yet."""
    return raw.get("Scope") == "swarm" and raw.get("Driver") in ("overlay", "", None)


def services_of(verbose: t.Mapping[str, t.Any]) -> list[dict[str, t.Any]]:
    """The services with their VIPs and tasks, from the node's gossip tables."""
    return [
        {
            "name": name,
            "vip": view.get("VIP") or None,
            "tasks": [_task(task) for task in view.get("Tasks") or []],
        }
        for name, view in sorted((verbose.get("Services") or {}).items())
    ]


def containers_of(verbose: t.Mapping[str, t.Any]) -> list[dict[str, t.Any]]:
    """The network's endpoints on this node; the load balancer's is marked."""
    return [
        {
            "id": key,
            "name": view.get("Name"),
            "address": (view.get("IPv4Address") or "").split("/")[0] or None,
            "mac": view.get("MacAddress") or None,
            "load_balancer": key.startswith("lb-") or key.endswith("-sbox"),
        }
        for key, view in sorted((verbose.get("Containers") or {}).items())
    ]


def vteps_of(verbose: t.Mapping[str, t.Any]) -> list[str]:
    """The data-path addresses of the nodes with tasks on the network, as this node knows them."""
    tasks = (task for view in (verbose.get("Services") or {}).values() for task in view.get("Tasks") or [])
    return sorted({address for address in (_task(task)["vtep"] for task in tasks) if address})


def _network(
    client: APIClient,
    raw: Raw,
    listed: list[Raw],
    usage: Usage | None,
    nodes: list[Raw],
    around: Surroundings,
) -> dict[str, t.Any]:
    network_id = raw["Id"]
    try:
        verbose = retry_dropped(lambda: client.inspect_network(network_id, verbose=True))
    except NotFound:
        # The network was removed between the list and the inspection; the list's entry is used.
        verbose = raw
    described = describe(verbose)
    room = None if usage is None else capacity(described, usage, nodes)
    entry = dict(
        described,
        peers=sorted(peer["IP"] for peer in verbose.get("Peers") or []),
        vteps=vteps_of(verbose),
        services=services_of(verbose),
        containers=containers_of(verbose),
        users=None,
        addresses=None,
        records=None,
        published=None,
        nodes=None,
        capacity=None if room is None else dict(room.view(), engine=engine_counts(verbose)),
        findings=[
            finding._asdict() for finding in lint(verbose, listed, around, room, usage.services if usage else ())
        ],
    )
    if usage is not None:
        entry["users"] = usage.users(network_id)
        entry["addresses"] = dict(
            {
                subnet.gateway: {"kind": "gateway", "name": subnet.subnet, "node": None}
                for subnet in subnets_of(described)
                if subnet.gateway
            },
            **usage.addresses(network_id),
        )
        entry["records"] = expected_records(network_id, usage.services, usage.tasks)
        entry["published"] = published(usage.services) if described["ingress"] else []
        entry["nodes"] = usage.holders(network_id)
    return entry


def _node(node: Raw) -> dict[str, t.Any]:
    return {
        "id": node["ID"],
        "name": (node.get("Description") or {}).get("Hostname") or node["ID"],
        "availability": (node.get("Spec") or {}).get("Availability"),
        "state": (node.get("Status") or {}).get("State"),
    }


def _task(task: Raw) -> dict[str, t.Any]:
    return {
        "name": task.get("Name"),
        "address": task.get("EndpointIP"),
        "vtep": (task.get("Info") or {}).get("Host IP"),
    }
