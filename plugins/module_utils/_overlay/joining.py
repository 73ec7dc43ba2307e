# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Starting containers, and connecting them, on nodes that do not know their networks yet.

A node learns an overlay by its first endpoint there. But whatever network a container is put on, engines from 25 on also look for
the one that it was created with, its home, and only among those that the node knows already. If it is not among them, they fail
after the swarm has granted the other place, which stays taken. A container's networks are joined in no certain order, so a start
on a node that forgot them fails by chance. Here the home network comes first, and is not left to chance.
"""

from __future__ import annotations

import re
import time
import typing as t

from .._engine.sdk import APIClient, EngineError, NotFound, Refused, api_version, connect_container, explain
from .._engine.transport import Raw
from .._terms import PINNED_LABEL
from .container_spec import explain_refusal

Endpoint = t.Dict[str, t.Any]
Networks = t.Mapping[str, t.Mapping[str, t.Any]]

# Settings of an attachment that the user chose and the engine keeps; all others are the engine's own.
KEPT = ("Links", "DriverOpts", "GwPriority")
# Modes that are no overlay's name, and "container:<id>".
NO_HOME = re.compile(r"|default|bridge|host|none|container:.*")
GONE = re.compile(r"rpc error.*network (\S+) not found")
# What the engine says of a network, without having asked, when an earlier attempt ended in a time-out.
LEFTOVER = re.compile(r"network \S+ not found")
# The engine itself tries five times within 20 s to get an attachment from the swarm.
ATTEMPTS = 2
PASSING = ("deadline exceeded", "sandbox join failed", "unavailable")
# A node that has just come up has no connection to a manager yet, though it calls itself active.
UNCONNECTED = "invalid cluster node"
CONNECTION_SECONDS = 20
PAUSE = 0.5


class Detour(t.NamedTuple):
    """Which networks a container leaves while it starts, and a network that it is on meanwhile only."""

    later: tuple[str, ...] = ()
    visit: str | None = None


def home(container: Raw) -> str | None:
    """The network that the container was created with, by name or id; None if it is none that a node has to learn."""
    mode = (container.get("HostConfig") or {}).get("NetworkMode") or ""
    return None if NO_HOME.fullmatch(mode) else mode


def looks_for_home(client: APIClient) -> bool:
    """Whether this engine wants to know a container's home network for any other: from 25 on, whose API is 1.44."""
    return api_version(client) >= (1, 44)


def at_home(attached: Networks, home_network: str) -> list[str]:
    """The attachment to the home network, if there is one."""
    return [name for name, settings in attached.items() if home_network in (name, settings.get("NetworkID"))]


def detour(attached: Networks, home_network: str | None, known: bool) -> Detour:
    """How to start a stopped container with these attachments; C(known) is whether the node knows its home network. Pure."""
    there = [] if home_network is None or known else at_home(attached, home_network)
    others = tuple(sorted(set(attached) - set(there)))
    if home_network is None or known or not others:
        return Detour()
    return Detour(others, None if there else home_network)


def is_known(client: APIClient, network: str) -> bool:
    """Whether an endpoint can be put on the network without learning it. A manager lists all overlays, known or not."""
    try:
        found = client.inspect_network(network)
    except NotFound:
        return False
    return found.get("Scope") != "swarm" or bool(found.get("Containers"))


def like_endpoint(settings: t.Mapping[str, t.Any], container: str) -> Endpoint:
    """The engine's request for an attachment like an existing one: the engine adds the container's short id itself."""
    endpoint: Endpoint = {key: settings[key] for key in KEPT if settings.get(key)}
    endpoint["Aliases"] = [alias for alias in settings.get("Aliases") or [] if alias != container[:12]]
    return endpoint


def connect(client: APIClient, container: str, network: str, endpoint: Endpoint) -> None:
    """Connect a container to a network, where this node may not know its home network."""
    found = client.inspect_container(container)
    lead = home(found) if found["State"]["Running"] and looks_for_home(client) else None
    if lead is None or network == lead or at_home(_attached(found), lead) or is_known(client, lead):
        _connect(client, container, network, endpoint)
        return
    try:
        _connect(client, container, lead, {})
    except Refused as error:
        if GONE.search(explain(error)):
            raise _homeless(found, lead) from error
        raise
    try:
        _connect(client, container, network, endpoint)
    finally:
        client.disconnect_container_from_network(container, lead)


def start(client: APIClient, container: str) -> None:
    """Start a stopped container on networks that this node may have forgotten, or that were made anew meanwhile.

    As with the engine's own start, it runs with all its networks, or it does not run and keeps them all.
    """
    found = client.inspect_container(container)
    lead = home(found) if looks_for_home(client) else None
    way = detour(_attached(found), lead, lead is None or is_known(client, lead))
    for name in way.later:
        client.disconnect_container_from_network(container, name)
    if way.visit is not None:
        _connect(client, container, way.visit, {})
    try:
        _start(client, container)
        for name in way.later:
            _rejoin(client, found, name)
    except Refused as error:
        _restore(client, found, way)
        gone = GONE.search(explain(error))
        if way.visit is not None and gone is not None and gone.group(1) == way.visit:
            raise _homeless(found, way.visit) from error
        raise
    if way.visit is not None:
        client.disconnect_container_from_network(container, way.visit)


def attempt(
    name: str, network: str, deadline: float, action: t.Callable[[], None], passing: tuple[str, ...] = PASSING
) -> None:
    """Do what attaches a container, and again while the reason of the engine's refusal may pass."""
    connected_by = min(deadline, time.monotonic() + CONNECTION_SECONDS)
    left = ATTEMPTS
    told: str | None = None
    while True:
        try:
            action()
            return
        except Refused as error:
            reason = explain(error)
            if is_leftover(reason) and told is not None:
                # It says nothing of its own, and clears the way for the next.
                reason = told
            elif UNCONNECTED in reason and time.monotonic() < connected_by:
                time.sleep(PAUSE)
                continue
            left -= 1
            may_pass = is_leftover(reason) or any(words in reason.lower() for words in passing)
            if not left or time.monotonic() >= deadline or not may_pass:
                raise EngineError(explain_refusal(name, network, reason), network=network) from error
            told = reason


def is_leftover(reason: str) -> bool:
    """Whether the engine denies a network without having asked a manager, whose answers are "rpc error"s."""
    return LEFTOVER.search(reason) is not None and "rpc error" not in reason


def _attached(container: Raw) -> Networks:
    return (container.get("NetworkSettings") or {}).get("Networks") or {}


def _start(client: APIClient, container: str) -> None:
    """Start it; an attachment that remembers the id of a network that was removed is made by the network's name."""
    while True:
        try:
            client.start(container)
            return
        except Refused as error:
            gone = GONE.search(explain(error))
            found = client.inspect_container(container)
            stale = [
                name
                for name, settings in _attached(found).items()
                if gone is not None and settings.get("NetworkID") == gone.group(1) != name
            ]
            if not stale:
                raise
            for name in stale:
                client.disconnect_container_from_network(container, name)
                _connect(client, container, name, endpoint_of(found, name))


def _rejoin(client: APIClient, before: Raw, name: str) -> None:
    """Put a running container where it was. By the network's id: a place that a failed start left behind is kept by it."""
    remembered = _attached(before)[name].get("NetworkID")
    endpoint = endpoint_of(before, name)
    if remembered:
        try:
            _connect(client, before["Id"], remembered, endpoint)
            return
        except Refused as error:
            if not GONE.search(explain(error)):
                raise
    _connect(client, before["Id"], name, endpoint)


def _restore(client: APIClient, before: Raw, way: Detour) -> None:
    if not way.later:
        return
    client.stop(before["Id"], timeout=0)
    now = _attached(client.inspect_container(before["Id"]))
    for name in set(way.later) - set(now):
        _connect(client, before["Id"], name, endpoint_of(before, name))
    if way.visit in now:
        client.disconnect_container_from_network(before["Id"], way.visit)


def endpoint_of(container: Raw, network: str) -> Endpoint:
    """The engine's request for an attachment that a stopped container has, a fixed address included. Pure."""
    settings = _attached(container)[network]
    endpoint = like_endpoint(settings, container["Id"])
    address = (settings.get("IPAMConfig") or {}).get("IPv4Address")
    pinned = ((container.get("Config") or {}).get("Labels") or {}).get(PINNED_LABEL, "").split(",")
    # Where an engine died, an address that the swarm had chosen looks like one that was asked for, but is still in use.
    asked = network in pinned or not settings.get("IPAddress")
    return dict(endpoint, IPAMConfig={"IPv4Address": address}) if address and asked else endpoint


def _homeless(container: Raw, network: str) -> EngineError:
    return EngineError(
        f"Container {container['Name'].lstrip('/')} was created with network {network}, which the swarm has no more. This engine puts "
        f"it on no other network before there is one: declare {network} again, or make the container anew.",
        network=network,
    )


def _connect(client: APIClient, container: str, network: str, endpoint: Endpoint) -> None:
    connect_container(client, container, network, endpoint)
