# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The facts for the checks, assembled from the hosts' data of all phases. Pure.

Private to swarmlab.overlay. Runs on the controller. ``phases`` maps a phase to {host: the action plugin's result}.
"""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ...module_utils._probe import speed
from ...module_utils._verify import objects
from .._checks import _paths
from .._facts import problems
from .._facts.model import Addresses, Data, Facts, Settings

PROVING = ("prepare", "open", "probe", "reopen", *objects.EXCHANGES, "again", "measure", "close")
DECLARED: dict[str, t.Literal["addresses", "data_addresses"]] = {
    "swarm_advertise_addr": "addresses",
    "swarm_data_path_addr": "data_addresses",
}  # variables of a host -> settings
DISRUPTING = ("disrupt", "settle")

NOTHING_MADE: Data = {
    "twin": None,
    "lazy": None,
    "probe": None,
    "published": None,
    "refused": {},
    "speed": None,
    "network_ids": [],
    "crowded": [],
}


def assemble(hosts: list[str], settings: Settings, phases: dict[str, t.Any]) -> Facts:
    """The facts of the phases so far."""
    seen: dict[str, t.Any] = {phase: _seen(phases.get(phase, {})) for phase in PROVING + DISRUPTING}
    seen["probe"] = _probed(seen)
    seen["open"] = _reopened(seen)
    leader = next((host for host in hosts if seen["prepare"].get(host, {}).get("leader")), None)
    prepared, opened = seen["prepare"].get(leader, {}), seen["open"].get(leader, {})
    view = opened.get("view") or prepared.get("view") or {}
    settings = {**settings, **_declared(phases.get("prepare") or {})}
    facts = Facts(
        run=settings["run"],
        hosts=list(hosts),
        settings=settings,
        needs=settings["needs"],
        problems=_problems(hosts, phases, seen),
        clocks={host: _clocks(host, phases, seen) for host in hosts},
        disrupted=_disrupted(settings, phases, seen) or {},
        **_of_run(settings["run"]),
        **_of_nodes(phases, seen),
        **_of_leader(prepared, view),
        **_of_end(seen["close"], leader),
        leader=leader,
    )
    addresses = view.get("probes") or {}
    facts = replace(facts, probes=_probes(facts, addresses), late_probes=_late_probes(facts, addresses))
    return replace(facts, worker=_worker(facts))


def _probed(seen: dict[str, t.Any]) -> dict[str, t.Any]:
    """Each host's data from probing, with the results of the exchanges and of the second round."""
    return {
        host: _last_word(
            data, [seen[phase][host] for phase in objects.EXCHANGES if host in seen[phase]], seen["again"].get(host)
        )
        for host, data in seen["probe"].items()
    }


def _reopened(seen: dict[str, t.Any]) -> dict[str, t.Any]:
    """Each host's data from opening. A probe that came late leaves nothing of the reason for which there was none."""
    found = dict(seen["open"])
    for host, later in seen["reopen"].items():
        if later.get("namespace"):
            found[host] = {**{key: value for key, value in found[host].items() if key != "reason"}, **later}
    return found


def _of_run(run: str) -> dict[str, t.Any]:
    """The names of the run's objects."""
    return {
        "probe_name": objects.name(run, "probe"),
        "published_name": objects.name(run, "published"),
        "speed_names": {
            way: f"{objects.name(run, objects.SPEED)}.{objects.name(run, part)}"
            for way, part in objects.SPEED_NETWORKS.items()
        },
        "speed_port": speed.PORT,
    }


def _of_nodes(phases: dict[str, t.Any], seen: dict[str, t.Any]) -> dict[str, t.Any]:
    """Each host's data from its setup, from probing, and from measurements."""
    probed = seen["probe"]
    return {
        "nodes": {host: data["node"] for host, data in seen["prepare"].items()},
        "opened": _opened(seen),
        "probed": probed,
        "reopened": seen["reopen"],
        "observations": {host: _observations(data) for host, data in probed.items()},
        "probe_began": {
            host: row["asked"][0]
            for phase in ("probe", "again")
            for host, row in (phases.get(phase) or {}).items()
            if row.get("asked")
        },
        "measured": {host: data["measured"] for host, data in seen["measure"].items()},
        "held": {host: data["held"] for host, data in probed.items() if "held" in data},
        "trains": _part(probed, "trains"),
        "witnessed": _witnessed(seen),
        "served": {host: data["served"] for host, data in probed.items() if data.get("served")},
        "xfrm": _part(probed, "xfrm"),
        "policies": _part(probed, "policies"),
        "rules": _part(probed, "rules"),
    }


def _witnessed(seen: dict[str, t.Any]) -> dict[str, t.Any]:
    """What each host told about itself before and after probing; hosts of older recordings told nothing."""
    found: dict[str, Data] = {}
    for host, data in seen["prepare"].items():
        before = (data.get("opened") or {}).get("testimony")
        if before:
            later = seen["probe"].get(host, {})
            found[host] = {"before": before, "after": later.get("testimony"), "inside": later.get("inside") or {}}
    return found


def _of_end(closed: dict[str, t.Any], leader: str | None) -> dict[str, t.Any]:
    """The data from the end of the run: each host's helper results, and the leader's ages of tasks."""
    last = closed.get(leader, {}) if leader else {}
    return {
        "closed": closed,
        "wire": _part(closed, "wire"),
        "received": _part(closed, "responder"),
        "heard": _part(closed, "ports"),
        "pulses": _part(closed, "pulse"),
        "late": _part(closed, "late"),
        "later_records": last.get("records"),
        "retired": last.get("retired") or {},
        "carried": last.get("carried") or {},
        "serving": last.get("serving"),
        "published_for": last.get("mesh") or {},
    }


def _part(told: dict[str, t.Any], name: str) -> dict[str, t.Any]:
    """Host -> one part of its data, for the hosts that have it."""
    return {host: data[name] for host, data in told.items() if data.get(name) is not None}


def _declared(prepared: dict[str, t.Any]) -> Addresses:
    """The addresses that the inventory declares for the hosts, by setting.

    Their templates are evaluated when a host prepares.
    """
    found: Addresses = {"addresses": {}, "data_addresses": {}}
    for host, row in prepared.items():
        for variable, value in (row.get("declared") or {}).items():
            found[DECLARED[variable]][host] = str(value)
    return found if any(found.values()) else {}


def _disrupted(settings: Settings, phases: dict[str, t.Any], seen: dict[str, t.Any]) -> dict[str, t.Any] | None:
    """The disruption of this run, None without one: its observations, its end, and what the leader then waited for."""
    given = settings.get("disruption")
    if not given:
        return None
    told: Data = next(iter(seen["disrupt"].values()), {})
    calls = [row for row in (phases.get("disrupt") or {}).values() if row.get("asked")]
    settled = [row for row in (phases.get("settle") or {}).values() if row.get("asked")]
    return {
        "what": given["what"],
        "node": given["node"],
        "node_id": given["node_id"],
        "skip": given["skip"] or told.get("skip"),
        "seen": told,
        "problem": next((row["problem"] for row in calls if row.get("problem")), None),
        "ended": next((row["asked"][1] for row in calls), None) or next((row["asked"][0] for row in settled), None),
        "settled": next(
            iter(seen["settle"].values()),
            {"problem": next((row["problem"] for row in settled if row.get("problem")), None)},
        ),
    }


def _opened(seen: dict[str, t.Any]) -> dict[str, t.Any]:
    """Each host's data from its setup, in one phase or in two."""
    opened = {}
    for host, data in seen["prepare"].items():
        if "opened" in data:
            opened[host] = dict(data["opened"], **seen["open"].get(host, {}))
    return opened


def _last_word(
    told: dict[str, t.Any], exchanged: list[dict[str, t.Any]], again: dict[str, t.Any] | None
) -> dict[str, t.Any]:
    """A host's data from probing. Later gossip and the results of the second round replace earlier ones."""
    if exchanged:
        later = exchanged[-1]["untold"]
        mended = sorted({*told.get("mended", []), *told["untold"]} - set(later))
        told = dict(told, untold=later, mended=mended)
    if not again:
        return told
    return dict(
        told,
        **dict(
            again,
            observations=dict(_observations(told), **again["observations"]),
            errors=told["errors"] + again["errors"],
        ),
        seen_alone={},
        seen_attached={},
        counters_before=told["counters"],
    )


def _observations(probed: dict[str, t.Any]) -> dict[str, t.Any]:
    return dict(probed.get("observations") or {}, **probed.get("seen_alone") or {}, **probed.get("seen_attached") or {})


def _clocks(host: str, phases: dict[str, t.Any], seen: dict[str, t.Any]) -> list[list[float]]:
    """[asked, answered] on the controller's clock and [began, ended] on the node's, for each call with both."""
    found = []
    for phase, results in phases.items():
        data = seen[phase].get(host) or {}
        clock = data.get("clock") or (data.get("opened") or {}).get("clock")
        asked = (results.get(host) or {}).get("asked")
        if clock and asked:
            found.append([*asked, *clock])
    return found


def _seen(results: dict[str, t.Any]) -> dict[str, t.Any]:
    return {host: result["seen"] for host, result in results.items() if result and result.get("seen") is not None}


def _problems(hosts: list[str], phases: dict[str, t.Any], seen: dict[str, t.Any]) -> dict[str, t.Any]:
    """The reasons why hosts cannot be judged in full. The first one counts, in the order of the phases."""
    found = {}
    for host in hosts:
        told = (
            problems.of_host(phase, phases[phase].get(host), seen[phase].get(host))
            for phase in PROVING
            if phases.get(phase)
        )
        problem = next(filter(None, told), None)
        if problem:
            found[host] = problem
    return found


_LISTS = ("all_networks", "unallocated", "published_networks", "published", "services")


def _of_leader(first: dict[str, t.Any], view: dict[str, t.Any]) -> dict[str, t.Any]:
    """The leader's data about the swarm and the run's objects, from its later view if there are two."""
    made, told = first.get("made") or NOTHING_MADE, view.get("convergence") or {}
    return {
        **_networks(first, view, made["twin"]),
        **{name: view.get(name) or {} for name in ("vips", "records", "owners", "addresses", "lacking", "shared")},
        **{name: view.get(name) or [] for name in _LISTS},
        "swarm": view.get("swarm") or first.get("swarm") or {},
        "ingress": view.get("ingress", {}),
        "viewed": bool(view),
        "made": made,
        "refused": {part: problems.of_part(text) for part, text in made["refused"].items()},
        "unmatched": first.get("unmatched") or [],
        "published_on": view.get("published_on"),
        "published_port": view.get("published_port"),
        "published_udp": view.get("published_udp"),
        "convergence": told,
        "task_problems": {node: problems.of_task(text) for node, text in (told.get("errors") or {}).items()},
    }


def _networks(first: dict[str, t.Any], view: dict[str, t.Any], twin_id: str | None) -> dict[str, t.Any]:
    """The selected networks, those with the plain twin, and all known overlays."""
    described = {network["id"]: network for network in view.get("networks") or []}
    selected = [dict(described.get(network["id"], network)) for network in first.get("networks") or []]
    twin = described.get(twin_id)
    return {
        "twin": twin,
        "networks": selected or ([twin] if twin else []),
        "under_test": selected + ([twin] if twin and twin not in selected else []),
        "overlays": list(described.values()) or selected,
    }


def _worker(facts: Facts) -> str | None:
    """The worker that attaches containers: of those that answered and can run tasks the first whose probe is open.

    A probe that comes late changes nothing any more: it is the worker that was asked to attach them.
    """
    workers = [host for host in able_hosts(facts) if facts.nodes[host]["role"] == "worker"]
    asked = [host for host in workers if (facts.probed.get(host) or {}).get("attached") is not None]
    return next(iter([*asked, *(host for host in workers if host in facts.probes), *workers]), None)


def _probes(facts: Facts, addresses: dict[str, t.Any]) -> dict[str, t.Any]:
    """Host -> network id -> address, for the hosts whose probe is open."""
    return {
        host: addresses[facts.nodes[host]["id"]]
        for host in facts.opened
        if facts.opened[host].get("namespace") and facts.nodes[host]["id"] in addresses
    }


def _late_probes(facts: Facts, addresses: dict[str, t.Any]) -> list[str]:
    """The hosts that had no probe when they were asked, although the managers then saw it run."""
    return [host for host in facts.hosts if missing_probe(facts, host) and facts.nodes[host]["id"] in addresses]


def able_hosts(facts: Facts) -> list[str]:
    """The hosts of the play to which swarm assigns tasks."""
    able = _paths.able(facts)
    return [host for host in facts.hosts if host in facts.nodes and facts.nodes[host]["id"] in able]


def expects_task(facts: Facts, host: str) -> bool:
    """Whether a probe's task must start on the host."""
    return bool(facts.made["probe"]) and host in able_hosts(facts)


def missing_probe(facts: Facts, host: str) -> bool:
    """Whether the host's probe has yet to start."""
    return expects_task(facts, host) and not facts.opened.get(host, {}).get("namespace")


def is_open(facts: Facts) -> bool:
    """Whether all objects of the run are up, on every host and in the leader's view."""
    if facts.made["published"] and not facts.published_on:
        return False
    return (
        facts.viewed
        and not any(missing_probe(facts, host) for host in facts.hosts)
        and all(host in facts.probes for host in facts.hosts if expects_task(facts, host))
    )
