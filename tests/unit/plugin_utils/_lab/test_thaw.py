# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process that is to resume a container is found from the moment that it was started."""

from __future__ import annotations

from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab import thaw


def test_a_fault_is_listed_as_soon_as_it_is_given() -> None:
    for number in range(20):
        container = f"no-such-container-{number}"
        thaw.start(container, "freeze", 60)
        try:
            assert thaw.waiting(container) == ["freeze"]
        finally:
            thaw.end(container)
