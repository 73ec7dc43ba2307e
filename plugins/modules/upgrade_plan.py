#!/usr/bin/python
# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: upgrade_plan
short_description: Plan an upgrade, a rolling restart or a reboot of a swarm's nodes, and refuse what would hurt
version_added: 0.2.0
description:
  - With O(look) it looks at one host, which is not failed where it does not answer. Registered as C(upgrade_seen) on every host, that is what the
    plan is made of, on the controller and once for all hosts of the play.
  - Managers come first, one by one, the leader last. Then come the workers. Nodes that an interrupted run left drained are before all others, and nodes
    that are at the target are left out.
  - It is a part of role P(swarmlab.overlay.upgrade#role).
author:
  - swarmlab contributors (@swarmlab)
extends_documentation_fragment:
  - swarmlab.overlay.attributes.info
options:
  look:
    description: Options of module M(swarmlab.overlay.engine_upgrade_info), which runs on this host. Nothing is planned.
    type: dict
  what:
    description: What is done to the nodes.
    type: str
    choices: [engine, restart, reboot]
    default: engine
  nodes:
    description: Hosts of the play that are meant. The default is all.
    type: list
    elements: str
    default: []
  batch:
    description: How many workers are drained at the same time.
    type: int
    default: 1
  accept:
    description: What services may suffer, as in M(swarmlab.overlay.swarm_maintenance), and V(mixed), versions that do not work together.
    type: list
    elements: str
    default: []
  free:
    description: MiB that must be free on a node for an upgrade.
    type: int
    default: 500
  backup:
    description: Whether a backup is wanted before the first node.
    type: bool
    default: false
  has_keys:
    description: Whether unlock keys were given.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Look at every node
  swarmlab.overlay.upgrade_plan:
    look:
      offers: false
  register: upgrade_seen

- name: Plan a rolling restart
  swarmlab.overlay.upgrade_plan:
    what: restart
  run_once: true
  register: plan
"""

RETURN = r"""
problem:
  description: Why the host did not answer.
  returned: when O(look) is given, and it did not
  type: str
turns:
  description: The turns, as of M(swarmlab.overlay.engine_restarts).
  returned: success
  type: list
  elements: dict
wanted:
  description: Version of the engine for each host.
  returned: success
  type: dict
manager:
  description: Host of a manager.
  returned: success
  type: str
accept:
  description: What services may suffer.
  returned: success
  type: list
  elements: str
done:
  description: Note for nodes that a restart or a reboot is through with. Empty for an upgrade.
  returned: success
  type: str
notes:
  description: The nodes that get such a note or have one, and its label, in the terms of M(swarmlab.overlay.swarm_node).
  returned: success
  type: list
  elements: dict
fresh:
  description: Whether no node is at the target, and none was left drained.
  returned: success
  type: bool
backup:
  description: Whether a backup comes first.
  returned: success
  type: bool
steps:
  description: The plan in words.
  returned: success
  type: list
  elements: str
warnings:
  description: What does not stop it.
  returned: success
  type: list
  elements: str
"""

# All of it is in plugins/action/upgrade_plan.py.
