# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report's files: all forms of the last report, the one before it, and the archive of a failed run.

Private to swarmlab.overlay. All files are only readable for their owner, and are written atomically.
"""

from __future__ import annotations

import json
import os
import time
import typing as t
from collections.abc import Iterable

from ansible.errors import AnsibleActionFail

from .._archive import archive
from .._facts.model import Facts
from . import compare, diagnostics, junit, page

REPORT = "report.json"
PREVIOUS = "report.previous.json"
PAGE = "report.html"
JUNIT = "junit.xml"
ARCHIVE = ".tar.gz"


def write(report: dict[str, t.Any], directory: str) -> dict[str, str]:
    """Write the report in all its forms, and keep the previous one.

    Returns the paths. Files are private and written atomically.
    """
    paths = {
        name: os.path.join(directory, file) for name, file in (("report", REPORT), ("page", PAGE), ("junit", JUNIT))
    }
    kept = os.path.join(directory, PREVIOUS)
    before = (kept,) if same_run(paths["report"], report) else (paths["report"], kept)
    comparison = compare.compare(earlier(before), report)
    contents = {
        "report": json.dumps(report, indent=1) + "\n",
        "page": page.render(report, comparison),
        "junit": junit.render(report),
    }
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        if os.path.exists(paths["report"]) and not same_run(paths["report"], report):
            os.replace(paths["report"], kept)
        for name, path in paths.items():
            _save(path, contents[name])
    except OSError as error:
        raise _unwritten(error) from error
    return paths


def same_run(path: str, report: dict[str, t.Any]) -> bool:
    """Whether the existing report is this run's own, from before its disruptions, and thus no previous one."""
    there = earlier([path])
    return isinstance(there, dict) and there.get("run") == report["run"]


def write_diagnostics(report: dict[str, t.Any], gathered: Facts, phases: dict[str, t.Any], directory: str) -> str:
    """Write an archive for troubleshooting, without secrets. The newest few archives are kept. Returns its path."""
    moment = int(time.time())
    name = time.strftime("diagnostics-%Y%m%dT%H%M%SZ", time.gmtime(moment))
    path = os.path.join(directory, name + ARCHIVE)
    try:
        _save(path, archive(diagnostics.files(report, gathered, phases), name, moment))
        for old in diagnostics.superfluous(os.listdir(directory), ARCHIVE):
            os.unlink(os.path.join(directory, old))
    except OSError as error:
        raise _unwritten(error) from error
    return path


def _save(path: str, content: str | bytes) -> None:
    temporary = f"{path}.{os.getpid()}"
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as handle:
        handle.write(content.encode("utf-8") if isinstance(content, str) else content)
    os.replace(temporary, path)


def earlier(paths: Iterable[str]) -> t.Any:
    """The newest earlier report: None when there is none, a text when it is not JSON."""
    for path in paths:
        try:
            with open(path, encoding="utf-8") as handle:
                return json.load(handle)
        except FileNotFoundError:
            continue
        except (OSError, ValueError, RecursionError) as error:
            return str(error)
    return None


def forget_junit(directory: str | None) -> None:
    """Remove the results of an earlier run, so that a CI system does not read them after an interrupted run."""
    try:
        if directory:
            os.unlink(os.path.join(directory, JUNIT))
    except FileNotFoundError:
        return
    except OSError as error:
        raise _unwritten(error) from error


def _unwritten(error: OSError) -> AnsibleActionFail:
    return AnsibleActionFail(f"verify_directory: cannot write {error.filename}: {error.strerror}.")
