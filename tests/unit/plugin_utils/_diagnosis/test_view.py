# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Words for nodes in titles."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._diagnosis.view import View
from broken import Swarm


@pytest.mark.parametrize(
    ("nodes", "words"),
    [
        (("vm2",), "vm2 is off, its kernel too"),
        (("vm2", "vm3"), "vm2 and vm3 are off, their kernel too"),
        (("vm1", "vm2", "vm3"), "Every node is off, its kernel too"),
        ((), "No node is off, its kernel too"),
    ],
)
def test_titles_follow_the_number_of_nodes(nodes: tuple, words: str) -> None:
    assert View([], Swarm().facts()).title("{nodes} [is|are] off, [its|their] kernel too", nodes) == words
