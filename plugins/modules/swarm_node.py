#!/usr/bin/python
# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_node
short_description: Declare role, availability and labels of a swarm's nodes, and remove nodes without losing tasks or the managers' majority
version_added: 0.2.0
description:
  - Declares role, availability and labels of any number of nodes, named by their ids, in one call. Promotions come first.
    Demotions follow one by one. The module waits for each change.
  - Drains nodes, waits until their tasks run on others, demotes managers one after the other, and removes the nodes
    from the swarm's list.
  - Runs on a manager that stays. The nodes themselves are not touched, so dead nodes can be removed as well. A running node
    should leave (M(community.docker.docker_swarm) with C(state=absent)) between V(drained) and V(absent).
  - Unlike M(community.docker.docker_node) and M(community.docker.docker_swarm) it waits for each change, and handles any
    number of nodes in one task.
  - After an interruption, running it again finishes the work.
notes:
  - A task of a global service, one of a service that is never restarted, and a container that was attached to a network by hand
    end with their node. All other tasks are waited for.
author:
  - swarmlab contributors (@swarmlab)
extends_documentation_fragment:
  - swarmlab.overlay.engine
  - swarmlab.overlay.engine.sdk
  - swarmlab.overlay.engine.turn
  - swarmlab.overlay.attributes
options:
  names:
    description:
      - Host names or ids of the nodes, with O(state=drained) and O(state=absent). One that is not in the swarm is no error.
      - A host name that several nodes have is refused. Prefer ids, which M(swarmlab.overlay.swarm_info) returns on the host itself.
    type: list
    elements: str
  nodes:
    description: The nodes by their ids, instead of O(names), and with O(state=present) what they are to be.
    type: list
    elements: dict
    suboptions:
      id:
        description: Id of the node.
        type: str
        required: true
      role:
        description: Manager or worker. If not given, it stays as it is.
        type: str
        choices: [manager, worker]
      availability:
        description: Whether the node takes tasks. If not given, it stays as it is.
        type: str
        choices: [active, pause, drain]
      labels:
        description: Labels of the node, besides those that it has. They are set on drained nodes too.
        type: dict
        default: {}
      remove_labels:
        description: Labels to remove.
        type: list
        elements: str
        default: []
  state:
    description:
      - V(present) sets what O(nodes) declares, and waits until these nodes are ready.
      - V(drained) drains the nodes, waits until their tasks run elsewhere, and demotes managers among them.
      - V(absent) does the same, and then removes the nodes from the swarm's list, also dead ones.
    type: str
    choices: [present, drained, absent]
    required: true
  timeout:
    description:
      - Seconds to wait until the tasks run elsewhere. V(0) does not wait. With O(state=present), until nodes are ready and managers reachable.
      - At the limit the module fails and names them. The nodes stay drained and in the swarm.
    type: int
    default: 120
seealso:
  - module: community.docker.docker_node
  - module: community.docker.docker_swarm
"""

EXAMPLES = r"""
- name: A label for one node, and another one is a manager
  swarmlab.overlay.swarm_node:
    state: present
    nodes:
      - id: "{{ hostvars.vm2.seen.swarm.node_id }}" # registered from swarm_info
        labels: {rack: a}
      - id: "{{ hostvars.vm3.seen.swarm.node_id }}"
        role: manager

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
from ansible_collections.swarmlab.overlay.plugins.module_utils import _turn
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.sdk import (
    APIClient,
    engine_argument_spec,
    require_manager,
    run_module,
)
from ansible_collections.swarmlab.overlay.plugins.module_utils._swarm.declaring import declare
from ansible_collections.swarmlab.overlay.plugins.module_utils._swarm.departure import depart
from ansible_collections.swarmlab.overlay.plugins.module_utils._swarm.labels import label_texts

NODE = {
    "id": {"type": "str", "required": True},
    "role": {"type": "str", "choices": ["manager", "worker"]},
    "availability": {"type": "str", "choices": ["active", "pause", "drain"]},
    "labels": {"type": "dict", "default": {}},
    "remove_labels": {"type": "list", "elements": "str", "default": []},
}


def work(module: AnsibleModule, client: APIClient) -> dict[str, t.Any]:
    """Reach the state when no other module works here."""
    with _turn.taken(f"nodes to be {module.params['state']}", module.params["timeout"], module.check_mode):
        return reach(module, client)


def reach(module: AnsibleModule, client: APIClient) -> dict[str, t.Any]:
    """Reach the state, with the labels as the texts that they are to the engine."""
    params = module.params
    nodes = [
        dict(entry, labels=label_texts(entry["labels"], f"labels of node {entry['id']}"))
        for entry in params["nodes"] or []
    ]
    if params["state"] == "present":
        own = require_manager(client)["Swarm"]["NodeID"]
        return declare(client, own, nodes, params["timeout"], module.check_mode)
    names = params["names"] or [entry["id"] for entry in nodes]
    labels = {entry["id"]: entry["labels"] for entry in nodes}
    return depart(client, names, params["state"], params["timeout"], module.check_mode, labels)


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec=dict(
            engine_argument_spec(),
            names={"type": "list", "elements": "str"},
            nodes={"type": "list", "elements": "dict", "options": NODE},
            state={"type": "str", "choices": ["present", "drained", "absent"], "required": True},
            timeout={"type": "int", "default": 120},
        ),
        mutually_exclusive=[("names", "nodes")],
        required_one_of=[("names", "nodes")],
        required_if=[("state", "present", ["nodes"])],
        supports_check_mode=True,
    )
    run_module(module, work)


if __name__ == "__main__":
    main()
