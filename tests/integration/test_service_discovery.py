# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""service_discovery against real engines: right sets pass, wrong ones fail with the difference."""

from __future__ import annotations

import pytest

MODULE = "service_discovery"


@pytest.fixture(scope="module")
def network(swarm, shared: str) -> str:
    """An attachable overlay with a service on the manager only, so that workers have no endpoint."""
    swarm.docker("vm1", "network", "create", "-d", "overlay", "--attachable", shared)
    swarm.docker("vm1", "service", "create", "-q", "--no-resolve-image", "--name", f"{shared}-web", "--network", shared,
                 "--constraint", "node.role==manager", "--replicas", "2", swarm.image, "sleep", "1d")  # fmt: skip
    return shared


def test_a_manager_knows_what_to_expect(swarm, network: str) -> None:
    result = swarm.run(MODULE, {"network": network})
    names = {row["name"] for row in result["records"]}
    assert {f"{network}-web", f"tasks.{network}-web"} <= names
    assert len(names) == 4 and all(row["ok"] for row in result["records"])
    assert len({row["endpoint"] for row in result["records"]}) == 2
    assert not result["changed"] and not result["temporary"]


def test_a_worker_without_endpoint_asks_from_a_temporary_one(swarm, network: str) -> None:
    known = {row["name"]: row["expected"] for row in swarm.run(MODULE, {"network": network})["records"]}
    result = swarm.run(MODULE, {"network": network, "expected": known}, host="vm2", check=True)
    assert result["temporary"] and all(row["ok"] for row in result["records"])
    assert swarm.docker("vm2", "ps", "-aq", "--filter", "label=swarmlab.overlay/discovery") == ""


def test_a_wrong_expected_record_fails_with_the_difference(swarm, network: str) -> None:
    expected = {f"{network}-web": ["10.99.0.1"]}
    result = swarm.run(MODULE, {"network": network, "expected": expected, "timeout": 1})
    assert result["failed"]
    assert "missing 10.99.0.1 and unexpected 10." in result["msg"]


def test_a_name_of_another_network_is_absent(swarm, network: str) -> None:
    known = {row["name"]: row["expected"] for row in swarm.run(MODULE, {"network": network})["records"]}
    other = f"{network}-other"
    swarm.docker("vm1", "network", "create", "-d", "overlay", "--attachable", other)
    asked = {"network": other, "expected": {}, "absent": [f"{network}-web"], "timeout": 1}
    assert not swarm.run(MODULE, asked).get("failed")
    stale = swarm.run(MODULE, {"network": other, "expected": known, "names": [f"{network}-web"], "timeout": 1})
    assert stale["failed"] and "missing" in stale["msg"]


@pytest.mark.parametrize(
    ("host", "arguments", "words"),
    [
        ("vm1", {"network": "no-such-network"}, "no network called no-such-network"),
        ("vm2", {"network": "x"}, "pass 'expected'"),
        ("vm1", {"network": "x", "expected": {"web": ["nonsense"]}}, "not an IPv4 address"),
        ("vm1", {"network": "x", "expected": {"web": ["10.0.0.1"]}, "absent": ["web"]}, "both expected and"),
        ("vm1", {"network": "x", "expected": {"web": []}, "names": ["wbe"]}, "Known: web"),
        ("vm1", {"network": "x", "expected": {"web": []}, "timeout": -1}, "timeout is -1, and must be at least 0"),
        ("vm1", {"network": "x", "expected": {"web": []}, "attach": False}, "'attach' is false"),
    ],
)
def test_bad_input_gets_one_clear_message(swarm, host: str, arguments: dict, words: str) -> None:
    result = swarm.run(MODULE, arguments, host=host)
    assert result["failed"] and words in result["msg"], result
    assert "Traceback" not in str(result)


def test_the_beginning_of_an_id_is_no_name(swarm, network: str) -> None:
    beginning = swarm.docker("vm1", "network", "inspect", network, "--format", "{{.Id}}")[:5]
    for arguments in ({}, {"expected": {"web": []}}):
        result = swarm.run(MODULE, {"network": beginning, **arguments})
        assert result["failed"] and f"no network called {beginning}" in result["msg"], result
    assert swarm.docker("vm1", "ps", "-aq", "--filter", "label=swarmlab.overlay/discovery") == ""


def test_a_network_that_is_not_attachable_refuses(swarm, unique: str) -> None:
    swarm.docker("vm1", "network", "create", "-d", "overlay", unique)
    result = swarm.run(MODULE, {"network": unique, "expected": {"web": []}})
    assert result["failed"] and "not manually attachable" in result["msg"]
    assert swarm.docker("vm1", "ps", "-aq", "--filter", "label=swarmlab.overlay/discovery") == ""
