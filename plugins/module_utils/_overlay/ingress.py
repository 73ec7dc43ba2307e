# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Reach the declared ingress network, with the steps from C(publishing)."""

from __future__ import annotations

import time
import typing as t

from .._engine.sdk import (
    APIClient,
    EngineError,
    NotFound,
    Refused,
    RequestException,
    as_engine_error,
    explain,
    require_manager,
    retry_conflicts,
    wait_until,
)
from .._engine.transport import Raw
from .._terms import NUDGE_LABEL, PARKED_ORDER_LABEL, PORTS_LABEL
from .compare import Description, describe, diff_view, differences, is_allocated, predicted
from .existence import await_allocated, create_network, list_networks, remove_networks
from .networks import ATTEMPTS, PAUSE, is_passing, plan, refuse_shadows, warnings
from .publishing import Mesh, MeshAction, Target, mesh_ports, next_mesh_actions, park, publish, published, restore_order
from .services import await_converged, update_service
from .spec import NetworkSpec, SpecError, parse_network
from .surroundings import look_around

USUAL_NAME = "ingress"
# A nudged node takes the network up within a second, or fails because its engine asks for the address too early.
NUDGE_SECONDS = 2.0
GOING_SECONDS = 5.0


class Scene(t.NamedTuple):
    """The swarm's state as inspected."""

    mesh: Mesh
    network: Raw | None
    services: list[Raw]


def ensure_ingress(
    client: APIClient, params: t.Mapping[str, t.Any], check_mode: bool, warn: t.Callable[[str], None]
) -> dict[str, t.Any]:
    """Reach the declared ingress network, or finish an interrupted run."""
    require_manager(client)
    spec = parse_ingress(params)
    begin = look(client, spec)
    spec = spec._replace(name=begin.network["Name"] if begin.network else USUAL_NAME)
    listed = [raw for raw in list_networks(client) if not raw.get("Ingress")] + (
        [begin.network] if begin.network else []
    )
    around = look_around(params["docker_host"], client.nodes(), [])
    refuse_shadows(plan([spec], listed), around)
    for warning in warnings([spec], listed, around):
        warn(warning)
    current = None if begin.network is None else describe(begin.network)
    found = {} if current is None else differences(spec, current)
    refuse_published(begin, found, params["in_use"])
    action = _action(begin.mesh)
    if action is not None and not check_mode:
        _bring_about(client, spec, params)
    return result(spec, begin, action, found, current, None if check_mode else look(client, spec))


def parse_ingress(params: t.Mapping[str, t.Any]) -> NetworkSpec:
    """The declared ingress network. Raises SpecError with every problem found."""
    problems: list[str] = []
    entry = dict(params, name=USUAL_NAME, attachable=False, internal=False)
    spec = parse_network(entry, "present", problems, params["underlay_mtu"], own_name=False)
    if problems:
        raise SpecError(problems)
    return spec


def look(client: APIClient, spec: NetworkSpec) -> Scene:
    """The swarm's ingress network, and the services that publish through it."""
    network = _network(client)
    services = client.services()
    marked = {
        label: tuple(_service(service) for service in services if label in (service["Spec"].get("Labels") or {}))
        for label in (PORTS_LABEL, PARKED_ORDER_LABEL)
    }
    identity = network["Id"] if network else None
    nodes = client.nodes()
    mesh = Mesh(
        network=identity,
        as_declared=network is not None and not differences(spec, describe(network)),
        up=identity is not None and not _absent(client, identity, nodes),
        nudged=tuple(Target(node["ID"], _hostname(node)) for node in nodes if _mark(node) is not None),
        others=tuple(Target(node["ID"], _hostname(node)) for node in nodes if _mark(node) != identity),
        published=tuple(_service(service) for service in services if mesh_ports(service["Spec"])),
        parked=marked[PORTS_LABEL],
        hurried=marked[PARKED_ORDER_LABEL],
    )
    return Scene(mesh, network, services)


def _network(client: APIClient) -> Raw | None:
    """The swarm's ingress network. A node's engine lets go of one a moment after the swarm; what it holds longer is a leftover."""

    def current() -> tuple[bool, Raw | None]:
        listed = [raw for raw in list_networks(client) if raw.get("Ingress") and raw.get("Scope") == "swarm"]
        found = listed[-1] if listed else None
        return found is None or not _is_leftover(client, found["Id"]), found

    waited = wait_until(current, GOING_SECONDS)
    if waited.seen is not None and not waited.done:
        raise EngineError(_leftover(waited.seen["Name"]))
    return waited.seen


def refuse_published(seen: Scene, found: t.Mapping[str, t.Any], in_use: str) -> None:
    """Raise EngineError when services publish through a network that must go. A change in progress may go on."""
    if not found or not seen.mesh.published or seen.mesh.begun or in_use == "reattach":
        return
    changes = ", ".join(f"{key}: {change['before']!r} -> {change['after']!r}" for key, change in found.items())
    users = published(seen.services)
    raise EngineError(
        f"The ingress network cannot be changed ({changes}): {'; '.join(map(_told, users))}. It is removed and created again, which "
        "swarm refuses while ports are published through it. To have the ports removed and published again, set in_use: reattach. Published "
        "ports do not answer meanwhile. Nothing was changed.",
        published=users,
        differences=dict(found),
    )


def result(
    spec: NetworkSpec,
    begin: Scene,
    action: str | None,
    found: dict[str, t.Any],
    current: Description | None,
    end: Scene | None,
) -> dict[str, t.Any]:
    """The module's result; C(end) is None in check mode. Pure."""
    users = published(begin.services)
    before, after = diff_view(spec, current)
    if begin.mesh.parked:
        before = dict(before, unpublished=sorted(service.name for service in begin.mesh.parked))
    if begin.network is not None and not (begin.mesh.up and not begin.mesh.nudged):
        before, after = dict(before, on_every_node=False), dict(after, on_every_node=True)
    seen = end or begin
    if (end is None and action in ("create", "recreate", "reattach")) or seen.network is None:
        network = dict(predicted(spec), ingress=True)
    else:
        network = describe(seen.network)
    return {
        "changed": action is not None,
        "actions": [] if action is None else [{"action": action, "differences": found, "published": users}],
        "network": network,
        "published": users if end is None else published(end.services),
        "diff": {"before": before, "after": after} if action is not None else {"before": {}, "after": {}},
    }


def _action(mesh: Mesh) -> str | None:
    """One word for all pending actions."""
    if not next_mesh_actions(mesh):
        return None
    if mesh.network is not None and mesh.as_declared:
        return "finish"
    if mesh.published or mesh.parked:
        return "reattach"
    return "create" if mesh.network is None else "recreate"


def _bring_about(client: APIClient, spec: NetworkSpec, params: t.Mapping[str, t.Any]) -> None:
    timeout = params["timeout"]
    changed = False
    failures = 0
    told: set[MeshAction] = set()
    while True:
        try:
            actions = next_mesh_actions(_settled(client, spec, time.monotonic() + timeout).mesh)
            if not actions:
                return
            for action in actions:
                if action in told:
                    raise EngineError(_undone(action))
                _perform(client, spec, action, time.monotonic() + timeout)
                changed = True
                told.add(action)
            _await_noticed(client, spec, set(actions), time.monotonic() + timeout)
        except (Refused, EngineError) as error:
            failures += 1
            if failures == ATTEMPTS or not is_passing(error):
                raise _unfinished(error, changed) from error
            time.sleep(PAUSE)
        except RequestException as error:
            raise _unfinished(as_engine_error(error, params), changed) from error


def _settled(client: APIClient, spec: NetworkSpec, deadline: float) -> Scene:
    """The state once the services concerned have converged: tasks that are being replaced may still hold ports."""
    seen = look(client, spec)
    mesh = seen.mesh
    if mesh.as_declared and not mesh.begun:
        return seen
    names = sorted({service.name for service in mesh.published + mesh.parked + mesh.hurried})
    # Services with published ports cannot converge without the network, or before all nodes have it.
    if names and (mesh.network is None or not mesh.as_declared or mesh.up):
        await_converged(client, names, deadline, [])
        return look(client, spec)
    return seen


def _await_noticed(client: APIClient, spec: NetworkSpec, done: set[MeshAction], deadline: float) -> None:
    """Wait until this manager has learned of a change. A follower learns of it a moment after the leader."""

    def noticed() -> tuple[bool, list[MeshAction]]:
        again = [action for action in next_mesh_actions(look(client, spec).mesh) if action in done]
        return not again, again

    waited = wait_until(noticed, deadline - time.monotonic())
    if not waited.done:
        raise EngineError(_undone(waited.seen[0]))


def _perform(client: APIClient, spec: NetworkSpec, action: MeshAction, deadline: float) -> None:
    changes: dict[str, t.Callable[[Raw], Raw]] = {"park": park, "publish": publish, "restore order": restore_order}
    if action.verb == "create":
        _create(client, spec, deadline)
    elif action.verb == "remove":
        _remove(client, spec, deadline)
    elif action.verb == "await nodes":
        _await_nodes(client, spec, deadline)
    elif action.target is not None:
        try:
            if action.verb in ("nudge", "forget"):
                _nudge(client, action.target.id, look(client, spec).mesh.network if action.verb == "nudge" else None)
            else:
                update_service(client, action.target.id, changes[action.verb])
        except NotFound:
            # Removed concurrently; the next inspection shows it.
            return
        except Refused as error:
            raise EngineError(
                f"Ingress: '{action.verb}' of {action.target.name} was refused: {explain(error)}."
            ) from error


def _create(client: APIClient, spec: NetworkSpec, deadline: float) -> None:
    def created() -> tuple[bool, str]:
        identity = create_network(client, spec, ingress=True)
        return identity is not None, identity or ""

    # The engine holds the name for a moment after the removal.
    waited = wait_until(created, deadline - time.monotonic())
    if not waited.done:
        raise EngineError(f"The ingress network could not be created: its name {spec.name} stays taken on this node.")
    await_allocated(client, {waited.seen: spec.name}, deadline)


def _remove(client: APIClient, spec: NetworkSpec, deadline: float) -> None:
    network = look(client, spec).network
    if network is None:
        return
    try:
        remove_networks(client, {network["Id"]: network["Name"]}, deadline)
    except EngineError as error:
        if _is_leftover(client, network["Id"]):
            raise EngineError(_leftover(network["Name"])) from error
        raise


def _await_nodes(client: APIClient, spec: NetworkSpec, deadline: float) -> None:
    """Wait until every nudged node has taken the network up; nodes that failed are nudged again."""

    def up() -> tuple[bool, list[Raw]]:
        network = look(client, spec).network
        absent = [] if network is None else _absent(client, network["Id"], client.nodes())
        return not absent, absent

    while True:
        waited = wait_until(up, min(NUDGE_SECONDS, deadline - time.monotonic()))
        if waited.done:
            return
        if time.monotonic() >= deadline:
            raise EngineError(
                f"The ingress network is there, but not on node {', '.join(map(_hostname, waited.seen))}. "
                "Restart Docker there, or find out why the node does not reach the others (port 7946)."
            )
        for node in waited.seen:
            _nudge(client, node["ID"], None)
            _nudge(client, node["ID"], _mark(node))


def _nudge(client: APIClient, node_id: str, mark: str | None) -> None:
    """Make a node take the ingress network up.

    Engines do so when their node object changes, not when the network is created.
    """

    def update() -> None:
        node = client.inspect_node(node_id)
        labels = {key: value for key, value in (node["Spec"].get("Labels") or {}).items() if key != NUDGE_LABEL}
        if mark is not None:
            labels[NUDGE_LABEL] = mark
        client.update_node(node_id, node["Version"]["Index"], dict(node["Spec"], Labels=labels))

    retry_conflicts(update)


def _mark(node: Raw) -> str | None:
    """The ingress network in the node's nudge label."""
    return (node["Spec"].get("Labels") or {}).get(NUDGE_LABEL)


def _absent(client: APIClient, network_id: str, nodes: list[Raw]) -> list[Raw]:
    """The ready nodes without the network; all of them when it is unclear which, or when it has just gone.

    This node comes first: without the network itself it knows none of its peers.
    """
    ready = [node for node in nodes if (node.get("Status") or {}).get("State") == "ready"]
    try:
        view = client.inspect_network(network_id)
    except NotFound:
        return ready
    peers = {peer["IP"] for peer in view.get("Peers") or []}
    if not is_allocated(view) or not any(key.endswith("-sbox") for key in view.get("Containers") or {}):
        own = client.info()["Swarm"].get("NodeID")
        return [node for node in nodes if node["ID"] == own]
    if len(peers) >= len(ready):
        return []
    return [node for node in ready if (node.get("Status") or {}).get("Addr") not in peers] or ready


def _is_leftover(client: APIClient, network_id: str) -> bool:
    """Whether only this engine still has the network, and the swarm does not."""
    try:
        client.inspect_network(network_id, scope="swarm")
    except NotFound:
        return True
    return False


def _leftover(name: str) -> str:
    return (
        f"The swarm has removed the ingress network {name}, but the engine of this node still holds it: something was on it when it "
        "was removed. Restart Docker on this node, and run this again."
    )


def _unfinished(error: Refused | EngineError, changed: bool) -> Refused | EngineError:
    if isinstance(error, EngineError) and changed:
        error.details.update(changed=True)
        error.message += (
            " The change of the ingress network is unfinished. The services' labels record their ports: run this again to "
            "publish them again."
        )
    return error


def _undone(action: MeshAction) -> str:
    who = action.target.name if action.target else "the ingress network"
    return (
        f"Ingress: '{action.verb}' of {who} did not last: its update was rolled back, or another user undid it. "
        "See 'docker service ps'."
    )


def _told(entry: t.Mapping[str, t.Any]) -> str:
    ports = ", ".join(f"{port['published']}->{port['target']}/{port['protocol']}" for port in entry["ports"])
    return f"service {entry['service']} publishes {ports}"


def _service(service: Raw) -> Target:
    return Target(service["ID"], service["Spec"]["Name"])


def _hostname(node: Raw) -> str:
    return str((node.get("Description") or {}).get("Hostname") or node["ID"])
