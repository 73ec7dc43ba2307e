# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Where a lab keeps its images."""

    DOCUMENTATION = r"""
options:
  cache:
    description:
      - Folder of the images. The default is C(swarmlab) in E(XDG_CACHE_HOME), or in C(~/.cache).
      - Give all modules of a lab the same folder.
    type: path
"""
