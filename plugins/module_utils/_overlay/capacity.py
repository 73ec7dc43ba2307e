# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The size of an overlay's address space, its holders, and the demand of its declared users. Pure."""

from __future__ import annotations

import ipaddress
import typing as t

from .._discovery.records import endpoint_mode
from .._engine.transport import Raw
from .compare import Description, subnets_of
from .convergence import eligible_nodes
from .users import Usage, is_living, service_networks

ADDRESSES_OF_NO_USE = 2  # the network address itself, and broadcast


class Capacity(t.NamedTuple):
    """Numbers of IPv4 addresses."""

    size: int
    gateways: int
    vips: int
    tasks: int
    containers: int
    load_balancers: int
    wanted: int

    @property
    def used(self) -> int:
        """Addresses that are taken."""
        return self.gateways + self.vips + self.tasks + self.containers + self.load_balancers

    @property
    def free(self) -> int:
        """Addresses that are not taken."""
        return max(self.size - self.used, 0)

    @property
    def missing(self) -> int:
        """Addresses that the declared tasks lack."""
        return max(self.wanted - self.size, 0)

    def view(self) -> dict[str, int]:
        """All numbers."""
        return dict(self._asdict(), used=self.used, free=self.free, missing=self.missing)


def capacity(described: Description, usage: Usage, nodes: list[Raw]) -> Capacity:
    """The addresses of a network and their holders, as a manager knows them.

    Each task and each attached container has an address. So has each service with virtual addresses, each subnet for
    its gateway, and each node that holds the network for its load balancer.
    """
    network_id = described["id"]
    subnets = [subnet for subnet in subnets_of(described) if ":" not in subnet.subnet]
    size = sum(
        ipaddress.ip_network(subnet.ip_range or subnet.subnet).num_addresses
        - (0 if subnet.ip_range else ADDRESSES_OF_NO_USE)
        for subnet in subnets
    )
    gateways = sum(1 for subnet in subnets if subnet.gateway and _counts(subnet.gateway, subnet.ip_range))
    living = [task for task in usage.tasks if is_living(task) and _has_address(task, network_id)]
    containers = [task for task in living if not task.get("ServiceID")]
    holders = {task["NodeID"] for task in living if task.get("NodeID")}
    if described["ingress"]:
        # The routing mesh is on every node, with or without a task.
        holders = {node["ID"] for node in nodes}
    services = [service for service in usage.services if network_id in service_networks(service)]
    vips = sum(1 for service in usage.services if _has_vip(service, network_id))
    wanted_tasks = sum(_replicas(service, nodes) for service in services)
    wanted_vips = sum(1 for service in usage.services if endpoint_mode(service) == "vip")
    reach = min(len(nodes), max(len(holders), wanted_tasks + len(containers)))
    return Capacity(
        size=size,
        gateways=gateways,
        vips=vips,
        tasks=len(living) - len(containers),
        containers=len(containers),
        load_balancers=len(holders),
        wanted=gateways + wanted_vips + wanted_tasks + len(containers) + reach,
    )


def engine_counts(raw: Raw) -> dict[str, dict[str, int]] | None:
    """The engine's own numbers for each subnet, from API 1.52 on; None from an older one."""
    subnets = ((raw.get("Status") or {}).get("IPAM") or {}).get("Subnets")
    if not subnets:
        return None
    return {
        subnet: {"used": counts.get("IPsInUse", 0), "free": counts.get("DynamicIPsAvailable", 0)}
        for subnet, counts in sorted(subnets.items())
    }


def _counts(gateway: str, ip_range: str | None) -> bool:
    return ip_range is None or ipaddress.ip_address(gateway) in ipaddress.ip_network(ip_range)


def _has_vip(service: Raw, network_id: str) -> bool:
    vips = (service.get("Endpoint") or {}).get("VirtualIPs") or []
    return any(vip.get("NetworkID") == network_id for vip in vips)


def _has_address(task: Raw, network_id: str) -> bool:
    """Whether the task has its address.

    A task that waits for one has an attachment without an address, or no attachment.
    """
    return any(
        (entry.get("Network") or {}).get("ID") == network_id and entry.get("Addresses")
        for entry in task.get("NetworksAttachments") or []
    )


def _replicas(service: Raw, nodes: list[Raw]) -> int:
    mode = service["Spec"].get("Mode") or {}
    if "Global" in mode or "GlobalJob" in mode:
        return len(eligible_nodes(service, nodes))
    if "ReplicatedJob" in mode:
        return int((mode["ReplicatedJob"] or {}).get("MaxConcurrent", 1))
    return int((mode.get("Replicated") or {}).get("Replicas", 1))
