#!/usr/bin/python
# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_plan
short_description: Who makes the swarm, who joins it, what changes, and who leaves
version_added: 0.2.0
author:
  - swarmlab contributors (@swarmlab)
extends_documentation_fragment:
  - swarmlab.overlay.attributes.controller
  - swarmlab.overlay.swarm_groups
description:
  - The controller's part of role P(swarmlab.overlay.swarm#role); use the role rather than this action.
  - With O(stage=ask) it asks the engine of a host for its place in a swarm. A host that does not answer is a finding and no failure.
  - With O(stage=tell) it adds what is declared for the host. Where that is a template over facts, they are gathered.
  - With O(stage=plan) it puts together what all hosts told, and says what makes one swarm of them. It refuses what could hurt a swarm.
  - With O(stage=leave) it says which hosts may speak for the swarm when those of the play are gone; with O(final=true), when they have
    been asked, as which nodes the hosts of the play leave, and by the word of which manager.
  - With O(stage=find) it says which nodes O(nodes) mean, and which host is a manager to ask.
  - With O(stage=speak) it says which hosts are managers that speak for the swarm.
  - With O(stage=copy) it says which manager's state a backup copies, and refuses where the swarm cannot do without it.
  - With O(stage=recover) it says which manager goes on alone where the majority is lost, and which hosts leave their former swarm. It refuses where
    somebody else may lead the swarm.
  - With O(stage=restore) it refuses to restore a backup beside a swarm that may live.
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
      - Names of hosts in the inventory, ids of nodes, or host names that one node alone has. For O(stage=find).
      - For O(stage=copy), O(stage=recover) and O(stage=restore) the one host that is meant.
    type: list
    elements: str
    default: []
  going:
    description: Whether these nodes are to leave the swarm. It is refused where the managers would lose their majority. For O(stage=find).
    type: bool
    default: false
  replaced:
    description:
      - Whether the hosts are installed anew. A dead node at the address of a host that is in no swarm is then this host's former node, and labels
        that only the swarm has are refused. For O(stage=find) and O(stage=leave).
    type: bool
    default: false
  alone:
    description: Whether the state of the only manager may be copied, while nobody leads the swarm. For O(stage=copy).
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
  description: The engine's place in a swarm, as M(swarmlab.overlay.swarm_info) tells it.
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
  description: Hosts that are managers and speak for the swarm.
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
answering:
  description: Hosts whose engines answer.
  returned: with O(stage=recover) and O(stage=restore)
  type: list
  elements: str
absent:
  description: Names that no node of the swarm has.
  returned: with O(stage=find)
  type: list
  elements: str
steps:
  description: What is to be done, in words.
  returned: with O(stage=plan) and O(stage=leave)
  type: list
  elements: str
  sample: [vm3 joins as worker through vm1]
"""

# All of it is in plugins/action/swarm_plan.py.
