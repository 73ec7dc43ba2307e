#!/usr/bin/python
# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: engine_upgrade
short_description: Upgrade the packages of a node's Docker Engine to one version
version_added: 0.2.0
description:
  - Downloads the packages, stops the engine, installs them, starts the engine and waits until it runs with the new version.
  - The package that owns the engine's program is upgraded, together with all packages of an engine that have the same version.
  - Refused before anything is changed - a version below the present one, a version that the host's repositories do not have, an installation
    that would remove a package, an engine that cannot be stopped and started.
  - The engine is started again in any case, even when this run is killed or the installation fails.
  - It neither drains the node nor asks whether the swarm can do without it. Use role P(swarmlab.overlay.upgrade#role), which does both.
  - Knows apt, dnf, yum and zypper.
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
    description: Returns the packages instead.
options:
  version:
    description: Version of the engine, such as V(28.5.2).
    type: str
    required: true
  package_timeout:
    description: Seconds that the package manager may take for the download, and for the installation.
    type: int
    default: 1800
seealso:
  - module: swarmlab.overlay.engine_upgrade_info
  - module: swarmlab.overlay.engine_install
"""

EXAMPLES = r"""
- name: A newer engine on a node without tasks
  swarmlab.overlay.engine_upgrade:
    version: 28.5.2
"""

RETURN = r"""
before:
  description: Version of the engine that ran.
  returned: success
  type: str
packages:
  description: Packages with versions that were installed.
  returned: success
  type: list
  elements: str
beside:
  description: Other packages that the package manager installed or changed with them.
  returned: success
  type: list
  elements: str
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.swarmlab.overlay.plugins.module_utils import _turn
from ansible_collections.swarmlab.overlay.plugins.module_utils._daemon import halting, upgrading
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.plain import run_without_sdk
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.transport import engine_argument_spec
from ansible_collections.swarmlab.overlay.plugins.module_utils._host import require_root


def upgrade(module: AnsibleModule) -> dict[str, t.Any]:
    """Reach the version when no other module works here."""
    require_root()
    with _turn.taken("the engine is upgraded", module.params["timeout"], module.check_mode):
        return reach(module)


def reach(module: AnsibleModule) -> dict[str, t.Any]:
    """Reach the version."""
    given = module.params
    work = upgrading.Upgrade(given["docker_host"], halting.Way.of(given), given["version"], given["package_timeout"])
    names = work.pinned(upgrading.offer(work.seen, False, given["package_timeout"]))
    beside = work.beside(names) if names else []
    result = {
        "changed": bool(names) or work.running != work.version,
        "before": work.running,
        "packages": names,
        "beside": beside,
    }
    if result["changed"] and not module.check_mode:
        if names:
            work.fetch(names)
        work.install(names)
    return result


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec=dict(
            engine_argument_spec(),
            version={"type": "str", "required": True},
            package_timeout={"type": "int", "default": 1800},
            **halting.halting_argument_spec(),
        ),
        supports_check_mode=True,
    )
    run_without_sdk(module, upgrade)


if __name__ == "__main__":
    main()
