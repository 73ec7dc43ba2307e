#!/usr/bin/python
# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_backup
short_description: Copy a manager's state into an encrypted archive on the controller
version_added: 0.2.0
description:
  - Stops the engine of a manager, copies the state of the swarm, and starts the engine again. The archive is stored on the controller.
  - A manifest is stored beside it, and variables that declare the content of the swarm again (module M(swarmlab.overlay.swarm_export)).
  - The state holds the CA, the keys of the swarm and all secrets. The archive is encrypted by Ansible Vault or by a command, and no file of it is
    readable by others at any moment.
  - Volumes are not included. The unlock key of a swarm with autolock is not included either; module M(swarmlab.overlay.swarm_key) keeps it.
  - The engine is started again in any case, even when this run is killed.
  - It neither drains the manager nor checks that the others keep their majority. Use role P(swarmlab.overlay.swarm#role) with C(tasks_from=backup), which
    does both.
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
    description: Has a corresponding action plugin, which writes the files on the controller.
    support: full
  idempotent:
    support: none
    details:
      - Each run makes a backup.
options:
  directory:
    description: Folder on the controller. It must exist. The files get the mode 0600.
    type: path
    required: true
  node_id:
    description: Id of the manager. The module refuses to run on another node.
    type: str
    required: true
  encrypt:
    description:
      - Command on the controller that encrypts its input to its output, such as C(age -r age1...). By default Ansible Vault encrypts.
      - It is tried before the engine is stopped.
    type: str
    default: ""
  plain:
    description: Whether the files may be unencrypted.
    type: bool
    default: false
  keep:
    description: How many backups of this swarm stay in the folder. Backups of other swarms are left alone.
    type: int
    default: 7
seealso:
  - module: swarmlab.overlay.swarm_restore
  - module: swarmlab.overlay.swarm_export
"""

EXAMPLES = r"""
- name: A backup of this manager
  swarmlab.overlay.swarm_backup:
    directory: /srv/backups
    node_id: "{{ seen.swarm.node_id }}" # seen: registered from swarm_info
    encrypt: age -r age1qqexample
"""

RETURN = r"""
file:
  description: Path of the archive.
  returned: when a backup was made
  type: str
variables:
  description: Path of the file of variables.
  returned: when a backup was made
  type: str
manifest:
  description: What the archive is of; it has no secrets.
  returned: when a backup was made
  type: dict
seconds:
  description: How long the engine was away.
  returned: when a backup was made
  type: float
removed:
  description: Files of older backups that were removed.
  returned: when a backup was made
  type: list
  elements: str
"""

# All of it is in plugins/action/swarm_backup.py.
