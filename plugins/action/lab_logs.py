# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action plugin of the module lab_logs: collects a lab's logs on the controller."""

from __future__ import annotations

import typing as t
from pathlib import Path

from ansible.utils.display import Display
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab import logs
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab.spec import parse
from ansible_collections.swarmlab.overlay.plugins.plugin_utils.lab_action import LabAction

display = Display()


class ActionModule(LabAction):
    """Writes one file, the archive."""

    def work(self, arguments: t.Mapping[str, t.Any], base: Path) -> dict[str, t.Any]:
        unused, options = self.validate_argument_spec(
            argument_spec={
                "name": {"type": "str", "default": "lab"},
                "directory": {"type": "path"},
            }
        )
        spec = parse(options, base)
        if self._task.check_mode:
            return {"changed": True, "path": None, "files": [], "problems": {}}
        collected = logs.collect(spec, self.say(spec.name))
        display.display(f"logs: {collected.path}")
        result = {
            "changed": True, "path": str(collected.path), "files": collected.files, "problems": collected.problems
        }  # fmt: skip
        if collected.problems:
            result["warnings"] = [
                f"{name}: not everything was collected, {why}" for name, why in collected.problems.items()
            ]
        return result
