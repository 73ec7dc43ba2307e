# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a test run says what failed: a log that is cut keeps its end."""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from pathlib import Path
from types import ModuleType

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]
PLAYBOOK = """\
  \x1b[2m│\x1b[0m TASK [swarmlab.overlay.engine : Install] ***
  \x1b[2m│\x1b[0m \x1b[0;31m[ERROR]: Task failed: no space left on device\x1b[0m
  \x1b[2m│\x1b[0m
\x1b[1mSCENARIO RECAP\x1b[0m
default: failed=1
"""
VERIFICATION = """\
TASK [swarmlab.overlay.verify : Probe from every node] ***
  │   Probes on 3 nodes after 41.5 s; asking 349 questions for PRE-PORT, CP-TLS and 19 more
  │ ok: [vm1]
  │   346 of 349 answers as expected; fewer for SD-SCOPE 0 of 3; cleaning up
  │ NOT VERIFIED: 65 passed, 2 inconclusive (3 nodes, 2 networks, 287 s)
  │   UNSURE PRE-PORT on vm2: no observation from vm2
  │          -> Read why the node did not answer.
  │ PRE-PORT         UNSURE
  │ [ERROR]: Task failed: NOT VERIFIED
"""


@pytest.fixture
def tiers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("tiers", CHECKOUT / "scripts" / "test.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "tiers", module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "OUTPUT", tmp_path)
    monkeypatch.setattr(module, "CHECKOUT", tmp_path)
    return module


@pytest.mark.parametrize(
    ("output", "told"),
    [
        pytest.param(
            PLAYBOOK,
            ["│ [ERROR]: Task failed: no space left on device", "SCENARIO RECAP", "default: failed=1"],
            id="a playbook's error",
        ),
        pytest.param(
            VERIFICATION,
            [VERIFICATION.splitlines()[line].strip() for line in (1, 3, 4, 5, 8)],
            id="how far a verification came",
        ),
        pytest.param("all\n\nwent\nwrong\n", ["all", "went", "wrong"], id="no word of an error: the last lines"),
        pytest.param("fatal: [vm1]: " + "x" * 500, ["fatal: [vm1]: " + "x" * 286], id="long lines are cut"),
        pytest.param("", [], id="nothing said"),
    ],
)
def test_trouble_is_found_in_an_output(tiers: ModuleType, output: str, told: list[str]) -> None:
    assert tiers.trouble(output) == told


@pytest.mark.parametrize("tier", ["alone", "lint"])
def test_a_step_that_fails_outside_any_test_is_told(tiers: ModuleType, tier: str, capfd: pytest.CaptureFixture) -> None:
    step = tiers.Step(tier, "sample", ["sh", "-c", "echo begun; echo 'fatal: [vm1]: gone' >&2; exit 3"])
    done = tiers.run(step)
    assert done.code == 3
    assert tiers.count(step, done.code) == (0, 1, 0)
    assert tiers.failures(step) == ["sample: fatal: [vm1]: gone"]
    assert "begun\nfatal: [vm1]: gone\n" in capfd.readouterr().out


def test_what_a_step_leaves_running_is_not_waited_for(tiers: ModuleType) -> None:
    step = tiers.Step("alone", "sample", ["sh", "-c", "sleep 30 & echo $!"])
    done = tiers.run(step)
    os.kill(int(step.log.read_text()), signal.SIGTERM)
    assert done.code == 0
    assert done.seconds < 20


def test_a_test_that_failed_is_told_with_its_reason(tiers: ModuleType) -> None:
    """A playbook's output tells at its end what failed: newer pytest cuts it in the attribute, not in the text."""
    step = tiers.Step("alone", "sample", [])
    lines = "".join(f"E      line {number}\n" for number in range(80))
    failure = f'<failure message="no verdict&#10;cut">    assert code == 0, output\nE   no verdict\nE\n{lines}\nmore</failure>'
    step.junit.write_text(f'<testsuite><testcase classname="a" name="b">{failure}</testcase></testsuite>')
    (told,) = tiers.failures(step)
    assert told.splitlines()[:2] == ["sample: a::b: no verdict", "    line 0"]
    assert told.splitlines()[-1] == "    line 79"
    assert "    [41 lines left out]" in told.splitlines()
    step.junit.write_text(
        '<testsuite><testcase classname="a" name="b"><error message="gone&#10;&#10;away"/></testcase></testsuite>'
    )
    assert tiers.failures(step) == ["sample: a::b: gone\n    away"]


def test_every_file_of_unit_tests_is_in_one_share(tiers: ModuleType, tmp_path: Path) -> None:
    names = ["test_train.py", *(f"test_{number}.py" for number in range(40))]
    files = [tmp_path / name for name in names]
    for file in files:
        file.write_text("x" * tiers.BYTES)
    dealt = tiers.shares(files, 5)
    assert sorted(file for share in dealt for file in share) == sorted(files)
    assert [len(share) for share in dealt] == [1, 10, 10, 10, 10]
    whole = sorted((Path(__file__).resolve().parents[1]).rglob("test_*.py"))
    steps = [step for step in tiers.STEPS if step.tier == "unit"]
    assert sorted(Path(word) for step in steps for word in step.command if word.endswith(".py")) == whole
    assert len({step.junit for step in steps}) == len({step.log for step in steps}) == len(steps)
