# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The phases of a verification on one node. Each takes this node's plan and returns plain data.

Private to swarmlab.overlay. ``prepare`` sets up, ``probe`` measures, ``close`` removes. ``open`` only has work where
``prepare`` could not wait for the other nodes.
"""

from __future__ import annotations

import functools
import os
import time
import typing as t

from .._engine.client import Engine, NotFound, attempt
from .._engine.transport import EngineError, Raw, wait_until
from .._probe import (
    background,
    certificate,
    interior,
    kernel,
    netns,
    overlay,
    pause,
    ports,
    pulse,
    responder,
    sockets,
    standing,
    system,
    testimony,
    train,
    wire,
    work,
    xfrm,
)
from .._probe import shapes as probed
from .._terms import DATA_PATH_PORT
from . import disrupting, gathering, leader, local, measuring, objects, shapes, standalone, workloads

Seen = t.TypeVar("Seen")
ANSWER = 25  # seconds: an engine that hangs is reported before the helpers' lease on the other nodes expires
HALTED = 8  # seconds that a process of the engine may be stopped: a debugger or a snapshot of the machine stops it for a moment
LEAST = 5.0  # seconds of patience for what is asked second, where a first answer may be lost or late
TRAINS = 60  # seconds: they take a few, and longer only where there is no processor
HELPERS = (
    "responder",
    "published",
    "ports",
    "pulse",
    "wire",
    *measuring.HELPERS,
    "janitor",
    "janitor-at",
    standing.NAME,
)


def prepare(engine: Engine, plan: shapes.PreparePlan) -> shapes.Prepared:
    """Prepare the node: identity, the probes' image, and on the leader the run's objects.

    Then wait for the local probe.
    """
    began = time.time()
    starved = testimony.starved(plan["hosts"])
    if starved:
        # All others would wait for it, until their helpers end; and what it said nothing to would prove nothing.
        raise EngineError(
            f"It has hardly any processor: {starved}. Nothing was set up there.", reason_code="node-starved"
        )
    halted = wait_until(_halted, HALTED, interval=0.5)
    if not halted.done:
        # Neither an answer nor a task would come: the reason is known, and no time limit need run out.
        raise EngineError(
            f"A process of the engine is stopped: {', '.join(halted.seen)}. Continue it ('kill -CONT PID').",
            reason_code="engine-part-stopped",
        )
    info = engine.within(ANSWER).info()
    outside = local.outside(info)
    if outside:
        reason, text = outside
        raise EngineError(text, reason_code=reason)
    need_room(plan["run"])
    sweep(engine, plan["run"])
    _need_image(engine, plan)
    with background.Kept(_lease(plan)):
        return _prepare(engine, plan, info, began)


def _prepare(engine: Engine, plan: shapes.PreparePlan, info: Raw, began: float) -> shapes.Prepared:
    swarm = info["Swarm"]
    result: shapes.Prepared = {"node": _identity(info), "leader": False}
    errors: list[str] = []
    opened: shapes.Opened = {
        "errors": errors,
        "kernel": kernel.facts(),
        "host": system.facts(plan.get("declared") or ()),
        "local_networks": _local_networks(engine),
    }
    if "rules" in plan["needs"]:
        # Before this run publishes a port, because the engine then writes the chain and its jumps anew.
        opened["rules"] = system.firewall(result["node"]["firewall"], [], [])
        opened["engine_seconds"] = disrupting.engine_seconds()
        opened["flushers"] = system.flushers()
    if "xfrm" in plan["needs"]:
        # Before a probe joins an encrypted network, because the engine then restores what may have been lost.
        opened.update(_ipsec(plan))
    if "ports" in plan["needs"]:
        _start(errors, plan, "ports", lambda ready, stopped: ports.serve(plan["run"], plan["name"], ready, stopped))
    if "pulse" in plan["needs"] and "speed" not in plan["needs"]:  # a measurement fills the links
        _pulse(engine, plan, info, errors)
    if swarm.get("ControlAvailable") and leader.is_leader(engine, swarm["NodeID"]):
        led = _lead(engine, plan)
        result.update(led)
        _start(errors, plan, "janitor", _idle, alone=lambda: leader.remove_objects(engine, only=plan["run"]))
    if "workloads" in plan["needs"]:
        opened["workloads"] = workloads.found(engine, plan["run"], plan["networks"])  # while tasks of the run start
    if plan["wait"]:
        expected = "probe" in plan["needs"] and leader.may_run_tasks(engine, swarm)
        opened.update(_open_node(engine, plan, plan["wait"], errors, expected))
        if result["leader"]:
            left = plan["wait"] - (time.time() - began)
            result["view"] = _view(engine, result["made"], left)
            opened.update(_serve_published(engine, plan, errors))
    opened["gateway"] = local.gateway(engine)  # which the engine may make with the first task only
    if "certificate" in plan["needs"]:
        opened["certificate"] = certificate.node(os.path.join(info["DockerRootDir"], "swarm", "certificates"))
    opened["counters"] = system.ipsec_counters()
    opened["testimony"] = testimony.look(info["DockerRootDir"])
    opened["time"] = time.time()
    opened["clock"] = [began, time.time()]
    result["opened"] = opened
    result["door"] = standing.begin(_lease(plan), lambda order: carry_out(engine, order["phase"], order["plan"]))
    return result


def _pulse(engine: Engine, plan: shapes.PreparePlan, info: Raw, errors: list[str]) -> None:
    """Start the pulse to the nodes that this one knows, long before anybody can tell it of all."""
    known = local.peers(info, engine.networks(), engine.inspect_network)
    addresses = pulse.chosen(known, info["Swarm"]["NodeAddr"], plan["run"])
    port = overlay.data_port(local.namespaces(engine)) or DATA_PATH_PORT
    _start(errors, plan, "pulse", lambda ready, stopped: pulse.serve(plan["run"], port, addresses, ready, stopped))


def need_room(run: str) -> None:
    """Make the run's folder, in which everything that follows is kept."""
    try:
        background.folder(run)
    except OSError as error:
        if error.errno not in background.FULL:
            raise
        raise EngineError(
            f"Neither {' nor '.join(background.roots())} can be made ({error.strerror}). Look at 'df -h /run' and 'df -i /run'.",
            reason_code="disk-full",
        ) from error


def carry_out(engine: Engine, phase: str, plan: t.Any) -> dict[str, t.Any]:
    """What the node saw in a phase, as ``seen``, or why it could not, as ``msg`` with details."""
    return attempt(lambda: PHASES[phase](engine, plan))


def _halted() -> tuple[bool, list[str]]:
    """The engine's processes that are stopped; for ``wait_until``."""
    found = testimony.stopped()
    return not found, found


def _lease(plan: shapes.Common) -> background.Lease:
    return background.Lease(plan["run"], plan["lease"])


def _lead(engine: Engine, plan: shapes.PreparePlan) -> shapes.Led:
    leftovers = leader.remove_objects(engine, keep=plan["run"])
    selected, empty = leader.select(leader.overlays(engine), plan["networks"])
    made = leader.make_objects(engine, plan, selected)
    return {
        "leader": True,
        "swarm": leader.swarm_view(engine),
        "networks": selected,
        "unmatched": empty,
        "made": made,
        "leftovers": leftovers,
    }


def _identity(info: Raw) -> shapes.Identity:
    swarm = info["Swarm"]
    return {
        "id": swarm["NodeID"],
        "hostname": info["Name"],
        "machine": local.machine(),
        "copied": local.copied(info),
        "address": swarm["NodeAddr"],
        "role": "manager" if swarm.get("ControlAvailable") else "worker",
        "engine": info["ServerVersion"],
        "root": info["DockerRootDir"],
        "firewall": (info.get("FirewallBackend") or {}).get("Driver") or "iptables",
    }


def _local_networks(engine: Engine) -> list[str]:
    return sorted(network["Name"] for network in engine.networks() if network["Scope"] == "local")


def _need_image(engine: Engine, plan: shapes.Common) -> None:
    """Create the pause image where it is missing. It stays, with less than a kilobyte on disk."""
    if plan["image"] != pause.IMAGE or engine.has_image(pause.IMAGE):
        return
    try:
        content = pause.archive(os.uname().machine)
    except ValueError as error:
        raise EngineError(str(error)) from error
    engine.import_image(content, pause.REPOSITORY, pause.VERSION, list(pause.CHANGES))


def sweep(engine: Engine, keep: str | None) -> None:
    """Remove the objects of earlier, crashed verifications from this node."""
    for run in background.runs():
        if run != keep:
            background.stop(run, HELPERS)
            background.forget(run)
    standalone.remove(engine, keep=keep)


def _idle(ready: probed.Ready, stopped: probed.Stopped) -> None:
    """The job of a helper that only waits for its lease to expire."""
    ready()
    while not stopped():
        time.sleep(0.5)


def open_node(engine: Engine, plan: shapes.OpenPlan) -> shapes.Opened:
    """The part of the preparation that ``prepare`` could not wait for."""
    with background.Kept(_lease(plan)):
        return _open(engine, plan)


def _open(engine: Engine, plan: shapes.OpenPlan) -> shapes.Opened:
    errors: list[str] = []
    result: shapes.Opened = {"errors": errors}
    deadline = time.monotonic() + plan["timeout"]
    if not plan["opened"]:
        result.update(_open_node(engine, plan, plan["timeout"], errors, plan["expected"]))
        if plan["expected"] and not result.get("namespace"):
            errors.append(f"no probe task runs here after {result['task_seconds']:.0f} s")
            result["reason"] = "probe-not-started"
    if plan["leader"]:
        result["view"] = _view(engine, plan["made"], deadline - time.monotonic())
    return result


def _open_node(engine: Engine, plan: shapes.Common, timeout: float, errors: list[str], expected: bool) -> shapes.Opened:
    """Wait for the local probe where one is expected, and start the helpers that need it.

    ``timeout`` is in seconds.
    """
    result: shapes.Opened = _open_probe(engine, plan, timeout, errors) if expected else {}
    if "lazy" in plan["needs"]:
        result["lazy_known"] = knows(engine, objects.name(plan["run"], "lazy"))
    if "wire" in plan["needs"] and (result.get("namespace") or not expected):
        port = overlay.data_port(local.namespaces(engine)) or DATA_PATH_PORT
        _start(
            errors,
            plan,
            "wire",
            lambda ready, stopped: wire.watch(port, sockets.canary(plan["run"]), ready, stopped),
        )
    return result


def _open_probe(engine: Engine, plan: shapes.Common, timeout: float, errors: list[str]) -> shapes.Opened:
    """Start the responder in the local task's namespace."""
    waited = wait_until(local.Arrival(engine, plan["run"], "probe", timeout).look, timeout, interval=0.2)
    there, settings = waited.seen
    if not there:
        return {"task_seconds": waited.seconds}
    namespace = settings["SandboxKey"]
    _start(
        errors,
        plan,
        "responder",
        lambda ready, stopped: responder.serve(plan["run"], plan["name"], ready, stopped),
        lambda: netns.enter(namespace),
    )
    return {"namespace": namespace, "task_seconds": waited.seconds, "ipv6": local.ipv6(settings)}


def _serve_published(engine: Engine, plan: shapes.Common, errors: list[str]) -> shapes.Opened:
    """Start the responder of the published service, on the node of its task."""
    found, settings = local.running(engine, plan["run"], "published")
    if not found:
        return {}
    _start(
        errors,
        plan,
        "published",
        lambda ready, stopped: responder.serve(plan["run"], plan["name"], ready, stopped),
        lambda: netns.enter(settings["SandboxKey"]),
    )
    return {"published": True}


def _start(
    errors: list[str],
    plan: shapes.Common,
    name: str,
    job: background.Job,
    namespace: background.Step | None = None,
    alone: background.Step | None = None,
) -> None:
    local.start(errors, _lease(plan), name, job, namespace, alone)


def knows(engine: Engine, network: str | None) -> bool | None:
    """Whether this node's engine knows the network (None: no network given)."""
    if not network:
        return None
    try:
        engine.inspect_network(network)
    except NotFound:
        return False
    return True


def _view(engine: Engine, made: shapes.Made, timeout: float) -> shapes.View:
    told, tasks = leader.wait_for_tasks(engine, made, timeout)
    return {**leader.views(engine, made, tasks), "convergence": told, "swarm": leader.swarm_view(engine)}


def probe(engine: Engine, plan: shapes.ProbePlan) -> shapes.Probed:
    """Carry out this node's requests, all namespaces at once, and return this node's state of the networks."""
    with background.Kept(_lease(plan)):
        return _probe(engine, plan)


def _probe(engine: Engine, plan: shapes.ProbePlan) -> shapes.Probed:
    began = time.time()
    errors: list[str] = []
    result: shapes.Probed = {"observations": {}, "errors": errors}
    if plan["published"]:
        _serve_published(engine, plan, errors)
    if plan["speed"]:
        result["served"] = measuring.open_servers(engine, plan, plan["speed"], _lease(plan), errors)
    patience = time.monotonic() + plan["patience"]
    folder = local.namespaces(engine)
    first = gathering.look(engine, plan, folder)
    setting = work.Setting(plan["run"], plan["name"], plan["once"])
    # People's containers come second: all at once would starve a small node, and the engine that attaches on it.
    ours, theirs = (
        [item for item in plan["work"] if bool(item.get("foreign")) is foreign] for foreign in (False, True)
    )
    jobs = _begin(ours, setting)
    if plan["attach"]:
        _start(errors, plan, "janitor-at", _idle, alone=lambda: standalone.remove(engine, only=plan["run"]))
        result.update(standalone.attach(engine, plan, plan["attach"], setting))
    result["observations"].update(_finish(jobs, plan["limit"], errors))
    unmet = any(not seen["ok"] for seen in result["observations"].values())
    asked = gathering.look(engine, plan, folder) if unmet else {}
    left = patience - time.monotonic()
    result["observations"].update(_finish(_begin(with_patience(theirs, left), setting), plan["limit"], []))
    if plan.get("looks"):
        failed = [ident for ident, seen in result["observations"].items() if not seen["ok"]]
        result["workloads"] = workloads.look_again(plan["looks"], failed)
    result["trains"] = _send_trains(plan, errors)
    if train.is_busy(result["trains"]):
        result["observations"].update(_ask_again(plan, result["observations"], setting))
    second = gathering.look_again(engine, plan, folder, patience)
    result["held"] = gathering.settled(first, second)
    result["untold"] = gathering.untold(second, plan)
    late = gathering.told_meanwhile(asked, second, plan)
    result["mended"] = sorted({*late, *gathering.behind(plan["work"], result["observations"], second)})
    if "balancer" in plan["needs"]:
        result["marks"] = overlay.marks(folder, [network for network in plan["network_ids"] if network in second])
    if {"wire", "xfrm"} & set(plan["needs"]):
        result.update(_ipsec(plan))
    if "rules" in plan["needs"]:
        result["rules"] = system.firewall(plan["firewall"], plan["vnis"], plan["ports"], plan["ipv6"])
    result["counters"] = system.ipsec_counters()
    result["testimony"] = testimony.look(plan["root"])
    result["inside"] = gathering.inside(folder, plan["network_ids"], result)
    result["clock"] = [began, time.time()]
    return result


def _begin(works: list[shapes.Work], setting: work.Setting) -> list[netns.Call[probed.Observations]]:
    """Start the requests from each namespace."""
    return [
        netns.begin(
            item["namespace"] or local.HOST_NAMESPACE, functools.partial(work.perform, item["requests"], setting)
        )
        for item in works
    ]


def _finish(jobs: list[netns.Call[dict[str, Seen]]], limit: float, errors: list[str]) -> dict[str, Seen]:
    """What was seen from all namespaces, by request; the reason of each one without it is added to ``errors``."""
    found: dict[str, Seen] = {}
    for job in jobs:
        try:
            seen = netns.finish(job, limit)
            found.update(seen)
        except netns.ProbeError as error:
            errors.append(str(error))
    return found


def with_patience(works: list[shapes.Work], left: float) -> list[shapes.Work]:
    """Requests that come second, with the seconds that are left: what had to converge had the first ones' time for it. Pure."""
    most = max(LEAST, left)
    return [
        {**item, "requests": [{**row, "patience": min(row.get("patience", 0), most)} for row in item["requests"]]}
        for item in works
    ]


def _ask_again(plan: shapes.ProbePlan, seen: probed.Observations, setting: work.Setting) -> probed.Observations:
    """What is right now of all that was not: on a busy node the crowd of questions itself may have taken the processor."""
    left: list[shapes.Work] = [{**item, "requests": unmet(item["requests"], seen)} for item in plan["work"]]
    again = _finish(
        _begin([item for item in with_patience(left, LEAST) if item["requests"]], setting), plan["limit"], []
    )
    return {ident: row for ident, row in again.items() if row["ok"]}


def unmet(requests: list[probed.Request], seen: probed.Observations) -> list[probed.Request]:
    """The requests without the right answer. Pure."""
    return [request for request in requests if request["id"] in seen and not seen[request["id"]]["ok"]]


def _send_trains(plan: shapes.ProbePlan, errors: list[str]) -> dict[str, probed.Train]:
    """Measure the quality of all paths at once, now that nothing else is asked."""
    jobs = [
        netns.begin(
            item["namespace"] or local.HOST_NAMESPACE,
            functools.partial(train.perform, plan["run"], item["requests"], plan["once"]),
        )
        for item in plan["trains"]
    ]
    return _finish(jobs, TRAINS, errors)


def exchange(engine: Engine, plan: shapes.ExchangePlan) -> shapes.Exchanged:
    """Wait until this node's gossip has all probes."""
    with background.Kept(_lease(plan)):
        seen = gathering.look_again(engine, plan, local.namespaces(engine), time.monotonic() + plan["patience"])
    return {"untold": gathering.untold(seen, plan)}


def _ipsec(plan: shapes.Common) -> shapes.Ipsec:
    return {"xfrm": xfrm.dump(plan["run"].encode()), "policies": xfrm.policies()}


def close(engine: Engine, plan: shapes.ClosePlan) -> shapes.Closed:
    """Read the state a last time, collect the helpers' results, and remove all of this run's objects on this node."""
    result: shapes.Closed = {
        "namespaces": overlay.overlays(local.namespaces(engine)),
        "lazy_known": knows(engine, plan.get("lazy_id")),
        "clock": [time.time()] * 2,
        "unaccepted": interior.waiting(plan.get("ports") or []),
    }
    if plan["leader"]:
        result.update(leader.last_view(engine, plan["network_ids"]))
    told = background.stop(plan["run"], HELPERS)
    result["responder"], result["published"] = told["responder"], told["published"]
    result["ports"], result["pulse"], result["wire"] = told["ports"], told["pulse"], told["wire"]
    result["late"] = background.late(plan["run"], HELPERS)
    background.forget(plan["run"])
    sweep(engine, None)
    if plan["leader"]:
        result["left"] = leader.remove_objects(engine)
    return result


PHASES: dict[str, t.Callable[[Engine, t.Any], t.Mapping[str, object]]] = {
    "prepare": prepare,
    "open": open_node,
    "probe": probe,
    "reopen": open_node,
    **dict.fromkeys(objects.EXCHANGES, exchange),
    "again": probe,
    "measure": measuring.measure,
    "close": close,
    "disrupt": disrupting.disrupt,
    "settle": disrupting.settle,
}
