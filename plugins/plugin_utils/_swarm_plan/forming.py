# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps that make hosts one swarm: create, join, change. Pure, controller only."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ...module_utils._swarm import evacuation
from ...module_utils._swarm.place import Member
from ...module_utils._terms import LEAVING_LABEL, MAINTENANCE_LABEL, PURPOSE_LABEL
from ..swarm_groups import MANAGER, WORKER
from . import refusals
from .hosts import READY, Host, Refusal, names_of, problems_of
from .managers import is_reachable, refuse_lost_majority, refuse_two_swarms, speakers_of

DEPARTURE = (LEAVING_LABEL, MAINTENANCE_LABEL, PURPOSE_LABEL)  # marks of a node that is on its way out


@dataclass(frozen=True)
class Plan:
    """``ask``: hosts outside the play that must be asked before any decision. Otherwise the steps in this order.

    ``joins`` and ``pending`` are hosts; ``changes`` apply to nodes, by id, once they are ready. The hosts in
    ``unfinished`` can only be demoted by a manager that joins later.
    """

    ask: list[str] = field(default_factory=list)
    primary: str = ""
    init: str = ""
    joins: dict[str, list[str]] = field(default_factory=dict)
    pending: list[str] = field(default_factory=list)
    changes: list[dict[str, t.Any]] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def plan(hosts: t.Sequence[Host], data_path_port: int, final: bool = False) -> Plan:
    """The plan for these hosts. ``final``: the hosts that could be asked have been asked. Raises Refusal."""
    refusals.refuse_twins(hosts)
    refusals.refuse_unfit(hosts)
    speakers = speakers_of(hosts)
    if not speakers:
        return _found(hosts, final)
    refuse_two_swarms(speakers)
    members = {member["id"]: member for member in speakers[0].members}
    refusals.refuse_strangers(hosts, members, speakers[0])
    refusals.refuse_port(speakers[0], data_path_port)
    joining = [host for host in hosts if host.in_play and host.state == "inactive"]
    refusals.refuse_undeclared(joining)
    changes = {
        host.name: _change(host, members[host.node_id]) for host in hosts if host.in_play and host.node_id in members
    }
    demoted = [host for host in hosts if changes.get(host.name, {}).get("role") == WORKER]
    coming = _new_managers(joining, changes)
    refuse_lost_majority(members, [host.node_id for host in demoted], coming)
    primary = next((host for host in speakers if host not in demoted), speakers[0])
    if primary in demoted and not coming:
        return _ask_for_another(primary, hosts, final)
    # A manager is not asked to demote itself: that needs another manager, once there is one.
    late = [host.name for host in demoted if host is primary or joining]
    for name in late:
        changes[name].pop("role")
    return _plan_of(hosts, members, primary, joining, changes, late)


def _ask_for_another(primary: Host, hosts: t.Sequence[Host], final: bool) -> Plan:
    """The only manager that lists the nodes is to become a worker, so another manager has to demote it."""
    others = [host.name for host in hosts if host.place is None and not host.in_play]
    if others and not final:
        return Plan(ask=others)
    raise Refusal(
        f"{primary.name} is to become a worker, and only another manager can demote it. No other manager answers. Add one to the inventory."
        " Nothing was changed."
    )


def _plan_of(
    hosts: t.Sequence[Host],
    members: t.Mapping[str, Member],
    primary: Host,
    joining: t.Sequence[Host],
    changes: t.Mapping[str, dict[str, t.Any]],
    late: list[str],
) -> Plan:
    """The steps in the swarm of ``primary``.

    ``changes`` by host; ``late`` hosts are demoted only when another manager can do it.
    """
    pending = [host for host in hosts if host.in_play and host.state == "pending"]
    unready = [
        host
        for host in hosts
        if host.in_play and host not in pending and host.node_id in members and members[host.node_id]["state"] != READY
    ]
    told = [host for host in hosts if changes.get(host.name)]
    touched = [host for host in hosts if host in told or host in unready]
    return Plan(
        primary=primary.name,
        joins=_by_role(joining),
        pending=[host.name for host in pending],
        changes=_in_order([{"id": host.node_id, **changes.get(host.name, {})} for host in touched], members),
        unfinished=late,
        steps=[f"{host.name} joins as {host.role} through {primary.name}" for host in joining]
        + [f"{host.name}: its join is in progress; waiting for it" for host in pending]
        + [f"waiting for {host.name}: {_seen(members[host.node_id])}" for host in unready]
        + [f"{host.name}: {_words(changes[host.name])}" for host in told]
        + [f"{name} becomes a worker as soon as another manager can demote it" for name in late],
        warnings=_warnings(hosts, members),
    )


def _found(hosts: t.Sequence[Host], final: bool) -> Plan:
    """The plan when no engine that was asked manages a swarm: create one, if there certainly is none."""
    unknown = [host.name for host in hosts if host.place is None]
    if unknown and not final:
        return Plan(ask=unknown)
    silent = [host for host in hosts if host.role != WORKER and host.place is None]
    if silent:
        raise Refusal(
            f"It is unknown whether a swarm exists already: {problems_of(silent)}. A second swarm must not be created."
            " Make every manager of the inventory reachable, or remove it from the inventory. Then run this again. Nothing was changed."
        )
    lost = [host for host in hosts if host.state not in ("", "inactive")]
    if lost:
        addresses = sorted({address for host in lost for address in host.told["managers"]})
        raise Refusal(
            f"{names_of(lost)}: already in a swarm, and none of its managers ({', '.join(addresses) or 'addresses unknown'}) can be used here."
            " Add one of them to the inventory as a manager, or let the node leave that swarm (docker swarm leave). Nothing was changed."
        )
    managers = [host for host in hosts if host.role == MANAGER]
    if not managers:
        raise Refusal(
            "There is no swarm, and no host is declared a manager. Add at least one host to the group swarm_managers. Nothing was changed."
        )
    makers = [host for host in managers if host.in_play]
    if not makers:
        raise Refusal(
            f"There is no swarm yet, and none of the declared managers ({names_of(managers)}) is in this play. Run it without --limit, or"
            " include one of them. Nothing was changed."
        )
    joining = [host for host in hosts if host.in_play and host.state == "inactive" and host is not makers[0]]
    refusals.refuse_undeclared(joining)
    silent = [host for host in hosts if host.place is None]
    return Plan(
        primary=makers[0].name,
        init=makers[0].name,
        joins=_by_role(joining),
        steps=[f"{makers[0].name} makes the swarm"] + [f"{host.name} joins as {host.role}" for host in joining],
        warnings=[f"These may be in another swarm: {problems_of(silent)}."] if silent else [],
    )


def _in_order(changes: list[dict[str, t.Any]], members: t.Mapping[str, Member]) -> list[dict[str, t.Any]]:
    """The changes in an order that keeps the majority: promotions first; of demotions, unreachable managers first."""
    return sorted(
        changes,
        key=lambda change: (
            change.get("role") != MANAGER,
            change.get("role") == WORKER,
            is_reachable(members[change["id"]]),
        ),
    )


def _new_managers(joining: t.Sequence[Host], changes: t.Mapping[str, t.Mapping[str, t.Any]]) -> int:
    return len([host for host in joining if host.role == MANAGER]) + len(
        [change for change in changes.values() if change.get("role") == MANAGER]
    )


def _change(host: Host, member: Member) -> dict[str, t.Any]:
    """The differences of a node from its declaration.

    Undeclared properties stay, except those set for an earlier departure: the node gets back what it had before that.
    """
    change: dict[str, t.Any] = {}
    if host.role and host.role != member["role"]:
        change["role"] = host.role
    labels = {key: value for key, value in host.labels.items() if member["labels"].get(key) != value}
    if labels:
        change["labels"] = labels
    availability = host.availability
    if LEAVING_LABEL in member["labels"]:
        change["remove_labels"] = [label for label in DEPARTURE if label in member["labels"]]
        availability = availability or evacuation.before({"Spec": {"Labels": member["labels"]}}) or "active"
    if availability and availability != member["availability"]:
        change["availability"] = availability
    return change


def _by_role(joining: t.Sequence[Host]) -> dict[str, list[str]]:
    return {
        role: found for role in (MANAGER, WORKER) if (found := [host.name for host in joining if host.role == role])
    }


def _warnings(hosts: t.Sequence[Host], members: t.Mapping[str, Member]) -> list[str]:
    """Warnings about the plan, which do not stop it."""
    managers = {host.name for host in hosts if host.role == MANAGER}
    found = []
    if managers and len(managers) % 2 == 0:
        found.append(
            f"{len(managers)} managers tolerate no more failures than {len(managers) - 1} do, because a majority must remain. Use an odd number."
        )
    nameless = [member["id"] for member in members.values() if not member["hostname"]]
    if nameless:
        found.append(
            f"The swarm lists nodes that never finished joining. Remove them: docker node rm {' '.join(nameless)}"
        )
    return found


def _words(change: t.Mapping[str, t.Any]) -> str:
    told = [f"becomes a {change['role']}"] if "role" in change else []
    told += [f"availability {change['availability']}"] if "availability" in change else []
    told += [f"label {key}={value}" for key, value in change.get("labels", {}).items()]
    told += [f"no label {key}" for key in change.get("remove_labels", ())]
    return ", ".join(told)


def _seen(member: Member) -> str:
    return f"the swarm calls it {member['state']}" + (f" ({member['message']})" if member["message"] else "")
