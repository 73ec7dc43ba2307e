# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import io
import json
import subprocess
import tarfile
import time
from pathlib import Path

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._redact import GONE, redact
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._archive import archive
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab import info, remote, table, tools
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab.identity import smbios_string, tmpfiles
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab.spec import parse

BODY = "\n".join(["b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW"] * 4)
KEY = f"-----BEGIN OPENSSH PRIVATE KEY-----\n{BODY}\nQyNTUxOQ==\n-----END OPENSSH PRIVATE KEY-----\n"
TOKEN = "SWMTKN-1-" + "3pu6hszjas19xyp7ghgosyx9k8atbfcr8p2is99znpy26u2lkl"[:50] + "-1awxwuwd3z9j1z3puu7rcgdbx"
HEX = "00112233445566778899aabbccddeeff01234567"
SECRETS = {
    "token": TOKEN,
    "unlock key": "SWMKEY-1-7c37Cc8654o6p38HnroywCi19pllOnGtbdZEgtKxZu8",
    "key": KEY,
    "key of a log": "".join(f"2026-11-24T00:00:00Z {line}\n" for line in KEY.splitlines()),
    "key in JSON": json.dumps({"id": KEY}),
    "key without end": KEY[: len(KEY) // 2],
    "key without beginning": KEY[60:],
    "credential": smbios_string("tmpfiles.extra", tmpfiles({"/etc/ssh/ssh_host_ed25519_key": ("0600", KEY)})),
    "tmpfiles": tmpfiles({"/etc/ssh/ssh_host_ed25519_key": ("0600", KEY)}),
    "fw_cfg": "-fw_cfg name=opt/io.systemd.credentials/passwd.plaintext-password.root,string=hunter22hunter22",
    "xfrm": f"aead rfc4106(gcm(aes)) 0x{HEX} 64",
    "json key": f'{{"SecretKey": "{HEX}"}}',
    "word": f"encryption key={HEX}",
    "token in JSON": json.dumps({"text": f"one\n{TOKEN}"}),
    "state in JSON": json.dumps({"text": f"one\n0x{HEX} 64"}),
    "key in JSON in JSON": json.dumps({"text": json.dumps({"key": HEX})}),
    **{f"base64 at {shift}": base64.b64encode(("x" * shift + KEY).encode()).decode() for shift in range(3)},
    "wrapped base64": base64.encodebytes(KEY.encode()).decode(),
}
# Any of these in a text means that a secret is in it.
PIECES = [
    TOKEN[9:],
    "7c37Cc8654o6p38Hnroyw",
    BODY[:40],
    "hunter22",
    HEX,
    base64.b64encode(BODY.encode()).decode()[8:40],
]


@pytest.mark.parametrize("name", SECRETS)
def test_secrets_are_removed_and_what_is_around_them_stays(name: str) -> None:
    text = redact(f"before: harmless\n{SECRETS[name]}\n")
    assert GONE in text
    assert text.startswith("before: harmless\n")
    for line in SECRETS[name].split():
        assert len(line) < 30 or line not in text
    assert not [piece for piece in PIECES if piece in text]


@pytest.mark.parametrize(
    "text",
    [
        "container 4f5e6d7c8b9a4f5e6d7c8b9a4f5e6d7c8b9a4f5e6d7c8b9a4f5e6d7c8b9a4f5e",
        "sha256:04251d5c253404251d5c253404251d5c253404251d5c253404251d5c25340425",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        'level=info msg="node key rotated" at 0x7ffe0042',
        "eka4wyhhvtorcdtt3rzlwk2tg *   vm1        Ready     Active         Leader",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


def test_much_text_without_secrets_is_done_soon() -> None:
    text = ("4f5e6d7c8b9a4f5e6d7c8b9a4f5e6d7c8b9a4f5e6d7c8b9a4f5e6d7c8b9a4f5e\n" * 20000) + "A" * 500000
    started = time.process_time()
    assert redact(text) == text
    assert time.process_time() - started < 5


def test_nothing_gets_into_an_archive_unredacted() -> None:
    data = archive({"vm1/console.log": SECRETS["credential"] + TOKEN, "report.json": "{}"}, "logs-x", 0)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert sorted(tar.getnames()) == ["logs-x/report.json", "logs-x/vm1/console.log"]
        content = tar.extractfile("logs-x/vm1/console.log").read().decode()
    assert GONE in content and not [piece for piece in PIECES if piece in content]


def test_one_script_tells_the_commands_apart() -> None:
    boundary = "=== 0123"
    text = remote.script(
        {"a b": "echo one; echo === 9", "none": "true", "bad": "exit 3", "slow": "sleep 9"}, "'=== 0123'", 1
    )
    done = subprocess.run(["sh", "-c", text], capture_output=True, text=True, check=False, timeout=30)
    assert remote.split(done.stdout, boundary) == {"a b": "one\n=== 9\n", "none": "", "bad": "", "slow": ""}
    assert remote.split(done.stdout[: done.stdout.index(f"\n{boundary} bad")], boundary) == {
        "a b": "one\n=== 9\n",
        "none": "",
    }


def member(name: str, status: str = "Ready", manager: str = "", availability: str = "Active") -> str:
    return json.dumps({"Hostname": name, "Status": status, "Availability": availability, "ManagerStatus": manager})


def test_members_are_what_the_first_manager_says() -> None:
    lines = [member("vm1", manager="Leader"), member("vm2", "Ready"), member("vm2", "Down"), member("vm3", "Down")]
    found = info.members(["Error response from daemon: This node is not a swarm manager.\n", "\n".join(lines)])
    assert found["vm1"] == {"role": "leader", "availability": "active", "status": "ready"}
    assert found["vm2"]["status"] == "ready" and found["vm3"]["status"] == "down"
    assert found["vm2"]["role"] == "worker"
    assert info.members(["", "Error response from daemon\n"]) == {}


@pytest.mark.parametrize(
    ("output", "expected"), [("123\n", 123), ("du: gone\n77\n", 77), ("", None), ("Terminated\n", None)]
)
def test_the_size_that_du_tells(output: str, expected: int | None) -> None:
    assert info.kib(output) == expected


def test_snapshots_are_listed_by_time_and_broken_ones_too(tmp_path: Path) -> None:
    for name, content in {
        "b": '{"name": "late", "created": 20}',
        "a": '{"name": "early", "created": 10}',
        "c": "{",
    }.items():
        (tmp_path / f"{name}.json").write_text(content)
    assert [(entry["name"], entry["created"]) for entry in info.snapshots(tmp_path)] == [
        ("c", None), ("early", 10), ("late", 20)
    ]  # fmt: skip
    assert info.snapshots(tmp_path / "none") == []


def test_a_lab_that_does_not_exist_can_be_looked_at(tmp_path: Path) -> None:
    found = info.gather(parse({"name": "demo", "cache": str(tmp_path / "cache")}, tmp_path))
    assert not found["exists"] and found["nodes"] == []
    assert table.lines(found)[0].text.startswith("lab demo: absent")


def test_sparse_files_count_what_they_take(tmp_path: Path) -> None:
    with (tmp_path / "disk").open("wb") as stream:
        stream.truncate(2**30)
    (tmp_path / "file").write_bytes(b"x" * 100000)
    assert 100000 <= tools.used_bytes(tmp_path) < 2**20


def shown(name: str, driver: str, swarm: bool = True) -> list[str]:
    member = {"role": "manager", "availability": "active", "status": "ready"}
    nodes = [
        {
            "name": f"vm{index}", "state": "running", "address": f"192.168.100.{index}", "ssh_port": 0 if driver == "container" else 40000,
            "container": f"swarmlab-{name}-vm{index}" if driver == "container" else "",
            "swarm": member if swarm else None, "problem": "it did not finish within 4 s" if index == 200 else None,
        }
        for index in (1, 200)
    ]  # fmt: skip
    lab = {"name": name, "directory": "/d", "exists": True, "driver": driver, "accel": "", "nodes": nodes, "swarm": swarm,
           "snapshots": [{"name": "formed", "created": 0}, {"name": "bad", "created": None}],
           "disk": {"lab": 3 * 2**30, "lab_complete": False, "cache": 2**20, "cache_directory": "/c"}}  # fmt: skip
    return [line.text for line in table.lines(lab)]


@pytest.mark.parametrize("driver", ["vm", "container"])
@pytest.mark.parametrize("name", ["lab", "a" * 32])
@pytest.mark.parametrize("swarm", [True, False])
def test_the_table_fits_a_terminal(name: str, driver: str, swarm: bool) -> None:
    lines = shown(name, driver, swarm)
    assert max(len(line) for line in lines) <= table.WIDTH
    text = "\n".join(lines)
    assert "vm200" in text and "192.168.100.200" in text
    assert (f"swarmlab-{name}-vm200" if driver == "container" else "40000") in text
    assert ("manager" in text) == swarm
    assert "1970-01-01 00:00:00 UTC" in text and "unreadable" in text
    assert "lab at least 3.0 GiB" in text and "it did not finish" in text
