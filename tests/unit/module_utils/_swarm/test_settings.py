# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of a swarm: what is declared changes, and nothing else."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.yaml import yaml_load
from ansible_collections.swarmlab.overlay.plugins.module_utils._swarm import settings
from hypothesis import given
from hypothesis import strategies as st

SPEC: dict[str, Any] = {
    "Name": "default",
    "Labels": {"site": "north", "swarmlab.overlay/kept": "1"},
    "Orchestration": {"TaskHistoryRetentionLimit": 5},
    "Raft": {"SnapshotInterval": 10000, "KeepOldSnapshots": 0, "LogEntriesForSlowFollowers": 500, "ElectionTick": 10},
    "Dispatcher": {"HeartbeatPeriod": 5 * settings.SECOND},
    "CAConfig": {"NodeCertExpiry": 2160 * settings.HOUR, "ForceRotate": 3, "ExternalCAs": [{"URL": "https://ca"}]},
    "TaskDefaults": {},
    "EncryptionConfig": {"AutoLockManagers": False},
}
SWARM = {"Spec": SPEC, "DefaultAddrPool": ["10.0.0.0/8"], "SubnetSize": 24, "DataPathPort": 4789}
NUMBERS = sorted(settings.LOWEST)
LABELS = st.dictionaries(st.text(min_size=1).filter(lambda key: not key.startswith("swarmlab.overlay/")), st.text())
DECLARATIONS = st.fixed_dictionaries(
    {},
    optional={
        **{name: st.none() | st.integers(settings.LOWEST[name], 10**6) for name in NUMBERS},
        "autolock": st.none() | st.booleans(),
        "labels": st.none() | LABELS,
    },
)


def test_settings_are_told_in_the_modules_options() -> None:
    assert settings.read(SWARM) == {
        "autolock": False, "heartbeat": 5, "keep_old_snapshots": 0, "log_entries_for_slow_followers": 500, "node_cert_expiry": 2160,
        "snapshot_interval": 10000, "task_history": 5, "labels": {"site": "north"}, "default_addr_pool": ["10.0.0.0/8"], "subnet_size": 24,
        "data_path_port": 4789,
    }  # fmt: skip


def test_an_engine_that_reports_no_pool_has_the_default_one() -> None:
    told = settings.read({"Spec": {}, "DataPathPort": 0})
    assert (told["default_addr_pool"], told["subnet_size"], told["data_path_port"]) == (["10.0.0.0/8"], 24, 4789)


@given(DECLARATIONS)
def test_what_is_declared_is_reached_and_the_rest_stays(wanted: dict[str, Any]) -> None:
    before = copy.deepcopy(SPEC)
    new = settings.merged(SPEC, wanted)
    assert before == SPEC
    told, old = settings.read({**SWARM, "Spec": new}), settings.read(SWARM)
    given_ = {key: value for key, value in wanted.items() if value is not None}
    assert told == {**old, **given_}
    # A second run finds nothing, and what has no option is sent back as it was: otherwise the CA would be rotated.
    assert not settings.differs(new, settings.merged(new, wanted))
    assert new["CAConfig"]["ForceRotate"] == 3 and new["CAConfig"]["ExternalCAs"] == [{"URL": "https://ca"}]
    assert new["Raft"]["ElectionTick"] == 10 and new["Labels"]["swarmlab.overlay/kept"] == "1"
    assert settings.differs(SPEC, new) == (told != old)


def test_a_value_that_is_no_whole_number_of_our_units_is_seen_and_kept() -> None:
    odd = {**SPEC, "Dispatcher": {"HeartbeatPeriod": settings.SECOND // 10}}
    assert settings.read({"Spec": odd})["heartbeat"] == 0.1
    assert settings.merged(odd, {"task_history": 5}) == odd
    assert settings.merged(odd, {"heartbeat": 5})["Dispatcher"] == {"HeartbeatPeriod": 5 * settings.SECOND}


def test_labels_are_all_of_the_labels_but_ours() -> None:
    assert settings.merged(SPEC, {"labels": {"a": "b"}})["Labels"] == {"a": "b", "swarmlab.overlay/kept": "1"}
    assert settings.merged(SPEC, {"labels": {}})["Labels"] == {"swarmlab.overlay/kept": "1"}


def test_no_labels_are_no_difference_to_empty_ones() -> None:
    assert not settings.differs({**SPEC, "Labels": None}, settings.merged({**SPEC, "Labels": None}, {"labels": {}}))


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"heartbeat": 0}, "heartbeat is 0; it must be at least 1"),
        ({"node_cert_expiry": 0}, "node_cert_expiry is 0; it must be at least 1"),
        ({"task_history": -1}, "task_history is -1; it must be at least 0"),
        ({"default_addr_pool": ["10.1.0.1/16"]}, "default_addr_pool: 10.1.0.1/16 has host bits set"),
        ({"labels": {"swarmlab.overlay/x": ""}}, "labels: swarmlab.overlay/x begins with swarmlab.overlay/"),
    ],
)
def test_what_cannot_be_declared_is_said(wanted: dict[str, Any], words: str) -> None:
    assert [problem for problem in settings.problems(wanted) if words in problem]
    assert not settings.problems(
        {"heartbeat": 1, "task_history": 0, "default_addr_pool": ["10.1.0.0/16"], "labels": {"a": "b"}}
    )


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"default_addr_pool": ["10.0.0.0/8"], "subnet_size": 24, "data_path_port": 4789}, []),
        ({"default_addr_pool": [], "subnet_size": None}, []),
        ({"data_path_port": 5000}, ["data_path_port is 4789, declared is 5000"]),
        ({"default_addr_pool": ["10.20.0.0/16"], "subnet_size": 26},
         ["default_addr_pool is 10.0.0.0/8, declared is 10.20.0.0/16", "subnet_size is 24, declared is 26"]),
    ],
)  # fmt: skip
def test_what_was_fixed_when_the_swarm_was_made(wanted: dict[str, Any], words: list[str]) -> None:
    assert settings.fixed(SWARM, wanted) == words


def test_every_setting_is_an_option_of_the_role() -> None:
    specs = yaml_load((Path(__file__).resolve().parents[4] / "roles/swarm/meta/argument_specs.yml").read_text())
    options = specs["argument_specs"]["main"]["options"]["swarm_settings"]["options"]
    assert set(options) == {*settings.KEYS, "labels"}
