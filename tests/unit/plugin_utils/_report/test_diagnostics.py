# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The archive of a failed verification: complete, private, bounded, and without secrets."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._report import build, diagnostics, writing
from hypothesis import given
from hypothesis import strategies as st

TOKEN = "SWMTKN-1-3pu6hszjas19xyp7ghgosyx9k8atbfcr8p2is99znpy26u2lkl-1awxwuwd3z9j1z3puu7rcgdbx"
KEY = (
    "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIPu6hszjas19xyp7ghgosyx9k8atbfcr8p2is99znpy2\n-----END EC PRIVATE KEY-----"
)
AEAD = "00112233445566778899aabbccddeeff01234567"
SECRETS = {"token": TOKEN, "key": KEY, "state": f"aead rfc4106(gcm(aes)) 0x{AEAD} 64", "password": f"key: {AEAD}"}
PIECES = [TOKEN[10:30], "MHcCAQEEIPu6hszjas19", AEAD]


def report(summary: str = "seen") -> dict:
    about = {
        "run": "r1",
        "started": "2026-01-01T00:00:00Z",
        "collection": "swarmlab.overlay",
        "lab": None,
        "swarm": "s1",
        "nodes": [],
        "networks": [],
    }
    item = {
        "id": "SD-VIP",
        "status": "fail",
        "reason": "paths-lost",
        "title": "t",
        "network": "back",
        "service": None,
        "nodes": ["vm1"],
        "evidence": {"summary": summary},
        "hint": None,
        "seconds": 0,
    }
    return build.document([item], about, 1)


def told(words: str = "seen") -> dict:
    return {
        "prepare": {"vm1": {"seen": {"words": words}}, "vm2": {"seen": None, "problem": words}},
        "close": {"vm1": {"seen": {}}},
    }


def opened(path: Path) -> dict[str, str]:
    with tarfile.open(path) as tar:
        assert {member.mode for member in tar.getmembers()} == {0o600}
        folders = {member.name.split("/")[0] for member in tar.getmembers()}
        assert folders == {path.name.removesuffix(".tar.gz")}
        return {
            member.name.split("/", 1)[1]: io.TextIOWrapper(tar.extractfile(member), "utf-8").read()
            for member in tar.getmembers()
        }


def test_everything_that_is_known_is_in_it(tmp_path: Path) -> None:
    path = Path(writing.write_diagnostics(report(), {"leader": "vm1"}, told(), str(tmp_path)))
    assert path.stat().st_mode & 0o777 == 0o600
    files = opened(path)
    assert set(files) == {
        "README.txt",
        "summary.txt",
        "report.json",
        "junit.xml",
        "facts.json",
        "told/01-vm1.json",
        "told/02-vm2.json",
    }
    assert json.loads(files["told/01-vm1.json"]) == {"prepare": {"seen": {"words": "seen"}}, "close": {"seen": {}}}
    assert json.loads(files["facts.json"]) == {"leader": "vm1"} and json.loads(files["report.json"]) == report()
    assert files["summary.txt"].startswith("NOT VERIFIED")


@pytest.mark.parametrize("name", SECRETS)
def test_no_secret_gets_into_it_wherever_it_was(tmp_path: Path, name: str) -> None:
    words = f"before\n{SECRETS[name]}\nafter"
    path = Path(writing.write_diagnostics(report(words), {"deep": [{"x": words}]}, told(words), str(tmp_path)))
    for file, text in opened(path).items():
        assert not [piece for piece in PIECES if piece in text], file
        assert ("before" in text) == (file != "README.txt"), file


def test_only_the_newest_few_stay_and_nothing_else_goes(tmp_path: Path) -> None:
    others = ["diagnostics-notes.txt", "logs-20260101T000000Z.tar.gz"]
    old = [f"diagnostics-2025010{number}T000000Z.tar.gz" for number in range(1, 8)]
    for name in others + old:
        (tmp_path / name).write_text("x")
    new = Path(writing.write_diagnostics(report(), {}, told(), str(tmp_path)))
    assert {entry.name for entry in tmp_path.iterdir()} == {*others, *old[-4:], new.name}


@given(st.sets(st.text(min_size=1), max_size=4))
def test_any_host_has_a_file_of_its_own_inside_the_archive(hosts: set) -> None:
    files = diagnostics.files(report(), {}, {"prepare": {host: {} for host in hosts}})
    names = [name for name in files if name.startswith("told/")]
    assert len(names) == len(hosts)
    assert not [
        name for name in names if name.count("/") != 1 or ".." in name.split("/")[1][:4] or "\\" in name or "\0" in name
    ]
