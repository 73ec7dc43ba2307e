#!/usr/bin/python
# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_wait
short_description: Wait until a swarm is healthy, and check that it can do without one of its nodes
version_added: 0.2.0
description:
  - Runs on a manager. Waits until the nodes are ready, the managers among them are reachable, and there is a leader.
  - Then, for O(without), checks that the managers keep their majority while that node's engine is restarted, and that the node
    comes back by itself. A locked manager does not.
  - It changes nothing. Role P(swarmlab.overlay.engine#role) uses it between two restarts.
author:
  - swarmlab contributors (@swarmlab)
extends_documentation_fragment:
  - swarmlab.overlay.engine
  - swarmlab.overlay.attributes.info
options:
  nodes:
    description: Ids of the nodes that must be ready. The default is all that the swarm lists.
    type: list
    elements: str
    default: []
  without:
    description: Id of the node that is restarted next.
    type: str
    default: ""
  unlock_keys:
    description: Unlock keys of a swarm with autolock. A manager can be restarted when the swarm's present key is among them.
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds to wait.
    type: int
    default: 120
seealso:
  - module: swarmlab.overlay.swarm_info
  - module: swarmlab.overlay.engine
"""

EXAMPLES = r"""
- name: Wait until all nodes are ready
  swarmlab.overlay.swarm_wait:
    timeout: 300
"""

RETURN = r"""
seconds:
  description: How long it took.
  returned: success
  type: float
"""

import socket
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.swarmlab.overlay.plugins.module_utils._daemon import members
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.client import Engine, Refused
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.plain import engine_of, run_without_sdk
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.transport import (
    EngineError,
    engine_argument_spec,
    wait_until,
)
from ansible_collections.swarmlab.overlay.plugins.module_utils._host import HostError
from ansible_collections.swarmlab.overlay.plugins.module_utils._swarm import place


def whole(engine: Engine, nodes: t.Sequence[str]) -> tuple[bool, tuple[list[place.Member], list[str]]]:
    """Whether the swarm is whole; its members, and what is missing."""
    try:
        seen = place.ask(engine)
    except (EngineError, Refused) as error:
        return False, ([], [error.message])
    if seen["members"] is None:
        return False, (
            [],
            [seen["error"] or f"{socket.gethostname()} is not a manager: its state in the swarm is '{seen['state']}'"],
        )
    missing = members.unready(seen["members"], nodes or [member["id"] for member in seen["members"]])
    return not missing, (seen["members"], missing)


def refusal(engine: Engine, listed: list[place.Member], without: str, keys: t.Sequence[str]) -> str:
    """Why the swarm cannot do without the node."""
    lost = members.majority_lost(listed, without)
    if lost:
        return lost
    node = next((member for member in listed if member["id"] == without), None)
    if (
        not node
        or node["role"] != "manager"
        or not engine.inspect_swarm()["Spec"]["EncryptionConfig"].get("AutoLockManagers")
    ):
        return ""
    if not keys:
        return f"{members.name(node)} cannot be restarted: the swarm is autolocked, and it would wait for 'docker swarm unlock'"
    if engine.call("GET", "/swarm/unlockkey")["UnlockKey"] not in keys:
        return f"{members.name(node)} cannot be restarted: the swarm is autolocked, and its present key is not among the unlock keys that were given"
    return ""


def work(module: AnsibleModule) -> dict[str, t.Any]:
    """Wait until the swarm is whole, and refuse where it cannot do without the node."""
    given, engine = module.params, engine_of(module)
    waited = wait_until(lambda: whole(engine, given["nodes"]), given["timeout"])
    listed, missing = waited.seen
    if not waited.done:
        raise HostError(f"The swarm is not whole after {given['timeout']} s: {'; '.join(missing)}")
    problem = refusal(engine, listed, given["without"], given["unlock_keys"])
    if problem:
        raise HostError(problem)
    return {"changed": False, "seconds": waited.seconds}


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec=dict(
            engine_argument_spec(),
            nodes={"type": "list", "elements": "str", "default": []},
            without={"type": "str", "default": ""},
            unlock_keys={"type": "list", "elements": "str", "default": [], "no_log": True},
            timeout={"type": "int", "default": 120},
        ),
        supports_check_mode=True,
    )
    run_without_sdk(module, work)


if __name__ == "__main__":
    main()
