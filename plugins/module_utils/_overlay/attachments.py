# -*- coding: utf-8 -*-
# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Attaching existing containers of this node to networks, and taking them off."""

from __future__ import annotations

import typing as t

from .._engine import APIClient, APIError, EngineError, NotFound, explain
from .container_spec import address_problems, explain_refusal
from .containers import require_swarm
from .spec import SpecError

# Settings of an attachment that the user chose and the engine keeps; all others are the engine's own.
KEPT = ("Links", "DriverOpts", "GwPriority")


class AttachmentSpec(t.NamedTuple):
    """A declared attachment; what is None is not compared."""

    container: str
    network: str
    state: str = "present"
    aliases: tuple[str, ...] | None = None
    ipv4_address: str | None = None
    like: str | None = None


class Step(t.NamedTuple):
    """What is to be done about one declared attachment."""

    spec: AttachmentSpec
    action: str
    before: dict[str, t.Any] | None = None


def ensure_attachments(client: APIClient, params: t.Mapping[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    """Bring about those of the declared attachments that are this node's."""
    info = client.info()
    require_swarm(info)
    node_id = info["Swarm"].get("NodeID")
    specs = parse_attachment_list([
        entry for entry in params["attachments"] if entry.get("node_id") in (None, node_id)
    ], params["state"])
    steps = [step for step in _plan(client, specs) if step.action != "none"]
    if not check_mode:
        _apply(client, steps)
    return {
        "changed": bool(steps),
        "actions": [
            {"action": step.action, "container": step.spec.container, "network": step.spec.network} for step in steps
        ],
        "attachments": [_result(client, spec) for spec in specs if spec.state == "present"],
        "diff": _diff(steps),
    }


def parse_attachment_list(entries: list[dict[str, t.Any]], default_state: str) -> list[AttachmentSpec]:
    """The declared attachments, or a SpecError naming all that is wrong."""
    problems: list[str] = []
    specs = []
    for entry in entries:
        aliases = entry.get("aliases")
        spec = AttachmentSpec(
            entry["container"], entry["network"], entry.get("state") or default_state,
            None if aliases is None else tuple(sorted(set(aliases))), entry.get("ipv4_address"), entry.get("like"),
        )
        found = address_problems(spec.network, spec.ipv4_address)
        problems += [f"container {spec.container}: {problem}" for problem in found]
        specs.append(spec)
    pairs = [(spec.container, spec.network) for spec in specs]
    problems += [
        f"container {container}: network {network} is declared {pairs.count((container, network))} times"
        for container, network in sorted(set(pairs)) if pairs.count((container, network)) > 1
    ]
    if problems:
        raise SpecError(problems)
    return specs


def decide(spec: AttachmentSpec, settings: t.Mapping[str, t.Any] | None, automatic: set[str]) -> Step:
    """What is to be done about an attachment of which the engine reports these settings (None: there is none). Pure.

    C(automatic) are the aliases that the engine adds by itself.
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
        steps.append(decide(spec, (found["NetworkSettings"]["Networks"] or {}).get(spec.network), automatic))
    if problems:
        raise SpecError(problems)
    return steps


def _apply(client: APIClient, steps: list[Step]) -> None:
    done: list[dict[str, str]] = []
    for step in steps:
        spec = step.spec
        try:
            if step.action in ("detach", "reattach"):
                detach(client, spec.container, spec.network)
            if step.action in ("attach", "reattach") and spec.like is not None:
                attach(client, spec.container, spec.network, spec.like, spec.ipv4_address)
            elif step.action in ("attach", "reattach"):
                _connect(client, spec.container, spec.network, _endpoint(spec, step.before))
        except APIError as error:
            raise EngineError(
                explain_refusal(spec.container, spec.network, explain(error)), changed=bool(done), actions=done
            ) from error
        done.append({"action": step.action, "container": spec.container, "network": spec.network})


def _endpoint(spec: AttachmentSpec, before: t.Mapping[str, t.Any] | None) -> dict[str, t.Any]:
    """The engine's request for a declared attachment; aliases that are not declared stay."""
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
        sides["after"][key] = {"state": "absent"} if step.action == "detach" else dict(
            step.before or {}, **declared, state="present"
        )
    return sides


def attach(client: APIClient, container: str, network: str, like: str, ipv4_address: str | None = None) -> None:
    """Attach a container to a network as it is attached to another one, at the address if it is free."""
    settings = networks_of(client, container)
    if network in settings:
        return
    endpoint = like_endpoint(settings.get(like) or {}, container)
    if ipv4_address is not None:
        try:
            _connect(client, container, network, dict(endpoint, IPAMConfig={"IPv4Address": ipv4_address}))
            return
        except APIError as error:
            if isinstance(error, NotFound) and "container" in explain(error).lower():
                raise
            # Taken, or not to be had: a place on the network counts for more than a certain address.
    _connect(client, container, network, endpoint)


def detach(client: APIClient, container: str, network: str) -> None:
    """Take a container off a network."""
    if network in networks_of(client, container):
        client.disconnect_container_from_network(container, network)


def networks_of(client: APIClient, container: str) -> dict[str, dict[str, t.Any]]:
    """The container's attachments, by the networks' names."""
    return client.inspect_container(container)["NetworkSettings"]["Networks"] or {}


def like_endpoint(settings: t.Mapping[str, t.Any], container: str) -> dict[str, t.Any]:
    """The engine's request for an attachment like an existing one: the engine adds the container's short id itself."""
    endpoint: dict[str, t.Any] = {key: settings[key] for key in KEPT if settings.get(key)}
    endpoint["Aliases"] = [alias for alias in settings.get("Aliases") or [] if alias != container[:12]]
    return endpoint


def _connect(client: APIClient, container: str, network: str, endpoint: dict[str, t.Any]) -> None:
    answer = client._post_json(
        client._url("/networks/{0}/connect", network), data={"Container": container, "EndpointConfig": endpoint}
    )
    client._raise_for_status(answer)
