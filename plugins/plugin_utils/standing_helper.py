# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask the helper that an earlier task left on the node, instead of starting a module there.

Private to swarmlab.overlay. Controller only.
"""

from __future__ import annotations

import json
import shlex
import typing as t

from ansible.plugins.action import ActionBase

from ..module_utils._probe import standing

GREETING = (
    20  # seconds: a helper that listens greets at once; the other nodes' helpers must not lose their lease meanwhile
)
ANSWER = 900  # seconds: a phase has its own limits, which are far below this one

Execute = t.Callable[[str], t.Mapping[str, t.Any]]  # an action plugin's _low_level_execute_command


def carry_out(
    action: ActionBase,
    module: str,
    arguments: dict[str, t.Any],
    task_vars: dict[str, t.Any],
    door: standing.Door | None,
) -> dict[str, t.Any]:
    """The answer of the node's helper, or the module's where no helper can be asked."""
    answer = ask(action._low_level_execute_command, door, arguments)
    if answer is None:
        answer = action._execute_module(module_name=module, module_args=arguments, task_vars=task_vars)
    return answer


def ask(execute: Execute, door: standing.Door | None, order: t.Mapping[str, t.Any]) -> dict[str, t.Any] | None:
    """The helper's answer. None where it has ended, is frozen, or the order is too long: nothing was done, and nothing will be.

    One that broke off or hangs is an answer with ``failed`` and ``msg``, as a module's would be.
    """
    if door is None:
        return None
    line = standing.packed(order)
    if len(line) > standing.LONGEST:
        return None
    words = [door["python"], "-I", "-S", "-c", standing.CLIENT, door["path"], str(GREETING), str(ANSWER), line]
    told = execute(shlex.join(words))
    if told["rc"] == standing.NOBODY:
        return None
    if told["rc"] == standing.SILENT:
        return {
            "failed": True,
            "msg": f"the helper on the node took the order and did not answer within {ANSWER} s: it hangs or is stopped "
            "(the node's 'ps' shows its state). The end of this run removes it",
        }
    start = told["stdout"].find('{"')
    if told["rc"] or start < 0:
        said = " ".join(f"{told['stdout']} {told.get('stderr') or ''}".split())[-300:]
        return {"failed": True, "msg": f"the helper on the node broke off ({said or 'it said nothing'})"}
    answer: dict[str, t.Any] = json.loads(told["stdout"][start:])
    return answer
