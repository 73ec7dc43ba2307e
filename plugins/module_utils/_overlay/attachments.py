# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Attach existing containers of this node to networks, and detach them."""

from __future__ import annotations

import time
import typing as t

from .._engine.sdk import APIClient, EngineError, NotFound, Refused, explain, manager_problem
from .common import alias_problems
from .container_spec import address_problems
from .containers import await_swarm
from .information import gather
from .joining import attempt, connect, like_endpoint
from .refusals import Wish, refusals
from .resolution import await_names
from .spec import SpecError

# Errors that may pass within the engine's own limit of 20 s for an attachment. An exceeded deadline does not.
PASSING = ("unavailable",)


class AttachmentSpec(t.NamedTuple):
    """A declared attachment; fields that are None are not compared."""

    container: str
    network: str
    state: str = "present"
    aliases: tuple[str, ...] | None = None
    ipv4_address: str | None = None
    like: str | None = None


class Step(t.NamedTuple):
    """The action for one declared attachment."""

    spec: AttachmentSpec
    action: str
    before: dict[str, t.Any] | None = None
    container_id: str = ""


def ensure_attachments(client: APIClient, params: t.Mapping[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    """Reach the declared state of those attachments whose containers are on this node."""
    info = await_swarm(client, time.monotonic() + params["resolve_timeout"])
    node_id = info["Swarm"].get("NodeID")
    specs = parse_attachment_list(
        [entry for entry in params["attachments"] if entry.get("node_id") in (None, node_id)], params["state"]
    )
    steps = [step for step in _plan(client, specs) if step.action != "none"]
    problems = refused(client, steps, params, info)
    if problems:
        raise SpecError(problems)
    present = [spec for spec in specs if spec.state == "present"]
    views: list[dict[str, t.Any]] = [{}] * len(present)
    if not check_mode:
        _apply(client, steps, lambda: refused(client, steps, params, info))
        views = _await_names(client, present, params, steps)
    return {
        "changed": bool(steps),
        "actions": [_action(step) for step in steps],
        "attachments": [dict(_result(client, spec), **view) for spec, view in zip(present, views)],
        "diff": _diff(steps),
    }


def refused(
    client: APIClient, steps: list[Step], params: t.Mapping[str, t.Any], info: t.Mapping[str, t.Any]
) -> list[str]:
    """The attachments that the swarm will refuse, as far as this node or the given manager's information shows."""
    local = {raw["Name"] for raw in client.networks() if raw.get("Scope") == "local"} if steps else set()
    wishes = [
        # With "like", any address is acceptable when the wanted one is not available.
        Wish(
            step.spec.container,
            step.container_id,
            step.spec.network,
            None if step.spec.like else step.spec.ipv4_address,
            step.action == "attach",
        )
        for step in steps
        if step.action in ("attach", "reattach") and step.spec.network not in local
    ]
    if not wishes:
        return []
    seen = params["seen_by_manager"]
    if manager_problem(info) is None:
        names = sorted({wish.network for wish in wishes})
        seen = gather(client, {"names": names, "avoid": [], "docker_host": params["docker_host"]})
    return [] if seen is None else refusals(wishes, seen, info["Swarm"].get("NodeID") or "")


def parse_attachment_list(entries: list[dict[str, t.Any]], default_state: str) -> list[AttachmentSpec]:
    """The declared attachments. Raises SpecError with every problem found."""
    problems: list[str] = []
    specs = []
    for entry in entries:
        aliases = entry.get("aliases")
        spec = AttachmentSpec(
            entry["container"],
            entry["network"],
            entry.get("state") or default_state,
            None if aliases is None else tuple(sorted(set(aliases))),
            entry.get("ipv4_address"),
            entry.get("like"),
        )
        found = address_problems(spec.network, spec.ipv4_address) + alias_problems(spec.network, spec.aliases or ())
        problems += [f"container {spec.container}: {problem}" for problem in found]
        specs.append(spec)
    pairs = [(spec.container, spec.network) for spec in specs]
    problems += [
        f"container {container}: network {network} is declared {pairs.count((container, network))} times"
        for container, network in sorted(set(pairs))
        if pairs.count((container, network)) > 1
    ]
    if problems:
        raise SpecError(problems)
    return specs


def decide(spec: AttachmentSpec, settings: t.Mapping[str, t.Any] | None, automatic: set[str]) -> Step:
    """The action for an attachment, given the engine's settings of it (None: not attached). Pure.

    C(automatic) are the aliases that the engine adds itself.
    """
    if spec.state == "absent":
        return Step(spec, "none" if settings is None else "detach", None if settings is None else {})
    if settings is None:
        return Step(spec, "attach")
    aliases = set(settings.get("Aliases") or [])
    differs = (spec.aliases is not None and aliases - (automatic - set(spec.aliases)) != set(spec.aliases)) or (
        spec.ipv4_address is not None and settings.get("IPAddress") != spec.ipv4_address
    )
    before = {"aliases": sorted(aliases - automatic), "ipv4_address": settings.get("IPAddress") or None}
    return Step(spec, "reattach" if differs else "none", before)


def _plan(client: APIClient, specs: list[AttachmentSpec]) -> list[Step]:
    problems = []
    steps = []
    for spec in specs:
        try:
            found = client.inspect_container(spec.container)
        except NotFound:
            if spec.state == "present":
                problems.append(f"there is no container {spec.container} on this node")
            continue
        automatic = {found["Id"][:12], found["Name"].lstrip("/")}
        step = decide(spec, (found["NetworkSettings"]["Networks"] or {}).get(spec.network), automatic)
        steps.append(step._replace(container_id=found["Id"]))
    if problems:
        raise SpecError(problems)
    return steps


def _apply(client: APIClient, steps: list[Step], reasons: t.Callable[[], list[str]]) -> None:
    """Carry out the steps. C(reasons) explains a refusal that was not foreseen."""
    done: list[dict[str, str]] = []
    for step in steps:
        spec = step.spec
        try:
            if step.action in ("detach", "reattach"):
                detach(client, spec.container, spec.network)
            if step.action in ("attach", "reattach"):
                attempt(spec.container, spec.network, float("inf"), _joining(client, step), PASSING)
        except (Refused, EngineError) as error:
            told = error.message if isinstance(error, EngineError) else f"Container {spec.container}: {explain(error)}."
            why = "; ".join(reasons())
            raise EngineError(
                told + (f" The manager tells: {why}." if why else ""), changed=bool(done), actions=done
            ) from error
        done.append(_action(step))


def _joining(client: APIClient, step: Step) -> t.Callable[[], None]:
    spec = step.spec
    like = spec.like
    if like is not None:
        return lambda: attach(client, spec.container, spec.network, like, spec.ipv4_address)
    return lambda: connect(client, spec.container, spec.network, _endpoint(spec, step.before))


def _await_names(
    client: APIClient, present: list[AttachmentSpec], params: t.Mapping[str, t.Any], steps: list[Step]
) -> list[dict[str, t.Any]]:
    pairs = [(spec.container, spec.network) for spec in present]
    try:
        return await_names(client, pairs, params["docker_host"], params["resolve_timeout"])
    except EngineError as error:
        error.details.update(changed=bool(steps), actions=[_action(step) for step in steps])
        raise


def _action(step: Step) -> dict[str, str]:
    return {"action": step.action, "container": step.spec.container, "network": step.spec.network}


def _endpoint(spec: AttachmentSpec, before: t.Mapping[str, t.Any] | None) -> dict[str, t.Any]:
    """The endpoint settings of a declared attachment. Present aliases stay unless aliases are declared."""
    aliases = (before or {}).get("aliases") or [] if spec.aliases is None else list(spec.aliases)
    endpoint: dict[str, t.Any] = {"Aliases": aliases}
    if spec.ipv4_address is not None:
        endpoint["IPAMConfig"] = {"IPv4Address": spec.ipv4_address}
    return endpoint


def _result(client: APIClient, spec: AttachmentSpec) -> dict[str, t.Any]:
    settings = networks_of(client, spec.container).get(spec.network) or {}
    return {"container": spec.container, "network": spec.network, "address": settings.get("IPAddress") or None}


def _diff(steps: list[Step]) -> dict[str, dict[str, t.Any]]:
    sides: dict[str, dict[str, t.Any]] = {"before": {}, "after": {}}
    for step in steps:
        key = f"{step.spec.container} on {step.spec.network}"
        after = {"aliases": step.spec.aliases and list(step.spec.aliases), "ipv4_address": step.spec.ipv4_address}
        declared = {option: value for option, value in after.items() if value is not None}
        sides["before"][key] = {"state": "absent"} if step.before is None else dict(step.before, state="present")
        sides["after"][key] = (
            {"state": "absent"} if step.action == "detach" else dict(step.before or {}, **declared, state="present")
        )
    return sides


def attach(client: APIClient, container: str, network: str, like: str, ipv4_address: str | None = None) -> None:
    """Attach a container to a network with the settings that it has on another one, at the address if it is free."""
    settings = networks_of(client, container)
    if network in settings:
        return
    endpoint = like_endpoint(settings.get(like) or {}, container)
    if ipv4_address is not None:
        try:
            connect(client, container, network, dict(endpoint, IPAMConfig={"IPv4Address": ipv4_address}))
            return
        except Refused as error:
            if isinstance(error, NotFound) and "container" in explain(error).lower():
                raise
            # Taken or not available: being on the network matters more than the address.
    connect(client, container, network, endpoint)


def detach(client: APIClient, container: str, network: str) -> None:
    """Detach a container from a network."""
    if network in networks_of(client, container):
        client.disconnect_container_from_network(container, network)


def networks_of(client: APIClient, container: str) -> dict[str, dict[str, t.Any]]:
    """The container's attachments by network name."""
    settings: dict[str, t.Any] = client.inspect_container(container)["NetworkSettings"]
    return settings["Networks"] or {}
