# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The phases of a lesson on one node: ready, change, watch, end.

Private to swarmlab.overlay. In a round one node first changes something, then every node watches: it types what the lesson types there,
and tells what it knows.
"""

# pylint: disable=ansible-bad-function  # run_command knows no time limit, and merges no streams

from __future__ import annotations

import os
import re
import subprocess
import time
import typing as t

from .._engine.client import Engine, attempt
from .._engine.transport import EngineError
from .._host import read_text
from .._probe import background, certificate, kernel, standing
from .._probe.netns import ProbeError
from . import house, letter, look, shapes, terminal

CERTIFICATES = "/var/lib/docker/swarm/certificates"
PAUSE = 0.25
RENEWAL = 20.0  # seconds that a node whose role has just changed may take to get the certificate of the new one
LEASE = 180.0  # seconds that a node's helper waits for the next order


def carry_out(engine: Engine, phase: str, plan: shapes.Plan) -> dict[str, t.Any]:
    """What the node saw in a phase, as ``seen``, or why it could not, as ``msg`` with details."""
    try:
        return attempt(lambda: PHASES[phase](engine, plan) or {})
    except ProbeError as error:
        return {"msg": f"{os.uname().nodename}: {error}"}


def ready(engine: Engine, plan: shapes.Plan) -> shapes.Ready:
    """Remove what an earlier lesson left, see what is there, and furnish the node. Changes nothing where a name is taken."""
    _require_member(engine)
    end(engine, plan)
    taken = _taken(engine, plan["names"])
    image = "unknown"
    if not taken:
        house.furnish(plan["run"], plan["lab"])
        image = house.name_image(engine, plan["lab"])
    door = None
    if plan.get("stay") and not taken:
        door = standing.begin(
            background.Lease(plan["run"], LEASE), lambda order: carry_out(engine, order["phase"], order["plan"])
        )
    seen, leaf = look.look(engine), certificate.node(CERTIFICATES)
    deadline = time.monotonic() + RENEWAL
    while of_another_role(leaf, seen["role"]) and time.monotonic() < deadline:
        time.sleep(PAUSE)
        seen, leaf = look.look(engine), certificate.node(CERTIFICATES)
    return {
        "door": door,
        "look": seen,
        "taken": taken,
        "image": image,
        "modules": kernel.facts(),
        "certificate": dict(leaf),
    }


def of_another_role(leaf: t.Mapping[str, t.Any], role: str) -> bool:
    """Whether a node's certificate can be read and is not that of its role: a demoted manager gets its own a moment later. Pure."""
    return "error" not in leaf and leaf["subject"].get("OU") != f"swarm-{role}"


def _require_member(engine: Engine) -> None:
    state = engine.info()["Swarm"].get("LocalNodeState")
    if state != "active":
        raise EngineError(
            "{} is not an active member of a swarm (state: {}). Form the swarm first (make lab, role swarm).".format(
                read_text("/proc/sys/kernel/hostname").strip(), state
            )
        )


def _taken(engine: Engine, names: dict[str, list[str]]) -> list[str]:
    """Objects of others that have a name of the lesson. What the lesson itself made is removed by now."""
    found = [f"network {row['Name']}" for row in engine.networks() if row["Name"] in names["networks"]]
    for row in engine.containers({}, every=True):
        found += [f"container {name[1:]}" for name in row["Names"] if name.lstrip("/") in names["containers"]]
    if engine.info()["Swarm"].get("ControlAvailable"):
        found += [
            f"service {row['Spec']['Name']}" for row in engine.services() if row["Spec"]["Name"] in names["services"]
        ]
    return sorted(found)


def change(engine: Engine, plan: shapes.Plan) -> shapes.Done:
    """Clear away what stands in the way, type, and wait until old tasks are gone and new ones run."""
    clear = plan.get("clear") or {}
    removed = house.remove_services(engine, clear.get("services", []))
    names = clear.get("networks", [])
    typed = " ".join(line for script in plan.get("scripts", []) for line in script["lines"])
    if any(name in typed.split() for name in names):  # the step needs these names
        house.await_gone(engine, removed, plan["seconds"])
        house.remove_networks(engine, plan["seconds"], names)
        house.await_forgotten(engine, names, plan["seconds"])
    said = type_all(engine, plan)
    house.await_gone(engine, removed, plan["seconds"])
    others = [name for name in names if name not in typed.split()]
    house.remove_networks(engine, plan["seconds"], others)
    house.await_forgotten(engine, others, plan["seconds"])
    seen = look.look(engine)
    deadline = time.monotonic() + plan["seconds"]
    while not settled(seen, plan.get("settled") or {}) and time.monotonic() < deadline:
        time.sleep(PAUSE)
        seen = look.look(engine)
    return {"said": said, "look": seen, "letter": None}


def settled(seen: shapes.Look, wanted: dict[str, int]) -> bool:
    """Whether so many tasks of each of these services run (0: one on every active node that is up). Pure."""
    swarm = seen["swarm"]
    if not wanted or swarm is None:
        return True
    up = [row for row in swarm["members"] if row["state"] == "ready" and row["availability"] == "active"]
    return all(
        len([task for task in swarm["tasks"] if task["service"] == name]) >= (count or len(up))
        for name, count in wanted.items()
    )


def watch(engine: Engine, plan: shapes.Plan) -> shapes.Done:
    """Write the letter where there is one, type what is typed here, then look."""
    post = plan.get("letter")
    wrote = letter.write(engine, plan["run"], look.look(engine)["hostname"], post) if post else None
    said = type_all(engine, plan)
    return {"said": said, "look": look.look(engine), "letter": wrote}


def type_all(engine: Engine, plan: shapes.Plan) -> dict[str, list[shapes.Typed]]:
    """Type every step's lines into one shell."""
    scripts = [script for script in plan.get("scripts", []) if script["lines"]]
    said: dict[str, list[shapes.Typed]] = {}
    if not scripts:
        return said
    with terminal.Terminal(engine.info()["Name"], house.BIN, plan["seconds"]) as shell:
        for script in scripts:
            said[script["step"]] = [shell.type(line) for line in script["lines"]]
            shell.leave()
    return said


def run(engine: Engine, plan: shapes.Plan) -> list[shapes.Ran]:
    """Run the lines of an exercise, up to the first that fails."""
    done: list[shapes.Ran] = []
    for line in plan["lines"]:
        done.append(_run(engine, plan, {"line": line, "expect": ""}))
        if not done[-1]["met"]:
            break
    return done


def check(engine: Engine, plan: shapes.Plan) -> list[shapes.Ran]:
    """Run checks until all of them are met, or their time is over."""
    deadline = time.monotonic() + plan["patience"]
    while True:
        done = [_run(engine, plan, wanted) for wanted in plan["checks"]]
        if all(row["met"] for row in done) or time.monotonic() > deadline:
            return done
        time.sleep(PAUSE)


def _run(engine: Engine, plan: shapes.Plan, wanted: shapes.Wanted) -> shapes.Ran:
    """Run one line as the lesson's shell would. One that does not end counts as failed."""
    address = engine.info()["Swarm"].get("NodeAddr") or ""
    environment = {
        **os.environ,
        "PATH": f"{house.BIN}:{os.environ.get('PATH', '')}:{house.PLACES}",
        "UNDERLAY": house.device_of(address),
    }
    try:
        done = subprocess.run(
            ["/bin/sh", "-c", wanted["line"]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=plan["seconds"],
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"line": wanted["line"], "output": f"no end within {plan['seconds']} s", "code": -1, "met": False}
    output = done.stdout.decode("utf-8", "replace").strip()
    met = done.returncode == 0 and bool(re.search(wanted["expect"], output))
    return {"line": wanted["line"], "output": output, "code": done.returncode, "met": met}


def glance(engine: Engine, _plan: shapes.Plan) -> shapes.Look:
    """Only look."""
    _require_member(engine)
    return look.look(engine)


def end(engine: Engine, plan: shapes.Plan) -> None:
    """Remove everything that carries the lesson's label, and what furnished this node."""
    house.remove_containers(engine)
    if engine.info()["Swarm"].get("ControlAvailable"):
        house.remove_services(engine)
        house.remove_networks(engine, plan["seconds"])
    house.await_nothing(engine, plan["seconds"])
    house.clear_out(engine)
    standing.end(plan["run"])


PHASES: dict[str, t.Callable[[Engine, shapes.Plan], t.Any]] = {
    "ready": ready,
    "change": change,
    "watch": watch,
    "look": glance,
    "run": run,
    "check": check,
    "end": end,
}
LOOK = "look"  # the phase that changes nothing
