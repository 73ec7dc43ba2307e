# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""People's own services, tasks and containers: what makes their checks fail, stay inconclusive, or skip, and which cause is named."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._checks import _workloads, dp_task, lb_service
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._diagnosis.diagnose import diagnose
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._verification import plans
from drafts import Draft
from sound import CHECKS, HOSTS, PLAIN, WEB, healthy, judged, missing, worst


def lose(facts: Draft, ident: str, sources: list[str], error: str = "no answer", **more) -> None:
    """Requests whose id ends so get no answer."""
    for source in sources:
        rows = [seen for name, seen in facts.observations[source].items() if name.endswith(ident)]
        assert rows, ident
        for seen in rows:
            seen.update(ok=False, error=error, **more)


def causes(facts: Draft, *idents: str) -> list[tuple]:
    results = [item for ident in idents for item in CHECKS[ident].judge(facts)]
    return [(cause["id"], cause["nodes"], cause["title"]) for cause in diagnose(results, facts)]


# --- From inside people's tasks


@pytest.mark.parametrize("kind", [dp_task.NAME, dp_task.NEAR, dp_task.FAR, dp_task.TRAIN])
def test_a_task_that_alone_is_cut_off_is_named_and_its_node_is_not_blamed(kind: str) -> None:
    facts = healthy()
    lose(facts, f"{dp_task.ident(PLAIN, 'c-vm2', kind)}", ["vm2"], answered=5)
    result = next(item for item in CHECKS["DP-TASK"].judge(facts) if item["status"] == "fail")
    assert (result["network"], result["nodes"], result["reason"]) == ("front", ["vm2"], "task-cut")
    (row,) = result["evidence"]["tasks"]
    assert (row["task"], row["service"], row["fails"]) == ("web.1", "web", [kind])
    assert causes(facts, "DP-TASK", "DP-MATRIX") == [
        ("task-cut", ["vm2"], "web.1 (of web) on vm2 is cut off inside its own namespace")
    ]


def test_a_task_to_which_another_node_lacks_the_way_back_is_not_the_cause() -> None:
    """The kernel of vm3 lost what it knew of the task on vm2; the probe beside that task answers."""
    facts = healthy()
    far = dp_task._far(facts, PLAIN, "vm2")
    lose(facts, dp_task.ident(PLAIN, "c-vm2", dp_task.FAR), ["vm2"])
    facts.held[far][PLAIN["id"]]["peers"]["always"].append("10.0.1.200 02:x 10.77.0.11")
    assert (
        causes(facts, "PEER-FDB", "DP-TASK")[0][:2] == ("peers-stale", [far])
        and len(causes(facts, "PEER-FDB", "DP-TASK")) == 1
    )
    assert causes(facts, "DP-TASK") == [
        ("task-cut", ["vm2"], "web.1 (of web) on vm2 is cut off inside its own namespace")
    ]


@pytest.mark.parametrize("kind", [dp_task.FULL, dp_task.TWOWAY])
def test_a_task_that_passes_no_large_packets_is_named(kind: str) -> None:
    """A rule by length, or an interface of another size."""
    facts = healthy()
    lose(facts, dp_task.ident(PLAIN, "c-vm2", kind), ["vm2"])
    (row,) = next(item for item in CHECKS["DP-TASK"].judge(facts) if item["status"] == "fail")["evidence"]["tasks"]
    assert row["fails"] == [kind]
    assert causes(facts, "DP-TASK") == [
        ("task-cut", ["vm2"], "web.1 (of web) on vm2 passes no packets of full size inside its own namespace")
    ]


@pytest.mark.parametrize("kind", [dp_task.FULL, dp_task.TWOWAY])
def test_large_packets_that_the_probe_does_not_get_far_are_no_fault_of_a_task(kind: str) -> None:
    facts = healthy()
    lose(facts, dp_task.ident(PLAIN, "c-vm2", kind), ["vm2"])
    lose(facts, dp_task.ident(PLAIN, "probe", dp_task.FULL), ["vm2"])
    assert worst(facts, "DP-TASK") == "pass"


@pytest.mark.parametrize("size", [300, 1449, 1500])
def test_a_task_whose_interface_has_another_mtu_than_the_probes_is_named(size: int) -> None:
    facts = healthy()
    facts.probed["vm2"]["workloads"]["c-vm2"]["interior"]["links"][0]["mtu"] = size
    found = [item for item in CHECKS["DP-TASK"].judge(facts) if item["status"] != "pass"]
    assert [(item["network"], item["nodes"], item["reason"]) for item in found] == [
        ("front", ["vm2"], "task-cut"), ("back", ["vm2"], "task-cut"),
    ]  # fmt: skip
    (row,) = found[0]["evidence"]["tasks"]
    assert row["inside"] == [f"interface eth0 has an MTU of {size}, the probe's 1450"] and row["fails"] == [dp_task.MTU]


def test_other_interfaces_of_a_task_may_have_any_mtu() -> None:
    """A tunnel of its own, or that of a network without a probe."""
    facts = healthy()
    seen = facts.probed["vm2"]["workloads"]["c-vm2"]["interior"]
    seen["links"].append({"name": "tun0", "up": True, "mtu": 1280, "queue": "noqueue", "addresses": ["10.8.0.2"]})
    assert worst(facts, "DP-TASK") == "pass"


@pytest.mark.parametrize(
    ("entry", "fails"),
    [
        ("{address} 02:42:de:ad:be:ef eth0", True),
        ("{address} {mac} eth0", False),  # pinned, and right
        ("10.0.1.77 02:42:de:ad:be:ef eth0", False),  # nobody's address
        ("10.0.1.77 {mac} eth0", False),
    ],
)
def test_a_task_that_pins_a_wrong_hardware_address_for_another_endpoint_is_named(entry: str, fails: bool) -> None:
    """It need not be a probe's: the probes may all be reached."""
    facts = healthy()
    address, mac = facts.held["vm3"][PLAIN["id"]]["local"][-1].split(" ")
    told = entry.format(address=address, mac=mac)
    facts.probed["vm2"]["workloads"]["c-vm2"]["interior"]["pinned"].append(told)
    found = [item for item in CHECKS["DP-TASK"].judge(facts) if item["status"] != "pass"]
    assert [(item["network"], item["nodes"], item["reason"]) for item in found] == (
        [("front", ["vm2"], "task-cut")] if fails else []
    )
    if fails:
        (row,) = found[0]["evidence"]["tasks"]
        assert row["fails"] == [dp_task.HARDWARE] and row["inside"] == [f"a neighbour is pinned: {told}"]
        assert causes(facts, "DP-TASK", "LB-SERVICE")[0][:2] == ("task-cut", ["vm2"])


@pytest.mark.parametrize("kind", [dp_task.NEAR, dp_task.FAR, dp_task.TRAIN])
def test_what_the_probe_beside_it_does_not_reach_either_is_no_fault_of_a_task(kind: str) -> None:
    facts = healthy()
    lose(facts, dp_task.ident(PLAIN, "c-vm2", kind), ["vm2"])
    lose(facts, dp_task.ident(PLAIN, "probe", dp_task.FAR), ["vm2"])
    assert worst(facts, "DP-TASK") == "pass"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda seen: seen["interior"]["links"][0].update(up=False), "interface eth0 is down"),
        (
            lambda seen: seen["interior"]["settings"].update({"net.ipv4.ip_default_ttl": "1"}),
            "ip_default_ttl is 1, the probe's 64",
        ),
        (lambda seen: seen["interior"]["links"][0].update(queue="netem"), "queueing discipline netem"),
        (lambda seen: seen["interior"]["addresses"].remove("10.0.1.51"), "no interface has 10.0.1.51"),
        (lambda seen: seen["interior"]["routes"].remove("10.0.1.0/24 eth0"), "no route into 10.0.1.0/24"),
        (lambda seen: seen["interior"]["routes"].append("10.0.1.10/32 *"), "route 10.0.1.10/32 *"),
        (lambda seen: seen["interior"]["pinned"].append("10.0.1.10 02:00 eth0"), "pinned: 10.0.1.10 02:00 eth0"),
        (
            lambda seen: seen.update(closely={"rules": ["-A OUTPUT -j DROP"], "redirected": True}),
            "rule -A OUTPUT -j DROP",
        ),
    ],
)
def test_what_is_odd_inside_is_told(change, words: str) -> None:
    facts = healthy()
    lose(facts, dp_task.ident(PLAIN, "c-vm2", dp_task.NEAR), ["vm2"])
    change(facts.probed["vm2"]["workloads"]["c-vm2"])
    (row,) = next(item for item in CHECKS["DP-TASK"].judge(facts) if item["status"] == "fail")["evidence"]["tasks"]
    assert len(row["inside"]) == 1 and words in row["inside"][0]


def test_rules_that_the_engine_has_for_the_mesh_and_those_that_the_probe_has_too_are_not_odd() -> None:
    facts = healthy()
    lose(facts, dp_task.ident(PLAIN, "c-vm2", dp_task.NEAR), ["vm2"])
    facts.opened["vm2"]["workloads"]["rows"][0]["networks"]["ingress"] = "10.0.0.6"
    rules = ["-A INPUT -d 10.0.0.6/32 -p tcp -j DROP", "-A INPUT -i x -j DROP"]
    facts.probed["vm2"]["workloads"]["c-vm2"]["closely"] = {"rules": rules, "redirected": False}
    facts.probed["vm2"]["workloads"]["probe"]["closely"] = {"rules": rules[1:], "redirected": True}
    (row,) = next(item for item in CHECKS["DP-TASK"].judge(facts) if item["status"] == "fail")["evidence"]["tasks"]
    assert row["inside"] == ["the engine's rules for DNS (127.0.0.11) are gone"]


@pytest.mark.parametrize(
    ("resolvers", "broken"),
    [(["127.0.0.11"], False), (["127.0.0.1"], False), (None, False), (["192.0.2.53"], True), ([], True)],
)
def test_a_container_that_asks_another_name_server_is_told(resolvers: list | None, broken: bool) -> None:
    """One with a resolver of its own, or with a file that people gave it, is meant so."""
    facts = healthy()
    facts.opened["vm2"]["workloads"]["rows"][0]["resolvers"] = resolvers
    results = CHECKS["DP-TASK"].judge(facts)
    failed = {tuple(item["nodes"]) for item in results if item["status"] == "fail"}
    assert failed == ({("vm2",)} if broken else set())
    if broken:
        assert f"asks {(resolvers or ['nobody'])[0]}" in results[-1]["evidence"]["summary"]
        assert [(cause["id"], cause["nodes"]) for cause in diagnose(results, facts)] == [("resolver-replaced", ["vm2"])]


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("stopped", "stopped", "got a signal"),
        ("frozen", "frozen", "paused"),
        ("dead", "dead", "nobody collected it"),
        ("stuck", "stuck", "did not run once"),
        ("runs", "runs", None),
        ("stopped", "runs", None),  # a debugger, or a snapshot
        ("runs", "stopped", None),
        ("frozen", "stopped", None),
    ],
)
def test_a_task_whose_processes_stand_still_at_both_looks_is_told(before: str, after: str, words: str | None) -> None:
    facts = healthy()
    facts.opened["vm2"]["workloads"]["rows"][0]["life"]["state"] = before
    facts.probed["vm2"]["workloads"]["c-vm2"]["life"]["state"] = after
    found = [item for item in CHECKS["DP-TASK"].judge(facts) if item["status"] != "pass"]
    assert [(item["status"], item["reason"], item["nodes"]) for item in found] == (
        [("fail", "task-stopped", ["vm2"])] if words else []
    )
    if words:
        assert words in found[0]["evidence"]["summary"]
        assert causes(facts, "DP-TASK", "LB-SERVICE") == [
            ("task-stopped", ["vm2"], "web.1 (of web) on vm2 does not run: its processes stand still")
        ]


def test_a_program_that_waits_for_its_disk_and_runs_in_between_is_not_stuck() -> None:
    facts = healthy()
    facts.opened["vm2"]["workloads"]["rows"][0]["life"] = {"state": "stuck", "switches": 7}
    facts.probed["vm2"]["workloads"]["c-vm2"]["life"] = {"state": "stuck", "switches": 8}
    assert worst(facts, "DP-TASK") == "pass"


def test_a_task_that_stands_still_explains_that_its_service_is_not_reached() -> None:
    facts = healthy()
    facts.opened["vm2"]["workloads"]["rows"][0]["life"]["state"] = "stopped"
    facts.probed["vm2"]["workloads"]["c-vm2"]["life"]["state"] = "stopped"
    lose(facts, "/80/task-vm2", HOSTS)
    assert [row[:2] for row in causes(facts, "DP-TASK", "LB-SERVICE")] == [("task-stopped", ["vm2"])]


@pytest.mark.parametrize("gone", ["before", "after"])
def test_a_container_of_which_a_look_saw_nothing_is_not_blamed(gone: str) -> None:
    facts = healthy()
    first, second = facts.opened["vm2"]["workloads"]["rows"][0], facts.probed["vm2"]["workloads"]["c-vm2"]
    first["life"], second["life"] = {"state": "stopped", "switches": 1}, {"state": "stopped", "switches": 1}
    (first if gone == "before" else second)["life"] = None
    assert worst(facts, "DP-TASK") == "pass"


@pytest.mark.parametrize(
    ("mine", "leads_out", "probes", "broken"),
    [
        ("172.18.0.9", False, True, True),
        ("172.18.0.9", True, True, False),
        ("10.0.1.77", False, True, False),  # on internal networks alone: the engine gave it no way out
        ("172.18.0.9", False, False, False),  # nor has the probe one: that is the node's matter
    ],
)
def test_a_container_without_the_way_out_that_the_engine_gave_it_is_told(
    mine: str, leads_out: bool, probes: bool, broken: bool
) -> None:
    facts = healthy()
    looked = facts.probed["vm2"]["workloads"]
    looked["c-vm2"]["interior"]["addresses"].append(mine)
    looked["c-vm2"]["interior"]["leads_out"] = leads_out
    looked["probe"]["interior"]["leads_out"] = probes
    results = CHECKS["DP-TASK"].judge(facts)
    failed = [item for item in results if item["status"] == "fail"]
    assert {tuple(item["nodes"]) for item in failed} == ({("vm2",)} if broken else set())
    for item in failed:
        assert "has no way out" in item["evidence"]["summary"] and item["evidence"]["tasks"][0]["inside"] == [
            "no default route"
        ]
    assert [(cause["id"], cause["nodes"]) for cause in diagnose(results, facts)] == (
        [("task-cut", ["vm2"])] if broken else []
    )


def test_a_container_that_ended_meanwhile_is_no_fault() -> None:
    facts = healthy()
    facts.probed["vm2"]["workloads"].pop("c-vm2")
    assert worst(facts, "DP-TASK") == "pass"
    for host in HOSTS:
        facts.probed[host]["workloads"] = {}
    assert {item["reason"] for item in CHECKS["DP-TASK"].judge(facts)} == {"names-moved"}
    facts.probed["vm2"].pop("workloads")
    assert judged(facts, "DP-TASK")[0] == ("inconclusive", "front", ["vm2"])


def test_no_container_is_a_skip_and_an_untold_one_is_not() -> None:
    facts = healthy()
    for host in HOSTS:
        facts.opened[host]["workloads"] = {"number": 0, "rows": []}
    assert {item["reason"] for item in CHECKS["DP-TASK"].judge(facts)} == {"no-workload"}
    facts.opened["vm3"].pop("workloads")
    assert judged(facts, "DP-TASK")[0] == ("inconclusive", "front", ["vm3"])


def test_too_many_containers_are_counted_and_not_asked() -> None:
    facts = healthy()
    row = facts.opened["vm2"]["workloads"]["rows"][0]
    rows = [dict(row, id=f"c{number}", task=f"t{number}") for number in range(30)]
    facts.opened["vm2"]["workloads"] = {"number": 70, "rows": rows}
    asked = {request.get("where") for request in CHECKS["DP-TASK"].plan(facts)["vm2"]} - {None}
    assert len(asked) == dp_task.LIMIT
    facts.observations["vm2"] = {}
    for request in CHECKS["DP-TASK"].plan(facts)["vm2"]:
        facts.observations["vm2"][request["id"]] = {"ok": True, "seconds": 0.1}
    facts.probed["vm2"]["workloads"] = {row["id"]: facts.probed["vm3"]["workloads"]["c-vm3"] for row in rows}
    result = CHECKS["DP-TASK"].judge(facts)[0]
    assert result["status"] == "pass" and "54 more were not asked" in result["evidence"]["summary"]


def test_only_selected_services_are_looked_into() -> None:
    facts = healthy()
    facts.settings["services"] = ["other"]
    assert CHECKS["DP-TASK"].plan(facts) == {} and CHECKS["LB-SERVICE"].plan(facts) == {}
    facts.settings["services"] = ["w*"]
    facts.opened["vm1"]["workloads"]["rows"][0].update(service=None, task=None)
    assert set(CHECKS["DP-TASK"].plan(facts)) == {"vm2", "vm3"}


# --- Through virtual IPs, and at each task


def test_a_task_that_nobody_reaches_is_deaf_and_named() -> None:
    facts = healthy()
    lose(facts, "/80/task-vm2", HOSTS)
    facts.probed["vm2"]["workloads"]["c-vm2"]["waiting"] = {"80": 129}
    result = next(item for item in CHECKS["LB-SERVICE"].judge(facts) if item["status"] == "fail")
    assert (result["service"], result["nodes"], result["reason"]) == ("web", ["vm2"], "service-unreached")
    assert result["evidence"]["deaf"] == [
        {"task": "web.1", "node": "vm2", "inside": ["129 connections wait at port 80 for the program"]}
    ]
    assert causes(facts, "LB-SERVICE") == [
        ("task-deaf", ["vm2"], "web.1 (of web) on vm2 takes no connection from anybody, its own node included")
    ]


def test_a_task_that_is_cut_off_is_also_why_nobody_reaches_it() -> None:
    facts = healthy()
    lose(facts, "/80/task-vm2", HOSTS)
    lose(facts, dp_task.ident(PLAIN, "c-vm2", dp_task.NEAR), ["vm2"])
    lose(facts, dp_task.ident(dict(PLAIN, id="secret000000"), "c-vm2", dp_task.NEAR), ["vm2"])
    assert [cause[:2] for cause in causes(facts, "DP-TASK", "LB-SERVICE")] == [("task-cut", ["vm2"])]


def test_a_way_between_two_nodes_is_a_pair() -> None:
    facts = healthy()
    lose(facts, "/80/task-vm2", ["vm1", "vm3"])
    result = next(item for item in CHECKS["LB-SERVICE"].judge(facts) if item["status"] == "fail")
    assert result["nodes"] == ["vm2"] and result["evidence"]["deaf"] == []
    assert ["vm1", "vm2", "web.1"] in result["evidence"]["ways"] and [
        cause[:2] for cause in causes(facts, "LB-SERVICE")
    ] == [("cause-unknown", ["vm2"])]


def test_a_virtual_ip_that_alone_is_silent_is_its_nodes_balancer() -> None:
    facts = healthy()
    lose(facts, "/80/vip", ["vm3"], answered=2, count=6)
    result = next(item for item in CHECKS["LB-SERVICE"].judge(facts) if item["status"] == "fail")
    assert (result["reason"], result["nodes"]) == ("virtual-ip-silent", ["vm3"])
    assert "2 of 6 opened" in result["evidence"]["summary"]
    assert [cause[:2] for cause in causes(facts, "LB-SERVICE")] == [("balancer-broken", ["vm3"])]
    for host in HOSTS:
        missing(facts, host, "ip_vs")
    assert [cause[:2] for cause in causes(facts, "LB-SERVICE")] == [("kernel-lacks", HOSTS)]
    assert "ip_vs" in CHECKS["LB-SERVICE"].judge(facts)[0]["hint"]


@pytest.mark.parametrize(
    "change",
    [
        lambda facts: facts.probed["vm2"]["workloads"]["c-vm2"].update(ports=[81]),  # it listens no more
        lambda facts: facts.probed["vm2"]["workloads"].pop("c-vm2"),  # it is gone
        lambda facts: facts.serving.update({WEB: ["task-vm1", "task-vm3", "another"]}),  # it was replaced
    ],
)
def test_a_service_that_changes_is_not_judged(change) -> None:
    facts = healthy()
    lose(facts, "/80/task-vm2", HOSTS)
    lose(facts, "/80/vip", HOSTS)
    change(facts)
    assert worst(facts, "LB-SERVICE") in ("pass", "skip")


def test_a_virtual_ip_is_asked_only_where_all_tasks_are_known() -> None:
    facts = healthy()
    facts.services[0]["tasks"].append({"id": "elsewhere", "node": "id-vm9", "addresses": {}, "ports": []})
    facts.serving[WEB].append("elsewhere")
    asked = [request["id"] for rows in CHECKS["LB-SERVICE"].plan(facts).values() for request in rows]
    assert asked and not any(ident.endswith("/vip") for ident in asked)
    assert CHECKS["MESH-SERVICE"].plan(facts).keys() == {"vm1", "vm2", "vm3"}
    assert all("/host/" in row["id"] for rows in CHECKS["MESH-SERVICE"].plan(facts).values() for row in rows)


def test_many_services_stay_cheap_and_the_evidence_says_what_was_left() -> None:
    facts = healthy()
    service = facts.services[0]
    facts.services = [dict(service, id=f"s{number:011}", name=f"s{number}") for number in range(60)]
    facts.serving = None
    plan = CHECKS["LB-SERVICE"].plan(facts)
    assert {len(rows) for rows in plan.values()} == {lb_service.BUDGET}
    assert len({row["id"].split("/")[2] for row in plan["vm1"]}) == 60, (
        "each service is asked for once before any is twice"
    )
    facts.run = "r2"
    assert {row["id"] for row in CHECKS["LB-SERVICE"].plan(facts)["vm1"]} != {row["id"] for row in plan["vm1"]}
    for source, rows in CHECKS["LB-SERVICE"].plan(facts).items():
        facts.observations[source] = {row["id"]: {"ok": True, "seconds": 0.1} for row in rows}
    result = CHECKS["LB-SERVICE"].judge(facts)[0]
    assert result["status"] == "pass" and "were left for other runs" in result["evidence"]["summary"]


def test_a_port_at_an_address_of_one_network_is_none_of_another() -> None:
    facts = healthy()
    for host in HOSTS:
        facts.opened[host]["workloads"]["rows"][0]["ports"] = {"": [], PLAIN["id"]: [80]}
    asked = {row["id"].split("/")[1] for row in CHECKS["LB-SERVICE"].plan(facts)["vm1"]}
    assert asked == {PLAIN["id"]} and CHECKS["MESH-SERVICE"].plan(facts) == {}


def test_no_port_is_a_skip() -> None:
    facts = healthy()
    for host in HOSTS:
        facts.opened[host]["workloads"]["rows"][0]["ports"] = {}
    assert {item["reason"] for ident in ("LB-SERVICE", "MESH-SERVICE") for item in CHECKS[ident].judge(facts)} == {
        "nothing-listens"
    }


# --- Published ports


def test_a_node_on_which_a_published_port_is_deaf() -> None:
    facts = healthy()
    lose(facts, "ingress/8080/vm3", ["vm1", "vm2"], "connection refused")
    result = CHECKS["MESH-SERVICE"].judge(facts)[0]
    assert (result["status"], result["service"], result["nodes"]) == ("fail", "web", ["vm3"])
    assert [cause[:2] for cause in causes(facts, "MESH-SERVICE")] == [("port-unreached", ["vm3"])]
    missing(facts, "vm3", "ip_vs")
    assert [cause[:2] for cause in causes(facts, "MESH-SERVICE")] == [("kernel-lacks", ["vm3"])]


def test_a_port_of_mode_host_is_asked_for_on_the_node_of_its_task_alone() -> None:
    facts = healthy()
    facts.services[0]["tasks"][1]["ports"] = facts.services[0]["tasks"][2]["ports"] = []
    asked = {(source, row["id"].rpartition("/")[2]) for source, rows in CHECKS["MESH-SERVICE"].plan(facts).items()
             for row in rows if "/host/" in row["id"]}  # fmt: skip
    assert asked == {("vm2", "vm1"), ("vm3", "vm1")}


def test_a_connection_that_ends_at_the_engines_placeholder_is_none() -> None:
    facts = healthy()
    facts.closed["vm2"]["unaccepted"] = {"8080": 4}
    result = CHECKS["MESH-SERVICE"].judge(facts)[0]
    assert (result["status"], result["nodes"]) == ("fail", ["vm2"]) and "placeholder" in result["hint"]
    facts.closed["vm2"]["unaccepted"] = {"8181": 4}  # docker-proxy takes them later
    assert worst(facts, "MESH-SERVICE") == "pass"


@pytest.mark.parametrize(
    ("name", "task", "words"),
    [
        ("web.1.t1", "t1", "web.1"),
        ("my.web.12.t1", "t1", "my.web.12"),
        ("web.rtujdbc9v010qovpwpvvdw0nb.t1", "t1", "web"),
        ("box.1.t1", None, "box.1.t1"),
        ("odd", "t1", "odd"),
    ],
)
def test_names_as_people_know_them(name: str, task: str | None, words: str) -> None:
    assert _workloads.named({"name": name, "task": task}) == words


# --- The plan


def test_a_closer_look_is_taken_where_a_request_from_inside_or_about_a_container_fails() -> None:
    facts = healthy()
    facts.published_on, facts.settings["once"], facts.settings["image"] = "id-vm1", 3.0, ""
    facts.settings.update(hosts=HOSTS, forks=5)
    for host in HOSTS:
        facts.nodes[host]["firewall"] = "iptables"
    checks = [CHECKS[ident] for ident in ("DP-TASK", "LB-SERVICE", "MESH-SERVICE")]
    plan = plans.probe(facts, "vm2", checks)
    foreign = [work for work in plan["work"] if work["foreign"]]
    assert [work["namespace"] for work in foreign] == ["/ns/c-vm2"]
    assert not any({"where", "about"} & set(request) for work in plan["work"] for request in work["requests"])
    look, probe = plan["looks"]
    assert (look["id"], probe["id"], probe["requests"]) == ("c-vm2", _workloads.PROBE, [])
    assert {ident.partition("/")[0] for ident in look["requests"]} == {"DP-TASK", "LB-SERVICE"}
    assert all(ident.endswith("task-vm2") for ident in look["requests"] if ident.startswith("LB-SERVICE"))
