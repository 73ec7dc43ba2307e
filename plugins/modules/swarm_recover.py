#!/usr/bin/python
# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_recover
short_description: Let one manager continue alone when the majority of a swarm's managers is lost
version_added: 0.2.0
description:
  - With O(state=alone) it makes this manager the only one of its swarm (C(docker swarm init --force-new-cluster)), at the addresses and ports that it
    has. A manager that has a leader is left as it is.
  - With O(state=settled) it restarts the engine, without which gossip and published ports may stay dead, and removes the entries of the lost managers.
  - A swarm with autolock is refused, because the engine would lose it.
  - The module cannot know whether other managers lead the swarm elsewhere. Use role P(swarmlab.overlay.swarm#role) with C(tasks_from=recover), which asks them.
author:
  - swarmlab contributors (@swarmlab)
extends_documentation_fragment:
  - swarmlab.overlay.engine
  - swarmlab.overlay.engine.stopped
  - swarmlab.overlay.engine.turn
  - swarmlab.overlay.attributes
attributes:
  diff_mode:
    support: none
options:
  state:
    description: Which step.
    type: str
    choices: [alone, settled]
    required: true
  node_id:
    description: Id of the manager. The module refuses to run on another node.
    type: str
    required: true
  timeout:
    description: Seconds to wait for the engine, and until the manager leads its swarm.
    type: int
    default: 120
seealso:
  - module: swarmlab.overlay.swarm_restore
"""

EXAMPLES = r"""
- name: The other managers are lost for ever
  swarmlab.overlay.swarm_recover:
    state: alone
    node_id: "{{ seen.swarm.node_id }}" # seen: registered from swarm_info
"""

RETURN = r"""
removed:
  description: Ids of the lost managers' entries that were, or would be, removed.
  returned: with O(state=settled)
  type: list
  elements: str
"""

import socket
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.swarmlab.overlay.plugins.module_utils import _turn
from ansible_collections.swarmlab.overlay.plugins.module_utils._daemon import alone, halting
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.plain import engine_of, run_without_sdk
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.transport import engine_argument_spec
from ansible_collections.swarmlab.overlay.plugins.module_utils._host import HostError, require_root


def work(module: AnsibleModule) -> dict[str, t.Any]:
    """Force a new swarm of this node alone, or remove what is left of the others."""
    given = module.params
    way = halting.Way.of(given)
    require_root()
    problem = way.problem()
    if problem:
        raise HostError(f"{socket.gethostname()}: {problem}. Nothing was changed")
    engine = engine_of(module)
    with _turn.taken(f"a swarm of one manager to be {given['state']}", given["timeout"], module.check_mode):
        if given["state"] == "alone":
            return {"changed": alone.force(engine, given["node_id"], given["timeout"], module.check_mode)}
        removed = alone.settle(engine, way, given["node_id"], module.check_mode)
        return {"changed": bool(removed), "removed": removed}


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec=dict(
            engine_argument_spec(),
            state={"type": "str", "choices": ["alone", "settled"], "required": True},
            node_id={"type": "str", "required": True},
            **halting.halting_argument_spec(),
        ),
        supports_check_mode=True,
    )
    run_without_sdk(module, work)


if __name__ == "__main__":
    main()
