# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps a host from running modules is one sentence, tried with Ansible itself and programs that say what real ones say."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils.module_failure import reason

BECOME = {"ansible_become": True, "ansible_become_user": "nobody", "ansible_python_interpreter": sys.executable}
OLD_PYTHON = """cat >/dev/null; printf '  File "<stdin>", line 4\\n    from __future__ import annotations\\n                 ^\\nSyntaxError: \
future feature annotations is not defined\\n' >&2; exit 1"""


@pytest.mark.parametrize(("variables", "script", "words"), [
    ({"ansible_python_interpreter": "{script}"}, OLD_PYTHON, "the Python on localhost is too old: it must be 3.8 or newer"),
    ({"ansible_python_interpreter": "{script}.none"}, "", "no Python was found on localhost"),
    ({**BECOME, "ansible_become_exe": "{script}"}, "echo 'sudo: a password is required' >&2; exit 1", "--ask-become-pass"),
    ({**BECOME, "ansible_become_exe": "{script}"}, "echo 'me is not in the sudoers file.' >&2; exit 1", "may not become root on localhost"),
])  # fmt: skip
def test_a_host_that_cannot_run_modules(
    ansible: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path, variables: dict, script: str, words: str
) -> None:
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    given = {
        name: value.format(script=program) if isinstance(value, str) else value for name, value in variables.items()
    }
    done = ansible(
        "ansible", "-i", "localhost,", "-c", "local", "localhost", "-m", "swarmlab.overlay.engine",
        "-e", json.dumps(given), "--tree", str(tmp_path / "tree"),
    )  # fmt: skip
    assert done.returncode == 2, done.stdout + done.stderr
    result = json.loads((tmp_path / "tree" / "localhost").read_text())
    assert words in result["msg"] and result["msg"].startswith("Nothing was changed") and "module_stderr" not in result


@pytest.mark.parametrize(("answer", "words"), [
    ({"msg": "its own words"}, "its own words"),
    ({"msg": "MODULE FAILURE", "module_stderr": "SyntaxError: invalid syntax"}, "too old"),
    ({"msg": "ansible-core requires a minimum of Python version 3.8. Current version: 3.7.3"}, "too old"),
    ({"msg": "", "module_stdout": "Killed"}, "Killed"),
    ({"msg": "daemon.json: SyntaxError of its own"}, "of its own"),
    ({"exception": "Traceback (most recent call last):\n  File x\nOSError: [Errno 28] No space left on device: '/run/x'\n"}, "OSError: [Errno 28] No space"),
    ({"exception": SimpleNamespace(event=SimpleNamespace(msg="[Errno 28] No space left on device"))}, "No space left"),
    ({}, "no result"),
])  # fmt: skip
def test_why_a_module_failed(answer: dict, words: str) -> None:
    assert words in reason(answer, "vm1")
