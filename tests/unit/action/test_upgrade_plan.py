# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that do not answer are refused in one message, as the other playbooks of a swarm's life do."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path


def test_hosts_that_do_not_answer_are_named_in_one_message(
    ansible: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    inventory = tmp_path / "hosts.ini"
    off = "ansible_host=127.0.0.1 ansible_port=1 ansible_ssh_common_args='-o ConnectTimeout=5'"
    inventory.write_text(f"[swarm_managers]\na {off}\nb {off}\n[swarm_workers]\nc {off}\n")
    done = ansible("ansible-playbook", "-i", str(inventory), "swarmlab.overlay.upgrade", "-e", "upgrade_action=reboot")
    output = " ".join((done.stdout + done.stderr).split())
    assert done.returncode != 0 and output.count("fatal: [") == 1 and "UNREACHABLE" not in output, output
    assert "Not every host answered: a: it is not reachable" in output and "Nothing was changed" in output, output
    assert "; b: it is not reachable" in output and "; c: it is not reachable" in output, output
