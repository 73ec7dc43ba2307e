# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the nodes told in this run and round, out of Ansible's variables.

Private to swarmlab.overlay. Registered results are read as they are: templating them would take seconds.
"""

from __future__ import annotations

import typing as t

READY, CHANGED, WATCHED = "lesson_ready", "lesson_changed", "lesson_watched"
LOOKED, ACTED = "lesson_looked", "lesson_acted"  # of exercises


def results(
    task_vars: t.Mapping[str, t.Any], settings: t.Mapping[str, t.Any], name: str, number: int
) -> dict[str, t.Any]:
    """{host: what it saw} of a registered variable, for hosts that answered in this run and round."""
    return {
        host: result["seen"] for host, result in _raw(task_vars, settings, name, number).items() if result.get("seen")
    }


def problems(
    task_vars: t.Mapping[str, t.Any], settings: t.Mapping[str, t.Any], name: str, number: int
) -> dict[str, str]:
    """{host: why it did not answer}."""
    return {
        host: result["problem"]
        for host, result in _raw(task_vars, settings, name, number).items()
        if result.get("problem")
    }


def _raw(task_vars: t.Mapping[str, t.Any], settings: t.Mapping[str, t.Any], name: str, number: int) -> dict[str, t.Any]:
    found = {}
    for host in settings["hosts"]:
        result = task_vars["hostvars"].raw_get(host).get(name)
        if result and result.get("run") == settings["run"] and result.get("round") == number:
            found[host] = dict(result)
    return found
