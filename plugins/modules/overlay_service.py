#!/usr/bin/python
# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: overlay_service
short_description: Declare services on overlay networks, and wait until they run
version_added: 0.1.0
description:
  - Creates, updates and removes services of a Docker Swarm, one or a whole list in one call, and waits until they have converged.
  - Only what is declared is compared and set. All else in an existing service's specification stays as it is.
  - If services do not converge in time, the error says for each task what it waits for, on which node, and with which error.
notes:
  - M(community.docker.docker_swarm_service) knows many more options of a service, but takes one service a call and does not wait
    for its tasks.
  - No registry is asked for the image's digest, so images that are only on the nodes work at once.
author:
  - swarmlab contributors (@swarmlab)
extends_documentation_fragment:
  - swarmlab.overlay.engine
  - swarmlab.overlay.engine.sdk
  - swarmlab.overlay.engine.manager
  - swarmlab.overlay.attributes
options:
  services:
    description:
      - Several services, each with the options that describe one.
      - Exactly one of O(name) and O(services) must be given.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - The service's name.
        type: str
        required: true
      state:
        description:
          - Whether this service should exist. The default is the O(state) of the call.
        type: str
        choices: [present, absent]
      image:
        description:
          - See O(image).
        type: str
      command:
        description:
          - See O(command).
        type: raw
      args:
        description:
          - See O(args).
        type: raw
      mode:
        description:
          - See O(mode).
        type: str
        choices: [replicated, global]
      replicas:
        description:
          - See O(replicas).
        type: int
      networks:
        description:
          - See O(networks).
        type: list
        elements: raw
      endpoint_mode:
        description:
          - See O(endpoint_mode).
        type: str
        choices: [vip, dnsrr]
      ports:
        description:
          - See O(ports).
        type: list
        elements: dict
        suboptions:
          target:
            description: Port in the container.
            type: int
            required: true
          published:
            description: Port on the nodes. If not given, the swarm chooses one.
            type: int
          protocol:
            description: Protocol of the port.
            type: str
            choices: [tcp, udp, sctp]
            default: tcp
          mode:
            description: V(ingress) publishes on every node through the routing mesh, V(host) only where a task runs.
            type: str
            choices: [ingress, host]
            default: ingress
      constraints:
        description:
          - See O(constraints).
        type: list
        elements: str
      env:
        description:
          - See O(env).
        type: dict
      labels:
        description:
          - See O(labels).
        type: dict
      container_labels:
        description:
          - See O(container_labels).
        type: dict
      stop_grace_period:
        description:
          - See O(stop_grace_period).
        type: int
  name:
    description:
      - The service's name.
    type: str
  state:
    description:
      - Whether the service should exist.
    type: str
    choices: [present, absent]
    default: present
  image:
    description:
      - The image. Needed when the service does not exist yet. A digest is compared only if it is declared.
    type: str
  command:
    description:
      - Command that replaces the image's entry point, as a list or as one string in shell syntax.
    type: raw
  args:
    description:
      - Arguments, as a list or as one string in shell syntax.
    type: raw
  mode:
    description:
      - V(replicated), the default for a new service, runs a number of tasks, V(global) one on every node. It cannot be changed later.
    type: str
    choices: [replicated, global]
  replicas:
    description:
      - Number of tasks. The default for a new service is 1.
    type: int
  networks:
    description:
      - All overlays of the service, each by name or as a dictionary with C(name) and C(aliases).
    type: list
    elements: raw
  endpoint_mode:
    description:
      - Whether the name resolves to a virtual address (V(vip), the default for a new service) or to the tasks' addresses (V(dnsrr)).
    type: str
    choices: [vip, dnsrr]
  ports:
    description:
      - All published ports of the service.
    type: list
    elements: dict
    suboptions:
      target:
        description: Port in the container.
        type: int
        required: true
      published:
        description: Port on the nodes. If not given, the swarm chooses one.
        type: int
      protocol:
        description: Protocol of the port.
        type: str
        choices: [tcp, udp, sctp]
        default: tcp
      mode:
        description: V(ingress) publishes on every node through the routing mesh, V(host) only where a task runs.
        type: str
        choices: [ingress, host]
        default: ingress
  constraints:
    description:
      - All placement constraints, such as V(node.hostname == vm2).
    type: list
    elements: str
  env:
    description:
      - All environment variables, strings to strings.
    type: dict
  labels:
    description:
      - All labels of the service, strings to strings. The label C(swarmlab.overlay/managed) is added to new services.
    type: dict
  container_labels:
    description:
      - All labels of its containers, strings to strings.
    type: dict
  stop_grace_period:
    description:
      - Seconds between asking a container to stop and killing it.
    type: int
  wait:
    description:
      - Wait until all tasks that are wanted run and updates are complete, also for services that were not changed. With
        O(state=absent), wait until the tasks have ended.
    type: bool
    default: true
  timeout:
    description:
      - Seconds to wait at most, for all services together.
    type: int
    default: 120
seealso:
  - module: swarmlab.overlay.overlay_network
  - module: swarmlab.overlay.overlay_container
  - module: community.docker.docker_swarm_service
"""

EXAMPLES = r"""
- name: Two services on an overlay
  swarmlab.overlay.overlay_service:
    services:
      - name: web
        image: nginx:alpine
        replicas: 3
        networks:
          - name: front
            aliases: [www]
        ports:
          - published: 8080
            target: 80
      - name: agent
        image: alpine:latest
        command: sleep 1000000
        mode: global
        networks: [front]
        endpoint_mode: dnsrr

- name: Away with one of them, tasks included
  swarmlab.overlay.overlay_service:
    name: agent
    state: absent
"""

RETURN = r"""
services:
  description: The declared services that exist now, in the order of the declaration.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: Id of the service, V(null) in check mode when it would be created.
      type: str
    name:
      description: Its name.
      type: str
    vips:
      description: Its virtual address on each network.
      type: dict
      sample:
        front: 10.0.1.2
actions:
  description: What was done, or would be done in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: V(create), V(update) or V(remove).
      type: str
    name:
      description: The service.
      type: str
    differences:
      description: For V(update) the fields that differ, each with C(before) and C(after).
      type: dict
waiting:
  description: What the services still waited for when the time was over.
  returned: failure to converge
  type: list
  elements: str
  sample: ["web.2 on vm3: rejected: No such image: nginx:alpine"]
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.sdk import APIClient, run_module
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.declaration import declaring_module
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.services import ensure_services


def service_options() -> dict[str, dict[str, t.Any]]:
    """Options that describe one service."""
    ports = {
        "target": {"type": "int", "required": True},
        "published": {"type": "int"},
        "protocol": {"type": "str", "choices": ["tcp", "udp", "sctp"], "default": "tcp"},
        "mode": {"type": "str", "choices": ["ingress", "host"], "default": "ingress"},
    }
    return {
        "image": {"type": "str"},
        "command": {"type": "raw"},
        "args": {"type": "raw"},
        "mode": {"type": "str", "choices": ["replicated", "global"]},
        "replicas": {"type": "int"},
        "networks": {"type": "list", "elements": "raw"},
        "endpoint_mode": {"type": "str", "choices": ["vip", "dnsrr"]},
        "ports": {"type": "list", "elements": "dict", "options": ports},
        "constraints": {"type": "list", "elements": "str"},
        "env": {"type": "dict"},
        "labels": {"type": "dict"},
        "container_labels": {"type": "dict"},
        "stop_grace_period": {"type": "int"},
    }


def main() -> None:
    """Entry point."""
    module = declaring_module("services", service_options(), timeout=120, wait={"type": "bool", "default": True})

    def ensure(module: AnsibleModule, client: APIClient) -> dict[str, t.Any]:
        return ensure_services(client, module.params, module.check_mode, module.warn)

    run_module(module, ensure)


if __name__ == "__main__":
    main()
