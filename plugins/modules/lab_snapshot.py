#!/usr/bin/python
# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_snapshot
short_description: Save a whole lab of virtual machines and bring it back
version_added: 0.2.0
description:
  - Saves memory and disks of all nodes of a lab at one moment, and brings them back, a formed swarm with running
    services included, in seconds.
  - Works on the controller, on labs of driver V(vm) that M(swarmlab.overlay.lab) made, with KVM and with emulation.
  - After a restore the clocks are set before anything else happens.
extends_documentation_fragment:
  - swarmlab.overlay.existing_lab
  - swarmlab.overlay.attributes.lab
  - swarmlab.overlay.attributes
  - swarmlab.overlay.lab_images
attributes:
  diff_mode:
    support: none
    details: There is nothing to show but the name.
options:
  snapshot:
    description: Name of the snapshot, lower-case letters, digits, dots, hyphens and underscores.
    type: str
    default: saved
  state:
    description:
      - V(present) saves the lab, unless there is a snapshot of this name. All nodes must be running.
      - V(restored) brings the lab back to what it was. What happened since is lost. Nodes may be running or not.
      - V(absent) removes the snapshot.
      - V(listed) changes nothing.
    type: str
    choices: [present, restored, absent, listed]
    default: present
  replace:
    description: Save the lab also when there is a snapshot of this name, in its place.
    type: bool
    default: false
author:
  - swarmlab contributors (@swarmlab)
"""

EXAMPLES = r"""
- name: Save the lab before something is tried
  swarmlab.overlay.lab_snapshot:
    snapshot: before
  delegate_to: localhost
  run_once: true

- name: Bring it back
  swarmlab.overlay.lab_snapshot:
    snapshot: before
    state: restored
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
name:
  description: Name of the lab.
  type: str
  returned: success
  sample: lab
snapshots:
  description: The lab's snapshots after this task, oldest first.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: Name of the snapshot.
      type: str
    created:
      description: When it was saved, in seconds since 1970.
      type: int
    nodes:
      description: The nodes that it holds.
      type: list
      elements: str
error_id:
  description: Stable name of the error, such as V(LAB-E-SNAPSHOT); the lab's documentation lists them.
  type: str
  returned: failure
"""
