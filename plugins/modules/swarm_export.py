#!/usr/bin/python
# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_export
short_description: Export the content of a swarm as variables that declare it again
version_added: 0.2.0
description:
  - Reads the networks, services, configs and the names of the secrets on a manager, and returns them as the variables of role
    P(swarmlab.overlay.overlays#role). With them a lost swarm can be declared again, without its old managers.
  - What these variables cannot express (mounts, secrets, limits and so on) is in RV(variables), under C(swarm_export_rest), value by value.
  - Module M(swarmlab.overlay.swarm_backup) stores it beside the backup. Environment variables of services often hold passwords, so treat the result as
    a secret.
  - It needs neither Docker SDK for Python nor the program C(docker) on the host.
author:
  - swarmlab contributors (@swarmlab)
extends_documentation_fragment:
  - swarmlab.overlay.engine
  - swarmlab.overlay.attributes.info
seealso:
  - module: swarmlab.overlay.swarm_backup
"""

EXAMPLES = r"""
- name: Know what the swarm holds
  swarmlab.overlay.swarm_export:
  register: held
  no_log: true # services may have passwords in their environment
"""

RETURN = r"""
variables:
  description:
    - C(overlays_networks), C(overlays_services) and C(overlays_ingress) as role P(swarmlab.overlay.overlays#role) takes them.
    - C(swarm_export_configs) with C(name), C(labels) and C(data) in Base64, C(swarm_export_secrets) with the names alone.
    - C(swarm_export_rest) with what the variables cannot say, in the API's words, by service and by network.
  returned: success
  type: dict
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.client import Engine
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.plain import engine_of, run_without_sdk
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.transport import engine_argument_spec
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.exporting import export
from ansible_collections.swarmlab.overlay.plugins.module_utils._swarm import evacuation


def gather(engine: Engine) -> dict[str, t.Any]:
    """The variables, without the marks of a drain that goes on."""
    services = [
        {**service, "Spec": evacuation.back(service["Spec"], evacuation.evacuated(service["Spec"]))}
        for service in engine.services()
    ]
    return export(
        engine.networks({"scope": ["swarm"]}),
        services,
        engine.call("GET", "/configs") or [],
        engine.call("GET", "/secrets") or [],
    )


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=engine_argument_spec(), supports_check_mode=True)
    run_without_sdk(module, lambda module: {"changed": False, "variables": gather(engine_of(module))})


if __name__ == "__main__":
    main()
