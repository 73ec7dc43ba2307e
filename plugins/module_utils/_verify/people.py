# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""People's services as a manager describes them: virtual IPs, tasks, published ports; and the swarm's own networks.

Private to swarmlab.overlay. Pure functions over the API's answers.
"""

from __future__ import annotations

import typing as t

from .._discovery.records import endpoint_mode, is_running, service_attachment, service_vip, task_addresses
from .._engine.transport import Raw
from .._terms import RUN_LABEL
from . import shapes

LIMIT = 200  # services that are described; their tasks are what a view grows by


def services(networks: t.Sequence[str], known: list[Raw], tasks: list[Raw]) -> list[shapes.Service]:
    """The services with a virtual IP on one of the networks, or with a published TCP port."""
    found: list[shapes.Service] = []
    for service in known:
        if RUN_LABEL in (service["Spec"].get("Labels") or {}):
            continue
        vips = {network: service_vip(service, network) for network in networks} if _balanced(service) else {}
        ports = _published((service.get("Endpoint") or {}).get("Ports"))
        held = {network: vip for network, vip in vips.items() if vip}
        if held or ports:
            mine = [task for task in tasks if task.get("ServiceID") == service["ID"] and is_running(task)]
            found.append(
                {
                    "id": service["ID"],
                    "name": service["Spec"]["Name"],
                    "vips": held,
                    "ports": [port for port in ports if port["mode"] == "ingress"],
                    "tasks": [_task(task, networks) for task in mine],
                }
            )
    return sorted(found, key=lambda row: row["name"])[:LIMIT]


def _balanced(service: Raw) -> bool:
    return endpoint_mode(service) == "vip"


def _task(task: Raw, networks: t.Sequence[str]) -> shapes.Task:
    addresses = {network: task_addresses(task, network) for network in networks}
    status = (task.get("Status") or {}).get("PortStatus") or {}
    return {
        "id": task["ID"],
        "node": task.get("NodeID") or "",
        "addresses": {network: rows[0] for network, rows in addresses.items() if rows},
        "ports": [port for port in _published(status.get("Ports")) if port["mode"] == "host"],
    }


def _published(ports: t.Any) -> list[shapes.Published]:
    """The published TCP ports; the API omits the mode when it is the default."""
    return [
        {
            "published": int(port["PublishedPort"]),
            "target": int(port["TargetPort"]),
            "mode": port.get("PublishMode") or "ingress",
        }
        for port in ports or []
        if port.get("Protocol") == "tcp" and port.get("PublishedPort") and port.get("TargetPort")
    ]


def serving(known: list[Raw], tasks: list[Raw]) -> dict[str, list[str]]:
    """The ids of each service's running tasks."""
    return {
        service["ID"]: sorted(
            task["ID"] for task in tasks if task.get("ServiceID") == service["ID"] and is_running(task)
        )
        for service in known
        if RUN_LABEL not in (service["Spec"].get("Labels") or {})
    }


def shared(network: str, known: list[Raw]) -> dict[str, list[str]]:
    """The names on a network to which several services answer; the engine compares them in lower case."""
    holders: dict[str, set[str]] = {}
    for service in known:
        attachment = service_attachment(service, network)
        for name in [service["Spec"]["Name"], *(attachment.get("Aliases") or [])] if attachment else []:
            holders.setdefault(name.lower(), set()).add(service["Spec"]["Name"])
    return {name: sorted(services) for name, services in sorted(holders.items()) if len(services) > 1}


def used(network: str, known: list[Raw], tasks: list[Raw], nodes: list[Raw]) -> int:
    """The number of addresses in use on ingress: virtual IPs, tasks, and a load balancer on each node."""
    virtual = [
        vip
        for service in known
        for vip in (service.get("Endpoint") or {}).get("VirtualIPs") or []
        if vip.get("NetworkID") == network and vip.get("Addr")
    ]
    held = [
        task
        for task in tasks
        if task.get("DesiredState") == "running"
        and any((row.get("Network") or {}).get("ID") == network for row in task.get("NetworksAttachments") or [])
    ]
    return len(virtual) + len(held) + len(nodes)
