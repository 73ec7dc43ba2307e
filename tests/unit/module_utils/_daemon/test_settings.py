# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemon.json as people have it."""

from __future__ import annotations

import codecs
import json

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._daemon.settings import (
    config_file,
    decode,
    flag,
    merge,
    parse,
    shown,
    text_of,
    unfit,
    without_flag,
)
from ansible_collections.swarmlab.overlay.plugins.module_utils._host import HostError
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
        (
            {"log-opts": {"max-size": "1m"}},
            {"log-opts": {"max-file": "3"}},
            {"log-opts": {"max-size": "1m", "max-file": "3"}},
        ),
        ({"dns": ["1.1.1.1"]}, {"dns": ["9.9.9.9"]}, {"dns": ["9.9.9.9"]}),
        ({"a": {"b": 1}}, {"a": 3}, {"a": 3}),
    ],
)
def test_merge(present: dict, declared: dict, merged: dict) -> None:
    assert merge(present, declared) == merged


@given(DAEMON, DAEMON)
def test_merging_twice_changes_nothing_more(present: dict, declared: dict) -> None:
    once = merge(present, declared)
    assert merge(once, declared) == once


@pytest.mark.parametrize("text", ["", "  \n", "{}"])
def test_daemon_json_without_settings(text: str) -> None:
    assert parse(text) == {}


@pytest.mark.parametrize("text", ["{", "[]", "3"])
def test_broken_daemon_json_is_named(text: str) -> None:
    with pytest.raises(HostError, match=r"/etc/docker/daemon\.json .*correct or remove it"):
        parse(text)


@pytest.mark.parametrize("data", [
    b'{"debug": true}', codecs.BOM_UTF8 + b'{"debug": true}', codecs.BOM_UTF16_LE + '{"debug": true}'.encode("utf-16-le"),
    codecs.BOM_UTF16_BE + '{"debug": true}'.encode("utf-16-be"),
])  # fmt: skip
def test_a_byte_order_mark_chooses_the_encoding(data: bytes) -> None:
    assert parse(decode(data)) == {"debug": True}


@pytest.mark.parametrize("data", [b"\xff\xfe{", b'{"a": "\xe9"}'])
def test_what_is_no_text_is_named(data: bytes) -> None:
    with pytest.raises(HostError, match=r"/etc/docker/daemon\.json is not .*UTF"):
        parse(decode(data))


@pytest.mark.parametrize(("text", "read"), [
    ('{"log-opts": {"max-size": "1m"}, "log-opts": {"max-file": "3"}}', {"log-opts": {"max-size": "1m", "max-file": "3"}}),
    ('{"log-opts": {"max-size": "1m"}, "log-opts": {"max-size": "2m"}}', {"log-opts": {"max-size": "2m"}}),
    ('{"debug": true, "debug": false}', {"debug": False}),
    ('{"dns": ["1.1.1.1", "2.2.2.2"], "dns": ["3.3.3.3"]}', {"dns": ["3.3.3.3"]}),
])  # fmt: skip
def test_a_key_that_is_there_twice_is_read_as_go_reads_it(text: str, read: dict) -> None:
    assert parse(text) == read


@pytest.mark.parametrize("text", [
    '{"runtimes": {"a": {"path": "x"}}, "runtimes": {"a": {"path": "y"}}}', '{"log-opts": {"a": "b"}, "log-opts": null}', '{"debug": true, "debug": null}',
    '{"log-opts": {"a": "b"}, "log-opts": 3}',
])  # fmt: skip
def test_where_only_go_knows_nobody_guesses(text: str) -> None:
    with pytest.raises(HostError, match="twice"):
        parse(text)


@given(DAEMON)
def test_what_is_written_is_read_again_in_its_order(settings: dict) -> None:
    assert json.dumps(parse(text_of(settings))) == json.dumps(settings)


@pytest.mark.parametrize(("words", "value"), [
    (["-H", "fd://"], "fd://"), (["-Hfd://"], "fd://"), (["--host=fd://"], "fd://"), (["--host", "fd://"], "fd://"),
    (["--debug"], None), ([], None), (["-H"], ""),
])  # fmt: skip
def test_flags(words: list, value: str | None) -> None:
    assert flag(words, "-H", "--host") == value


def test_another_file_for_settings() -> None:
    assert config_file(["-H", "fd://"]) == "/etc/docker/daemon.json"
    assert (
        config_file(["--config-file=/srv/d.json"])
        == config_file(["--config-file", "/srv/d.json", "-D"])
        == "/srv/d.json"
    )
    assert without_flag(["-H", "fd://", "--config-file", "/srv/d.json", "-D"], "--config-file") == ["-H", "fd://", "-D"]
    assert without_flag(["--config-file=/srv/d.json", "-D"], "--config-file") == ["-D"]


@pytest.mark.parametrize(("settings", "flags", "word"), [
    ({"live-restore": True}, [], "live-restore"), ({}, ["--live-restore"], "live-restore"), ({"live-restore": False}, ["-D"], ""),
    ({"firewall-backend": "nftables"}, [], "nftables"), ({}, ["--firewall-backend=nftables"], "nftables"),
    ({"features": {"swarm-nftables": True}, "firewall-backend": "nftables"}, [], "mesh"), ({"firewall-backend": "iptables"}, [], ""),
    ({"hosts": ["tcp://0.0.0.0:2375"]}, ["-H", "fd://"], "hosts"), ({"hosts": ["fd://"]}, ["--containerd=/x"], ""),
])  # fmt: skip
def test_what_a_swarm_cannot_have(settings: dict, flags: list, word: str) -> None:
    problem = unfit(settings, flags)
    assert word in problem and bool(word) == bool(problem)


def test_secrets_are_not_shown() -> None:
    told = shown(
        {
            "proxies": {"http-proxy": "http://me:hunter2@proxy:3128"},
            "log-opts": {"splunk-token": "abc", "max-size": "1m"},
            "registry-mirrors": ["https://u:hunter2@mirror/"],
        }
    )
    assert "hunter2" not in str(told) and "abc" not in str(told)
    assert told["log-opts"]["max-size"] == "1m" and "@proxy:3128" in told["proxies"]["http-proxy"]
