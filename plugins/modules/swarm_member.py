#!/usr/bin/python
# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_member
short_description: Let a host make a Docker Swarm, join one, or leave it
version_added: 0.2.0
description:
  - Makes the host a member of a swarm and waits until its engine reports that it is one. The module also waits for a
    pending join, including one of an earlier run.
  - Where the managers are not reached in time, the host joins again, a few times within O(timeout). A host whose join fails is in no swarm afterwards.
  - A host that is in another swarm is refused and left as it is. A host leaves only if it is the node with the given id.
  - Role P(swarmlab.overlay.swarm#role) decides who makes the swarm and who joins; use it rather than this module.
  - It needs neither Docker SDK for Python nor the program C(docker) on the host.
author:
  - swarmlab contributors (@swarmlab)
extends_documentation_fragment:
  - swarmlab.overlay.engine
  - swarmlab.overlay.engine.turn
  - swarmlab.overlay.attributes
attributes:
  diff_mode:
    support: none
options:
  state:
    description:
      - V(initialised) makes a swarm, of which the host is the first manager. V(joined) joins the swarm of O(remote_addrs).
      - V(absent) leaves, by force where it is a manager.
    type: str
    choices: [initialised, joined, absent]
    required: true
  advertise_addr:
    description:
      - Address or interface by which the other nodes reach this one, optionally with a port (C(10.0.0.11:2377), C([fd00::11]:2377)).
      - A DNS name is looked up on the host, and must give one address.
      - By default the engine chooses. On hosts with several addresses it refuses to choose.
    type: str
  data_path_addr:
    description: The same for the traffic of overlay networks. Default is O(advertise_addr).
    type: str
  listen_port:
    description: TCP port of the managers' API.
    type: int
    default: 2377
  remote_addrs:
    description: Managers, each with its port, to join at. Required with O(state=joined).
    type: list
    elements: str
    default: []
  join_token:
    description: Secret that lets the host join, as a worker or as a manager. Required with O(state=joined).
    type: str
  manager_ids:
    description: Ids of the managers of the swarm to join. A host that is in a swarm of one of them has joined already.
    type: list
    elements: str
    default: []
  node_id:
    description: Id of the node that is to leave. Required with O(state=absent).
    type: str
  data_path_port:
    description: UDP port of the overlay networks, for O(state=initialised). V(0) is the engine's own default.
    type: int
    default: 0
  default_addr_pool:
    description: Ranges for the subnets of overlay networks, for O(state=initialised). Empty is the engine's own default.
    type: list
    elements: str
    default: []
  subnet_size:
    description: Prefix length of these subnets. V(0) is the engine's own default.
    type: int
    default: 0
  dispatcher_heartbeat:
    description: Seconds between two heartbeats of a node, for O(state=initialised). V(0) is the engine's own default.
    type: int
    default: 0
  timeout:
    description: Seconds to wait until the host is a member.
    type: int
    default: 120
seealso:
  - module: swarmlab.overlay.swarm_info
  - module: swarmlab.overlay.swarm_node
"""

EXAMPLES = r"""
- name: The first manager
  swarmlab.overlay.swarm_member:
    state: initialised
    advertise_addr: 10.0.0.11

- name: This host leaves as the node that it is
  swarmlab.overlay.swarm_member:
    state: absent
    node_id: "{{ seen.swarm.node_id }}" # seen: registered from swarm_info
"""

RETURN = r"""
swarm:
  description: The host's place in its swarm, as M(swarmlab.overlay.swarm_info) returns it.
  returned: success
  type: dict
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.swarmlab.overlay.plugins.module_utils import _turn
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.plain import engine_of, run_without_sdk
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.transport import engine_argument_spec
from ansible_collections.swarmlab.overlay.plugins.module_utils._swarm.membership import declare


def work(module: AnsibleModule) -> dict[str, t.Any]:
    """Reach the state when no other module works here."""
    given = module.params
    with _turn.taken(f"membership in a swarm to be {given['state']}", given["timeout"], module.check_mode):
        return declare(engine_of(module), given, module.check_mode)


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec=dict(
            engine_argument_spec(),
            state={"type": "str", "choices": ["initialised", "joined", "absent"], "required": True},
            advertise_addr={"type": "str"},
            data_path_addr={"type": "str"},
            listen_port={"type": "int", "default": 2377},
            remote_addrs={"type": "list", "elements": "str", "default": []},
            join_token={"type": "str", "no_log": True},
            manager_ids={"type": "list", "elements": "str", "default": []},
            node_id={"type": "str"},
            data_path_port={"type": "int", "default": 0},
            default_addr_pool={"type": "list", "elements": "str", "default": []},
            subnet_size={"type": "int", "default": 0},
            dispatcher_heartbeat={"type": "int", "default": 0},
            timeout={"type": "int", "default": 120},
        ),
        required_if=[("state", "absent", ["node_id"])],
        supports_check_mode=True,
    )
    run_without_sdk(module, work)


if __name__ == "__main__":
    main()
