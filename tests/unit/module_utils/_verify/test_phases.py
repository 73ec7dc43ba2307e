# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node asks again once its own questions no longer take its processor."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._probe import work
from ansible_collections.swarmlab.overlay.plugins.module_utils._verify import phases

ASKED = [{"id": "a", "kind": "udp", "patience": 30}, {"id": "b", "kind": "udp"}, {"id": "c", "kind": "udp"}]
SEEN = {"a": {"ok": False, "error": "no answer"}, "b": {"ok": True}}


def test_only_what_failed_is_asked_again() -> None:
    assert phases.unmet(ASKED, SEEN) == ASKED[:1]


@pytest.mark.parametrize(("left", "most"), [(17.5, 17.5), (1.0, phases.LEAST), (-40.0, phases.LEAST)])
def test_what_is_asked_second_has_the_time_that_is_left(left: float, most: float) -> None:
    """On a broken swarm the first questions waited for all that may converge."""
    works = [{"namespace": "/ns", "foreign": True, "requests": ASKED}]
    rows = phases.with_patience(works, left)[0]["requests"]
    assert [row["patience"] for row in rows] == [most, 0, 0] and [row["id"] for row in rows] == ["a", "b", "c"]


@pytest.mark.parametrize(("answers", "kept"), [({"a": {"ok": True}}, {"a": {"ok": True}}), ({"a": {"ok": False}}, {})])
def test_the_second_answer_counts_when_it_is_right(monkeypatch: pytest.MonkeyPatch, answers: dict, kept: dict) -> None:
    begun: list = []
    monkeypatch.setattr(phases, "_begin", lambda works, _setting: begun.append(works))
    monkeypatch.setattr(phases, "_finish", lambda _jobs, _limit, _errors: answers)
    plan = {"work": [{"namespace": None, "requests": ASKED}, {"namespace": "/ns", "requests": ASKED[1:]}], "limit": 9}
    assert phases._ask_again(plan, SEEN, work.Setting("r1", "vm1", 3.0)) == kept
    assert begun == [[{"namespace": None, "requests": [{**ASKED[0], "patience": phases.LEAST}]}]]
