# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Carry out the changes of used networks that C(moves) plans, one action after the other."""

from __future__ import annotations

import ipaddress
import time
import typing as t

from .._engine.sdk import APIClient, EngineError, NotFound, Refused, explain, wait_until
from .._engine.transport import Raw
from .._terms import ADDRESSES_LABEL, ORDER_LABEL, STANDS_IN_LABEL
from .attachments import attach, detach
from .compare import describe, differences, is_allocated, subnets_of
from .existence import await_allocated, create_network, list_networks, remove_networks
from .moves import (
    STANDIN_PLACES,
    Action,
    Member,
    Situation,
    format_addresses,
    free_subnet,
    is_job,
    next_actions,
    number_of,
    parse_addresses,
    standin_name,
    standin_prefix,
    unhurry,
    with_network,
    without_network,
)
from .services import await_converged, update_service
from .spec import NetworkSpec, Subnet
from .users import Usage, attachment_address, observe


class Pending(t.NamedTuple):
    """An action that only the engine of another node can carry out."""

    node: str
    node_id: str
    container: str
    network: str
    state: str
    like: str
    ipv4_address: str | None = None


class Scene(t.NamedTuple):
    """The inspected state of one network."""

    situation: Situation
    network: Raw | None
    standin: Raw | None
    usage: Usage


def standins(listed: t.Iterable[Raw]) -> dict[str, Raw]:
    """The existing stand-ins, by the name of the network that each replaces."""
    return {
        raw["Labels"][STANDS_IN_LABEL]: raw
        for raw in listed
        if raw.get("Scope") == "swarm" and STANDS_IN_LABEL in (raw.get("Labels") or {})
    }


def look(client: APIClient, spec: NetworkSpec, own_node: str) -> Scene:
    """The network, its stand-in, and all users of either."""
    listed = list_networks(client)
    network = next((raw for raw in listed if raw["Name"] == spec.name and raw.get("Scope") == "swarm"), None)
    standin = standins(listed).get(spec.name)
    return scene(spec, network, standin, observe(client), own_node)


def scene(spec: NetworkSpec, network: Raw | None, standin: Raw | None, usage: Usage, own_node: str) -> Scene:
    """The same from objects that were fetched already. Pure."""
    ids = [raw["Id"] if raw is not None else None for raw in (network, standin)]
    on = [{(user["kind"], user["id"]): user for user in usage.users(key)} if key else {} for key in ids]
    everybody = {**on[1], **on[0]}
    members = tuple(
        Member(
            kind,
            key,
            user["name"],
            (kind, key) in on[0],
            (kind, key) in on[1],
            user.get("node"),
            user.get("node_id") or "",
            kind != "container" or user.get("node_id") == own_node,
        )
        for (kind, key), user in everybody.items()
        if kind != "task"
    )
    hurried = tuple(
        Member("service", service["ID"], service["Spec"]["Name"], True, False)
        for service in usage.services
        if ORDER_LABEL in (service["Spec"].get("Labels") or {}) and ("service", service["ID"]) in everybody
    )
    as_declared = network is not None and not differences(spec, describe(network))
    return Scene(Situation(ids[0], as_declared, ids[1], members, hurried), network, standin, usage)


def obstacles(spec: NetworkSpec, seen: Scene, elsewhere: bool) -> list[str]:
    """Why these users cannot be moved, in words. C(elsewhere): the caller moves the containers on other nodes."""
    containers = [member for member in seen.situation.members if member.kind == "container"]
    jobs = {service["ID"] for service in seen.usage.services if is_job(service["Spec"])}
    found = [
        f"service {member.name} is a job, which would run again"
        for member in seen.situation.members
        if member.id in jobs
    ]
    if containers and not spec.attachable:
        found.append(
            f"containers are attached ({', '.join(member.name for member in containers)}), so it must stay "
            "attachable: true"
        )
    remote = sorted({f"{member.name} on {member.node}" for member in containers if not member.local})
    if remote and not elsewhere:
        found.append(
            f"containers can be moved only by their own engines: {', '.join(remote)}. Use the role "
            "swarmlab.overlay.overlays with overlays_in_use=reattach, or disconnect them first"
        )
    return [f"network {spec.name}: {problem}" for problem in found]


def pending(spec: NetworkSpec, seen: Scene, actions: t.Iterable[Action]) -> list[Pending]:
    """The actions in the form that other nodes need."""
    names = {"network": spec.name, "standin": standin_name(spec.name)}
    other = {"network": "standin", "standin": "network"}
    found = []
    for action in actions:
        verb, dummy, target = action.verb.partition(" ")
        if action.member is not None and action.member.node is not None:
            address = _address(seen, action.member.id) if action.verb == "attach network" else None
            state = "present" if verb == "attach" else "absent"
            found.append(
                Pending(
                    action.member.node,
                    action.member.node_id,
                    action.member.id,
                    names[target],
                    state,
                    names[other[target]],
                    address,
                )
            )
    return found


def move(client: APIClient, spec: NetworkSpec, own_node: str, timeout: float) -> t.Iterator[Action | list[Pending]]:
    """Carry out and yield one action after the other. At the end, yield those that are left to other nodes, if any.

    C(timeout) is for each wait, in seconds. A caller that stops iterating leaves the move unfinished; the next move
    finishes it.
    """
    told: set[tuple[str, str]] = set()
    while True:
        seen = _settled(client, spec, own_node, time.monotonic() + timeout)
        actions = next_actions(seen.situation)
        possible = [action for action in actions if action.member is None or action.member.local]
        if not possible:
            yield pending(spec, seen, actions)
            return
        for action in possible:
            key = (action.verb, action.member.id if action.member else "")
            if key in told:
                raise EngineError(_undone(spec, action))
            told.add(key)
            _perform(client, spec, seen, action, time.monotonic() + timeout)
            yield action
        _await_noticed(client, spec, own_node, possible, time.monotonic() + timeout)


def _settled(client: APIClient, spec: NetworkSpec, own_node: str, deadline: float) -> Scene:
    """The state once services on the networks have converged: a task that is being replaced may hold either."""
    seen = look(client, spec, own_node)
    if seen.standin is not None and not is_allocated(seen.standin):
        await_allocated(client, {seen.standin["Id"]: seen.standin["Name"]}, deadline)
    services = [member.name for member in seen.situation.members if member.kind == "service"]
    if not services:
        return seen
    await_converged(client, services, deadline, [])
    return look(client, spec, own_node)


def _await_noticed(client: APIClient, spec: NetworkSpec, own_node: str, actions: list[Action], deadline: float) -> None:
    """Wait until this manager has learned of a change. A follower learns of it a moment after the leader."""
    done = {(action.verb, action.member.id if action.member else "") for action in actions}

    def noticed() -> tuple[bool, list[Action]]:
        left = next_actions(look(client, spec, own_node).situation)
        again = [action for action in left if (action.verb, action.member.id if action.member else "") in done]
        return not again, again

    waited = wait_until(noticed, deadline - time.monotonic())
    if not waited.done:
        raise EngineError(_undone(spec, waited.seen[0]))


def _undone(spec: NetworkSpec, action: Action) -> str:
    who = f"{action.member.kind} {action.member.name}" if action.member else f"network {spec.name}"
    return (
        f"Network {spec.name}: '{action.verb}' of {who} did not last: its update was rolled back, or another user undid it. "
        "See 'docker service ps'."
    )


def _perform(client: APIClient, spec: NetworkSpec, seen: Scene, action: Action, deadline: float) -> None:
    try:
        if action.member is None:
            _replace(client, spec, seen, action.verb, deadline)
        elif action.member.kind == "service":
            _move_service(client, seen.situation, action.verb, action.member)
        else:
            _move_container(client, spec, seen, action.verb, action.member)
    except NotFound:
        # The member was removed concurrently; the next inspection shows it.
        return
    except Refused as error:
        who = f" for {action.member.kind} {action.member.name}" if action.member else ""
        raise EngineError(f"Network {spec.name}: '{action.verb}'{who} was refused: {explain(error)}.") from error


def _replace(client: APIClient, spec: NetworkSpec, seen: Scene, verb: str, deadline: float) -> None:
    """Carry out an action on the networks themselves."""
    if verb == "create network":
        create_network(client, spec)
    elif verb == "create standin":
        create_network(
            client,
            _standin_spec(client, spec, seen),
            {
                STANDS_IN_LABEL: spec.name,
                ADDRESSES_LABEL: format_addresses(_addresses(seen)),
            },
        )
    else:
        raw = seen.network if verb == "remove network" else seen.standin
        if raw is not None:
            remove_networks(client, {raw["Id"]: raw["Name"]}, deadline)
        return
    created = look(client, spec, "")
    raw = created.network if verb == "create network" else created.standin
    if raw is not None:
        await_allocated(client, {raw["Id"]: raw["Name"]}, deadline)


def _move_service(client: APIClient, now: Situation, verb: str, member: Member) -> None:
    network, standin = now.network or "", now.standin or ""
    changes: dict[str, t.Callable[[Raw], Raw]] = {
        "attach standin": lambda raw: with_network(raw, standin, network),
        "detach network": lambda raw: without_network(raw, network),
        "attach network": lambda raw: with_network(raw, network, standin),
        "detach standin": lambda raw: without_network(raw, standin),
        "restore order": unhurry,
    }
    update_service(client, member.id, changes[verb])


def _move_container(client: APIClient, spec: NetworkSpec, seen: Scene, verb: str, member: Member) -> None:
    names = {"network": spec.name, "standin": standin_name(spec.name)}
    what, dummy, target = verb.partition(" ")
    if what == "detach":
        detach(client, member.id, names[target])
        return
    other = names["standin" if target == "network" else "network"]
    attach(client, member.id, names[target], other, _address(seen, member.id) if target == "network" else None)


def _standin_spec(client: APIClient, spec: NetworkSpec, seen: Scene) -> NetworkSpec:
    """The stand-in's specification: the declared network's properties, on a subnet that overlaps nothing."""
    swarm = client.inspect_swarm()
    old = subnets_of(describe(seen.network)) if seen.network is not None else ()
    prefix = standin_prefix(old + spec.subnets + spec.chosen, swarm.get("SubnetSize") or 24)
    taken = [subnet.subnet for subnet in spec.subnets + spec.chosen]
    taken += [subnet.subnet for raw in client.networks() for subnet in subnets_of(describe(raw))]
    pools = swarm.get("DefaultAddrPool") or ["10.0.0.0/8"]
    found = free_subnet(pools, prefix, taken, skip=number_of(spec.name) % STANDIN_PLACES)
    if found is None:
        raise EngineError(
            f"Network {spec.name}: the swarm's address pools have no free /{prefix} for its stand-in. "
            "Remove networks that are not needed. Nothing was changed."
        )
    return spec._replace(name=standin_name(spec.name), subnets=(Subnet(found),), vxlan_ids=(), labels={}, chosen=())


def _addresses(seen: Scene) -> dict[str, str]:
    """The present addresses of attached containers on the network, for the stand-in's label."""
    network = seen.situation.network or ""
    found = {
        member.id: attachment_address(seen.usage.tasks, member.id, network)
        for member in seen.situation.members
        if member.kind == "container"
    }
    return {container: address for container, address in found.items() if address}


def _address(seen: Scene, container: str) -> str | None:
    """The container's former address, if the declared network contains it."""
    labels = (seen.standin or {}).get("Labels") or {}
    address = parse_addresses(labels.get(ADDRESSES_LABEL) or "").get(container[:12])
    return address if address and _declared_inside(seen.network, address) else None


def _declared_inside(network: Raw | None, address: str) -> bool:
    """Whether a declared subnet contains the address. The engine grants fixed addresses only in such subnets."""
    described = describe(network or {})
    inside = [
        subnet
        for subnet in subnets_of(described)
        if ipaddress.ip_address(address) in ipaddress.ip_network(subnet.subnet)
    ]
    return bool(inside) and "subnets" in described["pinned"]
