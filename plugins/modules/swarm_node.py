#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_node
short_description: Take nodes out of a Docker Swarm without losing their tasks or the managers' majority
version_added: 0.2.0
description:
  - Drains nodes, waits until their tasks run on others, makes workers of managers one after the other, and removes the nodes
    from the swarm's list.
  - Runs on a manager that stays. The nodes themselves are not touched, so dead ones can be removed as well; one that lives
    should leave (M(community.docker.docker_swarm) with C(state=absent)) between V(drained) and V(absent).
  - It does what M(community.docker.docker_node) and M(community.docker.docker_swarm) leave out, which is the waiting, for any
    number of nodes in one task.
  - After an interruption, running it again finishes the work.
notes:
  - A task of a global service, one of a service that is never restarted, and a container that was attached to a network by hand
    end with their node. All other tasks are waited for.
author:
  - swarmlab contributors (@swarmlab)
extends_documentation_fragment:
  - swarmlab.overlay.engine
  - swarmlab.overlay.attributes
options:
  names:
    description:
      - Host names or ids of the nodes. One that is not in the swarm is no error.
    type: list
    elements: str
    required: true
  state:
    description:
      - With V(drained) the nodes take no tasks, those that they had run elsewhere, and none of them is a manager.
      - With V(absent) they are then removed from the swarm's list, also those that are dead.
    type: str
    choices: [drained, absent]
    required: true
  timeout:
    description:
      - Seconds to wait until the tasks run elsewhere. V(0) goes on at once.
      - When they do not in this time, the module fails and names them. The nodes stay drained and in the swarm.
    type: int
    default: 120
seealso:
  - module: community.docker.docker_node
  - module: community.docker.docker_swarm
"""

EXAMPLES = r"""
- name: Two nodes take no tasks any more, and are no managers
  swarmlab.overlay.swarm_node:
    names: [vm4, vm5]
    state: drained
    timeout: 300

- name: A node that is broken for good is no longer in the list
  swarmlab.overlay.swarm_node:
    names: [vm3]
    state: absent
"""

RETURN = r"""
nodes:
  description: Those of O(names) that were in the swarm. A machine that joined twice is there twice.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: Id of the node.
      type: str
    name:
      description: Its host name.
      type: str
    up:
      description: Whether the swarm says that it is ready, so that it can leave by itself.
      type: bool
seconds:
  description: How long its tasks took to run elsewhere.
  returned: success
  type: float
waiting:
  description: The tasks that did not run elsewhere in time.
  returned: when that is why it failed
  type: list
  elements: str
  sample: ["web.2: pending (no suitable node)"]
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.swarmlab.overlay.plugins.module_utils._engine import (
    APIClient,
    engine_argument_spec,
    run_module,
)
from ansible_collections.swarmlab.overlay.plugins.module_utils._swarm.departure import depart


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec=dict(
            engine_argument_spec(),
            names={"type": "list", "elements": "str", "required": True},
            state={"type": "str", "choices": ["drained", "absent"], "required": True},
            timeout={"type": "int", "default": 120},
        ),
        supports_check_mode=True,
    )
    if module.params["timeout"] < 0:
        module.fail_json(msg=f"timeout must not be negative, it is {module.params['timeout']}.")

    def work(module: AnsibleModule, client: APIClient) -> dict[str, t.Any]:
        params = module.params
        return depart(client, params["names"], params["state"], params["timeout"], module.check_mode)

    run_module(module, work)


if __name__ == "__main__":
    main()
