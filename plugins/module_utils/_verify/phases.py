# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The four phases of a verification on one node. Each takes the plan for this node and returns plain data.

Private to swarmlab.overlay.
"""

from __future__ import annotations

import os
import time
from typing import Any

from .._engine import APIError, EngineError, NotFound, explain, wait_until
from .._probe import background, certificate, kernel, netns, pause, responder, sockets, wire, work, xfrm
from . import leader, names

NAMESPACES = "/var/run/docker/netns"
HOST_NAMESPACE = "/proc/self/ns/net"


def prepare(client: Any, plan: dict) -> dict:
    """Identity of the node, the probes' image, and on the leader the run's objects."""
    info = client.info()
    swarm = info.get("Swarm") or {}
    if swarm.get("LocalNodeState") != "active":
        raise EngineError(
            "%s is not an active member of a swarm (state: %s). Join it with role swarm, or take it out of the group."
            % (info.get("Name"), swarm.get("LocalNodeState") or "inactive")
        )
    sweep(client, plan["run"])
    _need_image(client, plan)
    result = {"node": _identity(info), "leader": False}
    if swarm.get("ControlAvailable") and leader.is_leader(client, swarm["NodeID"]):
        result.update(_lead(client, plan))
    return result


def _lead(client: Any, plan: dict) -> dict:
    leftovers = leader.remove_objects(client, keep_run=plan["run"])
    selected, empty = leader.select(leader.overlays(client), plan["networks"])
    made = leader.make_objects(client, plan, selected)
    return {
        "leader": True,
        "swarm": leader.swarm_view(client),
        "networks": selected,
        "unmatched": empty,
        "made": made,
        "leftovers": leftovers,
    }


def _identity(info: dict) -> dict:
    swarm = info["Swarm"]
    return {
        "id": swarm["NodeID"],
        "hostname": info["Name"],
        "address": swarm["NodeAddr"],
        "role": "manager" if swarm.get("ControlAvailable") else "worker",
        "engine": info["ServerVersion"],
        "root": info["DockerRootDir"],
    }


def _need_image(client: Any, plan: dict) -> None:
    """Make the pause image where it is not yet; it stays, being smaller than a kilobyte of disk."""
    if plan["image"] != pause.IMAGE or client.images(name=pause.IMAGE):
        return
    try:
        content = pause.archive(os.uname().machine)
    except ValueError as error:
        raise EngineError(str(error)) from error
    client.import_image_from_data(
        content, repository=pause.REPOSITORY, tag=pause.VERSION,
        changes=['ENTRYPOINT ["/pause"]', 'LABEL swarmlab.overlay/managed="true"'],
    )


def sweep(client: Any, keep: str | None) -> None:
    """Remove what earlier, crashed verifications left on this node."""
    for run in background.runs():
        if run != keep:
            _stop_helpers(run)
            background.forget(run)
    for container in client.containers(all=True, filters={"label": [names.RUN_LABEL, names.PART_LABEL + "=attached"]}):
        if container["Labels"][names.RUN_LABEL] != keep:
            _remove_container(client, container["Id"])


def _remove_container(client: Any, container: str) -> None:
    try:
        client.remove_container(container, force=True, v=True)
    except NotFound:
        return


def _stop_helpers(run: str) -> dict:
    return {name: background.stop(run, name) for name in ("responder", "wire")}


def open_node(client: Any, plan: dict) -> dict:
    """Wait for the local probe, start the helpers, and gather what this node can tell."""
    result: dict = {"errors": [], "kernel": kernel.facts(), "time": time.time()}
    if "lazy" in plan["needs"]:
        result["lazy_known"] = knows(client, plan["made"]["lazy"])
    if "certificate" in plan["needs"]:
        result["certificate"] = certificate.node(os.path.join(plan["root"], "swarm", "certificates"))
    if plan["task"]:
        result.update(_open_probe(client, plan))
    if "wire" in plan["needs"]:
        _start(result, plan, "wire", lambda ready, stopped: wire.watch(
            plan["data_port"], sockets.canary(plan["run"]), ready, stopped), None)
    if plan["attach"]:
        result["attached"] = [attach(client, plan, network) for network in plan["attach"]]
    if plan["leader"]:
        result.update(_open_leader(client, plan))
    if "wire" in plan["needs"]:
        result["xfrm"] = xfrm.dump(plan["run"].encode())
    return result


def _open_probe(client: Any, plan: dict) -> dict:
    """The local task's namespace, with the responder in it."""
    wanted = {"label": ["%s=%s" % pair for pair in names.labels(plan["run"], "probe").items()], "status": "running"}

    def look() -> tuple[bool, Any]:
        found = client.containers(filters=wanted)
        return bool(found), found

    waited = wait_until(look, plan["timeout"], interval=0.3)
    if not waited.done:
        return {"errors": ["no probe task runs here after %.0f s" % waited.seconds]}
    details = client.inspect_container(waited.seen[0]["Id"])
    namespace = details["NetworkSettings"]["SandboxKey"]
    result: dict = {"namespace": namespace, "errors": [], "task_seconds": waited.seconds}
    _start(result, plan, "responder", lambda ready, stopped: responder.serve(
        plan["run"], plan["name"], ready, stopped), lambda: netns.enter(namespace))
    return result


def _start(result: dict, plan: dict, name: str, job: Any, namespace: Any) -> None:
    reason = background.start(plan["run"], name, job, plan["limit"], namespace)
    if reason:
        result["errors"].append("%s: %s" % (name, reason))


def knows(client: Any, network: str | None) -> bool | None:
    """Whether this node's engine finds the network (None: there is none to look for)."""
    if not network:
        return None
    try:
        client.inspect_network(network)
    except NotFound:
        return False
    return True


def attach(client: Any, plan: dict, network: dict) -> dict:
    """A standalone container on a network: how long it took and where it is, or how the engine refused."""
    began = time.monotonic()
    name = names.name(plan["run"], "at-%s" % network["id"][:6])
    result = {"network": network["id"], "name": name}
    try:
        created = client.create_container(
            plan["image"], name=name, labels=names.labels(plan["run"], "attached"), stop_signal="SIGKILL",
            host_config=client.create_host_config(network_mode=network["name"]),
        )
        result["container"] = created["Id"]
        client.start(created["Id"])
        details = client.inspect_container(created["Id"])
    except APIError as error:
        return dict(result, refused=explain(error), seconds=round(time.monotonic() - began, 2))
    settings = details["NetworkSettings"]
    endpoint = settings["Networks"].get(network["name"]) or {}
    return dict(
        result, namespace=settings["SandboxKey"], address=endpoint.get("IPAddress"),
        seconds=round(time.monotonic() - began, 2),
    )


def _open_leader(client: Any, plan: dict) -> dict:
    waited = leader.wait_for_tasks(client, plan["made"], plan["expected_nodes"], plan["timeout"])
    tasks = waited.pop("tasks")
    view = leader.views(client, plan["made"], plan["network_ids"], tasks)
    return dict(view, convergence=waited, swarm=leader.swarm_view(client))


def probe(client: Any, plan: dict) -> dict:
    """Carry out this node's requests, all namespaces at once."""
    result: dict = {"observations": {}, "errors": []}
    setting = work.Setting(plan["run"], plan["name"], plan["once"])
    jobs = [
        netns.begin(item["namespace"] or HOST_NAMESPACE, lambda item=item: work.perform(item["requests"], setting))
        for item in plan["work"]
    ]
    if plan["lazy"]:
        result["lazy"] = attach(client, plan, plan["lazy"])
    for job in jobs:
        try:
            result["observations"].update(netns.finish(job, plan["limit"]))
        except netns.ProbeError as error:
            result["errors"].append(str(error))
    if "wire" in plan["needs"]:
        result["xfrm"] = xfrm.dump(plan["run"].encode())
    return result


def close(client: Any, plan: dict) -> dict:
    """Look a last time, collect what the helpers saw, and remove everything of this run on this node."""
    result: dict = {"namespaces": overlay_namespaces(), "lazy_known": knows(client, plan.get("lazy_id"))}
    result.update(_stop_helpers(plan["run"]))
    background.forget(plan["run"])
    sweep(client, None)
    if plan["leader"]:
        result["left"] = leader.remove_objects(client)
    return result


def overlay_namespaces() -> list[str]:
    """The overlay namespaces that exist on this node, by the start of the network's id."""
    try:
        return sorted(entry[2:] for entry in os.listdir(NAMESPACES) if entry.startswith("1-"))
    except OSError:
        return []


PHASES = {"prepare": prepare, "open": open_node, "probe": probe, "close": close}
