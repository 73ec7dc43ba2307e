# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Declared labels of nodes and of the swarm, as the texts that they are to the engine. Pure."""

from __future__ import annotations

import typing as t

from .._engine.transport import EngineError


def label_texts(labels: t.Mapping[t.Any, t.Any], option: str) -> dict[str, str]:
    """Numbers and booleans as YAML writes them. Raises EngineError for what is no text: the engine would keep Python's words for it."""
    found = {}
    for key, value in labels.items():
        if not isinstance(key, str) or not key.strip():
            raise EngineError(f"{option}: the key {key!r} must be a text that is not empty. Nothing was changed.")
        if isinstance(value, bool):
            found[key] = str(value).lower()
        elif isinstance(value, (str, int, float)):
            found[key] = str(value)
        else:
            kind = "nothing" if value is None else f"a {type(value).__name__}"
            raise EngineError(
                f"{option}: the value of {key} is {kind}. It must be a text; an empty one is ''. Nothing was changed."
            )
    return found
