# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one standalone container of a verification, attached on a worker to one network after the other.

Private to swarmlab.overlay. Starting a container costs more than all the rest, so one serves every network. It begins alone on the
run's own lazy network: from there no name of another network may resolve.
"""

from __future__ import annotations

import time
import typing as t

from .._engine.client import Engine, Refused
from .._probe import netns, work
from . import objects

SLACK = 10
STOP = {"StopSignal": "SIGKILL"}


def attach(engine: Engine, plan: dict, setting: work.Setting) -> dict:
    """Attach to the lazy network, ask there, then to every network under test, and ask there."""
    steps = plan["attach"]
    result: dict = {"attached": [], "attached_in": None, "seen_alone": {}, "seen_attached": {}}
    container = None
    if steps["lazy"]:
        lazy = _first(engine, plan, steps["lazy"])
        container = lazy.get("container")
        result["lazy"] = lazy
        if lazy.get("namespace"):
            result["seen_alone"] = _ask(lazy["namespace"], steps["alone"], setting)
    for network in steps["networks"]:
        row = _next(engine, plan, container, network) if container else _first(engine, plan, network)
        container = container or (row.get("container") if "refused" not in row else None)
        result["attached"].append(row)
    asked = requests_from(result["attached"], steps["requests"])
    result["attached_in"] = next(
        (row["namespace"] for row in [result.get("lazy") or {}, *result["attached"]] if row.get("namespace")), None
    )
    if asked and result["attached_in"]:
        result["seen_attached"] = _ask(result["attached_in"], asked, setting)
    return result


def requests_from(attached: list, requests: dict) -> list:
    """What the container asks, on the networks that did not refuse it. Pure."""
    return [request for row in attached if "refused" not in row for request in requests.get(row["network"], [])]


def _ask(namespace: str, requests: list, setting: work.Setting) -> dict:
    limit = max([request.get("patience", 0) for request in requests] or [0]) + SLACK
    try:
        return netns.call(namespace, lambda: work.perform(requests, setting), limit)
    except netns.ProbeError:
        return {}


def _told(engine: Engine, container: str, network: dict) -> dict:
    """Where the container is on the network."""
    settings = engine.inspect_container(container)["NetworkSettings"]
    endpoint = settings["Networks"].get(network["name"]) or {}
    return {"container": container, "namespace": settings["SandboxKey"], "address": endpoint.get("IPAddress")}


def _timed(network: dict, name: str, action: t.Any) -> dict:
    """How long it took, and how it went or how the engine refused."""
    began = time.monotonic()
    row: dict = {"network": network["id"], "name": name}
    try:
        row.update(action())
    except Refused as error:
        row["refused"] = error.message
    return dict(row, seconds=round(time.monotonic() - began, 2))


def _first(engine: Engine, plan: dict, network: dict) -> dict:
    """Make and start the container. The engine refuses a network that is not attachable before it starts anything."""
    name = attached_name(plan["run"])

    def action() -> dict:
        attachment_id = engine.create_container(
            name,
            dict(
                STOP,
                Image=plan["image"],
                Labels=objects.labels(plan["run"], "attached"),
                HostConfig={"NetworkMode": network["name"]},
            ),
        )
        try:
            engine.start(attachment_id)
        except Refused:
            engine.remove_container(attachment_id)
            raise
        return _told(engine, attachment_id, network)

    return _timed(network, name, action)


def _next(engine: Engine, plan: dict, container: str, network: dict) -> dict:
    def action() -> dict:
        engine.connect_container(container, network["name"])
        return _told(engine, container, network)

    return _timed(network, attached_name(plan["run"]), action)


def attached_name(run: str) -> str:
    """The name of the container, which is its name on every network too."""
    return objects.name(run, "at")


def remove(engine: Engine, keep: str | None = None, only: str | None = None) -> None:
    """Remove the attached containers of verifications: of all but ``keep``, or of ``only`` one."""
    for container in engine.containers({"label": [objects.RUN_LABEL, objects.PART_LABEL + "=attached"]}, every=True):
        run = container["Labels"][objects.RUN_LABEL]
        if run != keep and only in (None, run):
            engine.remove_container(container["Id"])
