#!/usr/bin/python
# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: verify_probe
version_added: 0.1.0
short_description: One phase of a verification on one node
author:
  - swarmlab contributors (@swarmlab)
description:
  - The working part of role P(swarmlab.overlay.verify#role); use the role rather than this module.
  - It runs in three phases on every node, V(prepare), V(probe), and V(close).
  - V(open) comes between the first two when there are more hosts than forks, because the hosts could not wait for each other then.
    V(measure) comes after V(probe) where performance is measured.
  - Where a probe came only after its node was asked for it, V(reopen) opens it, and V(again) asks once more.
  - Where gossip lacks a probe after V(probe), up to three phases from V(exchange1) to V(exchange3) wait for it, and V(again) asks once more.
  - In V(disrupt) one node is disrupted, and in V(settle) the leader waits until all is as before; a run in these phases follows.
  - An action plugin of the same name works out the plan of each node on the controller from what the earlier phases saw.
  - It speaks to the engine over its socket and needs no Docker SDK for Python on the node.
  - It looks from inside network namespaces and captures on the underlay, and so needs root on the node.
extends_documentation_fragment:
  - swarmlab.overlay.engine
attributes:
  check_mode:
    support: full
    description: Verifying makes temporary objects and removes them again. It changes nothing that lasts, so it runs in check mode too.
  diff_mode:
    support: none
    description: Nothing is changed.
  platform:
    support: full
    description: Linux nodes with Docker Engine.
    platforms: linux
options:
  phase:
    description: Which phase to run.
    type: str
    choices: [prepare, open, probe, reopen, exchange1, exchange2, exchange3, again, measure, close, disrupt, settle]
    required: true
  settings:
    description:
      - What to verify, on the controller's side, as the role gathers it from its variables.
      - The action plugin turns this into O(plan); the module itself does not read it.
    type: dict
  plan:
    description: The plan for this node and phase. Set by the action plugin.
    type: dict
"""

EXAMPLES = r"""
- name: Verify the overlay networks (the role calls this module)
  hosts: swarm
  gather_facts: false
  roles:
    - role: swarmlab.overlay.verify
"""

RETURN = r"""
seen:
  description: What this phase saw on the node, as plain data for the checks.
  returned: success
  type: dict
  sample:
    leader: false
    node: {id: fusqshab7l4fmut51sk6008ia, hostname: vm2, role: worker}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.plain import run_phase
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.transport import engine_argument_spec
from ansible_collections.swarmlab.overlay.plugins.module_utils._verify.phases import PHASES, carry_out


def main() -> None:
    """Build the module and run it."""
    spec = engine_argument_spec()
    spec.update(
        phase={"type": "str", "choices": sorted(PHASES), "required": True},
        settings={"type": "dict"},
        plan={"type": "dict"},
    )
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    run_phase(module, carry_out, changed=False)


if __name__ == "__main__":
    main()
