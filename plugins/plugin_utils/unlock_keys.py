# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file of unlock keys on the controller: what is in it. No key is in a message.

Private to the collection swarmlab.overlay.
"""

from __future__ import annotations

import typing as t

KEYS, SWARM = "swarm_unlock_keys", "swarm_unlock_swarm"


class Unfit(Exception):
    """The file is not what it should be; the text has the reason and the remedy."""


def parse(data: t.Any, path: str, swarm_id: str) -> list[str]:
    """The keys in the file's data, the newest first. Raises Unfit for a file of something else, or of another swarm."""
    if data is None:
        return []
    keys = data.get(KEYS) if isinstance(data, dict) else None
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys) or set(data) - {KEYS, SWARM}:
        raise Unfit(f"{path} is not a file of unlock keys ({KEYS}). Name another file. Nothing was changed.")
    if data.get(SWARM) != swarm_id:
        raise Unfit(
            f"{path} has the keys of another swarm ({data.get(SWARM)}; this one is {swarm_id}). Name another file. Nothing was changed."
        )
    return [str(key) for key in keys]


def merged(keys: t.Sequence[str], key: str, keep: int) -> list[str]:
    """The keys with this one first, and at most ``keep`` former ones."""
    return [key, *[each for each in keys if each != key][:keep]]
