# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From symptoms to causes, as tables: what a broken swarm reports, and which cause, nodes and results must come of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils import _checks
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._checks import _reasons
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._diagnosis import links, node_rules
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._diagnosis.diagnose import diagnose
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._facts.problems import Problem
from broken import (
    ALL,
    ALL_PAIRS,
    GROUPS,
    PLAINS,
    PORTS,
    TUNNEL,
    VIP,
    Swarm,
    across,
    advertising,
    assert_no_text_matters,
    bad,
    both,
    certificate,
    clock,
    cut,
    described,
    ending,
    found_in,
    into,
    kernel,
    leaking,
    lost,
    names,
    no_tls,
    of_node,
    opened,
    out_of,
    refused,
    said,
    shut,
    silent,
    unmet,
    view,
    waiting,
    with_device,
    without_states,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sound import ADDRESS, FIVE, HOSTS, MODULES, PLAIN, SECRET, around, train

DAY = 86400


# What happens -> the swarm, its cause, the nodes, words of the title, and the checks of which a part has no known cause.
def crowded(error: str) -> Swarm:
    """No probe starts on vm3, where many programs wait for the processors."""
    swarm = waiting(error)
    swarm.of("probe", "vm3")["testimony"]["pressure"] = {"load": 40.0, "processors": 2.0}
    return swarm


CASES: dict[str, tuple] = {
    "plain traffic into one node": (
        lambda: Swarm().lose(PLAINS, into("vm2"), end=links.TARGET), "data-port-blocked", ["vm2"], "vm2 drops VXLAN (udp/4789) that arrives there"),
    "plain traffic out of one node": (
        lambda: Swarm().lose(PLAINS, out_of("vm3"), end=links.SOURCE), "data-port-blocked", ["vm3"], "vm3 lets no VXLAN (udp/4789) out"),
    "plain traffic both ways": (lambda: Swarm().lose(PLAINS, around("vm1")), "data-port-blocked", ["vm1"], "vm1 drops VXLAN (udp/4789)"),
    "one peer's traffic": (
        lambda: Swarm().lose(PLAINS, [("vm1", "vm3")], end=links.TARGET), "data-port-blocked", ["vm3"], "that arrives there from vm1"),
    "between two nodes, on the way": (
        lambda: Swarm().lose(PLAINS, [("vm1", "vm3")], end=links.WAY), "data-port-blocked", ["vm1", "vm3"], "is lost between vm1 and vm3"),
    "between all nodes": (lambda: Swarm().lose(PLAINS, ALL_PAIRS), "data-port-blocked", HOSTS, "lost between all nodes"),
    "encrypted traffic alone": (lambda: Swarm().lose([SECRET], into("vm2"), end=links.TARGET), "esp-blocked", ["vm2"], "ESP (IP protocol 50)"),
    "one of two plain networks": (lambda: Swarm().lose([PLAIN], around("vm2")), "network-broken", ["vm2"], "the traffic of front"),
    "encrypted traffic and states": (lambda: without_states("vm2"), "ipsec-states-gone", ["vm2"], "lost its IPsec states"),
    "clear text": (lambda: leaking("vm3"), "ipsec-policies-gone", ["vm3"], "in the clear"),
    "groups by the data path alone": (
        lambda: Swarm(FIVE).leave_out("PRE-PORT").lose(PLAINS, across(*GROUPS)), "partition", FIVE, "{vm1, vm2, vm5} and {vm3, vm4}"),
    "groups by the data port": (
        lambda: Swarm(FIVE).lose(PLAINS, across(*GROUPS)), "data-port-blocked", FIVE, "lost between {vm1, vm2, vm5} and {vm3, vm4}"),
    "groups by the ports": (lambda: cut(across(*GROUPS), FIVE), "partition", FIVE, "partitioned into {vm1, vm2, vm5} and {vm3, vm4}"),
    "everything to one node": (lambda: cut(around("vm3")), "cut-off", ["vm3"], "vm3 is cut off"),
    "everything between two": (lambda: cut(across(["vm2"], ["vm3"])), "cut-off", ["vm2", "vm3"], "vm2 and vm3 do not reach"),
    "everything one way": (
        lambda: shut(PORTS, across(["vm1"], ["vm2"]), heard=[("vm2", "vm1")]).lose(ALL, [("vm1", "vm2")]), "one-way-loss", ["vm1", "vm2"],
        "from vm1 to vm2"),
    "everything into one node": (
        lambda: shut(PORTS, around("vm2"), heard=out_of("vm2")).lose(ALL, into("vm2")), "one-way-loss", ["vm2"], "Nothing reaches vm2"),
    "gossip over udp": (lambda: shut(["gossip-udp"], into("vm2")), "gossip-udp-blocked", ["vm2"], "(udp/7946)"),
    "gossip over tcp": (lambda: shut(["gossip-tcp"], into("vm3")), "gossip-tcp-blocked", ["vm3"], "(tcp/7946) that arrives there"),
    "the managers' port": (lambda: shut(["managers"], [("vm3", "vm1")]), "manager-port-blocked", ["vm3"], "tcp/2377"),
    "the managers' port by CP-TLS, one node": (lambda: no_tls("vm3"), "manager-port-blocked", ["vm3"], "tcp/2377"),
    "the managers' port by CP-TLS, all": (lambda: no_tls("vm2", "vm3"), "manager-port-blocked", ["vm1"], "tcp/2377"),
    "the data port by PRE-PORT": (lambda: shut(["data"], into("vm2")).lose(PLAINS, into("vm2")), "data-port-blocked", ["vm2"], "VXLAN"),
    "ESP by PRE-PORT": (lambda: shut(["esp"], into("vm2")).lose([SECRET], into("vm2")), "esp-blocked", ["vm2"], "ESP"),
    "TCP inside": (lambda: Swarm().lose(ALL, around("vm2"), ["tcp"]), "checksum-offload", ["vm2"], "loses TCP where ICMP passes"),
    "TCP and UDP inside": (lambda: Swarm().lose(ALL, around("vm2"), ["tcp", "udp"]), "checksum-offload", ["vm2"], "checksum offload"),
    "ICMP inside": (lambda: Swarm().lose(ALL, around("vm2"), ["icmp"]), "icmp-filtered", ["vm2"], "filters ICMP"),
    "UDP inside": (lambda: Swarm().lose(ALL, around("vm3"), ["udp"]), "udp-filtered", ["vm3"], "loses UDP"),
    "a virtual IP alone": (lambda: Swarm().unmet("vm2", VIP, nodes=[], errors=["refused"]), "balancer-broken", ["vm2"], "IPVS"),
    "a kernel without ip_vs": (
        lambda: kernel("vm1", "ip_vs", "ip_vs_rr").unmet("vm1", VIP, nodes=[], errors=["no answer"]), "kernel-lacks", ["vm1"], "lacks ip_vs, ip_vs_rr"),
    "a kernel without esp4": (lambda: kernel("vm2", "esp4").lose([SECRET], around("vm2")), "kernel-lacks", ["vm2"], "lacks esp4"),
    "an engine that is stopped": (lambda: silent("vm3", "engine-stopped"), "engine-stopped", ["vm3"], "does not run"),
    "an engine that hangs": (lambda: silent("vm2", "engine-hangs"), "engine-hangs", ["vm2"], "hangs"),
    "a machine that is off": (
        lambda: said("vm2", "ssh: connect to host vm2 port 22: No route to host"), "node-unreachable", ["vm2"], "is off"),
    "a machine that is frozen": (lambda: said("vm2", "Connection timed out during banner exchange"), "node-frozen", ["vm2"], "frozen"),
    "a container node that is frozen": (
        lambda: said("vm2", "Container vm2 is paused, unpause the container before exec"), "node-frozen", ["vm2"], "frozen"),
    "a node without a processor": (lambda: silent("vm2", "node-starved"), "node-starved", ["vm2"], "hardly any processor"),
    "a node outside the swarm": (lambda: silent("vm3", "not-in-swarm"), "not-in-swarm", ["vm3"], "not in the swarm"),
    "the only manager": (lambda: silent("vm1", "engine-stopped"), "engine-stopped", ["vm1"], "vm1"),
    "a swarm without a leader": (
        lambda: said("vm1", "refused: rpc error: The swarm does not have a leader.", "module-failed"), "no-leader", ["vm1"], "no leader"),
    "a node that its managers lost": (lambda: lost("vm3"), "lost-by-managers", ["vm3"], "have lost vm3"),
    "no address left": (lambda: waiting("pending: could not find an available IP"), "addresses-exhausted", ["vm3"], "used up"),
    "tasks that stay new": (lambda: waiting("new: created"), "addresses-exhausted", ["vm3"], "used up"),
    "no image": (lambda: waiting("rejected: No such image: x:latest"), "image-missing", ["vm3"], "image"),
    "no room for a container": (
        lambda: waiting("rejected: mkdir /var/lib/docker/containers/4f5e: no space left on device"), "disk-full", ["vm3"], "finds no room"),
    "a tunnel of an earlier engine": (lambda: waiting(TUNNEL), "tunnel-left", ["vm3"], "holds a tunnel that is left over"),
    "a tunnel of somebody else": (lambda: with_device("vxlan.calico"), "vni-taken", ["vm3"], "Another program's tunnel on vm3"),
    "a tunnel of the engine's own": (lambda: with_device("vx-001001-k1gl9"), "tunnel-left", ["vm3"], "holds a tunnel that is left over"),
    "a tunnel at another port": (lambda: with_device("flannel.1", 8472), "tunnel-left", ["vm3"], "holds a tunnel that is left over"),
    "another network in the subnet": (
        lambda: waiting("rejected: invalid pool request: Pool overlaps with other one on this address space"), "network-left", ["vm3"], "another network"),
    "a task that does not start": (lambda: waiting("rejected: mount failed"), "task-missing", ["vm3"], "No probe starts on vm3"),
    "a task that a crowded node has not started yet": (lambda: crowded("starting: starting"), "node-starved", ["vm3"], "too busy"),
    "a task that an idle node has not started yet": (lambda: waiting("starting: starting"), "task-missing", ["vm3"], "No probe starts on vm3"),
    "a task that a crowded node refused": (lambda: crowded("rejected: mount failed"), "task-missing", ["vm3"], "No probe starts on vm3"),
    "another trouble of a node": (lambda: silent("vm2", "helper-failed", "disk full"), "node-unjudged", ["vm2"], "no full answer"),
    "a certificate out of time": (lambda: certificate("vm2", not_after=10), "certificate-expired", ["vm2"], "not valid now"),
    "a clock out of time": (lambda: clock("vm3", DAY * 400), "clock-skew", ["vm3"], "clock of vm3"),
    "a foreign root": (lambda: certificate("vm2", roots_digest="x"), "foreign-certificate", ["vm2"], "another root"),
    "an address for nobody": (lambda: advertising("vm2", "0.0.0.0"), "wrong-address", ["vm2"], "advertises an address"),
    "a name with a second holder": (lambda: names(HOSTS, "10.0.1.5", "10.0.1.77"), "second-holder", [], "10.0.1.77"),
    "one node with old names": (lambda: names(["vm3"], "10.0.1.4"), "old-names", ["vm3"], "old view"),
    "a container that is cut off": (lambda: unmet(*ending("/c-vm2/near", "vm2")), "task-cut", ["vm2"], "inside its own namespace"),
    "a task that takes nothing": (lambda: unmet(*ending("/80/task-vm2", *HOSTS)), "task-deaf", ["vm2"], "takes no connection from anybody"),
    "an attachment refused": (lambda: refused("vm2"), "attach-refused", ["vm2"], "cannot attach"),
}  # fmt: skip


LOSSY = {"answered": 15, "arrived": 30, "gap": 2, "sizes": {"100": [20, 5], "600": [20, 5], "1450": [20, 5]}}


def standing_still(told: dict, host: str) -> None:
    opened(told, host)["workloads"]["rows"][0]["life"]["state"] = "stopped"


READ: dict[str, tuple] = {
    "stopped": (lambda told: standing_still(told, "vm2"), ("task-stopped", ("vm2",))),
    "asks": (lambda told: opened(told, "vm2")["workloads"]["rows"][0].update(resolvers=["192.0.2.53"]), ("resolver-replaced", ("vm2",))),
    "shared": (lambda told: view(told).update(shared={PLAIN["id"]: {"api": ["shop", "web"]}}), ("alias-shared", ())),
}  # fmt: skip


@pytest.mark.parametrize("what", READ)
@pytest.mark.parametrize("beside", ["a kernel that lacks something everywhere", "a lossy wire", "a stopped engine"])
def test_what_can_be_read_is_told_whatever_else_is_broken(what: str, beside: str) -> None:
    """Nothing of a path, a kernel or an engine explains it, though it may explain the rest of what the check says."""
    change, expected = READ[what]
    if beside == "a stopped engine":
        swarm = silent("vm3", "engine-stopped")
        change(swarm.told["prepare"])
    else:
        swarm = Swarm(change=change)
    swarm.of("probe", "vm2")["workloads"]["c-vm2"]["life"]["state"] = "stopped"
    if beside.startswith("a kernel"):
        for host in HOSTS:
            opened(swarm.told["prepare"], host)["kernel"]["modules"].update(esp4="missing", ip_vs="missing")
        swarm.lose([SECRET], ALL_PAIRS)
    if beside == "a lossy wire":
        for source, target in around("vm2"):
            swarm.of("probe", source)["trains"][f"PATH-QUALITY/wire/{target}"].update(
                answered=30, gap=2, sizes={size: [20, 10] for size in ("100", "600", "1450")}
            )
    found = {(cause["id"], tuple(cause["nodes"])) for cause in swarm.causes()}
    assert expected in found and len(found) > 1, found


def test_nodes_that_reach_no_port_of_a_manager_are_lost_for_that() -> None:
    """However much the loss explains, the first cause is the port, at the manager."""

    def change(told: dict) -> None:
        for host in ("vm2", "vm3"):
            of_node(told, host, state="down")

    def causes(unheard: list) -> list[tuple]:
        swarm = Swarm(change=change).lose(ALL, [("vm2", "vm3"), ("vm3", "vm2")]).shut(["managers"], unheard)
        for host, manager in unheard:
            ident = f"CP-TLS/{ADDRESS[manager]}:2377"
            if ident in swarm.asked(host):
                swarm.unmet(host, ident, outcome="unreachable")
        return [(cause["id"], cause["nodes"]) for cause in swarm.causes()]

    blocked, gone = ("manager-port-blocked", ["vm1"]), ("lost-by-managers", ["vm2", "vm3"])
    found = causes([("vm2", "vm1"), ("vm3", "vm1")])
    assert found.index(blocked) < found.index(gone) == len(found) - 1, found
    # A node that reaches the port is lost for another reason.
    assert causes([("vm2", "vm1")]).index(gone) < len(causes([("vm2", "vm1")])) - 1


def test_a_sound_swarm_has_no_bad_result_and_no_cause() -> None:
    for hosts in (HOSTS, FIVE):
        results, causes = found_in(Swarm(hosts))
        assert {item["status"] for item in results} == {"pass"} and causes == []


@pytest.mark.parametrize("name", CASES)
def test_what_is_seen_leads_to_its_cause(name: str) -> None:
    make, ident, nodes, words, *left = CASES[name]
    results, found = found_in(make())
    assert [cause["id"] for cause in found] == [ident], found
    cause = found[0]
    assert cause["nodes"] == nodes and words in cause["title"] and cause["because"] and cause["todo"]
    assert cause["explains"]
    assert {results[place]["id"] for place in bad(results) if place not in cause["explains"]} == set(left)
    assert {results[place]["id"] for place in cause["shares"]} <= set(left)


@pytest.mark.parametrize("reason", node_rules.PROBLEMS)
def test_what_is_wrong_with_a_host_that_cannot_be_asked_is_a_cause(reason: str) -> None:
    results, found = found_in(silent("vm3", reason))
    assert [(cause["id"], cause["nodes"], cause["explains"]) for cause in found] == [(reason, ["vm3"], bad(results))]


@pytest.mark.parametrize("name", CASES)
def test_no_text_matters(name: str) -> None:
    assert_no_text_matters(CASES[name][0]())


@pytest.mark.parametrize(
    ("ident", "change"),
    [
        ("option-misspelt", described(options={"encrypt": ""})),
        ("addresses-exhausted", described(room=[{"subnet": "10.0.1.0/24", "free": -3}])),
    ],
)
def test_what_is_wrong_with_a_network_itself_needs_no_node_to_be_a_cause(
    ident: str, change: Callable[[dict], None]
) -> None:
    swarm = Swarm(change=change)
    swarm.of("close", "vm3")["lazy_known"] = True  # no rule knows why
    results, causes = found_in(swarm)
    assert [(cause["id"], cause["nodes"], cause["networks"]) for cause in causes] == [
        (ident, [], ["front"]),
        ("cause-unknown", ["vm3"], []),
    ]
    assert [results[place]["id"] for place in causes[1]["explains"]] == ["NET-LAZY"]


def of_tomorrow(check: str, *nodes: str) -> dict:
    """The result of a check that no rule has heard of."""
    return {
        "id": check,
        "status": "fail",
        "reason": "paths-lost",
        "title": check,
        "network": None,
        "service": None,
        "nodes": list(nodes),
        "evidence": {"summary": "seen"},
        "hint": "do",
        "seconds": 0,
    }


def test_what_no_rule_knows_stays_without_a_cause() -> None:
    assert diagnose([of_tomorrow("KEY-ROTATE2", "vm2"), of_tomorrow("OPT-ODD", "vm1")], Swarm().facts()) == []


def test_two_faults_are_two_causes_and_neither_hides_the_other() -> None:
    swarm = silent("vm3", "engine-stopped", "no socket")
    swarm.lose(PLAINS, [("vm1", "vm2")], end=links.TARGET)
    results, causes = found_in(swarm)
    found = {cause["id"]: cause for cause in causes}
    assert {ident: cause["nodes"] for ident, cause in found.items()} == {
        "engine-stopped": ["vm3"],
        "data-port-blocked": ["vm2"],
    }
    explained = {ident: {results[place]["id"] for place in cause["explains"]} for ident, cause in found.items()}
    assert "PRE-REACH" in explained["engine-stopped"] and "PRE-REACH" not in explained["data-port-blocked"]
    assert "DP-MATRIX" in explained["data-port-blocked"]


def test_a_balancer_is_not_blamed_for_direct_ways_to_a_task() -> None:
    swarm = kernel("vm1", "ip_vs", "ip_vs_rr").unmet("vm1", VIP, nodes=[], errors=["no answer"])
    for network in (PLAIN, SECRET):
        swarm.of("probe", "vm1")["held"][network["id"]].update(balancer=None)
    for host, ident in ending("/80/task-vm2", *HOSTS):
        swarm.unmet(host, ident)
    _results, found = found_in(swarm)
    assert {(cause["id"], *cause["nodes"]) for cause in found} == {("kernel-lacks", "vm1"), ("task-deaf", "vm2")}


QUEUED = {"delay_ms": [2.0, 900.0, 1800.0, 1900.0], "mbit": 0.02, "answered": 40, "gap": 3}
SEVERED = {"answered": 0, "arrived": 0, "gap": 60, "delay_ms": [0.0] * 4, "mbit": None}


@pytest.mark.parametrize(
    ("parts", "ways", "cause"),
    [
        (QUEUED, [("vm2", "vm3")], "link-capped"),
        (QUEUED, across(["vm2"], ["vm3"]), "link-capped"),
        (SEVERED, [("vm2", "vm3")], "one-way-loss"),
        (SEVERED, across(["vm2"], ["vm3"]), "cut-off"),
        ({}, across(["vm2"], ["vm3"]), "cut-off"),  # a train that went well before the link was cut
    ],
)
def test_a_wire_that_carries_something_badly_is_not_called_dead(parts: dict, ways: list, cause: str) -> None:
    """Every question of a few packets may be lost on it."""
    swarm = shut(PORTS, ways)
    for source, target in across(["vm2"], ["vm3"]):
        swarm.of("probe", source)["trains"][f"PATH-QUALITY/wire/{target}"].update(parts)
    assert [(found["id"], found["nodes"]) for found in swarm.causes()] == [(cause, ["vm2", "vm3"])]


def only_way(bad: dict, wire: dict[str, dict]) -> Swarm:
    """A bad path between vm2 and vm3 on a network that vm1 is not on, with the trains between vm1 and these two on the wire."""
    swarm = Swarm()
    for host in HOSTS:
        trains = swarm.of("probe", host)["trains"]
        for other in {"vm2", "vm3"} - {host}:
            for layer in [network["id"][:12] for network in (*PLAINS, SECRET)]:
                if host == "vm1":
                    trains.pop(f"PATH-QUALITY/{layer}/{other}", None)
                else:
                    trains.pop(f"PATH-QUALITY/{layer}/vm1", None)
                    trains[f"PATH-QUALITY/{layer}/{other}"].update(bad)
    for source, target in ALL_PAIRS:
        end = {source, target} - {"vm1"}
        parts = wire[min(end)] if len(end) == 1 else wire.get("between", bad)
        swarm.of("probe", source)["trains"][f"PATH-QUALITY/wire/{target}"].update(
            {**parts, "late_ms": 200, "dwell_ms": 200}
        )
    return swarm


LATE = {"delay_ms": [370.0, 374.0, 380.0, 390.0]}


LOSING = {"answered": 30, "gap": 2, "sizes": {size: [20, 10] for size in ("100", "600", "1450")}}
FASTER, SLOWER = ({"delay_ms": [delay] * 4} for delay in (0.1, 0.5))  # than others, and not slow


@pytest.mark.parametrize(
    ("bad", "wire", "expected"),
    [
        (LATE, {"vm2": {}, "vm3": LATE}, ("link-slow", "vm3")),
        (LATE, {"vm2": LATE, "vm3": {}}, ("link-slow", "vm2")),
        (LATE, {"vm2": {}, "vm3": {}}, ("link-slow", "vm2", "vm3")),  # only the way between them
        (LATE, {"vm2": LATE, "vm3": LATE}, ("link-slow", "vm2", "vm3")),
        (
            LATE,
            {"vm2": {"delay_ms": [150.0, 186.0, 190.0, 199.0]}, "vm3": LATE},
            ("link-slow", "vm3"),
        ),  # half of it is not that
        (
            LOSING,
            {"vm2": FASTER, "vm3": SLOWER, "between": {}},
            ("link-lossy", "vm2", "vm3"),
        ),  # losses have nothing to do with it
    ],
)
def test_the_wire_tells_which_end_of_the_only_path_is_slow_though_late_processes_keep_it_from_being_judged(
    bad: dict, wire: dict, expected: tuple
) -> None:
    found = {(cause["id"], *cause["nodes"]) for cause in only_way(bad, wire).causes()}
    assert found == {expected}


@pytest.mark.parametrize(
    ("parts", "cause"),
    [
        ({"delay_ms": [1.0, 200.0, 390.0, 400.0], "mbit": 0.5}, "link-capped"),
        (
            {"delay_ms": [1.0, 200.0, 390.0, 400.0], "mbit": 0.5, "reordered": 1},
            "link-capped",
        ),  # two of both ways are chance
        ({"delay_ms": [20.0, 340.0, 600.0, 680.0], "mbit": 0.5, "reordered": 30}, "link-slow"),
        ({"delay_ms": [5.0, 30.0, 160.0, 170.0], "mbit": 0.9, "reordered": 25}, "link-jitters"),
    ],
)
def test_a_link_whose_packets_overtake_each_other_is_not_called_narrow(parts: dict, cause: str) -> None:
    """A queue that is full keeps the order; packets that are late by chance stretch a burst too."""
    swarm = Swarm()
    for source, target in (("vm1", "vm3"), ("vm3", "vm1")):
        swarm.of("probe", source)["trains"][f"PATH-QUALITY/wire/{target}"].update(parts)
    assert [(found["id"], found["nodes"]) for found in swarm.causes()] == [(cause, ["vm1", "vm3"])]


def test_a_rule_inside_an_overlay_is_told_and_not_what_it_does_to_paths() -> None:
    swarm = Swarm()
    capped = {"answered": 40, "arrived": 40, "sizes": {"100": [20, 20], "600": [20, 20], "1450": [20, 0]}}
    for source, target in around("vm2"):
        swarm.of("probe", source)["trains"][f"PATH-QUALITY/{PLAIN['id'][:12]}/{target}"].update(capped)
    assert [(cause["id"], cause["nodes"]) for cause in swarm.causes()] == [("link-drops-large", ["vm2"])]
    rules = {"bridge tuning c: meta length > 712 drop": 120}
    swarm.of("probe", "vm2")["inside"] = {PLAIN["id"]: {"devices": {}, "shaped": [], "rules": rules}}
    (cause,) = swarm.causes()
    assert (cause["id"], cause["nodes"], cause["networks"]) == ("rule-drops", ["vm2"], [PLAIN["name"]])


def test_a_result_with_an_unknown_part_is_only_shared() -> None:
    """vm2's kernel explains its own paths, and not those between vm1 and vm3."""
    swarm = kernel("vm2", "ip_vs").unmet("vm1", VIP, nodes=["vm1"], errors=["no answer"])
    results, found = found_in(swarm)
    assert [cause["id"] for cause in found] == ["kernel-lacks"]
    assert [results[place]["id"] for place in found[0]["explains"]] == ["PRE-KMOD"]
    assert [results[place]["id"] for place in found[0]["shares"]] == ["DP-MATRIX"]


def test_a_cause_that_explains_nothing_new_is_not_told() -> None:
    """Without a kernel for ESP nothing encrypted passes: the port may be open or not."""

    def change(prepared: dict) -> None:
        for host in HOSTS:
            opened(prepared, host)["kernel"]["modules"]["esp4"] = "missing"

    found = Swarm(change=change).lose([SECRET], ALL_PAIRS).causes()
    assert [(cause["id"], cause["title"]) for cause in found] == [
        ("kernel-lacks", "The kernel of every node lacks esp4")
    ]


def test_what_explains_most_comes_first() -> None:
    swarm = kernel("vm3", "ip_vs").lose(PLAINS, into("vm2")).unmet("vm3", VIP, nodes=[], errors=["no answer"])
    found = swarm.causes()
    assert [cause["id"] for cause in found] == ["data-port-blocked", "kernel-lacks"]
    assert len(found[0]["explains"]) > len(found[1]["explains"])


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


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
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
    swarm = Swarm(
        change=lambda told: opened(told, "vm2")["kernel"]["modules"].update(dict.fromkeys(missing, "missing"))
    )
    swarm.lose(PLAINS, plain).shut(list(PORTS)[:2], ports)
    facts = swarm.facts()
    facts.problems = {host: Problem(*told) for host, told in silent.items()}
    every = swarm.results() + results
    found = diagnose(every, facts)
    wrong = set(bad(every))
    for cause in found:
        assert set(cause["explains"]) | set(cause["shares"]) <= wrong and not set(cause["explains"]) & set(
            cause["shares"]
        )
        assert cause["explains"] or cause["shares"]
        assert set(cause["nodes"]) <= set(HOSTS) | {"elsewhere", ""} and cause["title"] and cause["todo"]
    partly = {place for cause in found for place in cause["shares"]}
    assert not partly & {place for cause in found for place in cause["explains"]}
    assert len({(cause["id"], cause["title"]) for cause in found}) == len(found)


def test_helpers_that_ended_while_all_waited_for_a_starved_node_are_no_cause_of_their_own() -> None:
    swarm = silent("vm2", "node-starved")
    for host in ("vm1", "vm3"):
        swarm.of("close", host)["ports"] = None
        swarm.of("probe", host)["errors"] = ["the probe in /run/netns/1 failed: Invalid argument"]
        swarm.of("probe", host)["observations"] = {}
    assert [(cause["id"], cause["nodes"]) for cause in swarm.causes()] == [("node-starved", ["vm2"])]


ON_PATHS = ("plain traffic both ways", "one of two plain networks", "everything to one node", "everything into one node",
            "the data port by PRE-PORT", "TCP inside", "TCP and UDP inside", "ICMP inside", "UDP inside")  # fmt: skip
OUT = (
    "an engine that is stopped",
    "an engine that hangs",
    "a node outside the swarm",
    "no image",
    "a tunnel of somebody else",
)


@pytest.mark.parametrize(
    ("path", "out"), [(path, out) for path in ON_PATHS for out in OUT if CASES[path][2] != CASES[out][2]]
)
def test_what_an_absent_host_keeps_in_doubt_comes_after_it(path: str, out: str) -> None:
    """Of two hosts that are left, nothing shows which one a bad path is bad at. What keeps the third out is sure."""
    first, *others = both(CASES[out][0](), CASES[path][0]()).causes()
    assert set(first["nodes"]) <= {*CASES[path][2], *CASES[out][2]}, first
    assert CASES[out][1] in [cause["id"] for cause in (first, *others)]


@pytest.mark.parametrize(
    "what", ["no image", "no room for a container", "a tunnel of somebody else", "no address left"]
)
def test_a_reason_in_words_stands_beside_a_cause_of_all(what: str) -> None:
    """No closed port makes an engine say that an image is missing, though it may leave a node without tasks."""
    causes = both(CASES[what][0](), CASES["the managers' port by CP-TLS, all"][0]()).causes()
    assert {(cause["id"], *cause["nodes"]) for cause in causes} >= {
        ("manager-port-blocked", "vm1"),
        (CASES[what][1], "vm3"),
    }


def test_two_protocols_that_are_lost_at_two_nodes_are_told_apart() -> None:
    causes = both(CASES["ICMP inside"][0](), CASES["UDP inside"][0]()).causes()
    assert {(cause["id"], *cause["nodes"]) for cause in causes} >= {("icmp-filtered", "vm2"), ("udp-filtered", "vm3")}


@pytest.mark.parametrize(("load", "crowded"), [(1.0, False), (40.0, True)])
def test_who_kept_the_run_waiting_with_processor_enough_did_so_for_another_cause(load: float, crowded: bool) -> None:
    """Seen with 73 % of the packets to the leader lost: a call took two minutes, and "give the nodes more processor time" led."""
    swarm = Swarm()
    for source, target in (("vm1", "vm3"), ("vm3", "vm1")):
        swarm.of("probe", source)["trains"][f"PATH-QUALITY/wire/{target}"].update(train(**LOSSY))
    swarm.of("close", "vm2")["ports"] = None
    swarm.of("probe", "vm2")["observations"] = {}
    swarm.told["probe"]["vm3"]["asked"] = [10.0, 130.0]
    for phase in (swarm.of("prepare", "vm3")["opened"], swarm.of("probe", "vm3")):
        phase["testimony"]["pressure"]["load"] = load
    first, *others = swarm.causes()
    (waited,) = [cause for cause in others if cause["id"] == "node-starved"]
    assert first["id"] == "link-lossy" and ("more processor time" in waited["todo"]) is crowded


@pytest.mark.parametrize("weak", [[("vm1", "vm3")], [("vm2", "vm3")], []])
def test_a_wire_that_loses_packets_loses_nodes_to_the_managers_too(weak: list) -> None:
    swarm = lost("vm2")
    for pair in weak:
        for source, target in (pair, pair[::-1]):
            swarm.of("probe", source)["trains"][f"PATH-QUALITY/wire/{target}"].update(train(**LOSSY))
    assert swarm.causes()[0]["id"] == ("link-lossy" if weak else "lost-by-managers")
