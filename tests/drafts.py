# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts of a verification that a test may change as it likes."""

from __future__ import annotations

import typing as t

from ansible_collections.swarmlab.overlay.plugins.plugin_utils._facts.model import Facts


class Draft(Facts):
    """Facts with what a test is about; the rest is empty."""

    __setattr__ = object.__setattr__

    def __init__(self, **parts: t.Any) -> None:
        super().__init__(**{"run": "r1", "hosts": [], "settings": {}, **parts})

    def update(self, **parts: t.Any) -> None:
        """Change several parts."""
        for name, value in parts.items():
            setattr(self, name, value)
