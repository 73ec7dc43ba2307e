# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Reach the declared state of services, and wait until their tasks run."""

from __future__ import annotations

import time
import typing as t

from .._engine.sdk import (
    APIClient,
    EngineError,
    NotFound,
    Refused,
    change_service,
    create_service,
    explain,
    require_manager,
    retry_conflicts,
    tasks_by,
    wait_until,
)
from .._engine.transport import Raw
from .capacity import capacity
from .compare import describe, is_allocated
from .convergence import is_alive, is_stuck, waiting_for
from .port_clashes import clashes
from .service_spec import ServiceSpec, compare, merge, new_spec, parse_services, plain, view
from .spec import SpecError
from .users import Usage, list_tasks, observe, service_networks

PREDEFINED_OF_SERVICES = ("host", "bridge")


class Step(t.NamedTuple):
    """The action for one declared service."""

    spec: ServiceSpec
    action: str
    current: dict[str, t.Any] | None = None
    differences: dict[str, dict[str, t.Any]] = {}


def ensure_services(
    client: APIClient, params: t.Mapping[str, t.Any], check_mode: bool, warn: t.Callable[[str], None]
) -> dict[str, t.Any]:
    """Reach the declared state of all services, and wait until they have converged."""
    specs = parse_services(params)
    require_manager(client)
    listed = client.networks() + predefined(client)
    names = {raw["Id"]: raw["Name"] for raw in listed if raw.get("Scope") == "swarm"}
    ids = network_ids(specs, listed, check_mode, warn)
    steps = plan(specs, client.services(), names)
    changed = [step for step in steps if step.action != "none"]
    if any(step.action != "remove" for step in changed):
        usage, nodes = observe(client), client.nodes()
        refuse_too_small(changed, listed, ids, usage, nodes)
        clashing = port_problems(changed, ids, usage, nodes)
        if clashing and params["wait"]:
            raise SpecError(clashing)
        for problem in clashing:
            warn(problem)
    if not check_mode:
        deadline = time.monotonic() + params["timeout"]
        _apply(client, changed, ids)
        _settle(client, steps, deadline, params["wait"], [_action(step) for step in changed])
    return {
        "changed": bool(changed),
        "actions": [_action(step) for step in changed],
        "services": _result(client, steps, names),
        "diff": _diff(changed),
    }


def predefined(client: APIClient) -> list[Raw]:
    """The engine's predefined networks that services can use. Swarm has objects for them, which its list omits."""
    found = []
    for name in PREDEFINED_OF_SERVICES:
        try:
            found.append(client.inspect_network(name, scope="swarm"))
        except NotFound:
            continue
    return found


def network_ids(
    specs: list[ServiceSpec], listed: list[Raw], check_mode: bool, warn: t.Callable[[str], None]
) -> dict[str, str]:
    """The ids of all networks in the declarations. A missing one raises SpecError, or is a warning in check mode."""
    ids = {raw["Name"]: raw["Id"] for raw in listed if raw.get("Scope") == "swarm"}
    impossible = {
        raw[
            "Name"
        ]: f"is a network of this node alone (driver {raw.get('Driver')}); services can use networks of the swarm, "
        f"{' and '.join(PREDEFINED_OF_SERVICES)}"
        for raw in listed
        if raw["Name"] not in ids
    }
    impossible.update(
        {
            raw["Name"]: "carries published ports only; publish a port of mode ingress instead of naming the network"
            for raw in listed
            if raw.get("Ingress")
        }
    )
    problems: list[str] = []
    never: list[str] = []
    for spec in specs:
        for attachment in spec.fields.get("networks") or () if spec.state == "present" else ():
            if attachment.name in impossible:
                never.append(f"service {spec.name}: network {attachment.name} {impossible[attachment.name]}")
            elif attachment.name not in ids:
                problems.append(f"service {spec.name}: there is no swarm network {attachment.name}")
    if never or (problems and not check_mode):
        raise SpecError(
            never + [f"{problem}; declare it with swarmlab.overlay.overlay_network" for problem in problems]
        )
    for text in [f"{problem} yet" for problem in problems] + beside_host(specs):
        warn(text)
    return ids


def beside_host(specs: list[ServiceSpec]) -> list[str]:
    """Warnings for services on the network host and on others too, a combination that swarm accepts. Pure."""
    networks = {
        spec.name: {entry.name for entry in spec.fields.get("networks") or ()}
        for spec in specs
        if spec.state == "present"
    }
    return [
        f"service {name}: {', '.join(sorted(names - {'host'}))} together with the network host: they would be connected in the node's own network "
        "namespace, where tasks often fail to start"
        for name, names in networks.items()
        if "host" in names and len(names) > 1
    ]


def plan(specs: list[ServiceSpec], services: list[Raw], names: t.Mapping[str, str]) -> list[Step]:
    """The action for every declared service. Raises SpecError with every problem found."""
    by_name = {service["Spec"]["Name"]: service for service in services}
    problems: list[str] = []
    steps = [_step(spec, by_name.get(spec.name), names, problems) for spec in specs]
    if problems:
        raise SpecError(problems)
    return steps


def refuse_too_small(
    steps: list[Step], listed: list[Raw], ids: t.Mapping[str, str], usage: Usage, nodes: list[Raw]
) -> None:
    """Raise SpecError when a network has fewer addresses than its services need in their declared state. Pure.

    Swarm accepts such a service silently and leaves its tasks waiting for an address.
    """
    services = as_declared(steps, ids, usage)
    before = {service["Spec"]["Name"]: service_networks(service) for service in usage.services}
    grown: set[str] = set()
    for step in steps:
        if step.action != "remove" and (
            step.current is None or {"networks", "replicas", "endpoint_mode", "constraints"} & set(step.differences)
        ):
            grown |= service_networks(services[step.spec.name]) | before.get(step.spec.name, set())
    wanted = usage._replace(services=list(services.values()))
    rooms = {
        raw["Name"]: capacity(describe(raw), wanted, nodes)
        for raw in listed
        if raw["Id"] in grown and is_allocated(raw)
    }
    problems = [
        f"network {name} has {room.size} addresses, and its services need {room.wanted} once they are as declared; "
        "declare a larger subnet, or fewer replicas"
        for name, room in sorted(rooms.items())
        if room.missing
    ]
    if problems:
        raise SpecError(problems)


def port_problems(steps: list[Step], ids: t.Mapping[str, str], usage: Usage, nodes: list[Raw]) -> list[str]:
    """Port conflicts of the changed services, with the other services and the nodes taken into account. Pure."""
    touched = {
        step.spec.name
        for step in steps
        if step.action == "create" or {"ports", "mode", "replicas", "constraints"} & set(step.differences)
    }
    return clashes([service["Spec"] for service in as_declared(steps, ids, usage).values()], touched, nodes)


def as_declared(steps: list[Step], ids: t.Mapping[str, str], usage: Usage) -> dict[str, dict[str, t.Any]]:
    """All services by name, in their state after the steps. Pure."""
    services = {service["Spec"]["Name"]: service for service in usage.services}
    for step in steps:
        if step.action == "remove":
            services.pop(step.spec.name, None)
            continue
        known = {name: ids.get(name, name) for name in [entry.name for entry in step.spec.fields.get("networks") or ()]}
        spec = (
            new_spec(step.spec, known) if step.current is None else merge(step.current["Spec"], step.spec.fields, known)
        )
        services[step.spec.name] = dict(step.current or {"ID": step.spec.name}, Spec=spec)
    return services


def _step(spec: ServiceSpec, current: Raw | None, names: t.Mapping[str, str], problems: list[str]) -> Step:
    if spec.state == "absent":
        return Step(spec, "remove" if current is not None else "none", current)
    if current is None:
        if not spec.fields.get("image"):
            problems.append(f"service {spec.name}: image is needed, as the service does not exist yet")
        return Step(spec, "create")
    found = compare(spec, current["Spec"], names)
    mode = view(current["Spec"], names)["mode"]
    if "mode" in found or ("replicas" in found and mode != "replicated"):
        problems.append(
            f"service {spec.name}: is of mode {mode}, which swarm cannot change; remove it first (state: absent)"
        )
    return Step(spec, "update" if found else "none", current, found)


def _apply(client: APIClient, steps: list[Step], ids: t.Mapping[str, str]) -> None:
    done: list[dict[str, t.Any]] = []
    for step in steps:
        try:
            _apply_one(client, step, ids)
        except Refused as error:
            raise EngineError(
                f"Service {step.spec.name}: the engine refused to {step.action} it: {explain(error)}.",
                changed=bool(done),
                actions=done,
            ) from error
        done.append(_action(step))


def _apply_one(client: APIClient, step: Step, ids: t.Mapping[str, str]) -> None:
    if step.action == "create":
        create_service(client, new_spec(step.spec, ids))
    elif step.action == "remove" and step.current is not None:
        _remove(client, step.current["ID"])
    elif step.current is not None:
        _update(client, step.current["ID"], step, ids)


def _remove(client: APIClient, service_id: str) -> None:
    try:
        client.remove_service(service_id)
    except NotFound:
        # Removed concurrently, which is the declared state.
        return


def _update(client: APIClient, service_id: str, step: Step, ids: t.Mapping[str, str]) -> None:
    fields = {key: value for key, value in step.spec.fields.items() if key in step.differences}
    update_service(client, service_id, lambda raw: merge(raw, fields, ids))


def update_service(
    client: APIClient, service_id: str, change: t.Callable[[dict[str, t.Any]], dict[str, t.Any]]
) -> None:
    """Send the changed specification. After a concurrent update it is computed again from the newest version."""

    def send() -> None:
        fresh = client.inspect_service(service_id)
        changed = change(fresh["Spec"])
        if changed == fresh["Spec"]:
            return
        change_service(client, service_id, fresh["Version"]["Index"], changed)

    retry_conflicts(send)


def _settle(client: APIClient, steps: list[Step], deadline: float, wait: bool, actions: list[dict[str, t.Any]]) -> None:
    """Wait until the tasks of removed services are gone and those of the others run."""
    if not wait:
        return
    removed = {step.current["ID"]: step.spec.name for step in steps if step.action == "remove" and step.current}
    if removed:
        _await_gone(client, removed, deadline, actions)
    present = [step.spec.name for step in steps if step.spec.state == "present"]
    if present:
        await_converged(client, present, deadline, actions)


def _await_gone(client: APIClient, removed: dict[str, str], deadline: float, actions: list[dict[str, t.Any]]) -> None:
    def gone() -> tuple[bool, list[str]]:
        nodes = {node["ID"]: node for node in client.nodes()}
        left = [
            f"{removed[task['ServiceID']]} task {task['ID']} on {_hostname(nodes.get(task.get('NodeID')))}: "
            f"{task['Status']['State']}"
            for task in list_tasks(client)
            if task.get("ServiceID") in removed and is_alive(task) and _answers(nodes.get(task.get("NodeID")))
        ]
        return not left, left

    waited = wait_until(gone, deadline - time.monotonic())
    if not waited.done:
        raise EngineError(
            f"Removed, but after {waited.seconds:.0f} s tasks have not ended: {'; '.join(waited.seen)}.",
            changed=True,
            actions=actions,
            waiting=waited.seen,
        )


def await_converged(client: APIClient, names: list[str], deadline: float, actions: list[dict[str, t.Any]]) -> None:
    """Wait until every task of the named services is up to date and runs.

    Raises EngineError that names the services that did not converge.
    """

    def converged() -> tuple[bool, bool]:
        services = [service for service in client.services() if service["Spec"]["Name"] in names]
        nodes, current = client.nodes(), _current_tasks(client)
        done = len(services) == len(names) and not any(
            waiting_for(service, _of(service, current), [], nodes) for service in services
        )
        stuck = any(is_stuck(service) for service in services)
        return done or stuck, done

    waited = wait_until(converged, deadline - time.monotonic())
    if waited.seen:
        return
    waiting = _explain_waiting(client, names)
    raise EngineError(
        f"Services have not converged after {waited.seconds:.0f} s: {'; '.join(waiting)}.",
        changed=bool(actions),
        actions=actions,
        waiting=waiting,
    )


def _explain_waiting(client: APIClient, names: list[str]) -> list[str]:
    services = {service["Spec"]["Name"]: service for service in client.services()}
    nodes, current, history = client.nodes(), _current_tasks(client), client.tasks()
    found = [f"{name}: the service was removed meanwhile" for name in names if name not in services]
    for name in names:
        if name in services:
            found += waiting_for(services[name], _of(services[name], current), _of(services[name], history), nodes)
    return found or ["they did converge just after the time-out"]


def _current_tasks(client: APIClient) -> list[Raw]:
    """Tasks that are up to date with their service, by the filter that the docker command line uses."""
    return tasks_by(client, {"_up-to-date": ["true"]})


def _of(service: Raw, tasks: list[Raw]) -> list[Raw]:
    return [task for task in tasks if task.get("ServiceID") == service["ID"]]


def _hostname(node: Raw | None) -> str:
    return ((node or {}).get("Description") or {}).get("Hostname") or "a node that left"


def _answers(node: Raw | None) -> bool:
    """Whether the node reports its tasks' end. A node that is down does not, so there is no point in waiting."""
    return node is not None and (node.get("Status") or {}).get("State") != "down"


def _action(step: Step) -> dict[str, t.Any]:
    return {"action": step.action, "name": step.spec.name, "differences": step.differences}


def _diff(steps: list[Step]) -> dict[str, t.Any]:
    before: dict[str, t.Any] = {}
    after: dict[str, t.Any] = {}
    for step in steps:
        fields = {key: plain(value) for key, value in step.spec.fields.items()}
        before[step.spec.name] = {key: change["before"] for key, change in step.differences.items()}
        after[step.spec.name] = {key: change["after"] for key, change in step.differences.items()}
        if step.action == "create":
            after[step.spec.name] = fields
        elif step.action == "remove":
            before[step.spec.name] = {"state": "present"}
            after[step.spec.name] = {"state": "absent"}
    return {"before": before, "after": after}


def _result(client: APIClient, steps: list[Step], names: t.Mapping[str, str]) -> list[dict[str, t.Any]]:
    by_name = {service["Spec"]["Name"]: service for service in client.services()}
    found = []
    for step in steps:
        service = by_name.get(step.spec.name)
        if step.spec.state == "absent":
            continue
        entry: dict[str, t.Any] = {"name": step.spec.name, "id": None, "vips": {}}
        if service is not None:
            entry.update({key: plain(value) for key, value in view(service["Spec"], names).items()})
            entry["id"] = service["ID"]
            entry["vips"] = {
                names.get(vip["NetworkID"], vip["NetworkID"]): vip["Addr"].split("/")[0]
                for vip in (service.get("Endpoint") or {}).get("VirtualIPs") or []
                if vip.get("Addr")
            }
        found.append(entry)
    return found
