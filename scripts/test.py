# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the tests, from fast to real, and end with one line that counts them.

Usage: python scripts/test.py [lint] [unit] [integration] [long] [rare] [e2e]      (default: all but rare)
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

CHECKOUT = Path(__file__).resolve().parents[1]
OUTPUT = CHECKOUT / "tests" / "output"


@dataclass(frozen=True)
class Step:
    """One command. It counts as one test, unless it writes JUnit results that hold more."""

    tier: str
    name: str
    command: list[str]

    @property
    def junit(self) -> Path:
        return OUTPUT / f"junit-{self.name}.xml"

    @property
    def log(self) -> Path:
        return OUTPUT / f"{self.name}.log"


def pytest_step(tier: str, *options: str, folder: str = "", name: str = "") -> Step:
    """Tests of a folder, or of the files among the options."""
    junit = OUTPUT / f"junit-{name or tier}.xml"
    where = [] if name else [f"tests/{folder or tier}"]
    return Step(tier, name or tier, ["pytest", "-q", *where, f"--junitxml={junit}", "--durations=5", *options])


# Files of unit tests that wait, or judge hundreds of swarms -> about their seconds. Another one's size tells what it takes.
SECONDS = {
    "test_module_failure.py": 4, "test_node_parts.py": 5, "test_odd.py": 5, "test_process.py": 4, "test_pulse.py": 5, "test_small_parts.py": 6,
    "test_standing.py": 6, "test_train.py": 18, "test_turn.py": 5, "test_upgrade_plan.py": 4,
}  # fmt: skip
BYTES = 15_000  # of another file, for a second


def shares(files: Sequence[Path], number: int) -> list[list[Path]]:
    """Test files dealt out in shares that take about the same time, long ones first."""
    weight = {file: SECONDS.get(file.name, file.stat().st_size / BYTES) for file in files}
    dealt: list[list[Path]] = [[] for dummy in range(number)]
    for file in sorted(files, key=lambda file: (-weight[file], file)):
        min(dealt, key=lambda share: sum(weight[one] for one in share)).append(file)
    return dealt


def unit_steps(number: int) -> list[Step]:
    """The unit tests in shares, each a pytest of its own: one that deals out single tests to its workers reads every file in
    each of them, and takes half as long again. Some tests wait, so there are more shares than cores."""
    files = sorted((CHECKOUT / "tests" / "unit").rglob("test_*.py"))
    return [
        pytest_step(
            "unit",
            "-p",
            "no:xdist",
            "-o",
            f"cache_dir={OUTPUT}/.pytest_cache-{place}",
            *map(str, share),
            name=f"unit-{place}",
        )
        for place, share in enumerate(shares(files, number), 1)
    ]


TOGETHER = {"lint": 2, "unit": 6}  # how many steps of a tier run at once; their output is shown when each has ended
# A lab for each worker: most of the time they wait for the swarm, in the long ones more than in the others.
BY_FILE = ("--dist", "loadfile", "--no-loadscope-reorder")
WORKERS = ("-n", "3", *BY_FILE)


STEPS = [
    # The longest first: two of this tier run at once.
    Step("lint", "sanity", ["scripts/in_copy.sh", "scripts/sanity.sh", "--skip-test", "pylint"]),
    Step("lint", "pylint", ["scripts/in_copy.sh", "scripts/sanity.sh", "--test", "pylint"]),
    Step("lint", "format", ["ruff", "format", "--check", "--quiet", "."]),
    Step("lint", "ruff", ["ruff", "check", "--quiet", "."]),
    Step("lint", "spelling", ["codespell"]),
    Step("lint", "yamllint", ["yamllint", "--strict", "."]),
    Step("lint", "ansible-lint", ["ansible-lint", "--offline", "--nocolor"]),
    Step(
        "lint",
        "docs",
        [
            "scripts/in_copy.sh",
            "antsibull-docs",
            "lint-collection-docs",
            "--plugin-docs",
            "--validate-collection-refs=dependent",
            ".",
        ],
    ),
    Step("lint", "types", ["mypy"]),
    Step("lint", "changelog", ["antsibull-changelog", "lint"]),
    Step("lint", "licences", ["reuse", "lint", "--quiet"]),
    Step("lint", "shell", ["sh", "-c", "shellcheck scripts/*.sh .ci/run"]),
    Step("lint", "importer", ["scripts/in_copy.sh", "scripts/importer.sh"]),
    *unit_steps(TOGETHER["unit"]),
    pytest_step("integration", "-m", "not long", *WORKERS),
    pytest_step("long", "-m", "long and not rare", "-n", "4", *BY_FILE, folder="integration"),
    pytest_step("rare", "-m", "rare", *WORKERS, folder="integration"),
    Step("e2e", "molecule", ["molecule", "test"]),
]
APART = {"rare"}  # tiers that run only when they are named


def count(step: Step, code: int) -> tuple[int, int, int]:
    """Passed, failed and skipped tests of a step that ended with this exit code."""
    if not step.junit.exists():
        return (0, 1, 0) if code else (1, 0, 0)
    suites = ElementTree.parse(step.junit).getroot().iter("testsuite")
    passed = failed = skipped = 0
    for suite in suites:
        bad = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skips = int(suite.get("skipped", 0))
        passed += int(suite.get("tests", 0)) - bad - skips
        failed += bad
        skipped += skips
    if code and not failed:
        failed = 1  # it broke outside any test: a playbook, a fixture at the end, the tool itself
    return passed, failed, skipped


LAST_WORDS = 8  # lines of an output that tells of no error
TROUBLE = re.compile(r"\[ERROR\]|fatal: \[|^E  |^ERROR|CRITICAL|Error: ")
# How far a verification came, and what it found: nobody can ask for its report where the machine is gone after the tests.
VERIFICATION = re.compile(r"^│?\s*(NOT VERIFIED:|CAUSE |because |UNSURE |FAIL |Probes on |\d+ of \d+ (nodes|answers) )")
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def trouble(output: str, lines: int = 40, width: int = 300) -> list[str]:
    """The lines of an output that tell of an error, each with the two after it, and what verifications tell; its last ones
    where none tells of an error."""
    told = [line.strip() for line in COLOURS.sub("", output).splitlines() if line.strip(" │")]
    bad = [place for place, line in enumerate(told) if TROUBLE.search(line)]
    verified = [place for place, line in enumerate(told) if bad and VERIFICATION.search(line)]
    near = sorted({*verified, *(near for place in bad for near in range(place, min(place + 3, len(told))))})
    return [told[place][:width] for place in near[:lines]] or [line[:width] for line in told[-LAST_WORDS:]]


FIRST, LAST = 10, 30  # lines of a reason


def reason(failure: ElementTree.Element) -> list[str]:
    """Why a test failed: pytest's lines of the error, first and last ones. A playbook's output, say, tells at its end what failed;
    the attribute C(message) of newer pytest has its first lines alone."""
    lines = [line.removeprefix("E").strip() for line in (failure.text or "").splitlines() if line.startswith("E  ")]
    told = [line[:300] for line in lines or (failure.get("message") or "").splitlines() if line.strip()]
    if len(told) <= FIRST + LAST:
        return told
    return [*told[:FIRST], f"[{len(told) - FIRST - LAST} lines left out]", *told[-LAST:]]


def failures(step: Step) -> list[str]:
    """Each test of a step that failed, with its reason: output between is long, and may be cut."""
    told = []
    if step.junit.exists():
        for case in ElementTree.parse(step.junit).getroot().iter("testcase"):
            for bad in (*case.findall("failure"), *case.findall("error")):
                told.append(f"{step.name}: {case.get('classname')}::{case.get('name')}: " + "\n    ".join(reason(bad)))
    return told or [f"{step.name}: {line}" for line in trouble(step.log.read_text(errors="replace"))]


@dataclass(frozen=True)
class Done:
    """A step that has ended."""

    step: Step
    code: int
    seconds: float

    @property
    def line(self) -> str:
        """One line of the table at the end."""
        passed, failed, skipped = count(self.step, self.code)
        word = "FAIL" if failed else "ok  "
        return (
            f"{word} {self.step.name:14} {self.seconds:6.0f} s  {passed:4} passed {failed:4} failed {skipped:4} skipped"
        )


def run(step: Step) -> Done:
    """Run a step and keep its output. Beside others it is shown when the step has ended."""
    together = TOGETHER.get(step.tier, 1) > 1
    if not together:
        print(f"\n=== {step.tier}: {step.name}", flush=True)
    step.junit.unlink(missing_ok=True)
    environment = {**os.environ, "ANSIBLE_DEPRECATION_WARNINGS": "False", "COLUMNS": "160"}
    # pytest compiles each test with its assertions taken apart; kept, this saves every worker 3 seconds.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    start = time.monotonic()
    # A file and no pipe: what a step leaves running (a shared ssh connection) would keep a pipe open.
    with step.log.open("w") as log, step.log.open(errors="replace") as shown:
        process = subprocess.Popen(step.command, cwd=CHECKOUT, env=environment, stdout=log, stderr=subprocess.STDOUT)
        ended = False
        while not ended:
            ended = process.poll() is not None
            if not together:
                print(shown.read(), end="", flush=True)
            if not ended:
                time.sleep(0.2)
    seconds = time.monotonic() - start
    if together:
        told = step.log.read_text(errors="replace")
        print(f"\n=== {step.tier}: {step.name} ({seconds:.0f} s)\n{told}", end="", flush=True)
    return Done(step, process.returncode, seconds)


def main(tiers: list[str]) -> int:
    known = list(dict.fromkeys(step.tier for step in STEPS))
    unknown = [tier for tier in tiers if tier not in known]
    if unknown:
        sys.exit(f"test: no such tier: {', '.join(unknown)}; there are {', '.join(known)}")
    OUTPUT.mkdir(parents=True, exist_ok=True)
    ended: list[Done] = []
    for tier in known:
        if tier in (tiers or set(known) - APART):
            with ThreadPoolExecutor(TOGETHER.get(tier, 1)) as pool:
                ended += pool.map(run, [step for step in STEPS if step.tier == tier])
    bad = [line for done in ended if done.code for line in failures(done.step)]
    print("\n" + "\n".join([*(done.line for done in ended), *bad]))  # what failed last: a cut log keeps its end
    passed, failed, skipped = (
        sum(numbers) for numbers in zip(*(count(done.step, done.code) for done in ended), strict=True)
    )
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
