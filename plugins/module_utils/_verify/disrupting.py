# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Disrupt one node, undo the disruption, and wait until the swarm has recovered.

Private to swarmlab.overlay. A background helper undoes the disruption and is started before it. The helper acts on a
signal, at its time limit, or when the process that started it is gone. So a killed controller leaves no node cut off
or drained.
"""

# pylint: disable=ansible-bad-function  # run_command has no time limit

from __future__ import annotations

import os
import re
import shlex
import subprocess
import time
import typing as t

from .._discovery.records import is_running
from .._engine.client import Engine, Refused
from .._engine.transport import EngineError, wait_until
from .._probe import background, partition, system
from .._probe import shapes as probed
from . import leader, shapes

HELPER = "disruption"
PID_FILE = "/var/run/docker.pid"
SYSTEMD = "/run/systemd/system"
RESTART = "systemctl restart docker"
# The usual reload command of the tool, else a restart of its service. The unit of ufw is active whether or not ufw is
# enabled.
FIREWALLS = {
    "firewalld": ["firewall-cmd", "--reload"],
    "ufw": ["ufw", "reload"],
    "nftables": [],
    "netfilter-persistent": [],
    "iptables": [],
}
UFW_CONF = "/etc/ufw/ufw.conf"
COMMAND_SECONDS = 180
ENGINE_WORDS = ("DOCKER", system.MARK, "--pol none")
RESTORING = 20  # seconds for the engine to restore its rules by itself
UNDOING = 30  # seconds for the undoing
GONE: shapes.Standing = ["gone", "gone"]  # for a node that the swarm no longer has
NOWHERE = "no suitable node"  # the scheduler's error for a task without a possible node


def disrupt(engine: Engine, plan: shapes.DisruptPlan) -> shapes.Disrupted:
    """Carry out the disruption on this node and undo it."""
    began = time.monotonic()
    seen = ACTIONS[plan["what"]](engine, plan)
    return {**seen, "seconds": round(time.monotonic() - began, 1)}


def _held(plan: shapes.DisruptPlan, seconds: float, undo: t.Callable[[], str | None]) -> str | None:
    """Start the helper that undoes: after this number of seconds, or when the present process is gone.

    Returns the reason when it did not start.
    """
    owner = os.getpid()
    started = background.started_at(owner)

    def job(ready: probed.Ready, stopped: probed.Stopped) -> dict[str, str | None]:
        ready()
        end = time.monotonic() + seconds
        while not stopped() and time.monotonic() < end and background.started_at(owner) == started:
            time.sleep(0.1)
        problem = undo()
        while not stopped() and background.started_at(owner) == started:
            time.sleep(0.1)
        return {"problem": problem}

    lease = background.Lease(plan["run"], seconds + plan["lease"])
    lease.renew()
    return background.start(lease, HELPER, job)


def _taken_back(plan: shapes.DisruptPlan) -> str | None:
    """Make the helper undo now. Returns the reason of a failure."""
    told: dict[str, str | None] | None = background.stop(plan["run"], [HELPER], UNDOING)[HELPER]
    background.forget(plan["run"])
    return told["problem"] if told else "whatever should have undone it was gone"


def _partition(_engine: Engine, plan: shapes.DisruptPlan) -> shapes.Disrupted:
    problem = _held(plan, plan["seconds"], partition.mend) or partition.cut(plan["ports"])
    if not problem:
        time.sleep(plan["seconds"])
    left = _taken_back(plan)
    return {"done": not problem, "problem": problem or left}


def _drain(engine: Engine, plan: shapes.DisruptPlan) -> shapes.Disrupted:
    """Drain the node, wait until its tasks run elsewhere, and restore its availability."""
    before = engine.inspect_node(plan["node_id"])["Spec"]["Availability"]
    had = len([task for task in engine.tasks({"node": plan["node_id"]}) if is_running(task)])
    undoing = Engine(engine.docker_host, 10)
    problem = _held(plan, plan["timeout"], lambda: make_available(undoing, plan["node_id"], before))
    result: shapes.Disrupted = {"had": had}
    if not problem:
        problem = make_available(engine, plan["node_id"], "drain")
        waited = wait_until(lambda: _moved(engine, plan), plan["timeout"], interval=0.3)
        result.update({**waited.seen, "moved_seconds": waited.seconds})
    left = _taken_back(plan)
    result.update({"done": not problem, "problem": problem or left})
    return result


def make_available(engine: Engine, node: str, availability: str) -> str | None:
    """Set a node's availability, with further attempts after concurrent updates. Returns the reason of a failure."""
    problem = None
    for _attempt in range(5):
        try:
            raw = engine.inspect_node(node)
            if raw["Spec"]["Availability"] == availability:
                return None
            engine.update_node(node, raw["Version"]["Index"], dict(raw["Spec"], Availability=availability))
            return None
        except (Refused, EngineError) as error:
            problem = error.message
        time.sleep(0.5)
    return f"{node[:12]} could not be set to {availability}: {problem}"


def _moved(engine: Engine, plan: shapes.DisruptPlan) -> tuple[bool, shapes.Moved]:
    """The tasks still to move from the drained node. Services that cannot run on another node are listed separately."""
    services, tasks = engine.services(), engine.tasks()
    # Tasks that are to end and still run count too.
    left = sorted(
        task["ID"][:12]
        for task in tasks
        if task.get("NodeID") == plan["node_id"] and task["Status"]["State"] == "running"
    )
    waiting = _more(leader.unsettled(services, tasks), plan["lacking"])
    nowhere = {task.get("ServiceID") for task in tasks if (task["Status"].get("Err") or "").startswith(NOWHERE)}
    pinned = [
        service["Spec"]["Name"]
        for service in services
        if service["ID"] in nowhere and service["Spec"]["Name"] in waiting
    ]
    waiting = {name: text for name, text in waiting.items() if name not in pinned}
    return not left and not waiting, {"left_behind": left, "waiting": waiting, "pinned": sorted(pinned)}


def _more(now: shapes.Lacking, before: shapes.Lacking) -> shapes.Lacking:
    """The entries that are new or differ from before."""
    return {name: text for name, text in now.items() if before.get(name) != text}


def _restart_engine(engine: Engine, plan: shapes.DisruptPlan) -> shapes.Disrupted:
    command = plan["restart"] or (RESTART if os.path.isdir(SYSTEMD) else "")
    if not command:
        return {"skip": "no systemd here: say how its engine is restarted with verify_engine_restart"}
    before = _engine_process()
    problem = _run(shlex.split(command))
    if problem:
        return {"done": False, "problem": f"'{command}' failed: {problem}"}
    waited = wait_until(lambda: _is_back(engine, before), plan["timeout"], interval=0.3)
    problem = None if waited.done else f"{waited.seen} within {plan['timeout']} s after '{command}'"
    return {"done": True, "problem": problem, "back_seconds": waited.seconds}


def _engine_pid() -> int | None:
    try:
        with open(PID_FILE, encoding="ascii") as handle:
            return int(handle.read())
    except (OSError, ValueError):
        return None


def _engine_process() -> str | None:
    """The engine's process, as pid and start time; None when it is unknown."""
    pid = _engine_pid()
    return f"{pid}/{background.started_at(pid)}" if pid else None


def engine_seconds() -> float | None:
    """The age in seconds of this node's engine process; None when it is unknown."""
    pid = _engine_pid()
    return background.age(pid) if pid else None


def _is_back(engine: Engine, before: str | None) -> tuple[bool, str]:
    """Whether a new process of the engine answers and is active in the swarm; else what is missing."""
    if before and _engine_process() == before:
        return False, "the engine was not restarted"
    try:
        state = (engine.info().get("Swarm") or {}).get("LocalNodeState")
    except (EngineError, Refused):
        return False, "the engine did not answer again"
    return state == "active", "the engine was not an active member of the swarm again"


def _run(command: list[str]) -> str | None:
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=COMMAND_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return (
        None
        if done.returncode == 0
        else " ".join(done.stdout.decode("utf-8", "replace").split())[-300:] or f"exit code {done.returncode}"
    )


def _firewall(engine: Engine, plan: shapes.DisruptPlan) -> shapes.Disrupted:
    """Reload the host's firewall and check the engine's rules.

    If they stay away, restart the engine, which writes them.
    """
    service = next((name for name in FIREWALLS if _is_active(name)), None)
    if not service:
        return {"skip": f"no firewall service runs there ({', '.join(FIREWALLS)})"}
    before = engine_rules()
    if not before:
        return {"skip": "iptables-save shows no rules of the engine there, so there is nothing to compare with"}
    command = FIREWALLS[service] or ["systemctl", "restart", service]
    problem = _run(command)
    if problem:
        return {"done": False, "problem": f"'{' '.join(command)}' failed: {problem}"}
    waited = wait_until(lambda: _restored(before), RESTORING, interval=0.5)
    seen: shapes.Disrupted = {
        "done": True,
        "problem": None,
        "service": service,
        "command": " ".join(command),
        "lost": waited.seen,
        "restored_seconds": waited.seconds,
    }
    if waited.seen:
        seen["repair"] = _restart_engine(engine, plan)
    return seen


def _is_active(service: str) -> bool:
    """Whether systemd runs the service, and it filters."""
    if not os.path.isdir(SYSTEMD) or _run(["systemctl", "is-active", "--quiet", service]) is not None:
        return False
    return service != "ufw" or ufw_enabled(_text(UFW_CONF))


def ufw_enabled(text: str) -> bool:
    """Whether ufw.conf enables ufw."""
    return re.search(r"(?mi)^\s*ENABLED\s*=\s*\"?yes", text) is not None


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as handle:
            return handle.read()
    except OSError:
        return ""


def engine_rules() -> list[str]:
    """The engine's rules in iptables-save, without counters: its chains, and its rules for encryption."""
    try:
        done = subprocess.run(
            ["iptables-save"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=COMMAND_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return of_engine(done.stdout.decode("utf-8", "replace"))


def of_engine(text: str) -> list[str]:
    """The engine's rules in the output of iptables-save."""
    return sorted(
        {line for line in text.splitlines() if line.startswith("-A ") and any(word in line for word in ENGINE_WORDS)}
    )


def _restored(before: list[str]) -> tuple[bool, list[str]]:
    missing = sorted(set(before) - set(engine_rules()))
    return not missing, missing


ACTIONS: dict[str, t.Callable[[Engine, shapes.DisruptPlan], shapes.Disrupted]] = {
    "partition": _partition,
    "engine-restart": _restart_engine,
    "firewall-reload": _firewall,
    "drain": _drain,
}


def settle(engine: Engine, plan: shapes.SettlePlan) -> shapes.Whole:
    """On the leader, wait until nodes and services are in their state from before."""
    waited = wait_until(lambda: _whole(engine, plan), plan["timeout"], interval=0.3)
    return {**waited.seen, "done": waited.done, "seconds": waited.seconds}


def _whole(engine: Engine, plan: shapes.SettlePlan) -> tuple[bool, shapes.Whole]:
    try:
        nodes = {node["ID"]: leader.standing(node) for node in engine.nodes()}
        services = _more(leader.unsettled(engine.services(), engine.tasks()), plan["lacking"])
    except (EngineError, Refused) as error:
        return False, {"nodes": {}, "services": {}, "problem": error.message}
    changed = {node: nodes.get(node, GONE) for node, state in plan["nodes"].items() if nodes.get(node) != state}
    return not changed and not services, {"nodes": changed, "services": services, "problem": None}
