# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every check against tables of facts: what makes it pass, fail, stay inconclusive, or skip."""

from __future__ import annotations

import copy
import re

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils import _checks
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._checks import (
    _blame,
    _paths,
    _resolving,
    cp_tls,
    dp_matrix,
)
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._facts.problems import Problem
from drafts import Draft
from sound import ADDRESS, CHECKS, HOSTS, PLAIN, SECRET, around, break_path, healthy, judged, missing, results, worst

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


# Checks without a result on a sound swarm: nothing was disrupted, and no network was named that could be missing.
SILENT_WHEN_SOUND = {"DIS-PARTITION", "DIS-ENGINE", "DIS-FIREWALL", "DIS-DRAIN", "DIS-REBOOT", "NET-EXISTS"}


def test_a_healthy_swarm_passes_everything() -> None:
    facts = healthy()
    told = {ident: results(facts, ident) for ident in CHECKS}
    assert {ident for ident, found in told.items() if not found} == SILENT_WHEN_SOUND
    for ident, found in told.items():
        for item in found:
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
    found = [item["reason"] for item in results(facts, ident) if item["status"] == "pass"]
    assert not found, f"{ident} saw nothing and passes; its result has to be 'inconclusive'"


@pytest.mark.parametrize("ident", sorted(set(CHECKS) - SILENT))
def test_silent_probes_are_no_pass(ident: str) -> None:
    facts = healthy()
    facts.update(observations={}, trains={}, witnessed={})
    assert worst(facts, ident) in ("inconclusive", "fail"), (
        f"{ident} passes without an answer to any question; if it asks none, it belongs in SILENT above"
    )


@pytest.mark.parametrize("ident", sorted(CHECKS))
def test_a_check_describes_itself(ident: str) -> None:
    check = CHECKS[ident]
    assert re.fullmatch(r"[A-Z]+(-[A-Z]+[0-9]?)+", ident)
    assert check.TITLE and check.HINT and check.__doc__.startswith(ident)
    assert "%s" not in check.HINT and "%d" not in check.HINT, (
        "it is shown as it is where a result has no hint of its own"
    )
    assert ident.lower().replace("-", "_") == check.__name__.rpartition(".")[2], "its file has its name"


def test_an_unreachable_node_is_named() -> None:
    facts = healthy()
    facts.problems = {"vm3": Problem("node-unreachable", "not reachable: timed out (phase prepare)")}
    assert judged(facts, "PRE-REACH") == [("fail", None, ["vm3"])]


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


LIFE = 86400 * 90 + 1000  # seconds, of the sound swarm's certificates


@pytest.mark.parametrize(
    ("left", "days", "status"),
    [
        (0.2, 0, "pass"),  # renewal comes at 80 percent of the life at the latest
        (0.101, 0, "pass"),
        (0.099, 0, "fail"),
        (0.5, 46, "fail"),
        (0.5, 44, "pass"),
        (0.05, 2, "pass"),
    ],
)
def test_a_certificate_that_ends_soon_is_told_before_it_ends(left: float, days: float, status: str) -> None:
    facts = healthy()
    facts.settings["certificate_days"] = days
    for host in HOSTS:
        facts.opened[host]["certificate"].update(not_after=LIFE * 2, not_before=LIFE)
        facts.opened[host]["time"] = LIFE + 1
    facts.opened["vm2"]["time"] = LIFE * (2 - left)
    (found,) = CHECKS["CP-TLS"].judge(facts)
    assert found["status"] == status
    if status == "fail":
        assert (found["reason"], found["nodes"]) == ("certificate-expiring", ["vm2"])
        assert found["hint"] == cp_tls.RENEW and "vm2: its certificate ends in" in found["evidence"]["summary"]


def test_certificates_of_an_hour_are_judged_by_their_own_life() -> None:
    facts = healthy()
    for host in HOSTS:
        facts.opened[host]["certificate"].update(not_before=1000 - 5400, not_after=1000 + 1800)
    assert worst(facts, "CP-TLS") == "pass"


def test_an_ending_certificate_is_told_beside_a_wrong_one() -> None:
    facts = healthy()
    facts.opened["vm2"]["certificate"].update(not_after=1000 + 60)
    facts.opened["vm3"]["certificate"].update(issuer_digest="foreign", not_after=1001)
    told = [(item["reason"], item["nodes"]) for item in CHECKS["CP-TLS"].judge(facts)]
    assert told == [("wrong-identity", ["vm3"]), ("certificate-expiring", ["vm2"])]


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


LATE = "attaching to network failed, make sure your network options are correct and check manager logs: context deadline exceeded"


@pytest.mark.parametrize(
    ("words", "crowded", "load", "status"),
    [
        (LATE, "vm2", 9.0, "inconclusive"),
        (LATE, "vm1", 9.0, "inconclusive"),  # the leader has as much to do for it
        (LATE, "vm3", 9.0, "fail"),
        (LATE, "vm2", 7.0, "fail"),
        ("something else", "vm2", 9.0, "fail"),
    ],
)
def test_a_swarm_that_answers_late_on_crowded_nodes_proves_nothing(
    words: str, crowded: str, load: float, status: str
) -> None:
    """Seen on machines with half of a processor: both tries of the engine's own 20 seconds ran out, and all was sound."""
    facts = healthy()
    row = {"refused": words, "seconds": 40.0}
    facts.probed["vm2"]["attached"][0].update(row)
    facts.probed["vm2"]["lazy"] = row
    for host in HOSTS:
        facts.witnessed[host]["after"]["pressure"]["load"] = load if host == crowded else 1.0
    for ident in ("NET-LAZY", "NET-ATTACH"):
        found = judged(facts, ident)[0]
        assert (found[0], found[2]) == (status, ["vm2"])


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


def test_each_packet_that_the_wire_saw_counts_against_the_end_that_lost_it(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = healthy()
    facts.received = {}
    monkeypatch.setattr(_paths, "packets_sent", lambda _facts, _network, source, _target: int(source != "vm2"))
    monkeypatch.setattr(_paths, "packets_arrived", lambda *_path: 1)
    pairs = [("vm1", "vm3"), ("vm2", "vm3"), ("vm1", "vm3"), ("vm2", "vm1")]
    assert _paths.suspicion(facts, PLAIN, pairs) == {"vm3": 2, "vm2": 2}


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


def test_who_guards_what_the_others_prove() -> None:
    """PRE-REACH always; IPAM-HEADROOM where a network has no room for probes, and NET-EXISTS where one that was named is missing."""

    def guards(facts: Draft) -> set[str]:
        return {ident for ident, check in CHECKS.items() if _checks.is_guard(check, facts)}

    facts = healthy()
    always = guards(facts)
    assert "PRE-REACH" in always and "IPAM-HEADROOM" not in always and "DP-MATRIX" not in always
    facts.made["crowded"] = [PLAIN["id"]]
    assert guards(facts) == always | {"IPAM-HEADROOM"}


@pytest.mark.parametrize(
    ("module", "network", "patience"), [("ip_vs", PLAIN, 0), ("esp4", PLAIN, 20), ("esp4", SECRET, 0)]
)
def test_a_virtual_ip_that_cannot_answer_is_not_waited_for(module: str, network: dict, patience: int) -> None:
    facts = healthy()
    missing(facts, "vm2", module)
    asked = {
        host: request["patience"]
        for host, requests in CHECKS["DP-MATRIX"].plan(facts).items()
        for request in requests
        if request["id"] == dp_matrix.ident("DP-MATRIX", network, "*", "vip")
    }
    everywhere = patience if module == "esp4" else facts.settings["convergence"]
    assert asked == {"vm1": everywhere, "vm2": patience, "vm3": everywhere}


def test_only_selected_nodes_ask_and_are_paired_with_all() -> None:
    facts = healthy()
    facts.settings["nodes"] = ["vm2"]
    assert set(CHECKS["SD-VIP"].plan(facts)) == {"vm2"}
    pairs = {
        (source, request["node"])
        for source, rows in CHECKS["DP-MATRIX"].plan(facts).items()
        for request in rows
        if request["kind"] == "tcp"
    }
    assert pairs == set(around("vm2"))


def test_a_network_without_room_for_probes_is_skipped_and_told_so() -> None:
    facts = healthy()
    facts.made["crowded"] = [PLAIN["id"]]
    for rows in facts.probes.values():
        rows.pop(PLAIN["id"])
    for ident in (
        "SD-VIP",
        "DP-MATRIX",
        "NET-ATTACH",
        "MTU-FIT",
        "LB-SPREAD",
        "PEER-FDB",
        "GOSSIP-HASH",
        "LB-IPVS",
        "SD-SCOPE",
    ):
        results = [item for item in CHECKS[ident].judge(facts) if item["network"] == "front"]
        assert [item["status"] for item in results] == ["skip"], ident
        assert "IPAM-HEADROOM" in results[0]["evidence"]["summary"]
    # Nothing else was proven on it, so the run must not be green for it.
    assert judged(facts, "IPAM-HEADROOM")[0] == ("inconclusive", "front", [])


@pytest.mark.parametrize("ident", sorted(CHECKS))
def test_a_check_has_tags_one_of_them_its_priority(ident: str) -> None:
    tags = CHECKS[ident].TAGS
    assert len({"P0", "P1", "P2", "P3"} & set(tags)) == 1 and len(tags) > 1
    assert all(re.fullmatch(r"P[0-3]|[a-z]+", tag) for tag in tags)


def test_selecting_by_tag() -> None:
    chosen, empty = _checks.select(_checks.load(), ["encryption", "nothing"])
    assert {module.ID for module in chosen} == {
        "ENC-WIRE",
        "ENC-SA-AGREE",
        "ENC-REJECT",
        "XFRM-DELTA",
        "FW-RULES",
    } and empty == ["nothing"]
    priorities, _none = _checks.select(_checks.load(), ["P?"])
    assert len(priorities) == len(CHECKS)


def test_a_control_that_somebody_removed_is_no_traceback() -> None:
    facts = healthy()
    facts.twin = None
    for ident in CHECKS:
        CHECKS[ident].judge(facts)
    assert worst(facts, "ENC-WIRE") == "inconclusive"


def test_the_nodes_that_took_part_in_each_failure_are_told_once() -> None:
    failures = [("vm3", "vm1", "vm2"), ("vm2", "vm1", "vm2"), ("vm2", "vm1"), ("vm1", "vm1")]
    assert _blame.between(failures) == [["vm1"], ["vm2", "vm1"], ["vm3", "vm1", "vm2"]]
