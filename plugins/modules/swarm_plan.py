#!/usr/bin/python
# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_plan
short_description: Plan how a swarm is formed, changed, left, backed up and recovered
version_added: 0.2.0
author:
  - swarmlab contributors (@swarmlab)
extends_documentation_fragment:
  - swarmlab.overlay.attributes.controller
  - swarmlab.overlay.swarm_groups
description:
  - The controller's part of role P(swarmlab.overlay.swarm#role); use the role rather than this action.
  - With O(stage=ask) it asks the engine of a host for its state in a swarm. A host that does not answer is reported, and is no failure.
  - With O(stage=tell) it adds the variables of the host. If they are templates over facts, the facts are gathered.
  - With O(stage=plan) it combines the answers of all hosts, and returns the steps that form one swarm. It refuses steps that could harm a swarm.
  - With O(stage=leave) it returns the hosts that may be managers of the swarm after the hosts of the play have left. With O(final=true), when
    these have been asked, it returns the node of each leaving host, and the manager that removes them.
  - With O(stage=find) it returns the ids of the nodes in O(nodes), and a manager to ask.
  - With O(stage=speak) it returns the working managers, which are those that have a leader.
  - With O(stage=copy) it chooses the manager for a backup, and refuses if the swarm cannot do without that manager.
  - With O(stage=recover) it chooses the manager that continues alone after the majority is lost, and the hosts that leave their former swarm. It
    refuses if another manager may lead the swarm.
  - With O(stage=restore) it refuses to restore a backup while the swarm may still run.
attributes:
  action:
    description: Has a corresponding action plugin, which works on the controller and may ask the engine of the host.
    support: full
  check_mode:
    details:
      - It changes nothing.
options:
  stage:
    description: Which step.
    type: str
    choices: [ask, tell, plan, leave, find, speak, copy, recover, restore]
    required: true
  again:
    description: Whether the engine is asked though role P(swarmlab.overlay.engine#role) has asked it before.
    type: bool
    default: false
  final:
    description: Whether the hosts outside the play have been asked too, as far as they answer.
    type: bool
    default: false
  data_path_port:
    description: UDP port that is declared for the overlay networks.
    type: int
    default: 4789
  nodes:
    description:
      - Hosts of the inventory, node ids, or host names that only one node has. For O(stage=find).
      - For O(stage=copy), O(stage=recover) and O(stage=restore) a single host.
    type: list
    elements: str
    default: []
  going:
    description: Whether these nodes are to leave the swarm. It is refused where the managers would lose their majority. For O(stage=find).
    type: bool
    default: false
  replaced:
    description:
      - Whether the hosts were reinstalled. If such a host is in no swarm, a dead node at its address counts as its former node. Labels
        that only the swarm has are refused. For O(stage=find) and O(stage=leave).
    type: bool
    default: false
  alone:
    description: Whether the state of the only manager may be copied, although the swarm has no leader meanwhile. For O(stage=copy).
    type: bool
    default: false
  lost:
    description: Hosts or addresses of managers of which the user knows that they do not run. For O(stage=recover) and O(stage=restore).
    type: list
    elements: str
    default: []
  managers:
    description: Addresses of the managers at the time of a backup. For O(stage=restore).
    type: list
    elements: str
    default: []
  manager_ids:
    description: Ids of their nodes. Hosts in another swarm are refused. For O(stage=restore).
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Know what each host is to be, and what its engine says that it is
  swarmlab.overlay.swarm_plan:
    stage: tell
  register: swarm_told

- name: Plan what is to be done
  swarmlab.overlay.swarm_plan:
    stage: plan
  run_once: true
"""

RETURN = r"""
swarm:
  description: The engine's place in a swarm, as M(swarmlab.overlay.swarm_info) returns it.
  returned: with O(stage=ask) and O(stage=tell), when the host answered
  type: dict
problem:
  description: Why the host did not tell its place.
  returned: with O(stage=ask) and O(stage=tell), when it did not
  type: str
declared:
  description: The variables of the host that say what it is to be.
  returned: with O(stage=tell)
  type: dict
targets:
  description: The nodes that are meant, with C(id), C(name), C(host), C(up), C(role) and C(labels).
  returned: with O(stage=find)
  type: list
  elements: dict
manager:
  description: Host of a manager to ask.
  returned: with O(stage=find) and O(stage=copy)
  type: str
managers:
  description: Hosts that are managers and have a leader.
  returned: with O(stage=speak)
  type: list
  elements: str
host:
  description: Host whose state is copied, that goes on alone, or where a backup is restored.
  returned: with O(stage=copy), O(stage=recover) and O(stage=restore)
  type: str
node_id:
  description: Id of its node.
  returned: with O(stage=copy) and O(stage=recover)
  type: str
wiped:
  description: Hosts that leave their former swarm by force, each with the id of its node.
  returned: with O(stage=recover)
  type: dict
settled:
  description: Whether the host leads already, and lists no lost manager.
  returned: with O(stage=recover)
  type: bool
answering:
  description: Hosts whose engines answer.
  returned: with O(stage=recover) and O(stage=restore)
  type: list
  elements: str
left:
  description: Ids of nodes that a backup had drained which was interrupted.
  returned: with O(stage=copy)
  type: list
  elements: str
absent:
  description: Names that no node of the swarm has.
  returned: with O(stage=find)
  type: list
  elements: str
steps:
  description: What is to be done, in words.
  returned: with O(stage=plan), O(stage=leave), O(stage=copy), O(stage=recover) and O(stage=restore)
  type: list
  elements: str
  sample: [vm3 joins as worker through vm1]
"""

# All of it is in plugins/action/swarm_plan.py.
