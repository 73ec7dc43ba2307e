# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""New join tokens and a new CA on a real swarm, which goes on meanwhile."""

from __future__ import annotations

import json
import time

import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret

ROTATE = "swarmlab.overlay.rotate"
CA_ALONE = {"swarm_rotate": ["ca"], "swarm_rotate_max_age": 0}


def tokens(swarm) -> list[str]:
    return [swarm.docker("vm1", "swarm", "join-token", "-q", role) for role in ("worker", "manager")]


def spec_of(swarm) -> dict:
    return json.loads(swarm.docker("vm1", "info", "--format", "{{json .Swarm.Cluster.Spec}}"))


def roots(swarm) -> set[str]:
    """The roots that the swarm and its nodes have, in one value when they agree."""
    nodes = json.loads(swarm.docker("vm1", "node", "inspect", *swarm.docker("vm1", "node", "ls", "-q").split()))
    return {json.dumps(node["Description"]["TLSInfo"], sort_keys=True) for node in nodes}


def test_join_tokens_by_age(swarm) -> None:
    before = tokens(swarm)
    young = swarm.run("swarm_rotate", {"what": ["worker_token", "manager_token"]})
    assert not young["changed"] and tokens(swarm) == before
    code, output = swarm.playbook(ROTATE, {"swarm_rotate": ["worker_token"], "swarm_rotate_max_age": 0}, "-vvvvv")
    assert code == 0 and "SWMTKN" not in output, output[-3000:]
    now = tokens(swarm)
    assert now[0] != before[0] and now[1] == before[1]
    assert time.time() - int(spec_of(swarm)["Labels"]["swarmlab.overlay/rotated-worker_token"]) < 120
    # Declaring the settings leaves the mark, and the mark is no setting.
    assert not swarm.run("swarm", {"labels": {}})["changed"]
    assert swarm.docker("vm1", "node", "ls", "--format", "{{.Status}}").split() == ["Ready"] * 3


@pytest.mark.long
def test_a_token_from_before_a_rotation_is_refused(swarm) -> None:
    before = tokens(swarm)[0]
    code, output = swarm.playbook(ROTATE, {"swarm_rotate": ["worker_token"], "swarm_rotate_max_age": 0})
    assert code == 0, output
    manager = swarm.docker("vm1", "info", "--format", "{{(index .Swarm.RemoteManagers 0).Addr}}")
    former = swarm.docker("vm3", "info", "--format", "{{.Swarm.NodeID}}")
    swarm.docker("vm3", "swarm", "leave")
    try:
        assert "join token" in swarm.shell("vm3", f"! docker swarm join --token {before} {manager} 2>&1").lower()
        assert swarm.docker("vm3", "info", "--format", "{{.Swarm.LocalNodeState}}") == "inactive"
    finally:
        swarm.docker("vm1", "node", "rm", "--force", former)
        code, output = swarm.playbook("swarmlab.overlay.swarm")
    assert code == 0, output
    swarm.await_nodes("vm1")


def test_a_new_ca_reaches_every_node(swarm) -> None:
    before = roots(swarm)
    assert len(before) == 1
    code, output = swarm.playbook(ROTATE, CA_ALONE, "--check")
    assert code == 0 and roots(swarm) == before, output
    code, output = swarm.playbook(ROTATE, CA_ALONE)
    assert code == 0, output
    now = roots(swarm)
    assert len(now) == 1 and now != before
    assert swarm.docker("vm1", "node", "ls", "--format", "{{.Status}}").split() == ["Ready"] * 3
    again = swarm.run("swarm_rotate", {"what": ["ca"], "max_age": 1})
    assert not again["changed"] and roots(swarm) == now


@pytest.mark.long
@pytest.mark.rare
def test_a_dead_node_is_named_and_a_killed_run_is_finished(swarm, engine_socket) -> None:
    before, rotations = roots(swarm), spec_of(swarm)["CAConfig"].get("ForceRotate", 0)
    swarm.shell("vm3", "kill -STOP $(pgrep -x dockerd)")
    try:
        swarm.await_nodes("vm1", "Ready Ready Down")
        refused = swarm.run("swarm_rotate", {"what": ["ca"], "max_age": 0})
        assert refused["failed"] and "vm3" in refused["msg"] and "Nothing was changed" in refused["msg"], refused
        assert roots(swarm) == before
    finally:
        swarm.shell("vm3", "kill -CONT $(pgrep -x dockerd)")
    swarm.await_nodes("vm1")
    code, output = swarm.killed("swarm_rotate", 1, {"docker_host": engine_socket, "what": ["ca"], "max_age": 0})
    assert code == -9, output
    done = swarm.run("swarm_rotate", {"what": ["ca"], "max_age": 1})
    now = roots(swarm)
    assert not done["failed"] and not done["changed"] and len(now) == 1 and now != before, done
    assert spec_of(swarm)["CAConfig"]["ForceRotate"] == rotations + 1


def unlock_key(swarm) -> str:
    return swarm.docker("vm1", "swarm", "unlock-key", "-q")


@pytest.mark.long
@pytest.mark.rare
def test_unlock_keys_are_kept_in_a_vault_and_open_a_locked_manager(swarm, tmp_path) -> None:
    password, kept = tmp_path / "password", tmp_path / "keys.yml"
    password.write_text("secret")
    vault = ("--vault-password-file", str(password))
    told = {"swarm_rotate": "unlock_key", "swarm_unlock_key_file": str(kept), "swarm_rotate_max_age": 0}
    code, output = swarm.playbook(ROTATE, told, *vault)
    assert code != 0 and "has no autolock" in " ".join(output.split()) and not kept.exists(), output
    try:
        assert swarm.run("swarm", {"autolock": True})["changed"]
        first = unlock_key(swarm)
        code, output = swarm.playbook(ROTATE, told)
        assert code != 0 and "no vault password" in " ".join(output.split()) and unlock_key(swarm) == first, output

        code, output = swarm.playbook(ROTATE, told, "-vvvvv", *vault)
        second = unlock_key(swarm)
        assert code == 0 and "SWMKEY" not in output and first != second, output[-3000:]
        assert kept.read_text().startswith("$ANSIBLE_VAULT") and kept.stat().st_mode & 0o777 == 0o600
        secrets = VaultLib([("default", VaultSecret(b"secret"))])
        assert yaml.safe_load(secrets.decrypt(kept.read_bytes()))["swarm_unlock_keys"] == [second, first]
        code, output = swarm.playbook(ROTATE, {**told, "swarm_rotate_max_age": 1}, *vault)
        assert code == 0 and "changed=1" not in output and unlock_key(swarm) == second, output

        swarm.restart_engine("vm1")
        state = "for try in $(seq 240); do [ \"$(docker info --format '{{.Swarm.LocalNodeState}}' 2>/dev/null)\" = locked ] && exit 0; sleep 0.25; done; exit 1"
        swarm.shell("vm1", state)
        code, output = swarm.playbook("swarmlab.overlay.swarm", {"swarm_unlock_keys": ["SWMKEY-1-" + "A" * 43]})
        assert code != 0 and "the key does not fit" in " ".join(output.split()) and "AAAA" not in output, output
        code, output = swarm.playbook("swarmlab.overlay.swarm", {}, "-e", f"@{kept}", "-vvvvv", *vault)
        assert code == 0 and "SWMKEY" not in output, output[-3000:]
        swarm.await_nodes("vm1")
        assert unlock_key(swarm) == second

        # Role engine restarts it only with the key that the swarm has.
        restart = {"engine_daemon": {"debug": True}, "engine_restart_command": "kill -HUP 1"}
        code, output = swarm.playbook(
            "swarmlab.overlay.swarm", {**restart, "swarm_unlock_keys": [first]}, "--limit", "vm1"
        )
        assert code != 0 and "present key is not among" in " ".join(output.split()) and "SWMKEY" not in output, output
        code, output = swarm.playbook("swarmlab.overlay.swarm", restart, "--limit", "vm1", "-e", f"@{kept}", *vault)
        assert code == 0 and swarm.docker("vm1", "info", "--format", "{{.Debug}}") == "true", output
        swarm.await_nodes("vm1")
    finally:
        done = swarm.run("swarm", {"autolock": False})
        code, output = swarm.playbook(
            "swarmlab.overlay.swarm",
            {"engine_daemon": {"debug": None}, "engine_restart_command": "kill -HUP 1"},
            "--limit",
            "vm1",
        )
    assert not done["failed"] and code == 0, output
