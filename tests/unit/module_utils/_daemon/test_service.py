# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why an engine does not start, and what a run that was interrupted leaves for the next."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._daemon import service
from ansible_collections.swarmlab.overlay.plugins.module_utils._daemon.process import Process

REFUSED = """unable to configure the Docker daemon with file /etc/docker/daemon.json: json: cannot unmarshal number into Go struct field of type string
docker.service: Main process exited, code=exited, status=1/FAILURE
docker.service: Failed with result 'exit-code'.
Failed to start docker.service - Docker Application Container Engine.
docker.service: Scheduled restart job, restart counter is at 3.
docker.service: Start request repeated too quickly.
"""
LATE = """time="2026-11-26T10:00:00Z" level=info msg="Starting up"
time="2026-11-26T10:00:01Z" level=warning msg="could not use snapshotter"
time="2026-11-26T10:00:01Z" level=error msg="something else"
failed to start daemon: error initializing graphdriver: driver not supported: nope
time="2026-11-26T10:00:02Z" level=info msg="stopping event stream following graceful shutdown"
"""


@pytest.mark.parametrize(("log", "words"), [
    (REFUSED, "cannot unmarshal number"),
    (LATE, "failed to start daemon: error initializing graphdriver"),
    ('time="x" level=fatal msg="no space"\nother\n', "no space"),
    ("docker.service: Failed with result 'exit-code'.\n", ""),
    ("Segmentation fault\n", "Segmentation fault"),
    ("", ""),
])  # fmt: skip
def test_the_line_that_says_why(log: str, words: str) -> None:
    found = service.reason(log)
    assert words in found and "\n" not in found and bool(found) == bool(words)


@pytest.mark.parametrize("content", [None, b"", b'{"debug": true}', b"\xff\xfe{\x00}\x00"])
def test_a_mark_keeps_what_the_engine_runs_with(content: bytes | None) -> None:
    assert service.kept(service.keep(content, b"new")) == service.Before(True, content, service.digest(b"new"))


@pytest.mark.parametrize("text", ["\n", "", "{}", '{"before": "?"', '{"before": "?", "written": ""}', "3", "[]"])
def test_a_mark_of_an_earlier_version_or_cut_off(text: str) -> None:
    assert service.kept(text) == service.Before(False)


def test_an_engine_that_was_started_since_needs_no_restart(tmp_path: Path) -> None:
    settings = tmp_path / "daemon.json"
    mark = Path(service.mark_of(str(settings)))
    me = Process(os.getpid(), "/usr/bin/dockerd", [], "S", False)
    assert service.mark(str(settings), me) is None
    mark.write_text(service.keep(b"{}", b"new"))
    assert service.mark(str(settings), me).content == b"{}"
    assert service.mark(str(settings), None).content == b"{}"
    hour = time.time() - 36000
    os.utime(mark, (hour, hour))
    assert service.mark(str(settings), me) is None
    settings.touch()
    assert service.mark(str(settings), me).content == b"{}"


@pytest.mark.parametrize(("script", "problem"), [
    ("exit 0", ""),
    ("echo 'unknown flag: --validate'; exit 125", ""),
    ("for last; do :; done; echo \"unable to configure the Docker daemon with file $last: no\"; exit 1", "with file /etc/d.json: no"),
])  # fmt: skip
def test_validation_by_dockerd(tmp_path: Path, script: str, problem: str) -> None:
    dockerd = tmp_path / "dockerd"
    dockerd.write_text(f"#!/bin/sh\n{script}\n")
    dockerd.chmod(0o755)
    found = service.validate(str(dockerd), ["-H", "fd://", "--config-file", "/x"], "{}", "/etc/d.json")
    assert problem in found and bool(found) == bool(problem)
