#!/usr/bin/python
# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: engine_restarts
short_description: Plan in which order the engines of a swarm are restarted
version_added: 0.2.0
description:
  - Runs on the controller, once for all hosts of the play, and reads what module M(swarmlab.overlay.engine) registered on each of them as
    C(engine_state).
  - Workers come first, then managers, the leader last. The order is refused where a manager's restart would cost the managers their
    majority, where two hosts are one node, and where no manager that was asked knows a host's node.
  - It is a part of role P(swarmlab.overlay.engine#role).
author:
  - swarmlab contributors (@swarmlab)
extends_documentation_fragment:
  - swarmlab.overlay.attributes.info
options:
  asked:
    description: What the engines of RV(others) said of their place in a swarm, as a loop over them registers it.
    type: list
    elements: dict
    default: []
  last:
    description: Whether to fail when there is no order.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Plan the restarts
  swarmlab.overlay.engine_restarts:
    last: true
  run_once: true
  register: plan
"""

RETURN = r"""
turns:
  description: What to restart, one after the other.
  returned: always
  type: list
  elements: dict
  contains:
    hosts:
      description: Hosts to restart the engines of. Empty when there is only to wait until all nodes are ready.
      type: list
      elements: str
    node_ids:
      description: Ids of their nodes.
      type: list
      elements: str
    manager:
      description: Host whose engine is asked before whether the swarm can do without the nodes.
      type: str
    nodes:
      description: Ids of the nodes that must be ready.
      type: list
      elements: str
refused:
  description: Why there is no order.
  returned: always
  type: list
  elements: str
others:
  description: Hosts outside the play that may be managers, to ask before.
  returned: always
  type: list
  elements: str
"""

# All of it is in plugins/action/engine_restarts.py.
