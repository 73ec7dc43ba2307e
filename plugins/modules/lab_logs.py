#!/usr/bin/python
# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_logs
short_description: Collect the logs of a lab in one archive, without its secrets
version_added: 0.2.0
author:
  - swarmlab contributors (@swarmlab)
description:
  - Writes C(logs-TIME.tar.gz) into the lab's folder, readable for its owner alone.
  - The archive holds the consoles of the nodes, the log and the state of each engine, addresses and routes. It also holds the swarm's nodes,
    networks, services and tasks, and the last report.
  - Join tokens, private keys, credentials and key material are taken out.
  - A node that does not answer is named in RV(problems) and stops nothing.
extends_documentation_fragment:
  - swarmlab.overlay.existing_lab
  - swarmlab.overlay.attributes.lab
attributes:
  check_mode:
    description: Can run in check mode and return what a run would change, without changing it.
    support: full
  diff_mode:
    description: Returns what was changed, or in check mode what would be changed.
    support: none
"""

EXAMPLES = r"""
- name: Keep what is needed to see what happened
  swarmlab.overlay.lab_logs:
    name: demo
"""

RETURN = r"""
path:
  description: The archive. Null in check mode.
  returned: success
  type: str
  sample: /home/me/project/.lab/demo/logs-20261124T101500Z.tar.gz
files:
  description: What is in it.
  returned: success
  type: list
  elements: str
  sample: [lab.txt, report.json, vm1/console.log, vm1/docker-info.txt]
problems:
  description: Nodes that are missing in it or not complete, each with the reason.
  returned: success
  type: dict
  sample: {vm3: it is stopped}
error_id:
  description: Identifier of the error, the same in every version.
  returned: failure
  type: str
  sample: LAB-E-NOLAB
"""
