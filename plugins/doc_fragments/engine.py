# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What the modules have in common that talk to a Docker Engine."""

    DOCUMENTATION = r"""
options:
  docker_host:
    description:
      - Where the Docker Engine of the node listens.
      - If not given, the environment variable E(DOCKER_HOST) of the node is used.
    type: str
    default: unix:///var/run/docker.sock
  engine_timeout:
    description:
      - Seconds that a single call to the engine may take.
    type: int
    default: 60
requirements:
  - Docker Engine 20.10 or newer
"""

    # For modules that use Docker's library, beside the above. Ansible wants options in each fragment, even none.
    SDK = r"""
options: {}
requirements:
  - Docker SDK for Python, 5.0 or newer (Debian and Ubuntu package C(python3-docker))
"""

    # For modules that only a manager can run.
    MANAGER = r"""
options: {}
notes:
  - Must run on a manager. On a worker it fails and names the managers.
"""

    # For modules that stop the engine and start it again.
    STOPPED = r"""
options:
  stop_command:
    description: Command that stops the engine where the host has no systemd, so that it stays stopped.
    type: str
    default: ""
  start_command:
    description: Command that starts the engine again. It must do no harm to an engine that runs.
    type: str
    default: ""
  timeout:
    description: Seconds to wait for the engine to stop, and to be back.
    type: int
    default: 120
"""

    # For modules that take turns on a host (module_utils/_turn.py).
    TURN = r"""
options: {}
notes:
  - Where another module of this collection that changes a swarm's nodes or stops the engine still works on this host, perhaps of a run that was
    killed, this one waits for its end, at most O(timeout). Then it fails, says what goes on there, and has changed nothing.
"""
