# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is rotated, what keeps a rotation from ending, and that none begins twice."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine import transport
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.sdk import EngineError
from ansible_collections.swarmlab.overlay.plugins.module_utils._swarm import rotation
from ansible_collections.swarmlab.overlay.plugins.module_utils._terms import ROTATED_PREFIX
from hypothesis import given
from hypothesis import strategies as st

MADE = 1767225600  # 2026-01-01
OLD, NEW = ({key: f"{age} {key}" for key in rotation.TLS} for age in ("old", "new"))
KINDS = ["ca", "worker_token", "manager_token"]


def node(name: str, state: str = "ready", tls: dict[str, str] = OLD) -> dict[str, Any]:
    return {
        "ID": f"id-{name}",
        "Description": {"Hostname": name, "TLSInfo": tls},
        "Status": {"State": state},
        "Spec": {},
    }


class Swarm:
    """As far as a rotation sees and changes it. Nodes get the new root in as many looks as there are ``steps``."""

    def __init__(self, nodes: list[dict[str, Any]] | None = None, steps: int = 1, **spec: Any) -> None:
        self.spec: dict[str, Any] = {"Labels": {}, "CAConfig": {"NodeCertExpiry": 5}, **spec}
        self.listed = nodes if nodes is not None else [node("vm1"), node("vm2")]
        self.steps, self.going, self.tls = steps, False, OLD
        self.rotated: list[str] = []
        self._version = "1.45"

    def inspect_swarm(self) -> dict[str, Any]:
        return {
            "Spec": copy.deepcopy(self.spec), "Version": {"Index": 1}, "CreatedAt": "2026-01-01T00:00:00Z", "TLSInfo": self.tls,
            "RootRotationInProgress": self.going,
        }  # fmt: skip

    def nodes(self) -> list[dict[str, Any]]:
        if self.going:
            self.steps -= 1
            if self.steps <= 0 and all(each["Status"]["State"] == "ready" for each in self.listed):
                self.going, self.tls = False, NEW
                for each in self.listed:
                    each["Description"]["TLSInfo"] = NEW
        return copy.deepcopy(self.listed)

    def _url(self, path: str) -> str:
        return path

    def _post_json(self, dummy_url: str, data: dict[str, Any], params: dict[str, Any]) -> None:
        if data["CAConfig"].get("ForceRotate", 0) != self.spec["CAConfig"].get("ForceRotate", 0):
            self.going = True
            self.rotated.append("ca")
        self.rotated += [what for what, flag in rotation.FLAGS.items() if params.get(flag) == "true"]
        self.spec = data

    def _raise_for_status(self, dummy: None) -> None:
        return


def run(swarm: Swarm, kinds: list[str], max_age: int = 90, day: float = 0, check: bool = False) -> dict[str, Any]:
    return rotation.rotate(swarm, kinds, max_age, 1, check, MADE + day * rotation.DAY)


@given(st.lists(st.sampled_from(KINDS), unique=True), st.integers(0, 400), st.integers(0, 400))
def test_by_age_and_once(kinds: list[str], max_age: int, day: int) -> None:
    swarm = Swarm()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transport.time, "sleep", lambda _seconds: None)  # this swarm needs no time between two looks
        predicted = run(swarm, kinds, max_age, day, check=True)
        assert not swarm.rotated
        done = run(swarm, kinds, max_age, day)
        assert done["rotated"] == predicted["rotated"] == (kinds if day >= max_age else [])
        assert sorted(swarm.rotated) == sorted(done["rotated"]) and done["changed"] == bool(done["rotated"])
        assert swarm.spec["CAConfig"]["NodeCertExpiry"] == 5
        again = run(swarm, kinds, max(max_age, 1), day)
        assert not again["rotated"]
        later = run(swarm, kinds, max(max_age, 1), day + max(max_age, 1))
        assert later["rotated"] == kinds


def test_a_mark_that_nobody_can_read_is_none() -> None:
    swarm = Swarm(Labels={ROTATED_PREFIX + "ca": "yesterday"})
    assert rotation.since(swarm.inspect_swarm(), "ca") == MADE


@pytest.mark.parametrize("state", ["down", "unknown", "disconnected"])
def test_a_dead_node_is_named_before_anything_begins(state: str) -> None:
    swarm = Swarm([node("vm1"), node("vm2", state)])
    for check in (True, False):
        with pytest.raises(EngineError, match=rf"vm2 \(id-vm2\) is {state}.*Nothing was changed"):
            run(swarm, ["ca", "worker_token"], 0, check=check)
    assert not swarm.rotated
    assert run(swarm, ["worker_token"], 0)["rotated"] == ["worker_token"]  # tokens need nobody else


def test_an_external_ca_is_not_replaced_by_an_internal_one() -> None:
    swarm = Swarm(CAConfig={"ExternalCAs": [{"URL": "https://ca"}]})
    with pytest.raises(EngineError, match="external CAs"):
        run(swarm, ["ca"], 0)
    assert not swarm.rotated


def test_nodes_that_hang_are_named_and_the_next_run_waits_for_them() -> None:
    swarm = Swarm(steps=10**6)
    with pytest.raises(EngineError, match="the managers have not finished it"):
        run(swarm, ["ca"], 0)
    swarm.listed[0]["Description"]["TLSInfo"] = NEW
    with pytest.raises(EngineError, match=r"after 1 s. Waiting for: vm1 \(id-vm1\)"):
        run(swarm, ["ca"], 0)
    swarm.steps = 2
    assert run(swarm, ["ca"], 0) == {
        "changed": False,
        "rotated": [],
        "seconds": pytest.approx(0, abs=1),
        "diff": {"before": "", "after": ""},
    }
    assert swarm.rotated == ["ca"]


def test_a_rotation_that_cannot_end_is_told() -> None:
    swarm = Swarm([node("vm1"), node("vm2", "down")])
    swarm.going = True
    with pytest.raises(EngineError, match="in progress cannot end: vm2"):
        run(swarm, ["ca"])


def test_an_update_that_is_sent_again_begins_no_second_rotation() -> None:
    spec = {"CAConfig": {"ForceRotate": 4}, "Labels": {"a": "b"}}
    once = rotation.marked(spec, ["ca"], MADE)
    assert once["CAConfig"] == {"ForceRotate": 5} and once["Labels"] == {"a": "b", ROTATED_PREFIX + "ca": str(MADE)}
    assert rotation.marked(once, ["ca"], MADE) == once
    assert rotation.marked(once, ["ca"], MADE + 1)["CAConfig"] == {"ForceRotate": 6}
