# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read the unlock key on a manager and keep it in a file on the controller."""

from __future__ import annotations

import os
import typing as t

import yaml
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.transport import engine_argument_spec
from ansible_collections.swarmlab.overlay.plugins.plugin_utils import module_failure, private_file, unlock_keys

MODULE = "swarmlab.overlay.swarm_key"


class ActionModule(ActionBase):
    """The file is looked at before anything is changed; the present key is stored before a rotation, the new one after it."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Store the key, and rotate it when it is due."""
        task_vars = task_vars or {}
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        _validation, given = self.validate_argument_spec(
            argument_spec={
                **engine_argument_spec(),
                "file": {"type": "path", "required": True},
                "plain": {"type": "bool", "default": False},
                "max_age": {"type": "int", "default": -1},
                "keep": {"type": "int", "default": 3},
            }
        )
        self._refuse(given)
        stored = self._store(given, self._ask(-1, task_vars))
        rotated = False
        if given["max_age"] >= 0:
            answer = self._ask(given["max_age"], task_vars)
            rotated = bool(answer["rotated"])
            stored = self._store(given, answer) or stored or rotated
        return dict(result, changed=stored or rotated, stored=stored, rotated=rotated)

    def _refuse(self, given: dict[str, t.Any]) -> None:
        folder = os.path.dirname(os.path.abspath(given["file"]))
        if not os.access(folder, os.W_OK | os.X_OK):
            raise AnsibleActionFail(f"{folder} is not a writable folder on the controller. Nothing was changed.")
        if not given["plain"] and not self._loader._vault.secrets:
            raise AnsibleActionFail(
                f"{given['file']} would hold the unlock key without encryption, because Ansible was given no vault password. Give one"
                " (--vault-password-file), or accept it (plain: true). Nothing was changed."
            )

    def _ask(self, max_age: int, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """The key that the swarm has, from a manager."""
        # As they were given: the default of docker_host is the environment of the node, not the controller's.
        arguments = {**self._task.args, "max_age": max_age}
        answer: dict[str, t.Any] = self._execute_module(module_name=MODULE, module_args=arguments, task_vars=task_vars)
        return module_failure.expected(answer, "key", task_vars["inventory_hostname"])

    def _store(self, given: dict[str, t.Any], answer: dict[str, t.Any]) -> bool:
        """Whether the file changed, or in check mode would."""
        path = os.path.abspath(given["file"])
        try:
            data = self._loader.load_from_file(path, cache="none") if os.path.exists(path) else None
            keys = unlock_keys.parse(data, path, answer["swarm_id"])
        except unlock_keys.Unfit as error:
            raise AnsibleActionFail(str(error)) from error
        except AnsibleError as error:
            raise AnsibleActionFail(
                f"{path} cannot be read: {module_failure.one_line(str(error))}. Nothing was changed."
            ) from error
        wanted = unlock_keys.merged(keys, answer["key"], given["keep"])
        if wanted == keys or self._task.check_mode:
            return wanted != keys
        text = yaml.safe_dump({unlock_keys.KEYS: wanted, unlock_keys.SWARM: answer["swarm_id"]}).encode()
        vault = self._loader._vault
        try:
            private_file.write(path, vault.encrypt(text) if vault.secrets else b"---\n" + text)
        except OSError as error:
            raise AnsibleActionFail(
                f"{path} cannot be written: {error}. The swarm still has the key; run this again."
            ) from error
        return True
