# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""MESH-ALL: a published port answers on every node, wherever the task runs; a port that is not published does not."""

from __future__ import annotations

from sound import failed, healthy, judged, missing, no_answer


def test_a_node_where_a_published_port_does_not_answer() -> None:
    facts = healthy()
    for source in ("vm1", "vm2"):
        no_answer(facts, source, "MESH-ALL/vm3", "connection refused")
    result = failed(facts, "MESH-ALL")
    assert result["nodes"] == ["vm3"] and "DOCKER-INGRESS" in result["hint"]
    missing(facts, "vm3", "ip_vs")
    assert "ip_vs" in failed(facts, "MESH-ALL")["hint"]


def test_an_unpublished_port_that_answers_fails() -> None:
    facts = healthy()
    facts.observations["vm1"]["MESH-ALL/vm2/closed"]["ok"] = False
    assert failed(facts, "MESH-ALL")["nodes"] == ["vm2"]


def test_the_mesh_without_its_service_proves_nothing() -> None:
    facts = healthy()
    facts.published_on = "id-elsewhere"
    assert judged(facts, "MESH-ALL") == [("inconclusive", None, [])]
