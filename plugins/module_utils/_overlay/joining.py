# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Start and connect containers on nodes that do not know their networks yet.

A node learns an overlay with its first endpoint there. But engines from 25 on, whatever network a container joins,
also look up the network that it was created with, its home, and only among the networks that the node already knows.
If the home is not known, they fail after the swarm has granted the attachment, which stays allocated. The order in
which a starting container joins its networks is random, so a start on a node that forgot them fails by chance. This
module always joins the home network first.
"""

from __future__ import annotations

import re
import time
import typing as t

from .._engine.attaching import SWARM_LATE, is_leftover
from .._engine.sdk import APIClient, EngineError, NotFound, Refused, api_version, connect_container, explain
from .._engine.transport import Raw
from .._terms import PINNED_LABEL
from .container_spec import explain_refusal

Endpoint = t.Dict[str, t.Any]
Networks = t.Mapping[str, t.Mapping[str, t.Any]]

# Settings of an attachment that the user chose and the engine keeps. All others come from the engine.
KEPT = ("Links", "DriverOpts", "GwPriority")
# Network modes without an overlay: the predefined ones, and "container:<id>".
NO_HOME = re.compile(r"|default|bridge|host|none|container:.*")
GONE = re.compile(r"rpc error.*network (\S+) not found")
# The engine itself tries five times within 20 s to get an attachment from the swarm.
ATTEMPTS = 2
PASSING = (SWARM_LATE, "sandbox join failed", "unavailable")
# A node that has just come up has no connection to a manager yet, although it reports itself active.
UNCONNECTED = "invalid cluster node"
CONNECTION_SECONDS = 20
PAUSE = 0.5


class Detour(t.NamedTuple):
    """The networks that a container leaves for its start, and a network that it joins only for that time."""

    later: tuple[str, ...] = ()
    visit: str | None = None


def home(container: Raw) -> str | None:
    """The network that the container was created with, by name or id; None if it is not an overlay."""
    mode = (container.get("HostConfig") or {}).get("NetworkMode") or ""
    return None if NO_HOME.fullmatch(mode) else mode


def looks_for_home(client: APIClient) -> bool:
    """Whether this engine requires the home network for every attachment: from 25 on, whose API is 1.44."""
    return api_version(client) >= (1, 44)


def at_home(attached: Networks, home_network: str) -> list[str]:
    """The name of the attachment to the home network, if there is one."""
    return [name for name, settings in attached.items() if home_network in (name, settings.get("NetworkID"))]


def detour(attached: Networks, home_network: str | None, known: bool) -> Detour:
    """The detour for the start of a stopped container; C(known): the node knows its home network. Pure."""
    there = [] if home_network is None or known else at_home(attached, home_network)
    others = tuple(sorted(set(attached) - set(there)))
    if home_network is None or known or not others:
        return Detour()
    return Detour(others, None if there else home_network)


def is_known(client: APIClient, network: str) -> bool:
    """Whether the node can attach to the network without learning it first.

    A manager lists all overlays, known or not.
    """
    try:
        found = client.inspect_network(network)
    except NotFound:
        return False
    return found.get("Scope") != "swarm" or bool(found.get("Containers"))


def like_endpoint(settings: t.Mapping[str, t.Any], container: str) -> Endpoint:
    """The endpoint settings that copy an existing attachment. The engine adds the container's short id itself."""
    endpoint: Endpoint = {key: settings[key] for key in KEPT if settings.get(key)}
    endpoint["Aliases"] = [alias for alias in settings.get("Aliases") or [] if alias != container[:12]]
    return endpoint


def connect(client: APIClient, container: str, network: str, endpoint: Endpoint) -> None:
    """Connect a container to a network on a node that may not know its home network."""
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
    """Start a stopped container on networks that this node may have forgotten, or that were re-created since.

    As with the engine's own start, it either runs with all its networks, or stays stopped and keeps them all.
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
    """Run an action that attaches a container, and repeat it while the reason of a refusal may pass."""
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
                # This attempt fails without a reason of its own, and clears the state for the next one.
                reason = told
            elif UNCONNECTED in reason and time.monotonic() < connected_by:
                time.sleep(PAUSE)
                continue
            left -= 1
            may_pass = is_leftover(reason) or any(words in reason.lower() for words in passing)
            if not left or time.monotonic() >= deadline or not may_pass:
                raise EngineError(explain_refusal(name, network, reason), network=network) from error
            told = reason


def _attached(container: Raw) -> Networks:
    return (container.get("NetworkSettings") or {}).get("Networks") or {}


def _start(client: APIClient, container: str) -> None:
    """Start it. An attachment that refers to the id of a removed network is replaced by one with the network's name."""
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
    """Reattach a running container to its network.

    The network's id reuses an attachment that a failed start left allocated.
    """
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
    """The endpoint settings of a stopped container's attachment, with a fixed address. Pure."""
    settings = _attached(container)[network]
    endpoint = like_endpoint(settings, container["Id"])
    address = (settings.get("IPAMConfig") or {}).get("IPv4Address")
    pinned = ((container.get("Config") or {}).get("Labels") or {}).get(PINNED_LABEL, "").split(",")
    # After a crash of the engine, an address chosen by the swarm looks like a requested one, but is still in use.
    asked = network in pinned or not settings.get("IPAddress")
    return dict(endpoint, IPAMConfig={"IPv4Address": address}) if address and asked else endpoint


def _homeless(container: Raw, network: str) -> EngineError:
    return EngineError(
        f"Container {container['Name'].lstrip('/')} was created with network {network}, which the swarm no longer has. This engine "
        f"connects it to other networks only when that network exists. Declare {network} again, or recreate the container.",
        network=network,
    )


def _connect(client: APIClient, container: str, network: str, endpoint: Endpoint) -> None:
    connect_container(client, container, network, endpoint)
