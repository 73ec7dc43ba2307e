# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Change the ingress network: the next steps, derived only from the present state. Pure.

A swarm has one ingress network and cannot remove it while a service publishes a port through it, so a stand-in is
impossible. Instead, ports are removed from the services, which keep a record of them, and restored on the new
network. As with moves, the next run finishes an interrupted change, or rolls it back.
"""

from __future__ import annotations

import copy
import json
import typing as t

from .._engine.transport import Raw
from .._terms import PARKED_ORDER_LABEL, PORTS_LABEL
from .moves import hurry, unhurry


class Target(t.NamedTuple):
    """A service or a node."""

    id: str
    name: str


class Mesh(t.NamedTuple):
    """The state that determines the next step."""

    network: str | None
    as_declared: bool
    # Whether every node that answers has taken the network up.
    up: bool
    # Nodes whose node object was changed to make them do so, and the other nodes.
    nudged: tuple[Target, ...] = ()
    others: tuple[Target, ...] = ()
    published: tuple[Target, ...] = ()
    parked: tuple[Target, ...] = ()
    # Services whose update order was changed.
    hurried: tuple[Target, ...] = ()

    @property
    def begun(self) -> bool:
        """Whether an unfinished change exists."""
        return bool(self.parked or self.hurried or self.nudged)


class MeshAction(t.NamedTuple):
    """One action; C(target) is the service whose ports are removed or restored, or the node that is nudged."""

    verb: str
    target: Target | None = None


def next_mesh_actions(now: Mesh) -> tuple[MeshAction, ...]:
    """The actions that are possible now, in any order. Services must have settled before the next call."""
    if now.network is None:
        return (MeshAction("create"),)
    if not now.as_declared:
        return tuple(MeshAction("park", service) for service in now.published) or (MeshAction("remove"),)
    if not now.up:
        return tuple(MeshAction("nudge", node) for node in now.others) or (MeshAction("await nodes"),)
    if now.nudged:
        return tuple(MeshAction("forget", node) for node in now.nudged)
    if now.parked:
        return tuple(MeshAction("publish", service) for service in now.parked)
    return tuple(MeshAction("restore order", service) for service in now.hurried)


def mesh_ports(raw: Raw) -> list[dict[str, t.Any]]:
    """The ports that a specification publishes through the routing mesh."""
    return [port for port in (raw.get("EndpointSpec") or {}).get("Ports") or [] if _through_mesh(port)]


def park(raw: Raw) -> dict[str, t.Any]:
    """A service's specification with its mesh ports moved into a record."""
    changed = copy.deepcopy(dict(raw))
    if not mesh_ports(raw):
        return changed
    endpoint = changed["EndpointSpec"]
    kept = [port for port in endpoint["Ports"] if not _through_mesh(port)]
    changed["Labels"] = dict(changed.get("Labels") or {}, **{PORTS_LABEL: json.dumps(endpoint, sort_keys=True)})
    changed["EndpointSpec"] = {
        key: value for key, value in dict(endpoint, Ports=kept).items() if key != "Ports" or kept
    }
    return hurry(changed, PARKED_ORDER_LABEL)


def publish(raw: Raw) -> dict[str, t.Any]:
    """The reverse of park. Ports that were published since then take precedence over the record."""
    changed = copy.deepcopy(dict(raw))
    record = (changed.get("Labels") or {}).pop(PORTS_LABEL, None)
    if record is not None and not mesh_ports(raw):
        changed["EndpointSpec"] = json.loads(record)
    return changed


def restore_order(raw: Raw) -> dict[str, t.Any]:
    """The specification with the update order from before it was parked."""
    return unhurry(raw, PARKED_ORDER_LABEL)


def recorded_ports(raw: Raw) -> list[dict[str, t.Any]]:
    """The mesh ports that a parked service gets back."""
    record = (raw.get("Labels") or {}).get(PORTS_LABEL)
    return [] if record is None else mesh_ports({"EndpointSpec": json.loads(record)})


def published(services: t.Iterable[Raw]) -> list[dict[str, t.Any]]:
    """Services that publish on the mesh, or are parked, with their ports; those that swarm chose as they are now."""
    found = []
    for service in services:
        spec = service["Spec"]
        ports = mesh_ports(spec) or recorded_ports(spec)
        chosen = {
            (port.get("Protocol"), port.get("TargetPort")): port.get("PublishedPort")
            for port in (service.get("Endpoint") or {}).get("Ports") or []
        }
        if ports:
            found.append(
                {
                    "service": spec["Name"],
                    "parked": PORTS_LABEL in (spec.get("Labels") or {}),
                    "ports": [
                        {
                            "protocol": port.get("Protocol", "tcp"),
                            "target": port.get("TargetPort"),
                            "published": port.get("PublishedPort")
                            or chosen.get((port.get("Protocol"), port.get("TargetPort"))),
                        }
                        for port in ports
                    ],
                }
            )
    return sorted(found, key=lambda entry: str(entry["service"]))


def _through_mesh(port: t.Mapping[str, t.Any]) -> bool:
    return (port.get("PublishMode") or "ingress") == "ingress"
