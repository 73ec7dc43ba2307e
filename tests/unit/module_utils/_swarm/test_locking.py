# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A locked manager, its keys, and the version of them."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.client import Refused
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.transport import EngineError
from ansible_collections.swarmlab.overlay.plugins.module_utils._swarm.locking import key_version, unlock

WRONG = Refused(400, "invalid key could not be used to unlock the swarm")


class Engine:
    def __init__(self, state: str, fitting: str = "", refusal: Refused = WRONG) -> None:
        self.state, self.fitting, self.refusal = state, fitting, refusal
        self.tried: list[str] = []

    def info(self) -> dict:
        return {"Name": "vm1", "Swarm": {"LocalNodeState": self.state, "ControlAvailable": self.state == "active"}}

    def nodes(self) -> list[dict]:
        return []

    def call(self, method: str, path: str, body: dict) -> None:
        assert (method, path) == ("POST", "/swarm/unlock")
        self.tried.append(body["UnlockKey"])
        if body["UnlockKey"] != self.fitting:
            raise self.refusal
        self.state = "active"


def test_the_key_that_fits_is_found_and_no_other_tried_after_it() -> None:
    engine = Engine("locked", "old")
    assert unlock(engine, ["new", "old", "older"], 1, True)["changed"] and not engine.tried
    done = unlock(engine, ["new", "old", "older"], 1, False)
    assert done["changed"] and done["swarm"]["state"] == "active" and engine.tried == ["new", "old"]
    assert not unlock(engine, ["new"], 1, False)["changed"]


@pytest.mark.parametrize("state", ["inactive", "pending", "error", "active"])
def test_who_is_not_locked_is_left_alone(state: str) -> None:
    engine = Engine(state)
    assert not unlock(engine, ["key"], 1, False)["changed"] and not engine.tried


@pytest.mark.parametrize(
    ("keys", "words"),
    [([], "no unlock key was given"), (["secret"], "the key does not fit"), (["secret", "other"], "none of the 2 keys fits")],
)  # fmt: skip
def test_a_key_that_does_not_fit_is_not_shown(keys: list[str], words: str) -> None:
    with pytest.raises(EngineError, match=words) as told:
        unlock(Engine("locked"), keys, 1, False)
    assert "secret" not in told.value.message


def test_another_refusal_is_no_wrong_key() -> None:
    with pytest.raises(Refused, match="not ready"):
        unlock(Engine("locked", refusal=Refused(503, "not ready")), ["a"], 1, False)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("", 0),
        ("-----BEGIN PRIVATE KEY-----\nraft-dek: x\n", 0),
        ("-----BEGIN ENCRYPTED PRIVATE KEY-----\nkek-version: 27\nraft-dek: x\n\nabc", 27),
    ],
)
def test_the_version_of_the_key(text: str, version: int) -> None:
    assert key_version(text) == version
