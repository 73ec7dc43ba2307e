#!/usr/bin/python
# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: overlay_network_info
short_description: Look at overlay networks of a Docker Swarm
version_added: 0.1.0
description:
  - Describes overlay networks as the node sees them, with their peers, services, tasks and endpoints.
  - On a manager also with all users in the swarm, the names that must resolve on each network, and the addresses in use.
  - Returns mistakes that the engine accepts silently, as RV(networks[].findings).
notes:
  - A worker knows only the networks that it has tasks or containers on. This is how Swarm works, and not a fault.
author:
  - swarmlab contributors (@swarmlab)
extends_documentation_fragment:
  - swarmlab.overlay.engine
  - swarmlab.overlay.engine.sdk
  - swarmlab.overlay.attributes.info
options:
  names:
    description:
      - Names of the networks to look at. If not given, all overlays that the node knows.
    type: list
    elements: str
  avoid:
    description:
      - Ranges that overlays must not overlap, because some node reaches something else there. Overlaps are reported.
    type: list
    elements: str
    default: []
    version_added: 0.2.0
seealso:
  - module: swarmlab.overlay.overlay_ingress
  - module: swarmlab.overlay.overlay_network
  - module: swarmlab.overlay.service_discovery
"""

EXAMPLES = r"""
- name: Look at all overlays
  swarmlab.overlay.overlay_network_info:
  register: overlays

- name: Look at two of them
  swarmlab.overlay.overlay_network_info:
    names: [front, back]
"""

RETURN = r"""
node:
  description: Name of the node that was asked.
  returned: success
  type: str
  sample: vm1
manager:
  description: Whether it is a manager.
  returned: success
  type: bool
managers:
  description: Addresses of the managers that the node knows.
  returned: success
  type: list
  elements: str
  sample: ["10.10.0.1:2377"]
records_missing_because:
  description: Why there are no RV(networks[].records) and RV(networks[].users), if the node is no manager.
  returned: success
  type: str
swarm_nodes:
  description: The nodes of the swarm, V(null) on a worker.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: Id of the node.
      type: str
    name:
      description: Its host name.
      type: str
    availability:
      description: V(active), V(pause) or V(drain).
      type: str
    state:
      description: V(ready), V(down) or V(unknown).
      type: str
missing:
  description: Those of O(names) that the node does not know as an overlay.
  returned: success
  type: list
  elements: str
underlay:
  description: The interface of this node that carries the overlays, unless the swarm was given another data-path address.
  returned: success
  type: dict
  contains:
    address:
      description: The node's address in the swarm.
      type: str
    interface:
      description: The interface that has it, V(null) if none has.
      type: str
    mtu:
      description: Its MTU.
      type: int
  sample:
    address: 10.10.0.1
    interface: eth0
    mtu: 1500
networks:
  description: The overlays, sorted by name.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: Id of the network.
      type: str
    name:
      description: Its name.
      type: str
    ingress:
      description: Whether it is the swarm's ingress network.
      type: bool
    allocated:
      description: Whether the swarm has given it a subnet and a VXLAN id.
      type: bool
    managed:
      description: Whether it was created by M(swarmlab.overlay.overlay_network).
      type: bool
    encrypted:
      description: Whether what it carries between nodes is encrypted.
      type: bool
    attachable:
      description: Whether standalone containers may attach.
      type: bool
    internal:
      description: Whether it has no way out.
      type: bool
    mtu:
      description: The MTU if one was set.
      type: int
    subnets:
      description: Its subnets with gateway and range.
      type: list
      elements: dict
    vxlan_ids:
      description: Its VXLAN ids, one for each subnet.
      type: list
      elements: int
    labels:
      description: Its labels, without those of this collection.
      type: dict
    driver_options:
      description: Driver options besides those above.
      type: dict
    peers:
      description: Gossip addresses of the nodes that hold the network, in the view of this node. Empty if it does not hold it itself.
      type: list
      elements: str
    vteps:
      description: Data-path addresses of the nodes with tasks of services on the network, in the view of this node.
      type: list
      elements: str
    services:
      description: Services with C(vip) and C(tasks) (C(name), C(address), C(vtep)), in the view of this node.
      type: list
      elements: dict
    containers:
      description: Endpoints on this node (C(id), C(name), C(address), C(mac), C(load_balancer)).
      type: list
      elements: dict
    users:
      description: Services, tasks and attached containers of the whole swarm that use it. V(null) on a worker.
      type: list
      elements: dict
    nodes:
      description: Names of the nodes that hold the network now, having a task or an attached container on it. V(null) on a worker.
      type: list
      elements: str
    addresses:
      description: Each IPv4 address in use, with C(kind), C(name) and C(node) of its holder. The API does not report those of load balancers.
        V(null) on a worker.
      type: dict
      sample:
        10.0.1.1: {kind: gateway, name: 10.0.1.0/24, node: null}
        10.0.1.2: {kind: service, name: web, node: null}
    published:
      description: Of the ingress network the services that publish ports through it, see M(swarmlab.overlay.overlay_ingress). Otherwise
        empty, V(null) on a worker.
      type: list
      elements: dict
    capacity:
      description:
        - IPv4 addresses, V(null) on a worker. C(size) there are. Held are those of C(gateways), C(vips), C(tasks), C(containers) and
          C(load_balancers) (one for each node that holds the network), together C(used); C(free) are left.
        - C(wanted) is the number of addresses that all declared tasks need, C(missing) the number by which it exceeds C(size).
        - C(engine) has the engine's own count C(used) and C(free) of each subnet, V(null) before API 1.52.
      type: dict
      sample:
        {size: 254, gateways: 1, vips: 1, tasks: 2, containers: 1, load_balancers: 2, used: 7, free: 247, wanted: 7, missing: 0,
         engine: null}
    findings:
      description:
        - What a person should know about, each with C(code) and C(text).
        - V(encrypted-false) is encrypted though its option says false. V(unknown-option) has a driver option that is ignored.
          V(duplicate-name) shares its name, V(overlap) its addresses with another network.
        - V(shadow) hides from its tasks a resolver, a node or a directly connected network, V(routed) perhaps one behind a gateway.
        - V(too-small) has fewer addresses than the services on it need. V(not-allocated) was given none.
          V(unfinished-move) is the stand-in of an interrupted move.
      type: list
      elements: dict
      sample:
        - code: encrypted-false
          text: "it was created with encrypted=false and is encrypted all the same: the engine tests for the key's presence only"
    records:
      description:
        - Each name that must resolve on the network, with the sorted IPv4 addresses it must resolve to. V(null) on a worker.
        - Names are those of services, C(tasks.) with a service, tasks, and network aliases.
      type: dict
      sample:
        tasks.web: [10.0.1.3, 10.0.1.4]
        web: [10.0.1.2]
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.sdk import (
    APIClient,
    engine_argument_spec,
    run_module,
)
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.information import gather


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec=dict(
            engine_argument_spec(),
            names={"type": "list", "elements": "str"},
            avoid={"type": "list", "elements": "str", "default": []},
        ),
        supports_check_mode=True,
    )

    def look(module: AnsibleModule, client: APIClient) -> dict[str, t.Any]:
        return gather(client, module.params)

    run_module(module, look)


if __name__ == "__main__":
    main()
