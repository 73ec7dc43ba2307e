# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From symptoms to causes, as tables: what was seen, and which cause, nodes and results must come of it."""

from __future__ import annotations

import copy
import re
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils import _checks
from ansible_collections.swarmlab.overlay.plugins.plugin_utils import _foreign_words as foreign
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._checks import _blame, _reasons, dp_matrix
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._diagnosis import links, model, table, told
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._diagnosis.diagnose import diagnose
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._diagnosis.view import View
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._facts import problems
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._facts.problems import Problem
from drafts import Draft
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

HOSTS = ["vm1", "vm2", "vm3"]
ADDRESS = {f"vm{number}": f"10.77.0.1{number}" for number in range(1, 6)}
PLAIN = {
    "id": "plain0000000",
    "name": "front",
    "encrypted": False,
    "vni": 4097,
    "subnets": ["10.0.1.0/24"],
    "attachable": True,
}
SECRET = dict(PLAIN, id="secret000000", name="back", encrypted=True, vni=4098)
OTHER = dict(PLAIN, id="other0000000", name="side", vni=4099)
MODULES = ["vxlan", "bridge", "veth", "ip_vs", "ip_vs_rr", "esp4", "xfrm_user", "xt_bpf", "xt_policy"]
PORTS = {
    "gossip-tcp": ("port-tcp", 7946, "7946/tcp (gossip)"),
    "gossip-udp": ("port-udp", 7946, "7946/udp (gossip)"),
    "data": ("port-udp", 4789, "4789/udp (VXLAN)"),
    "esp": ("port-esp", 0, "IP protocol 50 (ESP)"),
    "managers": ("port-tcp", 2377, "2377/tcp (managers)"),
}
TRUST = {"roots_digest": "r", "issuer_digest": "i"}


class Swarm:
    """A sound swarm to break: its facts, and the results that checks would have come to."""

    def __init__(self, hosts: list | None = None, networks: tuple = (PLAIN, SECRET), ports: bool = True) -> None:
        self.hosts = hosts or HOSTS
        self.networks = list(networks)
        self.results: list = []
        self.facts = Draft(
            run="r1",
            hosts=self.hosts,
            leader="vm1",
            worker="vm2",
            problems={},
            settings={},
            nodes={
                host: {"id": "id-" + host, "role": "worker" if host != "vm1" else "manager", "address": ADDRESS[host]}
                for host in self.hosts
            },
            swarm={
                "data_port": 4789,
                "trust": TRUST,
                "nodes": [{"id": "id-" + host, "hostname": host, "state": "ready"} for host in self.hosts],
            },
            networks=self.networks,
            under_test=self.networks,
            opened={host: self.opened(host) for host in self.hosts},
            probed={},
            probes={host: {network["id"]: "10.0.1.9" for network in self.networks} for host in self.hosts},
            observations={host: {} for host in self.hosts},
            received={host: {} for host in self.hosts},
            heard={},
            wire={},
            held={},
            xfrm={
                host: [{"target": ADDRESS[other], "spi": "1"} for other in self.hosts if other != host]
                for host in self.hosts
            },
        )
        for source in self.hosts:
            for target in self.hosts:
                if source != target:
                    self._open(source, target, ports)

    def opened(self, host: str) -> dict:
        return {
            "time": 1000.0,
            "kernel": {"modules": dict.fromkeys(MODULES, "loadable")},
            "certificate": {"issuer_digest": "i", "roots_digest": "r", "not_before": 0, "not_after": 1000 + 86400},
        }

    def _open(self, source: str, target: str, ports: bool) -> None:
        for network in self.networks:
            for kind in dp_matrix.KINDS:
                self.seen(source, dp_matrix.ident("DP-MATRIX", network, target, kind), ok=True)
            self.facts.received[target][f"udp/{network['name']}/{source}"] = 1
        for kind, number, _text in PORTS.values() if ports else ():
            self.seen(source, f"PRE-PORT/{kind}/{number}/{target}", ok=True)

    def seen(self, host: str, ident: str, **what) -> None:
        self.facts.observations[host][ident] = {"ok": False, "seconds": 1, "error": "no answer", **what}

    def result(
        self,
        ident: str,
        status: str = "fail",
        nodes: tuple = (),
        network: str | None = None,
        reason: str = "paths-lost",
        **evidence,
    ) -> Swarm:
        self.results.append(
            {
                "id": ident,
                "status": status,
                "reason": reason,
                "title": ident,
                "network": network,
                "service": None,
                "nodes": list(nodes),
                "evidence": {"summary": "seen", **evidence},
                "hint": "do",
                "seconds": 0,
            }
        )
        return self

    def lose(self, network: dict, ways: list[tuple], kinds: tuple = dp_matrix.KINDS, end: str = links.UNKNOWN) -> Swarm:
        """What goes these ways on a network is lost; questions fail of which a way, or the way back, is among them."""
        cells: dict = {}
        for source in self.hosts:
            for target in self.hosts:
                if source == target or not {(source, target), (target, source)} & set(ways):
                    continue
                for kind in kinds:
                    self.seen(source, dp_matrix.ident("DP-MATRIX", network, target, kind))
                    cells.setdefault(kind, {}).setdefault(source, {})[target] = "no answer"
                if (source, target) in ways and "udp" in kinds:
                    self.facts.received[target].pop(f"udp/{network['name']}/{source}", None)
        for source, target in ways:
            self._wire(network, source, target, end)
        return self.result(
            "DP-MATRIX", "fail", HOSTS[:1], network["name"], matrix={"nodes": self.hosts, "kinds": cells}
        )

    def _wire(self, network: dict, source: str, target: str, end: str) -> None:
        if end == links.UNKNOWN:
            return
        for host in self.hosts:
            self.facts.wire.setdefault(host, {"plain": {}, "plain_in": {}, "esp_out": {}, "esp_in": {}})
        if end != links.SOURCE:
            self.facts.wire[source]["plain"].setdefault(str(network["vni"]), {})[ADDRESS[target]] = 3
        if end == links.TARGET:
            self.facts.wire[target]["plain_in"].setdefault(str(network["vni"]), {})[ADDRESS[source]] = 3

    def shut(self, kinds: tuple, ways: list[tuple], heard: tuple = ()) -> Swarm:
        """Ports that are closed for these ordered pairs; questions on the way ``heard`` arrive, and only their answer is lost."""
        for name in kinds:
            kind, number, text = PORTS[name]
            for source, target in ways:
                self.seen(source, f"PRE-PORT/{kind}/{number}/{target}")
                if (source, target) in heard and kind != "port-tcp":
                    self.facts.heard.setdefault(target, {})[f"{17 if kind == 'port-udp' else 50}/{number}/{source}"] = 1
            self.result("PRE-PORT", "fail", _blame.blame(ways), port=text, purpose=name)
        return self

    def causes(self) -> list[dict]:
        return diagnose(self.results, self.facts)


def into(host: str, hosts: tuple = tuple(HOSTS)) -> list[tuple]:
    return [(other, host) for other in hosts if other != host]


def out_of(host: str, hosts: tuple = tuple(HOSTS)) -> list[tuple]:
    return [(host, other) for other in hosts if other != host]


def around(host: str, hosts: tuple = tuple(HOSTS)) -> list[tuple]:
    return into(host, hosts) + out_of(host, hosts)


def across(one: list, other: list) -> list[tuple]:
    return [pair for a in one for b in other for pair in ((a, b), (b, a))]


def problem(host: str, reason: str, text: str = "told by the node") -> Swarm:
    swarm = Swarm()
    swarm.facts.problems = {host: Problem(reason, text)}
    return swarm.result("PRE-REACH", "fail", [host]).result("SD-VIP", "inconclusive", [host], "front")


def silent(host: str, said: str, otherwise: str = "node-unreachable") -> Swarm:
    """What Ansible or an engine says in words of others."""
    return problem(host, foreign.reason(said, foreign.HOST, otherwise), said)


def down(reason: str) -> Swarm:
    """The only manager gave no answer."""
    swarm = problem("vm1", reason)
    swarm.facts.update(leader=None, swarm={})
    del swarm.facts.nodes["vm1"]
    return swarm.result("DP-MATRIX", "inconclusive", network="front").result("CP-TLS", "inconclusive")


def kernel(host: str, *modules: str) -> Swarm:
    swarm = Swarm()
    swarm.facts.opened[host]["kernel"]["modules"].update(dict.fromkeys(modules, "missing"))
    return swarm.result("PRE-KMOD", "fail", [host], missing={name: [host] for name in modules})


def balanced(source: str, **cells: str) -> Swarm:
    return Swarm().result(
        "DP-MATRIX", "fail", [source], "front", matrix={"nodes": HOSTS, "kinds": {"vip": {source: cells}}}
    )


def waiting(error: str) -> Swarm:
    swarm = problem("vm3", "probe-not-started")
    swarm.facts.task_problems = {"id-vm3": problems.of_task(error)}
    return swarm


def with_device(name: str, port: int = 4789) -> Swarm:
    """A task that finds its tunnel's id taken, and what the host has in the way of tunnels."""
    made = waiting("rejected: subnet sandbox join failed: error creating vxlan interface: file exists")
    made.facts.opened["vm3"]["host"] = {"addresses": [], "vxlans": [{"device": name, "vni": 4097, "port": port}]}
    return made


def certificate(host: str, **changes) -> Swarm:
    swarm = Swarm().result("CP-TLS", "fail", [host])
    swarm.facts.opened[host]["certificate"].update(changes)
    return swarm


def clock(host: str, now: float) -> Swarm:
    swarm = certificate(host)
    swarm.facts.opened[host]["time"] = now
    return swarm


def names(nodes: tuple, **row) -> Swarm:
    rows = [
        {
            "node": node,
            "name": "web",
            "expected": ["10.0.1.5"],
            "observed": [],
            "missing": [],
            "unexpected": [],
            "answer": "nxdomain",
            **row,
        }
        for node in nodes
    ]
    return Swarm().result("SD-VIP", "fail", nodes, "front", records=rows)


def without_states(host: str) -> Swarm:
    swarm = Swarm().lose(SECRET, around(host))
    swarm.facts.xfrm[host] = []
    return swarm


def leaking(host: str) -> Swarm:
    swarm = Swarm().result("ENC-WIRE", "fail", [host], "back")
    swarm.facts.wire[host] = {"plain": {"4098": {"10.77.0.11": 4}}}
    return swarm


def lost(host: str) -> Swarm:
    swarm = Swarm().result("PRE-REACH", "fail", [host])
    swarm.facts.swarm["nodes"][HOSTS.index(host)]["state"] = "down"
    return swarm


def refused() -> Swarm:
    swarm = Swarm().result("NET-ATTACH", "fail", ["vm2"], "front")
    swarm.facts.probed = {"vm2": {"attached": [{"network": PLAIN["id"], "refused": "timed out"}]}}
    return swarm


def no_tls(*pairs: tuple) -> Swarm:
    swarm = Swarm().result("CP-TLS", "inconclusive", sorted({source for source, _target in pairs}))
    for host in HOSTS[1:]:
        swarm.seen(host, "CP-TLS/10.77.0.11:2377", outcome="unreachable" if (host, "vm1") in pairs else "refused")
    return swarm


def address(host: str, text: str) -> Swarm:
    swarm = Swarm().result("CP-TLS", "fail", [host])
    swarm.facts.nodes[host]["address"] = text
    return swarm


FIVE = ["vm1", "vm2", "vm3", "vm4", "vm5"]
GROUPS = (["vm1", "vm2", "vm5"], ["vm3", "vm4"])
ALL_PORTS = tuple(PORTS)
CASES = {
    "plain traffic into one node": (
        Swarm().lose(PLAIN, into("vm2"), end=links.TARGET), "data-port-blocked", ["vm2"], "vm2 drops VXLAN (udp/4789) that arrives there"),
    "plain traffic out of one node": (
        Swarm().lose(PLAIN, out_of("vm3"), end=links.SOURCE), "data-port-blocked", ["vm3"], "vm3 lets no VXLAN (udp/4789) out"),
    "plain traffic both ways": (Swarm().lose(PLAIN, around("vm1")), "data-port-blocked", ["vm1"], "vm1 drops VXLAN (udp/4789)"),
    "one peer's traffic": (Swarm().lose(PLAIN, [("vm1", "vm3")], end=links.TARGET), "data-port-blocked", ["vm3"], "that arrives there from vm1"),
    "between two nodes, on the way": (
        Swarm().lose(PLAIN, [("vm1", "vm3")], end=links.WAY), "data-port-blocked", ["vm1", "vm3"], "is lost between vm1 and vm3"),
    "between all nodes": (Swarm().lose(PLAIN, [*around("vm1"), ("vm2", "vm3"), ("vm3", "vm2")]), "data-port-blocked", HOSTS, "lost between all nodes"),
    "encrypted traffic alone": (
        Swarm().lose(SECRET, into("vm2")).result("ENC-WIRE", "fail", ["vm2"], "back"), "esp-blocked", ["vm2"], "ESP (IP protocol 50)"),
    "one of two plain networks": (Swarm(networks=(PLAIN, OTHER)).lose(PLAIN, around("vm2")), "network-broken", ["vm2"], "the traffic of front"),
    "encrypted traffic and states": (without_states("vm2"), "ipsec-states-gone", ["vm2"], "lost its IPsec states"),
    "clear text": (leaking("vm3"), "ipsec-policies-gone", ["vm3"], "in the clear"),
    "groups by the data port": (Swarm(FIVE).lose(PLAIN, across(*GROUPS)), "data-port-blocked", FIVE, "lost between {vm1, vm2, vm5} and {vm3, vm4}"),
    "groups by the data path": (Swarm(FIVE, ports=False).lose(PLAIN, across(*GROUPS)), "partition", FIVE, "{vm1, vm2, vm5} and {vm3, vm4}"),
    "groups by the ports": (Swarm(FIVE).shut(ALL_PORTS, across(*GROUPS)).result("SD-VIP", "fail", ["vm1"], "front"), "partition", FIVE, "partitioned"),
    "everything to one node": (Swarm().shut(ALL_PORTS, around("vm3")).lose(PLAIN, around("vm3")), "cut-off", ["vm3"], "vm3 is cut off"),
    "everything between two": (Swarm().shut(ALL_PORTS, [("vm2", "vm3"), ("vm3", "vm2")]), "cut-off", ["vm2", "vm3"], "vm2 and vm3 do not reach"),
    "everything one way": (
        Swarm().shut(ALL_PORTS, [("vm1", "vm2"), ("vm2", "vm1")], heard=(("vm2", "vm1"),)), "one-way-loss", ["vm1", "vm2"], "from vm1 to vm2"),
    "everything into one node": (Swarm().shut(ALL_PORTS, around("vm2"), heard=tuple(out_of("vm2"))), "one-way-loss", ["vm2"], "Nothing reaches vm2"),
    "gossip over udp": (
        Swarm().shut(("gossip-udp",), into("vm2")).result("SD-TASKS", "fail", ["vm1"], "front"), "gossip-udp-blocked", ["vm2"], "(udp/7946)"),
    "gossip over tcp": (Swarm().shut(("gossip-tcp",), into("vm3")), "gossip-tcp-blocked", ["vm3"], "(tcp/7946) that arrives there"),
    "the managers' port": (
        Swarm().shut(("managers",), out_of("vm3")[:1]).result("NET-ATTACH", "fail", ["vm3"], "front"), "manager-port-blocked", ["vm1", "vm3"], "tcp/2377"),
    "the managers' port by CP-TLS, one node": (no_tls(("vm3", "vm1")), "manager-port-blocked", ["vm3"], "tcp/2377"),
    "the managers' port by CP-TLS, all": (no_tls(("vm2", "vm1"), ("vm3", "vm1")), "manager-port-blocked", ["vm1"], "tcp/2377"),
    "the data port by PRE-PORT": (Swarm().shut(("data",), into("vm2")).lose(PLAIN, into("vm2")), "data-port-blocked", ["vm2"], "VXLAN"),
    "ESP by PRE-PORT": (Swarm().shut(("esp",), into("vm2")).lose(SECRET, into("vm2")), "esp-blocked", ["vm2"], "ESP"),
    "TCP inside": (Swarm().lose(PLAIN, around("vm2"), ("tcp",)), "checksum-offload", ["vm2"], "loses TCP where ICMP passes"),
    "TCP and UDP inside": (Swarm().lose(PLAIN, around("vm2"), ("tcp", "udp")), "checksum-offload", ["vm2"], "checksum offload"),
    "ICMP inside": (Swarm().lose(PLAIN, around("vm2"), ("icmp",)), "icmp-filtered", ["vm2"], "filters ICMP"),
    "UDP inside": (Swarm().lose(PLAIN, around("vm3"), ("udp",)), "udp-filtered", ["vm3"], "loses UDP"),
    "a virtual IP alone": (balanced("vm2", vm1="refused", vm2="refused", vm3="refused"), "balancer-broken", ["vm2"], "IPVS"),
    "a kernel without ip_vs": (
        kernel("vm1", "ip_vs", "ip_vs_rr").result("LB-SPREAD", "fail", ["vm1"], "front"), "kernel-lacks", ["vm1"], "lacks ip_vs, ip_vs_rr"),
    "a kernel without esp4": (kernel("vm2", "esp4").lose(SECRET, around("vm2")), "kernel-lacks", ["vm2"], "lacks esp4"),
    "an engine that is stopped": (
        problem("vm3", "engine-stopped"), "engine-stopped", ["vm3"], "does not run"),
    "an engine that hangs": (problem("vm2", "engine-hangs"), "engine-hangs", ["vm2"], "hangs"),
    "a machine that is off": (
        silent("vm2", "ssh: connect to host vm2 port 22: No route to host"), "node-unreachable", ["vm2"], "is off"),
    "a machine that is frozen": (
        silent("vm2", "Connection timed out during banner exchange"), "node-frozen", ["vm2"], "frozen"),
    "a container node that is frozen": (silent("vm2", "Container vm2 is paused, unpause the container before exec"), "node-frozen", ["vm2"], "frozen"),
    "a node outside the swarm": (problem("vm3", "not-in-swarm"), "not-in-swarm", ["vm3"], "not in the swarm"),
    "the only manager": (down("engine-stopped"), "engine-stopped", ["vm1"], "vm1"),
    "a swarm without a leader": (silent("vm1", "refused: rpc error: The swarm does not have a leader.", "module-failed"), "no-leader", ["vm1"], "no leader"),
    "a node that its managers lost": (lost("vm3"), "lost-by-managers", ["vm3"], "have lost vm3"),
    "no address left": (waiting("pending: could not find an available IP"), "addresses-exhausted", ["vm3"], "used up"),
    "tasks that stay new": (waiting("new: created"), "addresses-exhausted", ["vm3"], "used up"),
    "no image": (waiting("rejected: No such image: x:latest"), "image-missing", ["vm3"], "image"),
    "a tunnel of an earlier engine": (waiting("rejected: network sandbox join failed: subnet sandbox join failed for \"10.0.2.0/24\": error "
                                              "creating vxlan interface: file exists"), "tunnel-left", ["vm3"], "holds a tunnel that is left over"),
    "a tunnel of somebody else": (with_device("vxlan.calico"), "vni-taken", ["vm3"], "Another program's tunnel on vm3"),
    "a tunnel of the engine's own": (with_device("vx-001001-k1gl9"), "tunnel-left", ["vm3"], "holds a tunnel that is left over"),
    "a tunnel at another port": (with_device("flannel.1", 8472), "tunnel-left", ["vm3"], "holds a tunnel that is left over"),
    "a task that does not start": (waiting("rejected: mount failed"), "task-missing", ["vm3"], "No probe starts on vm3"),
    "another trouble of a node": (problem("vm2", "helper-failed", "disk full"), "node-unjudged", ["vm2"], "no full answer"),
    "a certificate out of time": (certificate("vm2", not_after=10), "certificate-expired", ["vm2"], "not valid now"),
    "a clock out of time": (clock("vm3", 1000 + 86400 * 400), "clock-skew", ["vm3"], "clock of vm3"),
    "a foreign root": (certificate("vm2", roots_digest="x"), "foreign-certificate", ["vm2"], "another root"),
    "an address for nobody": (address("vm2", "0.0.0.0"), "wrong-address", ["vm2"], "advertises an address"),
    "a name with a second holder": (names(tuple(HOSTS), observed=["10.0.1.5", "10.0.1.77"], unexpected=["10.0.1.77"]), "second-holder", [], "10.0.1.77"),
    "one node with old names": (names(("vm3",), observed=["10.0.1.4"], missing=["10.0.1.5"], unexpected=["10.0.1.4"]), "old-names", ["vm3"], "old view"),
    "an attachment refused": (refused(), "attach-refused", ["vm2"], "cannot attach"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_is_seen_leads_to_its_cause(name: str) -> None:
    swarm, ident, nodes, words = CASES[name]
    found = swarm.causes()
    assert [cause["id"] for cause in found] == [ident], found
    assert found[0]["nodes"] == nodes and words in found[0]["title"] and found[0]["because"] and found[0]["todo"]
    assert found[0]["explains"] == list(range(len(swarm.results))) and found[0]["shares"] == []


@pytest.mark.parametrize("name", CASES)
def test_no_text_matters(name: str) -> None:
    swarm = copy.deepcopy(CASES[name][0])
    causes = swarm.causes()
    for item in swarm.results:
        item.update(title="qux", hint="qux")
        item["evidence"].update(summary="qux", port="qux")
    for part in ("problems", "task_problems", "refused"):
        told = {key: replace(found, text="qux") for key, found in getattr(swarm.facts, part).items()}
        swarm.facts.update(**{part: told})
    for seen in (seen for answers in swarm.facts.observations.values() for seen in answers.values()):
        seen["error"] = "qux"
    keys = ("id", "nodes", "networks", "certainty", "explains", "shares")
    assert [[cause[key] for key in keys] for cause in swarm.causes()] == [
        [cause[key] for key in keys] for cause in causes
    ]


@pytest.mark.parametrize("line", [*told.DEEP, *told.TABLES, *told.LATE], ids=lambda line: line.check + line.id)
def test_a_check_that_lies_deep_is_a_cause_by_itself(line: told.Line) -> None:
    check = line.check.replace("*", "VIP")
    swarm = Swarm().result(check, "fail", ["vm2"], "front", reason=next(iter(line.reasons), "states-differ"))
    found = swarm.causes()
    assert [(cause["id"], cause["nodes"], cause["networks"], cause["explains"]) for cause in found] == [
        (line.id, ["vm2"], ["front"], [0])
    ]
    assert not [part for part in "{}" if part in found[0]["title"]]


@pytest.mark.parametrize("ident", ["OPT-LINT", "NAME-DUP", "IPAM-HEADROOM"])
def test_what_is_wrong_with_a_network_itself_needs_no_node_to_be_a_cause(ident: str) -> None:
    swarm = (
        Swarm()
        .result(ident, network="front", summary="wrong")
        .result("SD-VIP", nodes=("vm2",), network="back", summary="other")
    )
    causes = diagnose(swarm.results, swarm.facts)
    assert [(cause["nodes"], cause["networks"], cause["explains"]) for cause in causes] == [
        ([], ["front"], [0]),
        (["vm2"], ["back"], [1]),
    ]
    assert causes[1]["id"] == "cause-unknown"


def test_a_sound_swarm_has_no_cause() -> None:
    swarm = Swarm().result("DP-MATRIX", "pass", HOSTS, "front").result("NET-LAZY", "skip")
    assert swarm.causes() == []


def test_what_no_rule_knows_stays_without_a_cause() -> None:
    swarm = Swarm().result("KEY-ROTATE2", "fail", ["vm2"], "back").result("OPT-ODD", "fail", ["vm1"])
    assert swarm.causes() == []


def test_two_faults_are_two_causes_and_neither_hides_the_other() -> None:
    swarm = Swarm().lose(PLAIN, into("vm2"), end=links.TARGET)
    swarm.facts.problems = {"vm3": Problem("engine-stopped", "no socket")}
    swarm.result("PRE-REACH", "fail", ["vm3"])
    found = {cause["id"]: cause for cause in swarm.causes()}
    assert {ident: cause["nodes"] for ident, cause in found.items()} == {
        "engine-stopped": ["vm3"],
        "data-port-blocked": ["vm2"],
    }
    assert found["engine-stopped"]["explains"][-1] == 1


def test_a_result_with_an_unknown_part_is_only_shared() -> None:
    """vm2's kernel explains its own paths, and not those between vm1 and vm3."""
    swarm = kernel("vm2", "ip_vs").result(
        "DP-MATRIX",
        "fail",
        ["vm2"],
        "front",
        matrix={
            "nodes": HOSTS,
            "kinds": {"vip": {"vm2": {"vm1": "no answer"}, "vm1": {"vm2": 0.1, "vm3": "no answer"}}},
        },
    )
    found = swarm.causes()
    assert [(cause["id"], cause["explains"], cause["shares"]) for cause in found] == [("kernel-lacks", [0], [1])]


def test_a_cause_that_explains_nothing_new_is_not_told() -> None:
    """Without a kernel for ESP nothing encrypted passes: the port may be open or not."""
    swarm = kernel("vm1", "esp4")
    for host in HOSTS[1:]:
        swarm.facts.opened[host]["kernel"]["modules"]["esp4"] = "missing"
    swarm.results[0]["evidence"]["missing"]["esp4"] = HOSTS
    swarm.lose(SECRET, [(a, b) for a in HOSTS for b in HOSTS if a != b]).result("ENC-WIRE", "fail", HOSTS, "back")
    found = swarm.causes()
    assert [(cause["id"], cause["title"]) for cause in found] == [
        ("kernel-lacks", "The kernel of every node lacks esp4")
    ]


def test_what_explains_most_comes_first() -> None:
    swarm = kernel("vm3", "ip_vs").lose(PLAIN, into("vm2")).lose(OTHER, into("vm2"))
    swarm.facts.update(networks=[PLAIN, OTHER], under_test=[PLAIN, OTHER])
    swarm.result("LB-SPREAD", "fail", ["vm1"], "front", shares={"vm1": {"vm2": 0, "vm3": 2}})
    assert [cause["id"] for cause in swarm.causes()] == ["data-port-blocked", "kernel-lacks"]


@pytest.mark.parametrize(
    ("good", "bad", "nodes", "way"),
    [
        ([("b", "a"), ("c", "a"), ("b", "c"), ("c", "b")], [("a", "b"), ("a", "c")], ("a",), links.OUTWARD),
        ([("a", "b"), ("a", "c"), ("b", "c"), ("c", "b")], [("b", "a"), ("c", "a")], ("a",), links.INWARD),
        ([("b", "c"), ("c", "b")], [("a", "b"), ("b", "a")], ("a",), links.BOTH),
        ([], [("a", "b")], ("a", "b"), links.BOTH),
    ],
)
def test_who_is_to_blame_for_bad_links(good: list, bad: list, nodes: tuple, way: str) -> None:
    found = links.blame(links.Links(frozenset(good), dict.fromkeys(bad, links.UNKNOWN)))
    assert (found.nodes, found.way) == (nodes, way)


def test_the_end_where_it_is_lost_decides_between_two() -> None:
    for end, node in ((links.SOURCE, "a"), (links.TARGET, "b")):
        assert links.blame(links.Links(frozenset(), {("a", "b"): end})).nodes == (node,)


@pytest.mark.parametrize(
    ("nodes", "words"),
    [
        (("vm2",), "vm2 is off, its kernel too"),
        (("vm2", "vm3"), "vm2 and vm3 are off, their kernel too"),
        (("vm1", "vm2", "vm3"), "Every node is off, its kernel too"),
        ((), "No node is off, its kernel too"),
    ],
)
def test_titles_follow_the_number_of_nodes(nodes: tuple, words: str) -> None:
    assert View([], Swarm().facts).title("{nodes} [is|are] off, [its|their] kernel too", nodes) == words


def test_three_nodes_of_which_one_is_alone_are_no_partition() -> None:
    assert (
        links.partition(
            links.Links(frozenset({("a", "b"), ("b", "a")}), dict.fromkeys([("a", "c"), ("b", "c")], links.WAY))
        )
        == ()
    )


WORDS = st.sampled_from(["vm1", "vm2", "vm3", "elsewhere", ""])
IDENTS = st.sampled_from(
    [module.ID for module in _checks.load()] + ["PRE-PORT", "FW-RULES", "LB-SPREAD", "MESH-ALL", "NEW-ONE"]
)
CELLS = st.none() | st.floats(0, 9) | st.just("no answer")
EVIDENCE = st.fixed_dictionaries(
    {"summary": st.text()},
    optional={
        "matrix": st.fixed_dictionaries(
            {
                "nodes": st.just(HOSTS),
                "kinds": st.dictionaries(
                    st.sampled_from(["icmp", "tcp", "udp", "vip"]),
                    st.dictionaries(WORDS, st.dictionaries(WORDS, CELLS, max_size=3), max_size=3),
                ),
            }
        ),
        "missing": st.dictionaries(st.sampled_from(MODULES), st.lists(WORDS, max_size=3), max_size=3),
        "shares": st.dictionaries(WORDS, st.dictionaries(WORDS, st.integers(0, 3)), max_size=3),
        "purpose": st.sampled_from(sorted(PORTS)),
        "task_on": WORDS,
    },
)
RESULTS = st.lists(
    st.builds(
        lambda **parts: dict(parts, title="t", service=None, hint=None, seconds=0),
        id=IDENTS,
        reason=st.sampled_from(sorted(_reasons.RESULTS)),
        status=st.sampled_from(["pass", "fail", "inconclusive", "skip"]),
        network=st.sampled_from(["front", "back", None, "gone"]),
        nodes=st.lists(WORDS, max_size=3),
        evidence=EVIDENCE,
    ),
    max_size=12,
)
PAIRS = st.lists(st.sampled_from([(a, b) for a in HOSTS for b in HOSTS if a != b]), max_size=6)


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(
    RESULTS,
    PAIRS,
    PAIRS,
    st.dictionaries(
        st.sampled_from(HOSTS),
        st.tuples(st.sampled_from(sorted(_reasons.PROBLEMS)), st.text()),
    ),
    st.sets(st.sampled_from(MODULES)),
)
def test_nothing_is_lost_and_nothing_good_is_blamed(
    results: list, plain: list, ports: list, silent: dict, missing: set
) -> None:
    swarm = Swarm()
    if plain:
        swarm.lose(PLAIN, plain)
    if ports:
        swarm.shut(ALL_PORTS[:2], ports)
    swarm.facts.problems = {host: Problem(*told) for host, told in silent.items()}
    swarm.facts.opened["vm2"]["kernel"]["modules"].update(dict.fromkeys(missing, "missing"))
    swarm.results += results
    found = swarm.causes()
    bad = {place for place, item in enumerate(swarm.results) if item["status"] in model.BAD}
    for cause in found:
        assert set(cause["explains"]) | set(cause["shares"]) <= bad and not set(cause["explains"]) & set(
            cause["shares"]
        )
        assert cause["explains"] or cause["shares"]
        assert set(cause["nodes"]) <= set(HOSTS) | {"elsewhere", ""} and cause["title"] and cause["todo"]
    partly = {place for cause in found for place in cause["shares"]}
    assert not partly & {place for cause in found for place in cause["explains"]}
    assert len({(cause["id"], cause["title"]) for cause in found}) == len(found)


def test_the_page_about_causes_lists_them_all() -> None:
    text = (Path(__file__).resolve().parents[4] / "docs" / "diagnosis.md").read_text(encoding="utf-8")
    rows = re.findall(r"(?m)^\| `([a-z0-9-]+)` \|", text)
    assert sorted(rows) == sorted({rule.id for rule in table.RULES})
