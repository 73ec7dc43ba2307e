# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups on the controller: manifests, what is kept, encryption, and where one fits."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible_collections.swarmlab.overlay.plugins.plugin_utils import swarm_backups
from ansible_collections.swarmlab.overlay.plugins.plugin_utils.swarm_backups import Unfit

NO_VAULT = SimpleNamespace(secrets=[])
VAULT = VaultLib([("default", VaultSecret(b"secret"))])
DATA = b"\x1f\x8b the state of a swarm, longer than what is looked for in the sealed data" * 3


def manifest(**more: Any) -> dict[str, Any]:
    return {
        "format": 1, "swarm_id": "abc", "node_id": "n1", "hostname": "vm1", "address": "10.0.0.11:2377", "engine_version": "26.1.5+dfsg1",
        "autolock": False, "managers": [], "time": "2026-11-26T21:46:20Z", "size": 10, "sha256": "00", **more,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no JSON", "is not the manifest"),
        ("[]", "is not the manifest"),
        (json.dumps({"format": 1}), "is not the manifest"),
        (json.dumps(manifest(managers="x")), "is not the manifest"),
        (json.dumps(manifest(format=2)), "another version of this collection"),
    ],
)
def test_what_is_no_manifest_is_refused(text: str, words: str) -> None:
    with pytest.raises(Unfit, match=words) as told:
        swarm_backups.parse(text, "x.json")
    assert "Nothing was changed" in str(told.value)


def test_names() -> None:
    assert swarm_backups.stem(manifest()) == "swarm-abc-20261126T214620Z"
    for name in ("a.tar.gz", "a.tar.gz.vault", "a.tar.gz.enc"):
        assert swarm_backups.manifest_of(f"/x/{name}") == "/x/a.json"
    with pytest.raises(Unfit, match="is not the name of a backup"):
        swarm_backups.manifest_of("/x/a.yml.vault")


def test_only_the_oldest_of_the_same_swarm_go(tmp_path: Path) -> None:
    times = [f"2026-11-2{day}T00:00:00Z" for day in (3, 1, 2)]
    every = [*(manifest(time=time) for time in times), manifest(swarm_id="other", time="2020-01-01T00:00:00Z")]
    assert swarm_backups.outdated(every, "abc", 2) == ["swarm-abc-20261121T000000Z"]
    assert swarm_backups.outdated(every, "abc", 1) == ["swarm-abc-20261121T000000Z", "swarm-abc-20261122T000000Z"]
    assert swarm_backups.outdated(every, "abc", 3) == [] == swarm_backups.outdated(every, "none", 1)
    for each in every:
        for ending in (".json", ".tar.gz.vault", ".yml.vault"):
            (tmp_path / f"{swarm_backups.stem(each)}{ending}").write_text(json.dumps(each))
    (tmp_path / "swarm-abc-1.json").write_text("{}")
    (tmp_path / "letter.json").write_text(json.dumps(manifest()))
    assert len(swarm_backups.known(str(tmp_path))) == 4
    found = swarm_backups.files_of(str(tmp_path), "swarm-abc-20261121T000000Z")
    assert [Path(path).name.partition(".")[2] for path in found] == ["tar.gz.vault", "yml.vault", "json"]


def test_sealing_and_back() -> None:
    for vault, command, back, plain, ending in (
        (VAULT, "", "", False, ".vault"),
        (VAULT, "", "", True, ""),
        (NO_VAULT, "", "", True, ""),
        (NO_VAULT, "openssl enc -aes-256-cbc -pbkdf2 -pass pass:x", "openssl enc -d -aes-256-cbc -pbkdf2 -pass pass:x", False, ".enc"),
    ):  # fmt: skip
        sealed, found = swarm_backups.seal(DATA, vault, command, plain)
        assert found == ending and (DATA in sealed) == (ending == "")
        assert swarm_backups.unseal(sealed, f"a.tar.gz{found}", vault, back) == DATA


@pytest.mark.skipif(shutil.which("gpg") is None, reason="this machine has no gpg")
def test_gpg_as_the_documentation_says_it(tmp_path: Path) -> None:
    home, phrase = tmp_path / "home", tmp_path / "phrase"
    home.mkdir(mode=0o700)
    phrase.write_text("secret")
    gpg = f"gpg --homedir {home} --batch --pinentry-mode loopback --passphrase-file {phrase}"
    try:
        sealed, ending = swarm_backups.seal(DATA, NO_VAULT, f"{gpg} --symmetric", False)
        assert ending == ".enc" and DATA not in sealed
        assert swarm_backups.unseal(sealed, "a.tar.gz.enc", NO_VAULT, f"{gpg} --decrypt") == DATA
        with pytest.raises(Unfit, match="gpg .*failed: .*Nothing was kept or changed"):
            swarm_backups.seal(DATA, NO_VAULT, f"gpg --homedir {home} --batch --encrypt --recipient nobody", False)
    finally:
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False)


@pytest.mark.skipif(shutil.which("age") is None, reason="this machine has no age")
def test_age_as_the_documentation_says_it(tmp_path: Path) -> None:
    made = subprocess.run(["age-keygen"], capture_output=True, text=True, check=True)
    (tmp_path / "key.txt").write_text(made.stdout)
    public = made.stdout.partition("# public key: ")[2].split()[0]
    sealed, ending = swarm_backups.seal(DATA, NO_VAULT, f"age -r {public}", False)
    assert ending == ".enc" and DATA not in sealed
    assert swarm_backups.unseal(sealed, "a.tar.gz.enc", NO_VAULT, f"age -d -i {tmp_path / 'key.txt'}") == DATA


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("cat", "gave back what it was to encrypt"),
        ("false", "failed: exit code 1, and no output"),
        ("true", "failed: exit code 0, and no output"),
        ("/no/such/program -r age1", "/no/such/program is not installed on the controller"),
        ("'", "cannot be run"),
    ],
)
def test_a_command_that_does_not_encrypt(command: str, words: str) -> None:
    with pytest.raises(Unfit, match=words):
        swarm_backups.seal(DATA, NO_VAULT, command, False)


def test_no_secret_without_encryption_by_chance() -> None:
    with pytest.raises(Unfit, match="no vault password"):
        swarm_backups.check_sealing(NO_VAULT, "", False, "/x")
    swarm_backups.check_sealing(NO_VAULT, "age", False, "/x")
    swarm_backups.check_sealing(NO_VAULT, "", True, "/x")
    swarm_backups.check_sealing(VAULT, "", False, "/x")
    for name, words in (("a.tar.gz.vault", "no vault password"), ("a.tar.gz.enc", "names no command")):
        with pytest.raises(Unfit, match=words):
            swarm_backups.unseal(DATA, name, NO_VAULT, "")


@pytest.mark.parametrize(
    ("place", "more", "words"),
    [
        ({}, {}, ""),
        ({"state": "active", "node_id": "n1"}, {}, "is in the swarm of the backup"),
        ({"state": "active", "node_id": "n2", "swarm_id": "abc"}, {}, "is in the swarm of the backup"),
        ({"state": "active", "node_id": "n2", "swarm_id": "xyz"}, {}, "is in another swarm"),
        ({"state": "locked", "node_id": ""}, {}, "is in a swarm (its engine says: locked"),
        ({}, {"free": 110 * 1024 * 1024}, "has 110 MB free, and 114 MB are needed"),
        ({}, {"own_address": False}, "does not have the address 10.0.0.11:2377"),
        ({}, {"engine_version": "25.0.9"}, "An older engine cannot read it"),
        ({}, {"engine_version": "26.1.5"}, ""),
        ({}, {"engine_version": "28.0.0"}, ""),
        ({}, {"problem": "no way to stop"}, "no way to stop"),
    ],
)
def test_where_a_backup_fits(place: dict[str, str], more: dict[str, Any], words: str) -> None:
    seen = {
        "swarm": {"state": "inactive", "node_id": "", "swarm_id": "", **place},
        "own_address": True, "engine_version": "26.1.5+dfsg1", "problem": "", "data_root": "/x", "free": 2**40, **more,
    }  # fmt: skip
    found = swarm_backups.misfit(manifest(), seen, "vm1", 50 * 1024 * 1024)
    assert (words in found) and bool(found) == bool(words)
