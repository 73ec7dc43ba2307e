#!/usr/bin/python
# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_hosts
short_description: Find the hosts of a swarm in any inventory, and nodes that the inventory lacks
version_added: 0.2.0
author:
  - swarmlab contributors (@swarmlab)
extends_documentation_fragment:
  - swarmlab.overlay.attributes.controller
  - swarmlab.overlay.swarm_groups
description:
  - The first step of the collection's playbooks; use those rather than this action.
  - With O(stage=inventory) it finds the hosts of the swarm, whatever the groups are called, and fails when there are none, since a play
    without hosts succeeds. An inventory without such groups means all its hosts.
  - With O(stage=discover) it finds the nodes, by their ids, that a manager lists and that are not in the play.
  - With O(stage=add) it adds such a node to the inventory. Its connection variables (user, port, key, become, jump host) are those of the
    manager that listed it. Its address is the one that the swarm knows, or the value of the variable C(swarm_discovered_host), a template
    over C(node).
attributes:
  check_mode:
    details:
      - It changes nothing but the inventory of this run.
options:
  stage:
    description: Which step.
    type: str
    choices: [inventory, discover, add]
    default: inventory
  node:
    description: One of RV(hosts), for O(stage=add).
    type: dict
"""

EXAMPLES = r"""
- name: Hosts of the swarm
  hosts: all:localhost
  gather_facts: false
  tasks:
    - name: Find the hosts of the swarm in the inventory
      swarmlab.overlay.swarm_hosts:
        managers_group: leaders
      run_once: true
"""

RETURN = r"""
grouped:
  description: Whether the inventory has groups that say which hosts are managers or workers.
  returned: with O(stage=inventory)
  type: bool
groups:
  description: The group of each role.
  returned: with O(stage=inventory)
  type: dict
  sample: {manager: swarm_managers, worker: swarm_workers}
hosts:
  description: Hosts that are to be put into groups, with C(name) and C(groups).
  returned: with O(stage=inventory) and O(stage=discover)
  type: list
  elements: dict
"""

# All of it is in plugins/action/swarm_hosts.py.
