# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NET-ATTACH: a standalone container on a worker attaches as declared, and names resolve both ways."""

from __future__ import annotations

import sys
import typing as t
from types import ModuleType

from .. import _foreign_words as foreign
from .._facts.model import Facts, Network, Requests, Result
from . import _paths, _requests, _witness
from ._result import FAIL, INCONCLUSIVE, PASS, SKIP, count, each_network, listed, not_set_up, result

ID = "NET-ATTACH"
TITLE = "A standalone container attaches on a worker, as declared"
HINT = "Declare the network with 'attachable: true'; a timeout points at the worker's way to its manager (2377/tcp)."
ORDER = 45
NEEDS = ("probe", "attach", "lazy")
TAGS = ("P0", "networks")
REFUSAL, LATE = "not-attachable", "swarm-late"
ENGINE_PATIENCE = 40  # seconds; the container starts while the other probes already ask
CHECK = sys.modules[__name__]


def plan(facts: Facts) -> Requests:
    """The container asks for the probes' name; every probe asks for the container's name, whichever node has it."""
    requests: Requests = {}
    for network in facts.networks:
        vip = facts.vips.get(network["id"])
        if not facts.worker or not network["attachable"] or not vip:
            continue
        short, patience = _requests.short(network), facts.settings["convergence"]
        requests.setdefault(facts.worker, []).append(
            {
                "id": f"{ID}/out/{short}",
                "kind": "dns",
                "name": f"{facts.probe_name}.{network['name']}",
                "expected": [vip],
                "patience": patience,
                "where": "attached/" + network["id"],
            }
        )
        for host in _paths.probed(facts, network["id"]):
            requests.setdefault(host, []).append(
                {
                    "id": f"{ID}/in/{short}",
                    "kind": "dns",
                    "name": f"{attached_name(facts)}.{network['name']}",
                    "within": network["subnets"],
                    "patience": patience + ENGINE_PATIENCE,
                }
            )
    return requests


def attached_name(facts: Facts) -> str:
    """The name of the container, on every network."""
    return facts.probe_name.rpartition("-")[0] + "-at"


def attached(facts: Facts, network: Network) -> dict[str, t.Any] | None:
    """The chosen worker's result for the network."""
    rows = facts.probed.get(facts.worker or "", {}).get("attached") or []
    return next((row for row in rows if row["network"] == network["id"]), None)


def judge(facts: Facts) -> list[Result]:
    """One result a network."""
    return each_network(CHECK, facts, _judge)


def _judge(facts: Facts, network: Network) -> Result:
    name = network["name"]
    if facts.leader and not facts.worker:
        return result(CHECK, SKIP, "no-worker", "the swarm has no worker in this play", network=name)
    blocked = not_set_up(CHECK, facts, "probe", name)
    if blocked:
        return blocked
    found, worker = attached(facts, network), [facts.worker or ""]
    if found is None:
        return result(
            CHECK, INCONCLUSIVE, "not-tried", f"{facts.worker} did not try to attach", network=name, nodes=worker
        )
    if not network["attachable"]:
        return _judge_closed(found, name, worker)
    if "refused" in found:
        return refused(CHECK, facts, found, network=name)
    return _judge_names(facts, network, found)


def refused(check: ModuleType, facts: Facts, found: dict[str, t.Any], network: str | None = None) -> Result:
    """What follows from a refusal: nothing where the engine waited in vain for the swarm, and both had other programs to run."""
    crowded = {host: _witness.crowd(facts, host) for host in (facts.worker, facts.leader) if host}
    told = [f"{host}{load}" for host, load in crowded.items() if load]
    late = bool(told) and refusal(found) == LATE
    text = f"{facts.worker} could not attach: {found['refused']}"
    return result(
        check,
        INCONCLUSIVE if late else FAIL,
        "node-starved" if late else "attach-refused",
        f"{text}; {', '.join(told)}" if late else text,
        network=network,
        nodes=[facts.worker],
        seconds=found["seconds"],
        details={"refusal": refusal(found)},
    )


def refusal(found: dict[str, t.Any]) -> str:
    """The reason for which the engine refused to attach the container; empty when it did not."""
    said = found.get("refused")
    return foreign.reason(said, foreign.ATTACHMENT, "engine-refused") if said is not None else ""


def _judge_closed(found: dict[str, t.Any], name: str, worker: list[str]) -> Result:
    if refusal(found) == REFUSAL:
        return result(
            CHECK,
            PASS,
            "ok",
            "not attachable, and the engine refuses it",
            network=name,
            nodes=worker,
            seconds=found["seconds"],
        )
    text = "declared not attachable, yet " + (found.get("refused", "a container could attach"))
    return result(
        CHECK,
        FAIL,
        "refused-otherwise" if "refused" in found else "attached-though-closed",
        text,
        network=name,
        nodes=worker,
    )


def _judge_names(facts: Facts, network: Network, found: dict[str, t.Any]) -> Result:
    short = _requests.short(network)
    looks = [(facts.worker or "", "out", facts.probe_name)]
    looks += [(host, "in", found["name"]) for host in _paths.probed(facts, network["id"])]
    wrong, silent = {}, []
    for host, way, asked in looks:
        seen = _paths.seen(facts, host, f"{ID}/{way}/{short}")
        if seen is None:
            silent.append(host)
        elif not seen["ok"] or (way == "in" and seen["addresses"] != [found["address"]]):
            wrong[host] = (
                f"{host}: {asked} from {'the container' if way == 'out' else 'the probe'} answered {listed(seen['addresses']) or seen['kind']}"
            )
    if wrong:
        return result(
            CHECK, FAIL, "records-wrong", listed(wrong.values(), 3), network=network["name"], nodes=sorted(wrong)
        )
    if silent:
        return result(
            CHECK,
            INCONCLUSIVE,
            "no-observation",
            f"no answer seen on {listed(silent)}",
            network=network["name"],
            nodes=silent,
        )
    text = f"attached on {facts.worker} in {found['seconds']:.1f} s; its name resolves from {count(len(looks) - 1, 'node')}, theirs from it"
    return result(CHECK, PASS, "ok", text, network=network["name"], nodes=[facts.worker], seconds=found["seconds"])
