# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Odd swarms: a sound one of which one thing that its nodes report is otherwise, one kind of question is not answered, or one way is lost.

They are made by rule, from the shape of the reports, so that no part of a report is left out.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.swarmlab.overlay.plugins.plugin_utils._checks import _reasons
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._diagnosis import links
from broken import (
    ALL,
    ALL_PAIRS,
    GROUPS,
    KINDS,
    PLAINS,
    PORTS,
    TUNNEL,
    Swarm,
    across,
    cut,
    into,
    out_of,
    silent,
    waiting,
)
from sound import CHECKS, FIVE, HOSTS, LEADER, MODULES, PLAIN, SECRET, WORKER, around

OTHER = "vm3"
Where = tuple[str | int, ...]


def leaves(value: t.Any, where: Where = ()) -> t.Iterator[tuple[Where, t.Any]]:
    """The parts of a report with their places: all keys of a dictionary, and of a list the first item."""
    if where:
        yield where, value
    if isinstance(value, dict):
        for key, part in value.items():
            yield from leaves(part, (*where, key))
    elif isinstance(value, list) and value:
        yield from leaves(value[0], (*where, 0))


def otherwise(value: t.Any) -> dict[str, t.Any]:
    """What else a value could be, by a name."""
    if isinstance(value, bool):
        return {"turned": not value}
    if isinstance(value, (int, float)):
        return {"zero": 0, "high": value * 1000 + 1000}
    if isinstance(value, str):
        return {"empty": "", "other": f"other-{value}"}
    return {"empty": type(value)()} if value else {}


def put(report: dict[str, t.Any], where: Where, value: t.Any) -> None:
    for step in where[:-1]:
        report = report[step]
    report[where[-1]] = value


def drop(report: dict[str, t.Any], where: Where) -> None:
    for step in where[:-1]:
        report = report[step]
    del report[where[-1]]


def kinds() -> list[str]:
    """The kinds of questions: without the hosts and services that they name last."""
    asked = {ident for host in HOSTS for ident in Swarm().asked(host)}
    return sorted({re.sub(r"[^/]*$|/vm\d(?=/)", "", ident) for ident in asked} | {check + "/" for check in CHECKS})


def questions() -> t.Iterator[tuple[str, t.Callable[[], Swarm]]]:
    """Kinds of questions that are not answered, or were not asked, on one host or on all."""
    for kind in kinds():
        for name, hosts in (("everywhere", HOSTS), ("there", [OTHER]), ("here", [LEADER])):
            yield f"{kind} unmet {name}", lambda kind=kind, hosts=hosts: unmet(kind, hosts)
            yield f"{kind} unasked {name}", lambda kind=kind, hosts=hosts: unasked(kind, hosts)


def of_kind(swarm: Swarm, kind: str, host: str) -> list[str]:
    return [ident for ident in swarm.asked(host) if ident.startswith(kind)]


def unmet(kind: str, hosts: list[str]) -> Swarm:
    swarm = Swarm()
    for host in hosts:
        for ident in of_kind(swarm, kind, host):
            seen = swarm.of("probe", host)["observations"][ident]
            swarm.unmet(host, ident, **({"nodes": [], "errors": ["no answer"]} if "nodes" in seen else {}))
    return swarm


def unasked(kind: str, hosts: list[str]) -> Swarm:
    swarm = Swarm()
    for host in hosts:
        for ident in of_kind(swarm, kind, host):
            del swarm.of("probe", host)["observations"][ident]
    return swarm


def reports() -> t.Iterator[tuple[str, t.Callable[[], Swarm]]]:
    """Each part of what the leader and a worker report, gone or otherwise."""
    for phase in ("prepare", "probe", "close", "measure"):
        for host in (LEADER, WORKER):
            report = dict(Swarm().of(phase, host))
            report.pop("observations", None)
            for where, value in leaves(report):
                place = f"{phase} {host} {'.'.join(map(str, where))}"
                yield f"{place} gone", lambda phase=phase, host=host, where=where: changed(phase, host, where)
                for name, other in otherwise(value).items():
                    yield (
                        f"{place} {name}",
                        lambda phase=phase, host=host, where=where, other=other: changed(phase, host, where, other),
                    )


NOTHING = object()


def changed(phase: str, host: str, where: Where, other: t.Any = NOTHING) -> Swarm:
    def change(report: dict[str, t.Any]) -> None:
        if other is NOTHING:
            drop(report, where)
        else:
            put(report, where, other)

    if phase == "prepare":
        return Swarm(change=lambda prepared: change(prepared[host]["seen"]))
    swarm = Swarm()
    change(swarm.of(phase, host))
    return swarm


def faults() -> t.Iterator[tuple[str, t.Callable[[], Swarm]]]:
    """Lost ways by network, kind and end; closed ports; missing modules; silent hosts; probes that do not start; chosen parts."""
    ways = {
        "in": into(OTHER),
        "out": out_of(OTHER),
        "around": around(OTHER),
        "between": [(LEADER, OTHER)],
        "all": ALL_PAIRS,
    }
    networks = {"plain": PLAINS, "front": [PLAIN], "back": [SECRET], "every": ALL}
    for way, pairs in ways.items():
        for name, nets in networks.items():
            for end in (links.SOURCE, links.WAY, links.TARGET):
                yield (
                    f"{name} lost {way} at {end}",
                    lambda nets=nets, pairs=pairs, end=end: Swarm().lose(nets, pairs, end=end),
                )
            for kind in KINDS:
                yield (
                    f"{name} {kind} lost {way}",
                    lambda nets=nets, pairs=pairs, kind=kind: Swarm().lose(nets, pairs, [kind]),
                )
        for port in PORTS:
            yield f"port {port} shut {way}", lambda port=port, pairs=pairs: Swarm().shut([port], pairs)
            yield (
                f"port {port} deaf {way}",
                lambda port=port, pairs=pairs: Swarm().shut([port], pairs, [pair[::-1] for pair in pairs]),
            )
        yield f"cut {way}", lambda pairs=pairs: cut(pairs)
    for hosts in ([OTHER], HOSTS):
        for module in MODULES:
            for state in ("missing", "unknown"):
                yield (
                    f"{module} {state} on {len(hosts)}",
                    lambda module=module, hosts=hosts, state=state: lacking(module, hosts, state),
                )
    for host in HOSTS:
        for reason in _reasons.PROBLEMS:
            yield f"{host} {reason}", lambda host=host, reason=reason: silent(host, reason)
    for error in (
        "new: created",
        "pending: could not find an available IP",
        "rejected: No such image: x",
        TUNNEL,
        "failed: x",
    ):
        yield f"waiting {error}", lambda error=error: waiting(error)
    for name, chosen in CHOSEN.items():
        yield f"settings {name}", lambda chosen=chosen: Swarm(**chosen)
    yield "five nodes in two groups", lambda: cut(across(*GROUPS), FIVE)
    yield "the plain network of five nodes in two groups", lambda: Swarm(FIVE).lose([PLAIN], across(*GROUPS))


CHOSEN: dict[str, dict[str, t.Any]] = {
    "one node": {"nodes": ["vm2"]},
    "no node": {"nodes": ["none"]},
    "a service": {"services": ["web"]},
    "another service": {"services": ["none"]},
    "declared": {
        "declared": ["front", "gone"],
        "declared_as": {"front": {"encrypted": True, "attachable": True, "internal": True}},
    },
    "certificates": {"certificate_days": 365},
    "addresses": {"data_addresses": {"vm2": "10.88.0.2"}},
}


def lacking(module: str, hosts: list[str], state: str) -> Swarm:
    def change(prepared: dict[str, t.Any]) -> None:
        for host in hosts:
            prepared[host]["seen"]["opened"]["kernel"]["modules"][module] = state

    return Swarm(change=change)


def worlds() -> dict[str, t.Callable[[], Swarm]]:
    """Every odd swarm by its name."""
    return {**dict(questions()), **dict(faults()), **dict(reports())}
