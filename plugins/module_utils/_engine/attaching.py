# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an engine says when a container cannot be attached to a network of the swarm at the moment. Pure.

Private to swarmlab.overlay.
"""

from __future__ import annotations

import re

SWARM_LATE = "deadline exceeded"  # the swarm did not answer within the engine's own 20 s, whatever the reason
LEFTOVER = re.compile(r"network \S+ not found")


def is_leftover(reason: str) -> bool:
    """Whether the engine denied a network without asking a manager, whose refusals are "rpc error"s.

    It does so once after an attempt that was too late, and forgets that attempt by it.
    """
    return LEFTOVER.search(reason) is not None and "rpc error" not in reason
