# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Create, change and remove declared standalone containers on overlays, on their node."""

from __future__ import annotations

import functools
import time
import typing as t

from .._engine.sdk import (
    NOT_IN_SWARM_ADVICE,
    APIClient,
    EngineError,
    NotFound,
    Refused,
    create_container,
    explain,
    manager_addresses,
    wait_until,
)
from .._engine.transport import Raw, moment
from .._terms import MANAGED_LABEL
from .container_spec import (
    ContainerSpec,
    addresses,
    compare,
    create_arguments,
    endpoint,
    explain_refusal,
    parse_containers,
)
from .joining import attempt, connect, start
from .service_spec import plain
from .spec import SpecError

# A container that cannot run exits at once. One that still runs after this time is taken to be fine.
SETTLE_SECONDS = 0.5
# A container in a restart loop runs for a moment each time. The engine takes it to be fine after 10 s (moby,
# restartmanager), and so does this module.
RESTARTED_SECONDS = 10
BEING_REMOVED = "is already in progress"


class Step(t.NamedTuple):
    """The action for one declared container."""

    spec: ContainerSpec
    action: str
    current: dict[str, t.Any] | None = None
    differences: dict[str, dict[str, t.Any]] = {}


def ensure_containers(client: APIClient, params: t.Mapping[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    """Reach the declared state of all containers on this node."""
    specs = parse_containers(params)
    deadline = time.monotonic() + params["timeout"]
    await_swarm(client, deadline)
    refuse_local(specs, client.networks() if params["overlays"] else [], params["overlays"])
    steps = [_plan(client, spec) for spec in specs]
    refuse_foreign(steps)
    changed = [step for step in steps if step.action != "none"]
    if not check_mode:
        _apply_all(client, changed, deadline)
        _require_running(client, [step for step in steps if step.action == "none" and may_not_stay(step.current)])
    return {
        "changed": bool(changed),
        "actions": [_action(step) for step in changed],
        "containers": [_result(client, step.spec) for step in steps if step.spec.state == "present"],
        "diff": _diff(changed),
    }


def refuse_local(specs: list[ContainerSpec], listed: list[dict[str, t.Any]], overlays: t.Collection[str]) -> None:
    """Raise SpecError for containers that would end up on a local network of the same name instead of the swarm's.

    Pure.
    """
    local = {
        raw["Name"]: raw.get("Driver") for raw in listed if raw.get("Scope") == "local" and raw["Name"] in overlays
    }
    problems = [
        f"container {spec.name}: this node has a {local[attachment.name]} network {attachment.name} of its own, which the engine would use "
        "instead of the swarm's; remove or rename it"
        for spec in specs
        if spec.state == "present"
        for attachment in spec.networks
        if attachment.name in local
    ]
    if problems:
        raise SpecError(problems)


def await_swarm(client: APIClient, deadline: float) -> dict[str, t.Any]:
    """The /info of an active member of a swarm.

    Waits until C(deadline) for a node that still looks for its managers.
    """

    def settled() -> tuple[bool, dict[str, t.Any]]:
        info: dict[str, t.Any] = client.info()
        return (info.get("Swarm") or {}).get("LocalNodeState") != "pending", info

    info = wait_until(settled, deadline - time.monotonic()).seen
    problem = membership_problem(info)
    if problem is not None:
        raise EngineError(problem)
    return info


def membership_problem(info: t.Mapping[str, t.Any]) -> str | None:
    """Why the engine with this /info is no active member of a swarm, or None if it is. Pure."""
    swarm = info.get("Swarm") or {}
    state = swarm.get("LocalNodeState") or "inactive"
    what = f"Node {info.get('Name')} is not an active node of a swarm"
    if state == "active":
        return None
    if state == "inactive":
        return f"{what}: it is in none. {NOT_IN_SWARM_ADVICE}"
    if state == "locked":
        return f"{what}: its swarm is locked. Run 'docker swarm unlock' there with the swarm's unlock key."
    managers = ", ".join(manager_addresses(info)) or "none known"
    reason = swarm.get("Error") or "no reason given by the engine"
    return f"{what}: its state is '{state}' ({reason}; managers: {managers}). See its Docker daemon's log."


def _plan(client: APIClient, spec: ContainerSpec) -> Step:
    current = _inspect(client, spec.name)
    if spec.state == "absent":
        return Step(spec, "remove" if current is not None else "none", current)
    if current is None:
        return Step(spec, "create")
    found = compare(spec, current, _image_of(client, current))
    action = action_for(current["State"])
    if action == "recreate":
        found = dict(found, state={"before": current["State"]["Status"], "after": "running"})
    return Step(spec, "recreate" if found else action, current, found)


def refuse_foreign(steps: list[Step]) -> None:
    """Raise SpecError for containers that this collection did not create and would have to replace. Pure."""
    problems = [
        f"container {step.spec.name} exists, was not made by this collection, and differs from its declaration ({', '.join(step.differences)}); "
        "remove it yourself, or choose another name"
        for step in steps
        if step.action == "recreate"
        and step.current is not None
        and (step.current["Config"].get("Labels") or {}).get(MANAGED_LABEL) != "true"
    ]
    if problems:
        raise SpecError(problems)


def action_for(state: t.Mapping[str, t.Any]) -> str:
    """The action that makes an otherwise correct container run. Pure."""
    if state.get("Dead") or state.get("Status") in ("dead", "removing"):
        return "recreate"  # an interrupted removal
    return "none" if state.get("Running") and not state.get("Paused") else "start"


def may_not_stay(container: Raw | None) -> bool:
    """Whether the engine has restarted the container; a container in a restart loop counts as running in between."""
    return container is not None and bool(container["State"].get("Restarting") or container.get("RestartCount"))


def _inspect(client: APIClient, name: str) -> dict[str, t.Any] | None:
    """The container with exactly this name. The engine also accepts the beginning of an id as a name."""
    try:
        found = client.inspect_container(name)
    except NotFound:
        return None
    return found if found["Name"] == f"/{name}" else None


def _image_of(client: APIClient, container: Raw) -> dict[str, t.Any]:
    try:
        image: dict[str, t.Any] = client.inspect_image(container["Image"])
    except NotFound:
        # The image was removed and its container stayed, so the inherited values are unknown.
        return {}
    return image


def _apply_all(client: APIClient, steps: list[Step], deadline: float) -> None:
    done: list[dict[str, t.Any]] = []
    try:
        for step in steps:
            _apply(client, step, deadline)
            done.append(_action(step))
        _require_running(client, [step for step in steps if step.spec.state == "present"])
    except EngineError as error:
        error.details.update(changed=bool(done), actions=done)
        raise


def _apply(client: APIClient, step: Step, deadline: float) -> None:
    if step.action in ("remove", "recreate"):
        _remove(client, step.spec.name, deadline)
    if step.action in ("create", "recreate"):
        _create(client, step.spec, deadline)
    elif step.action == "start" and step.current is not None:
        name = step.spec.name
        wake = client.unpause if step.current["State"].get("Paused") else lambda known: start(client, known)
        attempt(name, _all_names(step.spec), deadline, lambda: wake(name))


def _create(client: APIClient, spec: ContainerSpec, deadline: float) -> None:
    """Create and start a container, and connect its other networks. Networks are not looked up first.

    A worker does not know an overlay before its first endpoint there; the attachment itself brings it.
    """
    first = spec.networks[0].name
    try:
        create_container(client, spec.name, create_arguments(spec))
    except NotFound as error:
        if "image" in explain(error).lower():
            raise EngineError(
                f"Container {spec.name}: {explain(error)}. Images are not pulled here: bring it to the node first."
            ) from error
        raise EngineError(explain_refusal(spec.name, first, explain(error))) from error
    except Refused as error:
        raise EngineError(explain_refusal(spec.name, first, explain(error))) from error
    try:
        attempt(spec.name, first, deadline, lambda: client.start(spec.name))
        for attachment in spec.networks[1:]:
            onto = functools.partial(connect, client, spec.name, attachment.name, endpoint(attachment))
            attempt(spec.name, attachment.name, deadline, onto)
    except EngineError:
        # A partial container would differ from the declaration in the next run, and keep its address until then.
        _remove(client, spec.name, deadline)
        raise


def _remove(client: APIClient, name: str, deadline: float) -> None:
    def removed() -> tuple[bool, str]:
        try:
            client.remove_container(name, force=True, v=True)
        except NotFound:
            # Removed concurrently, which is the declared state.
            return True, ""
        except Refused as error:
            if BEING_REMOVED not in explain(error):
                raise
            return False, explain(error)
        return True, ""

    waited = wait_until(removed, deadline - time.monotonic())
    if not waited.done:
        raise EngineError(
            f"Container {name} could not be removed within {waited.seconds:.0f} s: {waited.seen}. See the daemon's log."
        )


def _require_running(client: APIClient, steps: list[Step]) -> None:
    """Raise EngineError unless the containers run and were not restarted meanwhile."""
    if not steps:
        return
    time.sleep(SETTLE_SECONDS)

    def settled() -> tuple[bool, list[str]]:
        found = [(step, _inspect(client, step.spec.name)) for step in steps]
        problems = [problem for step, container in found for problem in [not_running(step, container)] if problem]
        return bool(problems) or not any(just_restarted(container, time.time()) for _step, container in found), problems

    problems = wait_until(settled, RESTARTED_SECONDS).seen
    if problems:
        raise EngineError("; ".join(problems) + ". See 'docker logs' on the node, and the command that was declared.")


def just_restarted(found: t.Mapping[str, t.Any] | None, now: float) -> bool:
    """Whether the engine restarted the container too recently to conclude that it keeps running. Pure."""
    if not found or not found.get("RestartCount"):
        return False
    return now - moment(found["State"]["StartedAt"]) < RESTARTED_SECONDS


def not_running(step: Step, found: t.Mapping[str, t.Any] | None) -> str | None:
    """Why a container that should run does not, or None. Pure."""
    name = step.spec.name
    if found is None:
        return f"container {name} was removed meanwhile"
    state = found["State"]
    count = found.get("RestartCount") or 0
    before = (step.current or {}).get("RestartCount") or 0 if step.action == "none" else 0
    if state.get("Restarting") or count > before:
        return f"container {name} does not stay: it ended and was restarted {count} times"
    if not state.get("Running"):
        reason = state.get("Error") or f"exit code {state.get('ExitCode')}"
        return f"container {name} does not run: it is {state['Status']} ({reason})"
    return None


def _all_names(spec: ContainerSpec) -> str:
    return ", ".join(attachment.name for attachment in spec.networks)


def _action(step: Step) -> dict[str, t.Any]:
    return {"action": step.action, "name": step.spec.name, "differences": step.differences}


def _diff(steps: list[Step]) -> dict[str, t.Any]:
    before: dict[str, t.Any] = {}
    after: dict[str, t.Any] = {}
    for step in steps:
        name = step.spec.name
        before[name] = {key: change["before"] for key, change in step.differences.items()}
        after[name] = {key: change["after"] for key, change in step.differences.items()}
        if step.action == "create":
            after[name] = {key: plain(value) for key, value in step.spec.fields.items()}
        elif step.action in ("remove", "start"):
            status = step.current["State"]["Status"] if step.current is not None else "stopped"
            before[name] = {"state": "present" if step.action == "remove" else status}
            after[name] = {"state": "absent" if step.action == "remove" else "running"}
    return {"before": before, "after": after}


def _result(client: APIClient, spec: ContainerSpec) -> dict[str, t.Any]:
    found = _inspect(client, spec.name)
    if found is None:
        return {"name": spec.name, "id": None, "addresses": {}}
    return {"name": spec.name, "id": found["Id"], "addresses": addresses(found)}
