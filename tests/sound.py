# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A sound swarm of three nodes as the nodes report it, phase by phase, and the facts that the real ``assemble`` makes of it.

The nodes' answers to requests follow from the checks' own plans, as in a run.
"""

from __future__ import annotations

import copy
import functools
import pickle
import typing as t
from dataclasses import fields

from ansible_collections.swarmlab.overlay.plugins.module_utils._probe.train import mark
from ansible_collections.swarmlab.overlay.plugins.module_utils._verify import objects
from ansible_collections.swarmlab.overlay.plugins.plugin_utils import _checks
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._checks import _reasons, _requests, dp_matrix
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._facts.model import Facts
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._verification.facts import assemble
from drafts import Draft

CHECKS = {module.ID: module for module in _checks.load()}
FIVE = ["vm1", "vm2", "vm3", "vm4", "vm5"]
HOSTS = FIVE[:3]
THREE = tuple(HOSTS)
LEADER, WORKER = "vm1", "vm2"
RUN = "r1"
NOW = 1000.0  # the nodes' clock at the start of the run
ADDRESS = {host: f"10.77.0.1{number}" for number, host in enumerate(FIVE, 1)}
PLAIN = {
    "id": "plain0000000",
    "name": "front",
    "encrypted": False,
    "attachable": True,
    "internal": False,
    "vni": 4097,
    "options": {},
    "subnets": ["10.0.1.0/24", "fd00::/64"],
}
SECRET = dict(PLAIN, id="secret000000", name="back", encrypted=True, vni=4098, subnets=["10.0.2.0/24"])
TWIN = dict(PLAIN, id="twin00000000", name="twin", vni=4099, subnets=["10.0.3.0/24"])
NETWORKS = [PLAIN, SECRET, TWIN]
WEB, INGRESS = "web000000000", "ingress00000"
TRUST = {"roots_digest": "r", "issuer_digest": "i", "issuer_key_digest": "k"}
MODULES = ["vxlan", "bridge", "veth", "ip_vs", "ip_vs_rr", "esp4", "xfrm_user", "xt_bpf", "xt_policy"]
STATUSES = ["fail", "inconclusive", "skip", "pass"]  # the worst first
SETTINGS = {
    "run": RUN,
    "needs": sorted({need for check in CHECKS.values() for need in check.NEEDS}),
    "networks": ["*"],
    "convergence": 20,
    "timeout": 60,
}


def healthy() -> Draft:
    """The facts of a swarm where all is well."""
    return draft(phases())


def draft(told: dict[str, t.Any], settings: dict[str, t.Any] | None = None) -> Draft:
    """The facts that follow from these phases, for a test to change as it likes."""
    found = assemble(list(told.get("prepare") or HOSTS), settings or copy.deepcopy(SETTINGS), told)
    return Draft(**{field.name: getattr(found, field.name) for field in fields(Facts)})


def phases(
    hosts: t.Sequence[str] = THREE, change: t.Callable[[dict[str, t.Any]], None] | None = None
) -> dict[str, t.Any]:
    """What the nodes report, by phase and host.

    :param change: changes what the nodes report while they prepare. What is asked of them afterwards follows from that.
    """
    told: dict[str, t.Any] = pickle.loads(_phases(tuple(hosts))) if change is None else _told(hosts, change)
    return told


@functools.cache
def _phases(hosts: tuple[str, ...]) -> bytes:
    """Pickled: to load it is several times as fast as a deep copy."""
    return pickle.dumps(_told(hosts, lambda prepared: None))


def _told(hosts: t.Sequence[str], change: t.Callable[[dict[str, t.Any]], None]) -> dict[str, t.Any]:
    told = copy.deepcopy({"prepare": {host: call(NOW, _prepared(host, hosts)) for host in hosts}})
    change(told["prepare"])
    asked = draft(told)
    told["probe"] = {host: call(NOW + 10, _probed(host, hosts, host == asked.worker)) for host in hosts}
    for host, seen in answers(asked).items():
        told["probe"][host]["seen"]["observations"] = seen
    told["close"] = {host: call(NOW + 30, _closed(host, hosts, host == asked.worker)) for host in hosts}
    for target, what in arrivals(told):
        told["close"][target]["seen"]["responder"][what] = 1
    measuring = CHECKS["PF-SPEED"].measurements(draft(told))
    told["measure"] = {
        host: call(NOW + 20, {"measured": {row["id"]: _speed(row) for row in measuring.get(host, [])}})
        for host in hosts
    }
    return told


def arrivals(told: dict[str, t.Any]) -> t.Iterator[tuple[str, str]]:
    """(target, what its responder counts) for everything that is sent by TCP and UDP to probes, canaries in the clear as well."""
    names = {network["id"]: network["name"] for network in NETWORKS}
    for source, row in told["probe"].items():
        for ident in row["seen"]["observations"]:
            path = _requests.path(ident)
            if path and path.kind in ("tcp", "udp") and path.target in told["close"]:
                yield path.target, f"{path.kind}/{names[path.network]}/{source}"
            elif ident.startswith(f"ENC-REJECT/{TWIN['id']}/"):
                yield ident.rpartition("/")[2], f"udp/{TWIN['name']}/clear@{source}"


def call(asked: float, seen: dict[str, t.Any]) -> dict[str, t.Any]:
    """A host's registered result of a phase: the controller asked then, and had the answer six seconds later."""
    return {"run": RUN, "asked": [asked, asked + 6.0], "seen": seen}


def probe_address(network: dict, host: str) -> str:
    """The address of a host's probe on a network."""
    return network["subnets"][0].replace("0/24", str(10 + FIVE.index(host)))


def vip(network: dict) -> str:
    """The virtual address of the probes on a network."""
    return network["subnets"][0].replace("0/24", "2")


def train(**parts: object) -> dict:
    """A train that went well, but for these parts."""
    return {
        "sent": 60, "answered": 60, "arrived": 60, "repeated": 0, "reordered": 0, "corrupt": 0, "gap": 0, "mtu": 1500,
        "sizes": {"100": [20, 20], "600": [20, 20], "1450": [20, 20]}, "late_ms": 1, "dwell_ms": 1,
        "delay_ms": [0.1, 0.2, 0.3, 0.4], "mbit": 900.0, **parts,
    }  # fmt: skip


def pulse(address: str, **parts: object) -> dict:
    """A pulse to an address that went well all the time, but for these parts."""
    return {
        "address": address, "packets": 93, "bytes": 9300, "sent": 90, "answered": 90, "seconds": 9.0, "pauses": [], "delay_ms": [0.1, 0.2, 0.3, 0.4],
        "late_ms": 2, "dwell_ms": 2, **parts,
    }  # fmt: skip


def told_of_itself(**parts: object) -> dict:
    """What a sound node tells of itself, but for these parts."""
    return {
        "time": 1000.0, "counters": {"Udp.RcvbufErrors": 3}, "limits": {"connections": [90, 262144], "disk": [50, 100]},
        "settings": {"net.ipv4.ip_forward": 1}, "pressure": {"load": 1.0, "processors": 2.0, "cpu.avg10": 3.0},
        "devices": {"docker_gwbridge": {"up": True, "mtu": 1500, "kind": "bridge", "blocked": []}},
        "stopped": [], "rules": {}, "shaped": [], **parts,
    }  # fmt: skip


def interior(addresses: list[str]) -> dict:
    """What a sound container has inside."""
    return {
        "links": [{"name": "eth0", "up": True, "mtu": 1450, "queue": "noqueue", "addresses": list(addresses)}],
        "addresses": addresses,
        "routes": ["10.0.1.0/24 eth0", "10.0.2.0/24 eth1"],
        "leads_out": True,
        "pinned": [],
        "settings": {"net.ipv4.ip_default_ttl": "64"},
    }


def answers(facts: Facts) -> dict[str, dict[str, dict]]:
    """Host -> request -> an answer that meets it, for every request of every check."""
    found: dict[str, dict[str, dict]] = {host: {} for host in facts.hosts}
    for check in CHECKS.values():
        for host, requests in check.plan(facts).items():
            found[host].update({request["id"]: _met(request) for request in requests})
    return found


def _met(request: dict) -> dict:
    seen = {"ok": True, "seconds": 0.1, "tries": 1}
    if request["kind"] == "dns" and request.get("within"):
        network = next((net for net in NETWORKS if net["id"][:12] == request["id"].rpartition("/")[2]), PLAIN)
        seen.update(kind="answer", addresses=[network["subnets"][0].replace("0/24", "99")])
    elif request["kind"] == "dns":
        seen.update(kind="answer", addresses=list(request["expected"] or []))
    elif request["kind"] == "vip":
        seen.update(nodes=request["nodes"], errors=[], count=6, shares=dict.fromkeys(request["nodes"], 2))
    elif request["kind"] == "connect":
        seen.update(count=request.get("count", 1), answered=request.get("count", 1))
    elif request["kind"] == "stranger":
        seen.update(outcome="refused", detail="gRPC status 7")
    return seen


def _speed(row: dict) -> dict:
    """What is measured on a path: overlay half as fast as the wire below it."""
    return {"mbit": 100.0 if row["name"] else 200.0, "latency_ms": 0.1}


def _prepared(host: str, hosts: t.Sequence[str]) -> dict[str, t.Any]:
    told = {
        "node": {
            "id": "id-" + host,
            "role": "manager" if host == LEADER else "worker",
            "address": ADDRESS[host],
            "engine": "28.5.2",
            "root": "/var/lib/docker",
        },
        "leader": host == LEADER,
        "opened": _opened(host, hosts),
    }
    return {**told, **_led(hosts)} if host == LEADER else told


def _led(hosts: t.Sequence[str]) -> dict[str, t.Any]:
    """The leader's part."""
    return {
        "swarm": _swarm(hosts),
        "networks": [{key: net[key] for key in ("id", "name", "encrypted")} for net in (PLAIN, SECRET)],
        "unmatched": [],
        "made": {
            "twin": TWIN["id"], "lazy": "lazy00000000", "probe": "s1", "published": "s2", "speed": "s3", "refused": {},
            "crowded": [], "network_ids": [net["id"] for net in (PLAIN, SECRET)],
        },
        "leftovers": [],
        "view": _view(hosts),
    }  # fmt: skip


def _swarm(hosts: t.Sequence[str]) -> dict[str, t.Any]:
    node = {"trust": TRUST, "availability": "active", "state": "ready"}
    return {
        "trust": TRUST,
        "rotating": False,
        "data_port": 4789,
        "nodes": [
            {**node, "id": "id-" + host, "hostname": host, "address": ADDRESS[host],
             "manager_address": ADDRESS[host] + ":2377" if host == LEADER else None}
            for host in hosts
        ],
    }  # fmt: skip


def _view(hosts: t.Sequence[str]) -> dict[str, t.Any]:
    people = {
        net["id"]: {"web": [vip(net)[:-1] + "5"], "www": [vip(net)[:-1] + "5"], "rr": ["10.0.9.1"],
                    "tasks.web": ["10.0.9.1"], "web.1.x": ["10.0.9.1"]} if net is not TWIN else {}
        for net in NETWORKS
    }  # fmt: skip
    kinds = {"web": ["web", "service"], "www": ["web", "alias"], "rr": ["rr", "dnsrr"], "tasks.web": ["web", "tasks"],
             "web.1.x": ["web", "task"]}  # fmt: skip
    return {
        "swarm": _swarm(hosts),
        "networks": NETWORKS,
        "all_networks": [[net["name"], net["id"], "swarm", net["subnets"]] for net in NETWORKS],
        "vips": {net["id"]: vip(net) for net in NETWORKS},
        "records": people,
        "owners": {net["id"]: kinds for net in NETWORKS},
        "addresses": {
            net["id"]: [[vip(net), "virtual IP of probe"]]
            + [[probe_address(net, host), f"task {host} of probe"] for host in hosts]
            for net in NETWORKS
        },
        "probes": {"id-" + host: {net["id"]: probe_address(net, host) for net in NETWORKS} for host in hosts},
        "unallocated": [],
        "published_on": "id-" + LEADER,
        "published_port": 30000,
        "published_udp": 30001,
        "published": ["tcp/30000", "tcp/8080", "udp/30001"],
        "published_networks": ["ingress"],
        "services": [_service(hosts)],
        "ingress": dict(
            PLAIN, id=INGRESS, name="ingress", subnets=["10.0.0.0/24"], attachable=False, room=None, used=9
        ),
    }


def _task_addresses(host: str) -> dict[str, str]:
    """The addresses of people's task on a host, by network."""
    return {net["id"]: net["subnets"][0].replace("0/24", str(50 + FIVE.index(host))) for net in (PLAIN, SECRET)}


def _service(hosts: t.Sequence[str]) -> dict[str, t.Any]:
    """People's own service, with a task on every node that listens on port 80, published as 8080."""
    return {
        "id": WEB,
        "name": "web",
        "vips": {net["id"]: vip(net)[:-1] + "5" for net in (PLAIN, SECRET)},
        "ports": [{"published": 8080, "target": 80, "mode": "ingress"}],
        "tasks": [{"id": f"task-{host}", "node": "id-" + host, "addresses": _task_addresses(host),
                   "ports": [{"published": 8181, "target": 81, "mode": "host"}]} for host in hosts],
    }  # fmt: skip


def _ipsec(host: str, hosts: t.Sequence[str]) -> dict[str, t.Any]:
    """The states and policies of a node that shares an encrypted network with the others."""
    others = [ADDRESS[other] for other in hosts if other != host]
    ways = [way for other in others for way in ((ADDRESS[host], other), (other, ADDRESS[host]))]
    return {
        "xfrm": [
            {"source": here, "target": there, "spi": "00000001", "key": "k" + here + there, "reqid": 1}
            for here, there in ways
        ],
        "policies": [{"target": other, "port": 4789, "out": True, "spi": "00000001"} for other in others],
    }


ALIVE = {"state": "runs", "switches": 7}
COUNTERS = {"XfrmInError": 0, "XfrmInNoStates": 2}


def _opened(host: str, hosts: t.Sequence[str]) -> dict[str, t.Any]:
    row = {"id": "c-" + host, "name": f"web.1.task-{host}", "service": "web", "task": f"task-{host}",
           "namespace": "/ns/c-" + host, "networks": _task_addresses(host),
           "ports": {place: [80, 81] for place in ("", INGRESS, PLAIN["id"], SECRET["id"])},
           "pid": 4711, "life": dict(ALIVE)}  # fmt: skip
    return {
        "errors": [],
        "namespace": "/ns/" + host,
        "lazy_known": host == LEADER,
        "time": NOW,
        "clock": [NOW, NOW + 5],
        "local_networks": ["bridge"],
        "rules": {"mark": [], "drop": [], "ingress_jump": True, "ingress_ports": []},
        "counters": dict(COUNTERS),
        "host": {
            "addresses": [{"address": ADDRESS[host], "device": "eth1", "mtu": 1500}],
            "routes": [
                {"network": "10.77.0.0/24", "device": "eth1"},
                {"network": "172.18.0.0/16", "device": "docker_gwbridge"},
            ],
            "nameservers": ["192.0.2.1"],
        },
        "kernel": {"release": "6.12", "modules": dict.fromkeys(MODULES, "loadable")},
        "certificate": {
            "subject": {"CN": "id-" + host, "OU": "swarm-manager" if host == LEADER else "swarm-worker"},
            "issuer_digest": "i",
            "roots_digest": "r",
            "not_before": 0,
            "not_after": 1000 + 86400 * 90,
        },
        "testimony": told_of_itself(),
        "gateway": {"subnets": ["172.18.0.0/16"], "used": 4, "apart": True},
        "ipv6": {PLAIN["id"]: f"fd00::{host[-1]}"},
        "workloads": {"number": 1, "rows": [row]},
        **_ipsec(host, hosts),
    }


def _probed(host: str, hosts: t.Sequence[str], attaches: bool) -> dict[str, t.Any]:
    told = {
        "observations": {},
        "errors": [],
        "untold": [],
        "clock": [NOW + 11, NOW + 15],
        "counters": dict(COUNTERS),
        "held": {net["id"]: held(net, host, hosts) for net in NETWORKS},
        "rules": {
            "mark": [4098],
            "drop": [4098],
            "ingress_jump": True,
            "ingress_ports": ["tcp/30000", "tcp/8080", "udp/30001"],
        },
        "trains": {
            f"PATH-QUALITY/{layer}/{other}": train()
            for layer in ("icmp", "wire", "mesh", *(net["id"][:12] for net in NETWORKS))
            for other in hosts
            if other != host
        }
        | {
            f"PATH-QUALITY/vip-{net['id'][:12]}/{number}": train(who=mark(backend))
            for net in NETWORKS
            for number, backend in enumerate(hosts)
        },
        "testimony": told_of_itself(),
        "inside": {},
        "served": {"overlay": "10.0.8.1", "encrypted": "10.0.9.1"},
        "workloads": {
            "probe": {
                "ports": [19747],
                "waiting": {},
                "interior": interior([probe_address(net, host) for net in (PLAIN, SECRET)]),
            },
            "c-" + host: {
                "ports": [80, 81],
                "waiting": {},
                "interior": interior([*_task_addresses(host).values()]),
                "life": dict(ALIVE),
            },
        },
        **_ipsec(host, hosts),
    }
    return {**told, **_attached()} if attaches else told


def _attached() -> dict[str, t.Any]:
    """The standalone container of the run, on the worker."""
    return {
        "lazy": {"seconds": 1.5},
        "attached": [
            {
                "network": net["id"],
                "name": objects.name(RUN, "at"),
                "namespace": "/ns/at",
                "address": net["subnets"][0].replace("0/24", "99"),
                "seconds": 1.0,
            }
            for net in (PLAIN, SECRET)
        ],
    }


def both(rows: list) -> dict:
    """Rows that both readings had."""
    return {"always": list(rows), "ever": list(rows)}


def held(network: dict, host: str, hosts: t.Sequence[str] = THREE) -> dict:
    """What a healthy node holds of a network."""
    address = {other: probe_address(network, other) for other in hosts}
    records = ["probe vip " + vip(network)] + [f"probe {address[other]} {ADDRESS[other]}" for other in hosts]
    return {
        "vni": network["vni"],
        "port": 4789,
        "mtu": 1424 if network["encrypted"] else 1450,
        "balancer": [{"active": sorted(address.values()), "quiet": []}],
        "local": [f"{address[host]} 02:{host}"],
        "left": [],
        "records": both(records),
        "peers": both([f"{address[other]} 02:{other} {ADDRESS[other]}" for other in hosts if other != host]),
    }


def _closed(host: str, hosts: t.Sequence[str], attached: bool) -> dict[str, t.Any]:
    others = [ADDRESS[other] for other in hosts if other != host]
    told = {
        "namespaces": ["lazy000000"] if attached else [],
        "lazy_known": attached or host == LEADER,
        "clock": [NOW + 33, NOW + 33],
        "responder": {},
        "ports": {},
        "pulse": [pulse(other) for other in others],
        "wire": {
            "plain": {str(net["vni"]): dict.fromkeys(others, 9) for net in (PLAIN, TWIN)},
            "canary": {str(net["vni"]): dict.fromkeys(others, 3) for net in (PLAIN, TWIN)},
            "esp_out": {other: {"00000001": 5} for other in others},
            "esp_in": {other: {"00000002": 5} for other in others},
            "plain_in": {str(net["vni"]): dict.fromkeys(others, 9) for net in (PLAIN, TWIN)},
        },
    }
    if host != LEADER:
        return told
    return {
        **told,
        "mesh": {"tcp/30000": 5.0, "tcp/8080": 5000.0},
        "carried": {SECRET["id"]: {"id-" + other: 5000.0 for other in hosts}},
        "retired": {},
        "serving": {WEB: [f"task-{other}" for other in hosts]},
    }


def results(facts: Draft, ident: str) -> list[dict]:
    """The results of a check, each with all that a report needs."""
    found = CHECKS[ident].judge(facts)
    for item in found:
        assert item["id"] == ident and item["status"] in STATUSES and item["reason"] in _reasons.RESULTS, item
        assert item["title"] and isinstance(item["evidence"]["summary"], str) and item["evidence"]["summary"], item
        assert isinstance(item["nodes"], list) and None not in item["nodes"], item
        assert "None" not in item["evidence"]["summary"], item
    return found


def judged(facts: Draft, ident: str) -> list[tuple]:
    """(status, network, nodes) of each result of a check."""
    return [(item["status"], item["network"], item["nodes"]) for item in results(facts, ident)]


def worst(facts: Draft, ident: str) -> str:
    """The worst status among a check's results."""
    return min((item["status"] for item in results(facts, ident)), key=STATUSES.index)


def break_path(facts: Draft, network: dict, pairs: list[tuple], kinds: tuple = dp_matrix.KINDS) -> None:
    """Nothing that is sent from source to target of these pairs arrives."""
    for source, target in pairs:
        for kind in kinds:
            facts.received[target].pop(f"{kind}/{network['name']}/{source}", None)
        for check in ("DP-MATRIX", "ENC-WIRE"):
            for kind in kinds:
                seen = facts.observations[source].get(dp_matrix.ident(check, network, target, kind))
                if seen:
                    seen.update(ok=False, error="no answer")


def around(host: str) -> list[tuple]:
    """Every path that begins or ends at a host."""
    return [pair for other in HOSTS if other != host for pair in ((host, other), (other, host))]


def missing(facts: Draft, host: str, module: str, state: str = "missing") -> None:
    """A node lacks a module of the kernel."""
    facts.opened[host]["kernel"]["modules"][module] = state


def failed(facts: Draft, ident: str) -> dict:
    """The one result that failed."""
    found = [item for item in results(facts, ident) if item["status"] == "fail"]
    assert len(found) == 1, found
    return found[0]


def no_answer(facts: Draft, source: str, ident: str, error: str = "no answer") -> None:
    facts.observations[source][ident].update(ok=False, error=error)


def short(found: dict) -> tuple:
    """What a result says, in three words."""
    return found["status"], found["reason"], found["nodes"]
