#!/usr/bin/python
# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_info
short_description: Look at a lab
version_added: 0.2.0
author:
  - swarmlab contributors (@swarmlab)
description:
  - Returns the nodes of a lab that M(swarmlab.overlay.lab) made, with their state and addresses, their role in the swarm as one of
    its managers reports it, snapshots, and disk space.
  - It is no error if the lab is stopped, is in no swarm, or does not exist. The module returns what is known.
extends_documentation_fragment:
  - swarmlab.overlay.existing_lab
  - swarmlab.overlay.attributes.lab
  - swarmlab.overlay.attributes.info
  - swarmlab.overlay.lab_images
options:
  show:
    description:
      - Print it as a table for people, too.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Look at a lab
  swarmlab.overlay.lab_info:
    name: demo
  register: found

- name: Fail unless all of its nodes run
  ansible.builtin.assert:
    that: found.lab.nodes | rejectattr('state', '==', 'running') | length == 0
"""

RETURN = r"""
lab:
  description: The lab.
  returned: success
  type: dict
  contains:
    name:
      description: Its name.
      type: str
    directory:
      description: Its folder.
      type: str
    exists:
      description: Whether there is one.
      type: bool
    driver:
      description: How nodes are made, V(vm) or V(container).
      type: str
    accel:
      description: How nodes are executed, V(kvm), V(tcg) or V(native).
      type: str
    swarm:
      description: Whether a manager could be asked.
      type: bool
    nodes:
      description: The nodes, each with C(name), C(state) (V(running), V(starting), V(paused), V(stopped) or V(absent)), C(address),
        C(ssh_port) or C(container), C(swarm) (C(role), C(availability), C(status); null when no manager tells), and C(problem),
        why it gave no complete answer.
      type: list
      elements: dict
    snapshots:
      description: Snapshots with C(name) and C(created) (seconds since 1970, null when the manifest cannot be read), oldest first.
      type: list
      elements: dict
    disk:
      description: Bytes on disk, of the C(lab) (null without one; C(lab_complete) is false when some nodes could not be measured)
        and of the images' C(cache) in C(cache_directory).
      type: dict
error_id:
  description: Identifier of the error, the same in every version.
  returned: failure
  type: str
  sample: LAB-E-NOENGINE
"""
