# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "report.py"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with nothing but the script and one report, at a path that an address must quote."""
    root = tmp_path / "a folder"
    (root / "scripts").mkdir(parents=True)
    shutil.copy(SCRIPT, root / "scripts")
    page = root / ".lab" / "lab" / "report" / "report.html"
    page.parent.mkdir(parents=True)
    page.write_text("page")
    opener = tmp_path / "bin" / "xdg-open"
    opener.parent.mkdir()
    opener.write_text(f'#!/bin/sh\nprintf %s "$1" > "{tmp_path}/opened"\n')
    opener.chmod(0o755)
    return root


def show(checkout: Path, *argv: str, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {"PATH": f"{checkout.parent}/bin:{os.environ['PATH']}", **environment}
    return subprocess.run([sys.executable, str(checkout / "scripts" / "report.py"), *argv], env=variables, capture_output=True,
                          text=True, check=False)  # fmt: skip


def test_without_a_report_one_line_says_what_to_do(checkout: Path) -> None:
    done = show(checkout, "other")
    assert done.returncode == 1 and done.stdout == ""
    assert (
        done.stderr.count("\n") == 1 and ".lab/other/report/report.html" in done.stderr and "make verify" in done.stderr
    )


@pytest.mark.skipif(sys.platform != "linux", reason="xdg-open is Linux's")
@pytest.mark.parametrize("screen", [{}, {"DISPLAY": ":0"}, {"WAYLAND_DISPLAY": "w"}])
def test_the_page_is_opened_where_there_is_a_screen_and_always_named(checkout: Path, screen: dict) -> None:
    page = checkout / ".lab" / "lab" / "report" / "report.html"
    done = show(checkout, **screen)
    assert done.returncode == 0 and done.stdout.splitlines() == [str(page), page.as_uri()] and "%20" in done.stdout
    opened = checkout.parent / "opened"
    assert (opened.read_text() if opened.exists() else None) == (str(page) if screen else None)
