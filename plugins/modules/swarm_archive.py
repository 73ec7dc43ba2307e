#!/usr/bin/python
# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_archive
short_description: The node's half of a backup and of a restoration of a swarm
version_added: 0.2.0
description:
  - Module M(swarmlab.overlay.swarm_backup) and module M(swarmlab.overlay.swarm_restore) use it; use them, or role
    P(swarmlab.overlay.swarm#role).
  - It stops the engine together with its socket unit, copies the swarm's state or puts it back, and starts the engine again. If the module's
    own process is killed in between, a process that it left behind starts the engine.
  - An archive on its way lies below the engine's data root, in a folder of root with mode 0700, and has mode 0600 from its first byte on.
  - It needs neither Docker SDK for Python nor the program C(docker) on the host.
author:
  - swarmlab contributors (@swarmlab)
extends_documentation_fragment:
  - swarmlab.overlay.engine
  - swarmlab.overlay.engine.stopped
  - swarmlab.overlay.engine.turn
  - swarmlab.overlay.attributes.secrets
  - swarmlab.overlay.attributes
attributes:
  idempotent:
    support: none
    details:
      - Each archive is made anew.
options:
  stage:
    description:
      - V(look) returns what must be known beforehand. V(take) copies the state into an archive. V(read) and V(write) carry parts of it, V(drop)
        removes it. V(put) puts the state in place of the host's own.
    type: str
    choices: [look, take, read, write, put, drop]
    required: true
  name:
    description: Name of the archive.
    type: str
    default: ""
  node_id:
    description: Id of the node whose state is copied. For O(stage=take).
    type: str
    default: ""
  address:
    description: Address that must be the host's own. For O(stage=look).
    type: str
    default: ""
  offset:
    description: Where the part begins. For O(stage=read) and O(stage=write).
    type: int
    default: 0
  data:
    description: The part, in Base64. For O(stage=write).
    type: str
  sha256:
    description: Checksum that the archive must have. For O(stage=put).
    type: str
    default: ""
seealso:
  - module: swarmlab.overlay.swarm_backup
  - module: swarmlab.overlay.swarm_restore
"""

EXAMPLES = r"""
- name: What a backup of this host would be of
  swarmlab.overlay.swarm_archive:
    stage: look
"""

RETURN = r"""
swarm:
  description: The host's place in its swarm, as M(swarmlab.overlay.swarm_info) returns it.
  returned: with O(stage=look)
  type: dict
problem:
  description: Why the state cannot be copied, or the engine cannot be stopped and started on this host.
  returned: with O(stage=look)
  type: str
own_address:
  description: Whether O(address) is on an interface of this host.
  returned: with O(stage=look)
  type: bool
manifest:
  description: What the archive is of. It has no secrets.
  returned: with O(stage=take)
  type: dict
part:
  description: A part of the archive, in Base64.
  returned: with O(stage=read)
  type: str
aside:
  description: Where the former state of this host is now.
  returned: with O(stage=put)
  type: str
"""

import base64
import socket
import time
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.swarmlab.overlay.plugins.module_utils import _turn
from ansible_collections.swarmlab.overlay.plugins.module_utils._daemon import halting, saving
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.client import Engine
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.plain import engine_of, run_without_sdk
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.transport import engine_argument_spec
from ansible_collections.swarmlab.overlay.plugins.module_utils._host import HostError, require_root

PART = 4 * 1024 * 1024  # bytes of one part
Given = t.Mapping[str, t.Any]


def look(engine: Engine, given: Given) -> dict[str, t.Any]:
    """What this host is, and what stands against a backup of it."""
    seen = _turn.again(lambda: saving.look(engine), given["timeout"])
    problem = halting.Way.of(given).problem() or (saving.refusal(seen, given["node_id"]) if given["node_id"] else "")
    return {
        **{key: value for key, value in seen.items() if key != "settings"},
        "problem": problem,
        "own_address": bool(given["address"]) and saving.owns(given["address"]),
    }


def take(engine: Engine, given: Given) -> dict[str, t.Any]:
    """Copy the state while the engine is stopped."""
    seen = saving.look(engine)
    problem = halting.Way.of(given).problem() or saving.refusal(seen, given["node_id"])
    if problem:
        raise HostError(f"{socket.gethostname()}: {problem}. Nothing was done")
    path = saving.path_of(seen["data_root"], given["name"])
    began = time.monotonic()
    try:
        with halting.halted(halting.Way.of(given), given["docker_host"], "active"):
            saving.pack(seen["data_root"], path)
    except OSError as error:
        raise HostError(
            f"{socket.gethostname()}: the state cannot be copied to {path}: {error.strerror or error}. The engine runs again. Repair this, and run it again"
        ) from error
    size, sha256 = saving.digest(path)
    told = saving.manifest(seen, time.time())
    return {"manifest": {**told, "size": size, "sha256": sha256}, "seconds": round(time.monotonic() - began, 1)}


def read(engine: Engine, given: Given) -> dict[str, t.Any]:
    data = saving.read(_path(engine, given), given["offset"], PART)
    return {"part": base64.b64encode(data).decode("ascii")}


def write(engine: Engine, given: Given) -> dict[str, t.Any]:
    saving.write(_path(engine, given), given["offset"], base64.b64decode(given["data"] or ""))
    return {}


def drop(engine: Engine, given: Given) -> dict[str, t.Any]:
    saving.clear(_path(engine, given))
    return {}


def put(engine: Engine, given: Given) -> dict[str, t.Any]:
    """Put the archive's state in place, while the engine is stopped."""
    seen = saving.look(engine)
    path = _path(engine, given)
    problem = halting.Way.of(given).problem()
    if not problem and seen["swarm"]["state"] != "inactive":
        problem = f"it is in a swarm (its engine says: {seen['swarm']['state']})"
    if not problem and saving.digest(path)[1] != given["sha256"]:
        problem = "the archive that arrived is not the one that was sent"
    if problem:
        raise HostError(f"{socket.gethostname()}: {problem}. Nothing was changed")
    try:
        with halting.halted(halting.Way.of(given), given["docker_host"], "inactive"):
            aside = saving.unpack(seen["data_root"], path)
    except OSError as error:
        raise HostError(
            f"{socket.gethostname()}: the archive cannot be unpacked in {seen['data_root']}: {error.strerror or error}. The engine runs again, with the state"
            " that it had. Repair the cause, and run this again"
        ) from error
    saving.clear(path)
    return {"aside": aside}


def _path(engine: Engine, given: Given) -> str:
    return saving.path_of(engine.info()["DockerRootDir"], given["name"])


STAGES = {"look": look, "take": take, "read": read, "write": write, "put": put, "drop": drop}
CHANGING = {"take": "the state of the swarm is copied", "put": "the state of the swarm is put back"}


def work(module: AnsibleModule) -> dict[str, t.Any]:
    """Run the stage."""
    given = module.params
    require_root()
    changed = given["stage"] in CHANGING
    if module.check_mode and given["stage"] != "look":
        return {"changed": changed}
    with _turn.taken(CHANGING.get(given["stage"], ""), given["timeout"], not changed):
        return {"changed": changed, **STAGES[given["stage"]](engine_of(module), given)}


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec=dict(
            engine_argument_spec(),
            stage={"type": "str", "choices": list(STAGES), "required": True},
            name={"type": "str", "default": ""},
            node_id={"type": "str", "default": ""},
            address={"type": "str", "default": ""},
            offset={"type": "int", "default": 0},
            data={"type": "str", "no_log": True},
            sha256={"type": "str", "default": ""},
            **halting.halting_argument_spec(),
        ),
        supports_check_mode=True,
    )
    run_without_sdk(module, work)


if __name__ == "__main__":
    main()
