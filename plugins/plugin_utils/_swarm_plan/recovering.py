# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether one manager may go on alone, or be put back from a backup: only where nobody else can lead the swarm. Pure, controller only.

A host that does not answer may lead the swarm. Only the user can know that it is lost.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ...module_utils._host import split_port
from ...module_utils._swarm.place import Member, is_manager
from ...module_utils._terms import PURPOSE_LABEL
from ..swarm_groups import AS_IT_IS, WORKER
from .hosts import BACKUP, READY, Host, Leaver, Refusal, names_of


@dataclass(frozen=True)
class Recovery:
    """``host`` goes on alone as node ``node_id``. ``wiped``: hosts that leave by force, as which nodes, before they could lead a second swarm.

    ``settled``: it leads already, and nobody is lost in its list.
    """

    host: str = ""
    node_id: str = ""
    settled: bool = False
    wiped: dict[str, str] = field(default_factory=dict)
    answering: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)


def recovery(hosts: t.Sequence[Leaver], name: str, lost: t.Collection[str]) -> Recovery:
    """The plan of a recovery, or of the rest of one. Raises Refusal.

    :param name: of the host that goes on alone; it may be empty where only one can
    :param lost: hosts and addresses of which the user says that they are lost
    """
    speakers = [host for host in hosts if _is_manager(host) and host.told["members"] is not None]
    chosen = _goes_on(speakers, name) if speakers else _survivor(hosts, name, lost)
    wiped = {
        host.name: host.node_id for host in hosts if host is not chosen and _is_former(host, chosen, speakers, lost)
    }
    second = [host for host in speakers if host is not chosen and host.name not in wiped and not _lists(chosen, host)]
    if second:
        raise Refusal(
            f"{names_of(second)}: in another swarm than {chosen.name}, and able to manage it. To give that swarm up, name its managers in swarm_lost_managers."
            " They leave it then. Nothing was changed."
        )
    begun = bool(speakers)
    if begun and not wiped and not _orphans(chosen) and not _is_drained(chosen):
        outside = [host for host in hosts if host.state == "inactive" and host.role != AS_IT_IS]
        raise Refusal(
            f"{chosen.name} has a leader: the managers have a majority, and there is nothing to recover. For a dead node use playbook remove or replace."
            + (f" In no swarm: {names_of(outside)} (playbook swarm lets them join)." if outside else "")
            + " Nothing was changed."
        )
    settled = begun and not _orphans(chosen)
    return Recovery(
        chosen.name,
        chosen.node_id,
        settled,
        wiped,
        [host.name for host in hosts if host.place is not None],
        ([] if begun else [_alone(chosen.name)])
        + [f"{host} leaves its former swarm by force" for host in wiped]
        + ([] if settled else [f"{chosen.name}: its engine is restarted, and lost managers are removed from its list"])
        + _joins(hosts, chosen.name, wiped)
        + ([f"{chosen.name}, which an earlier backup drained, is given back"] if _is_drained(chosen) else []),
    )


def restoration(
    hosts: t.Sequence[Leaver],
    name: str,
    managers: t.Sequence[str],
    manager_ids: t.Collection[str],
    lost: t.Collection[str],
) -> Recovery:
    """The plan of a restoration on host ``name``. Raises Refusal when a swarm may live of which there would be two.

    :param managers: addresses of the managers at the time of the backup
    :param manager_ids: the ids of their nodes
    :param lost: hosts and addresses of which the user says that they are lost
    """
    alive = [host for host in hosts if host.name != name and _is_manager(host)]
    if alive:
        raise Refusal(
            f"{names_of(alive)}: a manager of a running swarm. Restoring a backup now would create a second swarm. Let {name} join the running swarm (playbook"
            " swarm). If its majority is lost, recover it (playbook recover). If it is no longer needed, run 'docker swarm leave --force' on its managers."
            " Nothing was changed."
        )
    others = [
        host
        for host in hosts
        if host.node_id and host.told["manager_ids"] and not set(host.told["manager_ids"]) & set(manager_ids)
    ]
    if others:
        told = "; ".join(f"{host.name} has managers {', '.join(host.told['managers'])}" for host in others)
        raise Refusal(
            f"{names_of(others)}: in another swarm than that of the backup ({told}). Take the backup of that swarm. If that swarm is no longer needed, let"
            " these hosts leave it (docker swarm leave), or take them out of the inventory. Nothing was changed."
        )
    _refuse_doubts(hosts, next((host for host in hosts if host.name == name), None), managers, lost)
    alone = [_alone(name)] if len(managers) > 1 else []
    return Recovery(
        name,
        answering=[host.name for host in hosts if host.place is not None],
        steps=[f"{name}: the state of the backup takes the place of its own", *alone, *_joins(hosts, name, ())],
    )


def _alone(name: str) -> str:
    return f"{name} goes on as the only manager of its swarm"


def _joins(hosts: t.Sequence[Leaver], chosen: str, wiped: t.Container[str]) -> list[str]:
    """What role swarm does afterwards, in its words."""
    return [
        f"{host.name} joins as {host.role} through {chosen}"
        for host in hosts
        if host.name != chosen and host.role != AS_IT_IS and (host.name in wiped or host.state == "inactive")
    ]


def _is_manager(host: Host) -> bool:
    return host.place is not None and is_manager(host.place)


def _goes_on(speakers: t.Sequence[Leaver], name: str) -> Leaver:
    """The manager of a recovery that was begun before."""
    if not name and not all(_lists(speakers[0], host) for host in speakers):
        raise Refusal(
            f"{names_of(speakers)} lead different swarms. Name the manager that continues (node). Nothing was changed."
        )
    able = [host for host in speakers if host.name == name or not name]
    chosen = next((host for host in able if _is_drained(host)), next(iter(able), None))
    if chosen is None:
        raise Refusal(
            f"{names_of(speakers)} can manage the swarm: its managers have a majority, so {name} must not continue alone. Nothing was changed."
        )
    return chosen


def _survivor(hosts: t.Sequence[Leaver], name: str, lost: t.Collection[str]) -> Leaver:
    """The manager that goes on alone where none speaks for the swarm."""
    locked = [host for host in hosts if host.state == "locked"]
    if locked:
        raise Refusal(
            f"{names_of(locked)}: locked. Unlock the managers first (playbook swarm with swarm_unlock_keys), until they have a majority. A swarm with autolock"
            " cannot be recovered with one of several managers. Nothing was changed."
        )
    survivors = [host for host in hosts if _is_manager(host)]
    chosen = [host for host in survivors if host.name == name] if name else survivors
    if not chosen:
        told = "; ".join(f"{host.name}: {host.state or host.problem}" for host in hosts)
        raise Refusal(
            f"{name or 'No host'} is {'not a' if name else 'a'} running manager ({told}). Only a running manager can continue alone. Without one, restore a"
            " backup (playbook restore). Nothing was changed."
        )
    if len(chosen) > 1:
        raise Refusal(
            f"Several managers have survived: {names_of(chosen)}. Name the one that continues (node). The others leave and join it again. Nothing was changed."
        )
    _refuse_doubts(hosts, chosen[0], chosen[0].told["managers"], lost)
    return chosen[0]


def _refuse_doubts(
    hosts: t.Sequence[Leaver], chosen: Leaver | None, managers: t.Iterable[str], lost: t.Collection[str]
) -> None:
    """Raise Refusal for everybody who may lead the swarm and did not answer, unless the user says that it is lost."""
    mine = chosen.addresses | {chosen.told["node_address"]} if chosen and chosen.place else frozenset[str]()
    doubts = [
        f"{host.name} ({host.problem})"
        for host in hosts
        if host is not chosen
        and host.place is None
        and host.role != WORKER
        and host.name not in lost
        and not host.addresses & set(lost)
    ]
    for address in sorted({split_port(manager)[0] for manager in managers}):
        here = [
            host
            for host in hosts
            if address in host.addresses or (host.place and host.place["node_address"] == address)
        ]
        accepted = address in lost or any(
            host.name in lost or host.place is not None or host.role != WORKER for host in here
        )
        if address not in mine and not accepted:
            doubts.append(f"the manager at {address} ({'not asked' if not here else here[0].problem})")
    if doubts:
        raise Refusal(
            f"It is unknown whether these lead the swarm: {'; '.join(doubts)}. If they do, a second swarm would be created. Make them reachable. If they are"
            " lost or switched off, name them in swarm_lost_managers, by host or address. Nothing was changed."
        )


def _lists(chosen: Host, host: Host) -> bool:
    return any(member["id"] == host.node_id and member["reachability"] for member in chosen.members)


def _orphans(chosen: Host) -> list[Member]:
    """Former managers in the list of one that was forced to go on alone, and is still the only one."""
    managers = [member for member in chosen.members if member["reachability"]]
    former = [
        member
        for member in chosen.members
        if member["role"] == "manager" and not member["reachability"] and member["state"] != READY
    ]
    return former if len(managers) == 1 else []


def _is_drained(chosen: Host) -> bool:
    """Whether it is drained for a backup: perhaps it was put back from one, and the run ended before it was given back."""
    mine = [member for member in chosen.members if member["id"] == chosen.node_id]
    return any(member["labels"].get(PURPOSE_LABEL) == BACKUP for member in mine)


def _is_former(host: Leaver, chosen: Host, speakers: t.Sequence[Host], lost: t.Collection[str]) -> bool:
    """Whether the host is a manager of the swarm as it was: without a leader, or named as lost while it leads a second swarm."""
    if not _is_manager(host) or chosen.node_id not in host.told["manager_ids"] or _lists(chosen, host):
        return False
    return host not in speakers or host.name in lost
