#!/usr/bin/python
# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_lock
short_description: Unlock a manager of a Docker Swarm with autolock
version_added: 0.2.0
description:
  - A manager of a swarm with autolock is locked after each restart of its engine. This module unlocks it and waits until it is a manager again.
  - Runs on the manager itself. A manager that is not locked and a worker are left as they are.
  - It also returns the version of the key with which the manager's files are encrypted, and can wait for a newer version after a rotation.
  - It needs neither Docker SDK for Python nor the program C(docker) on the host.
author:
  - swarmlab contributors (@swarmlab)
extends_documentation_fragment:
  - swarmlab.overlay.engine
  - swarmlab.overlay.attributes
attributes:
  diff_mode:
    support: none
options:
  keys:
    description: Unlock keys, the newest first. They are tried one after the other. A manager that was down during a rotation needs an older one.
    type: list
    elements: str
    default: []
  newer_than:
    description: Wait until the manager's files are encrypted with a later version of the key than this. V(-1) waits for none.
    type: int
    default: -1
  timeout:
    description: Seconds to wait.
    type: int
    default: 120
seealso:
  - module: swarmlab.overlay.swarm_key
"""

EXAMPLES = r"""
- name: Unlock this manager
  swarmlab.overlay.swarm_lock:
    keys: "{{ swarm_unlock_keys }}"
"""

RETURN = r"""
swarm:
  description: The host's place in its swarm, as M(swarmlab.overlay.swarm_info) returns it.
  returned: success
  type: dict
key_version:
  description: Version of the key that encrypts the manager's files; it grows with each rotation. V(-1) for a node that is no manager.
  returned: success
  type: int
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.plain import engine_of, run_without_sdk
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.transport import engine_argument_spec
from ansible_collections.swarmlab.overlay.plugins.module_utils._swarm.locking import await_version, unlock


def work(module: AnsibleModule) -> dict[str, t.Any]:
    """Unlock the node, and wait for the key's version where it is a manager."""
    given, engine = module.params, engine_of(module)
    result = unlock(engine, given["keys"], given["timeout"], module.check_mode)
    is_manager = result["swarm"]["manager"]
    result["key_version"] = await_version(engine, given["newer_than"], given["timeout"]) if is_manager else -1
    return result


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec=dict(
            engine_argument_spec(),
            keys={"type": "list", "elements": "str", "default": [], "no_log": True},
            newer_than={"type": "int", "default": -1},
            timeout={"type": "int", "default": 120},
        ),
        supports_check_mode=True,
    )
    run_without_sdk(module, work)


if __name__ == "__main__":
    main()
