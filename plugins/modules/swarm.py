#!/usr/bin/python
# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm
short_description: Settings of a Docker Swarm
version_added: 0.2.0
description:
  - Declares the settings of the swarm that a manager belongs to. It does not make a swarm, see role P(swarmlab.overlay.swarm#role).
  - Every option is compared. The whole specification is sent back, so what is not declared stays as it is.
  - Settings that are fixed when a swarm is made (O(default_addr_pool), O(subnet_size), O(data_path_port)) are compared too. A difference is refused
    before anything is changed.
author:
  - swarmlab contributors (@swarmlab)
extends_documentation_fragment:
  - swarmlab.overlay.engine
  - swarmlab.overlay.engine.sdk
  - swarmlab.overlay.attributes
options:
  autolock:
    description:
      - Whether managers need the unlock key after each restart of their engine.
      - Store the key elsewhere (C(docker swarm unlock-key)) before any manager is restarted. A swarm with autolock that has lost the majority
        of its managers cannot be recovered with C(--force-new-cluster); a majority of them must be brought back.
    type: bool
  heartbeat:
    description: Seconds between two heartbeats of a node. A node counts as down after three missed heartbeats.
    type: int
  task_history:
    description: How many ended tasks are kept for each slot of a service.
    type: int
  snapshot_interval:
    description: Entries of the managers' log between two snapshots.
    type: int
  keep_old_snapshots:
    description: How many snapshots besides the newest are kept.
    type: int
  log_entries_for_slow_followers:
    description: Entries of the log that are kept after a snapshot, for managers that are behind.
    type: int
  node_cert_expiry:
    description: Hours that a node's certificate is valid, 1 at least. It applies to the certificates that are issued from then on.
    type: int
  labels:
    description: Labels of the swarm, all of them. Labels that this collection keeps for itself stay.
    type: dict
  default_addr_pool:
    description: Ranges out of which networks get their subnets. Fixed when the swarm is made.
    type: list
    elements: str
  subnet_size:
    description: Prefix length of these subnets. Fixed when the swarm is made.
    type: int
  data_path_port:
    description: UDP port of the overlay networks' traffic. Fixed when the swarm is made.
    type: int
seealso:
  - module: swarmlab.overlay.swarm_info
  - module: swarmlab.overlay.swarm_node
  - module: community.docker.docker_swarm
"""

EXAMPLES = r"""
- name: Certificates of a month, and a short history
  swarmlab.overlay.swarm:
    node_cert_expiry: 720
    task_history: 2

- name: What the settings would be
  swarmlab.overlay.swarm:
    heartbeat: 10
    labels:
      site: north
  check_mode: true
  diff: true
"""

RETURN = r"""
settings:
  description: The settings that the swarm has, or in check mode would have.
  returned: success
  type: dict
  sample:
    {autolock: false, data_path_port: 4789, default_addr_pool: [10.0.0.0/8], heartbeat: 5, keep_old_snapshots: 0, labels: {},
     log_entries_for_slow_followers: 500, node_cert_expiry: 2160, snapshot_interval: 10000, subnet_size: 24, task_history: 5}
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.sdk import (
    APIClient,
    engine_argument_spec,
    require_manager,
    run_module,
)
from ansible_collections.swarmlab.overlay.plugins.module_utils._swarm.changing import declare
from ansible_collections.swarmlab.overlay.plugins.module_utils._swarm.labels import label_texts

NUMBERS = (
    "data_path_port",
    "heartbeat",
    "keep_old_snapshots",
    "log_entries_for_slow_followers",
    "node_cert_expiry",
    "snapshot_interval",
    "subnet_size",
    "task_history",
)


def work(module: AnsibleModule, client: APIClient) -> dict[str, t.Any]:
    """Declare the settings, with the labels as the texts that they are to the engine."""
    require_manager(client)
    wanted = dict(module.params)
    if wanted["labels"] is not None:
        wanted["labels"] = label_texts(wanted["labels"], "labels")
    return declare(client, wanted, module.check_mode)


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec=dict(
            engine_argument_spec(),
            autolock={"type": "bool"},
            labels={"type": "dict"},
            default_addr_pool={"type": "list", "elements": "str"},
            **{number: {"type": "int"} for number in NUMBERS},
        ),
        supports_check_mode=True,
    )
    run_module(module, work)


if __name__ == "__main__":
    main()
