# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Whether a node could run a task of a service, by the scheduler's own rules. Pure.

It covers constraints, platforms, host ports, replicas for each node, and reserved CPU and memory. Plugins and generic
resources are not looked at.
"""

from __future__ import annotations

import ipaddress
import typing as t

from .._engine.transport import Raw

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
ENDED = ("complete", "shutdown", "failed", "rejected", "orphaned", "remove")


def fits(service: Raw, node: Raw, tasks: t.Sequence[Raw]) -> str:
    """Why the node cannot take one more task of the service; empty when it can. ``tasks``: all of the swarm."""
    if (node.get("Status") or {}).get("State") != "ready":
        return "it is not ready"
    if (node.get("Spec") or {}).get("Availability") != "active":
        return f"its availability is {(node.get('Spec') or {}).get('Availability')}"
    template = service["Spec"].get("TaskTemplate") or {}
    placement = template.get("Placement") or {}
    for constraint in placement.get("Constraints") or ():
        if not matches(constraint, node):
            return f"constraint {constraint}"
    if not _on_platform(placement.get("Platforms") or (), node):
        return "another platform"
    here = [task for task in tasks if task.get("NodeID") == node["ID"] and _counts(task)]
    most = placement.get("MaxReplicas") or 0
    if most and len([task for task in here if task.get("ServiceID") == service["ID"]]) >= most:
        return f"it has {most} tasks of it, which is the most for a node"
    taken = {port for task in here for port in _host_ports_of_task(task)}
    for port in host_ports(service):
        if port in taken:
            return f"its port {port[1]}/{port[0]} is taken"
    return _lacking(template, node, here)


def matches(constraint: str, node: Raw) -> bool:
    """Whether a node meets a constraint. One that nobody can read is met by none."""
    for operator in ("==", "!="):
        key, found, value = constraint.partition(operator)
        if found:
            values = _values(key.strip(), node, value.strip())
            return values is not None and (value.strip().lower() in values) == (operator == "==")
    return False


def _values(key: str, node: Raw, wanted: str) -> list[str] | None:
    """What the node has of this key, in lower case; None for a key that does not exist."""
    spec, description = node.get("Spec") or {}, node.get("Description") or {}
    platform = description.get("Platform") or {}
    low = key.lower()
    if low == "node.ip":
        return [wanted.lower()] if _within((node.get("Status") or {}).get("Addr") or "", wanted) else []
    plain = {
        "node.id": node["ID"],
        "node.hostname": description.get("Hostname"),
        "node.role": spec.get("Role"),
        "node.platform.os": platform.get("OS"),
        "node.platform.arch": platform.get("Architecture"),
    }
    if low in plain:
        return [str(plain[low] or "").lower()]
    labels = (
        ("node.labels.", spec.get("Labels")),
        ("engine.labels.", (description.get("Engine") or {}).get("Labels")),
    )
    for prefix, found in labels:
        if low.startswith(prefix):
            return [str((found or {}).get(key[len(prefix) :]) or "").lower()]
    return None


def _within(address: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _on_platform(platforms: t.Sequence[Raw], node: Raw) -> bool:
    own = (node.get("Description") or {}).get("Platform") or {}

    def same(wanted: str, has: str) -> bool:
        return not wanted or ARCHITECTURES.get(wanted, wanted) == ARCHITECTURES.get(has, has)

    return not platforms or any(
        same(each.get("Architecture") or "", own.get("Architecture") or "")
        and same(each.get("OS") or "", own.get("OS") or "")
        for each in platforms
    )


def host_ports(service: Raw) -> list[tuple[str, int]]:
    """Protocol and number of the ports that the service's tasks take on their nodes."""
    ports = (service["Spec"].get("EndpointSpec") or {}).get("Ports") or ()
    return [_port(port) for port in ports if port.get("PublishMode") == "host" and port.get("PublishedPort")]


def _host_ports_of_task(task: Raw) -> list[tuple[str, int]]:
    ports = ((task.get("Status") or {}).get("PortStatus") or {}).get("Ports") or ()
    return [_port(port) for port in ports if port.get("PublishedPort")]


def _port(port: Raw) -> tuple[str, int]:
    return port.get("Protocol") or "tcp", port["PublishedPort"]


def _counts(task: Raw) -> bool:
    """Whether a task takes up room on its node."""
    return task.get("DesiredState") in ("running", "ready") and (task.get("Status") or {}).get("State") not in ENDED


def _lacking(template: Raw, node: Raw, here: t.Iterable[Raw]) -> str:
    """Which of the reserved resources the node does not have left."""
    offered = (node.get("Description") or {}).get("Resources") or {}
    used = [task.get("Spec") or {} for task in here]
    for key, words in (("NanoCPUs", "CPU"), ("MemoryBytes", "memory")):
        wanted = _reserved(template, key)
        if wanted and wanted > (offered.get(key) or 0) - sum(_reserved(spec, key) for spec in used):
            return f"not enough {words} left to reserve"
    return ""


def _reserved(template: Raw, key: str) -> int:
    return int(((template.get("Resources") or {}).get("Reservations") or {}).get(key) or 0)
