#!/usr/bin/python
# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# pylint: disable=ansible-bad-function  # run_command has no time limit

from __future__ import annotations

DOCUMENTATION = r"""
module: engine
short_description: Settings, kernel modules and state of a node's Docker Engine in one task
version_added: 0.1.0
author:
  - swarmlab contributors (@swarmlab)
description:
  - Loads the kernel modules that overlay networks need and sees that they are loaded at boot.
  - Merges declared settings into C(/etc/docker/daemon.json) and keeps all others; restarts the engine only when they changed.
  - Starts the engine and waits until it answers.
  - Says whether the engine and Docker SDK for Python are there at all, and the node's place in the swarm.
  - It does one node's preparation in one task, because on an emulated machine each task costs 6 to 10 seconds.
notes:
  - Packages are not its affair; the role P(swarmlab.overlay.engine#role) installs them when this module reports them missing.
options:
  daemon:
    description:
      - Settings to merge into C(daemon.json). Dictionaries merge key by key; a null value removes its key.
    type: dict
    default: {}
  kernel_modules:
    description:
      - Names of the kernel modules to load.
      - A module that the kernel does not have is reported in RV(kernel_modules_missing), and does not fail the task,
        since a kernel may do without it for what the swarm really uses.
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds to wait for the engine to answer.
    type: int
    default: 120
attributes:
  check_mode:
    support: full
    description: Can run in check mode and predict what would change.
  diff_mode:
    support: full
    description: Shows the difference in C(daemon.json) and the modules loaded at boot.
"""

EXAMPLES = r"""
- name: Engine with smaller address pools and overlay's kernel modules
  swarmlab.overlay.engine:
    kernel_modules: [vxlan, ip_vs, esp4]
    daemon:
      default-address-pools:
        - base: 172.30.0.0/16
          size: 24
      live-restore: null
"""

RETURN = r"""
installed:
  description: Whether the program C(dockerd) is on this node.
  returned: always
  type: bool
sdk_version:
  description: Version of Docker SDK for Python, empty when this Python does not have it.
  returned: always
  type: str
engine_version:
  description: Version of the running engine.
  returned: when the engine runs
  type: str
kernel_modules_missing:
  description: Modules asked for that this kernel neither has built in nor can load.
  returned: always
  type: list
  elements: str
restarted:
  description: Whether the engine was started or restarted.
  returned: always
  type: bool
swarm:
  description: The node's place in a swarm as its engine tells it.
  returned: when the engine runs
  type: dict
  contains:
    state:
      description: One of V(inactive), V(pending), V(active), V(error), V(locked).
      type: str
    node_id:
      description: Id of the node, empty outside a swarm.
      type: str
    node_address:
      description: Address that the node advertises.
      type: str
    manager:
      description: Whether the node is a manager.
      type: bool
    managers:
      description: Addresses of the swarm's managers that the node knows.
      type: list
      elements: str
    error:
      description: What the engine says is wrong.
      type: str
"""

import difflib
import json
import os
import platform
import shutil
import subprocess
import time
import typing as t
from importlib import metadata

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.swarmlab.overlay.plugins.module_utils._host import (
    DAEMON_JSON,
    MODULES_LOAD,
    RESTART_MARK,
    HostError,
    loaded_kernel_modules,
    merge_daemon_settings,
    missing_kernel_modules,
    parse_daemon_json,
    read_text,
)


def sdk_version() -> str:
    """Version of Docker SDK for Python. Importing it would take longer than all the rest of this module."""
    try:
        return metadata.version("docker")
    except metadata.PackageNotFoundError:
        return ""


def run(*argv: str) -> tuple[int, str]:
    """Run a program; its exit code and all that it printed."""
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode, done.stdout.strip()


def declare_file(module: AnsibleModule, path: str, before: str, after: str) -> list[str]:
    """Write the file when its text differs; the lines of the difference."""
    if before == after:
        return []
    if not module.check_mode:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        temporary = f"{path}.swarmlab"
        with open(temporary, "w", encoding="utf-8") as handle:
            handle.write(after)
        module.atomic_move(temporary, path)
    return list(difflib.unified_diff(before.splitlines(), after.splitlines(), path, path, lineterm=""))


def kernel_modules_there() -> set[str]:
    return loaded_kernel_modules(
        read_text("/proc/modules"), read_text(f"/lib/modules/{platform.release()}/modules.builtin")
    )


def load_kernel_modules(module: AnsibleModule) -> tuple[list[str], bool]:
    """Load what is missing; the modules that cannot be had, and whether any was loaded."""
    wanted = module.params["kernel_modules"]
    missing = missing_kernel_modules(wanted, kernel_modules_there())
    if not missing or not shutil.which("modprobe"):
        return missing, False
    dry = ["-n"] if module.check_mode else []
    unavailable = [name for name in missing if run("modprobe", *dry, name)[0]]
    return unavailable, len(unavailable) < len(missing)


def engine_info() -> dict[str, t.Any] | None:
    """What the engine says of itself, or nothing when it does not answer."""
    if not shutil.which("docker"):
        return None
    code, out = run("docker", "info", "--format", "{{json .}}")
    if code:
        return None
    info = json.loads(out.splitlines()[-1])
    return info if info.get("ServerVersion") else None


def require_systemd(need: str) -> None:
    if not os.path.isdir("/run/systemd/system"):
        raise HostError(f"Docker Engine {need}, and this host has no systemd to do it; do it by hand and run this again")


def start_engine(module: AnsibleModule, restart: bool) -> None:
    """Start or restart the engine by the host's service manager and wait until it answers."""
    require_systemd("does not run")
    run("systemctl", "enable", "docker.service")
    code, out = run("systemctl", "restart" if restart else "start", "docker.service")
    deadline = time.monotonic() + module.params["timeout"]
    while code == 0 and time.monotonic() < deadline:
        if engine_info():
            return
        time.sleep(1)
    journal = run("journalctl", "-u", "docker.service", "-n", "15", "--no-pager", "-o", "cat")[1]
    raise HostError(f"Docker Engine did not start within {module.params['timeout']} s. {out} Its last words:\n{journal}")


def swarm_place(info: dict[str, t.Any]) -> dict[str, t.Any]:
    """The node's place in the swarm, out of the engine's own words."""
    swarm = info.get("Swarm") or {}
    return {
        "state": swarm.get("LocalNodeState", "inactive"),
        "node_id": swarm.get("NodeID", ""),
        "node_address": swarm.get("NodeAddr", ""),
        "manager": bool(swarm.get("ControlAvailable")),
        "managers": sorted(manager["Addr"] for manager in swarm.get("RemoteManagers") or []),
        "error": swarm.get("Error", ""),
    }


def declare(module: AnsibleModule) -> dict[str, t.Any]:
    result: dict[str, t.Any] = {
        "changed": False,
        "installed": bool(shutil.which("dockerd")),
        "sdk_version": sdk_version(),
        "restarted": False,
        "kernel_modules_missing": [],
    }
    if not result["installed"]:
        return result
    before = read_text(DAEMON_JSON)
    present = parse_daemon_json(before)
    settings = merge_daemon_settings(present, module.params["daemon"])

    result["kernel_modules_missing"], loaded = load_kernel_modules(module)
    at_boot = [name for name in module.params["kernel_modules"] if name not in result["kernel_modules_missing"]]
    diff = []
    if at_boot:
        diff += declare_file(module, MODULES_LOAD, read_text(MODULES_LOAD), "".join(f"{name}\n" for name in at_boot))
    info = engine_info()
    # The mark outlives a run that was interrupted between writing the settings and the restart.
    restart = os.path.exists(RESTART_MARK) or settings != present and info is not None
    if settings != present:
        if restart:
            require_systemd("must be restarted to take its new settings")
            declare_file(module, RESTART_MARK, "", "\n")
        diff += declare_file(module, DAEMON_JSON, before, json.dumps(settings, indent=2, sort_keys=True) + "\n")

    result["restarted"] = restart or info is None
    if result["restarted"] and not module.check_mode:
        start_engine(module, restart)
        info = engine_info()
        if restart:
            os.unlink(RESTART_MARK)
    if info:
        result.update(engine_version=info["ServerVersion"], swarm=swarm_place(info))
    result["changed"] = bool(diff) or loaded or result["restarted"]
    if diff:
        result["diff"] = {"prepared": "\n".join(diff) + "\n"}
    return result


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "daemon": {"type": "dict", "default": {}},
            "kernel_modules": {"type": "list", "elements": "str", "default": []},
            "timeout": {"type": "int", "default": 120},
        },
        supports_check_mode=True,
    )
    try:
        result = declare(module)
    except HostError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
