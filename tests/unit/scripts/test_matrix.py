# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The matrix of versions never says more than what was run."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]
TODAY = "2026-11-26"


@pytest.fixture
def matrix(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("matrix", CHECKOUT / "scripts" / "matrix.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "matrix", module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def run(matrix: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.setattr(matrix, "CHECKOUT", tmp_path)
    return matrix.Run(TODAY)


@pytest.mark.parametrize(
    ("output", "code", "expected"),
    [
        ("noise\n12 passed, 0 failed\n", 0, (12, 0)),
        ("12 passed, 0 failed, 3 skipped\n", 0, (12, 0)),
        ("unit: 5 passed, 0 failed\n7 passed, 2 failed\n", 1, (7, 2)),
        ("12 passed, 0 failed\n", 1, (12, 1)),  # the tool itself broke afterwards
        ("0 passed, 0 failed\n", 0, (0, 1)),  # nothing was run
        ("0 passed, 0 failed, 9 skipped\n", 0, (0, 1)),
        ("Traceback\n", 1, (0, 1)),
        ("", 0, (0, 1)),
        ("said: 12 passed, 0 failed, or so\n", 0, (0, 1)),
    ],
)
def test_what_is_counted(matrix: ModuleType, output: str, code: int, expected: tuple[int, int]) -> None:
    result = matrix.counted(output, code, TODAY)
    assert (result.passed, result.failed) == expected


def fake_python(folder: Path, name: str, script: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def test_an_interpreter_is_found_where_it_runs(
    matrix: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not the shim that is in front of it, not another version under its name, not a virtual environment's."""
    shim = fake_python(tmp_path / "shims", "python3.8", "echo 'no such version' >&2; exit 127")
    other = fake_python(tmp_path / "other", "python3.8", "echo 3.9")
    virtual = fake_python(tmp_path / ".venv" / "bin", "python3.8", "echo 3.8")
    monkeypatch.setenv("PATH", os.pathsep.join(str(path.parent) for path in (shim, other, virtual)))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    assert matrix.interpreter("3.8") == ""
    pyenv = fake_python(tmp_path / "pyenv" / "versions" / "3.8.18" / "bin", "python3.8", "echo 3.8")
    assert matrix.interpreter("3.8") == str(pyenv)
    on_path = fake_python(tmp_path / "path", "python3.8", "echo 3.8")
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}{os.pathsep}{on_path.parent}")
    assert matrix.interpreter("3.8") == str(on_path)


def test_a_cell_without_its_python_is_not_run(matrix: ModuleType, run: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrix, "interpreter", lambda version: "")
    run.cell(matrix.CELLS[0], ["unit", "nodes"])
    assert run.total == (0, 0, 2)
    assert "| 2.19 | not run | not run | not run | not run | not run | not run: no Python 3.11 here |" in matrix.page(
        run, ""
    )


def test_a_result_stays_on_the_page_until_it_is_run_again(matrix: ModuleType, run: object) -> None:
    yesterday = matrix.Result(10, 0, "2026-11-25")
    run.versions["2.21"] = ("2.21.5", "3.13.0", "5.4.0")
    run.results["2.21"] = {"unit": yesterday, "lint": yesterday, "node Python 3.9": yesterday}
    before = matrix.page(run, "")
    assert (
        "| 2.21 | 2.21.5 | 3.13.0 | 5.4.0 | not run | 10 passed (2026-11-25) | 10 passed (2026-11-25) | not run |"
        in before
    )
    run.results["2.21"] = {"unit": matrix.Result(9, 1, TODAY)}
    after = matrix.page(run, before)
    assert f"| 5.4.0 | not run | 10 passed (2026-11-25) | **1 failed**, 9 passed ({TODAY}) | not run |" in after
    assert "| 3.9 | not run | not run | 10 passed (2026-11-25) | not run |" in after
    assert matrix.rows(matrix.page(matrix.Run(TODAY), after)) == matrix.rows(after), "a run of nothing changes nothing"


def test_what_was_found_is_kept_at_once(
    matrix: ModuleType, run: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matrix, "PAGE", tmp_path / "page.md")
    run.tell(matrix.CELLS[0], "unit", matrix.Result(10, 0, TODAY))
    assert not matrix.PAGE.exists()
    run.write = True
    run.tell(matrix.CELLS[0], "lint", matrix.Result(7, 0, TODAY))
    assert f"7 passed ({TODAY})" in matrix.PAGE.read_text(encoding="utf-8")


def test_results_of_other_versions_do_not_stay(matrix: ModuleType, run: object) -> None:
    run.versions["2.21"] = ("2.21.5", "3.13.0", "5.4.0")
    run.results["2.21"] = {"unit": matrix.Result(10, 0, "2026-11-25")}
    before = matrix.page(run, "")
    run.versions["2.21"], run.results["2.21"] = ("2.21.6", "3.13.0", "5.4.0"), {"lint": matrix.Result(7, 0, TODAY)}
    assert f"| 2.21.6 | 3.13.0 | 5.4.0 | not run | 7 passed ({TODAY}) | not run | not run |" in matrix.page(run, before)


def test_the_tree_of_a_cell_follows_the_checkout(
    matrix: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout, tree = tmp_path / "checkout", tmp_path / "tree"
    (checkout / "roles").mkdir(parents=True)
    (checkout / ".gitignore").write_text("/.venv\n", encoding="utf-8")
    (checkout / "roles" / "old").write_text("old", encoding="utf-8")
    subprocess.run(["git", "init", "--quiet", str(checkout)], check=True)
    monkeypatch.setattr(matrix, "CHECKOUT", checkout)
    matrix.copy_to(tree)
    (tree / ".venv").mkdir()
    (tree / ".venv" / "made").touch()
    (checkout / "roles" / "old").rename(checkout / "roles" / "new")
    matrix.copy_to(tree)
    assert matrix.files_of(tree) == {".gitignore", "roles/new"} and (tree / ".venv" / "made").exists()


def test_the_oldest_python_of_nodes_is_the_cores_own_word(matrix: ModuleType) -> None:
    import ansible

    assert (3, 8) <= matrix.lowest_node_python(Path(ansible.__file__).parent) <= (3, 10)


def test_every_core_has_its_set_of_requirements(matrix: ModuleType) -> None:
    """The first is what setup.sh accepts at least; each pinned core is one that is tested."""
    pinned = re.findall(
        r"^ansible-core==(\d+\.\d+)", (CHECKOUT / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE
    )
    tested = re.search(
        r'^tested="([^"]*)"', (CHECKOUT / "scripts" / "setup.sh").read_text(encoding="utf-8"), re.MULTILINE
    )[1].split()
    released = [cell for cell in matrix.CELLS if not cell.requirements]
    assert pinned == [cell.core for cell in released]
    assert tested == [cell.python for cell in released]
    assert f'requires_ansible: ">={pinned[0]}.0"' in (CHECKOUT / "meta" / "runtime.yml").read_text(encoding="utf-8")
