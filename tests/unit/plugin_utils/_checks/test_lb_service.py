# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""LB-SERVICE: what is asked of people's services, and what follows for a task, a way and a virtual IP."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._checks import dp_matrix, lb_service
from drafts import Draft
from sound import HOSTS, PLAIN, SECRET, WEB, healthy, missing, results, short

FRONT = f"LB-SERVICE/{PLAIN['id'][:12]}/{WEB[:12]}"


def told(facts: Draft, network: dict = PLAIN) -> dict:
    (found,) = [item for item in results(facts, lb_service.ID) if item["network"] == network["name"]]
    assert found["service"] == ("web" if found["status"] == "fail" else None)
    return found


def lose(facts: Draft, source: str, whom: str, port: int = 80, **seen: object) -> None:
    """A request to a task or to the virtual IP is not met."""
    facts.observations[source][f"{FRONT}/{port}/{whom}"].update({"ok": False, "error": "no answer", **seen})


# --- A task that is not reached

ALL = tuple((source, "vm2") for source in HOSTS)


@pytest.mark.parametrize(
    ("lost", "nodes", "deaf"),
    [
        (ALL, ["vm2"], ["vm2"]),
        (ALL[::2], ["vm2"], []),  # its own node reaches it
        (ALL[:2], ["vm1", "vm2"], []),  # vm3 reaches it: the way from vm1, and something on vm2
        (ALL[1:2], ["vm2"], []),  # its own node alone does not
        (ALL[:1], ["vm1", "vm2"], []),
        ((("vm1", "vm2"), ("vm1", "vm3")), ["vm1"], []),
        ((*ALL, ("vm1", "vm3")), ["vm1", "vm2", "vm3"], ["vm2"]),
        ((*ALL, ("vm1", "vm3"), ("vm2", "vm3"), ("vm3", "vm3")), ["vm2", "vm3"], ["vm2", "vm3"]),
    ],
)
def test_whom_a_task_that_is_not_reached_accuses(lost: tuple, nodes: list, deaf: list) -> None:
    facts = healthy()
    for source, target in lost:
        lose(facts, source, f"task-{target}")
    found = told(facts)
    assert short(found) == ("fail", "service-unreached", nodes)
    assert found["hint"] == (lb_service.DEAF if deaf else lb_service.HINT)
    ways = sorted([source, target, "web.1"] for source, target in lost)
    rows = [f"web.1 on {target} at port 80 asked by {source}: no answer" for source, target in sorted(lost)]
    assert found["evidence"] == {
        "summary": ", ".join(rows[:2]) + (f" and {len(rows) - 2} more" if len(rows) > 2 else ""),
        "failed": rows,
        "deaf": [{"task": "web.1", "node": host, "inside": []} for host in deaf],
        "ways": ways,
    }


def test_a_task_is_deaf_at_one_port() -> None:
    facts = healthy()
    for source in HOSTS:
        lose(facts, source, "task-vm2", 81, error=None, node="vm9")
    lose(facts, "vm1", "task-vm2", 80)
    found = told(facts)
    assert [row["node"] for row in found["evidence"]["deaf"]] == ["vm2"]
    assert len(found["evidence"]["ways"]) == 3, "each way is told once"
    assert found["evidence"]["failed"][1] == "web.1 on vm2 at port 81 asked by vm1: vm9 answered"


@pytest.mark.parametrize("own", [True, False])
def test_who_did_not_ask_proves_neither(own: bool) -> None:
    facts = healthy()
    for source in HOSTS:
        lose(facts, source, "task-vm2")
    del facts.observations["vm2" if own else "vm3"][f"{FRONT}/80/task-vm2"]
    assert bool(told(facts)["evidence"]["deaf"]) is not own


def test_what_is_odd_inside_a_deaf_task_is_told_with_what_waits() -> None:
    facts = healthy()
    for source in HOSTS:
        lose(facts, source, "task-vm2")
    looked = facts.probed["vm2"]["workloads"]["c-vm2"]
    looked["waiting"] = {"81": 1, "80": 129}
    looked["interior"]["links"][0]["up"] = False
    (row,) = told(facts)["evidence"]["deaf"]
    assert row["inside"] == [
        "interface eth0 is down",
        "129 connections wait at port 80 for the program",
        "1 connections wait at port 81 for the program",
    ]
    looked["waiting"] = None
    assert told(facts)["evidence"]["deaf"][0]["inside"] == ["interface eth0 is down"]


OWN, OTHER, THIRD = ("vm2", "t2", 80), ("vm1", "t2", 80), ("vm3", "t2", 80)
DEAD = "no answer"


@pytest.mark.parametrize(
    ("straight", "deaf"),
    [
        ({OWN: DEAD, OTHER: DEAD, THIRD: DEAD}, True),
        ({OWN: DEAD}, True),
        ({OTHER: DEAD, THIRD: DEAD}, False),  # its own node was not asked
        ({OWN: None, OTHER: DEAD, THIRD: DEAD}, False),
        ({OWN: DEAD, OTHER: None, THIRD: DEAD}, False),
        ({OWN: DEAD, OTHER: DEAD, ("vm2", "t2", 81): None}, True),  # another port of it
        ({OWN: DEAD, OTHER: DEAD, ("vm2", "t1", 80): None}, True),  # another task
        ({OTHER: DEAD, ("vm2", "t2", 81): DEAD}, False),
        ({OTHER: DEAD, ("vm2", "t1", 80): DEAD}, False),
        ({}, False),
    ],
)
def test_a_deaf_task(straight: dict, deaf: bool) -> None:
    seen = lb_service._Seen.__new__(lb_service._Seen)
    seen.straight = straight
    seen.asked = SimpleNamespace(
        backends=[SimpleNamespace(task="t1", host="vm1"), SimpleNamespace(task="t2", host="vm2")]
    )
    assert seen._deaf("t2", 80) is deaf


# --- The virtual IP


@pytest.mark.parametrize(
    ("sources", "lacking", "hint"),
    [
        (["vm3"], [], lb_service.VIRTUAL),
        (["vm1", "vm3"], ["vm3"], lb_service.VIRTUAL),
        (["vm3"], ["vm2"], lb_service.VIRTUAL),
        (["vm3"], ["vm3"], dp_matrix.NO_IPVS % "vm3"),
        (["vm3"], ["vm2", "vm3"], dp_matrix.NO_IPVS % "vm2, vm3"),
    ],
)
def test_a_virtual_ip_that_alone_is_silent(sources: list, lacking: list, hint: str) -> None:
    facts = healthy()
    for host in sources:
        lose(facts, host, "vip", answered=2, count=6)
    for host in lacking:
        missing(facts, host, "ip_vs")
    found = told(facts)
    assert (*short(found), found["hint"]) == ("fail", "virtual-ip-silent", sources, hint)
    rows = [f"port 80 asked by {host}: no answer, 2 of 6 opened" for host in sources]
    assert found["evidence"] == {
        "summary": f"10.0.1.5, {', '.join(rows)}; each task answers by itself", "failed": rows, "sources": sources
    }  # fmt: skip


def test_of_many_ports_two_are_in_the_text() -> None:
    facts = healthy()
    for host in HOSTS:
        facts.observations[host][f"{FRONT}/80/vip"] = {"ok": False, "error": "refused"}
    found = told(facts)
    assert found["evidence"]["failed"][2] == "port 80 asked by vm3: refused, 0 of 1 opened"
    assert " and 1 more; " in found["evidence"]["summary"]


def test_a_lost_task_is_told_and_not_the_virtual_ip_above_it() -> None:
    facts = healthy()
    lose(facts, "vm3", "vip")
    lose(facts, "vm3", "task-vm2")
    assert short(told(facts))[:2] == ("fail", "service-unreached")


@pytest.mark.parametrize("moved", [True, False])
def test_a_virtual_ip_is_not_judged_by_a_task_that_listens_no_more_or_is_not_known(moved: bool) -> None:
    facts = healthy()
    lose(facts, "vm3", "vip")
    if moved:
        facts.probed["vm2"]["workloads"]["c-vm2"]["ports"] = [81]
    else:
        facts.services[0]["tasks"].append({"id": "elsewhere", "node": "id-vm9", "addresses": {}, "ports": []})
        facts.serving[WEB] = sorted(task["id"] for task in facts.services[0]["tasks"])
    assert short(told(facts)) == ("pass", "ok", HOSTS)


# --- No fault


def ways(facts: Draft) -> str:
    return told(facts)["evidence"]["summary"]


def test_what_was_tried_is_counted() -> None:
    facts = healthy()
    found = told(facts)
    assert short(found) == ("pass", "ok", HOSTS)
    # 3 nodes ask at 2 ports for 3 tasks and the virtual IP.
    assert found["evidence"] == {
        "summary": "24 ways to 1 service from 3 nodes", "services": {"web": [80, 81]}, "not_asked": 0
    }  # fmt: skip
    facts.services[0]["tasks"].append({"id": "elsewhere", "node": "id-vm9", "addresses": {}, "ports": []})
    facts.serving[WEB] = sorted(task["id"] for task in facts.services[0]["tasks"])
    assert ways(facts).startswith("18 ways ") and told(facts)["evidence"]["not_asked"] == 0


def test_what_did_not_fit_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = healthy()
    monkeypatch.setattr(lb_service, "BUDGET", 10)
    found = told(facts)
    # Of 16 requests of each node on both networks, 10 fit.
    other = told(facts, SECRET)
    assert found["evidence"]["not_asked"] + other["evidence"]["not_asked"] == 3 * 6
    left = found["evidence"]["not_asked"]
    assert ways(facts) == f"{24 - left} ways to 1 service from 3 nodes; {left} more were left for other runs"


def test_a_network_for_which_nothing_was_left_in_this_run_is_no_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = healthy()
    monkeypatch.setattr(lb_service, "BUDGET", 0)
    found = told(facts)
    assert short(found) == ("skip", "left-for-later", [])
    assert found["evidence"]["summary"] == "24 requests were left for other runs"


def test_a_service_that_changed_is_told_beside_one_that_did_not() -> None:
    facts = healthy()
    facts.services.append(dict(facts.services[0], id="other0000000", name="other"))
    facts.serving["other0000000"] = ["another"]
    found = told(facts)
    assert short(found) == ("pass", "ok", HOSTS)
    assert found["evidence"]["summary"] == "24 ways to 1 service from 3 nodes; other changed meanwhile"
    assert found["evidence"]["services"] == {"web": [80, 81], "other": [80, 81]}
    facts.serving[WEB] = []
    found = told(facts)
    assert short(found) == ("skip", "names-moved", [])
    assert found["evidence"]["summary"] == "every service changed while it was asked: web, other"


def test_three_of_the_services_that_changed_are_in_the_text() -> None:
    facts = healthy()
    facts.services += [dict(facts.services[0], id=f"other{number}", name=f"other{number}") for number in range(4)]
    assert ways(facts).endswith("; other0, other1, other2 and 1 more changed meanwhile")
    facts.services = facts.services[1:]
    assert ways(facts).endswith(": other0, other1, other2 and 1 more")


def test_a_service_of_nobody_changes_nothing_for_the_next() -> None:
    facts = healthy()
    facts.services.insert(0, dict(facts.services[0], id="other0000000", name="other"))
    facts.serving["other0000000"] = ["another"]
    lose(facts, "vm1", "task-vm2")
    assert short(told(facts)) == ("fail", "service-unreached", ["vm1", "vm2"])


@pytest.mark.parametrize("source", ["vm1", "vm3"])
def test_who_reported_nothing_is_named_unless_something_is_found(source: str) -> None:
    facts = healthy()
    del facts.observations[source][f"{FRONT}/80/vip"]
    found = told(facts)
    assert short(found) == ("inconclusive", "no-observation", [source]) and source in found["evidence"]["summary"]
    lose(facts, "vm2", "task-vm3")
    assert short(told(facts)) == ("fail", "service-unreached", ["vm2", "vm3"])


def test_silence_to_one_service_is_not_forgotten_at_the_next() -> None:
    facts = healthy()
    other = dict(facts.services[0], id="other0000000", name="other")
    facts.services.append(other)
    facts.serving[other["id"]] = facts.serving[WEB]
    for host in HOSTS:
        for ident, seen in [*facts.observations[host].items()]:
            facts.observations[host][ident.replace(f"/{WEB[:12]}/", f"/{other['id']}/")] = seen
    assert ways(facts).startswith("48 ways to 2 services ")
    del facts.observations["vm1"][f"{FRONT}/80/vip"]
    del facts.observations["vm3"][f"{FRONT}/80/vip".replace(WEB[:12], other["id"])]
    assert short(told(facts)) == ("inconclusive", "no-observation", ["vm1", "vm3"])


def test_without_a_probe_nothing_was_asked() -> None:
    facts = healthy()
    for host in HOSTS:
        del facts.probes[host][PLAIN["id"]]
    assert short(told(facts)) == ("inconclusive", "no-probe", [])


def test_no_port_is_a_skip_only_if_all_nodes_told() -> None:
    facts = healthy()
    for host in HOSTS:
        facts.opened[host]["workloads"]["rows"][0]["ports"] = {}
    assert short(told(facts)) == ("skip", "nothing-listens", [])
    del facts.opened["vm3"]["workloads"]
    found = told(facts)
    assert short(found) == ("inconclusive", "not-told", ["vm3"]) and found["evidence"]["summary"].endswith("vm3")
    del facts.probes["vm3"][PLAIN["id"]]
    assert short(told(facts)) == ("skip", "nothing-listens", []), "it takes no part in this network"


def test_a_node_that_told_nothing_does_not_hide_what_the_others_did() -> None:
    facts = healthy()
    del facts.opened["vm3"]["workloads"]
    assert short(told(facts)) == ("pass", "ok", HOSTS)


def test_a_service_without_tasks_is_a_skip() -> None:
    facts = healthy()
    facts.services[0]["tasks"], facts.serving[WEB] = [], []
    assert short(told(facts)) == ("skip", "nothing-listens", [])


def test_a_network_that_was_not_set_up_says_why() -> None:
    facts = healthy()
    facts.made["crowded"] = [PLAIN["id"]]
    assert short(told(facts)) == ("skip", "too-few-addresses", [])
    assert short(told(facts, SECRET)) == ("pass", "ok", HOSTS)


# --- What is asked


def test_requests_to_the_virtual_ip_and_to_each_task() -> None:
    facts = healthy()
    every = {"kind": "connect", "port": 80, "patience": facts.settings["convergence"]}
    rows = [row for row in lb_service.plan(facts)["vm2"] if row["id"].startswith(f"{FRONT}/80/")]
    assert sorted(rows, key=lambda row: row["id"]) == [
        {**every, "id": f"{FRONT}/80/task-vm1", "address": "10.0.1.50"},
        {**every, "id": f"{FRONT}/80/task-vm2", "address": "10.0.1.51", "about": "c-vm2"},
        {**every, "id": f"{FRONT}/80/task-vm3", "address": "10.0.1.52"},
        {**every, "id": f"{FRONT}/80/vip", "address": "10.0.1.5", "count": 6},
    ]


@pytest.mark.parametrize(("number", "count"), [(1, 2), (3, 6), (4, 8), (5, 8)])
def test_connections_go_round_all_tasks_up_to_a_limit(number: int, count: int) -> None:
    backends = [lb_service.Backend(f"t{place}", "vm1", "c", "n", {}, {}) for place in range(number)]
    facts = healthy()
    asked = lb_service.Asked(PLAIN, facts.services[0], backends, [80])
    assert lb_service._through(facts, asked, "vm1", 80)["count"] == count


@pytest.mark.parametrize(
    ("host", "module", "network", "hopeless"),
    [
        ("vm2", "ip_vs", PLAIN, {("vm2", "vip")}),
        ("vm2", "esp4", PLAIN, set()),
        (
            "vm2",
            "esp4",
            SECRET,
            # All that goes to or comes from it, but for its own task; the virtual IP leads to its task from anywhere.
            {(source, "vip") for source in HOSTS}
            | {("vm2", "task-vm1"), ("vm2", "task-vm3"), ("vm1", "task-vm2"), ("vm3", "task-vm2")},
        ),
    ],
)
def test_what_a_kernel_cannot_do_is_not_waited_for(host: str, module: str, network: dict, hopeless: set) -> None:
    facts = healthy()
    missing(facts, host, module)
    found = {
        (source, row["id"].rpartition("/")[2])
        for source, rows in lb_service.plan(facts).items()
        for row in rows
        if row["id"].startswith(f"LB-SERVICE/{network['id'][:12]}/") and row["patience"] == 0
    }
    assert found == hopeless


def test_a_service_that_is_not_on_a_network_or_unknown_is_not_asked_there() -> None:
    facts = healthy()
    del facts.services[0]["vips"][PLAIN["id"]]
    facts.services.append({"id": "gone", "name": "gone", "vips": {SECRET["id"]: "10.0.2.9"}, "ports": [], "tasks": []})
    assert {row["id"].split("/")[1] for row in lb_service.plan(facts)["vm1"]} == {SECRET["id"][:12]}
    facts.settings["nodes"] = ["vm[12]"]
    assert set(lb_service.plan(facts)) == {"vm1", "vm2"}
    del facts.probes["vm1"][SECRET["id"]]
    assert set(lb_service.plan(facts)) == {"vm2"}


def test_a_node_without_a_probe_on_one_network_asks_on_the_next() -> None:
    facts = healthy()
    del facts.probes["vm1"][PLAIN["id"]]
    assert {row["id"].split("/")[1] for row in lb_service.plan(facts)["vm1"]} == {SECRET["id"][:12]}


def test_ids_of_services_and_tasks_are_shortened_alike_for_asking_and_judging() -> None:
    facts = healthy()
    for place, host in enumerate(HOSTS):
        task = f"task{place}".ljust(25, "x")
        facts.services[0]["tasks"][place]["id"] = facts.opened[host]["workloads"]["rows"][0]["task"] = task
    facts.services[0]["id"] = "web".ljust(25, "x")
    facts.serving = None
    for source, rows in lb_service.plan(facts).items():
        assert {len(part) for row in rows for part in row["id"].split("/")[2::2]} <= {12, 3}
        facts.observations[source] = {row["id"]: {"ok": True} for row in rows}
    found = told(facts)
    assert short(found) == ("pass", "ok", HOSTS) and found["evidence"]["not_asked"] == 0


def test_what_does_not_fit_differs_from_node_to_node_and_any_later_port_may_be_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    facts = healthy()
    for host in HOSTS:
        facts.opened[host]["workloads"]["rows"][0]["ports"] = {
            network["id"]: [80, 81, 82, 83] for network in (PLAIN, SECRET)
        }
    # The first ports' requests, and one more to a virtual IP; then those of all virtual IPs, and one more to a task.
    for budget, kind in ((9, "vip"), (15, "task")):
        monkeypatch.setattr(lb_service, "BUDGET", budget)
        last: dict[str, list[tuple]] = {host: [] for host in HOSTS}
        for run in range(12):
            facts.run = f"r{run}"
            for host, rows in lb_service.plan(facts).items():
                dummy, network, _service, port, whom = rows[-1]["id"].split("/")
                assert len(rows) == budget and whom.startswith(kind)
                last[host].append((network, port, whom))
        assert {port for rows in last.values() for _network, port, _whom in rows} == {"81", "82", "83"}
        assert len({tuple(rows) for rows in last.values()}) == 3


def test_the_first_port_of_each_service_comes_before_any_second(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = healthy()
    monkeypatch.setattr(lb_service, "BUDGET", 2)
    assert {tuple(row["id"].split("/")[3:]) for row in lb_service.plan(facts)["vm1"]} == {("80", "vip")}
    monkeypatch.setattr(lb_service, "BUDGET", 8)
    first = {tuple(row["id"].split("/")[3:]) for row in lb_service.plan(facts)["vm1"]}
    assert first == {("80", whom) for whom in ("vip", "task-vm1", "task-vm2", "task-vm3")}
    monkeypatch.setattr(lb_service, "BUDGET", 10)
    assert ("81", "vip") in {tuple(row["id"].split("/")[3:]) for row in lb_service.plan(facts)["vm1"]}
