# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The available drivers.

Private to the collection swarmlab.overlay.
"""

from __future__ import annotations

from .container import ContainerDriver
from .driver import Driver
from .vm import VmDriver

DRIVERS: dict[str, type[Driver]] = {"vm": VmDriver, "container": ContainerDriver}
