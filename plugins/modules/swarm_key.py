#!/usr/bin/python
# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_key
short_description: Keep the unlock key of a Docker Swarm with autolock in a file on the controller, and rotate it
version_added: 0.2.0
description:
  - Reads the unlock key on a manager and stores it on the controller, in a file of variables encrypted by Ansible Vault.
  - There C(swarm_unlock_keys) has the present key first and former ones after it. With C(-e @FILE) the roles use it to unlock managers.
  - With O(max_age) it rotates a key that is older. The former key stays in the file, because a manager that was down meanwhile still needs it.
  - The present key is stored before a rotation, and the new key after it. If a run was killed in between, the next run finishes it, as long
    as one manager is unlocked.
  - No key is in its output.
author:
  - swarmlab contributors (@swarmlab)
extends_documentation_fragment:
  - swarmlab.overlay.engine
  - swarmlab.overlay.engine.sdk
  - swarmlab.overlay.attributes.secrets
  - swarmlab.overlay.attributes
attributes:
  action:
    description: Has a corresponding action plugin, which writes the file on the controller.
    support: full
options:
  file:
    description: Path of the file on the controller. Its folder must exist. It gets the mode 0600.
    type: path
    required: true
  plain:
    description: Whether the file may be unencrypted if Ansible was given no vault password.
    type: bool
    default: false
  max_age:
    description: Days. A key that is older is rotated. V(-1) rotates none, V(0) rotates in every run.
    type: int
    default: -1
  keep:
    description: How many former keys stay in the file.
    type: int
    default: 3
seealso:
  - module: swarmlab.overlay.swarm_lock
"""

EXAMPLES = r"""
- name: Store the key, and make a new one every quarter
  swarmlab.overlay.swarm_key:
    file: /srv/ansible/unlock.yml
    max_age: 90
"""

RETURN = r"""
stored:
  description: Whether the file has changed.
  returned: success
  type: bool
rotated:
  description: Whether the key was rotated.
  returned: success
  type: bool
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.sdk import (
    APIClient,
    EngineError,
    engine_argument_spec,
    require_manager,
    run_module,
)
from ansible_collections.swarmlab.overlay.plugins.module_utils._swarm.raft import led
from ansible_collections.swarmlab.overlay.plugins.module_utils._swarm.rotation import rotate


def work(module: AnsibleModule, client: APIClient) -> dict[str, t.Any]:
    """The half on the manager: rotate if it is due, and give the key to the action, which shows it to nobody."""
    require_manager(client)
    swarm = led(client.inspect_swarm)
    if not swarm["Spec"]["EncryptionConfig"].get("AutoLockManagers"):
        raise EngineError(
            "The swarm has no autolock, so it has no unlock key. Module swarm turns it on. Nothing was changed."
        )
    age = module.params["max_age"]
    done = rotate(client, ["unlock_key"], age, 0, module.check_mode) if age >= 0 else {"rotated": []}
    return {
        "changed": bool(done["rotated"]),
        "rotated": bool(done["rotated"]),
        "swarm_id": swarm["ID"],
        "key": led(client.get_unlock_key)["UnlockKey"],
    }


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec=dict(
            engine_argument_spec(),
            file={"type": "path", "required": True},
            plain={"type": "bool", "default": False},
            max_age={"type": "int", "default": -1},
            keep={"type": "int", "default": 3},
        ),
        supports_check_mode=True,
    )
    run_module(module, work)


if __name__ == "__main__":
    main()
