# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action plugin of the module lab_info: looks at a lab from the controller, and can show it as a table."""

from __future__ import annotations

import typing as t
from pathlib import Path

from ansible.utils.display import Display
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab import info, table
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab.spec import parse
from ansible_collections.swarmlab.overlay.plugins.plugin_utils.lab_action import LabAction

display = Display()


class ActionModule(LabAction):
    """Changes nothing."""

    def work(self, arguments: t.Mapping[str, t.Any], base: Path) -> dict[str, t.Any]:
        unused, options = self.validate_argument_spec(
            argument_spec={
                "name": {"type": "str", "default": "lab"},
                "directory": {"type": "path"},
                "cache": {"type": "path"},
                "show": {"type": "bool", "default": False},
            }
        )
        show = options.pop("show")
        found = info.gather(parse(options, base))
        for line in table.lines(found) if show else ():
            display.display(line.text, color=line.colour)
        return {"changed": False, "lab": found}
