# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copy a manager's state into an archive on the controller."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import typing as t

import yaml
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.swarmlab.overlay.plugins.module_utils._daemon.halting import halting_argument_spec
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.transport import engine_argument_spec
from ansible_collections.swarmlab.overlay.plugins.plugin_utils import module_failure, private_file, swarm_backups

ARCHIVE = "swarmlab.overlay.swarm_archive"
EXPORT = "swarmlab.overlay.swarm_export"
TRANSIT = "backup.tar.gz"  # on the node
PASSED_ON = ("docker_host", "engine_timeout", "stop_command", "start_command", "timeout", "node_id")


class ActionModule(ActionBase):
    """What could go wrong on the controller is looked at before the engine is stopped. The manifest is written last: it makes the backup whole."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Make one backup, and remove those beyond ``keep``."""
        task_vars = task_vars or {}
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        _validation, given = self.validate_argument_spec(
            argument_spec={
                **engine_argument_spec(),
                "directory": {"type": "path", "required": True},
                "node_id": {"type": "str", "required": True},
                "encrypt": {"type": "str", "default": ""},
                "plain": {"type": "bool", "default": False},
                "keep": {"type": "int", "default": 7},
                **halting_argument_spec(),
            }
        )
        # As they were given: the default of docker_host is the environment of the node, not the controller's.
        self.passed_on = {key: self._task.args[key] for key in PASSED_ON if key in self._task.args}
        try:
            self._refuse(given, task_vars)
            if self._task.check_mode:
                return dict(result, changed=True)
            return dict(result, changed=True, **self._backup(given, task_vars))
        except swarm_backups.Unfit as error:
            raise AnsibleActionFail(str(error)) from error

    def _refuse(self, given: dict[str, t.Any], task_vars: dict[str, t.Any]) -> None:
        """Raise for all that can be known before the engine is stopped."""
        folder = os.path.abspath(given["directory"])
        if given["keep"] < 1:
            raise swarm_backups.Unfit(f"keep is {given['keep']}; it must be at least 1. Nothing was done.")
        if not os.access(folder, os.W_OK | os.X_OK) or not os.path.isdir(folder):
            raise swarm_backups.Unfit(f"{folder} is not a writable folder on the controller. Nothing was done.")
        swarm_backups.check_sealing(self._loader._vault, given["encrypt"], given["plain"], folder)
        if given["encrypt"]:
            swarm_backups.seal(
                b"an attempt, before the engine is stopped" * 2, self._loader._vault, given["encrypt"], False
            )
        seen = self._ask({"stage": "look"}, task_vars)
        if seen["problem"]:
            raise swarm_backups.Unfit(f"{task_vars['inventory_hostname']}: {seen['problem']}. Nothing was done.")
        free = shutil.disk_usage(folder).free
        if free < seen["size"]:
            raise swarm_backups.Unfit(
                f"The disk of {folder} on the controller has {free // swarm_backups.MB} MB free, and the state has {seen['size'] // swarm_backups.MB} MB."
                " Nothing was done."
            )

    def _backup(self, given: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        folder = os.path.abspath(given["directory"])
        engine = {key: self.passed_on[key] for key in engine_argument_spec() if key in self.passed_on}
        variables = self._answer(EXPORT, engine, "variables", task_vars)["variables"]
        taken = self._ask({"stage": "take"}, task_vars)
        try:
            manifest = swarm_backups.parse(json.dumps(taken["manifest"]), "what the node told")
            data = self._carry(manifest["size"], task_vars)
        finally:
            self._ask({"stage": "drop"}, task_vars)
        if hashlib.sha256(data).hexdigest() != manifest["sha256"]:
            raise swarm_backups.Unfit(
                "The archive that arrived is not the one that was sent. Nothing was kept; run this again."
            )
        beginning = os.path.join(folder, swarm_backups.stem(manifest))
        text = b"---\n" + yaml.safe_dump(variables, sort_keys=False).encode()
        try:
            archive = self._keep(beginning + swarm_backups.ARCHIVE, data, given)
            exported = self._keep(beginning + swarm_backups.VARIABLES, text, given)
            private_file.write(beginning + swarm_backups.MANIFEST, json.dumps(manifest, indent=2).encode() + b"\n")
            removed = self._retire(folder, manifest["swarm_id"], given["keep"])
        except OSError as error:
            raise swarm_backups.Unfit(
                f"{folder}: {error.strerror}. The engine runs again; see to the folder, and run this again."
            ) from error
        return {
            "file": archive, "variables": exported, "manifest": manifest, "seconds": taken["seconds"], "removed": removed,
        }  # fmt: skip

    def _carry(self, size: int, task_vars: dict[str, t.Any]) -> bytes:
        """The archive from the node, part by part."""
        data = b""
        while len(data) < size:
            part = base64.b64decode(self._ask({"stage": "read", "offset": len(data)}, task_vars)["part"])
            if not part:
                raise swarm_backups.Unfit("The archive on the node ends too early. Nothing was kept; run this again.")
            data += part
        return data

    def _keep(self, path: str, data: bytes, given: dict[str, t.Any]) -> str:
        sealed, ending = swarm_backups.seal(data, self._loader._vault, given["encrypt"], given["plain"])
        private_file.write(path + ending, sealed)
        return path + ending

    def _retire(self, folder: str, swarm_id: str, keep: int) -> list[str]:
        """Remove the oldest; the manifest goes last, so that what is left of a run that was killed is found by the next."""
        removed = []
        for beginning in swarm_backups.outdated(swarm_backups.known(folder), swarm_id, keep):
            for path in swarm_backups.files_of(folder, beginning):
                os.unlink(path)
                removed.append(path)
        return removed

    def _ask(self, arguments: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        expected = {"look": "problem", "take": "manifest", "read": "part", "drop": "changed"}[arguments["stage"]]
        return self._answer(ARCHIVE, {**self.passed_on, "name": TRANSIT, **arguments}, expected, task_vars)

    def _answer(
        self, module: str, arguments: dict[str, t.Any], expected: str, task_vars: dict[str, t.Any]
    ) -> dict[str, t.Any]:
        """A module's answer, which may hold secrets and is shown to nobody. Raises AnsibleActionFail with its reason."""
        answer: dict[str, t.Any] = self._execute_module(module_name=module, module_args=arguments, task_vars=task_vars)
        return module_failure.expected(answer, expected, task_vars["inventory_hostname"])
