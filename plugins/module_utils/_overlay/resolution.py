# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Whether attached containers resolve by name, asked of the engine's resolver in network namespaces of this node."""

from __future__ import annotations

import functools
import os
import typing as t

from .._discovery.asking import SLACK, Endpoint, endpoints, qualified
from .._engine.sdk import APIClient, EngineError, NotFound
from .._engine.transport import Raw
from .._probe import netns, shapes, work
from .common import dns_problem

ONCE = 2.0  # seconds for one query


class Question(t.NamedTuple):
    """The names that must resolve on a network, and the endpoint to ask from."""

    network: str
    address: str
    names: tuple[str, ...]
    place: Endpoint
    peer: bool


def unable(docker_host: str) -> str | None:
    """Why this process cannot enter the network namespaces of the engine's containers, or None."""
    if not docker_host.startswith("unix://"):
        return f"the engine at {docker_host} is on another machine"
    if os.geteuid() != 0:
        return "looking into network namespaces needs root on the node (become: true)"
    return None


def question(container: Raw, network: str, places: t.Iterable[Endpoint]) -> Question | str:
    """The question about a container's attachment to a network, or the reason why there is none. Pure.

    C(places) are the running containers of this node on the network. A peer is preferred to the container itself.
    """
    name = container["Name"].lstrip("/")
    settings = (container["NetworkSettings"]["Networks"] or {}).get(network) or {}
    if not container["State"]["Running"]:
        return "the container does not run"
    if not settings.get("IPAddress"):
        return "the container has no IPv4 address on the network"
    short = container["Id"][:12]
    # Names that DNS cannot carry are accepted by the engine, and no client can ask for them.
    names = tuple(
        sorted(text for text in {name, *(settings.get("Aliases") or [])} - {short} if dns_problem(text) is None)
    )
    if not names:
        return "the container has no name that DNS can carry"
    peers = sorted(place for place in places if place.name != name)
    own = Endpoint(name, container["NetworkSettings"]["SandboxKey"])
    return Question(network, settings["IPAddress"], names, peers[0] if peers else own, bool(peers))


def await_names(
    client: APIClient, pairs: t.Iterable[tuple[str, str]], docker_host: str, limit: int
) -> list[dict[str, t.Any]]:
    """For each container and network: the names that resolve to its address, and the endpoint that asked.

    Raises EngineError when one does not resolve within C(limit) seconds.
    """
    reason = unable(docker_host) if limit else "resolve_timeout is 0"
    asked = [reason or _question(client, container, network) for container, network in pairs]
    setting = work.Setting("", "", ONCE)
    jobs = [
        None
        if isinstance(entry, str)
        else netns.begin(entry.place.namespace, functools.partial(work.perform, _requests(entry, limit), setting))
        for entry in asked
    ]
    found: list[dict[str, t.Any]] = []
    problems: list[str] = []
    for (container, dummy), entry, job in zip(pairs, asked, jobs):
        if isinstance(entry, str) or job is None:
            found.append(
                {"names": [], "seen_from": None, "seen_from_peer": False, "not_seen_because": entry, "seconds": None}
            )
            continue
        try:
            seen = netns.finish(job, limit + SLACK)
        except netns.ProbeError as error:
            problems.append(f"asking from container {entry.place.name} failed: {error}")
            continue
        wrong = [_wrong(name, seen[name]) for name in entry.names if not seen[name]["ok"]]
        if wrong:
            problems.append(
                f"container {container} is on network {entry.network} at {entry.address}, but seen from "
                f"{'container ' + entry.place.name if entry.peer else 'itself'} {', '.join(wrong)}"
            )
        found.append(
            {
                "names": list(entry.names),
                "seen_from": entry.place.name,
                "seen_from_peer": entry.peer,
                "not_seen_because": None,
                "seconds": max(seen[name]["seconds"] for name in entry.names),
            }
        )
    if problems:
        raise EngineError(
            f"After {limit} s: {'; '.join(problems)}. See the daemon's log on this node, or raise resolve_timeout."
        )
    return found


def _question(client: APIClient, container: str, network: str) -> Question | str:
    try:
        return question(client.inspect_container(container), network, endpoints(client, network))
    except NotFound:
        return "the container was removed meanwhile"


def _requests(entry: Question, limit: int) -> list[shapes.Request]:
    """The queries. Other containers may share an alias, so the address must be among the answers."""
    return [
        {
            "id": name,
            "kind": "dns",
            "name": qualified(name, entry.network),
            "includes": entry.address,
            "patience": limit,
        }
        for name in entry.names
    ]


def _wrong(name: str, seen: shapes.Observation) -> str:
    return (
        f"{name} resolves to {', '.join(seen['addresses'])}"
        if seen["addresses"]
        else f"{name} does not resolve ({seen['kind']})"
    )
