#!/usr/bin/python
# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_fault
short_description: Break a lab on purpose, for a while
version_added: 0.2.0
author:
  - swarmlab contributors (@swarmlab)
description:
  - Cuts cables, partitions, loses and delays frames, freezes and kills nodes of a lab that M(swarmlab.overlay.lab) made.
  - Only the swarm's own segment is touched. The way by which Ansible reaches the nodes is not.
  - Every fault ends by itself after O(faults[].seconds), also when the controller is gone, but for killed nodes, which
    O(state=absent) or M(swarmlab.overlay.lab) starts again.
  - Works on the controller. For virtual machines the lab's own switch drops or delays the frames. Container nodes
    filter what they receive with nftables, which the kernel must support.
extends_documentation_fragment:
  - swarmlab.overlay.existing_lab
  - swarmlab.overlay.attributes.lab
  - swarmlab.overlay.attributes
  - swarmlab.overlay.lab_images
attributes:
  diff_mode:
    support: none
    details: The task's result lists the faults.
options:
  faults:
    description: The faults. An existing fault of the same name is replaced, and its time starts again.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the fault, to end it by. The default is its kind.
        type: str
      kind:
        description:
          - V(cut) takes the cables of O(faults[].nodes) away.
          - V(one_way) loses what goes from O(faults[].from) to O(faults[].to), and lets through what comes back.
          - V(partition) separates O(faults[].groups) from each other.
          - V(impair) loses or delays frames from and to O(faults[].nodes).
          - V(freeze) stops O(faults[].nodes) in the middle of what they do.
          - V(kill) ends O(faults[].nodes) without warning, as a power failure does.
        type: str
        required: true
        choices: [cut, one_way, partition, impair, freeze, kill]
      nodes:
        description: Names of nodes.
        type: list
        elements: str
      from:
        description: Nodes whose frames are lost.
        type: list
        elements: str
      to:
        description: Nodes that do not receive these frames. The default is all others.
        type: list
        elements: str
      groups:
        description: Lists of nodes. A node in none of them reaches all.
        type: list
        elements: list
      protocol:
        description:
          - Only packets of this protocol of IPv4, V(icmp), V(tcp), V(udp), V(esp), or a number.
        type: str
      port:
        description: Only packets with this port of TCP or UDP, at either end.
        type: int
      loss:
        description: Share of the frames that are lost, in per cent.
        type: float
        default: 0
      delay:
        description: Milliseconds by which frames are late. For virtual machines only.
        type: float
        default: 0
      jitter:
        description: Random additional delay, up to this many milliseconds. For virtual machines only.
        type: float
        default: 0
      seconds:
        description: After this time the fault ends by itself, 1 to 3600.
        type: float
        default: 60
  names:
    description: With O(state=absent), only the faults of these names.
    type: list
    elements: str
  state:
    description:
      - V(present) applies the faults. This is always a change, because their time starts again.
      - V(absent) ends them and, unless O(names) are given, starts the nodes that do not run.
      - V(listed) changes nothing.
    type: str
    choices: [present, absent, listed]
    default: present
seealso:
  - module: swarmlab.overlay.lab_snapshot
"""

EXAMPLES = r"""
- name: Cut vm2 off for half a minute
  swarmlab.overlay.lab_fault:
    faults:
      - kind: cut
        nodes: [vm2]
        seconds: 30
  delegate_to: localhost
  run_once: true

- name: Let a firewall on the way to vm3 drop what is encrypted, and the gossip be unreliable
  swarmlab.overlay.lab_fault:
    faults:
      - kind: one_way
        from: [vm1, vm2]
        to: [vm3]
        protocol: esp
      - name: gossip
        kind: impair
        nodes: [vm3]
        protocol: udp
        port: 7946
        loss: 20
  delegate_to: localhost
  run_once: true

- name: Mend everything
  swarmlab.overlay.lab_fault:
    state: absent
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
name:
  description: Name of the lab.
  returned: success
  type: str
  sample: lab
faults:
  description: Names of the faults that the lab has after this task.
  returned: success
  type: list
  elements: str
  sample: [cut]
error_id:
  description: Identifier of the error, the same in every version.
  returned: failure
  type: str
  sample: LAB-E-SEGMENT
"""
