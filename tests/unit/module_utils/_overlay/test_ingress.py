# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ingress network is looked at while it goes: a manager lists it for a moment longer, or not at all."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.sdk import EngineError, NotFound
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay import ingress

NODES = [{"ID": "n1", "Status": {"State": "ready"}}, {"ID": "n2", "Status": {"State": "ready"}}]


class Client:
    """A manager whose engine holds ingress for so many looks, and whose swarm does for others."""

    def __init__(self, listed: int, known: int) -> None:
        self.listed, self.known = listed, known

    def networks(self, **_filters: t.Any) -> list[dict[str, t.Any]]:
        self.listed -= 1
        return [{"Ingress": True, "Scope": "swarm", "Id": "i1", "Name": "ingress"}] if self.listed >= 0 else []

    def inspect_network(self, ident: str, **_scope: t.Any) -> dict[str, t.Any]:
        self.known -= 1
        if self.known < 0:
            raise NotFound(f"network {ident} not found")
        return {"Id": ident}


@pytest.mark.parametrize(("listed", "known", "found"), [(0, 0, None), (9, 9, "i1"), (3, 0, None)])
def test_a_network_that_is_going_is_none(
    monkeypatch: pytest.MonkeyPatch, listed: int, known: int, found: str | None
) -> None:
    client = Client(listed, known)
    monkeypatch.setattr(ingress, "list_networks", lambda client: client.networks())
    assert (ingress._network(client) or {}).get("Id") == found  # type: ignore[arg-type]


def test_a_network_that_only_the_engine_holds_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingress, "GOING_SECONDS", 0.2)
    monkeypatch.setattr(ingress, "list_networks", lambda client: client.networks())
    with pytest.raises(EngineError, match="still holds it"):
        ingress._network(Client(999, 0))  # type: ignore[arg-type]


def test_a_network_that_goes_between_two_looks_is_on_no_node() -> None:
    """One that a killed run removed: the next run found it in the list, and then not."""
    assert ingress._absent(Client(0, 0), "i1", NODES) == NODES  # type: ignore[arg-type]
