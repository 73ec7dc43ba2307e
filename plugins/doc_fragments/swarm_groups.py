# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Groups of the inventory that hold a swarm under names of their own."""

    DOCUMENTATION = r"""
options:
  managers_group:
    description: Group of the managers, where it has a name of its own.
    type: str
  workers_group:
    description: Group of the workers, where it has a name of its own.
    type: str
"""
