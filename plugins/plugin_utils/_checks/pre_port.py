# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PRE-PORT: the ports of Swarm are open between every pair of nodes, both ways."""

from __future__ import annotations

import sys
import typing as t

from ...module_utils._terms import GOSSIP_PORT
from .._facts.model import Facts, Requests, Result
from . import _paths, _requests
from ._blame import Pair, between, blame
from ._result import FAIL, INCONCLUSIVE, PASS, SKIP, count, listed, result

ID = _requests.PORTS
TITLE = "The ports of Swarm are open between all nodes"
HINT = "See PRE-REACH: a port is asked from every node that answers."
ADVICE = "On %s allow %s from every other node, in the host's firewall and in whatever stands between: '%s -I INPUT %s -j ACCEPT'."
ORDER = 22
NEEDS = ("ports",)
TAGS = ("P0", "preflight", "control")
CHECK = sys.modules[__name__]
PATIENCE = 6


class Port(t.NamedTuple):
    """A port that must be open."""

    kind: str
    number: int
    text: str
    rule: str

    @property
    def purpose(self) -> str:
        """The swarm's use of the port."""
        return purpose(self.kind, self.number)


def purpose(kind: str, number: int) -> str:
    """The swarm's use of a port that a request of this kind tests."""
    if kind == "port-esp":
        return "esp"
    if kind == "port-udp":
        return "gossip-udp" if number == GOSSIP_PORT else "data"
    return "gossip-tcp" if number == GOSSIP_PORT else "managers"


def needed(facts: Facts) -> list[Port]:
    """The ports that the selected networks need."""
    data = facts.swarm["data_port"]
    found = [
        Port("port-tcp", GOSSIP_PORT, "7946/tcp (gossip)", "-p tcp --dport 7946"),
        Port("port-udp", GOSSIP_PORT, "7946/udp (gossip)", "-p udp --dport 7946"),
        Port("port-udp", data, f"{data}/udp (VXLAN)", f"-p udp --dport {data}"),
    ]
    if any(network["encrypted"] for network in facts.networks):
        found.append(Port("port-esp", 0, "IP protocol 50 (ESP)", "-p esp"))
    return found


def _pairs(facts: Facts) -> list[Pair]:
    return _paths.host_pairs(facts)


def _managers(facts: Facts) -> dict[str, t.Any]:
    """Host -> port of its manager."""
    ports = {node["id"]: node["manager_address"] for node in facts.swarm["nodes"] if node["manager_address"]}
    return {
        host: int(ports[node["id"]].rpartition(":")[2]) for host, node in facts.nodes.items() if node["id"] in ports
    }


def _asked(facts: Facts) -> list[tuple[Port, list[tuple[str, str, int]]]]:
    """(port, [(source, target, target port)])"""
    pairs = _pairs(facts)
    rows = [(port, [(source, target, port.number) for source, target in pairs]) for port in needed(facts)]
    managers = _managers(facts)
    for number in sorted(set(managers.values())):
        port = Port("port-tcp", number, f"{number}/tcp (managers)", f"-p tcp --dport {number}")
        rows.insert(0, (port, [(source, target, number) for source, target in pairs if managers.get(target) == number]))
    return rows


def plan(facts: Facts) -> Requests:
    """Each source sends to each target of its pairs; the helper on the target answers where no listener would."""
    requests: Requests = {}
    for port, tries in _asked(facts) if facts.swarm else []:
        for source, target, number in tries:
            requests.setdefault(source, []).append(
                {
                    "id": _ident(port, target),
                    "kind": port.kind,
                    "address": _address(facts, port, target),
                    "port": number,
                    "patience": PATIENCE,
                    "where": "host",
                }
            )
    return requests


def _address(facts: Facts, port: Port, target: str) -> str | None:
    """The target's address for the port. The data path may have its own address."""
    data = port.kind == "port-esp" or (port.kind, port.number) == ("port-udp", facts.swarm["data_port"])
    return _paths.tunnel(facts, target) if data else _paths.address(facts, target)


def _ident(port: Port, target: str) -> str:
    return str(_knock(port, target))


def _knock(port: Port, target: str) -> _requests.Knock:
    return _requests.Knock(port.kind, port.number, target)


def hopeless(facts: Facts) -> bool:
    """Whether gossip does not reach a node, as far as its port was tested. Waiting does not open a closed port."""
    if not facts.swarm:
        return False
    asked = {_ident(port, target) for port in needed(facts) if port.number == GOSSIP_PORT for target in facts.hosts}
    return any(not seen["ok"] for told in facts.observations.values() for ident, seen in told.items() if ident in asked)


def judge(facts: Facts) -> list[Result]:
    """One result a port."""
    if not facts.swarm:
        return [
            result(
                CHECK,
                INCONCLUSIVE,
                "leader-not-in-play",
                "no manager told which ports the swarm uses",
                hint="See PRE-REACH.",
            )
        ]
    if len(facts.opened) == 1:
        return [result(CHECK, SKIP, "one-node", "the play has one node: there is no pair to try")]
    return [_judge(facts, port, tries) for port, tries in _asked(facts)]


def _judge(facts: Facts, port: Port, tries: list[tuple[str, str, int]]) -> Result:
    failed, silent, late = {}, set(), set()
    for source, target, _number in tries:
        seen = _paths.seen(facts, source, _ident(port, target))
        if seen is None:
            silent.add(source)
        elif not seen["ok"] and port.kind != "port-tcp" and target not in facts.heard:
            silent.add(target)  # no listener is known there
        elif not seen["ok"] and came_late(facts, source, _knock(port, target)):
            late.add(target)
        elif not seen["ok"]:
            failed[source, target] = seen.get("error") or f"{seen.get('node')} answered"
    title = f"{TITLE}: {port.text}"
    if failed:
        nodes = blame(failed)
        rows = [
            f"{source} to {target}: {why}{', though it arrived' if arrived(facts, source, _knock(port, target)) else ''}"
            for (source, target), why in sorted(failed.items())
        ]
        return result(
            CHECK,
            FAIL,
            "port-closed",
            f"{len(failed)} of {count(len(tries), 'pair')} failed: {listed(rows, 3)}",
            title=title,
            nodes=nodes,
            hint=ADVICE % (listed(nodes), port.text, _paths.iptables(facts), port.rule),
            details={"failed": rows, "between": between(failed), "port": port.text, "purpose": port.purpose},
        )
    if silent or not tries:
        return result(
            CHECK,
            INCONCLUSIVE,
            "no-observation",
            f"no observation from {listed(sorted(silent)) or 'any node'}",
            title=title,
            nodes=sorted(silent),
            hint="See PRE-REACH.",
        )
    return result(
        CHECK,
        PASS,
        "ok",
        f"{count(len(tries), 'pair')}: answered by the right node"
        + (f"; some questions only reached {listed(sorted(late))}, which answered too late" if late else ""),
        title=title,
        nodes=sorted({source for source, _target, _number in tries}),
        details={"port": port.text, "purpose": port.purpose},
    )


def came_late(facts: Facts, source: str, knock: _requests.Knock) -> bool:
    """Whether a question arrived at a helper that is too slow to answer in time. The port is open then: the question passed the
    target's firewall, and bears the run's words. The way back has a question of its own."""
    return arrived(facts, source, knock) and _paths.lags(facts, knock.target)


def arrived(facts: Facts, source: str, knock: _requests.Knock) -> bool:
    """Whether a question passed the target's firewall. For TCP that is unknown."""
    protocol = {"port-udp": 17, "port-esp": 50}.get(knock.kind)
    return bool(facts.heard.get(knock.target, {}).get(f"{protocol}/{knock.number}/{source}"))
