#!/usr/bin/python
# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: overlay_plan
short_description: Choose the manager that role overlays sends its declarations to
version_added: 0.2.0
author:
  - swarmlab contributors (@swarmlab)
extends_documentation_fragment:
  - swarmlab.overlay.attributes.controller
description:
  - A part of the role P(swarmlab.overlay.overlays#role); use that rather than this action.
  - Chooses a manager that answers and lists the nodes of the play's swarm, from what M(swarmlab.overlay.swarm_info) returned on the
    hosts. Groups and names do not count.
  - Returns all names of each host of the play, and fails when a container is declared on an unknown node.
attributes:
  check_mode:
    details:
      - It changes nothing.
options:
  declared:
    description: Whether anything is declared. If not, no manager is needed.
    type: bool
    default: true
  manager:
    description: The host that the user chose. It must be a manager that has a leader.
    type: str
    default: ""
  nodes:
    description: The nodes that containers are declared on.
    type: list
    elements: str
    default: []
  mtu_auto:
    description: Whether the MTU of all nodes must be known, so that all nodes must be in the play.
    type: bool
    default: false
  purge:
    description: Whether networks that are not declared are to be removed. Then a declaration with a misspelt name is refused.
    type: bool
    default: false
  final:
    description: Whether the hosts in RV(ask) have been asked.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Ask every engine for its place in the swarm
  swarmlab.overlay.swarm_info:
  register: overlays_place

- name: Choose a manager
  swarmlab.overlay.overlay_plan:
  run_once: true
  register: overlays_plan
"""

RETURN = r"""
ask:
  description: Hosts outside the play that have to be asked first, because no host of the play is a manager that has a leader.
  returned: success
  type: list
  elements: str
manager:
  description: The host that declarations are sent to. Empty while RV(ask) lists hosts, or when nothing is declared.
  returned: success
  type: str
speaker:
  description: The host of the play whose declarations are sent, the manager itself if it is of the play.
  returned: success
  type: str
names:
  description: Of each host of the play the names that a declaration may call it by; a host name that several nodes have is none.
  returned: success
  type: dict
  sample: {vm2: [vm2, x1y2z3, worker-a]}
"""

# All of it is in plugins/action/overlay_plan.py.
