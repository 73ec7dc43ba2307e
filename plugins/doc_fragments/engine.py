# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Options of every module that talks to a Docker Engine."""

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
  - Docker SDK for Python, 5.0 or newer (Debian and Ubuntu package C(python3-docker))
  - Docker Engine 20.10 or newer
"""
