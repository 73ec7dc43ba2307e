# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The results of checks, and their words."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._checks import _result


@pytest.mark.parametrize(
    ("number", "noun", "words"),
    [
        (1, "way", "1 way"),
        (30, "way", "30 ways"),
        (3, "entry", "3 entries"),
        (2, "address", "2 addresses"),
        (0, "pair", "0 pairs"),
    ],
)
def test_numbers_and_their_nouns(number: int, noun: str, words: str) -> None:
    assert _result.count(number, noun) == words
