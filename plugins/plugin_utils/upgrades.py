# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which nodes a rolling action is for, in which order, to which version, and what speaks against it: pure functions.

Private to the collection swarmlab.overlay. A host is a node when the engine on the host reports the node's id.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..module_utils._daemon.upgrading import numbers, upstream
from ..module_utils._swarm.evacuation import ASKED
from ..module_utils._terms import DONE_LABEL
from . import engine_restarts
from ._swarm_plan.hosts import Refusal

ENGINE, RESTART, REBOOT = "engine", "restart", "reboot"
ACTIONS = (ENGINE, RESTART, REBOOT)
MIXED = "mixed"
ACCEPTED = (*ASKED, MIXED)
RESUMED = 24 * 3600  # seconds in which an interrupted restart or reboot goes on with the nodes that are left
VERBS = {ENGINE: "upgraded from {now} to {wanted}", RESTART: "restarted", REBOOT: "rebooted"}
Versions = tuple[int, ...]


class Clash(t.NamedTuple):
    """Versions of the engine that do not work together with others. ``other``: which others; None means all that are not among them."""

    low: Versions
    high: Versions
    other: tuple[Versions, Versions] | None
    what: str
    encrypted: bool


CLASHES = (
    Clash((29, 0, 0), (29, 2, 0), None, "29.0.0 to 29.2.0 derive other keys for encrypted networks than all other versions (moby#51798)", True),
    Clash((17,), (17, 99), ((18,), (18, 99)), "published ports do not work between 17 and 18 (moby#37566)", False),
    Clash((1, 12), (1, 12, 99), ((1, 13), (1, 13, 99)), "published ports do not work between 1.12 and 1.13 (moby#28493)", False),
)  # fmt: skip


@dataclass(frozen=True)
class Wish:
    """What the user wants. ``names``: hosts of the play, all without any; ``version``: by host, the newest common one without any."""

    action: str = ENGINE
    names: t.Sequence[str] = ()
    versions: t.Mapping[str, str] = field(default_factory=dict)
    batch: int = 1
    accept: t.Collection[str] = ()
    free: int = 500
    has_keys: bool = False
    now: int = 0


@dataclass(frozen=True)
class Plan:
    """What is done. ``turns`` as of engine_restarts; ``wanted``: version by host; ``done``: note for nodes that are through; ``notes``: what to
    take off which nodes in the end; ``fresh``: no node is through or was left drained.
    """

    turns: list[engine_restarts.Turn] = field(default_factory=list)
    wanted: dict[str, str] = field(default_factory=dict)
    manager: str = ""
    accept: list[str] = field(default_factory=list)
    done: str = ""
    notes: list[dict[str, t.Any]] = field(default_factory=list)
    fresh: bool = True
    steps: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


Told = t.Mapping[str, t.Any]


def plan(told: t.Mapping[str, Told], wish: Wish) -> Plan:
    """The plan for these hosts. Raises Refusal.

    :param told: {host: result of engine_upgrade_info, or C(problem)}
    """
    _refuse_wish(wish)
    silent = [f"{host}: {each['problem'].rstrip('.')}" for host, each in told.items() if "swarm" not in each]
    if silent:
        raise _refusal(f"Not every host answered: {'; '.join(silent)}")
    speaker = _speaker(told)
    nodes = {node["id"]: node for node in told[speaker]["outlook"]["nodes"]}
    hosts = {each["swarm"]["node_id"]: host for host, each in told.items()}
    _refuse_swarm(told, speaker, hosts, wish)
    chosen = list(dict.fromkeys(wish.names)) or list(told)
    strangers = [name for name in chosen if name not in told]
    if strangers:
        raise _refusal(f"{', '.join(strangers)}: no host of this play. Its hosts are {', '.join(told)}")
    wanted = _wanted(told, chosen, wish) if wish.action == ENGINE else {}
    note, began = _note([node["done"] for node in nodes.values()], wish)
    ours = {node_id for node_id, node in nodes.items() if node["ours"]}
    due = []
    for host in chosen:
        node = nodes[told[host]["swarm"]["node_id"]]
        ready = (
            numbers(told[host]["version"]) == numbers(wanted[host]) if wish.action == ENGINE else node["done"] == note
        )
        if node["ours"] or not ready:
            due.append(host)
    _refuse_hosts(told, due, wish)
    warnings = _mixed(told, speaker, [wanted[host] for host in due if host in wanted], wish) if due else []
    _refuse_suffering(told, speaker, due, wish)
    places = {host: each["swarm"] for host, each in told.items()}
    order = engine_restarts.Order(engine_restarts.MANAGER, wish.batch, ours)
    found = engine_restarts.plan(places, due, order)
    if found.refused:
        raise _refusal(". ".join(found.refused))
    outside = [node["name"] for node_id, node in nodes.items() if node_id not in hosts]
    if outside and not wish.names:
        warnings.append(f"Nodes that no host of this play is stay as they are: {', '.join(outside)}.")
    return Plan(
        turns=found.turns if due else [],
        wanted=wanted,
        manager=speaker,
        accept=[word for word in wish.accept if word in ASKED],
        done="" if wish.action == ENGINE else note,
        notes=[
            {"id": node_id, "remove_labels": [DONE_LABEL]}
            for node_id, node in nodes.items()
            if wish.action != ENGINE and (hosts.get(node_id) in due or node["done"].startswith(f"{wish.action}-"))
        ],
        fresh=set(due) == set(chosen) and not ours and not began,
        steps=_steps(told, speaker, found.turns if due else [], wanted, wish, began),
        warnings=warnings,
    )


def _refusal(text: str) -> Refusal:
    return Refusal(f"{text}. Nothing was changed.")


def _refuse_wish(wish: Wish) -> None:
    if wish.action not in ACTIONS:
        raise _refusal(f"upgrade_action is {wish.action!r}; it must be one of {', '.join(ACTIONS)}")
    unknown = [word for word in wish.accept if word not in ACCEPTED]
    if unknown:
        raise _refusal(f"upgrade_accept has {', '.join(unknown)}; it takes {', '.join(ACCEPTED)}")
    if wish.batch < 1:
        raise _refusal(f"upgrade_batch is {wish.batch}; it must be at least 1")


def _speaker(told: t.Mapping[str, Told]) -> str:
    """The host of a manager that speaks for the swarm, rather one that does not lead."""
    swarms = {each["swarm"]["swarm_id"]: host for host, each in told.items() if each.get("outlook")}
    if len(swarms) > 1:
        raise _refusal(f"The hosts manage several swarms ({', '.join(swarms.values())}). Take one swarm at a time")
    speakers = [host for host, each in told.items() if each.get("outlook")]
    if not speakers:
        states = ", ".join(f"{host}: {each['swarm']['state']}" for host, each in told.items())
        raise _refusal(
            f"No host of this play is a manager that can manage the swarm ({states}). Run it without --limit; if the managers have lost their"
            " majority, start those that are down"
        )
    leaders = {member["id"] for member in told[speakers[0]]["swarm"]["members"] if member["leader"]}
    return next((host for host in speakers if told[host]["swarm"]["node_id"] not in leaders), speakers[0])


def _refuse_swarm(told: t.Mapping[str, Told], speaker: str, hosts: t.Mapping[str, str], wish: Wish) -> None:
    """What the swarm as a whole has against it."""
    members = told[speaker]["swarm"]["members"]
    look = told[speaker]["outlook"]
    strangers = [host for host, each in told.items() if each["swarm"]["node_id"] not in {one["id"] for one in members}]
    if strangers:
        raise _refusal(
            f"{', '.join(strangers)}: no node of the swarm that {speaker} manages. Let them join (swarmlab.overlay.swarm), or take them out of"
            " the play"
        )
    away = [one for one in members if one["role"] == "manager" and one["id"] not in hosts]
    if away:
        raise _refusal(
            f"No host of this play is manager {', '.join(_name(one) for one in away)}. Managers are restarted one by one, so all of them must be in"
            " the play. Run it without --limit, and choose nodes with -e node="
        )
    unfit = [f"{_name(one)} is {one['state']}" for one in members if one["state"] != "ready"]
    unfit += [
        f"manager {_name(one)} is {one['reachability'] or 'not reachable'}"
        for one in members
        if one["role"] == "manager" and one["reachability"] != "reachable"
    ]
    if unfit:
        raise _refusal(f"The swarm is not whole: {'; '.join(unfit)}. Start these nodes, or remove them from the swarm")
    if look["rotating"]:
        raise _refusal("The swarm rotates its CA. Run this again when that is through (docker swarm ca)")
    if look["updates"]:
        raise _refusal(
            f"Updates of services are not through: {', '.join(look['updates'])}. Wait for them, repair them, or roll them back"
        )
    if look["autolock"] and not wish.has_keys and any(one["role"] == "manager" for one in members):
        raise _refusal(
            "The swarm is autolocked, and its managers would wait for 'docker swarm unlock'. Give the key in swarm_unlock_keys"
        )


def _name(member: Told) -> str:
    return str(member["hostname"] or member["id"])


def _wanted(told: t.Mapping[str, Told], chosen: t.Sequence[str], wish: Wish) -> dict[str, str]:
    """The version of each host. Raises Refusal for one that is lower, or that its repositories do not have."""
    problems = [f"{host}: {told[host]['problem']}" for host in chosen if told[host]["problem"]]
    if problems:
        raise _refusal("; ".join(problems))
    able = {host: [upstream(told[host]["version"]), *told[host]["newer"]] for host in chosen}
    given = {host: upstream(wish.versions[host]) for host in chosen if wish.versions.get(host)}
    unreadable = [f"{host}: {wish.versions[host]!r}" for host, version in given.items() if not version]
    if unreadable:
        raise _refusal(f"engine_version is no version: {', '.join(unreadable)}. Say it as 28.5.2")
    rest = [host for host in chosen if host not in given]
    common = set.intersection(*(set(able[host]) for host in rest)) if rest else set()
    if rest and not common:
        have = "; ".join(f"{host}: {', '.join(able[host])}" for host in rest)
        raise _refusal(
            f"The hosts have no version in common that none of them is above ({have}). Say engine_version, or repair the package sources"
        )
    newest = max(common, key=numbers) if common else ""
    wanted = {host: given.get(host, newest) for host in chosen}
    below = [host for host in chosen if numbers(wanted[host]) < numbers(told[host]["version"])]
    if below:
        now = ", ".join(f"{host} runs {told[host]['version']}" for host in below)
        raise _refusal(
            f"Version {wanted[below[0]]} is below the present one ({now}), and managers do not read the state of a newer one (moby#29557). To go back,"
            " restore a backup"
        )
    lacking = [host for host in chosen if wanted[host] not in able[host]]
    if lacking:
        have = "; ".join(f"{host} has {', '.join(told[host]['newer']) or 'nothing newer'}" for host in lacking)
        raise _refusal(
            f"Not every host can have version {wanted[lacking[0]]}: {have}. Repair the package sources there"
        )
    return wanted


def _note(notes: t.Iterable[str], wish: Wish) -> tuple[str, int]:
    """The note for nodes that are through, of an interrupted run that is continued, and when that began (0: this run is not its sequel)."""
    began = [
        int(when)
        for action, dash, when in (note.rpartition("-") for note in notes)
        if action == wish.action and when.isdecimal() and 0 <= wish.now - int(when) <= RESUMED
    ]
    return f"{wish.action}-{max(began, default=wish.now)}", max(began, default=0)


def _refuse_hosts(told: t.Mapping[str, Told], due: t.Sequence[str], wish: Wish) -> None:
    key = {ENGINE: "stopping", RESTART: "restarting"}.get(wish.action)
    problems = [f"{host}: {told[host][key]}" for host in due if key and told[host][key]]
    if wish.action == ENGINE:
        problems += [
            f"{host}: {told[host]['free']} MiB are free, and {wish.free} are needed (upgrade_free)"
            for host in due
            if told[host]["free"] < wish.free
        ]
    if problems:
        raise _refusal("; ".join(problems))


def _within(version: Versions, low: Versions, high: Versions) -> bool:
    return low <= version <= high


def clashes(versions: t.Iterable[str], encrypted: bool) -> list[str]:
    """What does not work while these versions are together in one swarm."""
    known = {numbers(version) for version in versions} - {()}
    found = []
    for clash in CLASHES:
        odd = {version for version in known if _within(version, clash.low, clash.high)}
        others = {version for version in known - odd if clash.other is None or _within(version, *clash.other)}
        if odd and others and (encrypted or not clash.encrypted):
            found.append(clash.what)
    return found


def _mixed(told: t.Mapping[str, Told], speaker: str, wanted: t.Sequence[str], wish: Wish) -> list[str]:
    """Warnings of versions that are together during the upgrade. Raises Refusal where they break something that works now."""
    look = told[speaker]["outlook"]
    now = [node["engine"] for node in look["nodes"]]
    before = clashes(now, look["encrypted"])
    new = [what for what in clashes([*now, *wanted], look["encrypted"]) if what not in before]
    if new and MIXED not in wish.accept:
        raise _refusal(
            f"During the upgrade versions are together that do not work together: {'; '.join(new)}. Choose another version, or accept it:"
            f" upgrade_accept [{MIXED}]"
        )
    return [f"{what[:1].upper()}{what[1:]}." for what in [*before, *new]]


def _suffering(told: t.Mapping[str, Told], speaker: str, host: str) -> list[dict[str, str]]:
    """What services and containers of a host suffer that must be accepted."""
    fates = told[speaker]["outlook"]["fates"].get(told[host]["swarm"]["node_id"], [])
    found = [{"how": fate["how"], "words": fate["words"]} for fate in fates if fate["how"] in ASKED]
    for each in told[host]["standalone"]:
        words = "starts again with the engine" if each["returns"] else "is not started again"
        found.append(
            {
                "how": "gap" if each["returns"] else "lost",
                "words": f"container {each['name']}, of no service: ends with the engine, and {words}",
            }
        )
    return found


def _refuse_suffering(told: t.Mapping[str, Told], speaker: str, due: t.Sequence[str], wish: Wish) -> None:
    asked = [(host, each) for host in due for each in _suffering(told, speaker, host) if each["how"] not in wish.accept]
    if asked:
        words = "; ".join(f"on {host} {each['words']}" for host, each in asked)
        kinds = ", ".join(sorted({each["how"] for _host, each in asked}))
        raise _refusal(
            f"Services or containers would suffer: {words}. Change these, or accept it: upgrade_accept [{kinds}]"
        )


def _steps(
    told: t.Mapping[str, Told],
    speaker: str,
    turns: t.Sequence[engine_restarts.Turn],
    wanted: t.Mapping[str, str],
    wish: Wish,
    began: int,
) -> list[str]:
    """The plan in words, one line a turn, with what suffers below it."""
    nodes = {node["id"]: node for node in told[speaker]["outlook"]["nodes"]}
    members = {member["id"]: member for member in told[speaker]["swarm"]["members"]}
    steps = [f"An interrupted {wish.action} goes on with the nodes that are left."] if began else []
    number = 0
    for turn in turns:
        number += bool(turn.hosts)
        for host, node_id in zip(turn.hosts, turn.node_ids, strict=True):
            node, member = nodes[node_id], members[node_id]
            role = "leader" if member["leader"] else member["role"]
            verb = VERBS[wish.action].format(now=upstream(told[host]["version"]), wanted=wanted.get(host, ""))
            if wish.action == ENGINE and numbers(wanted[host]) == numbers(told[host]["version"]):
                verb = "given back, which an earlier run did not come to"
            stays = "" if node["ours"] or node["availability"] == "active" else f"; it stays in {node['availability']}"
            steps.append(f"{number}. {host} ({role}): {verb}{stays}")
            steps += [f"   {host}: {each['words']}" for each in _suffering(told, speaker, host)]
    only = [
        host
        for turn in turns
        for host, node_id in zip(turn.hosts, turn.node_ids, strict=True)
        if members[node_id]["leader"]
    ]
    if only and len([one for one in members.values() if one["role"] == "manager"]) == 1:
        steps.append(f"   {only[0]} is the only manager: meanwhile services run on, and nothing is moved or changed")
    return steps or ["Nothing to do: every node is at the target."]
