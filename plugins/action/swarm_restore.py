# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Put a manager's state back from an archive on the controller."""

from __future__ import annotations

import base64
import hashlib
import os
import typing as t

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.swarmlab.overlay.plugins.module_utils._daemon.halting import halting_argument_spec
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.transport import engine_argument_spec
from ansible_collections.swarmlab.overlay.plugins.plugin_utils import module_failure, swarm_backups

ARCHIVE = "swarmlab.overlay.swarm_archive"
TRANSIT = "restore.tar.gz"  # on the node
PART = 1024 * 1024  # bytes of one part
PASSED_ON = ("docker_host", "engine_timeout", "stop_command", "start_command", "timeout")


class ActionModule(ActionBase):
    """Archive and host are looked at before anything is changed."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Restore the archive on this host."""
        task_vars = task_vars or {}
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        _validation, given = self.validate_argument_spec(
            argument_spec={
                **engine_argument_spec(),
                "file": {"type": "path", "required": True},
                "decrypt": {"type": "str", "default": ""},
                **halting_argument_spec(),
            }
        )
        # As they were given: the default of docker_host is the environment of the node, not the controller's.
        self.passed_on = {key: self._task.args[key] for key in PASSED_ON if key in self._task.args}
        path = os.path.abspath(given["file"])
        try:
            manifest, data = self._read(path, given["decrypt"])
        except swarm_backups.Unfit as error:
            raise AnsibleActionFail(str(error)) from error
        except (OSError, AnsibleError) as error:
            raise AnsibleActionFail(
                f"{path} cannot be read: {module_failure.one_line(str(error))}. Nothing was changed."
            ) from error
        seen = self._ask({"stage": "look", "address": manifest["address"]}, "problem", task_vars)
        needed = len(data) + swarm_backups.unpacked(data)
        unfit = swarm_backups.misfit(manifest, seen, task_vars["inventory_hostname"], needed)
        if unfit:
            raise AnsibleActionFail(f"{unfit}. Nothing was changed.")
        if self._task.check_mode:
            return dict(result, changed=True, manifest=manifest)
        try:
            for offset in range(0, len(data), PART):
                part = base64.b64encode(data[offset : offset + PART]).decode("ascii")
                self._ask({"stage": "write", "offset": offset, "data": part}, "changed", task_vars)
            done = self._ask({"stage": "put", "sha256": manifest["sha256"]}, "aside", task_vars)
        finally:
            self._ask({"stage": "drop"}, "changed", task_vars)
        return dict(result, changed=True, manifest=manifest, aside=done["aside"])

    def _read(self, path: str, decrypt: str) -> tuple[swarm_backups.Manifest, bytes]:
        """The manifest and the archive. Raises Unfit where they are not what they should be."""
        beside = swarm_backups.manifest_of(path)
        with open(beside, encoding="utf-8") as handle:
            manifest = swarm_backups.parse(handle.read(), beside)
        with open(path, "rb") as archive:
            data = swarm_backups.unseal(archive.read(), path, self._loader._vault, decrypt)
        if hashlib.sha256(data).hexdigest() != manifest["sha256"]:
            raise swarm_backups.Unfit(f"{path} does not have the checksum of its manifest. Nothing was changed.")
        if manifest["autolock"] and len(manifest["managers"]) > 1:
            raise swarm_backups.Unfit(
                f"{path} is of a swarm with autolock and {len(manifest['managers'])} managers. One of them cannot go on alone, because the engine loses such a"
                " swarm. Bring a majority of the old managers back, or declare a new swarm from the variables that lie beside the backup."
                " Nothing was changed."
            )
        return manifest, data

    def _ask(self, arguments: dict[str, t.Any], expected: str, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """The answer of the node's half. Raises AnsibleActionFail with its reason."""
        answer: dict[str, t.Any] = self._execute_module(
            module_name=ARCHIVE, module_args={**self.passed_on, "name": TRANSIT, **arguments}, task_vars=task_vars
        )
        return module_failure.expected(answer, expected, task_vars["inventory_hostname"])
