# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the tests with every ansible-core, and node code with every Python, that the collection promises.

Each ansible-core has a copy of the checkout of its own in .cache/matrix/, made ready by scripts/setup.sh with the Python that belongs to it.
What has no Python here is said to be not run; it never counts as passed.

Usage: python scripts/matrix.py [--write] [--core 2.21 ...] [--tier unit ...]
    --write     put the results into docs/matrix.md; what was not run keeps the result, and the date, that it has there
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
CACHE = CHECKOUT / ".cache" / "matrix"
PAGE = CHECKOUT / "docs" / "matrix.md"
NODE_PYTHONS = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13")
TIERS = ("smoke", "lint", "unit", "integration")  # "integration" is the container suite of every day
NODES = "nodes"  # the node code with the Pythons of nodes
NOT_RUN = "not run"
SETUP_SECONDS, TIER_SECONDS = 1800, 3600
COUNTED = re.compile(r"^(\d+) passed, (\d+) failed(?:, \d+ skipped)?$")


@dataclasses.dataclass(frozen=True)
class Cell:
    """One ansible-core with the Python that it is tested with."""

    core: str
    python: str
    tiers: tuple[str, ...] = TIERS
    requirements: str = ""  # a file that is installed on top

    @property
    def tree(self) -> Path:
        return CACHE / self.core

    @property
    def title(self) -> str:
        return f"{self.core}, Python {self.python}"


CELLS = (
    Cell("2.19", "3.11"),
    Cell("2.20", "3.12"),
    Cell("2.21", "3.13"),
    Cell("2.22", "3.13", ("smoke", "unit"), "requirements-next.txt"),
)


@dataclasses.dataclass(frozen=True)
class Result:
    """What became of one thing that was run."""

    passed: int
    failed: int
    date: str

    def __str__(self) -> str:
        counted = f"**{self.failed} failed**, {self.passed} passed" if self.failed else f"{self.passed} passed"
        return f"{counted} ({self.date})"


def counted(output: str, code: int, date: str) -> Result:
    """The result in a run's last line that counts. Without one, or against its exit code, the run itself is what failed."""
    found = [match for line in output.splitlines() if (match := COUNTED.match(line.strip()))]
    passed, failed = (int(found[-1][1]), int(found[-1][2])) if found else (0, 0)
    if not failed and (code or not passed):
        failed = 1
    return Result(passed, failed, date)


def version_of(python: str) -> str:
    """'3.8' of a Python that runs, else nothing: the shims of version managers are there for Pythons that are not."""
    try:
        done = subprocess.run(
            [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def interpreter(version: str) -> str:
    """Path of a Python of this version: on PATH, or among those that pyenv has; nothing when there is none."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    on_path = [shutil.which(f"python{version}", path=folder) for folder in os.get_exec_path()]
    candidates = [*filter(None, on_path), *map(str, sorted(pyenv.glob(f"{version}.*/bin/python{version}")))]
    outside = (
        path for path in candidates if ".venv" not in Path(path).parts
    )  # a virtual environment has more than a node
    return next((path for path in outside if version_of(path) == version), "")


def lowest_node_python(package: Path) -> tuple[int, ...]:
    """The oldest Python of nodes that this ansible-core still serves, in its own words."""
    found = re.search(
        r"^_PY_MIN = \((\d+), (\d+)\)",
        (package / "module_utils" / "basic.py").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    if not found:
        sys.exit(f"matrix: {package} does not tell its oldest Python any more")
    return tuple(map(int, found.groups()))


def in_tree(tree: Path, command: list[str], log: Path, seconds: int) -> tuple[int, str]:
    """Exit code and output of a command in a cell's tree, with the programs of its .venv. Nothing of the caller's .venv is seen."""
    path = [
        str(tree / ".venv" / "bin"),
        *(folder for folder in os.get_exec_path() if folder != str(CHECKOUT / ".venv" / "bin")),
    ]
    environment = {**os.environ, "PATH": os.pathsep.join(path)}
    for name in ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME"):
        environment.pop(name, None)
    with log.open("w", encoding="utf-8") as handle:
        try:
            code = subprocess.run(
                command,
                cwd=tree,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=handle,
                stderr=subprocess.STDOUT,
                timeout=seconds,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            code = -1
            handle.write(f"\nno end within {seconds} s\n")
    return code, log.read_text(encoding="utf-8", errors="replace")


def files_of(tree: Path) -> set[str]:
    """The files of a tree that git would take."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=tree, capture_output=True, text=True, check=True).stdout.split("\0")
    return {name for name in names if name and (tree / name).is_file()}


def copy_to(tree: Path) -> None:
    """Bring a cell's copy of the checkout up to date; what git ignores there (its .venv) stays."""
    tree.mkdir(parents=True, exist_ok=True)
    subprocess.run(["git", "init", "--quiet", "."], cwd=tree, check=True)
    wanted = files_of(CHECKOUT)
    for name in files_of(tree) - wanted:
        (tree / name).unlink()
    for name in wanted:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(CHECKOUT / name, tree / name)
    # What is ignored is told from the rest only in a tree that git knows: reuse took caches for files without a licence.
    subprocess.run(["git", "add", "--all"], cwd=tree, check=True)


def made_ready(cell: Cell, python: str, log: Path) -> str:
    """Why a cell could not be made ready, else nothing."""
    copy_to(cell.tree)
    stamp, wanted = cell.tree / ".venv" / ".ready-matrix", installed_from(cell, python)
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return ""
    code, output = in_tree(cell.tree, ["env", f"PYTHON={python}", "scripts/setup.sh", "dev"], log, SETUP_SECONDS)
    if not code and cell.requirements:
        pip = [
            str(cell.tree / ".venv" / "bin" / "pip"),
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-r",
            cell.requirements,
        ]
        code, output = in_tree(cell.tree, pip, log, SETUP_SECONDS)
    if code:
        return output.strip()[-2000:]
    version = versions(cell)[0]
    if not version.startswith(cell.core + "."):
        return f"ansible-core {version} was installed; requirements.txt and this script part"
    stamp.write_text(wanted, encoding="utf-8")
    return ""


def installed_from(cell: Cell, python: str) -> str:
    """What a cell's .venv depends on: as long as that stays, it is ready."""
    files = [
        "scripts/setup.sh",
        *filter(None, ("requirements.txt", "requirements-classroom.txt", "requirements-dev.txt", cell.requirements)),
    ]
    return "\n".join([python, *(hashlib.sha256((cell.tree / name).read_bytes()).hexdigest() for name in files)])


def versions(cell: Cell) -> tuple[str, str, str]:
    """What is installed in a cell: ansible-core, Python, community.docker."""
    told = (
        "import json, pathlib, platform, ansible, ansible_collections as c; from ansible.release import __version__ as v;"
        "m = json.loads((pathlib.Path(list(c.__path__)[0]) / 'community/docker/MANIFEST.json').read_text());"
        "print(v, platform.python_version(), m['collection_info']['version'])"
    )
    python = str(cell.tree / ".venv" / "bin" / "python")
    done = subprocess.run([python, "-c", told], cwd=CACHE, capture_output=True, text=True, check=True)
    core, version, docker = done.stdout.split()
    return core, version, docker


def package_of(cell: Cell) -> Path:
    """The folder of the package ansible in a cell."""
    return next((cell.tree / ".venv" / "lib").glob("python*/site-packages/ansible"))


class Run:
    """What was run, and what it gave: {cell: {what: result, or why there is none}}."""

    def __init__(self, date: str, write: bool = False) -> None:
        self.date = date
        self.write = write
        self.results: dict[str, dict[str, Result | str]] = {}
        self.versions: dict[str, tuple[str, str, str]] = {}
        self.logs = CHECKOUT / "tests" / "output" / "matrix"
        self.logs.mkdir(parents=True, exist_ok=True)

    def tell(self, cell: Cell, what: str, result: Result | str) -> None:
        self.results.setdefault(cell.core, {})[what] = result
        print(f"{cell.title}: {what}: {result}", flush=True)
        if self.write:  # at once: a run that ends early keeps what it found
            PAGE.write_text(page(self, PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""), encoding="utf-8")

    def log(self, cell: Cell, what: str) -> Path:
        return self.logs / f"{cell.core}-{what}.log"

    def command(self, cell: Cell, what: str, argv: list[str]) -> Result:
        start = time.monotonic()
        code, output = in_tree(cell.tree, argv, self.log(cell, what), TIER_SECONDS)
        result = counted(output, code, self.date)
        if result.failed:
            print("\n".join(output.splitlines()[-40:]))
        print(f"  {what}: {time.monotonic() - start:.0f} s, {self.log(cell, what).relative_to(CHECKOUT)}", flush=True)
        return result

    def cell(self, cell: Cell, tiers: list[str]) -> None:
        wanted = [tier for tier in (*cell.tiers, NODES) if tier in tiers]
        python = interpreter(cell.python)
        if not python:
            for what in wanted:
                self.tell(cell, what, f"{NOT_RUN}: no Python {cell.python} here")
            return
        problem = made_ready(cell, python, self.log(cell, "setup"))
        if problem:
            print(problem)
            for what in wanted:
                self.tell(cell, what, Result(0, 1, self.date))
            return
        self.versions[cell.core] = versions(cell)
        for tier in wanted:
            if tier == NODES:
                self.nodes(cell)
            else:
                script = ["scripts/smoke.py"] if tier == "smoke" else ["scripts/test.py", tier]
                self.tell(cell, tier, self.command(cell, tier, ["python", *script]))

    def nodes(self, cell: Cell) -> None:
        """Node code, compiled and imported by the Pythons of nodes, and sent to them by this ansible-core."""
        lowest = lowest_node_python(package_of(cell))
        for version in NODE_PYTHONS:
            what = f"node Python {version}"
            python = interpreter(version)
            if tuple(map(int, version.split("."))) < lowest:
                self.tell(cell, what, "not served by this ansible-core")
            elif not python:
                self.tell(cell, what, f"{NOT_RUN}: no Python {version} here")
            else:
                imported = self.command(
                    cell, f"node-{version}-import", [python, "scripts/node_code.py", str(package_of(cell))]
                )
                sent = self.command(cell, f"node-{version}-sent", ["python", "scripts/smoke.py", "--sent", python])
                self.tell(cell, what, Result(imported.passed + sent.passed, imported.failed + sent.failed, self.date))

    @property
    def total(self) -> tuple[int, int, int]:
        """Passed, failed, not run."""
        all_results = [result for results in self.results.values() for result in results.values()]
        told = [result for result in all_results if isinstance(result, Result)]
        left = sum(1 for result in all_results if isinstance(result, str) and result.startswith(NOT_RUN))
        return sum(result.passed for result in told), sum(result.failed for result in told), left


def rows(text: str) -> dict[str, list[str]]:
    """The rows of a page's tables, by their first cell."""
    lines = [
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|")
    ]
    return {line[0]: line[1:] for line in lines if set(line[0]) - set("- ")}


def table(heads: list[str], body: dict[str, list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *([key, *cells] for key, cells in body.items())]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def merged(old: list[str], now: list[str | None]) -> list[str]:
    """A row: what was found now, else what stands there."""
    return [str(cell) if cell is not None else (old[at] if at < len(old) else NOT_RUN) for at, cell in enumerate(now)]


def page(run: Run, before: str) -> str:
    """The text of docs/matrix.md."""
    known = rows(before)
    cores, nodes = {}, {}
    for cell in CELLS:
        found = run.results.get(cell.core, {})
        installed = run.versions.get(cell.core)
        row: list[str | None] = [*installed] if installed else [None, None, None]
        row += [str(found[tier]) if tier in found else None if tier in cell.tiers else "not meant" for tier in TIERS]
        old = known.get(cell.core, [])
        cores[cell.core] = merged(
            [] if installed and old[:3] != [*installed] else old, row
        )  # results are of these versions
    for version in NODE_PYTHONS:
        what = f"node Python {version}"
        told = [run.results.get(cell.core, {}).get(what) for cell in CELLS]
        nodes[version] = merged(known.get(version, []), [None if result is None else str(result) for result in told])
    return TEMPLATE.format(
        cores=table(["ansible-core", "exactly", "Python", "community.docker", *TIERS], cores),
        nodes=table(["Python of the node", *(f"ansible-core {cell.core}" for cell in CELLS)], nodes),
    )


TEMPLATE = """<!-- SPDX-FileCopyrightText: 2026 swarmlab contributors -->
<!-- SPDX-License-Identifier: GPL-3.0-or-later -->
# What it is tested with

Written by `make matrix ARGS=--write`, which runs the collection's tests with each ansible-core that is supported, each in an environment of its own,
and a part of them with the next one before it is out. A result stands here with the day on which it was got.

{cores}

- *smoke*: playbooks are parsed, all documentation is shown, every module is sent by Ansible's own way and starts; no deprecation is warned of
- *lint*: `ansible-lint` (production profile), `ansible-test sanity` without an ignore file, documentation, licences, Galaxy's importer
- *unit*: functions without a swarm
- *integration*: modules and roles on a swarm of three container nodes

Nodes have Pythons of their own. With each of these every file that runs on nodes is compiled and imported, with nothing installed
beside it, and every module is sent to it by each ansible-core and starts:

{nodes}

ansible-core 2.18 is at its end of life and is not tested.
"""


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Run the tests with every supported ansible-core and Python.")
    parser.add_argument("--write", action="store_true", help="put the results into docs/matrix.md")
    parser.add_argument(
        "--core", nargs="+", choices=[cell.core for cell in CELLS], default=[cell.core for cell in CELLS]
    )
    parser.add_argument("--tier", nargs="+", choices=[*TIERS, NODES], default=[*TIERS, NODES])
    wanted = parser.parse_args(argv)
    run = Run(datetime.date.today().isoformat(), wanted.write)
    for cell in CELLS:
        if cell.core in wanted.core:
            run.cell(cell, wanted.tier)
    passed, failed, left = run.total
    print(f"{passed} passed, {failed} failed" + (f", {left} skipped" if left else ""))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
