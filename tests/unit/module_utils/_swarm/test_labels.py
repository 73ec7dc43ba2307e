# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Labels as YAML has them, and as the engine keeps them."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.transport import EngineError
from ansible_collections.swarmlab.overlay.plugins.module_utils._swarm.labels import label_texts


def test_numbers_and_booleans_are_texts_as_yaml_writes_them() -> None:
    declared = {"rack": "a", "row": 3, "weight": 1.5, "ssd": True, "old": False, "empty": ""}
    assert label_texts(declared, "labels") == {
        "rack": "a", "row": "3", "weight": "1.5", "ssd": "true", "old": "false", "empty": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ({"": "x"}, "the key '' must be a text"),
        ({" ": "x"}, "the key ' ' must be a text"),
        ({1: "x"}, "the key 1 must be a text"),
        ({"rack": None}, "the value of rack is nothing"),
        ({"rack": {"a": 1}}, "the value of rack is a dict"),
        ({"rack": ["a"]}, "the value of rack is a list"),
    ],
)
def test_what_is_no_text_is_refused(labels: dict, words: str) -> None:
    with pytest.raises(EngineError) as refused:
        label_texts(labels, "swarm_node_labels of vm1")
    assert "swarm_node_labels of vm1" in refused.value.message and words in refused.value.message
