#!/usr/bin/python
# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: engine_install
short_description: Install Docker Engine and Docker SDK for Python where they are missing, and replace no engine
version_added: 0.2.0
description:
  - Installs what is missing on the host, chosen for its distribution. An existing engine of any flavour is kept, and only
    Docker SDK for Python is added, as a package or in a virtual environment.
  - The package manager is asked for its plan first. If it would remove any package, change the version of a package of an engine,
    or install one beside an existing engine, nothing is installed, and the message names the packages.
  - Packages are chosen for Debian, Ubuntu, the RHEL family, Fedora, SUSE, Arch, Alpine and their derivatives.
author:
  - swarmlab contributors (@swarmlab)
extends_documentation_fragment:
  - swarmlab.overlay.attributes
attributes:
  diff_mode:
    support: none
    description: Returns the packages and files instead.
options:
  source:
    description:
      - Where the engine comes from. V(distribution) is the distribution's own package, V(docker) Docker's repository, which is added
        unless the host has it already.
    type: str
    choices: [distribution, docker]
    default: distribution
  packages:
    description:
      - Packages to install instead of those that are chosen for the distribution.
      - If the host has an engine, packages of an engine are left out.
    type: list
    elements: str
    default: []
  repository_url:
    description:
      - Address of Docker's Linux repositories, or of a mirror, as Docker's installation page names it. The folder of the distribution is
        added, unless it ends in one. C(gpg) there is its key. Required with O(source=docker).
    type: str
    default: ""
  python:
    description:
      - How Docker SDK for Python is installed. V(package) is the distribution's package, V(venv) a virtual environment in O(venv), filled by C(pip).
      - V(auto) takes the package if there is one for the Python that Ansible uses on the host and it can be installed without replacing
        an engine. Otherwise it takes the virtual environment.
    type: str
    choices: [auto, package, venv]
    default: auto
  venv:
    description: Folder of the virtual environment. It sees the system's own packages as well.
    type: path
    default: /opt/swarmlab-overlay
  docker_host:
    description: Where the Docker Engine of the node listens.
    type: str
    default: unix:///var/run/docker.sock
  timeout:
    description: Seconds that an installation may take.
    type: int
    default: 1800
seealso:
  - module: swarmlab.overlay.engine
"""

EXAMPLES = r"""
- name: Docker's own packages, unless an engine is there
  swarmlab.overlay.engine_install:
    source: docker

- name: Only the SDK, in a virtual environment
  swarmlab.overlay.engine_install:
    python: venv
  register: installed
"""

RETURN = r"""
packages:
  description: Packages that were installed.
  returned: success
  type: list
  elements: str
repository:
  description: The file of package sources that was added, empty when none was.
  returned: success
  type: str
sdk_python:
  description: The Python of the virtual environment, when it was made.
  returned: success
  type: str
notes:
  description: Why the virtual environment was taken in place of the package.
  returned: success
  type: list
  elements: str
"""

import glob
import os
import shutil
import socket
import sys
import tempfile
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.urls import open_url
from ansible_collections.swarmlab.overlay.plugins.module_utils._daemon import (
    distributions,
    flavour,
    look,
    packages,
    process,
)
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.plain import run_without_sdk
from ansible_collections.swarmlab.overlay.plugins.module_utils._host import (
    HostError,
    read_bytes,
    read_text,
    require_root,
)

SYSTEM_PYTHONS = ("/usr/bin/python3", "/usr/libexec/platform-python")
SOURCES = ("/etc/apt/sources.list", "/etc/apt/sources.list.d/*", "/etc/yum.repos.d/*.repo")
READABLE = 0o644
KEY_SECONDS = 60


class Installer:
    """What is missing on this host, and how it comes."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.given: dict[str, t.Any] = module.params
        self.result: dict[str, t.Any] = {
            "changed": False,
            "packages": [],
            "repository": "",
            "sdk_python": "",
            "notes": [],
        }
        seen = look.look(self.given["docker_host"], look.STRANGE)
        refused = flavour.refusal(seen.flavour, socket.gethostname(), seen.path)
        if refused:
            raise HostError(refused)
        self.has_engine = bool(seen.path) or seen.info is not None
        self.has_sdk = bool(look.sdk_version() or look.sdk_version_in(self.given["venv"]))
        self.system = distributions.distribution(read_text("/etc/os-release"))
        system_python = os.path.realpath(sys.executable) in {os.path.realpath(each) for each in SYSTEM_PYTHONS}
        self.choice = distributions.choose(
            self.system, self.given["source"], sys.version_info[:2], system_python, self.given["repository_url"]
        )
        self.tool = packages.manager()
        self.written: dict[str, bytes | None] = {}  # and what was there before
        self.folder = ""

    def run(self) -> dict[str, t.Any]:
        """Install what is missing."""
        if self.has_engine and self.has_sdk:
            return self.result
        try:
            with tempfile.TemporaryDirectory(prefix="swarmlab-") as self.folder:
                self._install()
        except (HostError, OSError):
            for path, before in self.written.items():
                if before is not None:
                    _write(path, before)
                elif os.path.exists(path):
                    os.unlink(path)
            raise
        return self.result

    def _install(self) -> None:
        if not self.has_engine and not self.given["packages"]:
            distributions.require(self.choice, self.system, self.given["source"], self.given["repository_url"])
        if self.tool is None and not self.has_engine:
            raise HostError(
                f"{self.system.name} has no package manager that is known here: install Docker Engine by hand"
            )
        names = self._engine_packages()
        if self.tool is None and names:
            raise HostError(
                f"{self.system.name} has no package manager that is known here: install {', '.join(names)} by hand"
            )
        if names and self.choice.repository:
            self._add(self.choice.repository)
        wanted = names + self.choice.sdk if not self.has_sdk else names
        if self.tool and (self.result["repository"] or len(packages.known(self.tool, wanted)) < len(wanted)):
            self._refresh(self.tool)
        sdk = [] if self.has_sdk else self._sdk_packages(names)
        if not self.has_sdk and not sdk and not self.given["packages"] and self.given["python"] == "package":
            raise HostError(self._no_package())
        if self.tool:
            names += packages.known(self.tool, self.choice.optional) if names and not self.given["packages"] else []
            names += sdk
            # Docker's packages are known to the package manager once their repository is.
            self._install_packages(self.tool, names, checked=not (self.module.check_mode and self.result["repository"]))
        expected = self.module.check_mode and (sdk or self.given["packages"])
        if not self.has_sdk and not expected and not look.sdk_version():
            if self.given["python"] == "package":
                done = f"{', '.join(names)} installed, and " if names else ""
                raise HostError(
                    f"{socket.gethostname()}: {done}{sys.executable} has no Docker SDK for Python: {self._no_package()}"
                )
            self._make_venv()

    def _engine_packages(self) -> list[str]:
        """The engine's packages where it is missing; of those that were named, all that belong to no engine where it is there."""
        named = self.given["packages"]
        if self.has_engine:
            return [] if self.has_sdk else [name for name in named if not packages.ENGINE.match(name)]
        return list(named or self.choice.engine)

    def _sdk_packages(self, names: list[str]) -> list[str]:
        """The package of the SDK, when there is one and nothing speaks against it."""
        if self.given["python"] == "venv" or self.tool is None or self.given["packages"]:
            return []
        found = packages.known(self.tool, self.choice.sdk)[:1]
        against = packages.problem(self.tool, found, self.has_engine) if found and not names else ""
        if against and self.given["python"] == "package":
            raise HostError(
                f"{socket.gethostname()}: {against}. Use engine_python=venv, or install it by hand. Nothing was changed"
            )
        if against:
            self.result["notes"].append(f"{against}: so the SDK comes into a virtual environment")
        return [] if against else found

    def _no_package(self) -> str:
        return (
            f"{self.system.name} has no package of Docker SDK for Python for {sys.executable}: use engine_python=venv, "
            "or add the repository that has it (EPEL on the RHEL family)"
        )

    def _refresh(self, tool: packages.PackageManager) -> None:
        """Read the package sources anew, in check mode beside the host's own. What cannot be had, the installation tells."""
        if self.module.check_mode:
            self.tool = tool = packages.aside(tool, self.folder)
        if tool.refresh:
            process.run(*tool.refresh, timeout=self.given["timeout"])

    def _install_packages(self, tool: packages.PackageManager, names: list[str], checked: bool) -> None:
        if not names:
            return
        against = packages.problem(tool, names, self.has_engine) if checked else ""
        if against:
            raise HostError(
                f"{socket.gethostname()}: {against}. An existing engine is never replaced. Resolve this by hand, or name other packages "
                "in engine_packages. Nothing was changed"
            )
        if not self.module.check_mode:
            try:
                packages.install(tool, names, self.given["timeout"])
            except HostError:
                self._refresh(tool)  # what is on disk may name versions that are gone
                packages.install(tool, names, self.given["timeout"])
        self.result.update(changed=True, packages=self.result["packages"] + names)
        self.written.clear()  # what came from there gets its updates from there, whatever fails after it

    def _add(self, repository: distributions.Repository) -> None:
        """Add Docker's repository. Where one of the host's own files has it, that is kept and used: two would contradict each other."""
        files = [path for pattern in SOURCES for path in glob.glob(pattern)]
        if any(distributions.names_it(read_text(path), repository.url) for path in files if os.path.isfile(path)):
            return
        self.result.update(changed=True, repository=repository.path)
        if self.module.check_mode:
            return
        if repository.key:
            try:
                with open_url(f"{repository.url}/gpg", timeout=KEY_SECONDS) as answer:
                    self._keep(repository.key, answer.read())
            except OSError as error:
                raise HostError(
                    f"{socket.gethostname()}: the key of Docker's repository, {repository.url}/gpg, cannot be read: {error}. "
                    "Name a mirror in engine_repository_url, or use engine_source=distribution"
                ) from error
        self._keep(repository.path, repository.text.encode("ascii"))

    def _keep(self, path: str, content: bytes) -> None:
        """Write a file, and know what it replaces."""
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self.written[path] = read_bytes(path)
        _write(path, content)

    def _make_venv(self) -> None:
        folder = self.given["venv"]
        self.result.update(changed=True, sdk_python=look.python_of(folder))
        if self.tool and process.run(sys.executable, "-c", "import ensurepip, venv")[0]:
            self._install_packages(self.tool, packages.known(self.tool, self.choice.venv), checked=True)
        if self.module.check_mode:
            return
        there = os.path.exists(folder)
        for argv in (
            [sys.executable, "-m", "venv", "--system-site-packages", folder],
            [look.python_of(folder), "-m", "pip", "install", "--disable-pip-version-check", "-q", "docker"],
        ):
            code, out = process.run(*argv, timeout=self.given["timeout"])
            if code:
                if not there:
                    shutil.rmtree(folder, ignore_errors=True)
                raise HostError(
                    f"{socket.gethostname()}: the virtual environment for Docker SDK for Python was not made: '{' '.join(argv)}' says: "
                    f"{packages.last_lines(out)} The host must reach a Python package index; PIP_INDEX_URL in the task's environment "
                    "names another one"
                )


def _write(path: str, content: bytes) -> None:
    with open(path, "wb") as handle:
        handle.write(content)
    os.chmod(path, READABLE)


def install(module: AnsibleModule) -> dict[str, t.Any]:
    """Install what is missing."""
    require_root()
    return Installer(module).run()


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "source": {"type": "str", "choices": ["distribution", "docker"], "default": "distribution"},
            "packages": {"type": "list", "elements": "str", "default": []},
            "repository_url": {"type": "str", "default": ""},
            "python": {"type": "str", "choices": ["auto", "package", "venv"], "default": "auto"},
            "venv": {"type": "path", "default": "/opt/swarmlab-overlay"},
            "docker_host": {"type": "str", "default": "unix:///var/run/docker.sock"},
            "timeout": {"type": "int", "default": 1800},
        },
        supports_check_mode=True,
    )
    run_without_sdk(module, install)


if __name__ == "__main__":
    main()
