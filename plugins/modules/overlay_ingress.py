#!/usr/bin/python
# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: overlay_ingress
short_description: Declare the ingress network of a Docker Swarm
version_added: 0.2.0
description:
  - Sets subnet, MTU and encryption of the network behind published ports. It is created if the swarm has none.
  - What is declared is compared completely. What is not declared means its default, except subnets, gateways and VXLAN ids.
  - To see the network and the services that publish through it, use M(swarmlab.overlay.overlay_network_info).
notes:
  - It cannot be changed in place, and a swarm has only one. With O(in_use=reattach) the published ports are taken off their services, the
    network is removed and created again, and the ports are published again. Published ports do not answer meanwhile. Tasks of these
    services are replaced twice by the services' own update configuration, but with new tasks started before old ones stop, unless
    a service has mounts or a limit of replicas for each node. Ports of mode C(host) stay.
  - The state of the change is kept in the swarm alone. Until the ports of a service are published again, it keeps them in the label
    C(swarmlab.overlay/published-before), and its update order in C(swarmlab.overlay/order-before-ingress). If a run is
    interrupted, the next one finishes, whatever O(in_use) is, or rolls back if the network is declared as it was.
  - Published ports that the swarm chose may change. Declare the ports that clients rely on.
  - An engine takes up a new ingress network only when the record of its node changes. So each node gets the label
    C(swarmlab.overlay/nudge) for a moment. The module waits until every node that is ready holds the network.
author:
  - swarmlab contributors (@swarmlab)
extends_documentation_fragment:
  - swarmlab.overlay.engine
  - swarmlab.overlay.engine.sdk
  - swarmlab.overlay.engine.manager
  - swarmlab.overlay.attributes
options:
  encrypted:
    description:
      - Encrypt what the routing mesh carries between nodes (IPsec ESP).
    type: bool
    default: false
  subnets:
    description:
      - IPv4 subnets, as M(swarmlab.overlay.overlay_network) takes them. If not given, the swarm's choice.
      - Every node needs an address on them, and every task with a published port.
    type: list
    elements: raw
  mtu:
    description:
      - What the network's packets may fill of the wire between the nodes, 68 to 65535, or V(auto) for the smallest of O(underlay_mtu).
        The interfaces on the network get 50 bytes less, or 76 less if O(encrypted).
      - If not given, the engine takes the wire for 1500.
    type: str
  labels:
    description:
      - Labels of the network, strings to strings.
    type: dict
  driver_options:
    description:
      - C(com.docker.network.driver.overlay.vxlanid_list), VXLAN ids separated by commas, one for each subnet.
    type: dict
  in_use:
    description:
      - What to do when the network differs and services publish ports through it.
      - V(refuse) fails with the list of services and ports, and changes nothing.
      - V(reattach) removes the ports from their services, and publishes them again when the network is as declared.
    type: str
    choices: [refuse, reattach]
    default: refuse
  underlay_mtu:
    description:
      - MTU of the interface that carries the overlays on each node, for O(mtu=auto). The role C(overlays) collects them.
    type: list
    elements: int
    default: []
  timeout:
    description:
      - Seconds that each step may take.
    type: int
    default: 120
seealso:
  - module: swarmlab.overlay.overlay_network
  - module: swarmlab.overlay.overlay_network_info
"""

EXAMPLES = r"""
- name: The routing mesh encrypted, on a subnet of our own
  swarmlab.overlay.overlay_ingress:
    encrypted: true
    subnets:
      - subnet: 10.30.0.0/24
        gateway: 10.30.0.1

- name: The same though services publish ports
  swarmlab.overlay.overlay_ingress:
    encrypted: true
    in_use: reattach

- name: As the engine makes it
  swarmlab.overlay.overlay_ingress:
"""

RETURN = r"""
network:
  description: The ingress network, described as by M(swarmlab.overlay.overlay_network). In check mode as it would be.
  returned: success
  type: dict
published:
  description: The services that publish ports through it, and those whose ports are recorded.
  returned: success and refusal
  type: list
  elements: dict
  contains:
    service:
      description: Name of the service.
      type: str
    parked:
      description: Whether its ports are off, and recorded in a label.
      type: bool
    ports:
      description: Its ports, each with C(protocol), C(target) and C(published).
      type: list
      elements: dict
  sample:
    - service: web
      parked: false
      ports:
        - {protocol: tcp, target: 80, published: 8080}
actions:
  description: What was done, or would be done in check mode; one entry, or none.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: V(create), V(recreate), V(reattach) (recreated, ports taken off and given back) or V(finish) (what an interrupted run
        left, or nodes that did not hold the network).
      type: str
    differences:
      description: The properties that differ, each with C(before) and C(after).
      type: dict
    published:
      description: The services and ports concerned, as RV(published).
      type: list
      elements: dict
differences:
  description: The properties that differ.
  returned: refusal
  type: dict
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.sdk import (
    APIClient,
    engine_argument_spec,
    run_module,
)
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.ingress import ensure_ingress


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec=dict(
            engine_argument_spec(),
            encrypted={"type": "bool", "default": False},
            subnets={"type": "list", "elements": "raw"},
            mtu={"type": "str"},
            labels={"type": "dict"},
            driver_options={"type": "dict"},
            in_use={"type": "str", "choices": ["refuse", "reattach"], "default": "refuse"},
            underlay_mtu={"type": "list", "elements": "int", "default": []},
            timeout={"type": "int", "default": 120},
        ),
        supports_check_mode=True,
    )

    def ensure(module: AnsibleModule, client: APIClient) -> dict[str, t.Any]:
        return ensure_ingress(client, module.params, module.check_mode, module.warn)

    run_module(module, ensure)


if __name__ == "__main__":
    main()
