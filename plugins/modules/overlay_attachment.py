#!/usr/bin/python
# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: overlay_attachment
short_description: Connect existing containers to overlay networks, and disconnect them
version_added: 0.2.0
description:
  - Connects existing containers to overlay networks, or disconnects them, without a restart. Runs on the node of the
    containers.
  - Works on a worker that has never seen the network. Attaching brings the overlay to the worker.
  - Waits until the container's names resolve to its address on the network. It asks the engine's resolver in the namespace of another
    container of this node on the network, or in the container's own if there is none. To see what containers of other nodes resolve, run
    M(swarmlab.overlay.service_discovery) there.
  - On managers, and with O(seen_by_manager), a request that the swarm would refuse is refused with the reason before anything is changed.
  - To declare whole containers, with image and command, use M(swarmlab.overlay.overlay_container).
author:
  - swarmlab contributors (@swarmlab)
extends_documentation_fragment:
  - swarmlab.overlay.engine
  - swarmlab.overlay.engine.sdk
  - swarmlab.overlay.attributes
options:
  attachments:
    description:
      - The attachments.
    type: list
    elements: dict
    required: true
    suboptions:
      container:
        description: Name or id of the container.
        type: str
        required: true
      network:
        description: Name of the network.
        type: str
        required: true
      state:
        description: Whether the container should be on the network. The default is the O(state) of the call.
        type: str
        choices: [present, absent]
      aliases:
        description: All aliases on the network. If not given, they are left as they are, or taken from O(attachments[].like).
        type: list
        elements: str
      ipv4_address:
        description:
          - A fixed address on the network. If not given, any.
          - With O(attachments[].like) it is a preference. If it is not available, any address is used.
        type: str
      like:
        description: Name of a network that the container is on already. Aliases, links and driver options are taken over from there.
        type: str
      node:
        description: Not used. It allows entries to be passed on that M(swarmlab.overlay.overlay_network) returns as pending.
        type: str
      node_id:
        description: Id of a node in the swarm. Other nodes ignore the entry, so all nodes can be given the same list.
        type: str
  state:
    description:
      - Whether the containers should be on the networks.
    type: str
    choices: [present, absent]
    default: present
  resolve_timeout:
    description:
      - Seconds to wait until the names of all declared containers resolve to their addresses on their networks; V(0) does not look.
      - This needs root and an engine on this machine. Otherwise RV(attachments[].not_seen_because) says why nothing was looked up.
    type: int
    default: 30
  seen_by_manager:
    description:
      - What M(swarmlab.overlay.overlay_network_info) returned on a manager about the networks. A worker does not know which addresses are
        taken or left, and whether it is drained. Its engine answers "deadline exceeded" after 20 seconds in all these cases.
      - Not needed on a manager.
    type: dict
seealso:
  - module: swarmlab.overlay.overlay_container
  - module: swarmlab.overlay.overlay_network
  - module: swarmlab.overlay.service_discovery
"""

EXAMPLES = r"""
- name: An existing container on the network front
  swarmlab.overlay.overlay_attachment:
    attachments:
      - container: legacy
        network: front
        aliases: [billing]

- name: On a worker, with the reason at once if it is refused
  swarmlab.overlay.overlay_attachment:
    attachments:
      - container: legacy
        network: front
        ipv4_address: 10.20.0.77
    seen_by_manager: "{{ hostvars[groups['swarm_managers'][0]].seen }}"   # registered there from overlay_network_info

- name: Off again
  swarmlab.overlay.overlay_attachment:
    attachments:
      - container: legacy
        network: front
    state: absent
"""

RETURN = r"""
attachments:
  description: The declared attachments that exist now, of this node.
  returned: success
  type: list
  elements: dict
  contains:
    container:
      description: The container, as declared.
      type: str
    network:
      description: The network.
      type: str
    address:
      description: Its address there, V(null) in check mode when it would be attached.
      type: str
    names:
      description: The names that resolve to the address, see O(resolve_timeout). Not in check mode, as all that follows.
      type: list
      elements: str
    seen_from:
      description: The container of this node in whose namespace that was asked, V(null) if it was not.
      type: str
    seen_from_peer:
      description: Whether that is another container than the one attached.
      type: bool
    not_seen_because:
      description: Why nothing was asked, V(null) if it was.
      type: str
    seconds:
      description: When it was so.
      type: float
actions:
  description: What was done, or would be done in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: V(attach), V(detach), or V(reattach) because aliases or address differ.
      type: str
    container:
      description: The container.
      type: str
    network:
      description: The network.
      type: str
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.sdk import (
    APIClient,
    engine_argument_spec,
    run_module,
)
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.attachments import ensure_attachments
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.declaration import STATES

ENTRY = {
    "container": {"type": "str", "required": True},
    "network": {"type": "str", "required": True},
    "state": {"type": "str", "choices": STATES},
    "aliases": {"type": "list", "elements": "str"},
    "ipv4_address": {"type": "str"},
    "like": {"type": "str"},
    "node": {"type": "str"},
    "node_id": {"type": "str"},
}


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec=dict(
            engine_argument_spec(),
            attachments={"type": "list", "elements": "dict", "required": True, "options": ENTRY},
            state={"type": "str", "choices": STATES, "default": "present"},
            resolve_timeout={"type": "int", "default": 30},
            seen_by_manager={"type": "dict"},
        ),
        supports_check_mode=True,
    )

    def ensure(module: AnsibleModule, client: APIClient) -> dict[str, t.Any]:
        return ensure_attachments(client, module.params, module.check_mode)

    run_module(module, ensure)


if __name__ == "__main__":
    main()
