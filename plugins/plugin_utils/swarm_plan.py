# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps that make hosts one swarm: create, join, change. Pure, controller only.

Private to the collection swarmlab.overlay. A host is a node when the engine on the host reports the node's id. An
engine that was not asked, or did not answer, may be in a swarm: nothing is concluded from silence.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..module_utils._swarm.place import Member, Place
from ..module_utils._terms import LEAVING_LABEL, OWN_PREFIX
from .swarm_groups import AS_IT_IS, MANAGER, WORKER

READY = "ready"


class Refusal(Exception):
    """The run could damage a swarm or cannot succeed. Nothing was changed; the text has the reason and the remedy."""


@dataclass(frozen=True)
class Host:
    """An inventory host: its declaration, and its engine's swarm state."""

    name: str
    role: str = AS_IT_IS
    in_play: bool = True
    place: Place | None = None
    problem: str = "it was not asked"
    labels: t.Mapping[str, str] = field(default_factory=dict)
    availability: str = ""

    @property
    def state(self) -> str:
        """The engine's state: inactive, pending, active, error, locked; "" when it is unknown."""
        return self.place["state"] if self.place else ""

    @property
    def node_id(self) -> str:
        return self.place["node_id"] if self.place else ""

    @property
    def members(self) -> list[Member]:
        """The nodes of the swarm, if this host can list them."""
        return (self.place and self.place["members"]) or []

    @property
    def told(self) -> Place:
        """The swarm state of a host that was asked. Raises LookupError for any other."""
        if self.place is None:
            raise LookupError(f"{self.name} was not asked")
        return self.place


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
    _refuse_twins(hosts)
    _refuse_unfit(hosts)
    speakers = _speakers(hosts)
    if not speakers:
        return _found(hosts, final)
    _refuse_two_swarms(speakers)
    members = {member["id"]: member for member in speakers[0].members}
    _refuse_strangers(hosts, members, speakers[0])
    _refuse_port(speakers[0], data_path_port)
    joining = [host for host in hosts if host.in_play and host.state == "inactive"]
    _refuse_undeclared(joining)
    changes = {
        host.name: _change(host, members[host.node_id]) for host in hosts if host.in_play and host.node_id in members
    }
    demoted = [host for host in hosts if changes.get(host.name, {}).get("role") == WORKER]
    coming = _new_managers(joining, changes)
    _refuse_lost_majority(members, [host.node_id for host in demoted], coming)
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
            f"It is unknown whether a swarm exists already: {_reasons(silent)}. A second swarm must not be created."
            " Make every manager of the inventory reachable, or remove it from the inventory. Then run this again. Nothing was changed."
        )
    lost = [host for host in hosts if host.state not in ("", "inactive")]
    if lost:
        addresses = sorted({address for host in lost for address in host.told["managers"]})
        raise Refusal(
            f"{_names(lost)}: already in a swarm, and none of its managers ({', '.join(addresses) or 'addresses unknown'}) can be used here."
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
            f"There is no swarm yet, and none of the declared managers ({_names(managers)}) is in this play. Run it without --limit, or"
            " include one of them. Nothing was changed."
        )
    joining = [host for host in hosts if host.in_play and host.state == "inactive" and host is not makers[0]]
    _refuse_undeclared(joining)
    silent = [host for host in hosts if host.place is None]
    return Plan(
        primary=makers[0].name,
        init=makers[0].name,
        joins=_by_role(joining),
        steps=[f"{makers[0].name} makes the swarm"] + [f"{host.name} joins as {host.role}" for host in joining],
        warnings=[f"These may be in another swarm: {_reasons(silent)}."] if silent else [],
    )


def _speakers(hosts: t.Sequence[Host]) -> list[Host]:
    """The managers that can list their swarm's nodes, those of the play first.

    One that is declared a worker comes last. Raises Refusal when the managers have no majority.
    """
    managers = [host for host in hosts if host.state == "active" and host.told["manager"]]
    speakers = [host for host in managers if host.told["members"] is not None]
    if managers and not speakers:
        raise Refusal(
            f"{_names(managers)}: the managers of the swarm have no majority, so the swarm cannot be changed"
            f" ({'; '.join(sorted({host.told['error'] for host in managers} - {''})) or 'no leader'}). Start the managers that are down. Nothing was changed."
        )
    return sorted(speakers, key=lambda host: (host.role == WORKER, not host.in_play))


def _refuse_twins(hosts: t.Sequence[Host]) -> None:
    """Raise Refusal for hosts that are the same node, because each change would affect both."""
    holders: dict[str, list[Host]] = {}
    for host in hosts:
        if host.node_id:
            holders.setdefault(host.node_id, []).append(host)
    for node_id, twins in holders.items():
        if len(twins) > 1:
            raise Refusal(
                f"{_names(twins)} are one node of the swarm ({node_id}). If they are one machine under several names, keep one name in the"
                " inventory. If a machine was cloned with /var/lib/docker/swarm: stop Docker on the clone, remove that folder, start Docker."
                " Nothing was changed."
            )


def _refuse_unfit(hosts: t.Sequence[Host]) -> None:
    """Raise Refusal for hosts of the play that cannot take part."""
    silent = [host for host in hosts if host.in_play and host.place is None]
    if silent:
        raise Refusal(f"{_reasons(silent)}. Nothing was changed.")
    advice = {
        "locked": "its managers' keys are locked: give the unlock key in swarm_unlock_keys, or run 'docker swarm unlock' there",
        "error": "its engine cannot take part in its swarm: see the engine's log; if that swarm is no longer needed, run 'docker swarm leave --force' there",
    }
    for state, text in advice.items():
        found = [host for host in hosts if host.in_play and host.state == state]
        if found:
            told = "; ".join(sorted({host.told["error"] for host in found} - {""})) or "no reason given"
            raise Refusal(f"{_names(found)}: {text}, and run this again. The engine says: {told}. Nothing was changed.")


def _refuse_two_swarms(speakers: t.Sequence[Host]) -> None:
    swarms: dict[str, list[Host]] = {}
    for host in [host for host in speakers if host.role != WORKER] or speakers:
        swarms.setdefault(host.told["swarm_id"], []).append(host)
    if len(swarms) > 1:
        told = "; ".join(f"{_names(found)} of {swarm}" for swarm, found in swarms.items())
        raise Refusal(
            f"The hosts manage several swarms: {told}. Remove the hosts of the other swarms from the inventory, or let them leave"
            " (docker swarm leave --force). Then run this again. Nothing was changed."
        )


def _refuse_strangers(hosts: t.Sequence[Host], members: t.Mapping[str, Member], speaker: Host) -> None:
    strangers = [host for host in hosts if host.in_play and host.state == "active" and host.node_id not in members]
    removed = [host for host in strangers if set(host.told["manager_ids"]) & set(members)]
    if removed:
        raise Refusal(
            f"{_names(removed)}: the swarm has removed this node, and its engine still believes to be a member. Run 'docker swarm leave --force' there."
            " Then run this again to let it join. Nothing was changed."
        )
    if strangers:
        told = "; ".join(
            f"{host.name} is node {host.node_id} with managers {', '.join(host.told['managers']) or 'unknown'}"
            for host in strangers
        )
        raise Refusal(
            f"{_names(strangers)} belongs to another swarm than {speaker.name} ({told}). Remove it from the inventory, or let it leave that swarm"
            " (docker swarm leave). Then run this again. Nothing was changed."
        )


def _refuse_port(speaker: Host, declared: int) -> None:
    if speaker.told["data_path_port"] != declared:
        raise Refusal(
            f"The swarm uses UDP port {speaker.told['data_path_port']} for overlay traffic, and swarm_data_path_port declares {declared}."
            " The port of a swarm cannot be changed. Declare the port that it uses, or create a new swarm. Nothing was changed."
        )


def _refuse_undeclared(joining: t.Sequence[Host]) -> None:
    nobody = [host for host in joining if host.role == AS_IT_IS]
    if nobody:
        raise Refusal(
            f"{_names(nobody)}: in no swarm, and no group declares its role. Add it to swarm_managers or swarm_workers, or remove it from the play."
            " Nothing was changed."
        )


def _refuse_lost_majority(
    members: t.Mapping[str, Member],
    demoted: t.Sequence[str],
    new: int,
    cause: str = "The groups declare managers as workers",
) -> None:
    """Raise Refusal when demotions would cost the managers their majority.

    Demotions happen one by one, after all promotions.
    """
    managers = [member for member in members.values() if member["reachability"] or member["role"] == MANAGER]
    total = len(managers) + new
    reachable = len([member for member in managers if _is_reachable(member)]) + new
    for node_id in sorted(demoted, key=lambda node: _is_reachable(members[node])):
        total -= 1
        reachable -= _is_reachable(members[node_id])
        if reachable < total // 2 + 1:
            names = ", ".join(members[node]["hostname"] or node for node in demoted)
            raise Refusal(
                f"{cause} ({names}). Of the {total} remaining managers {reachable} would be reachable, which is no majority: the swarm would"
                " lose its leader. Start managers that are down, or declare more managers. Nothing was changed."
            )


def _in_order(changes: list[dict[str, t.Any]], members: t.Mapping[str, Member]) -> list[dict[str, t.Any]]:
    """The changes in an order that keeps the majority: promotions first; of demotions, unreachable managers first."""
    return sorted(
        changes,
        key=lambda change: (
            change.get("role") != MANAGER,
            change.get("role") == WORKER,
            _is_reachable(members[change["id"]]),
        ),
    )


def _is_reachable(member: Member) -> bool:
    return member["reachability"] == "reachable"


def _new_managers(joining: t.Sequence[Host], changes: t.Mapping[str, t.Mapping[str, t.Any]]) -> int:
    return len([host for host in joining if host.role == MANAGER]) + len(
        [change for change in changes.values() if change.get("role") == MANAGER]
    )


def _change(host: Host, member: Member) -> dict[str, t.Any]:
    """The differences of a node from its declaration.

    Undeclared properties stay, except those set for an earlier departure.
    """
    change: dict[str, t.Any] = {}
    if host.role and host.role != member["role"]:
        change["role"] = host.role
    labels = {key: value for key, value in host.labels.items() if member["labels"].get(key) != value}
    if labels:
        change["labels"] = labels
    availability = host.availability
    if LEAVING_LABEL in member["labels"]:
        change["remove_labels"] = [LEAVING_LABEL]
        availability = availability or "active"
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


def _names(hosts: t.Iterable[Host]) -> str:
    return ", ".join(host.name for host in hosts)


def _reasons(hosts: t.Iterable[Host]) -> str:
    return "; ".join(f"{host.name}: {host.problem}" for host in hosts)


@dataclass(frozen=True)
class Leaver(Host):
    """A host that leaves.

    ``addresses``: its addresses in the inventory; ``declared_id``: its node's id from the user. ``replaced``: it was, or will
    be, installed anew, so that the dead node at its address was this host.
    """

    addresses: frozenset[str] = frozenset()
    declared_id: str = ""
    replaced: bool = False


def _former(host: Leaver, members: t.Sequence[Member], *known: t.Container[str]) -> list[str]:
    """The dead nodes at the address of a host whose engine reports that it is in no swarm."""
    return [
        member["id"]
        for member in members
        if host.state == "inactive"
        and member["address"] in host.addresses
        and member["state"] != READY
        and not any(member["id"] in ids for ids in known)
    ]


@dataclass(frozen=True)
class Found:
    """The nodes that names mean, and the host of a manager to ask, one that is not among them if possible.

    ``targets``: dictionaries with C(id), C(name) (the node's own), C(host) (in the inventory, "" when it is not there), C(up),
    C(role), C(labels). ``absent``: names that no node of the swarm has.
    """

    manager: str = ""
    targets: list[dict[str, t.Any]] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)


def speaking(hosts: t.Sequence[Host]) -> list[Host]:
    """The managers that speak for the swarm of these hosts, at least one. Raises Refusal."""
    _refuse_twins(hosts)
    speakers = _speakers(hosts)
    if not speakers:
        told = "; ".join(f"{host.name}: {host.state or host.problem}" for host in hosts) or "there are no hosts"
        raise Refusal(f"No manager in the inventory can manage the swarm ({told}). Nothing was changed.")
    _refuse_two_swarms(speakers)
    return speakers


@dataclass(frozen=True)
class Copied:
    """The host whose state a backup copies, its node, and the host of a manager to ask meanwhile, another one where there is one."""

    host: str = ""
    node_id: str = ""
    manager: str = ""
    steps: list[str] = field(default_factory=list)


def copied(hosts: t.Sequence[Host], name: str = "", alone: bool = False) -> Copied:
    """The manager whose state is copied while its engine is stopped. Raises Refusal.

    :param name: of the host that is wanted; by default the swarm's choice: no leader, and rather one without tasks
    :param alone: whether it may be the only manager, so that nobody leads the swarm meanwhile
    """
    speakers = speaking(hosts)
    managers = {member["id"]: member for member in speakers[0].members if member["reachability"]}
    here = [host for host in speakers if host.in_play and host.node_id in managers]
    chosen = [host for host in here if host.name == name] if name else here
    if not chosen:
        raise Refusal(
            f"{name or 'No host of this play'} is {'not a' if name else 'a'} working manager of the swarm. Working managers in this play:"
            f" {_names(here) or 'none'}. Nothing was done."
        )
    if len(managers) == 1 and not alone:
        raise Refusal(
            f"{chosen[0].name} is the only manager. While its engine is stopped, the swarm has no leader, and the manager's own tasks do not run."
            " Accept this (swarm_backup_alone=true), or add managers. Nothing was done."
        )
    left = len([member for member in managers.values() if _is_reachable(member)]) - 1
    if len(managers) > 1 and left < len(managers) // 2 + 1:
        raise Refusal(
            f"A backup stops one manager. Of {len(managers)} managers {left} would stay reachable, and a majority is {len(managers) // 2 + 1}. Start managers"
            " that are down, or add one. Nothing was done."
        )
    best = min(
        chosen, key=lambda host: (managers[host.node_id]["leader"], managers[host.node_id]["availability"] == "active")
    )
    if managers[best.node_id]["leader"] and len(managers) > 1 and not name:
        raise Refusal(
            f"{best.name} is the only manager in this play, and it is the leader. Add another manager to the play, or name this one. Nothing was done."
        )
    manager = next((host for host in speakers if host is not best), best)
    return Copied(
        best.name, best.node_id, manager.name, [f"the state of {best.name} is copied while its engine is stopped"]
    )


def find(names: t.Sequence[str], hosts: t.Sequence[Leaver], going: bool = False) -> Found:
    """The nodes with these names: hosts of the inventory, ids, or host names. Raises Refusal where that is not certain.

    :param going: the nodes are to leave the swarm, so the managers must keep their majority without them
    """
    if not names:
        raise Refusal("No node was named. Nothing was changed.")
    speakers = speaking(hosts)
    members = speakers[0].members
    claimed = {host.node_id: host.name for host in hosts if host.node_id}
    found: dict[str, str] = {}
    absent = []
    for name in names:
        ids = _meant(name, hosts, members, claimed, speakers[0], going)
        found.update(
            {node_id: claimed.get(node_id, name if any(host.name == name for host in hosts) else "") for node_id in ids}
        )
        absent += [] if ids else [name]
    if absent and not going:
        known = ", ".join(sorted(member["hostname"] or member["id"] for member in members))
        raise Refusal(f"{', '.join(absent)}: not a node of the swarm. Its nodes are {known}. Nothing was changed.")
    others = [host for host in speakers if host.node_id not in found]
    if going:
        if found and not others:
            raise Refusal(
                f"{', '.join(names)} cannot leave: no remaining manager can manage the swarm. Nothing was changed."
            )
        strangers = [
            f"{member['hostname']} ({member['id']})"
            for member in members
            if found.get(member["id"]) == "" and member["state"] == READY
        ]
        if strangers:
            raise Refusal(
                f"{', '.join(strangers)}: runs, and is not in the inventory, so it cannot be made to leave. Add it to the inventory, or run"
                " 'docker swarm leave' there. Nothing was changed."
            )
        managers = [
            member["id"]
            for member in members
            if member["id"] in found and (member["reachability"] or member["role"] == MANAGER)
        ]
        _refuse_lost_majority({member["id"]: member for member in members}, managers, 0, "Managers would leave")
    return Found(
        manager=(others or speakers)[0].name,
        targets=[
            {
                "id": member["id"],
                "name": member["hostname"] or member["id"],
                "host": found[member["id"]],
                "up": member["state"] == READY,
                "role": member["role"],
                "labels": member["labels"],
            }
            for node_id in found
            for member in members
            if member["id"] == node_id
        ],
        absent=absent,
    )


def refuse_lost_labels(found: Found, declared: t.Mapping[str, t.Mapping[str, str]]) -> None:
    """Raise Refusal when a node that is replaced has labels that the inventory does not declare for its host.

    :param declared: the declared labels of each host
    """
    lost = {
        target["host"] or target["name"]: missing
        for target in found.targets
        if (
            missing := sorted(
                f"{key}={value}"
                for key, value in target["labels"].items()
                if not key.startswith(OWN_PREFIX) and key not in declared.get(target["host"], {})
            )
        )
    }
    if lost:
        told = "; ".join(f"{host}: {', '.join(labels)}" for host, labels in lost.items())
        raise Refusal(
            f"The inventory does not declare these labels, so the new node would not have them: {told}. Declare them in swarm_node_labels, or"
            " remove them from the node. Nothing was changed."
        )


def _meant(
    name: str,
    hosts: t.Sequence[Leaver],
    members: t.Sequence[Member],
    claimed: t.Mapping[str, str],
    speaker: Host,
    going: bool,
) -> list[str]:
    """The ids of the nodes that a name means: one, or with ``going`` also the host's former ones."""
    host = next((host for host in hosts if host.name == name), None)
    if host is not None:
        ids = _nodes_of(host, members, claimed, speaker)
        return ids if going or host.node_id not in ids else [host.node_id]
    ids = [member["id"] for member in members if member["id"] == name] or [
        member["id"] for member in members if member["hostname"] == name
    ]
    if len(ids) > 1:
        states = ", ".join(f"{member['id']} ({member['state']})" for member in members if member["id"] in ids)
        raise Refusal(f"{name} is the host name of several nodes: {states}. Give the node's id. Nothing was changed.")
    return ids


@dataclass(frozen=True)
class Farewell:
    """The steps of a departure.

    ``nodes``: to be drained and removed, by id, with a label that identifies them; ``leaving``: host -> the id of its
    node, for hosts whose engine can leave by itself.
    """

    keeper: str = ""
    nodes: list[dict[str, t.Any]] = field(default_factory=list)
    leaving: dict[str, str] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def farewell(leavers: t.Sequence[Leaver], staying: t.Sequence[Host]) -> Farewell:
    """The steps by which hosts leave the swarm of the remaining managers. Raises Refusal."""
    _refuse_twins([*leavers, *staying])
    speakers = [
        host for host in staying if host.state == "active" and host.told["manager"] and host.told["members"] is not None
    ]
    if not speakers:
        return _no_keeper(leavers, staying)
    _refuse_two_swarms(speakers)
    keeper = speakers[0]
    members = keeper.members
    claimed = {host.node_id for host in (*leavers, *staying) if host.node_id}
    nodes = {node_id: host.name for host in leavers for node_id in _nodes_of(host, members, claimed, keeper)}
    names = {member["id"]: member["hostname"] or member["id"] for member in members}
    return Farewell(
        keeper=keeper.name,
        nodes=[{"id": node_id, "labels": {LEAVING_LABEL: host}} for node_id, host in nodes.items()],
        leaving={host.name: host.node_id for host in leavers if host.node_id},
        steps=[f"{host} leaves: node {node_id}, host name {names[node_id]}" for node_id, host in nodes.items()],
        warnings=[
            f"{host.name} is in no swarm. {keeper.name} lists node {member['id']} with the same host name, {member['hostname']}, as {member['state']}."
            f" If this host was that node, remove it: docker node rm {member['id']}"
            for host in leavers
            for member in members
            if host.state == "inactive"
            and member["hostname"] == host.told["hostname"]
            and member["state"] != READY
            and member["id"] not in nodes
        ],
    )


def _no_keeper(leavers: t.Sequence[Leaver], staying: t.Sequence[Host]) -> Farewell:
    """The empty plan without a remaining manager. Raises Refusal unless all hosts report that there is no swarm."""
    if staying and all(host.state == "inactive" for host in staying) and not any(host.node_id for host in leavers):
        return Farewell()
    told = (
        "; ".join(f"{host.name}: {host.state or host.problem}" for host in staying)
        or "no other manager is in the inventory"
    )
    raise Refusal(
        f"{_names(leavers)} cannot leave: no remaining manager can manage the swarm ({told}). Make sure that the managers run and have joined"
        " as managers (playbook swarm). Then run this again. Nothing was changed."
    )


def _nodes_of(host: Leaver, members: t.Sequence[Member], claimed: t.Container[str], keeper: Host) -> list[str]:
    """The ids of this host's present and former nodes, as its engine reports them.

    For a silent engine the evidence must be unambiguous, else Refusal is raised.
    """
    ids = {member["id"] for member in members}
    marked = [
        member["id"]
        for member in members
        if member["labels"].get(LEAVING_LABEL) == host.name and member["id"] not in claimed
    ]
    if host.node_id:
        if host.node_id not in ids and not set(host.told["manager_ids"]) & ids:
            raise Refusal(
                f"{host.name} (node {host.node_id}) is in another swarm than {keeper.name}. Remove it from the play."
                " Nothing was changed."
            )
        return [host.node_id] * (host.node_id in ids) + marked
    if host.place is not None:
        return marked + (_former(host, members, claimed, marked) if host.replaced else [])
    if host.declared_id:
        return [host.declared_id] * (host.declared_id in ids)
    found = [member for member in members if member["id"] not in claimed and member["address"] in host.addresses]
    doubtful = [member for member in found if member["state"] == READY and member["hostname"] != host.name]
    namesakes = [
        member["id"]
        for member in members
        if member["hostname"] == host.name and member not in found and member["id"] not in marked
    ]
    if doubtful or (not found and not marked and namesakes):
        candidates = ", ".join([member["id"] for member in doubtful] or namesakes)
        raise Refusal(
            f"{host.name} does not answer ({host.problem}), and it is not certain which node of the swarm it is (perhaps {candidates})."
            " Set swarm_node_id for this host, or repair the connection. Then run this again. Nothing was changed."
        )
    return sorted({*marked, *(member["id"] for member in found)})
