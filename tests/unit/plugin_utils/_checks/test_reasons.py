# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reasons are what programs match: all are listed, what the diagnosis matches is emitted, and no text matters to it."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils import _checks
from ansible_collections.swarmlab.overlay.plugins.plugin_utils import _foreign_words as foreign
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._checks import _reasons
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._diagnosis import node_rules, table, told
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._diagnosis.diagnose import diagnose
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._facts import problems
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._facts.problems import Problem
from drafts import Draft
from sound import ADDRESS, CHECKS, HOSTS, PLAIN, SECRET, around, break_path, healthy, missing, probe_address

ROOT = Path(_checks.__file__).parents[3]
NONSENSE = "qux"


def source(name: str) -> ast.Module:
    return ast.parse((ROOT / "plugins" / "plugin_utils" / name).read_text(encoding="utf-8"))


def texts(node: ast.AST) -> set:
    return {part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)}


def emitted() -> dict[str, set]:
    """File of the checks -> the reasons that it names."""
    files = sorted((ROOT / "plugins" / "plugin_utils" / "_checks").glob("*.py"))
    known = {path.stem: texts(source(f"_checks/{path.name}")) & set(_reasons.RESULTS) for path in files}
    return {name: found for name, found in known.items() if name != "_reasons"}


def test_every_result_has_a_reason_that_is_listed() -> None:
    for path in (ROOT / "plugins" / "plugin_utils" / "_checks").glob("*.py"):
        for call in ast.walk(source(f"_checks/{path.name}")):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "result":
                reason = call.args[2]
                branches = [reason.body, reason.orelse] if isinstance(reason, ast.IfExp) else [reason]
                constants = [part.value for part in branches if isinstance(part, ast.Constant)]
                assert set(constants) <= set(_reasons.RESULTS), (path.name, call.lineno, constants)
                assert constants or isinstance(reason, ast.Name), (path.name, call.lineno)


def test_every_listed_reason_is_given_by_a_check() -> None:
    assert set(_reasons.RESULTS) - set().union(*emitted().values()) == set()


@pytest.mark.parametrize(
    "line", [*told.DEEP, *told.TABLES, *told.LATE, *told.SERVICES], ids=lambda line: line.check + line.id
)
def test_what_the_diagnosis_matches_is_given_by_that_check(line: told.Line) -> None:
    module = "_resolving" if line.check == "SD-*" else line.check.lower().replace("-", "_")
    assert set(line.reasons) <= emitted()[module]


def test_problems_that_are_causes_are_listed() -> None:
    assert set(node_rules.PROBLEMS) | {node_rules.NOT_STARTED} <= set(_reasons.PROBLEMS)
    assert set(node_rules.TASKS) <= set(_reasons.REFUSALS)
    spoken = {words.reason for words in foreign.HOST}, {words.reason for words in (*foreign.TASK, *foreign.ATTACHMENT)}
    assert spoken[0] <= set(_reasons.PROBLEMS) and spoken[1] <= set(_reasons.REFUSALS)


def test_nodes_and_the_controller_give_problems_that_are_listed() -> None:
    """Whatever stands behind ``reason_code``, or is taken for one, in what runs on nodes and reads it."""
    plugins = ROOT / "plugins"
    paths = [*(plugins / "module_utils" / "_engine").glob("*.py"), *(plugins / "module_utils" / "_verify").glob("*.py")]
    found = {
        keyword.value.value
        for path in [*paths, plugins / "action" / "verify_probe.py"]
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        for keyword in call.keywords
        if keyword.arg == "reason_code" and isinstance(keyword.value, ast.Constant)
    }
    assert found == {"engine-hangs", "engine-part-stopped", "engine-stopped"}
    assert found <= set(_reasons.PROBLEMS)


@pytest.mark.parametrize("words", [*foreign.HOST, *foreign.TASK, *foreign.ATTACHMENT], ids=lambda words: words.sample)
def test_words_of_others_are_found_in_what_they_said(words: foreign.Words) -> None:
    assert words.pattern.search(words.sample) and re.search(r"\d", words.versions)
    among = next(group for group in (foreign.HOST, foreign.TASK, foreign.ATTACHMENT) if words in group)
    assert foreign.reason(words.sample, among, "") == words.reason
    assert foreign.reason(NONSENSE, among, "other") == "other"


def test_the_page_about_reasons_lists_them_all() -> None:
    page = (ROOT / "docs" / "reasons.md").read_text(encoding="utf-8")
    parts = [re.findall(r"(?m)^\| `([a-z0-9-]+)` \| (.+) \|$", part) for part in page.split("\n## ")[1:]]
    assert [dict(rows) for rows in parts] == [_reasons.RESULTS, _reasons.PROBLEMS, _reasons.REFUSALS]


@pytest.mark.parametrize("reason", [*_reasons.RESULTS, *_reasons.PROBLEMS, *_reasons.REFUSALS])
def test_reasons_are_kebab_case(reason: str) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", reason)


def ending(facts: Draft) -> None:
    facts.opened["vm3"]["certificate"].update(not_after=1060)


def skewed(facts: Draft) -> None:
    facts.clocks["vm3"] = [[100.0, 110.0, 3703.0, 3705.0]]


def overlapping(facts: Draft) -> None:
    facts.opened["vm2"]["host"]["routes"].append({"network": "10.0.1.0/25", "device": "eth2"})


def shadowed(facts: Draft) -> None:
    facts.opened["vm2"]["host"]["nameservers"] = ["10.0.1.53"]


def twofold(facts: Draft) -> None:
    facts.all_networks.append([PLAIN["name"], "other", "swarm", ["10.9.0.0/24"]])


def misspelt(facts: Draft) -> None:
    facts.networks = [dict(PLAIN, options={"encrypt": ""}), SECRET]


def unaskable(facts: Draft) -> None:
    name = "x" * 64
    facts.records[PLAIN["id"]][name] = ["10.0.1.5"]
    facts.owners[PLAIN["id"]][name] = ["web", "alias"]


def held_twice(facts: Draft) -> None:
    facts.addresses[PLAIN["id"]].append([probe_address(PLAIN, "vm2"), "task other"])


def untold(facts: Draft) -> None:
    for when in ("always", "ever"):
        rows = facts.held["vm2"][PLAIN["id"]]["records"][when]
        rows.remove(f"probe {probe_address(PLAIN, 'vm3')} {ADDRESS['vm3']}")


def stale(facts: Draft) -> None:
    facts.held["vm2"][PLAIN["id"]]["peers"]["always"].append("10.0.1.200 02:x 10.77.0.11")


def wiped(facts: Draft) -> None:
    facts.rules["vm2"].update(mark=[], drop=[], ingress_jump=False, ingress_ports=[])


def tight(facts: Draft) -> None:
    facts.opened["vm2"]["host"]["addresses"][0]["mtu"] = 1400


def crowded(facts: Draft) -> None:
    facts.networks = [dict(PLAIN, room=[{"subnet": "10.0.1.0/24", "free": -3}]), SECRET]


def before(part: str) -> Callable[[Draft], None]:
    return lambda facts: facts.opened["vm2"].update({part: []})


def disagreeing(facts: Draft) -> None:
    for row in facts.policies["vm2"]:
        row["port"] = 9999


def accepting(facts: Draft) -> None:
    facts.received["vm2"]["udp/back/clear@vm1"] = 1


def unbalanced(facts: Draft) -> None:
    facts.held["vm2"][PLAIN["id"]]["balancer"] = []


def erring(facts: Draft) -> None:
    facts.probed["vm2"]["counters"] = {"XfrmInError": 9, "XfrmInNoStates": 2}


def closed(kind: str, number: int) -> Callable[[Draft], None]:
    def change(facts: Draft) -> None:
        for pair in around("vm2"):
            seen = facts.observations[pair[0]][f"PRE-PORT/{kind}/{number}/{pair[1]}"]
            seen.update(ok=False, error="no answer")

    return change


def silent(reason: str) -> Callable[[Draft], None]:
    def change(facts: Draft) -> None:
        facts.problems = {"vm3": Problem(reason, "told by the node")}
        for name, part in vars(facts).items():
            if isinstance(part, dict) and name != "problems":
                part.pop("vm3", None)

    return change


def waiting(said: str) -> Callable[[Draft], None]:
    def change(facts: Draft) -> None:
        facts.problems = {"vm3": Problem(node_rules.NOT_STARTED, "no probe task runs here")}
        facts.task_problems = {"id-vm3": problems.of_task(said)}
        facts.probes.pop("vm3")

    return change


def lost_way(facts: Draft) -> None:
    break_path(facts, PLAIN, around("vm2"))


def kept_in(facts: Draft) -> None:
    for kind in ("icmp", "tcp"):
        facts.observations["vm2"][f"NET-EGRESS/far/{kind}"].update(ok=False, error="no answer")


def unanswered(end: str, *sources: str) -> Callable[[Draft], None]:
    def change(facts: Draft) -> None:
        for source in sources:
            for ident, seen in facts.observations[source].items():
                if ident.endswith(end):
                    seen.update(ok=False, error="no answer")

    return change


# The cause, and what to do to the facts of a sound swarm.
FAULTS = [
    ("network-missing", lambda facts: facts.update(unmatched=["gone"])),
    ("network-undone", lambda facts: facts.settings.update(declared=["gone"])),
    (
        "network-otherwise",
        lambda facts: facts.settings.update(
            declared_as={PLAIN["name"]: {"encrypted": True, "attachable": False, "internal": False}}
        ),
    ),
    ("service-missing", lambda facts: facts.settings.update(services=["web", "gone"])),
    ("clock-skew", skewed),
    ("certificate-expiring", ending),
    ("engine-skew", lambda facts: facts.nodes["vm2"].update(engine="29.1.3")),
    ("wrong-address", lambda facts: facts.settings.update(addresses={"vm2": "10.77.0.99"})),
    ("subnet-overlap", overlapping),
    ("resolver-shadowed", shadowed),
    ("duplicate-network", twofold),
    ("option-misspelt", misspelt),
    ("name-unaskable", unaskable),
    ("duplicate-address", held_twice),
    ("gossip-differs", untold),
    ("peers-stale", stale),
    ("firewall-wiped", wiped),
    ("mtu-too-small", tight),
    ("addresses-exhausted", crowded),
    ("ipsec-policies-gone", before("policies")),
    ("ipsec-states-gone", before("xfrm")),
    ("ipsec-states-differ", disagreeing),
    ("clear-text-accepted", accepting),
    ("balancer-broken", unbalanced),
    ("xfrm-errors", erring),
    ("egress-broken", kept_in),
    ("gateway-missing", lambda facts: facts.opened["vm2"].update(gateway=None)),
    ("ipv6-broken", lambda facts: facts.opened["vm2"]["ipv6"].update({PLAIN["id"]: "fd00::1"})),
    ("port-unreached", unanswered("/8080/vm3", "vm1", "vm2")),
    ("balancer-broken", unanswered("/80/vip", "vm3")),
    ("resolver-replaced", lambda facts: facts.opened["vm2"]["workloads"]["rows"][0].update(resolvers=["192.0.2.53"])),
    ("task-cut", unanswered("/c-vm2/near", "vm2")),
    ("task-deaf", unanswered("/80/task-vm2", *HOSTS)),
    ("gossip-udp-blocked", closed("port-udp", 7946)),
    ("gossip-tcp-blocked", closed("port-tcp", 7946)),
    ("data-port-blocked", closed("port-udp", 4789)),
    ("esp-blocked", closed("port-esp", 0)),
    ("network-broken", lost_way),
    ("kernel-lacks", lambda facts: missing(facts, "vm2", "ip_vs")),
    *((reason, silent(reason)) for reason in node_rules.PROBLEMS),
    ("addresses-exhausted", waiting("new: created")),
    ("image-missing", waiting("rejected: No such image: x:latest")),
    ("network-left", waiting("rejected: invalid pool request: Pool overlaps with other one on this address space")),
    ("tunnel-left", waiting("rejected: error creating vxlan interface: file exists")),
    ("task-missing", waiting("rejected: mount failed")),
]


def judged(facts: Draft) -> list[dict]:
    return [item for check in CHECKS.values() for item in check.judge(facts)]


def known(causes: list[dict]) -> list[dict]:
    return [{key: cause[key] for key in cause if key not in ("title", "todo", "because")} for cause in causes]


def reworded(results: list[dict], facts: Draft) -> tuple[list[dict], Draft]:
    """The same, with every sentence for people replaced."""
    results, facts = copy.deepcopy((results, facts))
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


@pytest.mark.parametrize(("cause", "change"), FAULTS, ids=[f"{n}-{cause}" for n, (cause, _c) in enumerate(FAULTS)])
def test_causes_are_found_from_what_checks_say_whatever_their_words(
    cause: str, change: Callable[[Draft], None]
) -> None:
    facts = healthy()
    change(facts)
    results = judged(facts)
    found = known(diagnose(results, facts))
    assert cause in [item["id"] for item in found], found
    assert known(diagnose(*reworded(results, facts))) == found


def test_every_check_that_is_a_cause_by_itself_is_among_them() -> None:
    lines = {line.id for line in (*told.DEEP, *told.TABLES, *told.LATE, *told.SERVICES)}
    assert lines <= {cause for cause, _change in FAULTS} <= {rule.id for rule in table.RULES}
    assert len(HOSTS) == 3
