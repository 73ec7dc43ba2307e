# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A busy machine fails no property, and Ansible's programs come out of one process."""

from __future__ import annotations

import gc
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from warm import Warm

CHECKOUT = Path(__file__).resolve().parents[2]

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


def pytest_collection_finish() -> None:
    """What was imported stays until the end, and what a test makes is soon gone: looking for garbage took a fifth of all the time."""
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def ansible(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Run one of Ansible's programs: its words, and what its environment has besides."""
    environment = {
        "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".venv" / "collections"),
        **os.environ,
        "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
        "ANSIBLE_FORCE_COLOR": "0",
    }
    warm, told = Warm(environment), tmp_path_factory.mktemp("told")

    def run(*argv: str, directory: Path = CHECKOUT, **more: str) -> subprocess.CompletedProcess[str]:
        out, err = (told / name for name in ("out", "err"))
        for file in (out, err):
            file.write_text("")
        order = {
            "argv": argv, "directory": str(directory), "stdout": str(out), "stderr": str(err), "timeout": 120,
            "environment": {**environment, **more},
        }  # fmt: skip
        return subprocess.CompletedProcess(argv, warm.call(order), out.read_text(), err.read_text())

    yield run
    warm.end()
