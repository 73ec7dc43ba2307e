# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action plugin of the module lab: works on the controller, in Ansible's own Python, and says what it waits for."""

from __future__ import annotations

import dataclasses
import typing as t
from pathlib import Path

from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab import lifecycle
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab.spec import LabSpec, parse
from ansible_collections.swarmlab.overlay.plugins.plugin_utils.lab_action import LabAction


def describe(spec: LabSpec, outcome: lifecycle.Outcome) -> dict[str, t.Any]:
    """The task's result."""
    record = outcome.record
    entries = record.nodes if record else {}
    result: dict[str, t.Any] = {
        "changed": outcome.changed,
        "state": spec.state,
        "name": spec.name,
        "directory": str(spec.directory),
        "driver": spec.driver,
        "accel": record.accel if record else "",
        "image": {"key": next((entry.image for entry in entries.values()), ""), "cached": outcome.cached},
        "nodes": [
            {
                "name": name,
                "address": entry.address,
                "ssh_port": entry.ssh_port,
                "memory": entry.memory,
                "vcpus": entry.vcpus,
                "disk": entry.disk,
                "image": entry.image,
                **{key: value for key, value in dataclasses.asdict(entry.settings).items() if value is not None},
                "state": outcome.after.get(name, "absent"),
            }
            for name, entry in entries.items()
        ],
        "seconds": outcome.seconds,
        "diff": {
            "before_header": f"lab {spec.name}",
            "after_header": f"lab {spec.name}",
            "before": _lines(outcome.before),
            "after": _lines(outcome.after),
        },
    }
    return result


def _lines(states: t.Mapping[str, str]) -> str:
    return "".join(f"{name}: {found}\n" for name, found in states.items() if found != "absent")


class ActionModule(LabAction):
    """Creates, repairs, stops and destroys a lab."""

    INTERRUPTED = "Interrupted; what this run had created is removed."

    def work(self, arguments: t.Mapping[str, t.Any], base: Path) -> dict[str, t.Any]:
        spec = parse(arguments, base)
        outcome = lifecycle.run(spec, self._task.check_mode, self.say(spec.name))
        result = describe(spec, outcome)
        return {**result, "warnings": outcome.warnings} if outcome.warnings else result
