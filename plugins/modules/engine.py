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
  - Loads the kernel modules that overlay networks need, now and at boot.
  - Merges declared settings into the engine's C(daemon.json) and keeps all others. The engine itself validates them before anything
    is written (from Engine 23.0 on), and what is there before an engine that does not run is started. Settings that do not work in a swarm
    are refused. If the engine does not start with the new settings, the former file is restored and the engine is started with it.
  - Starts the engine and waits until it answers. Restarts it when settings changed and O(restart) allows it.
  - Returns whether the engine and Docker SDK for Python are installed, the flavour of the engine, and the state of the node in the swarm.
  - It prepares a node in one task, because on an emulated machine each task costs 6 to 10 seconds.
  - The engine is asked through its socket, so it needs neither the program C(docker) nor the SDK.
notes:
  - It installs no packages. The role P(swarmlab.overlay.engine#role) installs them when this module reports them missing.
  - An engine from a snap, one in rootless mode, and Podman under the name of C(docker) are refused.
extends_documentation_fragment:
  - swarmlab.overlay.engine.turn
options:
  daemon:
    description:
      - Settings to merge into C(daemon.json), which is C(/etc/docker/daemon.json) or the file that the engine is started with.
        Dictionaries merge key by key; a null value removes its key.
      - If given, even empty, the existing settings are checked as well.
    type: dict
  docker_host:
    description:
      - Where the Docker Engine of the node listens.
      - If not given, the environment variable E(DOCKER_HOST) of the node is used.
    type: str
    default: unix:///var/run/docker.sock
  kernel_modules:
    description:
      - Names of the kernel modules to load.
      - A module that the kernel does not have is reported in RV(kernel_modules_missing), and does not fail the task,
        because the swarm may not need it on this kernel.
    type: list
    elements: str
    default: []
  restart:
    description:
      - Whether a running engine may be restarted to apply its settings. An engine that does not run is started in any case.
      - V(outside_swarm) restarts the engine of a node that is in no swarm. In a swarm nothing is written, and RV(restart_due) is true
        if settings differ.
      - V(always) restarts it. Use M(swarmlab.overlay.swarm_wait) first, to make sure that the swarm can do without the node.
      - V(forced) restarts it also when no settings changed. The same caution is due.
      - V(never) writes the settings. RV(restart_due) is true while the engine does not run with them yet.
    type: str
    choices: [outside_swarm, always, forced, never]
    default: outside_swarm
  restart_command:
    description: Command that restarts the engine where the host has no systemd.
    type: str
    default: ""
  timeout:
    description: Seconds to wait for the engine to answer.
    type: int
    default: 120
  venv:
    description: Folder of the virtual environment that may hold Docker SDK for Python.
    type: path
    default: /opt/swarmlab-overlay
attributes:
  check_mode:
    support: full
    description: Can run in check mode and predict what would change.
  diff_mode:
    support: full
    description: Shows the difference in C(daemon.json), without passwords and tokens, and the modules loaded at boot.
seealso:
  - module: swarmlab.overlay.engine_install
  - module: swarmlab.overlay.swarm_info
  - module: swarmlab.overlay.swarm_wait
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
  description: Whether Docker Engine is on this node, in C(PATH) or not.
  returned: always
  type: bool
flavour:
  description:
    - What kind of engine it is, by the package that its program belongs to. One of V(docker.io), V(docker-ce), V(moby-engine), V(docker)
      (that of SUSE, Arch, Alpine, Amazon) and V(unknown), which is any other, also one that no package owns. Empty when there is none.
  returned: always
  type: str
package:
  description: The package that the engine's program belongs to, empty when there is none.
  returned: always
  type: str
sdk_version:
  description: Version of Docker SDK for Python, empty when neither this Python nor the one in O(venv) has it.
  returned: always
  type: str
sdk_python:
  description: The Python in O(venv), when the SDK is there and not in the one that ran this module.
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
restart_due:
  description: Whether the engine runs with other settings than the declared ones, until it is restarted.
  returned: always
  type: bool
swarm:
  description: The node's place in a swarm as its engine reports it. See M(swarmlab.overlay.swarm_info) for what it holds.
  returned: when the engine runs
  type: dict
"""

import contextlib
import difflib
import os
import platform
import shutil
import socket
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.swarmlab.overlay.plugins.module_utils import _turn
from ansible_collections.swarmlab.overlay.plugins.module_utils._daemon import flavour, look, process, service, settings
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.client import Engine
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.plain import run_without_sdk
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.transport import engine_argument_spec
from ansible_collections.swarmlab.overlay.plugins.module_utils._host import (
    MODULES_LOAD,
    HostError,
    kernel_modules_package,
    loaded_kernel_modules,
    missing_kernel_modules,
    read_bytes,
    read_text,
)
from ansible_collections.swarmlab.overlay.plugins.module_utils._swarm import place

PRIVATE = 0o600


def write(module: AnsibleModule, path: str, content: bytes, private: bool = False) -> None:
    """Write the file as a whole: through a symlink, with the owner and mode that it had, or for root alone."""
    if module.check_mode:
        return
    target = os.path.realpath(path)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    temporary = f"{target}.swarmlab"
    try:
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE), "wb") as handle:
            handle.write(content)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise HostError(
            f"{socket.gethostname()}: {target} cannot be written ({error.strerror}). Make {os.path.dirname(target)} writable, with room for the file, "
            "and run this again"
        ) from error
    if private:
        os.replace(temporary, target)
    else:
        module.atomic_move(temporary, target)


def difference(path: str, before: str, after: str) -> list[str]:
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
    unavailable = [name for name in missing if process.run("modprobe", *dry, name)[0]]
    return unavailable, len(unavailable) < len(missing)


class Settings:
    """daemon.json of this host: what it holds, what it shall hold, and what the engine runs with."""

    def __init__(self, module: AnsibleModule, seen: look.Seen) -> None:
        self.module = module
        self.seen = seen
        self.path = settings.config_file(seen.flags)
        self.content = self._content()
        # One that was started since and does not answer has not taken them.
        self.mark = service.mark(self.path, seen.running if seen.info else None)
        self.present = self._parsed(self.content)
        # What a dead engine has never taken of ours, and is no longer declared, is not kept.
        ours = self.mark and self.mark.known and seen.info is None and self.mark.written == service.digest(self.content)
        self.wanted = settings.merge(
            self._parsed(self.mark.content) if self.mark and ours else self.present, module.params["daemon"] or {}
        )
        self.differ = self.wanted != self.present
        problem = settings.unfit(self.wanted, seen.flags, self.path) if module.params["daemon"] is not None else ""
        if self.differ and not seen.path:
            problem = "an engine answers there whose program is not on this host, so its settings cannot be declared"
        if problem:
            raise HostError(f"{socket.gethostname()}: {problem}. Nothing was changed")

    def _content(self) -> bytes | None:
        """What the file holds; None without one. A pipe would be waited for without end."""
        try:
            if os.path.exists(self.path) and not os.path.isfile(self.path):
                raise HostError(
                    f"{socket.gethostname()}: {self.path} is no ordinary file; remove it. Nothing was changed"
                )
            return read_bytes(self.path)
        except OSError as error:
            raise HostError(
                f"{socket.gethostname()}: {self.path} cannot be read ({error.strerror}); correct or remove it. Nothing was changed"
            ) from error

    def _parsed(self, content: bytes | None) -> settings.Settings:
        return settings.parse(settings.decode(content or b"", self.path), self.path)

    @property
    def due(self) -> bool:
        """Whether the engine runs with others than it shall."""
        if self.mark and self.mark.known:
            return self.wanted != self._parsed(self.mark.content)
        return self.differ or self.mark is not None

    def validate(self) -> None:
        """Refuse what dockerd itself would refuse, whoever wrote it."""
        problem = service.validate(self.seen.path, self.seen.flags, settings.text_of(self.wanted), self.path)
        if problem and self.differ:
            raise HostError(
                f"{socket.gethostname()}: Docker Engine refuses these settings: {problem}. Nothing was changed"
            )
        if problem:
            raise HostError(
                f"{socket.gethostname()}: Docker Engine refuses the settings in {self.path}: {problem}. Correct that file, or declare "
                "the setting anew, as null to remove it (engine_daemon). Nothing was changed"
            )

    def declare(self) -> list[str]:
        """Write what is declared, and first what to go back to; the lines of the difference, without secrets."""
        if not self.differ:
            return []
        new = settings.text_of(self.wanted).encode("utf-8")
        before = self.mark.content if self.mark and self.mark.known else self.content
        write(self.module, service.mark_of(self.path), service.keep(before, new).encode("ascii"), private=True)
        self.mark = service.Before(True, before, service.digest(new))
        write(self.module, self.path, new)
        return difference(self.path, *(settings.text_of(settings.shown(each)) for each in (self.present, self.wanted)))

    def take_back(self) -> bool:
        """Bring back the file that the engine ran with before, if there is another one."""
        if not self.mark or not self.mark.known or self.mark.content == read_bytes(self.path):
            return False
        if self.mark.content is None:
            os.unlink(os.path.realpath(self.path))
        else:
            write(self.module, self.path, self.mark.content)
        return True

    def taken(self) -> None:
        """The engine runs with what the file holds."""
        mark = service.mark_of(self.path)
        if os.path.exists(mark) and not self.module.check_mode:
            os.unlink(mark)


def bring_up(manager: service.Manager, file: Settings, seen: look.Seen, missing: list[str]) -> None:
    """Start or restart the engine. When it does not come up with new settings, the former ones come back, and the engine with them."""
    problem = manager.bring_up(seen.running, seen.state)
    if not problem:
        file.taken()
        return
    host = socket.gethostname()
    package = kernel_modules_package(missing, read_text("/etc/os-release"), platform.release())
    advice = f" This kernel lacks {', '.join(missing)}; they come with the package {package}." if package else ""
    if not file.take_back():
        raise HostError(f"Docker Engine on {host} does not start: {problem}.{advice}")
    again = manager.bring_up(None, seen.state, enable=False)
    if again:
        raise HostError(
            f"Docker Engine on {host} does not start: {problem}. With its former settings, which are back in {file.path}, "
            f"it does not start either: {again}.{advice}"
        )
    file.taken()
    raise HostError(
        f"Docker Engine on {host} does not start with these settings: {problem}. "
        f"The former ones are back in {file.path}, and it runs with them.{advice}"
    )


def work(module: AnsibleModule) -> dict[str, t.Any]:
    """Declare it when no other module works here: one that keeps the engine stopped for a moment is not disturbed."""
    require_root(module.params)
    with _turn.taken("the engine is prepared", module.params["timeout"], module.check_mode):
        return declare(module)


def declare(module: AnsibleModule) -> dict[str, t.Any]:
    given = module.params
    here = look.sdk_version()
    there = "" if here else look.sdk_version_in(given["venv"])
    seen = look.look(given["docker_host"], given["timeout"])
    result: dict[str, t.Any] = {
        "changed": False,
        "installed": bool(seen.path) or seen.info is not None,
        "flavour": seen.flavour,
        "package": seen.package,
        "sdk_version": here or there,
        "sdk_python": look.python_of(given["venv"]) if there else "",
        "restarted": False,
        "restart_due": False,
        "kernel_modules_missing": [],
    }
    refused = flavour.refusal(seen.flavour, socket.gethostname(), seen.path or given["docker_host"])
    if refused:
        raise HostError(refused)
    if not result["installed"]:
        return result
    file = Settings(module, seen)
    if file.due or seen.info is None:
        file.validate()

    result["kernel_modules_missing"], loaded = load_kernel_modules(module)
    at_boot = [name for name in given["kernel_modules"] if name not in result["kernel_modules_missing"]]
    diff = []
    before, after = read_text(MODULES_LOAD), "".join(f"{name}\n" for name in at_boot)
    if at_boot and before != after:
        write(module, MODULES_LOAD, after.encode("ascii"))
        diff += difference(MODULES_LOAD, before, after)

    may = given["daemon"] is not None and (
        given["restart"] in ("always", "forced") or (given["restart"] == "outside_swarm" and seen.state == "inactive")
    )
    result["restarted"] = seen.info is None or (may and (file.due or given["restart"] == "forced"))
    result["restart_due"] = file.due and not result["restarted"]
    info = seen.info
    manager = service.Manager(
        lambda seconds: Engine(given["docker_host"], max(1, int(seconds))), given["timeout"], given["restart_command"]
    )
    if result["restarted"]:
        manager.require("does not run" if info is None else "must be restarted to take its new settings")
    if result["restarted"] or not file.due or given["restart"] == "never":
        diff += file.declare()
    if not file.due:
        file.taken()
    if result["restarted"] and not module.check_mode:
        bring_up(manager, file, seen, result["kernel_modules_missing"])
        info = Engine(given["docker_host"], given["timeout"]).info()
    if info:
        result["engine_version"] = info["ServerVersion"]
        result["swarm"] = place.ask(Engine(given["docker_host"], given["timeout"]))
    result["changed"] = bool(diff) or loaded or result["restarted"]
    if diff:
        result["diff"] = {"prepared": "\n".join(diff) + "\n"}
    return result


def require_root(given: dict[str, t.Any]) -> None:
    """Settings and kernel modules are root's; to look needs no more than the socket."""
    if os.geteuid() != 0 and (given["daemon"] is not None or given["kernel_modules"]):
        raise HostError(
            f"On {socket.gethostname()} this runs as user id {os.geteuid()}, and a host is prepared as root: use 'become: true'. "
            "Nothing was changed"
        )


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "daemon": {"type": "dict"},
            "docker_host": engine_argument_spec()["docker_host"],
            "kernel_modules": {"type": "list", "elements": "str", "default": []},
            "restart": {
                "type": "str",
                "choices": ["outside_swarm", "always", "forced", "never"],
                "default": "outside_swarm",
            },
            "restart_command": {"type": "str", "default": ""},
            "timeout": {"type": "int", "default": 120},
            "venv": {"type": "path", "default": "/opt/swarmlab-overlay"},
        },
        supports_check_mode=True,
    )
    run_without_sdk(module, work)


if __name__ == "__main__":
    main()
