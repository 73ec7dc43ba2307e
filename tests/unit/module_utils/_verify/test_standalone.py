# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The standalone container: what it is called, where it asks, and how a refusal is told."""

from __future__ import annotations

import time

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.client import Refused
from ansible_collections.swarmlab.overlay.plugins.module_utils._probe import work
from ansible_collections.swarmlab.overlay.plugins.module_utils._verify import objects, standalone

NETWORK = {"id": "n1", "name": "front"}
SETTING = work.Setting("r1", "vm1", 1.0)


def test_its_name_is_of_this_run() -> None:
    assert standalone.attached_name("r1") == objects.name("r1", "at") != standalone.attached_name("r2")


@pytest.mark.parametrize(
    ("attached", "asked"),
    [
        ([{"network": "n1"}, {"network": "n2"}], ["a", "b", "c"]),
        ([{"network": "n1", "refused": "network front is not attachable"}, {"network": "n2"}], ["c"]),
        ([{"network": "other"}], []),
        ([], []),
    ],
)
def test_it_asks_only_on_networks_that_took_it(attached: list, asked: list) -> None:
    requests = {"n1": [{"id": "a"}, {"id": "b"}], "n2": [{"id": "c"}]}
    assert [request["id"] for request in standalone.requests_from(attached, requests)] == asked


def test_an_attachment_is_timed_and_has_its_place() -> None:
    row = standalone._timed(NETWORK, "at", lambda: {"container": "c1", "namespace": "/ns/c1", "address": "10.0.1.9"}, 0)
    assert row.pop("seconds") >= 0
    assert row == {
        "network": "n1", "name": "at", "container": "c1", "namespace": "/ns/c1", "address": "10.0.1.9",
    }  # fmt: skip


def test_a_refusal_is_kept_in_the_engines_words() -> None:
    def refuse() -> dict:
        raise Refused(403, "network front not manually attachable")

    row = standalone._timed(NETWORK, "at", refuse, time.monotonic() + 60)
    assert row["refused"] == "network front not manually attachable" and "container" not in row


LATE = "attaching to network failed, make sure your network options are correct and check manager logs: context deadline exceeded"
LEFT = "network front not found"
GONE = "rpc error: code = NotFound desc = network front not found"


@pytest.mark.parametrize(
    ("refusals", "patience", "refused"),
    [
        ([LATE], 0, None),  # a slow node, not a broken one
        ([LATE, LEFT], 0, None),  # the engine denies it once more, without asking the swarm
        ([LATE, LATE], 0, LATE),
        ([LATE, LEFT, LATE], 0, LATE),
        ([LATE, LEFT, LEFT], 0, LEFT),
        ([LEFT], 60, LEFT),  # it was never late, so this is the swarm's word
        ([LATE, GONE], 60, GONE),
        ([LATE, LATE, LEFT, LATE], 60, None),
    ],
)
def test_an_engine_that_was_late_is_asked_again(refusals: list[str], patience: int, refused: str | None) -> None:
    left = list(refusals)

    def act() -> dict:
        if left:
            raise Refused(500, left.pop(0))
        return {"container": "c1", "namespace": "/ns/c1", "address": "10.0.1.9"}

    row = standalone._timed(NETWORK, "at", act, time.monotonic() + patience)
    assert row.get("refused") == refused and left == []


def test_a_namespace_that_is_gone_answers_nothing() -> None:
    assert standalone._ask("/nowhere/at/all", [{"id": "a", "kind": "icmp", "address": "127.0.0.1"}], SETTING) == {}
