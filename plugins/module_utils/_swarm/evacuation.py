# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""What happens to the tasks of a node that is drained, and the constraint that moves some of them before. Pure."""

from __future__ import annotations

import copy
import typing as t

from .._engine.transport import Raw
from .._terms import DONE_LABEL, EVACUATED_LABEL, LEAVING_LABEL, MAINTENANCE_LABEL, PURPOSE_LABEL
from . import leaving, placement

# What an operator has to accept, with the words for it.
ASKED = {
    "gap": "no other task of it runs, so it stops until a new one has started elsewhere",
    "nowhere": "fits no other node, so it stops until the node is active again",
    "data": "starts elsewhere without the data that stays on the node",
    "lost": "is not started again",
}
RUNNING_UPDATES = ("updating", "rollback_started")
STOPPED_UPDATES = ("paused", "rollback_paused")
REPLICATED = ("Replicated", "ReplicatedJob")


class Fate(t.TypedDict):
    """The tasks of one service, or one standalone container, on the node.

    ``how``: C(first) started elsewhere before they stop; C(less) others of the service go on; C(stays) untouched; C(ends)
    one a node, ends with it; and the keys of ASKED.
    """

    service: str
    service_id: str
    how: str
    words: str


def fates(node: Raw, nodes: t.Sequence[Raw], services: t.Sequence[Raw], tasks: t.Sequence[Raw]) -> list[Fate]:
    """What a drain of the node does to each service that has tasks there, in the order of names."""
    found = []
    for service in sorted(services, key=lambda each: str(each["Spec"]["Name"])):
        here = [
            task
            for task in tasks
            if task.get("ServiceID") == service["ID"]
            and task.get("NodeID") == node["ID"]
            and leaving.is_held(task, node)
        ]
        if here:
            how, words = _fate(service, node, nodes, tasks, here)
            name = service["Spec"]["Name"]
            count = f"{len(here)} tasks" if len(here) > 1 else "1 task"
            found.append(Fate(service=name, service_id=service["ID"], how=how, words=f"{name}, {count}: {words}"))
    attached = [task for task in tasks if not task.get("ServiceID") and task.get("NodeID") == node["ID"]]
    held = len([task for task in attached if leaving.is_held(task, node)])
    if held:
        words = f"not moved: {held} attached to a network by hand"
        found.append(Fate(service="", service_id="", how="stays", words=words))
    return found


def _fate(
    service: Raw, node: Raw, nodes: t.Sequence[Raw], tasks: t.Sequence[Raw], here: t.Sequence[Raw]
) -> tuple[str, str]:
    mode = service["Spec"].get("Mode") or {}
    if not any(kind in mode for kind in REPLICATED):
        return "ends", "one on each node: ends here"
    if not leaving.moves(service):
        return "lost", ASKED["lost"]
    reasons = nowhere(service, node, nodes, tasks)
    if reasons:
        return "nowhere", f"{ASKED['nowhere']}: {reasons}"
    kept = local_data(service)
    if kept:
        return "data", f"{ASKED['data']}: {', '.join(kept)}"
    if "ReplicatedJob" in mode:
        return "gap", "a job starts again from its beginning elsewhere"
    if leaving.is_up(node) and goes_first(service):
        return "first", "started elsewhere before it stops here"
    if any(
        task.get("ServiceID") == service["ID"] and task.get("NodeID") != node["ID"] and is_running(task)
        for task in tasks
    ):
        return "less", "stops here, then starts elsewhere; other tasks of it go on"
    return "gap", ASKED["gap"]


def nowhere(service: Raw, node: Raw, nodes: t.Sequence[Raw], tasks: t.Sequence[Raw]) -> str:
    """Why no other node can take a task of the service; empty when one can."""
    reasons = [placement.fits(service, each, tasks) for each in nodes if each["ID"] != node["ID"]]
    return "" if "" in reasons else "; ".join(sorted(set(reasons))) or "there is no other node"


def waiting(node: Raw, nodes: t.Sequence[Raw], services: t.Sequence[Raw], tasks: t.Sequence[Raw]) -> list[Fate]:
    """The services that have a task without a node, because they fit none but this one, which is drained already."""
    found = []
    for service in services:
        homeless = [task for task in tasks if task.get("ServiceID") == service["ID"] and is_homeless(task)]
        if homeless and (reasons := nowhere(service, node, nodes, tasks)):
            name = service["Spec"]["Name"]
            words = f"{name}, {len(homeless)} waiting: fits no other node: {reasons}"
            found.append(Fate(service=name, service_id=service["ID"], how="nowhere", words=words))
    return found


def is_homeless(task: Raw) -> bool:
    return task.get("DesiredState") == "running" and not task.get("NodeID")


def is_running(task: Raw) -> bool:
    return task.get("DesiredState") == "running" and (task.get("Status") or {}).get("State") == "running"


def goes_first(service: Raw) -> bool:
    """Whether a task of the service can be started elsewhere while the old one runs."""
    spec = service["Spec"]
    placed = (spec.get("TaskTemplate") or {}).get("Placement") or {}
    return (
        "Replicated" in (spec.get("Mode") or {})
        and (spec.get("UpdateConfig") or {}).get("Order") == "start-first"
        and not placed.get("MaxReplicas")
        and not placement.host_ports(service)
    )


def local_data(service: Raw) -> list[str]:
    """The mounts of a service whose content is on one node: volumes of the local driver without options, and writable paths."""
    container = (service["Spec"].get("TaskTemplate") or {}).get("ContainerSpec") or {}
    found = []
    for mount in container.get("Mounts") or ():
        driver = ((mount.get("VolumeOptions") or {}).get("DriverConfig")) or {}
        # A volume with options, or of another driver, may be one that every node reaches (NFS). So may a path; nobody can tell.
        if mount.get("Type") == "volume" and driver.get("Name") in (None, "", "local") and not driver.get("Options"):
            found.append(f"volume {mount.get('Source') or 'without a name'}")
        elif (
            mount.get("Type") == "bind" and not mount.get("ReadOnly") and not str(mount.get("Source")).endswith(".sock")
        ):
            found.append(f"path {mount.get('Source')}")
    return found


def unaccepted(found: t.Iterable[Fate], accepted: t.Container[str]) -> list[Fate]:
    """What must be accepted and was not."""
    return [fate for fate in found if fate["how"] in ASKED and fate["how"] not in accepted]


def blocked(found: t.Iterable[Fate], node: Raw, services: t.Sequence[Raw]) -> list[str]:
    """Services that are to be moved first, and that somebody else's update holds, in words."""
    first = {fate["service_id"] for fate in found if fate["how"] == "first"}
    told = []
    for service in services:
        state = (service.get("UpdateStatus") or {}).get("State")
        if service["ID"] not in first or node["ID"] in evacuated(service["Spec"]):
            continue
        if state in RUNNING_UPDATES:
            told.append(f"{service['Spec']['Name']} is being updated ({state}): run this again when that has ended")
        elif state in STOPPED_UPDATES:
            told.append(f"an update of {service['Spec']['Name']} is {state}: repair the service, or roll it back")
    return told


def evacuated(spec: Raw) -> list[str]:
    """The ids of the nodes that this collection keeps the service away from."""
    return [each for each in ((spec.get("Labels") or {}).get(EVACUATED_LABEL) or "").split(",") if each]


def away(spec: Raw, node_id: str) -> Raw:
    """A service's specification that keeps its tasks away from the node. A constraint of somebody else stays theirs."""
    new = copy.deepcopy(spec)
    template = new.setdefault("TaskTemplate", {})
    if template.get("Placement") is None:
        template["Placement"] = {}
    constraints = list(template["Placement"].get("Constraints") or ())
    if _constraint(node_id) in constraints:
        return new
    template["Placement"]["Constraints"] = [*constraints, _constraint(node_id)]
    new["Labels"] = {**(new.get("Labels") or {}), EVACUATED_LABEL: ",".join([*evacuated(spec), node_id])}
    return new


def back(spec: Raw, node_ids: t.Container[str]) -> Raw:
    """A service's specification without the constraints that C(away) added for these nodes."""
    ours = [node_id for node_id in evacuated(spec) if node_id in node_ids]
    new = copy.deepcopy(spec)
    if not ours:
        return new
    placed = new["TaskTemplate"].get("Placement") or {}
    gone = [_constraint(node_id) for node_id in ours]
    constraints = [each for each in placed.get("Constraints") or () if each not in gone]
    placed.pop("Constraints", None)
    if constraints:
        placed["Constraints"] = constraints
    new["TaskTemplate"]["Placement"] = placed
    left = [node_id for node_id in evacuated(spec) if node_id not in ours]
    new["Labels"].pop(EVACUATED_LABEL)
    if left:
        new["Labels"][EVACUATED_LABEL] = ",".join(left)
    return new


def _constraint(node_id: str) -> str:
    return f"node.id!={node_id}"


def leftovers(services: t.Iterable[Raw], nodes: t.Sequence[Raw], freed: t.Container[str] = ()) -> dict[str, list[str]]:
    """For each service that is kept away from nodes without need, those nodes: freed now, no longer drained by us, or gone."""
    needed = {node["ID"] for node in nodes if before(node) is not None and node["ID"] not in freed}
    found = {
        service["ID"]: [node_id for node_id in evacuated(service["Spec"]) if node_id not in needed]
        for service in services
    }
    return {service_id: ids for service_id, ids in found.items() if ids}


def before(node: Raw) -> str | None:
    """The availability that the node had before this collection drained it; None when it did not."""
    value = ((node.get("Spec") or {}).get("Labels") or {}).get(MAINTENANCE_LABEL)
    return str(value) if value in ("active", "pause") else None if value is None else "active"


def purpose(node: Raw) -> str:
    """What this collection drained the node for; empty when it was asked for the drain alone, or did not drain it."""
    return str(((node.get("Spec") or {}).get("Labels") or {}).get(PURPOSE_LABEL) or "")


def held(spec: Raw, availability: str, had: str, why: str = "") -> Raw:
    """A node's specification with this availability, and the mark of what it had before, and why. An earlier mark keeps its purpose."""
    labels = dict(spec.get("Labels") or {})
    if why and MAINTENANCE_LABEL not in labels:
        labels[PURPOSE_LABEL] = why
    return {**spec, "Availability": availability, "Labels": {**labels, MAINTENANCE_LABEL: had}}


def freed(spec: Raw, availability: str) -> Raw:
    """A node's specification with this availability, without our marks. One that is given back is not leaving any more."""
    marks = (MAINTENANCE_LABEL, PURPOSE_LABEL, LEAVING_LABEL)
    labels = {key: value for key, value in (spec.get("Labels") or {}).items() if key not in marks}
    return {**spec, "Availability": availability, "Labels": labels}


def noted(spec: Raw, done: str) -> Raw:
    """A node's specification with the note of a rolling action that is through with it; as it is without such a note."""
    return {**spec, "Labels": {**(spec.get("Labels") or {}), DONE_LABEL: done}} if done else spec
