# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mutation testing of the checks and the diagnosis: a sample of small changes to the code, each of which a unit test should notice.

Usage: python scripts/mutation.py [--share 0.05] [--minutes 25] [--seed a]      needs mutmut 3.8 (pip install mutmut) beside the tests' packages
       python scripts/mutation.py --only _quality._narrow 'lb_service._Seen.*'    every mutant of some functions, and of no other

It works in a copy below tests/output/mutation. Changes of texts for people are left out of the sample: no test holds them.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import fnmatch
import json
import random
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
ROOT = CHECKOUT / "tests" / "output" / "mutation"
COPY = Path("ansible_collections", "swarmlab", "overlay")
PACKAGES = ("_checks", "_diagnosis")
UNIT = COPY / "tests" / "unit" / "plugin_utils"
# They read the sources, which are full of mutants here.
READERS = ("test_every_result_has_a_reason_that_is_listed", "test_what_the_diagnosis_matches_is_given_by_that_check")
KILLED, SURVIVED, SKIPPED = 1, 0, 34  # mutmut's codes


def copy(only: list[str]) -> None:
    """The parts of the checkout that the tests need, where the collection can be imported from."""
    shutil.rmtree(ROOT, ignore_errors=True)
    for part in ("plugins", "docs", "tests"):
        shutil.copytree(CHECKOUT / part, ROOT / COPY / part, ignore=shutil.ignore_patterns("output", "__pycache__"))
    lines = {
        "source_paths": ["ansible_collections"],
        "only_mutate": [
            f"{COPY}/plugins/plugin_utils/{package}/{name.partition('.')[0]}.py"
            for package in PACKAGES
            for name in only or ["*"]
        ],
        "pytest_add_cli_args_test_selection": [*(f"{UNIT}/{package}" for package in PACKAGES), f"{UNIT}/test_recorded.py", f"{UNIT}/test_odd.py"],
        "pytest_add_cli_args": [
            "-p", "no:cacheprovider", *(f"--deselect={UNIT}/_checks/test_reasons.py::{name}" for name in READERS)
        ],
        "track_dependencies": ["false"],
    }  # fmt: skip
    text = "".join(
        f"{key}={chr(10).join(['', *values]).replace(chr(10), chr(10) + '  ')}\n" for key, values in lines.items()
    )
    (ROOT / "setup.cfg").write_text("[mutmut]\n" + text, encoding="utf-8")


def mutmut(*names: str, seconds: float | None = None) -> None:
    """Make mutants and test those without a result; nothing is tested if the names match none."""
    command = ["nice", "-n", "15", "mutmut", "run", "--max-children", "2", *names]
    with (ROOT / "log").open("a", encoding="utf-8") as log, subprocess.Popen(
        command, cwd=ROOT, stdout=log, stderr=log
    ) as process:  # fmt: skip
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)  # it keeps what it has


class Wordless(ast.NodeTransformer):
    """Texts for people, which have blanks, become one word."""

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        if isinstance(node.value, str) and " " in node.value:
            node.value = "text"
        return node


def functions(meta: Path) -> dict[str, ast.FunctionDef]:
    """The mutants and originals in a mutated file, by name."""
    tree = ast.parse(meta.with_suffix("").read_text(encoding="utf-8"))
    return {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def original(name: str) -> str:
    return name.rpartition("__mutmut_")[0] + "__mutmut_orig"


def shape(function: ast.FunctionDef) -> str:
    """The function without its name and its texts."""
    return ast.dump(Wordless().visit(ast.FunctionDef(**{**vars(function), "name": "f"})))


def function_of(key: str) -> str:
    """The function that a mutant changes: file and name, with a class between them for a method."""
    path, _dot, name = key.rpartition(".")
    plain = name.rpartition("__mutmut_")[0]
    plain = plain[2:] if plain.startswith("x_") else plain[2:].replace("\u01c1", ".")  # mutmut's marks
    return f"{path.rpartition('.')[2]}.{plain}"


def meant(key: str, only: list[str]) -> bool:
    """Whether a mutant is of these functions."""
    return not only or any(fnmatch.fnmatchcase(function_of(key), pattern) for pattern in only)


def sample(share: float, seed: str, only: list[str]) -> tuple[int, int]:
    """Leave only a part of each file's mutants to be tested; (all mutants, those of the sample)."""
    every = chosen = 0
    for meta in sorted((ROOT / "mutants").rglob("*.meta")):
        data = json.loads(meta.read_text(encoding="utf-8"))
        codes, found = data["exit_code_by_key"], functions(meta)
        short = {key: key.rpartition(".")[2] for key in codes}
        telling = [
            key
            for key, name in short.items()
            if meant(key, only) and (name not in found or shape(found[name]) != shape(found[original(name)]))
        ]
        number = len(telling) if only else min(len(telling), max(10, round(len(telling) * share)))
        mine = set(random.Random(seed + meta.name).sample(telling, number))
        data["exit_code_by_key"] = {key: None if key in mine else SKIPPED for key in codes}
        meta.write_text(json.dumps(data), encoding="utf-8")
        every, chosen = every + len(codes), chosen + len(mine)
    return every, chosen


def report() -> Counter[int | None]:
    """Print what each survivor changed; how many mutants have which result."""
    counted: Counter[int | None] = Counter()
    for meta in sorted((ROOT / "mutants").rglob("*.meta")):
        codes = json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"]
        counted.update(codes.values())
        found = functions(meta)
        for key in (key for key, code in codes.items() if code == SURVIVED):
            name = key.rpartition(".")[2]
            print(f"\n{meta.parent.name}/{meta.stem}: {name}")
            if name in found:
                texts = [ast.unparse(found[each]).splitlines() for each in (original(name), name)]
                print(*list(difflib.unified_diff(*texts, lineterm="", n=0))[3:], sep="\n")
    return counted


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--share", type=float, default=0.05, help="part of each file's mutants that is tested")
    parser.add_argument("--minutes", type=float, default=25, help="how long mutants are tested, at most")
    parser.add_argument("--seed", default="a", help="another seed tests other mutants")
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="FILE.FUNCTION", help="every mutant of these functions"
    )
    given = parser.parse_args()
    if not shutil.which("mutmut"):
        sys.exit("mutation: mutmut is not installed: pip install mutmut==3.8.1")
    copy(given.only)
    mutmut("nothing.*")
    every, chosen = sample(given.share, given.seed, given.only)
    mutmut(seconds=given.minutes * 60)
    counted = report()
    tested = counted[KILLED] + counted[SURVIVED]
    print(
        f"\n{every} mutants, {chosen} in the sample, {tested} tested: {counted[KILLED]} killed, {counted[SURVIVED]} survived"
    )


if __name__ == "__main__":
    main()
