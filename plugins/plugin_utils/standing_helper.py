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

from ..module_utils._probe import standing

Execute = t.Callable[[str], t.Mapping[str, t.Any]]  # an action plugin's _low_level_execute_command


def ask(execute: Execute, door: standing.Door | None, order: t.Mapping[str, t.Any]) -> dict[str, t.Any] | None:
    """The helper's answer. None where nobody listens any more, or the order is too long, so that nothing was done.

    One that broke off is an answer with ``failed`` and ``msg``, as a module's would be.
    """
    if door is None:
        return None
    line = standing.packed(order)
    if len(line) > standing.LONGEST:
        return None
    words = [door["python"], "-I", "-S", "-c", standing.CLIENT, door["path"], line]
    told = execute(shlex.join(words))
    if told["rc"] == standing.NOBODY:
        return None
    start = told["stdout"].find('{"')
    if told["rc"] or start < 0:
        said = " ".join(f"{told['stdout']} {told.get('stderr') or ''}".split())[-300:]
        return {"failed": True, "msg": f"the helper on the node broke off ({said or 'it said nothing'})"}
    answer: dict[str, t.Any] = json.loads(told["stdout"][start:])
    return answer
