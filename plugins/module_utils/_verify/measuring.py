# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure performance on a node: the servers to measure, and the measurements, one after the other.

Private to swarmlab.overlay. Only the run's own networks are used, so that no other traffic is disturbed.
"""

from __future__ import annotations

from .._engine.client import Engine
from .._engine.transport import Raw, wait_until
from .._probe import background, dns, netns, speed
from .._probe import shapes as probed
from . import local, objects, shapes

HELPERS = ("speed", "speed-host")
OPENING = 20  # seconds to wait for the local task; the services had time to start before
SLACK = 30  # seconds of one measurement besides its streams


def open_servers(
    engine: Engine, plan: shapes.ProbePlan, serving: shapes.Serving, lease: background.Lease, errors: list[str]
) -> dict[str, str]:
    """Serve in the local task and on the host. Returns the task's address by way; failures are added to ``errors``."""

    def server(address: str) -> background.Job:
        return lambda ready, stopped: speed.serve(plan["run"], plan["name"], address, ready, stopped)

    waited = wait_until(lambda: local.running(engine, plan["run"], objects.SPEED), OPENING, interval=0.2)
    served: dict[str, str] = {}
    if waited.done:
        served = _addresses(plan["run"], waited.seen)
        local.start(errors, lease, HELPERS[0], server("0.0.0.0"), lambda: netns.enter(waited.seen["SandboxKey"]))
    else:
        errors.append(f"no task to measure runs here after {OPENING} s")
    local.start(errors, lease, HELPERS[1], server(serving["address"]))
    return served


def _addresses(run: str, settings: Raw) -> dict[str, str]:
    """The container's address by way."""
    found = {
        way: (settings["Networks"].get(objects.name(run, part)) or {}).get("IPAddress")
        for way, part in objects.SPEED_NETWORKS.items()
    }
    return {way: address for way, address in found.items() if address}


def measure(_engine: Engine, plan: shapes.MeasurePlan) -> shapes.Measured:
    """All measurements of this node, one at a time."""
    with background.Kept(background.Lease(plan["run"], plan["lease"])):
        return {"measured": {row["id"]: _measure(plan, row) for row in plan["rows"]}}


def _measure(plan: shapes.MeasurePlan, row: shapes.MeasureRow) -> probed.Speed | probed.Unread:
    def look() -> probed.Speed | probed.Unread:
        addresses = list(row["addresses"])
        if row["name"]:
            # The balancer rotates: with twice as many connections as tasks, each task gets one.
            addresses = list(dns.ask(row["name"], seconds=plan["once"]).addresses) * row["tries"]
        return speed.measure(plan["run"], row["target"], addresses, plan["seconds"], plan["once"])

    try:
        return netns.call(row["namespace"] or local.HOST_NAMESPACE, look, plan["seconds"] + SLACK)
    except netns.ProbeError as error:
        return {"error": str(error)}
