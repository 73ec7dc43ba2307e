# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What every module of the collection can do."""

    # For modules that change something.
    DOCUMENTATION = r"""
attributes:
  check_mode:
    description: Can run in check mode and return what a run would change, without changing it.
    support: full
  diff_mode:
    description: Returns what was changed, or in check mode what would be changed.
    support: full
  idempotent:
    description: Run again with the same declaration, it changes nothing.
    support: full
  platform:
    description: The systems it runs on.
    platforms: linux
    support: full
"""

    # For modules that only look.
    INFO = r"""
attributes:
  check_mode:
    description: Can run in check mode and return what a run would change, without changing it.
    support: full
    details:
      - This module changes nothing.
  diff_mode:
    description: Returns what was changed, or in check mode what would be changed.
    support: N/A
    details:
      - This module changes nothing.
  idempotent:
    description: Run again with the same declaration, it changes nothing.
    support: full
    details:
      - This module changes nothing.
  platform:
    description: The systems it runs on.
    platforms: linux
    support: full
"""

    # For modules whose difference would show secrets. Listed before the above, because the first word holds.
    SECRETS = r"""
attributes:
  diff_mode:
    description: Returns what was changed, or in check mode what would be changed.
    support: none
    details:
      - It would show secrets.
"""

    # For modules whose action plugin does the work, on the controller.
    CONTROLLER = r"""
attributes:
  action:
    description: Has a corresponding action plugin, which does all the work on the controller.
    support: full
  check_mode:
    description: Can run in check mode and return what a run would change, without changing it.
    support: full
  diff_mode:
    description: Returns what was changed, or in check mode what would be changed.
    support: N/A
  platform:
    description: The systems it runs on.
    platforms: posix
    support: full
"""

    # For modules of the lab, which run on the machine that carries it. Listed before those of what a module can do.
    LAB = r"""
attributes:
  action:
    description: Has a corresponding action plugin, which does all the work on the controller.
    support: full
  async:
    description: Can be run with C(async).
    support: none
  platform:
    description: Platform of the controller.
    platforms: linux
    support: full
"""
