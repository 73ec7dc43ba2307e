# -*- coding: utf-8 -*-
# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Making overlay networks what they are declared to be: look once, plan (pure), refuse or apply, wait."""

from __future__ import annotations

import time
import typing as t

from .._engine import (
    MANAGED_LABEL,
    APIClient,
    APIError,
    EngineError,
    NotFound,
    explain,
    require_manager,
    wait_until,
)
from .compare import Description, describe, diff_view, differences, is_allocated, predicted, subnets_of
from .spec import (
    ENCRYPTED_OPTION,
    MTU_OPTION,
    MTU_USUAL,
    PINNED_LABEL,
    VXLAN_OPTION,
    NetworkSpec,
    SpecError,
    overlaps,
    parse_networks,
)
from .users import name_users, observe

IN_USE = "is in use by"


class Step(t.NamedTuple):
    """What is to be done about one declared network."""

    spec: NetworkSpec
    action: str
    current: Description | None = None
    differences: dict[str, dict[str, t.Any]] = {}

    @property
    def removes(self) -> bool:
        """Whether the existing network goes away."""
        return self.action in ("remove", "recreate")

    @property
    def creates(self) -> bool:
        """Whether a network comes."""
        return self.action in ("create", "recreate")


def ensure_networks(
    client: APIClient, params: t.Mapping[str, t.Any], check_mode: bool, warn: t.Callable[[str], None]
) -> dict[str, t.Any]:
    """Bring all declared networks about; nothing at all is changed when one of them cannot be."""
    specs = parse_networks(params)
    require_manager(client)
    listed = client.networks()
    steps = plan(specs, listed)
    for warning in warnings(specs, listed):
        warn(warning)
    deadline = time.monotonic() + params["timeout"]
    if any(step.removes for step in steps):
        refuse_used(steps, observe(client).users)
    if not check_mode:
        apply(client, steps, deadline)
    changed = [step for step in steps if step.action != "none"]
    views = {step.spec.name: _view(step) for step in changed}
    fresh = client.networks() if changed and not check_mode else listed
    return {
        "changed": bool(changed),
        "actions": [_action(step) for step in changed],
        "networks": _result(steps, fresh, check_mode),
        "diff": {
            "before": {name: view[0] for name, view in views.items()},
            "after": {name: view[1] for name, view in views.items()},
        },
    }


def plan(specs: list[NetworkSpec], listed: list[dict]) -> list[Step]:
    """Decide about every declared network, or raise a SpecError naming all that stand in the way."""
    problems: list[str] = []
    steps = []
    for spec in specs:
        problem, current = find(spec.name, listed)
        if problem:
            problems.append(problem)
        else:
            steps.append(_step(spec, current))
    going = {step.current["id"] for step in steps if step.removes and step.current is not None}
    declared = {spec.name for spec in specs if spec.state == "present"}
    staying = [
        describe(raw)
        for raw in listed
        if raw.get("Scope") == "swarm" and raw["Id"] not in going and raw["Name"] not in declared
    ]
    coming = [step.spec for step in steps if step.creates]
    problems += overlaps(
        [(spec.name, spec.subnets) for spec in coming],
        [(network["name"], subnets_of(network)) for network in staying]
        + [(step.spec.name, subnets_of(step.current)) for step in steps if step.action == "none" and step.current],
    )
    problems += _vxlan_clashes(coming, staying, steps)
    if problems:
        raise SpecError(problems)
    return steps


def find(name: str, listed: list[dict]) -> tuple[str | None, Description | None]:
    """The overlay of exactly this name, or what else bears the name."""
    named = [raw for raw in listed if raw.get("Name") == name]
    local = [raw for raw in named if raw.get("Scope") != "swarm"]
    swarm = {raw["Id"]: raw for raw in named if raw.get("Scope") == "swarm"}
    if local:
        kind = f"{local[0].get('Scope')}-scoped {local[0].get('Driver')} network {local[0]['Id'][:12]}"
        return f"network {name}: the name is taken on this node by the {kind}; remove or rename it", None
    if len(swarm) > 1:
        return f"network {name}: {len(swarm)} swarm networks bear this name ({', '.join(sorted(swarm))}); " \
               "remove all but one by id", None
    for raw in swarm.values():
        if is_allocated(raw) and raw.get("Driver") != "overlay":
            return f"network {name}: the name is taken by a swarm network of driver {raw.get('Driver')}", None
        return None, describe(raw)
    return None, None


def warnings(specs: list[NetworkSpec], listed: list[dict]) -> list[str]:
    """What the engine takes but a person should know about."""
    found = [
        f"network {spec.name}: mtu {spec.mtu} is below {MTU_USUAL}, which IPv4 hosts are expected to take"
        for spec in specs
        if spec.mtu is not None and spec.mtu < MTU_USUAL
    ]
    local = [(raw["Name"], subnets_of(describe(raw))) for raw in listed if raw.get("Scope") == "local"]
    present = [(spec.name, spec.subnets) for spec in specs if spec.state == "present"]
    return found + [f"{problem} on this node" for problem in overlaps(present, local)]


def refuse_used(steps: list[Step], users_of: t.Callable[[str], list[dict[str, str]]]) -> None:
    """Raise an EngineError when a network that must go is in use, with its users and what differs."""
    refusals = []
    for step in steps:
        users = users_of(step.current["id"]) if step.removes and step.current is not None else []
        if users:
            refusals.append({"network": step.spec.name, "users": users, "differences": step.differences})
    if not refusals:
        return
    texts = [_refusal(refusal) for refusal in refusals]
    raise EngineError(
        "; ".join(texts) + ". An overlay is changed by removing and creating it again, which swarm refuses while "
        "somebody uses it: take these users off the network first. Nothing was changed.",
        refused=refusals,
    )


def apply(client: APIClient, steps: list[Step], deadline: float) -> None:
    """Remove what must go, wait until it is gone, create what must come, wait until it is allocated."""
    done: list[dict[str, t.Any]] = []
    try:
        _remove_all(client, [step for step in steps if step.removes], deadline, done)
        _create_all(client, [step for step in steps if step.creates], deadline, done)
    except EngineError as error:
        error.details.update(changed=bool(done), actions=done)
        raise


def create_arguments(spec: NetworkSpec) -> dict[str, t.Any]:
    """Arguments of the SDK's create_network for a declared network."""
    options = {}
    if spec.encrypted:
        options[ENCRYPTED_OPTION] = ""
    if spec.mtu is not None:
        options[MTU_OPTION] = str(spec.mtu)
    if spec.vxlan_ids:
        options[VXLAN_OPTION] = ",".join(map(str, spec.vxlan_ids))
    labels = dict(spec.labels, **{MANAGED_LABEL: "true"})
    if spec.pinned():
        labels[PINNED_LABEL] = ",".join(spec.pinned())
    arguments: dict[str, t.Any] = {
        "driver": "overlay",
        "scope": "swarm",
        "options": options,
        "labels": labels,
        "attachable": spec.attachable,
        "internal": spec.internal,
    }
    if spec.subnets:
        arguments["ipam"] = {"Driver": "default", "Config": [_pool(subnet) for subnet in spec.subnets]}
    return arguments


def _pool(subnet: t.Any) -> dict[str, str]:
    pool = {"Subnet": subnet.subnet, "Gateway": subnet.gateway, "IPRange": subnet.ip_range}
    return {key: value for key, value in pool.items() if value}


def _step(spec: NetworkSpec, current: Description | None) -> Step:
    if spec.state == "absent":
        return Step(spec, "remove" if current is not None else "none", current)
    if current is None:
        return Step(spec, "create")
    found = differences(spec, current)
    return Step(spec, "recreate" if found else "none", current, found)


def _vxlan_clashes(coming: list[NetworkSpec], staying: list[Description], steps: list[Step]) -> list[str]:
    taken = {vni: network["name"] for network in staying for vni in network["vxlan_ids"]}
    for step in steps:
        if step.action == "none" and step.current is not None:
            taken.update({vni: step.spec.name for vni in step.current["vxlan_ids"]})
    found = []
    for spec in coming:
        for vni in spec.vxlan_ids:
            if vni in taken:
                found.append(f"network {spec.name}: VXLAN id {vni} is taken by network {taken[vni]}")
            taken[vni] = spec.name
    return found


def _refusal(refusal: t.Mapping[str, t.Any]) -> str:
    changes = ", ".join(
        f"{key}: {change['before']!r} -> {change['after']!r}" for key, change in refusal["differences"].items()
    )
    what = f"changed ({changes})" if changes else "removed"
    return f"network {refusal['network']} cannot be {what}: it is used by {name_users(refusal['users'])}"


def _remove_all(client: APIClient, steps: list[Step], deadline: float, done: list[dict[str, t.Any]]) -> None:
    ids = {step.current["id"]: step.spec.name for step in steps if step.current is not None}
    if not ids:
        return
    _await_leavers(client, ids, deadline)
    for network_id, name in ids.items():
        _remove(client, network_id, name, deadline)
        done.append({"action": "remove", "name": name})

    def gone() -> tuple[bool, list[str]]:
        left = sorted(ids[raw["Id"]] for raw in client.networks() if raw["Id"] in ids)
        return not left, left

    waited = wait_until(gone, deadline - time.monotonic())
    if not waited.done:
        raise EngineError(
            f"Removed, but after {waited.seconds:.0f} s still there: network {', '.join(waited.seen)}. "
            "A task or container on it has not ended; raise timeout or look at 'docker network inspect'."
        )


def _await_leavers(client: APIClient, ids: dict[str, str], deadline: float) -> None:
    """Tasks of removed services hold their network for a moment; taking it from under them breaks the next one."""

    def left() -> tuple[bool, list[str]]:
        usage = observe(client)
        tasks = [f"network {name}: task {task}" for key, name in ids.items() for task in usage.leaving(key)]
        return not tasks, tasks

    waited = wait_until(left, deadline - time.monotonic())
    if not waited.done:
        raise EngineError(
            f"After {waited.seconds:.0f} s tasks that were told to stop still hold a network: "
            f"{'; '.join(waited.seen)}. Look at their nodes, or raise timeout. No network was removed."
        )


def _remove(client: APIClient, network_id: str, name: str, deadline: float) -> None:
    def removed() -> tuple[bool, str]:
        try:
            client.remove_network(network_id)
        except NotFound:
            return True, ""
        except APIError as error:
            if IN_USE not in explain(error):
                raise EngineError(f"Network {name} could not be removed: {explain(error)}.") from error
            return False, explain(error)
        return True, ""

    waited = wait_until(removed, deadline - time.monotonic())
    if not waited.done:
        users = name_users(observe(client).users(network_id))
        raise EngineError(
            f"Network {name} could not be removed within {waited.seconds:.0f} s: {waited.seen}. "
            f"Users: {users or 'none that the swarm lists'}."
        )


def _create_all(client: APIClient, steps: list[Step], deadline: float, done: list[dict[str, t.Any]]) -> None:
    created: dict[str, str] = {}
    for step in steps:
        try:
            answer = client.create_network(step.spec.name, **create_arguments(step.spec))
        except APIError as error:
            raise EngineError(f"Network {step.spec.name} could not be created: {explain(error)}.") from error
        created[answer["Id"]] = step.spec.name
        done.append({"action": "create", "name": step.spec.name})
    if not created:
        return

    def allocated() -> tuple[bool, dict[str, str]]:
        ready = {raw["Id"] for raw in client.networks() if is_allocated(raw)}
        return ready.issuperset(created), {key: name for key, name in created.items() if key not in ready}

    waited = wait_until(allocated, deadline - time.monotonic(), interval=0.05)
    if not waited.done:
        _withdraw(client, waited.seen, done)
        raise EngineError(
            f"Swarm gave no subnet or VXLAN id to network {', '.join(sorted(waited.seen.values()))} within "
            f"{waited.seconds:.0f} s; it was removed again. The address pools are exhausted, or a subnet or VXLAN id "
            "is taken: see the log of the leader's Docker daemon ('allocation')."
        )


def _withdraw(client: APIClient, networks: dict[str, str], done: list[dict[str, t.Any]]) -> None:
    """A network that was never allocated serves nobody, and blocks its name."""
    for network_id, name in networks.items():
        client.remove_network(network_id)
        done.append({"action": "remove", "name": name})


def _view(step: Step) -> tuple[Description, Description]:
    wanted = step.spec if step.spec.state == "present" else None
    return diff_view(wanted, step.current)


def _action(step: Step) -> dict[str, t.Any]:
    return {"action": step.action, "name": step.spec.name, "differences": step.differences}


def _result(steps: list[Step], listed: list[dict], check_mode: bool) -> list[Description]:
    by_name = {raw["Name"]: raw for raw in listed if raw.get("Scope") == "swarm"}
    found = []
    for step in steps:
        if step.spec.state == "absent":
            continue
        pending = check_mode and step.creates
        found.append(predicted(step.spec) if pending else describe(by_name[step.spec.name]))
    return found
