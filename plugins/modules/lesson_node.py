#!/usr/bin/python
# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lesson_node
short_description: Run one phase of the lesson on one node
version_added: 0.2.0
author:
  - swarmlab contributors (@swarmlab)
description:
  - The node's part of role P(swarmlab.overlay.lesson#role); use the role rather than this module.
  - Types the lesson's commands into a shell with a terminal on the node, and returns what the node knows of the swarm.
  - Everything that is typed there makes objects with the label C(swarmlab.overlay/lesson), which O(phase=end) removes.
extends_documentation_fragment:
  - swarmlab.overlay.engine
attributes:
  action:
    description: Has a corresponding action plugin, which fills in O(plan).
    support: full
  check_mode:
    description: Can run in check mode and return what a run would change, without changing it.
    support: none
    details:
      - In check mode the role only prints the script.
  diff_mode:
    description: Returns what was changed, or in check mode what would be changed.
    support: none
  platform:
    description: The systems it runs on.
    platforms: linux
    support: full
options:
  phase:
    description:
      - V(ready) removes what an earlier lesson left and furnishes the node, V(change) and V(watch) are the two halves of a round, V(end)
        removes everything of the lesson from the node.
      - V(look) only looks. V(run) and V(check) run commands of an exercise, and look whether it is solved.
    type: str
    choices: [ready, change, watch, look, run, check, end]
    required: true
  settings:
    description:
      - The settings of the run, as M(swarmlab.overlay.lesson_run) gave them.
      - The action plugin turns this into O(plan); the module itself does not read it.
    type: dict
  round:
    description: Number of the round, from 0. Read by the action plugin.
    type: int
    default: 0
  act:
    description: What is done for an exercise, as M(swarmlab.overlay.lesson_run) gave it. Read by the action plugin.
    type: dict
  plan:
    description: The plan for this node and phase. Set by the action plugin.
    type: dict
"""

EXAMPLES = r"""
- name: Go through the lesson (the role calls this module)
  hosts: swarm
  gather_facts: false
  roles:
    - role: swarmlab.overlay.lesson
"""

RETURN = r"""
seen:
  description: What this phase saw on the node, as plain data. Empty where nothing was to do.
  returned: success
  type: raw
  sample:
    look: {hostname: vm2, role: worker}
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.plain import run_phase
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.transport import engine_argument_spec
from ansible_collections.swarmlab.overlay.plugins.module_utils._lesson import phases


def main() -> None:
    """Build the module and run it."""
    spec = engine_argument_spec()
    spec.update(
        phase={"type": "str", "choices": list(phases.PHASES), "required": True},
        settings={"type": "dict"},
        round={"type": "int", "default": 0},
        act={"type": "dict"},
        plan={"type": "dict"},
    )
    module = AnsibleModule(argument_spec=spec, supports_check_mode=False)
    run_phase(module, phases.carry_out, changed=module.params["phase"] != phases.LOOK)


if __name__ == "__main__":
    main()
