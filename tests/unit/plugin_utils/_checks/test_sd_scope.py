# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""SD-SCOPE: names are only visible on their network: a container on another one gets no answer."""

from __future__ import annotations

import pytest
from sound import PLAIN, healthy, worst


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (lambda seen: seen["SD-SCOPE/" + PLAIN["id"]].update(addresses=["10.0.2.2"]), "fail"),
        (lambda seen: seen["SD-SCOPE/" + PLAIN["id"]].update(addresses=["203.0.113.5"]), "pass"),
        (lambda seen: seen["SD-SCOPE/control"].update(addresses=[]), "inconclusive"),
        (lambda seen: seen.pop("SD-SCOPE/" + PLAIN["id"]), "inconclusive"),
    ],
)
def test_names_beyond_their_network(change, status: str) -> None:
    facts = healthy()
    change(facts.observations["vm2"])
    assert worst(facts, "SD-SCOPE") == status
