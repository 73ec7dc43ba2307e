# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of each phase for each host, computed from the facts so far. Pure.

Private to swarmlab.overlay. Runs on the controller.
"""

from __future__ import annotations

import functools
import math
import typing as t
from types import ModuleType

from ...module_utils._probe import background, pause
from ...module_utils._verify import local, objects, standalone
from .. import _checks
from .. import _foreign_words as foreign
from .._checks import _paths, _workloads
from .._facts.model import Facts, Settings
from . import facts as gathered

SLACK = (
    60  # seconds beyond the convergence time that a node may take to probe; attaching on a slow machine is the longest
)
WAIT = 35  # seconds that one call may wait for probes; the helpers' lease must be longer
LEAST = 10  # seconds to wait for probes after the preparation, however long that took
GRACE = 20  # seconds from the end of the leader's wait until the next task renews the lease
REBOOT = "reboot"  # carried out by Ansible from outside
REPAIR = 120  # seconds: four rounds of the exchange of all records, which engines make every 30 s, each with a random peer (networkdb)
LEASE = 50  # seconds: the remains of a killed controller are gone within a minute


def lease(settings: Settings) -> float:
    """The helpers' lease in seconds. Each phase reaches every host once, in batches of the number of forks."""
    batches = math.ceil(len(settings["hosts"]) / max(1, settings["forks"]))
    return float(max(LEASE, settings["convergence"] + 30) * batches + settings.get("measuring", 0))


def _slowest(facts: Facts) -> float:
    """The seconds of the longest call so far, to any host: while it lasts, nothing renews the lease on the others."""
    return max((row[1] - row[0] for rows in facts.clocks.values() for row in rows), default=0.0)


def together(settings: Settings) -> bool:
    """Whether all hosts run a phase at the same time."""
    return int(settings["forks"]) >= len(settings["hosts"])


def _common(facts: Facts, host: str) -> dict[str, t.Any]:
    return {
        "run": facts.run,
        "name": host,
        "needs": facts.needs,
        "image": facts.settings["image"] or pause.IMAGE,
        "lease": max(lease(facts.settings), background.SLOW * _slowest(facts)),
    }


def prepare(facts: Facts, host: str, _given: list[ModuleType]) -> dict[str, t.Any]:
    """The plan to prepare, the same for every host; the nodes find out which one leads.

    If all hosts run at the same time, they wait for each other; else the next phase does.
    """
    settings = facts.settings
    wait = min(settings["timeout"], WAIT) if together(settings) else 0
    return dict(_common(facts, host), hosts=len(facts.hosts), networks=settings["networks"], wait=wait)


def open_node(facts: Facts, host: str, _given: list[ModuleType]) -> dict[str, t.Any] | None:
    """The rest of the preparation.

    None when everything is open, for a host that is not prepared, or without a leader. Otherwise every host takes part,
    because its helpers must not end while the leader waits.
    """
    if host not in facts.nodes or not facts.leader or _checks.unfit(facts) or gathered.is_open(facts):
        return None
    common, timeout = _common(facts, host), _left(facts)
    return dict(
        common,
        lease=max(common["lease"], timeout + GRACE),
        made=facts.made,
        timeout=timeout,
        opened=together(facts.settings) and not gathered.missing_probe(facts, host),
        expected=gathered.expects_task(facts, host),
        leader=host == facts.leader,
    )


def _in_vain(facts: Facts) -> bool:
    """Whether every probe that is missing failed for an error of its node's kernel (no room, no memory): more time mends none of them."""
    told = facts.convergence.get("errors") or {}
    missing = [told.get(facts.nodes[host]["id"], "") for host in facts.hosts if gathered.missing_probe(facts, host)]
    return bool(missing) and all(foreign.reason(text, foreign.KERNEL, "") for text in missing)


def _left(facts: Facts) -> float:
    """The seconds for which probes are still waited. One that comes after all is opened late."""
    timeout = float(facts.settings["timeout"])
    if not together(facts.settings):
        return timeout
    # They have waited within the preparation.
    left = LEAST if _in_vain(facts) else timeout - WAIT
    seen = facts.convergence.get("turnout")
    return max(min(left, local.left(seen)) if seen else left, LEAST)


def reopen(facts: Facts, host: str, _given: list[ModuleType]) -> dict[str, t.Any] | None:
    """Open a probe that came after its node was asked for it. All requests follow once more."""
    if host not in facts.late_probes or host not in facts.probed:
        return None
    return dict(_common(facts, host), made=facts.made, timeout=LEAST, opened=False, expected=True, leader=False)


def probe(facts: Facts, host: str, checks: list[ModuleType]) -> dict[str, t.Any] | None:
    """All checks' requests for this host, grouped by namespace. None when several hosts are one node."""
    if host not in facts.opened or not facts.leader or _checks.unfit(facts):
        return None
    settings, node = facts.settings, facts.nodes[host]
    return dict(
        _common(facts, host),
        once=settings["once"],
        limit=settings["convergence"] + SLACK,
        attach=_attach(facts, checks) if host == facts.worker else None,
        published=node["id"] == facts.published_on and not facts.opened[host].get("published"),
        patience=settings["convergence"],
        speed={"address": node["address"]} if facts.made.get("speed") and gathered.expects_task(facts, host) else None,
        **_awaited(facts),
        root=node["root"],
        vnis=[network["vni"] for network in facts.under_test if network["vni"] is not None],
        ports=facts.published,
        firewall=node["firewall"],
        ipv6=_paths.over_ipv6(facts, host),
        work=_work(facts, host, checks),
        trains=_trains(facts, host, checks),
        looks=_looks(facts, host, checks),
    )


def _awaited(facts: Facts) -> dict[str, t.Any]:
    """The probes' addresses that gossip must have, by network."""
    return {
        "network_ids": [network["id"] for network in facts.under_test],
        "probes": {
            network["id"]: [row[network["id"]] for row in facts.probes.values() if network["id"] in row]
            for network in facts.under_test
        },
    }


def _attach(facts: Facts, checks: list[ModuleType]) -> dict[str, t.Any] | None:
    """The worker's container: its networks, one after the other, and its requests there."""
    if "attach" not in facts.needs:
        return None
    lazy = None
    if facts.made["lazy"]:
        lazy = {"id": facts.made["lazy"], "name": objects.name(facts.run, "lazy")}
    asked = [request for check in checks for request in check.plan(facts).get(facts.worker, [])]
    return {
        "lazy": lazy,
        "alone": [_plain(request) for request in asked if request.get("where") == "alone"],
        "networks": [
            {"id": network["id"], "name": network["name"]}
            for network in facts.networks
            if network["id"] not in facts.made["crowded"]
        ],
        "requests": {
            network["id"]: [_plain(request) for request in asked if request.get("where") == "attached/" + network["id"]]
            for network in facts.networks
        },
    }


def _plain(request: dict[str, t.Any]) -> dict[str, t.Any]:
    return {key: value for key, value in request.items() if key not in ("where", "about")}


def _work(facts: Facts, host: str, checks: list[ModuleType]) -> list[dict[str, t.Any]]:
    """Requests by namespace. A request that checks share is carried out once."""
    grouped: dict[t.Any, t.Any] = {}
    for check in checks:
        for request in check.plan(facts).get(host, []):
            where = request.get("where") or "probe"
            if where in ("probe", "host") or where.startswith(_workloads.INSIDE):
                grouped.setdefault(_namespace(facts, host, where), {})[request["id"]] = _plain(request)
    ours = (None, facts.opened[host].get("namespace"))
    return [
        {"namespace": namespace, "requests": list(requests.values()), "foreign": namespace not in ours}
        for namespace, requests in grouped.items()
    ]


def _trains(facts: Facts, host: str, checks: list[ModuleType]) -> list[dict[str, t.Any]]:
    """The trains of this host, grouped by namespace."""
    grouped: dict[t.Any, t.Any] = {}
    for check in checks:
        for request in check.trains(facts).get(host, []) if hasattr(check, "trains") else []:
            grouped.setdefault(_namespace(facts, host, request["where"]), []).append(_plain(request))
    return [{"namespace": namespace, "requests": requests} for namespace, requests in grouped.items()]


def _namespace(facts: Facts, host: str, where: str) -> str | None:
    """The path of a namespace; None is the host's own."""
    inside = _workloads.inside(facts, host, where)
    return inside or (None if where == "host" else facts.opened[host].get("namespace"))


def _looks(facts: Facts, host: str, checks: list[ModuleType]) -> list[dict[str, t.Any]]:
    """The namespaces to look into after the requests: people's, and the probe's beside them.

    A request that fails from a container, or that names it with ``about``, makes it worth a closer look.
    """
    rows = _workloads.of(facts, host)
    concerns: dict[str, list[str]] = {row["id"]: [] for row in rows}
    curious = [check for check in checks if "workloads" in check.NEEDS] if rows else []
    for request in (request for check in curious for request in check.plan(facts).get(host, [])):
        about = request.get("about") or (request.get("where") or "").partition(_workloads.INSIDE)[2]
        if about in concerns:
            concerns[about].append(request["id"])
    found = [
        {
            "id": row["id"],
            "namespace": row["namespace"],
            "pid": row["pid"],
            "requests": concerns[row["id"]],
        }
        for row in rows
    ]
    if found and facts.opened[host].get("namespace"):
        probe = {"id": _workloads.PROBE, "namespace": facts.opened[host]["namespace"], "pid": None, "requests": []}
        found.append(probe)
    return found


def is_late(facts: Facts) -> bool:
    """Whether names are to be asked again: a probe came late, or gossip lacks one, or had it only after the names were asked."""
    return bool(facts.late_probes) or _mended(facts) or is_untold(facts)


def _mended(facts: Facts) -> bool:
    came = any(told.get("namespace") for told in facts.reopened.values())
    return came or any(told.get("mended") for told in facts.probed.values())


def is_untold(facts: Facts, waited: int = 0) -> bool:
    """Whether gossip lacks a probe after this number of waiting calls, and waiting can help.

    It does not open a closed port.
    """
    late = any(told.get("untold") for told in facts.probed.values())
    return late and facts.settings["convergence"] + waited * WAIT < REPAIR and not _checks.hopeless(facts)


def exchange(facts: Facts, host: str, _given: list[ModuleType], waited: int) -> dict[str, t.Any] | None:
    """Wait for probes that gossip lacks.

    When nodes join a network at the same moment, a record may get lost and arrives with the engines' next exchange of
    all records. Every host is called, so that no helper's lease expires.
    """
    if host not in facts.probed or not is_untold(facts, waited):
        return None
    return dict(_common(facts, host), patience=WAIT, **_awaited(facts))


def again(facts: Facts, host: str, checks: list[ModuleType]) -> dict[str, t.Any] | None:
    """All requests inside the networks once more, on every host, if a probe or gossip somewhere was complete only after the first."""
    plan = probe(facts, host, checks) if _mended(facts) and host in facts.probed else None
    if plan is None:
        return None
    work = [group for group in plan["work"] if group["namespace"]]
    told = facts.probed[host]
    if plan["attach"] and told.get("attached_in"):
        work.append(
            {
                "namespace": told["attached_in"],
                "requests": standalone.requests_from(told["attached"], plan["attach"]["requests"]),
            }
        )
    return dict(plan, attach=None, published=False, speed=None, work=work)


def measure(facts: Facts, host: str, checks: list[ModuleType]) -> dict[str, t.Any] | None:
    """The measurements of this host, while all others are idle."""
    rows = [
        row for check in checks if hasattr(check, "measurements") for row in check.measurements(facts).get(host, [])
    ]
    settings = facts.settings
    return (
        dict(_common(facts, host), rows=rows, once=settings["once"], seconds=settings["measure_seconds"])
        if rows
        else None
    )


def close(facts: Facts, host: str, _given: list[ModuleType]) -> dict[str, t.Any] | None:
    """The plan to clean up, for every host that was reached at least once."""
    if host not in facts.nodes:
        return None
    return {
        "run": facts.run,
        "leader": host == facts.leader,
        "lazy_id": facts.made["lazy"],
        "network_ids": facts.made["network_ids"],
        "ports": sorted({port["published"] for service in facts.services for port in service["ports"]}),
    }


def disrupt(facts: Facts, host: str, _given: list[ModuleType]) -> dict[str, t.Any] | None:
    """The disruption, on the node itself; the leader drains a node."""
    given = facts.settings["disruption"]
    actor = given["leader"] if given["what"] == "drain" else given["node"]
    if host != actor or given["what"] == REBOOT:
        return None
    return dict(
        _common(facts, host),
        **{key: given[key] for key in ("what", "node_id", "ports", "restart", "lacking", "timeout", "seconds")},
    )


def settle(facts: Facts, host: str, _given: list[ModuleType]) -> dict[str, t.Any] | None:
    """The leader waits for the state from before."""
    given = facts.settings["disruption"]
    return {key: given[key] for key in ("nodes", "lacking", "timeout")} if host == given["leader"] else None


PLANS: dict[str, t.Any] = {
    "prepare": prepare,
    "open": open_node,
    "probe": probe,
    "reopen": reopen,
    **{phase: functools.partial(exchange, waited=number) for number, phase in enumerate(objects.EXCHANGES)},
    "again": again,
    "measure": measure,
    "close": close,
    "disrupt": disrupt,
    "settle": settle,
}
