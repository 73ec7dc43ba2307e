# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""What a rolling action over all nodes will meet: what the services suffer, and what speaks against it. Pure."""

from __future__ import annotations

import typing as t

from .._engine.transport import Raw
from .._terms import DONE_LABEL
from . import evacuation, leaving, placement

PURPOSE = "upgrade"  # what nodes are drained for by a rolling action
LEFT = "it can come to run on one node alone, and then stops until a new task has started elsewhere"


def outlook(
    nodes: t.Sequence[Raw],
    services: t.Sequence[Raw],
    tasks: t.Sequence[Raw],
    swarm: Raw,
    networks: t.Sequence[Raw],
    batch: int,
) -> dict[str, t.Any]:
    """What a manager tells before any node is touched.

    :param swarm: from the engine's /swarm
    :param batch: how many nodes are drained at the same time
    """
    usable = [_usable(node) for node in nodes]
    return {
        "nodes": [_node(node) for node in nodes],
        "fates": {node["ID"]: _fates(node, usable, services, tasks, batch) for node in usable},
        "updates": halted(services),
        "rotating": bool(swarm.get("RootRotationInProgress")),
        "autolock": bool(((swarm.get("Spec") or {}).get("EncryptionConfig") or {}).get("AutoLockManagers")),
        "encrypted": any("encrypted" in (network.get("Options") or {}) for network in networks),
    }


def _node(node: Raw) -> dict[str, t.Any]:
    engine = (node.get("Description") or {}).get("Engine") or {}
    spec = node.get("Spec") or {}
    return {
        "id": node["ID"],
        "name": leaving.hostname(node),
        "engine": engine.get("EngineVersion") or "",
        "availability": spec.get("Availability") or "active",
        "ours": evacuation.purpose(node) == PURPOSE,
        "done": (spec.get("Labels") or {}).get(DONE_LABEL) or "",
    }


def _usable(node: Raw) -> Raw:
    """A node that an earlier run left drained is given back first, so it counts as it was before."""
    had = evacuation.before(node)
    if had is None or evacuation.purpose(node) != PURPOSE:
        return node
    return {**node, "Spec": evacuation.freed(node["Spec"], had)}


def _fates(
    node: Raw, nodes: t.Sequence[Raw], services: t.Sequence[Raw], tasks: t.Sequence[Raw], batch: int
) -> list[dict[str, str]]:
    """What happens to the services with tasks on the node, at its turn or a later one: tasks move meanwhile."""
    if node["Spec"].get("Availability") == "drain":  # its tasks are on their way already, by somebody else's will
        return []
    byid = {service["ID"]: service for service in services}
    found = []
    for fate in evacuation.fates(node, nodes, services, tasks):
        how, words = fate["how"], fate["words"]
        if how in ("first", "less", "gap"):
            service = byid[fate["service_id"]]
            able = len([each for each in nodes if not placement.fits(service, each, ())])
            if able <= batch:
                how, words = (
                    "nowhere",
                    f"{fate['service']}: fits no more than {able} of the nodes, and {batch} are drained at a time",
                )
            elif how == "less" and able <= batch + 1:
                how, words = "gap", f"{fate['service']}: {LEFT}"
        found.append({"service": fate["service"], "how": how, "words": words})
    return found


def halted(services: t.Sequence[Raw]) -> list[str]:
    """The services whose update is not through, in words. Those that this collection moves itself are finished with their node."""
    return [
        f"{service['Spec']['Name']} ({state})"
        for service in sorted(services, key=lambda each: str(each["Spec"]["Name"]))
        if (state := (service.get("UpdateStatus") or {}).get("State"))
        in (*evacuation.RUNNING_UPDATES, *evacuation.STOPPED_UPDATES)
        and not evacuation.evacuated(service["Spec"])
    ]


def standalone(containers: t.Iterable[Raw]) -> list[dict[str, t.Any]]:
    """The running containers that no service started, and whether they start again with the engine.

    :param containers: as the engine tells of each by itself
    """
    return [
        {
            "name": str(each.get("Name") or each["Id"]).lstrip("/"),
            "returns": (((each.get("HostConfig") or {}).get("RestartPolicy") or {}).get("Name") or "")
            in ("always", "unless-stopped"),
        }
        for each in containers
    ]
