# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module swarm: the settings of a real swarm, declared as a whole."""

from __future__ import annotations

import json

USUAL = {"heartbeat": 5, "task_history": 5, "keep_old_snapshots": 0, "node_cert_expiry": 2160, "labels": {}}


def spec(swarm) -> dict:
    return json.loads(swarm.docker("vm1", "info", "--format", "{{json .Swarm.Cluster.Spec}}"))


def test_settings_are_declared_as_a_whole(swarm) -> None:
    before = spec(swarm)
    wanted = {
        "heartbeat": 7,
        "task_history": 0,
        "keep_old_snapshots": 2,
        "node_cert_expiry": 48,
        "labels": {"site": "a"},
    }
    try:
        shown = swarm.shown("swarm", wanted, "--check")
        assert {"- heartbeat: 5", "+ heartbeat: 7", "+ site: a"} <= {" ".join(line.split()) for line in shown}
        predicted = swarm.run("swarm", wanted, check=True)
        assert predicted["changed"] and spec(swarm) == before
        done = swarm.run("swarm", wanted)
        assert done["changed"] and done["settings"] == predicted["settings"]
        assert not swarm.run("swarm", wanted)["changed"]
        now = spec(swarm)
        assert now == {
            **before,
            "Labels": {**before["Labels"], "site": "a"},
            "Orchestration": {"TaskHistoryRetentionLimit": 0},
            "Raft": {**before["Raft"], "KeepOldSnapshots": 2},
            "Dispatcher": {"HeartbeatPeriod": 7 * 10**9},
            "CAConfig": {**before["CAConfig"], "NodeCertExpiry": 48 * 3600 * 10**9},
        }
        # One of them alone leaves the others.
        assert swarm.run("swarm", {"task_history": 3})["changed"]
        assert spec(swarm) == {**now, "Orchestration": {"TaskHistoryRetentionLimit": 3}}
        told = swarm.run("swarm_info", {"settings": True})["settings"]
        assert {**told, **wanted, "task_history": 3} == told
    finally:
        done = swarm.run("swarm", USUAL)
    assert not done["failed"] and spec(swarm) == before, done


def test_what_a_swarm_cannot_change_is_refused_with_what_it_would_take(swarm) -> None:
    before = spec(swarm)
    for wanted in ({"default_addr_pool": ["10.60.0.0/16"], "subnet_size": 26}, {"data_path_port": 5000}):
        done = swarm.run("swarm", {**wanted, "heartbeat": 9})
        assert done["failed"] and "create a new swarm" in done["msg"] and "Nothing was changed" in done["msg"], done
    same = swarm.run("swarm", {"default_addr_pool": ["10.0.0.0/8"], "subnet_size": 24, "data_path_port": 4789})
    assert not same["failed"] and not same["changed"]
    assert "at least 1" in swarm.run("swarm", {"heartbeat": 0})["msg"]
    worker = swarm.run("swarm", {"heartbeat": 9}, host="vm2")
    assert worker["failed"] and "is a worker" in worker["msg"]
    assert spec(swarm) == before


def test_the_role_declares_them(swarm) -> None:
    try:
        code, output = swarm.playbook(
            "swarmlab.overlay.swarm", {"swarm_settings": {"task_history": 4}}, "--check", "--diff"
        )
        assert (
            code == 0 and "task_history: 4" in output and spec(swarm)["Orchestration"]["TaskHistoryRetentionLimit"] == 5
        )
        code, output = swarm.playbook("swarmlab.overlay.swarm", {"swarm_settings": {"task_history": 4}})
        assert code == 0 and spec(swarm)["Orchestration"]["TaskHistoryRetentionLimit"] == 4, output
        code, output = swarm.playbook("swarmlab.overlay.swarm", {"swarm_settings": {"heartbeats": 4}})
        assert code != 0 and "heartbeats" in output
    finally:
        swarm.run("swarm", {"task_history": 5})
