# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a module did not start on a host, in one sentence, from the output of Python, the shell or sudo.

Private to the collection swarmlab.overlay.
"""

from __future__ import annotations

import re
import typing as t

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

PYTHON = "3.8"
# sudo's errors first, because without sudo Ansible may fail to find a Python.
SENTENCES = (
    (
        re.compile(r"a password is required|a terminal is required|[Mm]issing (?:sudo|become) password"),
        "sudo on {host} wants a password: give it with --ask-become-pass, or in ansible_become_password",
    ),
    (
        re.compile(r"[Ii]ncorrect (?:sudo|become) password|incorrect password attempt"),
        "sudo on {host} does not take the password: see to --ask-become-pass, or ansible_become_password",
    ),
    (
        re.compile(r"not in the sudoers file|is not allowed to (?:execute|run)"),
        "this user may not become root on {host}: let it use sudo, or name another in ansible_user",
    ),
    (
        re.compile(r"SyntaxError|requires a minimum of Python"),
        f"the Python on {{host}} is too old: it must be {PYTHON} or newer. Install one there, and name it in ansible_python_interpreter",
    ),
    (
        re.compile(r"interpreter .* was not found|python\S*: (?:command )?not found|python\S*: No such file"),
        f"no Python was found on {{host}} where Ansible looked. Install Python {PYTHON} or newer there, or name it in ansible_python_interpreter",
    ),
)


def sentence(text: str, host: str) -> str:
    """The host's problem; empty when the text shows none."""
    found = next((words for pattern, words in SENTENCES if pattern.search(text)), "")
    return found.format(host=host)


def reason(answer: t.Mapping[str, t.Any], host: str) -> str:
    """The reason of a module's failure: the host's problem, the module's message, or its output."""
    # A module that started has its own message and no other output.
    printed = "\n".join(str(answer.get(key) or "") for key in ("module_stderr", "module_stdout"))
    told = answer.get("msg") or ""
    begun = not printed.strip() and "requires a minimum of Python" not in told
    said = told or printed.strip() or _raised(answer.get("exception"))
    return (not begun and sentence(f"{told}\n{printed}", host)) or said or "the module gave no result"


def _raised(exception: t.Any) -> str:
    """Why a module broke off, as ansible-core 2.19 and newer (an event) and older (a traceback) give it, often alone."""
    event = getattr(exception, "event", None)
    lines = str(event.msg if event else exception or "").strip().splitlines()
    return lines[-1].strip() if lines else ""


def was_killed(answer: t.Mapping[str, t.Any]) -> bool:
    """Whether a module ended by SIGKILL, by the exit code of its shell (POSIX), or of Python's subprocess."""
    return answer.get("rc") in (128 + 9, -9)


def expected(answer: dict[str, t.Any], key: str, host: str) -> dict[str, t.Any]:
    """The answer of a module that has this key. Raises AnsibleActionFail with the reason of one that failed."""
    if answer.get("failed") or key not in answer:
        raise AnsibleActionFail(one_line(reason(answer, host)))
    return answer


def answered(
    action: ActionBase, module: str, arguments: t.Mapping[str, t.Any], task_vars: dict[str, t.Any], key: str
) -> dict[str, t.Any]:
    """The answer of a module that has this key, or C(problem) alone: why there is none. A plan for all hosts refuses what is silent, in one message."""
    try:
        answer: dict[str, t.Any] = action._execute_module(
            module_name=module, module_args=dict(arguments), task_vars=task_vars
        )
    except AnsibleConnectionFailure as error:
        return {"problem": f"it is not reachable: {one_line(str(error))}"}
    if answer.get("failed") or key not in answer:
        return {"problem": one_line(reason(answer, task_vars["inventory_hostname"]))}
    return answer


def one_line(text: str) -> str:
    """A long text, shortened to one line."""
    return " ".join(text.split())[:400]
