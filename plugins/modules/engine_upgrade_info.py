#!/usr/bin/python
# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: engine_upgrade_info
short_description: Report what an upgrade, a rolling restart or a reboot of a swarm's nodes will meet on this node
version_added: 0.2.0
description:
  - Reports the engine's version, the newer versions that the host's repositories have, free disk space, containers that end with the
    engine, and the node's place in its swarm.
  - On a manager it also reports what happens to each service when each of the nodes is drained in its turn, and updates that are not through.
  - The package manager's lists are read anew, in check mode too, so that the plan is the one that then happens. Nothing else is changed.
  - It is a part of role P(swarmlab.overlay.upgrade#role).
author:
  - swarmlab contributors (@swarmlab)
extends_documentation_fragment:
  - swarmlab.overlay.engine
  - swarmlab.overlay.engine.stopped
  - swarmlab.overlay.attributes.info
options:
  version:
    description: Version that is wanted on this host, which is returned for the plan of all hosts.
    type: str
    default: ""
  offers:
    description: Whether to look for newer versions of the engine.
    type: bool
    default: true
  restart_command:
    description: Command that restarts the engine where the host has no systemd.
    type: str
    default: ""
  batch:
    description: How many workers are drained at the same time.
    type: int
    default: 1
seealso:
  - module: swarmlab.overlay.engine_upgrade
"""

EXAMPLES = r"""
- name: Which versions there are
  swarmlab.overlay.engine_upgrade_info:
  register: seen
"""

RETURN = r"""
swarm:
  description: The node's place in a swarm. See M(swarmlab.overlay.swarm_info).
  returned: success
  type: dict
version:
  description: Version of the running engine.
  returned: success
  type: str
asked:
  description: What was given as O(version).
  returned: success
  type: str
newer:
  description: Newer versions of the engine that the repositories have, with the versions of their packages.
  returned: success
  type: dict
  sample: {28.5.2: "5:28.5.2-1~debian.13~trixie"}
problem:
  description: Why the engine's packages cannot be upgraded here. Empty when they can.
  returned: success
  type: str
stopping:
  description: Why the engine cannot be stopped and started here. Empty when it can.
  returned: success
  type: str
restarting:
  description: Why the engine cannot be restarted here. Empty when it can.
  returned: success
  type: str
free:
  description: Free MiB where packages are unpacked and where the engine has its data, the least of them.
  returned: success
  type: int
standalone:
  description: Running containers that no service started, and whether they start again with the engine.
  returned: success
  type: list
  elements: dict
outlook:
  description: What the swarm says of all nodes and services.
  returned: on a manager
  type: dict
"""

import socket
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.swarmlab.overlay.plugins.module_utils._daemon import halting, look, process, upgrading
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.plain import engine_of, run_without_sdk
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.transport import engine_argument_spec
from ansible_collections.swarmlab.overlay.plugins.module_utils._host import HostError, require_root
from ansible_collections.swarmlab.overlay.plugins.module_utils._swarm import outlook, place

PACKAGE_SECONDS = 600


def tell(module: AnsibleModule) -> dict[str, t.Any]:
    """What there is."""
    given = module.params
    require_root()
    seen = look.look(given["docker_host"], given["timeout"])
    if seen.info is None:
        raise HostError(f"on {socket.gethostname()} no engine runs. Start it, and run this again")
    engine = engine_of(module)
    here = place.ask(engine)
    offer = upgrading.offer(seen, True, PACKAGE_SECONDS) if given["offers"] else upgrading.Offer()
    way = halting.Way.of(given)
    result: dict[str, t.Any] = {
        "changed": False,
        "swarm": here,
        "version": seen.info.get("ServerVersion") or "",
        "asked": given["version"],
        "newer": _newer(offer, seen.info.get("ServerVersion") or ""),
        "problem": offer.problem,
        "stopping": way.problem(),
        "restarting": ""
        if given["restart_command"] or process.has_systemd()
        else "this host has no systemd: say how the engine is restarted (engine_restart_command)",
        "free": upgrading.room(seen.info.get("DockerRootDir") or ""),
        "standalone": outlook.standalone(
            engine.inspect_container(each["Id"]) for each in engine.containers({}) if place.standalone([each])
        ),
    }
    if here["members"] is not None:
        result["outlook"] = outlook.outlook(
            engine.nodes(),
            engine.services(),
            engine.tasks(),
            engine.inspect_swarm(),
            engine.networks({"driver": ["overlay"]}),
            given["batch"],
        )
    return result


def _newer(offer: upgrading.Offer, running: str) -> dict[str, str]:
    """The versions that can come to run: those of the repositories, and one that is installed and not started yet."""
    waiting = upgrading.numbers(offer.version) > upgrading.numbers(running)
    return {**({upgrading.upstream(offer.version): offer.version} if waiting else {}), **offer.newer}


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec=dict(
            engine_argument_spec(),
            version={"type": "str", "default": ""},
            offers={"type": "bool", "default": True},
            restart_command={"type": "str", "default": ""},
            batch={"type": "int", "default": 1},
            **halting.halting_argument_spec(),
        ),
        supports_check_mode=True,
    )
    run_without_sdk(module, tell)


if __name__ == "__main__":
    main()
