# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Change a network that is in use: the next steps, derived only from the present state. Pure.

Names of networks are unique in a swarm and cannot be changed, so users move to a stand-in while the network is
replaced. A user is first attached to the second network and only then detached from the first, and nothing is
detached before all users are attached: any two users share a network at every moment. Each move thus has four rounds:
network -> both -> stand-in -> (network removed and created) -> both -> network.

No state is kept between steps. The next run finishes an interrupted move, or rolls it back.
"""

from __future__ import annotations

import copy
import ipaddress
import typing as t
import zlib

from .._engine.transport import Raw
from .._terms import ORDER_LABEL
from .spec import NAME_LIMIT, Subnet

STANDIN_PLACES = 64  # where the search for a stand-in's subnet begins: concurrent runs begin at different places
START_FIRST = "start-first"
NO_UPDATE_CONFIG = "none"


class Member(t.NamedTuple):
    """A user that is on the network, on its stand-in, or on both."""

    kind: str
    id: str
    name: str
    on_network: bool
    on_standin: bool
    node: str | None = None
    node_id: str = ""
    local: bool = True


class Situation(t.NamedTuple):
    """The state that determines the next step."""

    network: str | None
    as_declared: bool
    standin: str | None
    members: tuple[Member, ...] = ()
    # Services whose update order was changed for the move.
    hurried: tuple[Member, ...] = ()


class Action(t.NamedTuple):
    """One action; C(member) is the user that is attached, detached or restored."""

    verb: str
    member: Member | None = None


def next_actions(now: Situation) -> tuple[Action, ...]:
    """The actions that are possible now, in any order. All members must have settled before the next call."""
    if now.standin is None:
        return _without_standin(now)
    if now.network is None:
        return (Action("create network"),)
    if now.as_declared:
        rounds = ("attach network", "on_network", "detach standin", "on_standin")
    else:
        rounds = ("attach standin", "on_standin", "detach network", "on_network")
    attach, joined, detach, left = rounds
    missing = [member for member in now.members if not getattr(member, joined)]
    if missing:
        return tuple(Action(attach, member) for member in _containers_first(missing))
    leaving = [member for member in now.members if getattr(member, left)]
    if leaving:
        return tuple(Action(detach, member) for member in leaving)
    if not now.as_declared:
        return (Action("remove network"),)
    if now.hurried:
        return tuple(Action("restore order", member) for member in now.hurried)
    return (Action("remove standin"),)


def _without_standin(now: Situation) -> tuple[Action, ...]:
    if now.network is None:
        return (Action("create network"),)
    if now.as_declared:
        return tuple(Action("restore order", member) for member in now.hurried)
    return (Action("create standin"),) if now.members else (Action("remove network"),)


def _containers_first(members: list[Member]) -> list[Member]:
    """Containers go first because they may need their former address; services take any."""
    return sorted(members, key=lambda member: member.kind != "container")


def number_of(name: str) -> int:
    """A checksum of the name, so that different networks seldom share a number."""
    return zlib.crc32(name.encode())


def standin_name(name: str) -> str:
    """The name of the network's stand-in. Its beginning shows the network, its end makes it unique."""
    suffix = f"-standin-{number_of(name):08x}"
    return name[: NAME_LIMIT - len(suffix)].rstrip("-_") + suffix


def free_subnet(
    pools: t.Iterable[str], prefix: int, taken: t.Iterable[str | ipaddress.IPv4Network], skip: int = 0
) -> str | None:
    """The first subnet of this size in the pools that overlaps no taken one, or None.

    ``skip``: the number of subnets of each pool that are tried last.
    """
    used = [ipaddress.ip_network(subnet, strict=False) for subnet in taken]
    known = [subnet for subnet in used if isinstance(subnet, ipaddress.IPv4Network)]
    for pool in (ipaddress.ip_network(text) for text in pools):
        if not isinstance(pool, ipaddress.IPv4Network) or pool.prefixlen > prefix:
            continue
        count = 2 ** (prefix - pool.prefixlen)
        middle = skip % count
        found = _free_between(pool, prefix, middle, count, known) or _free_between(pool, prefix, 0, middle, known)
        if found:
            return found
    return None


def _free_between(
    pool: ipaddress.IPv4Network, prefix: int, first: int, end: int, used: list[ipaddress.IPv4Network]
) -> str | None:
    """The first free subnet with a number from ``first`` up to ``end`` in the pool."""
    size = 2 ** (32 - prefix)
    number = first
    while number < end:
        start = int(pool.network_address) + number * size
        candidate = ipaddress.IPv4Network((start, prefix))
        # Skip the whole obstacle, since pools have millions of subnets.
        obstacles = [int(subnet.broadcast_address) for subnet in used if subnet.overlaps(candidate)]
        if not obstacles:
            return str(candidate)
        number += (max(obstacles) - start) // size + 1
    return None


def standin_prefix(subnets: t.Iterable[Subnet], usual: int) -> int:
    """The prefix length of a stand-in, which has room for all users even while each task exists twice."""
    sizes = [ipaddress.ip_network(subnet.subnet).prefixlen for subnet in subnets]
    return min([*sizes, usual])


def format_addresses(addresses: t.Mapping[str, str]) -> str:
    """The containers' addresses as text for the stand-in's label."""
    return ",".join(f"{container[:12]}={address}" for container, address in sorted(addresses.items()))


def parse_addresses(text: str) -> dict[str, str]:
    """The reverse of format_addresses."""
    pairs = (part.partition("=") for part in text.split(",") if "=" in part)
    return {container: address for container, dummy, address in pairs}


def with_network(raw: Raw, network: str, like: str) -> dict[str, t.Any]:
    """A service's specification with one more network, attached with the settings of another."""
    attachments = attachments_of(raw)
    if any(entry.get("Target") == network for entry in attachments):
        return copy.deepcopy(dict(raw))
    model = next((entry for entry in attachments if entry.get("Target") == like), {})
    return hurry(_with_attachments(raw, [*attachments, dict(copy.deepcopy(model), Target=network)]))


def without_network(raw: Raw, network: str) -> dict[str, t.Any]:
    """A service's specification without a network."""
    return _with_attachments(raw, [entry for entry in attachments_of(raw) if entry.get("Target") != network])


def attachments_of(raw: Raw) -> list[dict[str, t.Any]]:
    """The networks of a specification, from the API's old field or from the new one."""
    return list((raw.get("TaskTemplate") or {}).get("Networks") or raw.get("Networks") or [])


def hurry(raw: dict[str, t.Any], label: str = ORDER_LABEL) -> dict[str, t.Any]:
    """The specification with update order start-first, and a record of the former order."""
    config = raw.get("UpdateConfig")
    if (config or {}).get("Order") == START_FIRST or not may_run_twice(raw):
        return raw
    before = NO_UPDATE_CONFIG if config is None else config.get("Order") or ""
    # Without an update configuration swarm replaces tasks one by one; with one, parallelism 0 would mean all at once.
    hurried = dict({"Parallelism": 1} if config is None else config, Order=START_FIRST)
    labels = dict(raw.get("Labels") or {})
    labels.setdefault(label, before)
    return dict(raw, UpdateConfig=hurried, Labels=labels)


def unhurry(raw: Raw, label: str = ORDER_LABEL) -> dict[str, t.Any]:
    """The reverse of hurry."""
    restored = copy.deepcopy(dict(raw))
    before = (restored.get("Labels") or {}).pop(label, None)
    if before == NO_UPDATE_CONFIG:
        restored.pop("UpdateConfig", None)
    elif before is not None:
        restored["UpdateConfig"] = {key: value for key, value in restored["UpdateConfig"].items() if key != "Order"}
        if before:
            restored["UpdateConfig"]["Order"] = before
    return restored


def may_run_twice(raw: Raw) -> bool:
    """Whether a second task can run beside the first: no mounts, no host port and no limit of tasks per node."""
    template = raw.get("TaskTemplate") or {}
    ports = (raw.get("EndpointSpec") or {}).get("Ports") or []
    return not (
        (template.get("ContainerSpec") or {}).get("Mounts")
        or (template.get("Placement") or {}).get("MaxReplicas")
        or any(port.get("PublishMode") == "host" for port in ports)
    )


def is_job(raw: Raw) -> bool:
    """Whether the service is a job, which an update would run again."""
    return bool({"ReplicatedJob", "GlobalJob"} & set(raw.get("Mode") or {}))


def _with_attachments(raw: Raw, attachments: list[dict[str, t.Any]]) -> dict[str, t.Any]:
    changed = copy.deepcopy(dict(raw))
    changed.setdefault("TaskTemplate", {})["Networks"] = attachments
    changed.pop("Networks", None)
    return changed
