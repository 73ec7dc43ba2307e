# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel facts, IPsec states, the pause image, sockets' payloads, gRPC frames, certificates."""

from __future__ import annotations

import base64
import io
import os
import platform
import shutil
import socket
import struct
import subprocess
import tarfile
import time
from pathlib import Path

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._probe import (
    background,
    certificate,
    grpc,
    kernel,
    netns,
    pause,
    sockets,
    xfrm,
)
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("loaded", "builtin", "on_disk", "config", "state"),
    [
        ({"esp4"}, set(), None, None, "loaded"),
        (set(), {"esp4"}, set(), None, "builtin"),
        (set(), set(), {"esp4"}, {"INET_ESP": "m"}, "loadable"),
        (set(), set(), set(), None, "missing"),
        (set(), set(), None, {"INET_ESP": "y"}, "builtin"),
        (set(), set(), None, {}, "missing"),
        (set(), set(), None, {"INET_ESP": "m"}, "missing"),
        (set(), set(), None, None, "unknown"),
    ],
)
def test_a_module_s_state(loaded: set, builtin: set, on_disk: set | None, config: dict | None, state: str) -> None:
    assert kernel.available("esp4", loaded, builtin, on_disk, config) == state


def test_texts_of_the_kernel() -> None:
    dep = "kernel/net/ipv4/esp4.ko.xz: kernel/net/xfrm/xfrm_algo.ko.xz\nkernel/net/netfilter/xt_bpf.ko:\n"
    assert kernel.module_names(dep) == {"esp4", "xt_bpf"}
    assert kernel.module_names("kernel/drivers/net/veth.ko\nkernel/net/br-netfilter.ko\n") == {"veth", "br_netfilter"}
    assert kernel.loaded_names("vxlan 131072 0 - Live 0x0\nip_vs 2 1 ip_vs_rr, Live 0x0\n") == {"vxlan", "ip_vs"}
    assert kernel.options("CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=m\nCONFIG_D=5\n") == {"A": "y", "C": "m"}


def state_message(spi: int, key: bytes, mark: int) -> bytes:
    body = bytearray(xfrm.STATE_SIZE)
    body[xfrm.ADDRESS:xfrm.ADDRESS + 4] = socket.inet_aton("10.77.0.12")
    body[xfrm.SOURCE:xfrm.SOURCE + 4] = socket.inet_aton("10.77.0.11")
    body[xfrm.SPI:xfrm.SPI + 4] = struct.pack("!I", spi)
    body[xfrm.SPI + 4] = 50
    body[xfrm.REQID:xfrm.REQID + 4] = struct.pack("=I", 13681891)
    body[xfrm.FAMILY:xfrm.FAMILY + 2] = struct.pack("=H", socket.AF_INET)
    aead = b"rfc4106(gcm(aes))".ljust(64, b"\0") + struct.pack("=II", 8 * len(key), 64) + key
    attribute = struct.pack("=HH", 4 + len(aead), xfrm.ATTR_AEAD) + aead
    attribute += bytes(-len(attribute) % 4)
    return bytes(body) + attribute + struct.pack("=HHII", 12, xfrm.ATTR_MARK, mark, 0xFFFFFFFF)


def test_a_state_tells_its_key_as_a_salted_hash_only() -> None:
    key = b"k" * 20
    state = xfrm.parse_state(state_message(0xABCD, key, 7), b"salt")
    assert (state["source"], state["target"], state["spi"]) == ("10.77.0.11", "10.77.0.12", "0000abcd")
    assert (state["protocol"], state["reqid"], state["mark"]) == (50, 13681891, 7)
    assert key.hex() not in str(state) and key.decode() not in str(state)
    assert state["key"] == xfrm.parse_state(state_message(1, key, 7), b"salt")["key"]
    assert state["key"] != xfrm.parse_state(state_message(1, key, 7), b"other")["key"]


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_from_netlink_end(data: bytes) -> None:
    list(xfrm.messages(data))
    list(xfrm.attributes(data))
    xfrm.parse_state(data, b"")


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_image_is_one_small_static_program(machine: str) -> None:
    with tarfile.open(fileobj=io.BytesIO(pause.archive(machine))) as tar:
        assert [(entry.name, entry.mode) for entry in tar] == [("pause", 0o755)]
    program = pause.program(machine)
    assert program[:4] == b"\x7fELF" and len(program) < 200
    assert struct.unpack("<Q", program[24:32])[0] == pause.BASE + pause.HEADERS
    assert pause.archive(machine) == pause.archive(machine)


def test_no_program_for_other_machines() -> None:
    with pytest.raises(ValueError, match="verify_image"):
        pause.program("m68k")


@pytest.mark.skipif(platform.machine() not in pause.MACHINES, reason="no pause program for this machine")
def test_the_program_waits(tmp_path: Path) -> None:
    path = tmp_path / "pause"
    path.write_bytes(pause.program(platform.machine()))
    path.chmod(0o755)
    with subprocess.Popen([path]) as process:
        time.sleep(0.2)
        assert process.poll() is None
        assert Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii").split()[2] == "S"
        process.kill()


WORD = st.from_regex(r"\A[a-zA-Z0-9_.-]{1,30}\Z")


@settings(deadline=None)
@given(WORD, WORD, WORD)
def test_a_question_and_its_reply_are_read_back(sender: str, network: str, nonce: str) -> None:
    line = sockets.question("r1", sender, network, nonce)
    assert sockets.parse_question("r1", line) == (sender, network, nonce)
    assert sockets.parse_question("r2", line) is None
    assert sockets.parse_reply("r1", sockets.reply("r1", sender, nonce), nonce) == sender
    assert sockets.parse_reply("r1", sockets.reply("r1", sender, nonce), nonce + "x") is None


@settings(deadline=None)
@given(st.binary(max_size=80))
def test_the_checksum_makes_the_sum_zero(data: bytes) -> None:
    packet = sockets.echo_request(1, 2, data)
    assert sockets.checksum(packet) == 0


def test_only_the_reply_to_this_request_counts() -> None:
    request = sockets.echo_request(5, 6, b"canary")
    reply = b"\x45" + bytes(19) + b"\0" + request[1:]
    assert sockets.is_echo_reply(reply, 5, 6, b"canary")
    assert not sockets.is_echo_reply(reply, 5, 7, b"canary")
    assert not sockets.is_echo_reply(reply, 5, 6, b"other")
    assert not sockets.is_echo_reply(b"", 5, 6, b"")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", None),
        (b"\x40" + grpc.STATUS_NAMES[0] + b"\x017\x7f", 7),
        (b"\x40" + grpc.STATUS_NAMES[0] + b"\x0216", 16),
        (b"\x40" + grpc.STATUS_NAMES[1] + b"\x010", 0),
    ],
)
def test_the_status_of_a_call(data: bytes, code: int | None) -> None:
    assert grpc.status(data) == code


@pytest.mark.parametrize(("code", "word"), [(7, "refused"), (16, "refused"), (0, "accepted"), (12, "accepted")])
def test_what_a_status_means_for_a_stranger(code: int, word: str) -> None:
    assert grpc.outcome(code) == word


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl makes the certificate of this test")
def test_a_certificate(tmp_path: Path) -> None:
    made = tmp_path / "swarm-node.crt"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "90",
         "-keyout", tmp_path / "key", "-out", made, "-subj", "/O=cluster1/OU=swarm-worker/CN=node1"],
        check=True, capture_output=True,
    )  # fmt: skip
    shutil.copy(made, tmp_path / "swarm-root-ca.crt")
    leaf = certificate.node(str(tmp_path))
    assert leaf["subject"] == {"O": "cluster1", "OU": "swarm-worker", "CN": "node1"} == leaf["issuer"]
    assert 89 * 86400 < leaf["not_after"] - time.time() < 91 * 86400
    assert leaf["roots_digest"] == certificate.roots_digest("\n" + made.read_text(encoding="ascii") + "\n")


@pytest.mark.parametrize("text", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"])
def test_no_certificate_is_told_in_words(tmp_path: Path, text: str) -> None:
    (tmp_path / "swarm-node.crt").write_text(text, encoding="ascii")
    assert "error" in certificate.node(str(tmp_path))
    assert "No such file" in certificate.node(str(tmp_path / "none"))["error"]


def test_object_ids_and_times() -> None:
    assert certificate.object_id(bytes.fromhex("55040b")) == "2.5.4.11"
    assert certificate.object_id(base64.b64decode("KoZIhvcNAQEL")) == "1.2.840.113549.1.1.11"
    assert certificate.epoch(certificate.Element(0x17, b"700101000000Z", b"")) == 0
    assert certificate.epoch(certificate.Element(0x18, b"20380119031407Z", b"")) == 2**31 - 1


@pytest.mark.skipif(os.geteuid() != 0, reason="entering a namespace needs root")
class TestNamespaces:
    def test_the_result_comes_back(self) -> None:
        assert netns.call("/proc/self/ns/net", lambda: {"a": [1]}, 5) == {"a": [1]}

    def test_a_scratch_namespace_is_empty(self) -> None:
        names = netns.call(None, lambda: [name for _number, name in socket.if_nameindex()], 5)
        assert "lo" in names and not [name for name in names if name.startswith(("eth", "ens", "docker"))]

    def test_a_hanging_probe_is_cut_off(self) -> None:
        began = time.monotonic()
        with pytest.raises(netns.ProbeError, match="no result within"):
            netns.call("/proc/self/ns/net", lambda: time.sleep(60), 0.3)
        assert time.monotonic() - began < 5

    def test_a_namespace_that_is_not_there(self) -> None:
        with pytest.raises(netns.ProbeError, match="No such file"):
            netns.call("/var/run/docker/netns/none", lambda: 1, 5)


@pytest.fixture
def helpers_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(background, "ROOT", str(tmp_path / "run"))
    return tmp_path / "run"


def wait_for_stop(ready, stopped) -> dict:
    ready()
    while not stopped():
        time.sleep(0.02)
    return {"seen": 1}


def test_a_helper_gives_its_result_when_stopped(helpers_folder: Path) -> None:
    assert background.start("r1", "job", wait_for_stop, 20) is None
    assert background.runs() == ["r1"]
    assert background.stop("r1", "job") == {"seen": 1}
    background.forget("r1")
    assert not helpers_folder.exists()


def test_a_forgotten_helper_ends_by_itself_and_leaves_nothing(helpers_folder: Path) -> None:
    assert background.start("r2", "job", wait_for_stop, 1) is None
    deadline = time.monotonic() + 10
    while background.runs() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert background.runs() == []
    assert background.stop("r2", "job") is None


def test_a_helper_that_cannot_start_says_why(helpers_folder: Path) -> None:
    def job(ready, stopped) -> None:
        raise OSError("port taken")

    assert "port taken" in background.start("r3", "job", job, 5)
