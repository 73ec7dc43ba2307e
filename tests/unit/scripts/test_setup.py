# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""setup.sh refuses a Python that cannot do, before it touches anything."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "setup.sh"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "scripts").mkdir()
    shutil.copy2(SCRIPT, tmp_path / "scripts")
    return tmp_path


def set_up(checkout: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", str(checkout / "scripts" / "setup.sh")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def python(folder: Path, version: str) -> Path:
    """A program that says it is this Python, as far as setup.sh asks."""
    folder.mkdir(exist_ok=True)
    path = folder / "python3"
    old = int(tuple(map(int, version.split("."))) < (3, 11))
    path.write_text(f"#!/bin/sh\necho {version}\nexit {old}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("named", [True, False])
def test_too_old(checkout: Path, named: bool) -> None:
    """By name, and where the system has nothing else."""
    old = python(checkout / "bin", "3.9")
    for tool in ("sh", "dirname"):
        (checkout / "bin" / tool).symlink_to(shutil.which(tool, path=os.defpath))
    done = set_up(checkout, PATH=str(old.parent), **({"PYTHON": str(old)} if named else {}))
    assert done.returncode == 1 and "Python 3.11 or newer is needed" in done.stderr and "is 3.9" in done.stderr, (
        done.stderr
    )
    assert not (checkout / ".venv").exists()


def test_a_named_python_that_is_missing(checkout: Path) -> None:
    done = set_up(checkout, PATH=os.defpath, PYTHON="python3.99")
    assert done.returncode == 1 and done.stderr.startswith(
        "setup: Python 3.11 or newer is needed, python3.99 is missing"
    ), done.stderr
    assert done.stderr.count("\n") == 1 and not (checkout / ".venv").exists()
