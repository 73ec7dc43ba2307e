# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The standalone container of a verification, attached on a worker to one network after the other.

Private to swarmlab.overlay. The start of a container takes most of the time, so one container serves all networks. It
begins on the run's own lazy network, where no name of another network may resolve.
"""

from __future__ import annotations

import time
import typing as t

from .._engine.attaching import SWARM_LATE, is_leftover
from .._engine.client import Engine, Refused
from .._probe import netns, work
from .._probe import shapes as probed
from .._terms import PART_LABEL, RUN_LABEL
from . import objects, shapes

SLACK = 10
PATIENCE = 60  # seconds after the first attachment began in which one that was late is tried again; the engine takes 20 s for each
STOP = {"StopSignal": "SIGKILL"}


def attach(engine: Engine, plan: shapes.Common, steps: shapes.AttachPlan, setting: work.Setting) -> shapes.FromAttached:
    """Attach to the lazy network and ask there, then attach to every network under test and ask there."""
    result: shapes.FromAttached = {"attached": [], "attached_in": None, "seen_alone": {}, "seen_attached": {}}
    container = None
    until = time.monotonic() + PATIENCE
    if steps["lazy"]:
        lazy = _first(engine, plan, steps["lazy"], until)
        container = lazy.get("container")
        result["lazy"] = lazy
        if lazy.get("namespace"):
            result["seen_alone"] = _ask(lazy["namespace"], steps["alone"], setting)
    for network in steps["networks"]:
        row = _next(engine, plan, container, network, until) if container else _first(engine, plan, network, until)
        container = container or (row.get("container") if "refused" not in row else None)
        result["attached"].append(row)
    lazies = [result["lazy"]] if "lazy" in result else []
    asked = requests_from(result["attached"], steps["requests"])
    result["attached_in"] = next(
        (row["namespace"] for row in [*lazies, *result["attached"]] if row.get("namespace")), None
    )
    if asked and result["attached_in"]:
        result["seen_attached"] = _ask(result["attached_in"], asked, setting)
    return result


def requests_from(attached: list[shapes.Attached], requests: dict[str, list[probed.Request]]) -> list[probed.Request]:
    """The container's requests, on the networks that accepted it. Pure."""
    return [request for row in attached if "refused" not in row for request in requests.get(row["network"], [])]


def _ask(namespace: str, requests: list[probed.Request], setting: work.Setting) -> probed.Observations:
    limit = max([request.get("patience", 0) for request in requests] or [0]) + SLACK
    try:
        return netns.call(namespace, lambda: work.perform(requests, setting), limit)
    except netns.ProbeError:
        return {}


def _told(engine: Engine, container: str, network: shapes.Named) -> shapes.Place:
    """The container's attachment to the network."""
    settings = engine.inspect_container(container)["NetworkSettings"]
    endpoint = settings["Networks"].get(network["name"]) or {}
    return {"container": container, "namespace": settings["SandboxKey"], "address": endpoint.get("IPAddress")}


def _timed(network: shapes.Named, name: str, action: t.Callable[[], shapes.Place], until: float) -> shapes.Attached:
    """The result of an attachment, with its duration in seconds or the engine's reason to refuse."""
    began = time.monotonic()
    row: shapes.Attached = {"network": network["id"], "name": name}
    try:
        row.update(_patiently(action, until))
    except Refused as error:
        row["refused"] = error.message
    row["seconds"] = round(time.monotonic() - began, 2)
    return row


def _patiently(action: t.Callable[[], shapes.Place], until: float) -> shapes.Place:
    """Try again where the engine stopped waiting for the swarm: on a slow node its own limit is short, and no fault.

    Once at least, and up to a moment of the monotonic clock. What is left of a late try makes the engine deny the network once.
    """
    tries, left = 0, False
    while True:
        try:
            return action()
        except Refused as error:
            late = SWARM_LATE in error.message
            if not late and not (left and is_leftover(error.message)):
                raise
            if late and tries and time.monotonic() > until:
                raise
            tries, left = tries + late, late


def _first(engine: Engine, plan: shapes.Common, network: shapes.Named, until: float) -> shapes.Attached:
    """Create and start the container. The engine refuses a network that is not attachable before it starts anything."""
    name = attached_name(plan["run"])

    def action() -> shapes.Place:
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

    return _timed(network, name, action, until)


def _next(engine: Engine, plan: shapes.Common, container: str, network: shapes.Named, until: float) -> shapes.Attached:
    def action() -> shapes.Place:
        engine.connect_container(container, network["name"])
        return _told(engine, container, network)

    return _timed(network, attached_name(plan["run"]), action, until)


def attached_name(run: str) -> str:
    """The name of the container, also on every network."""
    return objects.name(run, "at")


def remove(engine: Engine, keep: str | None = None, only: str | None = None) -> None:
    """Remove the attached containers of verifications: of all runs except ``keep``, or of the run ``only``."""
    for container in engine.containers({"label": [RUN_LABEL, PART_LABEL + "=attached"]}, every=True):
        run = container["Labels"][RUN_LABEL]
        if run != keep and only in (None, run):
            engine.remove_container(container["Id"])
