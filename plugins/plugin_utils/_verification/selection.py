# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of a run, chosen by the role's variables and by Ansible's tags. Pure.

Private to swarmlab.overlay.
"""

from __future__ import annotations

import os
import re
import typing as t
from collections.abc import Iterable, Mapping
from types import ModuleType

from ansible.errors import AnsibleActionFail

from .. import _checks
from .._checks import _disruption
from .._checks._result import listed

OWN_TAG = "verify"  # of all tasks of the role, in addition to the checks' tags
EVERYTHING = {"all", "tagged", OWN_TAG}  # if skipped, no task of the role remains
NO_CHECK = {"always", "never", "untagged"}  # if chosen alone, no check is chosen
ANSIBLE_TAGS = {"all", "always", "never", "tagged", "untagged", OWN_TAG}


def disruptions() -> list[ModuleType]:
    """The checks that disrupt a node."""
    return [check for check in _checks.load() if check.plan is _disruption.plan]


def typed_tags(task_vars: Mapping[str, t.Any]) -> tuple[list[str], list[str]]:
    """The tags given with ``--tags`` and ``--skip-tags``."""
    return list(task_vars.get("ansible_run_tags") or []), list(task_vars.get("ansible_skip_tags") or [])


def know_tags(task_vars: Mapping[str, t.Any], started: Iterable[str]) -> None:
    """Raise AnsibleActionFail for a tag without a check.

    This only applies when the playbook ``verify`` runs alone: in others, tags may belong to other tasks.
    """
    playbooks = [re.sub(r"\.ya?ml$", "", os.path.basename(name)).rpartition(".")[2] for name in started]
    if set(playbooks) != {OWN_TAG}:
        return
    known = _checks.tags(_checks.load())
    only, without = (set(typed) for typed in typed_tags(task_vars))
    if without & EVERYTHING or (only and only <= NO_CHECK):
        raise AnsibleActionFail(
            f"--tags {listed(sorted(only)) or 'nothing'}, --skip-tags {listed(sorted(without)) or 'nothing'} "
            f"leave nothing of the verification. Tags: {', '.join(known)}."
        )
    unknown = sorted({tag for typed in typed_tags(task_vars) for tag in typed} - ANSIBLE_TAGS - set(known))
    if unknown:
        raise AnsibleActionFail(
            f"--tags: no check has the tag {', '.join(unknown)}. There are: {', '.join(known)}. Checks are chosen "
            "by id with verify_checks."
        )


def choose(arguments: Mapping[str, t.Any], task_vars: Mapping[str, t.Any]) -> list[ModuleType]:
    """The checks to run, by the role's variables and by Ansible's tags. Raises AnsibleActionFail when none is left."""
    available = _checks.load()
    known = _checks.tags(available)
    only, without = typed_tags(task_vars)
    left = _checks.tagged(_asked_for(arguments, available), only, without, known)
    if not left:
        raise AnsibleActionFail(
            f"No check is left: verify_checks chooses {listed(arguments['checks'])}, --tags {listed(only) or 'nothing'}, "
            f"--skip-tags {listed(without) or 'nothing'}. Tags: {', '.join(known)}."
        )
    if any(check in left for check in disruptions()):
        # A disruption's effect is unknown without the same proof before it.
        left = [module for module in available if module in left or module.ID in _disruption.PROOF]
    return left


def _asked_for(arguments: Mapping[str, t.Any], available: list[ModuleType]) -> list[ModuleType]:
    """The checks that the role's variables name and enable."""
    checks, unknown = _checks.select(available, arguments["checks"])
    on = {*arguments["disruptive"], *(["performance"] if arguments["performance"] else [])}
    off = [module for module in checks if getattr(module, "SWITCH", None) not in {None, *on}]
    checks = [module for module in checks if module not in off]
    if off and not checks:
        raise AnsibleActionFail(
            f"{listed(module.ID for module in off)}: switched on by verify_performance: true, or by verify_disruptive "
            f"with {listed(check.SWITCH for check in disruptions())}."
        )
    if unknown or not checks:
        raise AnsibleActionFail(
            f"verify_checks: no check is called {', '.join(unknown) or 'nothing'}. There are: "
            f"{', '.join(module.ID for module in available)}. Tags: {', '.join(_checks.tags(available))}."
        )
    return checks
