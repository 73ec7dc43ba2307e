# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action plugin of the module lab_snapshot: works on the controller, in Ansible's own Python."""

from __future__ import annotations

import typing as t
from pathlib import Path

from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab import lifecycle
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab.errors import LabError
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab.options import label, reject_unknown
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab.snapshot import Snapshots, manifests
from ansible_collections.swarmlab.overlay.plugins.plugin_utils.lab_action import LAB_OPTIONS, LabAction

OPTIONS = (*LAB_OPTIONS, "snapshot", "state", "replace")
STATES = ("present", "restored", "absent", "listed")


class ActionModule(LabAction):
    """Saves, restores, removes and lists snapshots."""

    def work(self, arguments: t.Mapping[str, t.Any], base: Path) -> dict[str, t.Any]:
        reject_unknown(arguments, OPTIONS, "")
        wanted = arguments.get("state") or "present"
        if wanted not in STATES:
            raise LabError("LAB-E-OPTION", key="state", problem=f"{wanted!r} is not one of {', '.join(STATES)}")
        name = str(arguments.get("snapshot") or "saved")
        replace = str(arguments.get("replace") or False).lower() in ("true", "yes", "1", "on")
        record, driver = self.open_lab(arguments, base)
        spec = driver.spec
        snapshots = Snapshots(driver, record)
        before = [manifest.name for manifest in manifests(spec.directory)]
        changed = False
        if wanted != "listed":
            label("snapshot", name)
            changed = {
                "present": replace or name not in before,
                "restored": True,
                "absent": name in before,
            }[wanted]
        if changed and not self._task.check_mode:
            with lifecycle.exclusively(spec, driver.report):
                {"present": snapshots.save, "restored": snapshots.restore, "absent": snapshots.delete}[wanted](name)
        return {
            "changed": changed,
            "name": spec.name,
            "snapshots": [
                {"name": found.name, "created": round(found.created), "nodes": list(found.nodes)}
                for found in manifests(spec.directory)
            ],
        }
