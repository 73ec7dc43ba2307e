# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of unlock keys."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils.unlock_keys import Unfit, merged, parse


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("text", "not a file of unlock keys"),
        ({"other": 1}, "not a file of unlock keys"),
        ({"swarm_unlock_keys": "SWMKEY-1-x", "swarm_unlock_swarm": "A"}, "not a file of unlock keys"),
        ({"swarm_unlock_keys": [1], "swarm_unlock_swarm": "A"}, "not a file of unlock keys"),
        ({"swarm_unlock_keys": [], "swarm_unlock_swarm": "A", "more": 1}, "not a file of unlock keys"),
        ({"swarm_unlock_keys": ["SWMKEY-1-x"], "swarm_unlock_swarm": "B"}, "another swarm \\(B; this one is A\\)"),
    ],
)
def test_a_file_of_something_else_is_left_alone(data: Any, words: str) -> None:
    with pytest.raises(Unfit, match=words) as told:
        parse(data, "keys.yml", "A")
    assert "SWMKEY" not in str(told.value) and "Nothing was changed" in str(told.value)


def test_keys_are_kept_in_order() -> None:
    assert parse(None, "keys.yml", "A") == []
    assert parse({"swarm_unlock_keys": ["b", "a"], "swarm_unlock_swarm": "A"}, "keys.yml", "A") == ["b", "a"]
    assert merged([], "a", 3) == ["a"] == merged(["a"], "a", 3)
    assert merged(["b", "a"], "c", 3) == ["c", "b", "a"]
    assert merged(["c", "b", "a"], "d", 1) == ["d", "c"]
    assert merged(["b", "a"], "a", 3) == ["a", "b"]
