#!/usr/bin/python
# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_rotate
short_description: Rotate the CA and the join tokens of a Docker Swarm by age
version_added: 0.2.0
description:
  - Rotates what is older than O(max_age). The time of a rotation is kept in a label of the swarm, which is written together with the rotation.
    Without this label, the age of the swarm counts.
  - After a rotation of the CA the module waits until every node trusts the new root and has a certificate of it. At the limit it fails
    and names the nodes that are missing.
  - A rotation of the CA is refused while a listed node is not ready, because it could never finish.
  - If a rotation is in progress already, the module waits for it and starts no second one.
  - Runs on a manager. No token and no key is in its output.
notes:
  - A rotation of the CA makes new join tokens too. Nodes that are in the swarm stay in it.
author:
  - swarmlab contributors (@swarmlab)
extends_documentation_fragment:
  - swarmlab.overlay.engine
  - swarmlab.overlay.engine.sdk
  - swarmlab.overlay.attributes
attributes:
  idempotent:
    support: partial
    details:
      - With O(max_age=0) every run rotates.
options:
  what:
    description: What is rotated. V(ca) is the root of all certificates, the others are the tokens by which nodes join.
    type: list
    elements: str
    choices: [ca, worker_token, manager_token]
    required: true
  max_age:
    description: Days. What is younger stays as it is. V(0) rotates in every run.
    type: int
    default: 90
  timeout:
    description: Seconds to wait until every node has a certificate of the new root.
    type: int
    default: 300
seealso:
  - module: swarmlab.overlay.swarm
"""

EXAMPLES = r"""
- name: New join tokens every month
  swarmlab.overlay.swarm_rotate:
    what: [worker_token, manager_token]
    max_age: 30

- name: A new CA now
  swarmlab.overlay.swarm_rotate:
    what: [ca]
    max_age: 0
"""

RETURN = r"""
rotated:
  description: What was rotated, or in check mode would be.
  returned: success
  type: list
  elements: str
seconds:
  description: How long it took until every node had the new root.
  returned: success
  type: float
waiting:
  description: The nodes that did not get a new certificate in time.
  returned: when that is why it failed
  type: list
  elements: str
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.sdk import (
    APIClient,
    engine_argument_spec,
    require_manager,
    run_module,
)
from ansible_collections.swarmlab.overlay.plugins.module_utils._swarm.rotation import rotate


def work(module: AnsibleModule, client: APIClient) -> dict[str, t.Any]:
    """Rotate what is due."""
    given = module.params
    require_manager(client)
    return rotate(client, given["what"], given["max_age"], given["timeout"], module.check_mode)


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec=dict(
            engine_argument_spec(),
            what={
                "type": "list",
                "elements": "str",
                "choices": ["ca", "worker_token", "manager_token"],
                "required": True,
            },
            max_age={"type": "int", "default": 90},
            timeout={"type": "int", "default": 300},
        ),
        supports_check_mode=True,
    )
    if module.params["max_age"] < 0:
        module.fail_json(msg=f"max_age must not be negative, it is {module.params['max_age']}.")
    run_module(module, work)


if __name__ == "__main__":
    main()
