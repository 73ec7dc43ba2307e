#!/usr/bin/python
# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_restore
short_description: Restore a manager's state from a backup
version_added: 0.2.0
description:
  - Restores the state that module M(swarmlab.overlay.swarm_backup) has copied. The host may be the same or a new one. It must be in no swarm, and must
    have the address of that manager. The host's former state is moved aside.
  - It is refused on a host with another address, in a swarm, or with an older engine.
  - If the swarm had several managers, the restored one has no leader. Use role P(swarmlab.overlay.swarm#role) with C(tasks_from=restore). It checks first
    that the swarm does not run elsewhere, and lets the manager continue alone.
author:
  - swarmlab contributors (@swarmlab)
extends_documentation_fragment:
  - swarmlab.overlay.engine
  - swarmlab.overlay.engine.stopped
  - swarmlab.overlay.engine.turn
  - swarmlab.overlay.attributes.secrets
  - swarmlab.overlay.attributes
attributes:
  action:
    description: Has a corresponding action plugin, which reads the files on the controller.
    support: full
  idempotent:
    support: none
    details:
      - It refuses to restore over what it has restored.
options:
  file:
    description: Path of the archive on the controller. Its manifest must lie beside it.
    type: path
    required: true
  decrypt:
    description: Command on the controller that decrypts its input to its output, such as C(age -d -i key.txt). Needed for what a command has encrypted.
    type: str
    default: ""
seealso:
  - module: swarmlab.overlay.swarm_backup
  - module: swarmlab.overlay.swarm_recover
"""

EXAMPLES = r"""
- name: This manager as it was
  swarmlab.overlay.swarm_restore:
    file: /srv/backups/swarm-uus9ejjzx9v4ffab30pa8h4q0-20261126T214620Z.tar.gz.vault
"""

RETURN = r"""
manifest:
  description: What the archive is of.
  returned: success
  type: dict
aside:
  description: Where the former state of this host is now, empty when it had none.
  returned: when it was restored
  type: str
"""

# All of it is in plugins/action/swarm_restore.py.
