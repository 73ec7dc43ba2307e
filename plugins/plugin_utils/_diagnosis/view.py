# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Results and facts in the form of the rules: links by medium, wrong names, words for nodes. Pure.

Private to swarmlab.overlay.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from functools import cached_property

from ...module_utils._terms import GOSSIP_PORT
from .._checks import _paths, _quality, _requests, _trains, _witness
from .._checks._blame import Pair
from .._checks._result import listed
from .._checks.pre_port import arrived, came_late, purpose
from .._facts.model import Facts, Network, Result
from . import links
from .model import BAD

WEAK = 0.2  # share of packets and answers that are lost: a question that is asked two or three times fails by that alone now and then


class View:
    """A run's results and facts. Every property is computed once."""

    def __init__(self, results: list[Result], facts: Facts) -> None:
        self.results = results
        self.facts = facts
        self.hosts = facts.hosts
        self._symptoms: dict[str, dict[Pair, list[_quality.Symptom]]] = {}

    def bad(self, pattern: str) -> list[Result]:
        """Failed and inconclusive results of these checks."""
        return [item for item in self.results if item["status"] in BAD and fnmatchcase(item["id"], pattern)]

    def failed(self, pattern: str) -> list[Result]:
        """Failed results of these checks."""
        return [item for item in self.bad(pattern) if item["status"] == "fail"]

    def names(self, nodes: tuple[str, ...] | list[str]) -> str:
        """Nodes as text in a sentence."""
        if len(nodes) > 1 and set(nodes) >= set(self.hosts):
            return "every node"
        return " and ".join(", ".join(listed(nodes).rsplit(", ", 1)).rsplit(", ", 1)) if nodes else "no node"

    def title(
        self, template: str, nodes: tuple[str, ...] | list[str] = (), networks: tuple[str, ...] | list[t.Any] = ()
    ) -> str:
        """A title with its nodes and networks: '{nodes} [is|are] frozen'. The verb agrees with the number of nodes."""
        many = len(nodes) > 1 and not set(nodes) >= set(self.hosts)
        text = re.sub(r"\[([^|\]]*)\|([^|\]]*)\]", lambda found: found.group(2 if many else 1), template)
        text = text.replace("{nodes}", self.names(nodes)).replace("{networks}", " and ".join(networks) or "the swarm")
        return text[:1].upper() + text[1:] if text.startswith(("every ", "no ")) else text

    def ordered(self, nodes: Iterable[str]) -> tuple[str, ...]:
        """Nodes in the order of the play."""
        return tuple(
            sorted(nodes, key=lambda node: (self.hosts.index(node) if node in self.hosts else len(self.hosts), node))
        )

    @property
    def data_port(self) -> int:
        """The swarm's data-path port; the engine's default when it is unknown."""
        return self.facts.swarm.get("data_port") or 4789

    def host_of(self, address: str) -> str | None:
        """The host with this address on the underlay."""
        return next(
            (
                host
                for host in self.hosts
                if address in (_paths.address(self.facts, host), _paths.vtep(self.facts, host))
            ),
            None,
        )

    @cached_property
    def starved(self) -> set[str]:
        """The hosts whose silence proves nothing, as they had no processor: what fails between them and others is no evidence of anything else."""
        return set(_witness.silent(self.facts))

    def _unproven(self, met: bool, *ends: str) -> bool:
        return not met and bool(self.starved & set(ends))

    @cached_property
    def overlay(self) -> dict[str, dict[Pair, dict[str, str | None]]]:
        """Network id -> {(source, target): {kind: None when answered, else the reason}}, from all requests."""
        found: dict[t.Any, t.Any] = {}
        for host, observations in self.facts.observations.items():
            for ident, seen in observations.items():
                path = _requests.path(ident)
                if path and path.target in self.hosts and not self._unproven(seen["ok"], host, path.target):
                    row = found.setdefault(path.network, {}).setdefault((host, path.target), {})
                    if seen["ok"] or path.kind not in row:
                        row[path.kind] = None if seen["ok"] else _paths.problem(seen)
        return found

    def tried(self, network: Network) -> dict[Pair, dict[str, str | None]]:
        """The pairs that were tried on a network."""
        return self.overlay.get(_requests.short(network), {})

    def network_links(self, network: Network) -> links.Links:
        """The directions between nodes on a network.

        The responder shows whether the question or its answer was lost.
        """
        pairs, received = self.tried(network), self.facts.received
        good, bad = set(), {}
        for (source, target), kinds in pairs.items():
            if None in kinds.values():
                good |= {(source, target), (target, source)}
        for (source, target), kinds in pairs.items():
            if (source, target) in good:
                continue
            heard = any(received.get(target, {}).get(f"{kind}/{network['name']}/{source}") for kind in ("udp", "tcp"))
            if heard:
                good.add((source, target))
                bad[target, source] = self._end(network, (target, source))
            elif target in received and "udp" in kinds:
                bad[source, target] = self._end(network, (source, target))
            else:
                bad.setdefault((source, target), links.UNKNOWN)
        return links.Links(frozenset(good - set(bad)), bad)

    def _end(self, network: Network, link: Pair) -> str:
        sent, arrived = (
            _paths.packets_sent(self.facts, network, *link),
            _paths.packets_arrived(self.facts, network, *link),
        )
        if sent is None:
            return links.UNKNOWN
        if not sent:
            return links.SOURCE
        return links.TARGET if arrived else links.WAY

    @cached_property
    def plain(self) -> links.Links:
        """Directions that fail on every plain network."""
        return links.common(
            self.network_links(network) for network in self.facts.under_test if not network["encrypted"]
        )

    @cached_property
    def encrypted(self) -> links.Links:
        """Directions that fail on every encrypted network."""
        return links.common(self.network_links(network) for network in self.facts.under_test if network["encrypted"])

    def networks(self, encrypted: bool) -> tuple[str, ...]:
        """Names of the plain or of the encrypted networks."""
        return tuple(sorted(network["name"] for network in self.facts.under_test if network["encrypted"] == encrypted))

    @cached_property
    def knocks(self) -> dict[str, dict[Pair, bool]]:
        """Kind of underlay traffic (``pre_port.purpose``) -> {(source, target): whether it passed}, from PRE-PORT."""
        found: dict[t.Any, t.Any] = {}
        for host, observations in self.facts.observations.items():
            for ident, seen in observations.items():
                knock = _requests.knock(ident)
                if not knock or knock.target == host or self._unproven(seen["ok"], host, knock.target):
                    continue
                passed = seen["ok"] or came_late(self.facts, host, knock)
                found.setdefault(purpose(knock.kind, knock.number), {})[host, knock.target] = passed
        return found

    @cached_property
    def calls(self) -> dict[Pair, bool]:
        """(source, manager) -> whether its port took a call, from CP-TLS."""
        found = {}
        for host, observations in self.facts.observations.items():
            for ident, seen in observations.items():
                call = _requests.call(ident)
                manager = self.host_of(call.address) if call else None
                if manager and manager != host:
                    met = seen["outcome"] != "unreachable"
                    if not self._unproven(met, host, manager):
                        found[host, manager] = met
        return found

    @cached_property
    def unmanaged(self) -> set[str]:
        """The hosts that asked managers at their port, and got no answer from any."""
        tries = [*self.knocks.get("managers", {}).items(), *self.calls.items()]
        reach = {source for (source, _manager), met in tries if met}
        return {source for (source, _manager), _met in tries} - reach

    @cached_property
    def lost(self) -> dict[str, str]:
        """The hosts that answer Ansible and are not ready for the managers, with the state that these tell of."""
        states = {node["id"]: node["state"] for node in self.facts.swarm.get("nodes", [])}
        found = {host: states.get(node["id"], "ready") for host, node in self.facts.nodes.items()}
        return {host: state for host, state in found.items() if state != "ready"}

    def _heard(self, kind: str, source: str, target: str) -> bool:
        """Whether a question passed the target's firewall. For TCP that is unknown."""
        ports = {"data": ("port-udp", self.data_port), "gossip-udp": ("port-udp", GOSSIP_PORT), "esp": ("port-esp", 0)}
        return kind in ports and arrived(self.facts, source, _requests.Knock(*ports[kind], target))

    @cached_property
    def ports(self) -> dict[str, t.Any]:
        """Kind of underlay traffic -> directions. If a question arrived without an answer, the answer was lost."""
        return {kind: self._directions([kind], tries) for kind, tries in self.knocks.items()}

    @cached_property
    def dead(self) -> links.Links:
        """Directions in which no traffic passes on the underlay, out of several kinds that were tried.

        A wire that carries something, however badly, is not dead.
        """
        tried: dict[Pair, list[bool]] = {}
        for tries in self.knocks.values():
            for pair, ok in tries.items():
                tried.setdefault(pair, []).append(ok)
        return self._directions(
            list(self.knocks),
            {pair: any(answers) or pair in self._limping for pair, answers in tried.items() if len(answers) > 1},
        )

    def _directions(self, kinds: list[str], answered: dict[Pair, bool]) -> links.Links:
        good = {link for pair, ok in answered.items() if ok for link in (pair, pair[::-1])}
        bad = set()
        for (source, target), ok in answered.items():
            if not ok:
                came = any(self._heard(kind, source, target) for kind in kinds)
                bad.add((target, source) if came else (source, target))
                good |= {(source, target)} if came else set()
        # An answer proves both directions only for its own flow. A failed request in the other direction stays bad.
        return links.Links(frozenset(good - bad), dict.fromkeys(bad, links.UNKNOWN))

    @cached_property
    def quality_of_wire(self) -> set[Pair]:
        """The pairs whose wire is bad in any way, so that nothing above it can be good."""
        return set(self.symptoms(_quality.WIRE, _paths.host_pairs(self.facts)))

    @cached_property
    def _limping(self) -> set[Pair]:
        """The pairs, both ways, whose wire is bad and carries something all the same: an answer needs both ways."""
        paths = _quality.paths(self.facts, _quality.WIRE, sorted(self.quality_of_wire))
        return {pair for path in paths if not path.dead for pair in (path.pair, path.pair[::-1])}

    @cached_property
    def weak(self) -> set[Pair]:
        """The pairs, both ways, whose wire loses so many packets that a question on it may fail for that alone."""
        paths = _quality.paths(self.facts, _quality.WIRE, _paths.host_pairs(self.facts))
        shares = {path.pair: _quality.loss(path) for path in paths if not path.dead}
        found = {pair for pair, share in shares.items() if share + shares.get(pair[::-1], share) >= 2 * WEAK}
        return found | {pair[::-1] for pair in found}

    def symptoms(self, layer: str, pairs: list[Pair]) -> dict[Pair, list[_quality.Symptom]]:
        """What is bad about the paths of a layer, between its pairs; computed once, as each symptom's rule asks."""
        return self._once(layer, lambda: _quality.paths(self.facts, layer, pairs))

    def symptoms_by_virtual_ip(self, network: Network) -> dict[Pair, list[_quality.Symptom]]:
        """The same of the paths through a network's virtual IP."""
        return self._once(_quality.balanced(network), lambda: _trains.by_virtual_ip(self.facts, network))

    def symptoms_by_mesh(self) -> dict[Pair, list[_quality.Symptom]]:
        """The same of the paths through published ports."""
        return self._once(_quality.MESH, lambda: _trains.by_mesh(self.facts))

    def _once(self, layer: str, paths: Callable[[], list[_quality.Path]]) -> dict[Pair, list[_quality.Symptom]]:
        if layer not in self._symptoms:
            found = _quality.symptoms(self.facts, paths())
            self._symptoms[layer] = {pair: rows for pair, rows in found.items() if not self.starved & set(pair)}
        return self._symptoms[layer]

    @cached_property
    def wrong_names(self) -> list[dict[str, t.Any]]:
        """Rows of the name checks: node, name, missing, unexpected, with network and service."""
        return [
            dict(row, network=item["network"], service=item["service"])
            for item in self.failed("SD-*")
            for row in item["evidence"].get("records") or []
            if row["node"] not in self.starved and not (row["holders"] and self.starved >= set(row["holders"]))
        ]
