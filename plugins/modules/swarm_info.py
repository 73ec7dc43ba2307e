#!/usr/bin/python
# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_info
short_description: Look at the state of a Docker Engine in its swarm
version_added: 0.2.0
description:
  - Asks the engine of a host whether it is in a swarm, which node it is, and which managers it knows. A manager returns all members too.
  - It needs neither Docker SDK for Python nor the program C(docker) on the host.
  - Nodes are identified by their ids. A host name may belong to several nodes, and an inventory may use names of its own.
author:
  - swarmlab contributors (@swarmlab)
extends_documentation_fragment:
  - swarmlab.overlay.engine
  - swarmlab.overlay.attributes.info
options:
  join_tokens:
    description:
      - Whether a manager returns the join tokens too, which are secrets. Use C(no_log) with it.
    type: bool
    default: false
  containers:
    description: Whether to return the running standalone containers. A drain of the node does not move them.
    type: bool
    default: false
  settings:
    description: Whether a manager returns the settings of its swarm too, as the options of M(swarmlab.overlay.swarm).
    type: bool
    default: false
seealso:
  - module: swarmlab.overlay.swarm
  - module: swarmlab.overlay.swarm_node
  - module: swarmlab.overlay.swarm_member
"""

EXAMPLES = r"""
- name: Which node is this host
  swarmlab.overlay.swarm_info:
  register: seen

- name: Say it
  ansible.builtin.debug:
    msg: "{{ inventory_hostname }} is node {{ seen.swarm.node_id }}"
"""

RETURN = r"""
swarm:
  description: The engine's place in a swarm as the engine reports it.
  returned: success
  type: dict
  contains:
    state:
      description: One of V(inactive), V(pending), V(active), V(error), V(locked).
      type: str
    hostname:
      description: Host name that the engine has.
      type: str
    node_id:
      description: Id of the node, empty outside a swarm.
      type: str
    node_address:
      description: Address that the node advertises.
      type: str
    manager:
      description: Whether the node is a manager.
      type: bool
    managers:
      description: Addresses, with ports, of the swarm's managers that the node knows.
      type: list
      elements: str
    manager_ids:
      description: Ids of these managers.
      type: list
      elements: str
    swarm_id:
      description: Id of the swarm, empty on workers, which do not know it.
      type: str
    data_path_port:
      description: UDP port of the overlay networks. V(null) on workers.
      type: int
    members:
      description: The swarm's nodes as this manager lists them. V(null) on workers, and where the managers have no leader.
      type: list
      elements: dict
      sample:
        - {id: x1, hostname: vm1, role: manager, availability: active, labels: {}, state: ready, message: "", address: 10.0.0.11,
           leader: true, reachability: reachable, manager_address: "10.0.0.11:2377"}
    error:
      description: What the engine says is wrong.
      type: str
join_tokens:
  description: The tokens by which a C(Worker) and a C(Manager) join.
  returned: with O(join_tokens) on a manager
  type: dict
standalone:
  description: Names of the running containers that no service started.
  returned: with O(containers)
  type: list
  elements: str
settings:
  description: The settings of the swarm, in the options of M(swarmlab.overlay.swarm).
  returned: with O(settings) on a manager
  type: dict
  sample: {autolock: false, heartbeat: 5, node_cert_expiry: 2160, task_history: 5}
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.swarmlab.overlay.plugins.module_utils import _turn
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.plain import engine_of, run_without_sdk
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.transport import engine_argument_spec
from ansible_collections.swarmlab.overlay.plugins.module_utils._swarm import place, settings

STARTING = 10.0  # seconds that an engine may take to know its place


def look(module: AnsibleModule) -> dict[str, t.Any]:
    """What was asked for. An engine that a killed run keeps stopped for a moment is waited for."""
    return _turn.again(lambda: told(module), module.params["engine_timeout"])


def told(module: AnsibleModule) -> dict[str, t.Any]:
    engine = engine_of(module)
    result: dict[str, t.Any] = {"changed": False, "swarm": place.ask_when_started(engine, STARTING)}
    if module.params["containers"]:
        result["standalone"] = place.standalone(engine.containers({}))
    if result["swarm"]["manager"] and (module.params["join_tokens"] or module.params["settings"]):
        swarm = engine.inspect_swarm()
        if module.params["join_tokens"]:
            result["join_tokens"] = swarm["JoinTokens"]
        if module.params["settings"]:
            result["settings"] = settings.read(swarm)
    return result


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec=dict(
            engine_argument_spec(),
            join_tokens={"type": "bool", "default": False, "no_log": False},
            containers={"type": "bool", "default": False},
            settings={"type": "bool", "default": False},
        ),
        supports_check_mode=True,
    )
    run_without_sdk(module, look)


if __name__ == "__main__":
    main()
