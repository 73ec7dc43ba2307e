# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action plugin of the module lab_fault: works on the controller, in Ansible's own Python."""

from __future__ import annotations

import typing as t
from pathlib import Path

from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab import faults, lifecycle
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab.options import bad, reject_unknown
from ansible_collections.swarmlab.overlay.plugins.plugin_utils.lab_action import LAB_OPTIONS, LabAction

OPTIONS = (*LAB_OPTIONS, "faults", "names", "state")
STATES = ("present", "absent", "listed")


class ActionModule(LabAction):
    """Gives faults to a lab, ends them, lists them."""

    def work(self, arguments: t.Mapping[str, t.Any], base: Path) -> dict[str, t.Any]:
        reject_unknown(arguments, OPTIONS, "")
        wanted = arguments.get("state") or "present"
        if wanted not in STATES:
            raise bad("state", f"{wanted!r} is not one of {', '.join(STATES)}")
        record, driver = self.open_lab(arguments, base)
        wanted_faults = _list(arguments, "faults")
        names = [str(name) for name in _list(arguments, "names")]
        parsed = [faults.parse(options, list(record.nodes)) for options in wanted_faults]
        if wanted == "present" and (not parsed or names):
            raise bad("faults", "state 'present' needs faults, and no names")
        if wanted == "absent" and parsed:
            raise bad("faults", "state 'absent' ends all faults, or those named in 'names'; it takes no faults")
        before = driver.faults(record)
        changed = False
        if wanted == "present":
            changed = True
            if not self._task.check_mode:
                driver.set_faults(parsed, record)
        elif wanted == "absent":
            ending = [name for name in before if not names or name in names]
            if ending and not self._task.check_mode:
                driver.clear_faults(names or None, record)
            changed = bool(ending)
            if not names:
                changed = lifecycle.start_idle(driver, record, self._task.check_mode) or changed
        return {"changed": changed, "name": record.name, "faults": driver.faults(record)}


def _list(arguments: t.Mapping[str, t.Any], key: str) -> list[t.Any]:
    value = arguments.get(key) or []
    if not isinstance(value, (list, tuple)):
        raise bad(key, f"{value!r} is not a list")
    return list(value)
