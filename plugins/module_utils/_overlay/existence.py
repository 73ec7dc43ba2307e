# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Create and remove overlays, and wait until the swarm has done so."""

from __future__ import annotations

import time
import typing as t

from .._engine.sdk import APIClient, EngineError, NotFound, Refused, explain, wait_until
from .._terms import MANAGED_LABEL, PINNED_LABEL
from .compare import is_allocated
from .spec import ENCRYPTED_OPTION, MTU_OPTION, VXLAN_OPTION, NetworkSpec, Subnet
from .users import name_users, observe

IN_USE = "is in use by"
# A name conflict: as the engine reports it after its own check, and as the swarm reports it after a race.
NAME_TAKEN = ("already exists", "name conflicts with an existing object")


def list_networks(client: APIClient) -> list[dict[str, t.Any]]:
    """All networks. The swarm is asked too: without a leader the engine silently omits the swarm's networks."""
    client.inspect_swarm()
    listed: list[dict[str, t.Any]] = client.networks()
    client.inspect_swarm()
    return listed


def create_network(
    client: APIClient, spec: NetworkSpec, labels: t.Mapping[str, str] | None = None, ingress: bool = False
) -> str | None:
    """Create a declared network. Returns its id, or None when the name has just been taken."""
    arguments = dict(create_arguments(spec), ingress=ingress)
    arguments["labels"].update(labels or {})
    try:
        return str(client.create_network(spec.name, **arguments)["Id"])
    except Refused as error:
        if any(words in explain(error) for words in NAME_TAKEN):
            return None
        raise EngineError(f"Network {spec.name} could not be created: {explain(error)}.") from error


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
    subnets = spec.subnets or spec.chosen
    if subnets:
        arguments["ipam"] = {"Driver": "default", "Config": [_pool(subnet) for subnet in subnets]}
    return arguments


def await_allocated(client: APIClient, networks: t.Mapping[str, str], deadline: float) -> None:
    """Wait until every network (id: name) has its subnet and VXLAN id. Networks that get none are removed again."""

    def allocated() -> tuple[bool, dict[str, str]]:
        # A network that was removed concurrently needs no waiting.
        waiting = {raw["Id"] for raw in client.networks() if raw["Id"] in networks and not is_allocated(raw)}
        return not waiting, {key: networks[key] for key in waiting}

    if not networks:
        return
    waited = wait_until(allocated, deadline - time.monotonic(), interval=0.05)
    if waited.done:
        return
    for network_id in waited.seen:
        # A network that was never allocated is unusable and blocks its name.
        client.remove_network(network_id)
    raise EngineError(
        f"Swarm gave no subnet or VXLAN id to network {', '.join(sorted(waited.seen.values()))} within "
        f"{waited.seconds:.0f} s; it was removed again. The address pools are exhausted, or a subnet or VXLAN id "
        "is taken: see the log of the leader's Docker daemon ('allocation').",
        withdrawn=sorted(waited.seen.values()),
    )


def remove_networks(
    client: APIClient,
    networks: t.Mapping[str, str],
    deadline: float,
    removed: t.Callable[[str], None] = lambda name: None,
) -> None:
    """Remove networks (id: name) without users, and wait until they are gone."""
    _await_leavers(client, networks, deadline)
    for network_id, name in networks.items():
        _remove(client, network_id, name, deadline)
        removed(name)

    def gone() -> tuple[bool, list[str]]:
        left = sorted(networks[raw["Id"]] for raw in client.networks() if raw["Id"] in networks)
        return not left, left

    waited = wait_until(gone, deadline - time.monotonic())
    if not waited.done:
        raise EngineError(
            f"Removed, but after {waited.seconds:.0f} s still there: network {', '.join(waited.seen)}. "
            "A task or container on it has not ended; raise timeout or look at 'docker network inspect'."
        )


def _await_leavers(client: APIClient, networks: t.Mapping[str, str], deadline: float) -> None:
    """Wait for tasks of removed services.

    They hold their network for a moment, and its early removal breaks the next network.
    """

    def left() -> tuple[bool, list[str]]:
        usage = observe(client)
        tasks = [f"network {name}: task {task}" for key, name in networks.items() for task in usage.leaving(key)]
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
        except Refused as error:
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


def _pool(subnet: Subnet) -> dict[str, str]:
    pool = {"Subnet": subnet.subnet, "Gateway": subnet.gateway, "IPRange": subnet.ip_range}
    return {key: value for key, value in pool.items() if value}
