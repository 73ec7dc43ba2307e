# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A sound swarm to break, in what its nodes report; the real checks judge it, and the diagnosis is fed with their results."""

from __future__ import annotations

import copy
import importlib.util
import pickle
import typing as t
from dataclasses import replace

from ansible_collections.swarmlab.overlay.plugins.plugin_utils import _foreign_words as foreign
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._checks import _requests
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._diagnosis import links, model, table
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._diagnosis.diagnose import diagnose
from drafts import Draft
from sound import (
    ADDRESS,
    CHECKS,
    HOSTS,
    LEADER,
    PLAIN,
    SECRET,
    SETTINGS,
    THREE,
    TWIN,
    around,
    draft,
    phases,
    probe_address,
)

ALL = (PLAIN, SECRET, TWIN)
PLAINS = (PLAIN, TWIN)  # all networks without encryption: a fault of the way breaks both
KINDS = _requests.KINDS
PORTS = {
    "gossip-tcp": ("port-tcp", 7946),
    "gossip-udp": ("port-udp", 7946),
    "data": ("port-udp", 4789),
    "esp": ("port-esp", 0),
    "managers": ("port-tcp", 2377),
}
Ways = t.Iterable[tuple[str, str]]
Change = t.Callable[[dict[str, t.Any]], None]


class Swarm:
    """What the nodes of a swarm report.

    ``change``: changes what they report while they prepare; what is asked of them afterwards follows from that.
    """

    def __init__(self, hosts: t.Sequence[str] = THREE, change: Change | None = None, **settings: t.Any) -> None:
        self.hosts = list(hosts)
        self.told = phases(hosts, change)
        self.settings = {**SETTINGS, **settings}
        self.chosen = dict(CHECKS)

    def of(self, phase: str, host: str) -> dict[str, t.Any]:
        """What a host reported in a phase."""
        return self.told[phase][host]["seen"]

    @property
    def view(self) -> dict[str, t.Any]:
        return self.of("prepare", LEADER)["view"]

    def unmet(self, host: str, ident: str, **what: t.Any) -> Swarm:
        """A question of a host is not answered."""
        self.of("probe", host)["observations"][ident].update(ok=False, **{"error": "no answer", **what})
        return self

    def asked(self, host: str) -> list[str]:
        """The questions of a host."""
        return list(self.told["probe"][host].get("seen", {}).get("observations", ()))

    def lose(
        self, networks: t.Iterable[dict], ways: Ways, kinds: t.Iterable[str] = KINDS, end: str = links.WAY
    ) -> Swarm:
        """What goes these ways on the networks is lost: there, or at its end. A question fails of which a way, or the way back, is lost."""
        ways = set(ways)
        for network in networks:
            for source in self.hosts:
                for ident in self.asked(source):
                    path = _requests.path(ident)
                    if path and path.network == network["id"] and path.kind in kinds:
                        self._ask(source, path, network, ways)
            if "udp" in kinds:
                for source, target in ways:
                    self.of("close", target)["responder"].pop(f"udp/{network['name']}/clear@{source}", None)
            if "tcp" in kinds:
                self._balance(network, ways)
            for source, target in ways if set(kinds) == set(KINDS) else ():
                self._wire(network, source, target, end)
        return self

    def _ask(self, source: str, path: _requests.Path, network: dict, ways: set) -> None:
        there, back = (source, path.target), (path.target, source)
        if {there, back} & ways:
            self.unmet(source, str(path))
        if there in ways:
            self.of("close", path.target)["responder"].pop(f"{path.kind}/{network['name']}/{source}", None)

    def _balance(self, network: dict, ways: set) -> None:
        """Connections to the virtual address do not reach the backends behind these ways."""
        for source in self.hosts:
            ident = f"DP-MATRIX/{network['id']}/*/vip"
            gone = {node for node in self.hosts if {(source, node), (node, source)} & ways}
            if gone and ident in self.asked(source):
                left = [node for node in self.hosts if node not in gone]
                self.unmet(source, ident, nodes=left, errors=["no answer"])

    def _wire(self, network: dict, source: str, target: str, end: str) -> None:
        out, into = (self.of("close", host)["wire"] for host in (source, target))
        names = ("esp_out", "esp_in") if network["encrypted"] else ("plain", "plain_in")
        tables = [out[names[0]], into[names[1]]]
        if not network["encrypted"]:
            tables = [table[str(network["vni"])] for table in tables]
        if end == links.SOURCE:
            tables[0].pop(ADDRESS[target], None)
            out["canary"].get(str(network["vni"]), {}).pop(ADDRESS[target], None)
        if end in (links.SOURCE, links.WAY):
            tables[1].pop(ADDRESS[source], None)

    def shut(self, kinds: t.Iterable[str], ways: Ways, heard: t.Container[tuple[str, str]] = ()) -> Swarm:
        """Ports that are closed these ways; questions on the way ``heard`` arrive, and only their answer is lost."""
        for kind, number in (PORTS[name] for name in kinds):
            for source, target in ways:
                ident = str(_requests.Knock(kind, number, target))
                if ident in self.asked(source):
                    self.unmet(source, ident)
                    if (source, target) in heard and kind != "port-tcp":
                        self.of("close", target)["ports"][f"{17 if kind == 'port-udp' else 50}/{number}/{source}"] = 1
        return self

    def leave_out(self, check: str) -> Swarm:
        """A check is not chosen: nothing is asked for it."""
        del self.chosen[check]
        for host in self.hosts:
            for ident in self.asked(host):
                if ident.startswith(check + "/"):
                    del self.of("probe", host)["observations"][ident]
        return self

    def facts(self) -> Draft:
        return draft(self.told, copy.deepcopy(self.settings))

    def results(self) -> list[dict]:
        """What every chosen check says of it."""
        facts = self.facts()
        return [item for check in self.chosen.values() for item in check.judge(facts)]

    def causes(self) -> list[dict]:
        return diagnose(self.results(), self.facts(), rules())


def rules() -> tuple[model.Rule, ...]:
    """The rules of the diagnosis, made now and not at the import: mutation testing changes functions afterwards, those that make rules as well."""
    spec = importlib.util.spec_from_file_location(f"{table.__name__}_anew", table.__file__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.RULES


def silent(host: str, reason: str, text: str = "told by the node") -> Swarm:
    """A host that cannot be asked: it fails in the first phase, and is not asked again."""

    def change(prepared: dict[str, t.Any]) -> None:
        prepared[host] = {"problem": text, "reason": reason}

    swarm = Swarm(change=change)
    for phase in ("probe", "close", "measure"):
        swarm.told[phase][host] = {"idle": True}
    return swarm


def said(host: str, words: str, otherwise: str = "node-unreachable") -> Swarm:
    """What Ansible or an engine says in words of others."""
    return silent(host, foreign.reason(words, foreign.HOST, otherwise), words)


VIP = f"DP-MATRIX/{PLAIN['id']}/*/vip"

GROUPS = (["vm1", "vm2", "vm5"], ["vm3", "vm4"])

ALL_PAIRS = [(source, target) for source in HOSTS for target in HOSTS if source != target]


def into(host: str) -> list[tuple]:
    return [(other, host) for other in HOSTS if other != host]


def out_of(host: str) -> list[tuple]:
    return [(host, other) for other in HOSTS if other != host]


def across(one: list, other: list) -> list[tuple]:
    return [pair for a in one for b in other for pair in ((a, b), (b, a))]


def opened(prepared: dict, host: str) -> dict:
    """What a host told of itself, in what the nodes report while they prepare."""
    return prepared[host]["seen"]["opened"]


def view(prepared: dict) -> dict:
    """The leader's view of the swarm."""
    return prepared[LEADER]["seen"]["view"]


def of_node(prepared: dict, host: str, **parts) -> None:
    """What the leader lists of a node."""
    for swarm in (prepared[LEADER]["seen"]["swarm"], view(prepared)["swarm"]):
        next(node for node in swarm["nodes"] if node["id"] == "id-" + host).update(parts)


def kernel(host: str, *modules: str) -> Swarm:
    return Swarm(change=lambda told: opened(told, host)["kernel"]["modules"].update(dict.fromkeys(modules, "missing")))


def waiting(error: str, **here) -> Swarm:
    """No probe starts on vm3; the leader tells the task's error, and the host what it has."""

    def change(prepared: dict) -> None:
        host = opened(prepared, "vm3")
        del host["namespace"], host["ipv6"]
        host["errors"] = ["no probe task runs here after 60 s"]
        host["host"].update(here)
        prepared["vm3"]["seen"]["reason"] = "probe-not-started"
        del view(prepared)["probes"]["id-vm3"]
        view(prepared)["convergence"] = {"errors": {"id-vm3": error}}

    return Swarm(change=change)


TUNNEL = "rejected: subnet sandbox join failed: error creating vxlan interface: file exists"


def with_device(name: str, port: int = 4789) -> Swarm:
    """A task that finds its tunnel's id taken, and what the host has in the way of tunnels."""
    return waiting(TUNNEL, vxlans=[{"device": name, "vni": PLAIN["vni"], "port": port}])


def certificate(host: str, **changes) -> Swarm:
    return Swarm(change=lambda told: opened(told, host)["certificate"].update(changes))


def clock(host: str, ahead: float) -> Swarm:
    """A host whose clock is off by some seconds."""
    swarm = Swarm()
    for phase in ("prepare", "probe", "close"):
        seen = swarm.of(phase, host)
        seen = seen.get("opened", seen)
        seen["clock"] = [moment + ahead for moment in seen["clock"]]
    swarm.of("prepare", host)["opened"]["time"] += ahead
    return swarm


def names(hosts: list, *addresses: str) -> Swarm:
    """These hosts hear these addresses for a name."""
    swarm = Swarm()
    for host in hosts:
        swarm.unmet(host, f"SD-VIP/{PLAIN['id']}/web", kind="answer", addresses=list(addresses))
    return swarm


def without_states(host: str) -> Swarm:
    swarm = Swarm().lose([SECRET], around(host))
    swarm.of("probe", host)["xfrm"] = []
    return swarm


def leaking(host: str) -> Swarm:
    swarm = Swarm()
    swarm.of("close", host)["wire"]["plain"][str(SECRET["vni"])] = {ADDRESS["vm1"]: 4}
    return swarm


def lost(host: str) -> Swarm:
    return Swarm(change=lambda told: of_node(told, host, state="down"))


def refused(host: str) -> Swarm:
    swarm = Swarm()
    swarm.of("probe", host)["attached"][0] = {"network": PLAIN["id"], "refused": "timed out", "seconds": 1.0}
    return swarm


def no_tls(*hosts: str) -> Swarm:
    """Hosts that cannot call the manager."""
    swarm = Swarm()
    for host in hosts:
        swarm.unmet(host, f"CP-TLS/{ADDRESS[LEADER]}:2377", outcome="unreachable")
    return swarm


def advertising(host: str, address: str) -> Swarm:
    def change(prepared: dict) -> None:
        prepared[host]["seen"]["node"]["address"] = address
        of_node(prepared, host, address=address)

    return Swarm(change=change)


def shut(kinds: t.Iterable[str], ways: list, heard: tuple | list = ()) -> Swarm:
    return Swarm().shut(kinds, ways, heard)


def cut(ways: list, hosts: t.Sequence[str] = THREE) -> Swarm:
    """Nothing passes these ways, of any kind."""
    return Swarm(hosts).lose(ALL, ways).shut(PORTS, ways)


def bad(results: list[dict]) -> list[int]:
    return [place for place, item in enumerate(results) if item["status"] in model.BAD]


def found_in(swarm: Swarm) -> tuple[list[dict], list[dict]]:
    """The results of the checks, and the causes."""
    results = swarm.results()
    return results, diagnose(results, swarm.facts(), rules())


def route(host: str, network: str) -> Change:
    return lambda told: opened(told, host)["host"]["routes"].append({"network": network, "device": "eth2"})


def name_server(host: str, address: str) -> Change:
    return lambda told: opened(told, host)["host"].update(nameservers=[address])


def described(**parts) -> Change:
    """The leader describes a network otherwise."""
    return lambda told: view(told)["networks"].__setitem__(0, dict(PLAIN, **parts))


def unaskable(told: dict) -> None:
    name = "x" * 64
    view(told)["records"][PLAIN["id"]][name] = ["10.0.1.5"]
    view(told)["owners"][PLAIN["id"]][name] = ["web", "alias"]


def probing(host: str, change: t.Callable[[dict], object]) -> Swarm:
    """A swarm of which one host tells something else of itself while it probes."""
    swarm = Swarm()
    change(swarm.of("probe", host))
    return swarm


def forget(rows: dict, row: str) -> None:
    for when in ("always", "ever"):
        rows[when].remove(row)


ABSENT: t.Final = object()


def _together(sound: t.Any, one: t.Any, other: t.Any) -> t.Any:
    if not (isinstance(sound, dict) and isinstance(one, dict) and isinstance(other, dict)):
        return one if one != sound else other
    found = {}
    for key in dict.fromkeys([*sound, *one, *other]):
        values = [told.get(key, ABSENT) for told in (sound, one, other)]
        if values[0] is ABSENT:
            found[key] = next(value for value in values[1:] if value is not ABSENT)
        elif ABSENT not in values:
            found[key] = _together(*values)
    return found


def both(one: Swarm, other: Swarm) -> Swarm:
    """What the nodes of a swarm report of which two things are broken. Where both changed the same, the first counts."""
    swarm = Swarm()
    swarm.told = copy.deepcopy(_together(swarm.told, one.told, other.told))
    return swarm


def unmet(*asked: tuple[str, str]) -> Swarm:
    swarm = Swarm()
    for host, ident in asked:
        swarm.unmet(host, ident)
    return swarm


def ending(end: str, *hosts: str) -> list[tuple[str, str]]:
    """(host, question) of all questions of these hosts with this end."""
    return [(host, ident) for host in hosts for ident in Swarm().asked(host) if ident.endswith(end)]


def cleared(host: str) -> Swarm:
    """Clear text arrives at a host on the encrypted network."""
    swarm = Swarm()
    swarm.of("close", host)["responder"][f"udp/{SECRET['name']}/clear@vm1"] = 1
    return swarm


GOSSIP = f"probe {probe_address(PLAIN, 'vm3')} {ADDRESS['vm3']}"


NONSENSE = "qux"


def reworded(results: list[dict], facts: Draft) -> tuple[list[dict], Draft]:
    """The same, with every sentence for people replaced."""
    results, facts = pickle.loads(pickle.dumps((results, facts)))  # several times as fast as a deep copy
    for item in results:
        item.update(title=NONSENSE, hint=NONSENSE)
        item["evidence"].update(summary=NONSENSE, failed=[NONSENSE], port=NONSENSE, pairs=[NONSENSE], problems={})
        for rows in (item["evidence"].get("matrix") or {"kinds": {}})["kinds"].values():
            for row in rows.values():
                row.update({target: NONSENSE for target, cell in row.items() if isinstance(cell, str)})
    for part in ("problems", "task_problems", "refused"):
        told_so = {key: replace(problem, text=NONSENSE) for key, problem in getattr(facts, part).items()}
        facts.update(**{part: told_so})
    for told_here in facts.observations.values():
        for seen in told_here.values():
            seen.update({"error": NONSENSE} if "error" in seen else {})
    return results, facts


def wordless(causes: list[dict]) -> list[dict]:
    """Causes without their sentences for people."""
    return [{key: cause[key] for key in cause if key not in ("title", "todo", "because")} for cause in causes]


def assert_no_text_matters(swarm: Swarm) -> None:
    """Whatever the checks, the nodes and the engines say, the causes are the same."""
    results, facts = swarm.results(), swarm.facts()
    found = wordless(diagnose(results, facts, rules()))
    assert found and wordless(diagnose(*reworded(results, facts), rules())) == found
