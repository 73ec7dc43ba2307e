#!/usr/bin/python
# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lab
short_description: Machines to run a Docker Swarm on, created, repaired, stopped, and destroyed
version_added: 0.1.0
author:
  - swarmlab contributors (@swarmlab)
extends_documentation_fragment:
  - swarmlab.overlay.attributes.lab
  - swarmlab.overlay.attributes
  - swarmlab.overlay.lab_images
description:
  - Makes C(vm1) to C(vmN) on the controller, as virtual machines of QEMU or as containers. Each has a Docker Engine,
    a kernel (virtual machines) and an identity of its own, and an address on the lab's own network segment.
  - The nodes' image is built once with mmdebstrap and shared by all labs. A registry is not needed.
  - Needs no root. All files of a lab are in O(directory), the image in O(cache).
  - Running it again repairs what is missing. A lab that is complete is left alone.
  - The inventory plugin P(swarmlab.overlay.lab#inventory) gives the hosts that this module makes.
  - Errors begin with an identifier such as C(LAB-E-NOQEMU), and say what to do. The documentation of labs has them all.
notes:
  - This is an action plugin. It runs on the controller, in the Python that runs Ansible, and says what it waits for.
  - Under emulation, time limits are four times as long.
requirements:
  - QEMU, mmdebstrap, fakeroot, e2fsprogs, OpenSSH client and the Python package C(qemu.qmp) for O(driver=vm)
  - A Docker Engine, mmdebstrap, fakeroot, e2fsprogs and the Python package C(docker) for O(driver=container)
options:
  name:
    description:
      - Name of the lab, 1 to 32 lower-case letters, digits and inner hyphens.
    type: str
    default: lab
  directory:
    description:
      - Folder of this lab, made with mode 0700. The default is C(.lab/NAME) in the working directory.
    type: path
  state:
    description:
      - V(present) has all nodes running and answering.
      - V(stopped) shuts them down, and keeps their disks.
      - V(absent) leaves no process and no file of the lab. It needs no valid record in O(directory).
    type: str
    choices: [present, stopped, absent]
    default: present
  driver:
    description:
      - V(vm) makes virtual machines. V(container) makes containers that run an engine each.
    type: str
    choices: [vm, container]
    default: vm
  nodes:
    description:
      - Number of nodes. Missing nodes are created. O(surplus) says what happens to nodes beyond this number.
    type: int
    default: 3
  surplus:
    description:
      - What happens to nodes beyond O(nodes), with O(state=present).
      - V(refuse) is an error. V(keep) leaves them as they are.
      - V(remove) ends them and deletes their disks, even if they are still members of a swarm. The playbook
        C(swarmlab.overlay.lab) lets them leave the swarm first, with role P(swarmlab.overlay.swarm#role) and
        C(tasks_from=leave).
    type: str
    choices: [refuse, keep, remove]
    default: refuse
    version_added: 0.2.0
  managers:
    description:
      - Number of managers among the nodes. This module only checks it.
    type: int
    default: 1
  memory:
    description:
      - Memory of each virtual machine in MiB.
    type: int
    default: 768
  vcpus:
    description:
      - Virtual processors of each virtual machine. V(0) means one when they are emulated, else two.
    type: int
    default: 0
  disk:
    description:
      - Size of each virtual machine's disk in GiB. Only what is written takes space.
    type: int
    default: 8
  accel:
    description:
      - V(auto) starts a guest with KVM for a moment, and uses emulation where that does not work.
        The answer is kept in O(cache) until the controller is booted again.
      - V(kvm) fails where KVM does not work.
      - V(tcg) is emulation.
    type: str
    choices: [auto, kvm, tcg]
    default: auto
  golden:
    description:
      - Whether new virtual machines wake up from the memory of a golden node, which is booted once for all labs, or boot.
      - V(auto) lets them wake up when they are emulated, where a boot takes a minute. V(always) does so with KVM too,
        V(never) boots every node by itself.
    type: str
    default: auto
    choices:
      - auto
      - always
      - never
  image:
    description:
      - What the nodes are made from.
    type: dict
    suboptions:
      suite:
        description:
          - Debian suite of nodes that O(node_settings) names none for, V(bookworm), V(trixie), V(forky) or V(sid).
        type: str
        default: trixie
      mirror:
        description:
          - URL of the package mirror. The default is the one in the controller's own apt sources.
        type: str
      packages:
        description:
          - Packages to install beside those that a node needs.
        type: list
        elements: str
        default: []
  node_settings:
    description:
      - Settings of single nodes, as a dictionary by node name. C(all) applies to every node.
      - C(suite) is V(bookworm), V(trixie), V(forky) or V(sid). Without it the suite of O(image) is taken.
      - C(engine) set to V(false) makes a bare host, without Docker Engine.
      - C(firewall) is V(firewalld), V(ufw) or V(nftables), which lets nothing but ssh in. The default is V(none).
      - C(user) logs in instead of C(root), and becomes root by sudo with a password. The password is in the lab's folder.
      - C(jump) is the node through which Ansible reaches this one.
      - Container nodes take C(suite) alone. A node keeps the settings that it was made with. Changes apply to nodes that are made later.
    type: dict
    default: {}
    version_added: 0.2.0
  subnet:
    description:
      - Network of the swarm's segment, of IPv4 or IPv6 (C(fd77::/64)). C(vmN) has the address number 10+N in it.
    type: str
    default: 10.77.0.0/24
  boot_timeout:
    description:
      - Seconds that nodes have to become ready.
    type: int
    default: 180
  retain_failed:
    description:
      - Keep what was created when creating fails, for inspection.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: A lab of three virtual machines
  hosts: localhost
  gather_facts: false
  tasks:
    - name: Create it, or repair it
      swarmlab.overlay.lab:
        name: demo
        nodes: 3

    - name: Stop it, and keep its disks
      swarmlab.overlay.lab:
        name: demo
        nodes: 3
        state: stopped

    - name: Leave nothing of it
      swarmlab.overlay.lab:
        name: demo
        state: absent
"""

RETURN = r"""
state:
  description: The state that was asked for, and is reached.
  returned: success
  type: str
  sample: present
name:
  description: Name of the lab.
  returned: success
  type: str
  sample: demo
directory:
  description: The lab's folder. For virtual machines it holds C(ssh_config), for C(ssh -F).
  returned: success
  type: str
  sample: /home/me/project/.lab/demo
driver:
  description: How nodes are made.
  returned: success
  type: str
  sample: vm
accel:
  description: How nodes are executed, V(kvm), V(tcg) or V(native). Empty when there is no lab.
  returned: success
  type: str
  sample: kvm
image:
  description: The nodes' images.
  returned: success
  type: dict
  contains:
    key:
      description: Name of the first node's image. Empty when there is no lab.
      type: str
      sample: trixie-4e717a7b4bc5
    cached:
      description: Whether all that are needed were there already. Null when none was needed.
      type: bool
nodes:
  description: The nodes.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name in the inventory, and of the host itself.
      type: str
      sample: vm1
    address:
      description: Address on the lab's segment.
      type: str
      sample: 10.77.0.11
    ssh_port:
      description: Port of the controller's loopback interface that leads to the node's ssh. V(0) for containers and behind a jump.
      type: int
      sample: 40022
    memory:
      description: MiB of memory.
      type: int
      sample: 768
    vcpus:
      description: Number of virtual processors.
      type: int
      sample: 2
    disk:
      description: GiB of disk.
      type: int
      sample: 8
    image:
      description: Name of its image.
      type: str
      sample: trixie-4e717a7b4bc5
    suite:
      description: Its Debian suite.
      type: str
      sample: trixie
    engine:
      description: Whether it was made with a Docker Engine.
      type: bool
    firewall:
      description: The firewall that it was made with.
      type: str
      sample: none
    user:
      description: Who logs in.
      type: str
      sample: root
    jump:
      description: The node that the way to it leads through, if there is one.
      type: str
    state:
      description: State after this run.
      type: str
      sample: running
seconds:
  description: How long each step took. Only steps that were taken are there.
  returned: success
  type: dict
  sample: {look: 0.1, image: 0.0, create: 0.4, boot: 21.3}
error_id:
  description: Identifier of the error, the same in every version.
  returned: failure
  type: str
  sample: LAB-E-NOQEMU
"""
