# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""NAME-DUP: a network's name is unique on every node."""

from __future__ import annotations

import pytest
from sound import failed, healthy


@pytest.mark.parametrize(
    ("change", "nodes"),
    [
        (lambda facts: facts.all_networks.append(["front", "another00000", "swarm", []]), []),
        (lambda facts: facts.opened["vm3"]["local_networks"].append("front"), ["vm3"]),
    ],
)
def test_two_networks_of_one_name(change, nodes: list) -> None:
    facts = healthy()
    change(facts)
    result = failed(facts, "NAME-DUP")
    assert (result["network"], result["nodes"]) == ("front", nodes)
