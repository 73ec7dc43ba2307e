# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action plugin of the module lab: works on the controller, in Ansible's own Python, and says what it waits for."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import threading
import typing as t
from pathlib import Path

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.swarmlab.overlay.plugins.module_utils._lab import lifecycle
from ansible_collections.swarmlab.overlay.plugins.module_utils._lab.errors import LabError
from ansible_collections.swarmlab.overlay.plugins.module_utils._lab.spec import LabSpec, parse

display = Display()
SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def interruptible() -> t.Iterator[None]:
    """Let SIGINT and SIGTERM end the work by an exception, once.

    Ansible's worker would end at once and leave half a lab. The clean-up takes a second or two; further signals
    must not interrupt it, and Ansible waits five seconds before it sends one.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: t.Any) -> t.NoReturn:
        for each in SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


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
        "image": {"key": record.image if record else "", "cached": outcome.cached},
        "nodes": [
            {
                "name": name,
                "address": entry.address,
                "ssh_port": entry.ssh_port,
                "memory": entry.memory,
                "vcpus": entry.vcpus,
                "disk": entry.disk,
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


class ActionModule(ActionBase):
    """Creates, repairs, stops and destroys a lab."""

    _supports_check_mode = True
    _supports_async = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        del tmp
        try:
            # The role gives an absolute directory; for others it is below the folder that Ansible was called in.
            spec = parse(self._task.args, Path.cwd())
            with interruptible():
                outcome = lifecycle.run(spec, self._task.check_mode, self._say(spec))
        except LabError as error:
            result.update(failed=True, msg=error.message, error_id=error.id)
            return result
        except KeyboardInterrupt:
            result.update(failed=True, msg="Interrupted; what this run had created is removed.", error_id="")
            return result
        except (OSError, subprocess.CalledProcessError) as error:
            reason = getattr(error, "stderr", None) or error
            result.update(failed=True, msg=str(LabError("LAB-E-SYSTEM", reason=reason)), error_id="LAB-E-SYSTEM")
            return result
        result.update(describe(spec, outcome))
        if outcome.warnings:
            result["warnings"] = outcome.warnings
        return result

    @staticmethod
    def _say(spec: LabSpec) -> t.Callable[[str], None]:
        return lambda text: display.display(f"lab {spec.name}: {text}")
