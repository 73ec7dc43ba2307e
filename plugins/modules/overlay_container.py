#!/usr/bin/python
# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: overlay_container
short_description: Declare standalone containers attached to overlay networks
version_added: 0.1.0
description:
  - Creates, replaces and removes standalone containers on attachable overlays, one or a whole list in one call, on the node it
    runs on.
  - Works on a worker that has never seen the network. Attaching brings the overlay to the worker.
  - A container that differs from its declaration is replaced if this module made it. Otherwise it is refused.
  - A container that has ended, was paused or was never started is started, even if its networks were removed from the node or created
    again meanwhile. A container that ends again and again is an error.
notes:
  - A refused attachment is an error that says what to do. No incomplete container is left behind.
  - Images are not pulled.
  - Containers are restarted with the engine, unless they were stopped.
author:
  - swarmlab contributors (@swarmlab)
extends_documentation_fragment:
  - swarmlab.overlay.engine
  - swarmlab.overlay.engine.sdk
  - swarmlab.overlay.attributes
options:
  containers:
    description:
      - Several containers, each with the options that describe one.
      - Exactly one of O(name) and O(containers) must be given.
    type: list
    elements: dict
    suboptions:
      name:
        description: The container's name.
        type: str
        required: true
      state:
        description: Whether this container should exist. The default is the O(state) of the call.
        type: str
        choices: [present, absent]
      image:
        description: See O(image).
        type: str
      command:
        description: See O(command).
        type: raw
      networks:
        description: See O(networks).
        type: list
        elements: raw
      env:
        description: See O(env).
        type: dict
      labels:
        description: See O(labels).
        type: dict
      hostname:
        description: See O(hostname).
        type: str
  name:
    description:
      - The container's name.
    type: str
  state:
    description:
      - Whether the container should exist and run.
    type: str
    choices: [present, absent]
    default: present
  image:
    description:
      - The image, which must be on the node. Needed with O(state=present).
    type: str
  command:
    description:
      - The command, as a list or as one string in shell syntax. If not given, the image's own.
    type: raw
  networks:
    description:
      - All networks of the container, each by name or as a dictionary with C(name), C(aliases) and C(ipv4_address).
      - Needed with O(state=present). The overlays must be attachable.
    type: list
    elements: raw
  env:
    description:
      - All environment variables besides those of the image, strings to strings.
    type: dict
  labels:
    description:
      - All labels besides those of the image, strings to strings. The label C(swarmlab.overlay/managed) is added.
    type: dict
  hostname:
    description:
      - Host name in the container.
    type: str
  overlays:
    description:
      - Names that are overlays of the swarm. If a node has a local network of such a name, such as one of a compose file, the engine
        would use that one, so the container is refused.
    type: list
    elements: str
    default: []
    version_added: 0.2.0
  timeout:
    description:
      - Seconds after which a refused attachment is not tried again. The engine itself takes up to 20 seconds for each try.
    type: int
    default: 60
seealso:
  - module: swarmlab.overlay.overlay_network
  - module: swarmlab.overlay.overlay_service
"""

EXAMPLES = r"""
- name: A container on two overlays, with an alias and a fixed address
  swarmlab.overlay.overlay_container:
    name: client
    image: alpine:latest
    command: sleep 1000000
    networks:
      - front
      - name: back
        aliases: [db-client]
        ipv4_address: 10.20.0.50

- name: No such container any more
  swarmlab.overlay.overlay_container:
    name: client
    state: absent
"""

RETURN = r"""
containers:
  description: The declared containers, in the order of the declaration.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: Id of the container, V(null) in check mode when it would be created.
      type: str
    name:
      description: Its name.
      type: str
    addresses:
      description: Its address on each network.
      type: dict
      sample:
        front: 10.0.1.5
actions:
  description: What was done, or would be done in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: V(create), V(recreate), V(start) or V(remove).
      type: str
    name:
      description: The container.
      type: str
    differences:
      description: For V(recreate) the fields that differ, each with C(before) and C(after).
      type: dict
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.sdk import APIClient, run_module
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.containers import ensure_containers
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.declaration import declaring_module


def container_options() -> dict[str, dict[str, t.Any]]:
    """Options that describe one container."""
    return {
        "image": {"type": "str"},
        "command": {"type": "raw"},
        "networks": {"type": "list", "elements": "raw"},
        "env": {"type": "dict"},
        "labels": {"type": "dict"},
        "hostname": {"type": "str"},
    }


def main() -> None:
    """Entry point."""
    overlays = {"type": "list", "elements": "str", "default": []}
    module = declaring_module("containers", container_options(), timeout=60, overlays=overlays)

    def ensure(module: AnsibleModule, client: APIClient) -> dict[str, t.Any]:
        return ensure_containers(client, module.params, module.check_mode)

    run_module(module, ensure)


if __name__ == "__main__":
    main()
