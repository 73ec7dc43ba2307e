# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Code shared by the action plugins for labs: errors as results, a clean end on Ctrl-C, progress messages.

Private to the collection swarmlab.overlay.
"""

from __future__ import annotations

import abc
import contextlib
import signal
import subprocess
import threading
import typing as t
from pathlib import Path

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab import info
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab.driver import Driver
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab.errors import LabError
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab.spec import parse
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab.state import LabRecord

display = Display()
LAB_OPTIONS = ("name", "directory", "cache")  # of modules for an existing lab
SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def interruptible() -> t.Iterator[None]:
    """Let SIGINT and SIGTERM end the work by an exception, once.

    Ansible's worker would exit at once and leave an incomplete lab. The clean-up takes a second or two. Further
    signals must not interrupt it, and Ansible sends one only after five seconds.
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


class LabAction(ActionBase):
    """Works on the controller, in Ansible's own Python. A subclass does its work in ``work``."""

    _supports_check_mode = True
    _supports_async = False
    _requires_connection = False

    INTERRUPTED = "Interrupted; running it again goes on from here."

    @abc.abstractmethod
    def work(self, arguments: t.Mapping[str, t.Any], base: Path) -> dict[str, t.Any]:
        """The task's result. ``base`` is the folder for relative names. Raises LabError."""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        del tmp
        try:
            # The roles give an absolute directory; any other is relative to the folder that Ansible was called in.
            with interruptible():
                result.update(self.work(self._task.args, Path.cwd()))
        except LabError as error:
            result.update(failed=True, msg=error.message, error_id=error.id)
        except KeyboardInterrupt:
            result.update(failed=True, msg=self.INTERRUPTED, error_id="")
        except (OSError, subprocess.CalledProcessError) as error:
            reason = getattr(error, "stderr", None) or error
            result.update(failed=True, msg=str(LabError("LAB-E-SYSTEM", reason=reason)), error_id="LAB-E-SYSTEM")
        return result

    def open_lab(self, arguments: t.Mapping[str, t.Any], base: Path) -> tuple[LabRecord, Driver]:
        """The existing lab of the arguments. Raises LabError when there is none."""
        given = parse({key: arguments[key] for key in LAB_OPTIONS if arguments.get(key)}, base)
        return info.open_lab(given, self.say(given.name))

    @staticmethod
    def say(name: str) -> t.Callable[[str], None]:
        """A function that prints a line about lab ``name``."""
        return lambda text: display.display(f"lab {name}: {text}")
