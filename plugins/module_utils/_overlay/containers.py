# -*- coding: utf-8 -*-
# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Making standalone containers on overlays what they are declared to be, on the node they run on."""

from __future__ import annotations

import re
import time
import typing as t

from .._engine import NOT_IN_SWARM_ADVICE, APIClient, APIError, EngineError, NotFound, explain
from .common import Attachment
from .container_spec import (
    ContainerSpec,
    addresses,
    compare,
    create_arguments,
    explain_refusal,
    parse_containers,
)
from .service_spec import plain

# The engine itself tries five times within 20 s to get an attachment from the swarm.
ATTACH_ATTEMPTS = 2
TRANSIENT = ("deadline exceeded", "sandbox join failed", "unavailable")
LEFTOVER = re.compile(r"network \S+ not found")
# A container that cannot run ends at once; one that survives this is taken to run.
SETTLE_SECONDS = 0.5


class Step(t.NamedTuple):
    """What is to be done about one declared container."""

    spec: ContainerSpec
    action: str
    current: dict[str, t.Any] | None = None
    differences: dict[str, dict[str, t.Any]] = {}


def ensure_containers(client: APIClient, params: t.Mapping[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    """Bring all declared containers about on this node."""
    specs = parse_containers(params)
    require_swarm(client.info())
    steps = [_plan(client, spec) for spec in specs]
    changed = [step for step in steps if step.action != "none"]
    if not check_mode:
        _apply_all(client, changed, time.monotonic() + params["timeout"])
    return {
        "changed": bool(changed),
        "actions": [_action(step) for step in changed],
        "containers": [_result(client, step.spec) for step in steps if step.spec.state == "present"],
        "diff": _diff(changed),
    }


def require_swarm(info: t.Mapping[str, t.Any]) -> None:
    """Raise an EngineError unless this node is an active member of a swarm."""
    state = (info.get("Swarm") or {}).get("LocalNodeState") or "inactive"
    if state != "active":
        raise EngineError(
            f"Node {info.get('Name')} is not an active node of a swarm (its state is '{state}'). {NOT_IN_SWARM_ADVICE}"
        )


def _plan(client: APIClient, spec: ContainerSpec) -> Step:
    current = _inspect(client, spec.name)
    if spec.state == "absent":
        return Step(spec, "remove" if current is not None else "none", current)
    if current is None:
        return Step(spec, "create")
    found = compare(spec, current, _image_of(client, current))
    if found:
        return Step(spec, "recreate", current, found)
    return Step(spec, "none" if current["State"]["Running"] else "start", current)


def _inspect(client: APIClient, name: str) -> dict[str, t.Any] | None:
    """The container of exactly this name: the engine would take an id's beginning for a name too."""
    try:
        found = client.inspect_container(name)
    except NotFound:
        return None
    return found if found["Name"] == f"/{name}" else None


def _image_of(client: APIClient, container: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    try:
        return client.inspect_image(container["Image"])
    except NotFound:
        # The image was removed while its container stayed: then nothing can be told to be inherited.
        return {}


def _apply_all(client: APIClient, steps: list[Step], deadline: float) -> None:
    done: list[dict[str, t.Any]] = []
    started = []
    try:
        for step in steps:
            _apply(client, step, deadline)
            done.append(_action(step))
            if step.spec.state == "present":
                started.append(step.spec.name)
        _require_running(client, started)
    except EngineError as error:
        error.details.update(changed=bool(done), actions=done)
        raise


def _apply(client: APIClient, step: Step, deadline: float) -> None:
    if step.action in ("remove", "recreate"):
        _remove(client, step.spec.name)
    if step.action in ("create", "recreate"):
        _create(client, step.spec, deadline)
    elif step.action == "start":
        attempt(step.spec.name, _all_names(step.spec), deadline, lambda: client.start(step.spec.name))


def _create(client: APIClient, spec: ContainerSpec, deadline: float) -> None:
    """Create, start, connect the other networks. Networks are not looked up first.

    A worker does not know an overlay before its first endpoint there; attaching is what brings it.
    """
    first = spec.networks[0].name
    try:
        answer = client._post_json(
            client._url("/containers/create"), data=create_arguments(spec), params={"name": spec.name}
        )
        client._raise_for_status(answer)
    except NotFound as error:
        if "image" in explain(error).lower():
            raise EngineError(
                f"Container {spec.name}: {explain(error)}. Images are not pulled here: bring it to the node first."
            ) from error
        raise EngineError(explain_refusal(spec.name, first, explain(error))) from error
    except APIError as error:
        raise EngineError(explain_refusal(spec.name, first, explain(error))) from error
    try:
        attempt(spec.name, first, deadline, lambda: client.start(spec.name))
        for attachment in spec.networks[1:]:
            attempt(spec.name, attachment.name, deadline, _connector(client, spec.name, attachment))
    except EngineError:
        # Half a container would look like a different one to the next run, and hold its address meanwhile.
        _remove(client, spec.name)
        raise


def _connector(client: APIClient, name: str, attachment: Attachment) -> t.Callable[[], None]:
    return lambda: client.connect_container_to_network(
        name, attachment.name, aliases=list(attachment.aliases), ipv4_address=attachment.ipv4_address
    )


def attempt(
    name: str, network: str, deadline: float, action: t.Callable[[], None], passing: tuple[str, ...] = TRANSIENT
) -> None:
    """Do what attaches a container, and once more when the reason of the engine's refusal may have passed."""
    for number in range(1, ATTACH_ATTEMPTS + 1):
        try:
            action()
            return
        except APIError as error:
            reason = explain(error)
            last = number == ATTACH_ATTEMPTS or time.monotonic() >= deadline
            if last or not (is_leftover(reason) or any(words in reason for words in passing)):
                raise EngineError(explain_refusal(name, network, reason), network=network) from error


def is_leftover(reason: str) -> bool:
    """Whether the engine denies a network only because an earlier attempt failed: the swarm itself says so in other words."""
    return LEFTOVER.search(reason) is not None and "rpc error" not in reason


def _remove(client: APIClient, name: str) -> None:
    try:
        client.remove_container(name, force=True, v=True)
    except NotFound:
        # Somebody else was faster, and it is gone as declared.
        return


def _require_running(client: APIClient, names: list[str]) -> None:
    if not names:
        return
    time.sleep(SETTLE_SECONDS)
    problems = [problem for problem in (_not_running(name, _inspect(client, name)) for name in names) if problem]
    if problems:
        raise EngineError("; ".join(problems) + ". See 'docker logs' on the node, and the command that was declared.")


def _not_running(name: str, found: dict[str, t.Any] | None) -> str | None:
    if found is None:
        return f"container {name} was removed meanwhile"
    state = found["State"]
    if found.get("RestartCount") or state.get("Restarting"):
        return f"container {name} does not stay: it ended and was restarted {found['RestartCount']} times"
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
            before[name] = {"state": "present" if step.action == "remove" else "stopped"}
            after[name] = {"state": "absent" if step.action == "remove" else "running"}
    return {"before": before, "after": after}


def _result(client: APIClient, spec: ContainerSpec) -> dict[str, t.Any]:
    found = _inspect(client, spec.name)
    if found is None:
        return {"name": spec.name, "id": None, "addresses": {}}
    return {"name": spec.name, "id": found["Id"], "addresses": addresses(found)}
