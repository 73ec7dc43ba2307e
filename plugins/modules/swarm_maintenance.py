#!/usr/bin/python
# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_maintenance
short_description: Move the tasks off a node of a swarm without a gap, and make the node active again
version_added: 0.2.0
description:
  - With V(drained), tasks of services with C(order=start-first) are started on other nodes before they stop on this one. A plain drain
    stops them first. Then the node is drained, and the module waits until its tasks run elsewhere.
  - First it determines what happens to each service with tasks on the node. An interruption, no other node to run on, data left behind, and
    no restart must be accepted (O(accept)). Otherwise the node is left as it is.
  - With V(active), the node gets back the availability that it had before. A node that this collection did not drain is left alone.
  - Labels of the node and of services record what was done. The next run finishes an interrupted one.
  - Runs on a manager. The node itself is not touched, and its role stays.
notes:
  - To move a service first, the module adds a placement constraint to it, and removes it with V(active). Both are updates of the service,
    so C(docker service rollback) goes back to the specification with the constraint, which the next run of this module removes.
  - Containers that no service started are not moved by a drain. Those on overlay networks are reported.
author:
  - swarmlab contributors (@swarmlab)
extends_documentation_fragment:
  - swarmlab.overlay.engine
  - swarmlab.overlay.engine.sdk
  - swarmlab.overlay.engine.turn
  - swarmlab.overlay.attributes
options:
  node:
    description: Id of the node, or its host name where no other node has the same.
    type: str
    required: true
  state:
    description: V(drained) moves the tasks off the node. V(active) gives the node back the availability that it had before.
    type: str
    choices: [drained, active]
    required: true
  accept:
    description:
      - What may happen to services with O(state=drained).
      - V(gap) stops until a new task has started elsewhere, because no other task of it runs and its order is C(stop-first).
      - V(nowhere) fits no other node, because of constraints, ports or resources.
      - V(data) has a local volume or a writable path on the node, and starts elsewhere without this data.
      - V(lost) is never restarted.
    type: list
    elements: str
    choices: [gap, nowhere, data, lost]
    default: []
  give_up:
    description:
      - What to do with the node when its tasks do not run elsewhere in time. V(restore) gives it back as it was, V(stay) leaves it
        drained as far as possible. The module fails in both cases.
    type: str
    choices: [restore, stay]
    default: restore
  purpose:
    description:
      - What the node is drained for, when that is a step of something larger. The label of the node records it.
      - With O(state=active) and a purpose, a node that was not drained for that is left as it is.
    type: str
    default: ""
  done:
    description:
      - With O(state=active), text that stays on the node as the label C(swarmlab.overlay/done). A rolling action notes with it which
        nodes it is through with.
    type: str
    default: ""
  foreign:
    description: Whether O(state=active) also makes a node active that was drained or paused by other means.
    type: bool
    default: false
  timeout:
    description: Seconds to wait until tasks run elsewhere, or with O(state=active) until the node is ready.
    type: int
    default: 300
seealso:
  - module: swarmlab.overlay.swarm_node
"""

EXAMPLES = r"""
- name: What would happen
  swarmlab.overlay.swarm_maintenance:
    node: vm3
    state: drained
    accept: [gap, nowhere, data, lost]
  check_mode: true
  register: plan

- name: No tasks on vm3
  swarmlab.overlay.swarm_maintenance:
    node: vm3
    state: drained
    accept: [gap]

- name: Tasks may run there again
  swarmlab.overlay.swarm_maintenance:
    node: vm3
    state: active
"""

RETURN = r"""
node:
  description: The node.
  returned: success
  type: dict
  contains:
    id:
      description: Its id.
      type: str
    name:
      description: Its host name.
      type: str
    up:
      description: Whether the swarm says that it is ready.
      type: bool
foreign:
  description: Whether somebody else had drained the node already.
  returned: success
  type: bool
tasks:
  description: What happens to each service that has tasks on the node.
  returned: with O(state=drained), also when it is refused for that reason
  type: list
  elements: dict
  contains:
    service:
      description: Name of the service. Empty for containers that were attached by hand.
      type: str
    how:
      description:
        - One of V(first) (started elsewhere before it stops), V(less) (other tasks of it go on meanwhile), V(ends) (of a global service),
          V(stays) (not moved), or one of O(accept).
      type: str
    words:
      description: The same in words.
      type: str
waiting:
  description: The tasks that did not run elsewhere in time.
  returned: when that is why it failed
  type: list
  elements: str
seconds:
  description: How long it took.
  returned: success
  type: float
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.swarmlab.overlay.plugins.module_utils import _turn
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.sdk import (
    APIClient,
    engine_argument_spec,
    run_module,
)
from ansible_collections.swarmlab.overlay.plugins.module_utils._swarm.maintenance import (
    Terms,
    activate,
    drain,
    identify,
)


def work(module: AnsibleModule, client: APIClient) -> dict[str, t.Any]:
    """Reach the state of the node."""
    given = module.params
    with _turn.taken(f"node {given['node']} to be {given['state']}", given["timeout"], module.check_mode):
        node_id = identify(client, given["node"])
        if given["state"] == "active":
            return activate(
                client, node_id, given["foreign"], given["timeout"], module.check_mode, given["purpose"], given["done"]
            )
        terms = Terms(given["accept"], given["timeout"], given["give_up"], given["purpose"])
        return drain(client, node_id, terms, module.check_mode)


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec=dict(
            engine_argument_spec(),
            node={"type": "str", "required": True},
            state={"type": "str", "choices": ["drained", "active"], "required": True},
            accept={"type": "list", "elements": "str", "choices": ["gap", "nowhere", "data", "lost"], "default": []},
            give_up={"type": "str", "choices": ["restore", "stay"], "default": "restore"},
            purpose={"type": "str", "default": ""},
            done={"type": "str", "default": ""},
            foreign={"type": "bool", "default": False},
            timeout={"type": "int", "default": 300},
        ),
        supports_check_mode=True,
    )
    if module.params["timeout"] < 1:
        module.fail_json(msg=f"timeout must be at least 1 second, not {module.params['timeout']}.")
    run_module(module, work)


if __name__ == "__main__":
    main()
