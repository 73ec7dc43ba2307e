# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every check against tables of facts: what makes it pass, fail, stay inconclusive, or skip."""

from __future__ import annotations

import copy
import re
from pathlib import Path

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils import _checks
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._checks import _blame, _resolving, dp_matrix
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._facts.problems import Problem
from drafts import Draft

CHECKS = {module.ID: module for module in _checks.load()}
HOSTS = ["vm1", "vm2", "vm3"]
ADDRESS = {"vm1": "10.77.0.11", "vm2": "10.77.0.12", "vm3": "10.77.0.13"}
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
TRUST = {"roots_digest": "r", "issuer_digest": "i", "issuer_key_digest": "k"}
MODULES = ["vxlan", "bridge", "veth", "ip_vs", "ip_vs_rr", "esp4", "xfrm_user", "xt_bpf", "xt_policy"]


# Checks that ask nothing over the network.
SILENT = {
    "PRE-REACH",
    "PRE-KMOD",
    "PRE-SKEW",
    "CP-ADDR",
    "NAME-DUP",
    "NET-EXISTS",
    "NET-LAZY",
    "IPAM-HEADROOM",
    "DUP-IP",
    "SUBNET-OVERLAP",
    "OPT-LINT",
    "DNS-SHADOW",
    "NET-GATEWAY",
    "FW-RULES",
    "GOSSIP-HASH",
    "PEER-FDB",
    "LB-IPVS",
    "ENC-SA-AGREE",
    "XFRM-DELTA",
    "PF-SPEED",
    "DIS-PARTITION",
    "DIS-ENGINE",
    "DIS-FIREWALL",
    "DIS-DRAIN",
    "DIS-REBOOT",
}


def train(**parts: object) -> dict:
    """A train that went well, but for these parts."""
    return {
        "sent": 60, "answered": 60, "arrived": 60, "repeated": 0, "reordered": 0, "corrupt": 0, "gap": 0, "mtu": 1450,
        "sizes": {"100": [20, 20], "600": [20, 20], "1450": [20, 20]}, "late_ms": 1, "dwell_ms": 1,
        "delay_ms": [0.1, 0.2, 0.3, 0.4], "mbit": 900.0, **parts,
    }  # fmt: skip


def told_of_itself(**parts: object) -> dict:
    """What a sound node tells of itself, but for these parts."""
    return {
        "time": 1000.0, "counters": {"Udp.RcvbufErrors": 3}, "limits": {"connections": [90, 262144], "disk": [50, 100]},
        "settings": {"net.ipv4.ip_forward": 1}, "pressure": {"load": 1.0, "processors": 2.0, "cpu.avg10": 3.0},
        "devices": {"docker_gwbridge": {"up": True, "mtu": 1500, "kind": "bridge"}},
        "stopped": [], "rules": {}, "shaped": [], **parts,
    }  # fmt: skip


def probe_address(network: dict, host: str) -> str:
    return network["subnets"][0].replace("0/24", str(10 + HOSTS.index(host)))


def healthy() -> Draft:
    """The facts of a swarm where all is well."""
    probes = {host: {network["id"]: probe_address(network, host) for network in NETWORKS} for host in HOSTS}
    vips = {network["id"]: network["subnets"][0].replace("0/24", "2") for network in NETWORKS}
    facts = Draft(
        run="r1",
        hosts=HOSTS,
        leader="vm1",
        worker="vm2",
        problems={},
        refused={},
        task_problems={},
        unmatched=[],
        viewed=True,
        settings={"networks": ["*"], "convergence": 20, "timeout": 60},
        nodes={
            host: {
                "id": "id-" + host,
                "role": "worker" if host != "vm1" else "manager",
                "address": ADDRESS[host],
                "engine": "28.5.2",
                "root": "/var/lib/docker",
            }
            for host in HOSTS
        },
        made={
            "twin": TWIN["id"],
            "lazy": "lazy00000000",
            "probe": "s1",
            "published": "s2",
            "speed": "s3",
            "refused": {},
        },
        published_on="id-vm1",
        published_port=30000,
        published=["tcp/30000", "tcp/8080"],
        carried={SECRET["id"]: {"id-" + host: 5000.0 for host in HOSTS}},
        published_for={"tcp/30000": 5.0, "tcp/8080": 5000.0},
        clocks={host: [[100.0, 110.0, 103.0, 105.0]] for host in HOSTS},
        all_networks=[[network["name"], network["id"], "swarm", network["subnets"]] for network in NETWORKS],
        networks=[PLAIN, SECRET],
        twin=TWIN,
        under_test=NETWORKS,
        overlays=NETWORKS,
        probe_name="run-probe",
        published_name="published",
        published_networks=["ingress"],
        swarm={
            "trust": TRUST,
            "rotating": False,
            "nodes": [
                {
                    "id": "id-" + host,
                    "hostname": host,
                    "trust": TRUST,
                    "availability": "active",
                    "state": "ready",
                    "address": ADDRESS[host],
                    "manager_address": "10.77.0.11:2377" if host == "vm1" else None,
                }
                for host in HOSTS
            ],
            "data_port": 4789,
        },
        probes=probes,
        vips=vips,
        records={
            network["id"]: {
                "web": [vips[network["id"]][:-1] + "5"],
                "www": [vips[network["id"]][:-1] + "5"],
                "rr": ["10.0.9.1"],
                "tasks.web": ["10.0.9.1"],
                "web.1.x": ["10.0.9.1"],
            }
            if network is not TWIN
            else {}
            for network in NETWORKS
        },
        owners={
            network["id"]: {
                "web": ["web", "service"],
                "www": ["web", "alias"],
                "rr": ["rr", "dnsrr"],
                "tasks.web": ["web", "tasks"],
                "web.1.x": ["web", "task"],
            }
            for network in NETWORKS
        },
        addresses={
            network["id"]: [[vips[network["id"]], "virtual IP of probe"]]
            + [[probe_address(network, host), f"task {host} of probe"] for host in HOSTS]
            for network in NETWORKS
        },
        unallocated=[],
        retired={},
        heard={},
        held={},
        policies={},
        rules={},
        opened={},
        probed={},
        closed={},
        observations={},
        wire={},
        received={},
        xfrm={},
    )
    facts.trains = {
        host: {
            f"PATH-QUALITY/{layer}/{other}": train()
            for layer in ("icmp", "wire", *(network["id"][:12] for network in NETWORKS))
            for other in HOSTS
            if other != host
        }
        for host in HOSTS
    }
    facts.witnessed = {host: {"before": told_of_itself(), "after": told_of_itself(), "inside": {}} for host in HOSTS}
    for host in HOSTS:
        facts.opened[host] = {
            "namespace": "/ns/" + host,
            "lazy_known": host == "vm1",
            "time": 1000,
            "clock": [1000.0, 1005.0],
            "local_networks": ["bridge"],
            "rules": {"mark": [], "drop": [], "ingress_jump": True, "ingress_ports": []},
            "counters": {"XfrmInError": 0, "XfrmInNoStates": 2},
            "host": {
                "addresses": [{"address": ADDRESS[host], "device": "eth1", "mtu": 1500}],
                "routes": [{"network": "10.77.0.0/24", "device": "eth1"}],
                "nameservers": ["192.0.2.1"],
            },
            "kernel": {"release": "6.12", "modules": dict.fromkeys(MODULES, "loadable")},
            "certificate": {
                "subject": {"CN": "id-" + host, "OU": "swarm-" + facts.nodes[host]["role"]},
                "issuer_digest": "i",
                "roots_digest": "r",
                "not_before": 0,
                "not_after": 1000 + 86400 * 90,
            },
        }
        facts.closed[host] = {
            "namespaces": ["lazy000000"] if host == "vm2" else [],
            "lazy_known": host != "vm3",
            "clock": [1030.0] * 2,
        }
        others = [ADDRESS[other] for other in HOSTS if other != host]
        facts.wire[host] = {
            "plain": {str(net["vni"]): dict.fromkeys(others, 9) for net in (PLAIN, TWIN)},
            "canary": {str(net["vni"]): dict.fromkeys(others, 3) for net in (PLAIN, TWIN)},
            "esp_out": {other: {"00000001": 5} for other in others},
            "esp_in": {other: {"00000002": 5} for other in others},
            "plain_in": {},
        }
        pairs = [(here, there) for here in ADDRESS.values() for there in ADDRESS.values() if here != there]
        mine = [pair for pair in pairs if ADDRESS[host] in pair]
        facts.xfrm[host] = [
            {"source": here, "target": there, "spi": "00000001", "key": "k" + here + there, "reqid": 1}
            for here, there in mine
        ]
        facts.policies[host] = [
            {"target": there, "port": 4789, "out": True, "spi": "00000001"}
            for here, there in mine
            if here == ADDRESS[host]
        ]
        facts.opened[host].update(xfrm=list(facts.xfrm[host]), policies=list(facts.policies[host]))
        facts.received[host] = {f"udp/twin/clear@{HOSTS[HOSTS.index(host) - 1]}": 1}
        facts.heard[host] = {}
        facts.probed[host] = {"counters": {"XfrmInError": 0, "XfrmInNoStates": 2}}
        facts.rules[host] = {
            "mark": [4098],
            "drop": [4098],
            "ingress_jump": True,
            "ingress_ports": ["tcp/30000", "tcp/8080"],
        }
        facts.held[host] = {network["id"]: held(network, host, vips[network["id"]]) for network in NETWORKS}
    facts.probed["vm2"]["lazy"] = {"seconds": 1.5}
    facts.probed["vm2"]["attached"] = [
        {
            "network": net["id"],
            "name": "run-at",
            "namespace": "/ns/at",
            "address": net["subnets"][0].replace("0/24", "99"),
            "seconds": 1.0,
        }
        for net in (PLAIN, SECRET)
    ]
    furnished(facts)
    observe(facts)
    measured(facts)
    return facts


WEB, INGRESS = "web000000000", "ingress00000"


def furnished(facts: Draft) -> None:
    """People's own service, with a task on every node that listens on port 80, published as 8080."""
    mine = {host: {net["id"]: net["subnets"][0].replace("0/24", str(50 + HOSTS.index(host))) for net in (PLAIN, SECRET)}
            for host in HOSTS}  # fmt: skip
    port = {"published": 8080, "target": 80, "mode": "ingress"}
    facts.services = [
        {
            "id": WEB,
            "name": "web",
            "vips": {net["id"]: facts.vips[net["id"]][:-1] + "5" for net in (PLAIN, SECRET)},
            "ports": [port],
            "tasks": [{"id": f"task-{host}", "node": "id-" + host, "addresses": mine[host],
                       "ports": [{"published": 8181, "target": 81, "mode": "host"}]} for host in HOSTS],
        }
    ]  # fmt: skip
    facts.ingress = dict(
        PLAIN, id=INGRESS, name="ingress", subnets=["10.0.0.0/24"], attachable=False, room=None, used=9
    )
    facts.serving = {WEB: [f"task-{host}" for host in HOSTS]}
    for host in HOSTS:
        row = {"id": "c-" + host, "name": f"web.1.task-{host}", "service": "web", "task": f"task-{host}",
               "namespace": "/ns/c-" + host, "networks": mine[host],
               "ports": {place: [80, 81] for place in ("", INGRESS, PLAIN["id"], SECRET["id"])}}  # fmt: skip
        facts.opened[host]["gateway"] = {"subnets": ["172.18.0.0/16"], "used": 4}
        facts.opened[host]["host"]["routes"].append({"network": "172.18.0.0/16", "device": "docker_gwbridge"})
        facts.opened[host]["ipv6"] = {PLAIN["id"]: f"fd00::{host[-1]}"}
        facts.opened[host]["workloads"] = {"number": 1, "rows": [row]}
        facts.probed[host]["workloads"] = {
            "probe": {"ports": [19747], "waiting": {}, "interior": interior(["10.0.1.9"])},
            "c-" + host: {"ports": [80, 81], "waiting": {}, "interior": interior([*mine[host].values()])},
        }


def interior(addresses: list[str]) -> dict:
    """What a sound container has inside."""
    return {
        "links": [{"name": "eth0", "up": True, "mtu": 1450, "queue": "noqueue"}],
        "addresses": addresses,
        "routes": ["10.0.1.0/24 eth0", "10.0.2.0/24 eth1"],
        "pinned": [],
    }


def measured(facts: Draft) -> None:
    """Every path carries something."""
    facts.update(
        served={host: {"overlay": "10.0.8.1", "encrypted": "10.0.9.1"} for host in HOSTS},
        measured={},
        speed_port=19748,
        speed_names={"overlay": "speed.overlay", "encrypted": "speed.encrypted"},
    )
    for host, rows in CHECKS["PF-SPEED"].measurements(facts).items():
        facts.measured[host] = {row["id"]: {"mbit": 100.0 if row["name"] else 200.0, "latency_ms": 0.1} for row in rows}


def both(rows: list) -> dict:
    return {"always": list(rows), "ever": list(rows)}


def held(network: dict, host: str, vip: str) -> dict:
    """What a healthy node holds of a network."""
    address = {other: probe_address(network, other) for other in HOSTS}
    records = ["probe vip " + vip] + [f"probe {address[other]} {ADDRESS[other]}" for other in HOSTS]
    return {
        "vni": network["vni"],
        "port": 4789,
        "mtu": 1424 if network["encrypted"] else 1450,
        "balancer": [{"active": sorted(address.values()), "quiet": []}],
        "local": [f"{address[host]} 02:{host}"],
        "records": both(records),
        "peers": both([f"{address[other]} 02:{other} {ADDRESS[other]}" for other in HOSTS if other != host]),
    }


def observe(facts: Draft) -> None:
    """Every request of every check is met."""
    for check in CHECKS.values():
        for host, requests in check.plan(facts).items():
            for request in requests:
                seen = {"ok": True, "seconds": 0.1, "tries": 1}
                if request["kind"] == "dns" and request.get("within"):
                    network = next(
                        (net for net in NETWORKS if net["id"][:12] == request["id"].rpartition("/")[2]), PLAIN
                    )
                    seen.update(kind="answer", addresses=[network["subnets"][0].replace("0/24", "99")])
                elif request["kind"] == "dns":
                    seen.update(kind="answer", addresses=list(request["expected"] or []))
                elif request["kind"] == "vip":
                    seen.update(nodes=request["nodes"], errors=[], count=6, shares=dict.fromkeys(request["nodes"], 2))
                elif request["kind"] == "connect":
                    seen.update(count=request.get("count", 1), answered=request.get("count", 1))
                elif request["kind"] == "stranger":
                    seen.update(outcome="refused", detail="gRPC status 7")
                facts.observations.setdefault(host, {})[request["id"]] = seen


def judged(facts: Draft, ident: str) -> list[tuple]:
    return [(item["status"], item["network"], item["nodes"]) for item in CHECKS[ident].judge(facts)]


def worst(facts: Draft, ident: str) -> str:
    order = ["fail", "inconclusive", "skip", "pass"]
    return min((item["status"] for item in CHECKS[ident].judge(facts)), key=order.index)


def break_path(facts: Draft, network: dict, pairs: list[tuple], kinds: tuple = dp_matrix.KINDS) -> None:
    for source, target in pairs:
        for check in ("DP-MATRIX", "ENC-WIRE"):
            for kind in kinds:
                seen = facts.observations[source].get(dp_matrix.ident(check, network, target, kind))
                if seen:
                    seen.update(ok=False, error="no answer")


def around(host: str) -> list[tuple]:
    return [pair for other in HOSTS if other != host for pair in ((host, other), (other, host))]


def test_a_healthy_swarm_passes_everything() -> None:
    facts = healthy()
    for ident, check in CHECKS.items():
        for item in check.judge(facts):
            assert item["status"] == "pass", (ident, item)
            assert item["hint"] is None


@pytest.mark.parametrize("ident", sorted(CHECKS))
def test_without_any_evidence_nothing_passes(ident: str) -> None:
    facts = healthy()
    facts.update(
        leader=None,
        worker=None,
        swarm={},
        twin=None,
        networks=[],
        under_test=[],
        overlays=[],
        vips={},
        records={},
        owners={},
        probes={},
        opened={},
        probed={},
        closed={},
        observations={},
        wire={},
        xfrm={},
        received={},
        nodes={},
        problems=dict.fromkeys(HOSTS, Problem("no-answer", "no answer")),
        made={"twin": None, "lazy": None, "probe": None, "published": None, "refused": {}},
        published_port=None,
        published_on=None,
        clocks={},
        all_networks=[],
        addresses={},
        held={},
        policies={},
        rules={},
        heard={},
        trains={},
        witnessed={},
    )
    assert CHECKS[ident].plan(facts) == {}
    assert "pass" not in [item["status"] for item in CHECKS[ident].judge(facts)]


@pytest.mark.parametrize("ident", sorted(set(CHECKS) - SILENT))
def test_silent_probes_are_no_pass(ident: str) -> None:
    facts = healthy()
    facts.update(observations={}, trains={}, witnessed={})
    assert worst(facts, ident) in ("inconclusive", "fail")


@pytest.mark.parametrize("ident", sorted(CHECKS))
def test_a_check_describes_itself(ident: str) -> None:
    check = CHECKS[ident]
    assert re.fullmatch(r"[A-Z]+(-[A-Z]+[0-9]?)+", ident)
    assert check.TITLE and check.HINT and check.__doc__.startswith(ident)
    assert "%s" not in check.HINT and "%d" not in check.HINT, (
        "it is shown as it is where a result has no hint of its own"
    )
    catalogue = Path(__file__).resolve().parents[4] / "docs" / "checks.md"
    assert f"## {ident}" in catalogue.read_text(encoding="utf-8")


def test_an_unreachable_node_is_named() -> None:
    facts = healthy()
    facts.problems = {"vm3": Problem("node-unreachable", "not reachable: timed out (phase prepare)")}
    assert judged(facts, "PRE-REACH") == [("fail", None, ["vm3"])]


def missing(facts: Draft, host: str, module: str, state: str = "missing") -> None:
    facts.opened[host]["kernel"]["modules"][module] = state


@pytest.mark.parametrize(
    ("module", "state", "status"),
    [
        ("ip_vs", "missing", "fail"),
        ("esp4", "missing", "fail"),
        ("xt_bpf", "missing", "inconclusive"),
        ("esp4", "unknown", "inconclusive"),
        ("xt_mark", "missing", "pass"),
    ],
)
def test_a_missing_module_names_node_and_module(module: str, state: str, status: str) -> None:
    facts = healthy()
    missing(facts, "vm2", module, state)
    result = CHECKS["PRE-KMOD"].judge(facts)[0]
    assert result["status"] == status
    if status == "fail":
        assert result["nodes"] == ["vm2"] and module in result["evidence"]["summary"]


def test_esp4_does_not_matter_without_an_encrypted_network() -> None:
    facts = healthy()
    facts.networks = [PLAIN]
    missing(facts, "vm2", "esp4")
    assert worst(facts, "PRE-KMOD") == "pass"
    assert worst(facts, "ENC-WIRE") == "skip"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (lambda facts: facts.opened["vm2"]["certificate"].update(issuer_digest="foreign"), "fail"),
        (lambda facts: facts.opened["vm2"]["certificate"].update(roots_digest="foreign"), "fail"),
        (lambda facts: facts.opened["vm2"]["certificate"].update(not_after=10), "fail"),
        (lambda facts: facts.opened["vm2"]["certificate"]["subject"].update(CN="id-vm3"), "fail"),
        (lambda facts: facts.opened["vm2"]["certificate"]["subject"].update(OU="swarm-manager"), "fail"),
        (lambda facts: facts.swarm["nodes"][1].update(trust={}), "fail"),
        (lambda facts: facts.observations["vm2"]["CP-TLS/10.77.0.11:2377"].update(outcome="accepted"), "fail"),
        (
            lambda facts: facts.observations["vm2"]["CP-TLS/10.77.0.11:2377"].update(outcome="unreachable"),
            "inconclusive",
        ),
        (lambda facts: facts.opened["vm2"].update(certificate={"error": "unreadable"}), "inconclusive"),
    ],
)
def test_trust_that_differs(change, status: str) -> None:
    facts = healthy()
    change(facts)
    assert judged(facts, "CP-TLS") == [(status, None, ["vm2"])]


def test_a_rotation_under_way_is_waited_for() -> None:
    facts = healthy()
    facts.swarm["rotating"] = True
    assert worst(facts, "CP-TLS") == "inconclusive"


def test_a_network_that_does_not_exist() -> None:
    facts = healthy()
    facts.unmatched = ["bakc"]
    assert worst(facts, "NET-EXISTS") == "fail"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda facts: facts.opened["vm3"].update(lazy_known=True), ("fail", None, ["vm3"])),
        (lambda facts: facts.closed["vm3"].update(namespaces=["lazy000000"]), ("fail", None, ["vm3"])),
        (lambda facts: facts.closed["vm2"].update(namespaces=[]), ("fail", None, ["vm2"])),
        (lambda facts: facts.closed["vm1"].update(namespaces=["lazy000000"]), ("fail", None, ["vm1"])),
        (lambda facts: facts.closed["vm1"].update(lazy_known=False), ("fail", None, ["vm1"])),
        (lambda facts: facts.closed.pop("vm3"), ("inconclusive", None, ["vm3"])),
        (
            lambda facts: facts.probed["vm2"].update(lazy={"refused": "timeout", "seconds": 20}),
            ("fail", None, ["vm2"]),
        ),
        (lambda facts: facts.update(worker=None), ("skip", None, [])),
    ],
)
def test_laziness(change, expected: tuple) -> None:
    facts = healthy()
    change(facts)
    assert judged(facts, "NET-LAZY") == [expected]


@pytest.mark.parametrize(
    ("attachable", "row", "status"),
    [
        (True, {"refused": "timed out", "seconds": 20}, "fail"),
        (True, {"seconds": 25.0}, "pass"),  # slow, but the engine's own limit let it through
        (False, {"refused": "network front not manually attachable", "seconds": 0.1}, "pass"),
        (False, {"refused": "something else", "seconds": 0.1}, "fail"),
        (False, {}, "fail"),
    ],
)
def test_attaching_as_declared(attachable: bool, row: dict, status: str) -> None:
    facts = healthy()
    facts.networks = [dict(PLAIN, attachable=attachable)]
    facts.probed["vm2"]["attached"][0].update(row)
    assert judged(facts, "NET-ATTACH")[0] == (status, "front", ["vm2"])


def test_a_swarm_without_workers_skips_attaching() -> None:
    facts = healthy()
    facts.worker = None
    assert worst(facts, "NET-ATTACH") == "skip"


@pytest.mark.parametrize(
    ("ident", "name"),
    [("SD-VIP", "web"), ("SD-ALIAS", "www"), ("SD-DNSRR", "rr"), ("SD-TASKS", "tasks.web"), ("SD-TASKNAME", "web.1.x")],
)
def test_a_wrong_record_is_told_with_the_difference(ident: str, name: str) -> None:
    facts = healthy()
    seen = facts.observations["vm3"][_resolving.ident(CHECKS[ident], PLAIN, name)]
    seen.update(ok=False, addresses=["10.0.1.77"])
    failed = [item for item in CHECKS[ident].judge(facts) if item["status"] == "fail"]
    service = "rr" if ident == "SD-DNSRR" else "web"
    assert [(item["network"], item["service"], item["nodes"]) for item in failed] == [("front", service, ["vm3"])]
    assert failed[0]["evidence"]["records"][0]["unexpected"] == ["10.0.1.77"]
    assert "10.0.1.77" in failed[0]["evidence"]["summary"]


def test_a_name_of_two_networks_is_asked_on_each() -> None:
    facts = healthy()
    assert _resolving.asked_as(facts, PLAIN, "web") == "web.front"
    facts.records[SECRET["id"]] = {}
    assert _resolving.asked_as(facts, PLAIN, "web") == "web"


def test_a_published_service_with_a_name_fails() -> None:
    facts = healthy()
    facts.observations["vm2"]["SD-INGRESS-NONE/absent"]["addresses"] = ["10.0.1.9"]
    assert judged(facts, "SD-INGRESS-NONE") == [("fail", None, ["vm2"])]


def test_an_upstream_wildcard_is_no_name_of_ours() -> None:
    facts = healthy()
    facts.observations["vm2"]["SD-INGRESS-NONE/absent"]["addresses"] = ["203.0.113.9"]
    assert worst(facts, "SD-INGRESS-NONE") == "pass"


def test_without_its_control_absence_proves_nothing() -> None:
    facts = healthy()
    facts.observations["vm2"]["SD-INGRESS-NONE/control"]["ok"] = False
    assert judged(facts, "SD-INGRESS-NONE") == [("inconclusive", None, ["vm2"])]


@pytest.mark.parametrize("host", HOSTS)
def test_an_isolated_node_is_named_and_nobody_else(host: str) -> None:
    facts = healthy()
    break_path(facts, PLAIN, around(host))
    assert ("fail", "front", [host]) in judged(facts, "DP-MATRIX")


def test_icmp_without_tcp_points_at_offload() -> None:
    facts = healthy()
    break_path(facts, PLAIN, around("vm2"), ("tcp",))
    failed = [item for item in CHECKS["DP-MATRIX"].judge(facts) if item["status"] == "fail"]
    assert failed[0]["hint"] == dp_matrix.OFFLOAD


def test_of_two_nodes_the_wire_tells_which_drops() -> None:
    facts = healthy()
    facts.update(hosts=["vm1", "vm2"], probes={host: facts.probes[host] for host in ("vm1", "vm2")})
    break_path(facts, SECRET, [("vm1", "vm2"), ("vm2", "vm1")])
    facts.received["vm1"] = {"udp/back/vm2": 3}
    assert ("fail", "back", ["vm2"]) in judged(facts, "DP-MATRIX")


def test_a_kernel_without_ip_vs_explains_a_dead_vip() -> None:
    facts = healthy()
    missing(facts, "vm2", "ip_vs")
    seen = facts.observations["vm2"][dp_matrix.ident("DP-MATRIX", PLAIN, "*", "vip")]
    seen.update(ok=False, nodes=[], errors=["no answer"])
    failed = [item for item in CHECKS["DP-MATRIX"].judge(facts) if item["status"] == "fail"]
    assert [(item["network"], item["nodes"]) for item in failed] == [("front", ["vm2"])]
    assert "ip_vs" in failed[0]["hint"]


def test_a_backend_that_no_vip_reaches_is_named() -> None:
    facts = healthy()
    for host in ("vm1", "vm2"):
        facts.observations[host][dp_matrix.ident("DP-MATRIX", PLAIN, "*", "vip")].update(
            ok=False, nodes=["vm1", "vm2"], errors=["no answer"]
        )
    assert ("fail", "front", ["vm3"]) in judged(facts, "DP-MATRIX")


def test_one_node_has_no_pair() -> None:
    facts = healthy()
    facts.update(hosts=["vm1"], opened={"vm1": facts.opened["vm1"]}, probes={"vm1": facts.probes["vm1"]})
    assert "skip" in [status for status, _network, _nodes in judged(facts, "DP-MATRIX")]
    assert worst(facts, "ENC-WIRE") == "skip"


def matrices(facts: Draft, network: str) -> dict:
    """{kind: cells} of both results of DP-MATRIX on the network."""
    found = [item["evidence"]["matrix"] for item in CHECKS["DP-MATRIX"].judge(facts) if item["network"] == network]
    assert [matrix["nodes"] for matrix in found] == [HOSTS, HOSTS]
    return {kind: cells for matrix in found for kind, cells in matrix["kinds"].items()}


def test_the_matrix_holds_every_pair_and_kind() -> None:
    cells = matrices(healthy(), "back")
    others = {host: {other: 0.1 for other in HOSTS if other != host} for host in HOSTS}
    assert cells == {
        "icmp": others,
        "tcp": others,
        "udp": others,
        "vip": {host: dict.fromkeys(HOSTS, 0.1) for host in HOSTS},
    }


def test_the_matrix_tells_failure_from_silence() -> None:
    facts = healthy()
    break_path(facts, PLAIN, [("vm1", "vm2")], ("tcp",))
    observations = facts.observations
    observations["vm2"][dp_matrix.ident("DP-MATRIX", PLAIN, "vm3", "udp")] = {"ok": False, "seconds": 1, "node": "vm9"}
    del observations["vm3"][dp_matrix.ident("DP-MATRIX", PLAIN, "vm1", "icmp")]
    observations["vm1"][dp_matrix.ident("DP-MATRIX", PLAIN, "*", "vip")].update(
        ok=False, nodes=["vm1"], errors=["no answer"]
    )
    observations["vm2"][dp_matrix.ident("DP-MATRIX", PLAIN, "*", "vip")].update(ok=False, errors=["refused"])
    cells = matrices(facts, "front")
    assert cells["tcp"]["vm1"] == {"vm2": "no answer", "vm3": 0.1}
    assert cells["udp"]["vm2"]["vm3"] == "vm9 answered"
    assert cells["icmp"]["vm3"]["vm1"] is None
    assert cells["vip"]["vm1"] == {"vm1": 0.1, "vm2": "no answer", "vm3": "no answer"}
    assert set(cells["vip"]["vm2"].values()) == {"some attempts failed: refused"}


def test_clear_text_on_the_wire_fails_with_its_sender() -> None:
    facts = healthy()
    facts.wire["vm3"]["plain"]["4098"] = {ADDRESS["vm1"]: 1}
    assert judged(facts, "ENC-WIRE") == [("fail", "back", ["vm3"])]


def test_dropped_esp_names_the_node_that_drops() -> None:
    facts = healthy()
    break_path(facts, SECRET, around("vm2"))
    assert judged(facts, "ENC-WIRE") == [("fail", "back", ["vm2"])]


def test_a_blind_capture_proves_nothing() -> None:
    facts = healthy()
    facts.wire["vm2"]["canary"] = {}
    assert judged(facts, "ENC-WIRE") == [("inconclusive", "back", ["vm2"])]


@pytest.mark.parametrize(
    "change",
    [
        lambda facts: facts.wire["vm2"].update(esp_out={}),
        lambda facts: facts.xfrm.update(vm2=[]),
    ],
)
def test_delivery_without_known_esp_proves_nothing(change) -> None:
    facts = healthy()
    change(facts)
    assert judged(facts, "ENC-WIRE") == [("inconclusive", "back", ["vm2"])]


def test_an_unknown_vxlan_id_proves_nothing() -> None:
    facts = healthy()
    facts.networks = [dict(SECRET, vni=None)]
    assert worst(facts, "ENC-WIRE") == "inconclusive"


def test_a_kernel_without_esp4_never_passes() -> None:
    facts = healthy()
    missing(facts, "vm2", "esp4")
    break_path(facts, SECRET, around("vm2"))
    result = CHECKS["ENC-WIRE"].judge(facts)[0]
    assert (result["status"], result["nodes"]) == ("fail", ["vm2"]) and "esp4" in result["hint"]


def test_what_could_not_be_made_is_told() -> None:
    facts = healthy()
    facts.made = dict(facts.made, probe=None)
    facts.refused = {"probe": Problem("engine-refused", "no free addresses")}
    for ident in (
        "DP-MATRIX",
        "SD-VIP",
        "ENC-WIRE",
        "NET-ATTACH",
        "LB-SPREAD",
        "MTU-FIT",
        "GOSSIP-HASH",
        "PEER-FDB",
        "LB-IPVS",
    ):
        for item in CHECKS[ident].judge(copy.deepcopy(facts)):
            assert item["status"] == "inconclusive" and "no free addresses" in item["evidence"]["summary"]


@pytest.mark.parametrize(
    ("failed", "suspects", "blamed"),
    [
        ([], {}, []),
        ([("a", "b"), ("b", "a"), ("b", "c")], {}, ["b"]),
        ([("a", "b")], {}, ["a", "b"]),
        ([("a", "b")], {"b": 1}, ["b"]),
        ([("a", "b"), ("b", "c"), ("c", "a")], {}, ["a", "b", "c"]),
        ([("a", "b"), ("c", "d")], {"a": 1, "d": 1}, ["a", "d"]),
    ],
)
def test_blame(failed: list, suspects: dict, blamed: list) -> None:
    assert _blame.blame(failed, lambda node: suspects.get(node, 0)) == blamed


def test_blame_among_many_nodes_stays_quick() -> None:
    nodes = [f"vm{number}" for number in range(40)]
    assert _blame.blame([("vm7", node) for node in nodes if node != "vm7"]) == ["vm7"]


def test_many_nodes_try_some_neighbours_and_others_each_run() -> None:
    nodes = [f"vm{number}" for number in range(30)]
    first, second = _blame.pairs(nodes, "r1"), _blame.pairs(nodes, "r2")
    assert len(first) == 30 * 10 and first != second
    assert {node for pair in first for node in pair} == set(nodes)
    assert len(_blame.pairs(nodes[:10], "r1")) == 90


def test_selecting_checks() -> None:
    chosen, empty = _checks.select(_checks.load(), ["SD-*", "NO-SUCH"])
    assert {module.ID for module in chosen} == {
        "SD-VIP",
        "SD-ALIAS",
        "SD-TASKS",
        "SD-DNSRR",
        "SD-TASKNAME",
        "SD-SCOPE",
        "SD-INGRESS-NONE",
    }
    assert empty == ["NO-SUCH"]
