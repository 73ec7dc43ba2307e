# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible's own tags choose the checks of a verification."""

from __future__ import annotations

import json
import time
from pathlib import Path

ROLE = "---\n- hosts: swarm\n  gather_facts: false\n  roles: [swarmlab.overlay.verify]\n"


def checked(swarm, folder: Path, playbook: str, *argv: str) -> tuple[int, set[str], str]:
    """Exit code, ids of the checks in the report, output."""
    code, output = swarm.playbook(playbook, {"verify_directory": str(folder)}, *argv)
    report = folder / "report.json"
    rows = json.loads(report.read_text(encoding="utf-8"))["checks"] if report.exists() else []
    report.unlink(missing_ok=True)
    return code, {row["id"] for row in rows}, output


def test_tags_choose_and_skip_checks(swarm, tmp_path: Path) -> None:
    _code, found, output = checked(
        swarm, tmp_path, "swarmlab.overlay.verify", "--tags", "preflight", "--skip-tags", "control"
    )
    assert found == {"PRE-REACH", "PRE-KMOD", "PRE-SKEW", "NODE-STATE"}, output
    assert "for 4 checks: PRE-REACH, PRE-KMOD, PRE-SKEW, NODE-STATE" in output


def test_an_unknown_tag_gets_one_message_and_starts_nothing(swarm, tmp_path: Path) -> None:
    began = time.monotonic()
    code, found, output = checked(swarm, tmp_path, "swarmlab.overlay.verify", "--tags", "preflite")
    assert code != 0 and not found and "Traceback" not in output and "Setting up" not in output
    assert "no check has the tag preflite. There are: P0, P1," in " ".join(output.split())
    assert time.monotonic() - began < 60


def test_in_a_playbook_of_others_a_tag_of_theirs_starts_nothing(swarm, tmp_path: Path) -> None:
    playbook = tmp_path / "proof.yml"
    playbook.write_text(ROLE, encoding="utf-8")
    code, found, output = checked(swarm, tmp_path, str(playbook), "--tags", "web")
    assert (code, found) == (0, set()) and "Choose what to verify" not in output
    _code, found, output = checked(
        swarm, tmp_path, str(playbook), "--tags", "web,verify", "-e", '{"verify_checks": ["PRE-SKEW"]}'
    )
    assert found == {"PRE-SKEW"}, output
