# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Take the tasks off a node for a while, and give it back, on one of the swarm's managers.

Every change leaves a mark in the swarm itself: a label on the node with its former availability, a label on each service with
a constraint of ours. So a run that was killed is finished by the next, and only what this collection did is undone.
"""

from __future__ import annotations

import functools
import time
import typing as t

from .._engine.sdk import APIClient, NotFound, change_service, require_manager, retry_conflicts, wait_until
from .._engine.transport import EngineError, Raw
from .._terms import MAINTENANCE_LABEL
from . import evacuation, leaving
from .raft import led, update


class Stuck(EngineError):
    """Tasks did not run elsewhere in time, or cannot."""


class View(t.NamedTuple):
    """What a manager tells at one moment."""

    node: Raw
    nodes: list[Raw]
    services: list[Raw]
    tasks: list[Raw]


def view(client: APIClient, node_id: str) -> View:
    nodes, services, tasks = led(lambda: (client.nodes(), client.services(), client.tasks()))
    return View(next(node for node in nodes if node["ID"] == node_id), nodes, services, tasks)


def identify(client: APIClient, name: str) -> str:
    """The id of the node with this id or host name. Raises EngineError unless it is exactly one."""
    require_manager(client)
    found = leaving.find(led(client.nodes), [name])
    several = leaving.ambiguous(found, [name])
    if several:
        raise EngineError(f"Several nodes have the same host name: {several}. Give the node's id. Nothing was changed.")
    if not found:
        raise EngineError(f"The swarm has no node {name}. Nothing was changed.")
    return str(found[0]["ID"])


class Terms(t.NamedTuple):
    """On which terms a node is drained.

    ``accept``: keys of evacuation.ASKED. ``timeout`` in seconds. ``give_up``: C(restore) gives the node back when the time is over, C(stay)
    does not. ``purpose``: what it is drained for, which its mark records.
    """

    accept: t.Sequence[str]
    timeout: int
    give_up: str
    purpose: str = ""


def drain(client: APIClient, node_id: str, terms: Terms, check_mode: bool) -> dict[str, t.Any]:
    """Drain a node and wait until its tasks run elsewhere; the module's result."""
    seen = view(client, node_id)
    availability, had = seen.node["Spec"]["Availability"], evacuation.before(seen.node)
    found = evacuation.fates(seen.node, seen.nodes, seen.services, seen.tasks)
    drained = availability == "drain"
    if drained:  # what was accepted for that is waiting
        found += evacuation.waiting(seen.node, seen.nodes, seen.services, seen.tasks)
    else:
        _refuse(seen, found, terms.accept)
    left = evacuation.leftovers(seen.services, seen.nodes)
    result = {
        "changed": not drained or bool(left),
        "tasks": [{key: fate[key] for key in ("service", "how", "words")} for fate in found],
        "seconds": 0.0,
        **_about(seen.node, "drain", drained and had is None),
    }
    if check_mode:
        return result
    tidy(client, left)
    start = time.monotonic()
    deadline = start + terms.timeout
    stuck = {fate["service_id"] for fate in found if fate["how"] == "nowhere"}
    try:
        if not drained:
            _evacuate(client, seen, had or availability, found, deadline, terms.purpose)
        _await_moved(client, node_id, stuck, deadline, terms.timeout)
    except Stuck as error:
        if drained or terms.give_up != "restore":
            raise
        _free(client, node_id, had or availability)
        raise EngineError(
            f"{error.message} The node was given back: it is {had or availability} as before.", **error.details
        ) from None
    return {**result, "seconds": round(time.monotonic() - start, 3)}


def _refuse(seen: View, found: list[evacuation.Fate], accept: t.Sequence[str]) -> None:
    name = leaving.hostname(seen.node)
    held = evacuation.blocked(found, seen.node, seen.services)
    if held:
        raise EngineError(f"{name} was not drained: {'; '.join(held)}. Nothing was changed.")
    asked = evacuation.unaccepted(found, accept)
    if asked:
        told = "; ".join(fate["words"] for fate in asked)
        raise EngineError(
            f"{name} was not drained, because services would suffer: {told}. Change these services, or accept it: "
            f"accept [{', '.join(sorted({fate['how'] for fate in asked}))}]. Nothing was changed.",
            tasks=[{key: fate[key] for key in ("service", "how", "words")} for fate in found],
        )


def _evacuate(
    client: APIClient, seen: View, had: str, found: list[evacuation.Fate], deadline: float, purpose: str
) -> None:
    """Start tasks elsewhere before they stop here, as far as their services allow, then drain.

    The node is paused first: on an active node the swarm would stop tasks at once that do not meet a constraint.
    """
    node_id = seen.node["ID"]
    first = [fate for fate in found if fate["how"] == "first"]
    if first:
        _hold(client, seen.node, "pause", had, purpose)
        for fate in first:
            _change_service(client, fate["service_id"], lambda spec: evacuation.away(spec, node_id))
        _await_first(client, node_id, [fate["service_id"] for fate in first], deadline)
    _hold(client, seen.node, "drain", had, purpose)


def _hold(client: APIClient, node: Raw, availability: str, had: str, purpose: str) -> None:
    """Pause or drain the node, with our mark. Raises EngineError when somebody else has drained it meanwhile."""

    def change(spec: Raw) -> Raw:
        if spec["Availability"] == "drain" and MAINTENANCE_LABEL not in (spec.get("Labels") or {}):
            raise EngineError(f"{leaving.hostname(node)} was drained by another user meanwhile. Run this again.")
        return evacuation.held(spec, availability, had, purpose)

    update(client, node["ID"], change)


def _change_service(client: APIClient, service_id: str, change: t.Callable[[Raw], Raw]) -> None:
    """Change a service's specification, if there is a difference. One that no longer exists is fine."""

    def send() -> None:
        service = client.inspect_service(service_id)
        new = change(service["Spec"])
        if new != service["Spec"]:
            change_service(client, service_id, service["Version"]["Index"], new)

    try:
        led(lambda: retry_conflicts(send))
    except NotFound:
        return


def _await_first(client: APIClient, node_id: str, service_ids: list[str], deadline: float) -> None:
    def look() -> tuple[bool, tuple[list[str], bool]]:
        seen = view(client, node_id)
        services = [service for service in seen.services if service["ID"] in service_ids]
        failed = [
            f"the update that moves {service['Spec']['Name']} is {state}"
            + (f" ({message})" if (message := (service.get("UpdateStatus") or {}).get("Message")) else "")
            for service in services
            if (state := (service.get("UpdateStatus") or {}).get("State") or "") in evacuation.STOPPED_UPDATES
            or state.startswith("rollback")
        ]
        if failed:
            return True, (failed, True)
        waiting = leaving.unmoved([seen.node], seen.nodes, services, seen.tasks)
        waiting += [
            f"{service['Spec']['Name']}: its update goes on"
            for service in services
            if (service.get("UpdateStatus") or {}).get("State") in evacuation.RUNNING_UPDATES
        ]
        return not waiting, (waiting, False)

    waited = wait_until(look, deadline - time.monotonic())
    waiting, failed = waited.seen
    if failed or not waited.done:
        raise Stuck(
            f"These services did not start elsewhere: {'; '.join(waiting)}. Look at 'docker service ps'.",
            waiting=waiting,
        )


def _await_moved(client: APIClient, node_id: str, stuck: set[str], deadline: float, timeout: int) -> None:
    def look() -> tuple[bool, list[str]]:
        seen = view(client, node_id)
        waiting = leaving.unmoved([seen.node], seen.nodes, seen.services, seen.tasks, stuck)
        return not waiting, waiting

    waited = wait_until(look, deadline - time.monotonic())
    if not waited.done:
        raise Stuck(
            f"After {timeout} s these tasks do not run elsewhere: {'; '.join(waited.seen)}. Allow their services on other nodes, or"
            " wait longer (timeout).",
            waiting=waited.seen,
        )


def activate(
    client: APIClient, node_id: str, foreign: bool, timeout: int, check_mode: bool, purpose: str = "", done: str = ""
) -> dict[str, t.Any]:
    """Give a node back that this collection drained; the module's result.

    :param foreign: also one that somebody else drained
    :param purpose: only one that was drained for this; any other is left as it is
    :param done: note of a rolling action that is through with the node, which is kept on it
    """
    seen = view(client, node_id)
    availability, had = seen.node["Spec"]["Availability"], evacuation.before(seen.node)
    if purpose and (had is None or evacuation.purpose(seen.node) != purpose):
        return _left(client, seen, done, check_mode)
    if had is None and availability != "active" and not foreign:
        raise EngineError(
            f"{leaving.hostname(seen.node)} is set to {availability}, and this collection did not set it. Find out why. To make the node active"
            " all the same, set foreign: true (role swarm: swarm_foreign). Nothing was changed."
        )
    left = evacuation.leftovers(seen.services, seen.nodes, (node_id,))
    wanted = had or "active"
    changes = had is not None or availability != wanted
    result = {
        "changed": changes or bool(left),
        "tasks": [],
        "seconds": 0.0,
        **_about(seen.node, wanted, False),
    }
    if check_mode:
        return result
    if changes:
        result["seconds"] = await_ready(client, node_id, timeout)
        _free(client, node_id, wanted, done)
    else:
        tidy(client, left)
    return result


def _left(client: APIClient, seen: View, done: str, check_mode: bool) -> dict[str, t.Any]:
    """A node that was not drained for the purpose at hand keeps its availability; the module's result."""
    spec = seen.node["Spec"]
    changed = evacuation.noted(spec, done) != spec
    if changed and not check_mode:
        update(client, seen.node["ID"], lambda now: evacuation.noted(now, done))
    return {
        "changed": changed,
        "tasks": [],
        "seconds": 0.0,
        **_about(seen.node, spec["Availability"], spec["Availability"] != "active"),
    }


def _free(client: APIClient, node_id: str, availability: str, done: str = "") -> None:
    """Take back what keeps tasks away from the node. Its mark goes last, so that a run that ends before is finished by the next."""
    seen = view(client, node_id)
    tidy(client, evacuation.leftovers(seen.services, seen.nodes, (node_id,)))
    update(client, node_id, lambda spec: evacuation.noted(evacuation.freed(spec, availability), done))


def tidy(client: APIClient, left: t.Mapping[str, list[str]]) -> None:
    """Take constraints of ours out of services. That replaces no task."""
    for service_id, node_ids in left.items():
        _change_service(client, service_id, functools.partial(evacuation.back, node_ids=node_ids))


def tidy_all(client: APIClient) -> None:
    """Take out the constraints of ours that are there without need."""
    nodes, services = led(lambda: (client.nodes(), client.services()))
    tidy(client, evacuation.leftovers(services, nodes))


def await_ready(client: APIClient, node_id: str, timeout: int) -> float:
    """Wait until the swarm calls the node ready; how many seconds that took."""

    def look() -> tuple[bool, Raw]:
        node: Raw = led(lambda: client.inspect_node(node_id))
        return leaving.is_up(node), node

    waited = wait_until(look, timeout)
    if not waited.done:
        state = (waited.seen.get("Status") or {}).get("State")
        raise EngineError(
            f"{leaving.hostname(waited.seen)} is {state} after {timeout} s, so it was not given back. Start its engine, and run this again."
        )
    return waited.seconds


def _about(node: Raw, availability: str, foreign: bool) -> dict[str, t.Any]:
    """The node, and its line before and after."""

    def line(value: str) -> str:
        return f"{leaving.hostname(node)} ({node['ID']}): {value}\n"

    return {
        "node": {"id": node["ID"], "name": leaving.hostname(node), "up": leaving.is_up(node)},
        "foreign": foreign,
        "diff": {"before": line(node["Spec"]["Availability"]), "after": line(availability)},
    }
