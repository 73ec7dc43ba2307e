# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Users of an overlay as a manager sees them: services, their tasks and attached containers.

Pure but for the queries.
"""

from __future__ import annotations

import typing as t

from .._engine.sdk import APIClient, tasks_by
from .._engine.transport import Raw

# In the order of a task's life. Swarm counts a task as using its networks up to and with "running".
LIVING_STATES = ("new", "pending", "assigned", "accepted", "preparing", "ready", "starting", "running")
RUNTIMES = ("container", "attachment", "plugin")


class Usage(t.NamedTuple):
    """The swarm's users of networks, fetched once for all networks of a call."""

    services: list[Raw]
    tasks: list[Raw]
    nodes: dict[str, str]

    def users(self, network_id: str) -> list[dict[str, str]]:
        """The users that stay on the network, and are affected when it changes."""
        found = [
            {"kind": "service", "name": service["Spec"]["Name"], "id": service["ID"]}
            for service in self.services
            if network_id in service_networks(service)
        ]
        named = {user["id"] for user in found}
        known = {service["ID"]: service["Spec"]["Name"] for service in self.services}
        for task in self.tasks:
            if not (_stays(task) and network_id in task_networks(task)):
                continue
            service_id = task.get("ServiceID")
            if not service_id:
                found.append(
                    {
                        "kind": "container",
                        "name": container_id(task)[:12],
                        "id": container_id(task),
                        "node": self.node(task),
                        "node_id": task.get("NodeID") or "",
                    }
                )
            elif service_id in known and service_id not in named:
                found.append(
                    {
                        "kind": "task",
                        "name": f"{known[service_id]} task {task['ID']}",
                        "id": task["ID"],
                        "node": self.node(task),
                        "node_id": task.get("NodeID") or "",
                    }
                )
        return found

    def leaving(self, network_id: str) -> list[str]:
        """Tasks that still hold the network and are stopping."""
        known = {service["ID"] for service in self.services}
        return [
            f"{task['ID']} on {self.node(task)} ({task['Status']['State']})"
            for task in self.tasks
            if network_id in task_networks(task)
            and is_living(task)
            and not (_stays(task) and (not task.get("ServiceID") or task["ServiceID"] in known))
        ]

    def holders(self, network_id: str) -> list[str]:
        """The nodes that hold the network now, because of a task or an attached container on it."""
        return sorted(
            {
                self.node(task)
                for task in self.tasks
                if is_living(task) and task.get("NodeID") and network_id in task_networks(task)
            }
        )

    def addresses(self, network_id: str) -> dict[str, dict[str, str | None]]:
        """The holder of each IPv4 address of the network. The API does not show those of the nodes' load balancers."""
        known = {service["ID"]: service["Spec"]["Name"] for service in self.services}
        found: dict[str, dict[str, str | None]] = {}
        for service in self.services:
            for vip in (service.get("Endpoint") or {}).get("VirtualIPs") or []:
                if vip.get("NetworkID") == network_id and vip.get("Addr"):
                    found[vip["Addr"].split("/")[0]] = {"kind": "service", "name": known[service["ID"]], "node": None}
        for task in filter(is_living, self.tasks):
            service_id = task.get("ServiceID")
            holder = {
                "kind": "task" if service_id else "container",
                "node": self.node(task),
                "name": f"{known.get(service_id, service_id)} {task['ID']}" if service_id else container_id(task)[:12],
            }
            for entry in task.get("NetworksAttachments") or []:
                if (entry.get("Network") or {}).get("ID") == network_id:
                    found.update({address.split("/")[0]: holder for address in entry.get("Addresses") or []})
        return found

    def node(self, task: Raw) -> str:
        """The name of a task's node."""
        node_id = task.get("NodeID") or ""
        return self.nodes.get(node_id) or node_id or "no node yet"


def observe(client: APIClient) -> Usage:
    """Ask the manager for services, tasks of every kind (attached containers are tasks too) and node names."""
    nodes = {node["ID"]: (node.get("Description") or {}).get("Hostname") or node["ID"] for node in client.nodes()}
    return Usage(client.services(), list_tasks(client), nodes)


def list_tasks(client: APIClient) -> list[Raw]:
    """All tasks, attached containers included. The SDK's own call cannot ask for the hidden runtimes."""
    return tasks_by(client, {"runtime": RUNTIMES})


def service_networks(service: Raw) -> set[str]:
    """Ids of the networks in a service's specification."""
    spec = service.get("Spec") or {}
    declared = ((spec.get("TaskTemplate") or {}).get("Networks") or []) + (spec.get("Networks") or [])
    return {attachment.get("Target") for attachment in declared}


def is_living(task: Raw) -> bool:
    """Whether a task holds its addresses."""
    return task["Status"]["State"] in LIVING_STATES


def task_networks(task: Raw) -> set[str]:
    """The ids of a task's networks, also before it is on them."""
    spec = task.get("Spec") or {}
    wanted = {attachment.get("Target") for attachment in spec.get("Networks") or []}
    there = [(entry.get("Network") or {}).get("ID") for entry in task.get("NetworksAttachments") or []]
    return wanted | {network for network in there if network}


def container_id(task: Raw) -> str:
    """The container of an attachment task."""
    spec = (task.get("Spec") or {}).get("NetworkAttachmentSpec") or {}
    return str(spec.get("ContainerID") or task["ID"])


def attachment_address(tasks: t.Iterable[Raw], container: str, network_id: str) -> str | None:
    """The IPv4 address of an attached container on a network."""
    for task in tasks:
        if container_id(task) != container:
            continue
        for entry in task.get("NetworksAttachments") or []:
            if (entry.get("Network") or {}).get("ID") == network_id and entry.get("Addresses"):
                return str(entry["Addresses"][0]).partition("/")[0]
    return None


def name_users(users: t.Iterable[t.Mapping[str, str]]) -> str:
    """Users in words, for a message."""
    return ", ".join(
        f"{user['kind']} {user['name']}" + (f" on {user['node']}" if user.get("node") else "") for user in users
    )


def _stays(task: Raw) -> bool:
    return is_living(task) and task.get("DesiredState") in LIVING_STATES
