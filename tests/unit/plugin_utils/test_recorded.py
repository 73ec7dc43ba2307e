# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nodes told of a sound swarm and of each fault, judged again: the report stays as it was, and names the cause.

``make detection ARGS="--record tests/unit/recorded"`` made the recordings. With SWARMLAB_NEW_REPORTS=1 this test writes the reports that
it expects anew, for a change that is meant; a recording that has none yet needs that too.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from ansible_collections.swarmlab.overlay.plugins.action import verify_run
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._diagnosis import diagnose
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._facts.model import Facts
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._report import build
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._verification import facts

TESTS = Path(__file__).resolve().parents[2]
RECORDED = TESTS / "unit" / "recorded"
END, REPORT_END = ".json.gz", ".report.json.gz"
NAMES = sorted(path.name.removesuffix(END) for path in RECORDED.glob(f"*{END}") if not path.name.endswith(REPORT_END))
HEALTHY = "healthy"
NONSENSE = "tralala"
RENEW = "SWARMLAB_NEW_REPORTS=1 pytest tests/unit/plugin_utils/test_recorded.py"


def faults_of_the_labs() -> ModuleType:
    """What the labs are given, and what must be said of it."""
    spec = importlib.util.spec_from_file_location("recorded_faults", TESTS / "integration" / "faults.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look there
    spec.loader.exec_module(module)
    return module


faults = faults_of_the_labs()
FAULTS = {fault.name: fault for fault in faults.FAULTS}


def read(name: str) -> Any:
    return json.loads(gzip.decompress((RECORDED / name).read_bytes()))


def gathered(name: str) -> Facts:
    """The facts of a recorded run."""
    recording = read(name + END)
    return facts.assemble(recording["settings"]["hosts"], recording["settings"], recording["phases"])


def reported(name: str) -> dict:
    """The report of a recorded run, as a reader of the file has it; how long it took is none of its matter, nor is the schema's number."""
    found = gathered(name)
    results = verify_run.judged(found)
    report = build.document(results, verify_run.about(found, {}), 0, diagnose.diagnose(results, found))
    del report["schema_version"]
    return json.loads(json.dumps(report))


def differences(expected: Any, found: Any, path: str = "report") -> Iterator[str]:
    """What was lost or changed, each by its key's path. A key that came later is no difference."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key, value in expected.items():
            if key in found:
                yield from differences(value, found[key], f"{path}.{key}")
            else:
                yield f"{path}.{key}: lost"
    elif isinstance(expected, list) and isinstance(found, list):
        if len(expected) != len(found):
            yield f"{path}: of {len(expected)} items became {len(found)}"
        for number, pair in enumerate(zip(expected, found)):
            yield from differences(*pair, f"{path}[{number}]")
    elif expected != found:
        yield f"{path}: {expected!r} became {found!r}"


def lacking(report: dict) -> set:
    """What the kernel of the test machine lacks is true, and no fault of ours."""
    return {(cause["id"], tuple(cause["nodes"])) for cause in report["causes"] if cause["id"] == "kernel-lacks"}


@pytest.mark.parametrize("name", NAMES)
def test_the_report_is_as_it_was(name: str) -> None:
    report, path = reported(name), RECORDED / (name + REPORT_END)
    if os.environ.get("SWARMLAB_NEW_REPORTS") == "1":
        path.write_bytes(gzip.compress(json.dumps(report, indent=1).encode(), mtime=0))
    assert path.exists(), f"{RENEW} writes {path.name}, which is missing: look at it, and keep it if it is right"
    told = list(differences(read(path.name), report))
    assert not told, "\n".join([*told, f"{RENEW} keeps this, if it is meant"])


@pytest.mark.parametrize("name", [name for name in NAMES if name != HEALTHY])
def test_the_cause_of_the_fault_is_named_with_its_nodes_and_nobody_else(name: str) -> None:
    report = reported(name)
    found = faults.judged(FAULTS[name], report, lacking(report))
    assert set(found.values()) == {True}, (found, report["causes"])


def test_a_sound_swarm_has_no_fault() -> None:
    report = reported(HEALTHY)
    assert faults.fresh(report, lacking(report)) == [] and faults.loose(report) == []


def test_every_fault_that_any_lab_can_have_is_recorded() -> None:
    anywhere = {fault.name for fault in faults.FAULTS if not fault.needs}
    missing, strange = {HEALTHY, *anywhere} - set(NAMES), set(NAMES) - {HEALTHY, *FAULTS}
    assert not missing, (
        f"make detection ARGS='--record tests/unit/recorded --only {' '.join(sorted(missing))}' records them"
    )
    assert not strange, f"no fault in tests/integration/faults.py has these names: {sorted(strange)}"


RULE, LINK = ("gossip-udp-blocked", ["vm2"]), ("link-lossy", ["vm3"])


@pytest.mark.parametrize(
    ("causes", "missing"),
    [
        ([RULE, LINK], set()),
        ([LINK, RULE], set()),
        ([RULE], {"right cause", "right nodes"}),
        ([LINK], {"right cause", "right nodes"}),
        ([RULE, ("link-lossy", ["vm1"])], {"right nodes", "no other node"}),
        ([RULE, LINK, ("cut-off", ["vm4"])], {"no other node"}),
        ([], {"detected", "right cause", "right nodes"}),
    ],
)
def test_of_two_faults_at_once_both_causes_must_be_named(causes: list, missing: set) -> None:
    report = {
        "nodes": [{"name": f"vm{number}"} for number in range(1, 5)],
        "checks": [],
        "summary": {"ok": False},
        "causes": [{"id": ident, "nodes": nodes, "explains": []} for ident, nodes in causes],
    }
    found = faults.judged(FAULTS["rule-beside-a-lossy-link"], report, set())
    assert {mark for mark, right in found.items() if not right} == missing


@pytest.mark.parametrize(
    "found, told",
    [
        ({"checks": [{"id": "a", "nodes": ["vm1"], "reason": "new"}]}, []),
        ({"checks": [{"id": "b", "nodes": ["vm1"]}]}, ["report.checks[0].id: 'a' became 'b'"]),
        ({"checks": [{"id": "a"}]}, ["report.checks[0].nodes: lost"]),
        ({"checks": [{"id": "a", "nodes": []}]}, ["report.checks[0].nodes: of 1 items became 0"]),
        ({"checks": None}, ["report.checks: [{'id': 'a', 'nodes': ['vm1']}] became None"]),
    ],
)
def test_a_later_key_is_no_difference_and_a_lost_or_changed_one_is_named(found: dict, told: list[str]) -> None:
    assert list(differences({"checks": [{"id": "a", "nodes": ["vm1"]}]}, found)) == told


def reworded(value: Any) -> Any:
    """The same with other texts for people, which have blanks: names, ids and addresses have none."""
    if isinstance(value, dict):
        return {key: reworded(part) for key, part in value.items()}
    if isinstance(value, list):
        return [reworded(part) for part in value]
    return NONSENSE if isinstance(value, str) and " " in value else value


def unspoken(problems: dict) -> dict:
    """Problems with the same reasons and other words."""
    return {key: replace(problem, text=NONSENSE) for key, problem in problems.items()}


def causes_lost(name: str) -> list[str]:
    """The causes of a recorded run that are no longer found once all that people are meant to read has other words."""
    found = gathered(name)
    results = json.loads(json.dumps(verify_run.judged(found)))
    expected = [cause["id"] for cause in diagnose.diagnose(results, found)]
    silent = {part: unspoken(getattr(found, part)) for part in ("problems", "task_problems", "refused")}
    left = [cause["id"] for cause in diagnose.diagnose(reworded(results), replace(found, **silent))]
    return [] if left == expected else [f"{name}: {expected} became {left}"]


def test_rewording_every_text_loses_no_cause() -> None:
    told = [line for name in NAMES for line in causes_lost(name)]
    assert not told, "\n".join(told)
