# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The names that the engine's resolver must answer on an overlay, derived from swarm's API."""

from __future__ import annotations

import ipaddress

from .._engine.transport import Raw


def expected_records(network_id: str, services: list[Raw], tasks: list[Raw]) -> dict[str, list[str]]:
    """Map every name on the network to the sorted IPv4 addresses that it must resolve to.

    C(services) and C(tasks) are the API's answers, unchanged. A service on the network without a running task keeps
    its names with an empty list: they must not resolve. The ingress network has no service records, so its mapping is
    empty.
    """
    running = _running_by_service(network_id, tasks)
    records: dict[str, set[str]] = {}
    for service in services:
        attachment = service_attachment(service, network_id)
        backends = running.get(service["ID"], [])
        if attachment is None and not backends:
            continue
        addresses = {address for task in backends for address in task_addresses(task, network_id)}
        answer = _answer(service, network_id, addresses)
        for name in [service["Spec"]["Name"], *list((attachment or {}).get("Aliases") or [])]:
            records.setdefault(name, set()).update(answer)
            records.setdefault(f"tasks.{name}", set()).update(addresses)
        for task in backends:
            name = task_name(service, task)
            records.setdefault(name, set()).update(task_addresses(task, network_id))
    # The engine compares names in lower case: spellings of one name answer alike.
    spelled: dict[str, set[str]] = {}
    for name, addresses in records.items():
        spelled.setdefault(name.lower(), set()).update(addresses)
    return {name: _sorted(spelled[name.lower()]) for name in sorted(records)}


def service_attachment(service: Raw, network_id: str) -> Raw | None:
    """The entry for this network in the service's specification, or None."""
    spec = service.get("Spec") or {}
    declared = (spec.get("TaskTemplate") or {}).get("Networks") or spec.get("Networks") or []
    for attachment in declared:
        if attachment.get("Target") == network_id:
            found: Raw = attachment
            return found
    return None


def service_vip(service: Raw, network_id: str) -> str | None:
    """The service's virtual address on the network, without its prefix length."""
    for vip in (service.get("Endpoint") or {}).get("VirtualIPs") or []:
        if vip.get("NetworkID") == network_id and vip.get("Addr"):
            return str(vip["Addr"]).partition("/")[0]
    return None


def task_addresses(task: Raw, network_id: str) -> list[str]:
    """The task's IPv4 addresses on the network; none on ingress, which has no records."""
    found = []
    for attachment in task.get("NetworksAttachments") or []:
        network = attachment.get("Network") or {}
        if network.get("ID") != network_id or (network.get("Spec") or {}).get("Ingress"):
            continue
        found += [address.split("/")[0] for address in attachment.get("Addresses") or [] if ":" not in address]
    return found


def task_name(service: Raw, task: Raw) -> str:
    """The task's name as the engine builds it: with the slot, or with the node for a global service."""
    return f"{service['Spec']['Name']}.{task.get('Slot') or task.get('NodeID', '')}.{task['ID']}"


def is_running(task: Raw) -> bool:
    """Whether the task runs and is to go on running. A task that is about to stop may already have lost its records."""
    return (task.get("Status") or {}).get("State") == "running" and task.get("DesiredState") == "running"


def endpoint_mode(service: Raw) -> str:
    """C(vip) or C(dnsrr); the API omits the mode when it is the default."""
    return ((service.get("Spec") or {}).get("EndpointSpec") or {}).get("Mode") or "vip"


def _running_by_service(network_id: str, tasks: list[Raw]) -> dict[str, list[Raw]]:
    grouped: dict[str, list[Raw]] = {}
    for task in tasks:
        if task.get("ServiceID") and is_running(task) and task_addresses(task, network_id):
            grouped.setdefault(task["ServiceID"], []).append(task)
    return grouped


def _answer(service: Raw, network_id: str, addresses: set[str]) -> set[str]:
    """The addresses of the service's own name. The engine withdraws a VIP's record with its last backend."""
    vip = service_vip(service, network_id)
    if endpoint_mode(service) == "dnsrr" or vip is None or not addresses:
        return addresses
    return {vip}


def _sorted(addresses: set[str]) -> list[str]:
    return sorted(addresses, key=lambda address: int(ipaddress.ip_address(address)))
