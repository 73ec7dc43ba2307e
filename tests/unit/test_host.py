# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._host import (
    HostError,
    loaded_kernel_modules,
    merge_daemon_settings,
    missing_kernel_modules,
    parse_daemon_json,
)
from hypothesis import given
from hypothesis import strategies as st

SETTINGS = st.recursive(
    st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
DAEMON = st.dictionaries(st.text(max_size=3), SETTINGS, max_size=4)


@pytest.mark.parametrize(
    ("present", "declared", "merged"),
    [
        ({}, {}, {}),
        ({"a": 1}, {}, {"a": 1}),
        ({"a": 1}, {"a": 2}, {"a": 2}),
        ({"a": 1, "b": 2}, {"a": None}, {"b": 2}),
        ({}, {"a": None}, {}),
        ({"log-opts": {"max-size": "1m"}}, {"log-opts": {"max-file": "3"}}, {"log-opts": {"max-size": "1m", "max-file": "3"}}),
        ({"dns": ["1.1.1.1"]}, {"dns": ["9.9.9.9"]}, {"dns": ["9.9.9.9"]}),
        ({"a": {"b": 1}}, {"a": 3}, {"a": 3}),
    ],
)
def test_merge_daemon_settings(present: dict, declared: dict, merged: dict) -> None:
    assert merge_daemon_settings(present, declared) == merged


@given(DAEMON, DAEMON)
def test_merging_twice_changes_nothing_more(present: dict, declared: dict) -> None:
    once = merge_daemon_settings(present, declared)
    assert merge_daemon_settings(once, declared) == once


@pytest.mark.parametrize("text", ["", "  \n", "{}"])
def test_daemon_json_without_settings(text: str) -> None:
    assert parse_daemon_json(text) == {}


@pytest.mark.parametrize("text", ["{", "[]", "3"])
def test_broken_daemon_json_is_named(text: str) -> None:
    with pytest.raises(HostError, match=r"/etc/docker/daemon\.json .*mend or remove it"):
        parse_daemon_json(text)


def test_kernel_modules_loaded_or_built_in() -> None:
    there = loaded_kernel_modules("vxlan 155648 0 - Live 0x0\nxt_bpf 12288 1 - Live 0x0\n", "kernel/net/ipv4/esp4.ko\nkernel/crypto/sha-1.ko\n")
    assert there == {"vxlan", "xt_bpf", "esp4", "sha_1"}
    assert missing_kernel_modules(["vxlan", "ip_vs", "sha-1", "esp4"], there) == ["ip_vs"]
