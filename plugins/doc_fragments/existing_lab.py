# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What the modules have in common that work on a lab which module lab made."""

    DOCUMENTATION = r"""
notes:
  - This is an action plugin. It runs on the controller, in the Python that runs Ansible.
options:
  name:
    description:
      - Name of the lab.
    type: str
    default: lab
  directory:
    description:
      - Folder of this lab. The default is C(.lab/NAME) in the working directory.
    type: path
seealso:
  - module: swarmlab.overlay.lab
"""
