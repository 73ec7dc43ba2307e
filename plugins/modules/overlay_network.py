#!/usr/bin/python
# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: overlay_network
short_description: Declare overlay networks of a Docker Swarm
version_added: 0.1.0
description:
  - Creates, changes and removes overlay networks, one or a whole list in one call.
  - What is declared is compared completely. What is not declared means its default, so a network that is attachable while
    the declaration does not say so differs. Only subnets, gateways and VXLAN ids are left to the swarm when they are not declared.
  - The whole declaration is checked before anything is changed. If one entry is invalid, or one network cannot be changed, nothing is changed.
notes:
  - An overlay cannot be changed in place. It is removed and created again, which the swarm refuses while a service, a task or
    an attached container uses it. The module then fails with the list of users, and changes nothing, unless O(in_use=reattach).
  - With O(in_use=reattach) users wait on a stand-in network while theirs is replaced. All users join the second network before
    any user leaves the first, so any two of them share a network at every moment. Services are rolled over four times
    by their own update configuration, but with new tasks started before old ones stop, unless a service has mounts, ports of mode
    C(host) or a limit of replicas for each node. Running containers are connected and disconnected without a restart.
  - The state of a move is kept in the swarm alone. If a run is interrupted, the next one finishes the move, or rolls it back
    if the network is declared as it was, whatever O(in_use) is. Stand-in and services carry labels (C(swarmlab.overlay/stands-in-for),
    C(swarmlab.overlay/addresses), C(swarmlab.overlay/order-before)) until then.
  - A network that was made by other means is adopted if it matches the declaration. It gets no label of this collection, because a label
    can only be set when a network is created.
  - The engine tests for the presence of the driver option C(encrypted), so C(encrypted=false) encrypts. Use O(encrypted).
author:
  - swarmlab contributors (@swarmlab)
extends_documentation_fragment:
  - swarmlab.overlay.engine
  - swarmlab.overlay.engine.sdk
  - swarmlab.overlay.engine.manager
  - swarmlab.overlay.attributes
options:
  name:
    description:
      - The network's name.
      - Exactly one of O(name) and O(networks) must be given.
    type: str
  networks:
    description:
      - Several networks, each with the options that describe one. Many networks take hardly longer than one.
    type: list
    elements: dict
    suboptions:
      name:
        description: The network's name.
        type: str
        required: true
      state:
        description: Whether this network should exist. The default is the O(state) of the call.
        type: str
        choices: [present, absent]
      encrypted:
        description: See O(encrypted).
        type: bool
      attachable:
        description: See O(attachable).
        type: bool
      internal:
        description: See O(internal).
        type: bool
      subnets:
        description: See O(subnets).
        type: list
        elements: raw
      mtu:
        description: See O(mtu).
        type: str
      labels:
        description: See O(labels).
        type: dict
      driver_options:
        description: See O(driver_options).
        type: dict
  encrypted:
    description:
      - Encrypt what the network carries between nodes (IPsec ESP). The default is V(false). The swarm's control plane is always encrypted.
    type: bool
  attachable:
    description:
      - Let standalone containers attach to the network, not only the tasks of services. The default is V(false).
    type: bool
  internal:
    description:
      - Give the network no way out through the node. The default is V(false).
    type: bool
  subnets:
    description:
      - IPv4 subnets, each as V(10.20.0.0/24) or as a dictionary with C(subnet) and, if wanted, C(gateway) and C(ip_range).
      - If not given, the swarm takes one from its address pools. It does not check what the nodes can reach, unless
        O(address_pools) or O(avoid) is given.
      - They may not overlap each other or any other network of the swarm.
    type: list
    elements: raw
  mtu:
    description:
      - What the network's packets may fill of the wire between the nodes, 68 to 65535. The interfaces on the network get 50 bytes less,
        or 76 less if O(encrypted), which the engine takes off itself. It is the driver option C(com.docker.network.driver.mtu).
      - V(auto) is the smallest of O(underlay_mtu).
      - If not given, the engine takes the wire for 1500, whatever it is.
    type: str
  labels:
    description:
      - Labels of the network, strings to strings. The label C(swarmlab.overlay/managed) is added.
    type: dict
  driver_options:
    description:
      - Further options of the overlay driver. It knows C(com.docker.network.driver.overlay.vxlanid_list), VXLAN ids separated by
        commas, one for each subnet.
      - All others are refused, because the driver ignores misspelt ones silently.
    type: dict
  state:
    description:
      - Whether the networks should exist.
    type: str
    choices: [present, absent]
    default: present
  in_use:
    description:
      - What to do when a network that differs from its declaration is in use.
      - V(refuse) fails with the list of users, and changes nothing at all.
      - V(reattach) replaces the network under its users and keeps everything else of their specification, such as aliases and
        driver options. Addresses of attached containers are kept if O(subnets) holds them and they are free.
      - Jobs cannot be moved, as they would run again, and containers only to an attachable network. These are refused.
      - A network in use is never removed by O(state=absent) or O(purge).
    type: str
    choices: [refuse, reattach]
    default: refuse
    version_added: 0.2.0
  containers_elsewhere:
    description:
      - What to do with O(in_use=reattach) when containers of other nodes are attached. Only their own engine can move them.
      - V(refuse) fails and names them before anything is changed.
      - V(return) does all that can be done here, and returns what the other nodes have to do next as RV(pending), which
        M(swarmlab.overlay.overlay_attachment) takes on each of them. The role C(overlays) does that.
    type: str
    choices: [refuse, return]
    default: refuse
    version_added: 0.2.0
  purge:
    description:
      - Remove networks that carry this collection's label and are not among O(networks). Others are never touched.
      - One that is in use is an error, and then nothing is changed.
    type: bool
    default: false
    version_added: 0.2.0
  underlay_mtu:
    description:
      - MTU of the interface that carries the overlays on each node, for O(mtu=auto).
      - M(swarmlab.overlay.overlay_network_info) returns that of the node it runs on as RV(swarmlab.overlay.overlay_network_info#module:underlay).
        The role C(overlays) collects them.
    type: list
    elements: int
    default: []
    version_added: 0.2.0
  address_pools:
    description:
      - Where new networks without O(subnets) get theirs, the first that overlaps no other network, no route, resolver or node
        address that is known here, and nothing of O(avoid). Networks that exist keep what they have.
      - If not given while O(avoid) is, the swarm's own address pools.
    type: list
    elements: str
    default: []
    version_added: 0.2.0
  subnet_size:
    description:
      - Prefix length of subnets from O(address_pools). The default is that of the swarm, usually 24.
    type: int
    version_added: 0.2.0
  avoid:
    description:
      - Ranges that overlays must not overlap, such as V(192.168.0.0/16), because some node reaches something else there.
      - This node's own directly connected networks and resolvers, and the addresses of all nodes, need not be named.
      - A declared subnet that overlaps one of all these is refused.
    type: list
    elements: str
    default: []
    version_added: 0.2.0
  timeout:
    description:
      - Seconds to wait until the swarm has removed and allocated everything. While users are moved it is the time for each round
        of their services.
    type: int
    default: 60
seealso:
  - module: swarmlab.overlay.overlay_attachment
  - module: swarmlab.overlay.overlay_ingress
  - module: swarmlab.overlay.overlay_network_info
  - module: swarmlab.overlay.overlay_service
"""

EXAMPLES = r"""
- name: One encrypted network that containers may attach to
  swarmlab.overlay.overlay_network:
    name: secret
    encrypted: true
    attachable: true

- name: Many networks, in one call
  swarmlab.overlay.overlay_network:
    networks:
      - name: front
        attachable: true
      - name: back
        internal: true
        encrypted: true
        mtu: 1374
        subnets:
          - subnet: 10.20.0.0/24
            gateway: 10.20.0.1
        labels:
          team: storage
      - name: old
        state: absent

- name: Encrypt a network that services and containers use
  swarmlab.overlay.overlay_network:
    name: front
    attachable: true
    encrypted: true
    in_use: reattach
    timeout: 300

- name: The largest packets that all nodes can carry, and subnets that overlap nothing
  swarmlab.overlay.overlay_network:
    networks:
      - name: bulk
        mtu: auto
      - name: bulk-secret
        encrypted: true
        mtu: auto
    underlay_mtu: [9000, 1500]
    address_pools: [10.64.0.0/12]
    avoid: [10.70.0.0/16]

- name: These networks of ours and no other
  swarmlab.overlay.overlay_network:
    networks:
      - name: front
      - name: back
    purge: true

- name: No such network any more
  swarmlab.overlay.overlay_network:
    name: front
    state: absent
"""

RETURN = r"""
networks:
  description: The declared networks that exist now, in the order of the declaration.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: Id of the network, V(null) in check mode when it would be created.
      type: str
    name:
      description: Its name.
      type: str
    encrypted:
      description: Whether it is encrypted.
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
    managed:
      description: Whether it was created by this module.
      type: bool
  sample:
    - attachable: true
      driver_options: {}
      encrypted: true
      id: p7n6122ongun5jp1f64l21pjr
      internal: false
      labels: {}
      managed: true
      mtu: null
      name: secret
      subnets:
        - gateway: 10.0.1.1
          ip_range: null
          subnet: 10.0.1.0/24
      vxlan_ids: [4097]
actions:
  description: What was done, or would be done in check mode, in the order of the declaration.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: V(create), V(recreate), V(reattach) (recreated under its users, or such a move finished) or V(remove).
      type: str
    name:
      description: The network.
      type: str
    differences:
      description: For V(recreate) and V(reattach) the properties that differ, each with C(before) and C(after).
      type: dict
    users:
      description: For V(reattach) the services and containers that are moved.
      type: list
      elements: dict
  sample:
    - action: recreate
      differences:
        encrypted:
          after: true
          before: false
      name: secret
pending:
  description: What other nodes have to do before the move can go on, see O(containers_elsewhere). Run this module again then.
  returned: success
  type: list
  elements: dict
  contains:
    node:
      description: Host name of the node.
      type: str
    node_id:
      description: Its id in the swarm.
      type: str
    container:
      description: Id of the container.
      type: str
    network:
      description: The network to be put on, or to be taken off.
      type: str
    state:
      description: V(present) or V(absent).
      type: str
    like:
      description: The network whose aliases and driver options the attachment takes over.
      type: str
    ipv4_address:
      description: The address to ask for, V(null) for any.
      type: str
refused:
  description: The networks in use that were not touched, each with its users and differences.
  returned: failure because of use
  type: list
  elements: dict
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.sdk import APIClient, run_module
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.declaration import declaring_module
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.networks import ensure_networks


def network_options() -> dict[str, dict[str, t.Any]]:
    """Options that describe one network."""
    return {
        "encrypted": {"type": "bool"},
        "attachable": {"type": "bool"},
        "internal": {"type": "bool"},
        "subnets": {"type": "list", "elements": "raw"},
        "mtu": {"type": "str"},
        "labels": {"type": "dict"},
        "driver_options": {"type": "dict"},
    }


def main() -> None:
    """Entry point."""
    module = declaring_module(
        "networks",
        network_options(),
        timeout=60,
        in_use={"type": "str", "choices": ["refuse", "reattach"], "default": "refuse"},
        containers_elsewhere={"type": "str", "choices": ["refuse", "return"], "default": "refuse"},
        purge={"type": "bool", "default": False},
        underlay_mtu={"type": "list", "elements": "int", "default": []},
        address_pools={"type": "list", "elements": "str", "default": []},
        subnet_size={"type": "int"},
        avoid={"type": "list", "elements": "str", "default": []},
    )
    if module.params["purge"] and module.params["networks"] is None:
        module.fail_json(
            msg="purge needs the whole list of networks: give 'networks' instead of 'name'. Nothing was changed."
        )

    def ensure(module: AnsibleModule, client: APIClient) -> dict[str, t.Any]:
        return ensure_networks(client, module.params, module.check_mode, module.warn)

    run_module(module, ensure)


if __name__ == "__main__":
    main()
