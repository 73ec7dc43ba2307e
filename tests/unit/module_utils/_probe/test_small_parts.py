# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel facts, IPsec states, the pause image, sockets' payloads, gRPC frames, certificates."""

from __future__ import annotations

import base64
import contextlib
import errno
import fcntl
import io
import os
import platform
import shutil
import socket
import struct
import subprocess
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._probe import (
    background,
    certificate,
    grpc,
    inject,
    kernel,
    netlink,
    netns,
    overlay,
    pause,
    ports,
    sockets,
    system,
    wire,
    xfrm,
)
from hypothesis import given
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
    body[xfrm.ADDRESS : xfrm.ADDRESS + 4] = socket.inet_aton("10.77.0.12")
    body[xfrm.SOURCE : xfrm.SOURCE + 4] = socket.inet_aton("10.77.0.11")
    body[xfrm.SPI : xfrm.SPI + 4] = struct.pack("!I", spi)
    body[xfrm.SPI + 4] = 50
    body[xfrm.REQID : xfrm.REQID + 4] = struct.pack("=I", 13681891)
    body[xfrm.FAMILY : xfrm.FAMILY + 2] = struct.pack("=H", socket.AF_INET)
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


@given(st.binary(max_size=400))
def test_any_bytes_from_netlink_end(data: bytes) -> None:
    list(netlink.messages(data))
    list(netlink.attributes(data))
    xfrm.parse_state(data, b"")
    xfrm.parse_policy(data)
    for parse in (netlink.parse_link, netlink.parse_address, netlink.parse_neighbour, netlink.parse_table):
        parse(0, data)


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


@given(WORD, WORD, WORD)
def test_a_question_and_its_reply_are_read_back(sender: str, network: str, nonce: str) -> None:
    line = sockets.question("r1", sender, network, nonce)
    assert sockets.parse_question("r1", line) == (sender, network, nonce)
    assert sockets.parse_question("r2", line) is None
    assert sockets.parse_reply("r1", sockets.reply("r1", sender, nonce)) == (sender, nonce)
    assert sockets.parse_reply("r2", sockets.reply("r1", sender, nonce)) is None


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


@pytest.mark.parametrize(
    "text", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"]
)
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
    monkeypatch.setattr(background, "SPARE", str(tmp_path / "spare"))
    monkeypatch.setattr(background, "LOOK", 0.1)
    return tmp_path / "run"


def wait_for_stop(ready, stopped) -> dict:
    ready()
    while not stopped():
        time.sleep(0.02)
    return {"seen": 1}


def test_the_age_of_a_process() -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        time.sleep(0.2)
        assert 0.1 < background.age(process.pid) < 30
        process.kill()
    assert background.age(process.pid) is None


def lease(run: str, seconds: float = 20) -> background.Lease:
    made = background.Lease(run, seconds)
    made.renew()
    return made


def test_a_helper_gives_its_result_when_stopped(helpers_folder: Path) -> None:
    assert background.start(lease("r1"), "job", wait_for_stop) is None
    assert background.runs() == ["r1"]
    assert background.stop("r1", ["job"]) == {"job": {"seen": 1}}
    background.forget("r1")
    assert not helpers_folder.exists()


@pytest.fixture
def full(helpers_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A usual place in which folders can be made, and no files."""
    really = open

    def refuse(path, *given, **named):
        if str(path).startswith(str(helpers_folder)) and "w" in str(given[:1]):
            raise OSError(errno.ENOSPC, "No space left on device")
        return really(path, *given, **named)

    monkeypatch.setattr(background, "open", refuse, raising=False)
    return helpers_folder


def test_where_the_usual_place_is_full_helpers_keep_their_things_elsewhere(full: Path) -> None:
    assert background.start(lease("r1"), "job", wait_for_stop) is None
    assert not full.exists() and (full.parent / "spare" / "r1").is_dir() and background.runs() == ["r1"]
    assert background.stop("r1", ["job"]) == {"job": {"seen": 1}}
    background.forget("r1")
    assert list(full.parent.iterdir()) == []


@pytest.mark.parametrize("mode", [0o777, 0o722, None])
def test_a_place_that_anybody_can_write_to_is_not_used(full: Path, mode: int | None) -> None:
    spare = full.parent / "spare"
    if mode is None:
        (full.parent / "else").mkdir()
        spare.symlink_to(full.parent / "else")
    else:
        (spare / "r9").mkdir(parents=True)
        spare.chmod(mode)
    assert background.runs() == []
    with pytest.raises(OSError, match="No space left"):
        background.folder("r1")


def wait_until_gone() -> None:
    deadline = time.monotonic() + 30
    while background.runs() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert background.runs() == []


def test_a_forgotten_helper_ends_by_itself_and_cleans_up(helpers_folder: Path, tmp_path: Path) -> None:
    mark = tmp_path / "alone"
    assert background.start(lease("r2", 0.3), "job", wait_for_stop, alone=mark.touch) is None
    wait_until_gone()
    deadline = time.monotonic() + 10
    while not mark.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert mark.exists() and background.stop("r2", ["job"]) == {"job": None}


def test_runs_that_begin_and_end_side_by_side_do_not_disturb_each_other(helpers_folder: Path) -> None:
    """The end of one removes the folder of all, while another makes its own there, or looks which there are."""

    def lives(run: str) -> None:
        for _time in range(150):
            assert os.path.isdir(background.folder(run))
            background.runs()
            background.forget(run)

    with ThreadPoolExecutor() as pool:
        list(pool.map(lives, ("r1", "r2", "r3")))
    assert background.runs() == [] and not helpers_folder.exists()


def test_two_modules_of_a_run_on_one_machine_renew_its_lease_side_by_side(helpers_folder: Path) -> None:
    """Two hosts of an inventory that are one machine: the second module must not miss the file that the first one moved."""
    held = lease("r8", 60)
    held.renew()
    children = []
    for _child in range(3):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                for _time in range(400):
                    held.renew()
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0, 0]
    assert not held.expired() and os.listdir(background.folder("r8")) == ["lease"]
    background.forget("r8")


def test_a_renewed_lease_keeps_a_helper_alive(helpers_folder: Path) -> None:
    held = lease("r4", 1)
    assert background.start(held, "job", wait_for_stop) is None
    for _unused in range(8):
        time.sleep(0.2)
        held.renew()
    assert background.stop("r4", ["job"]) == {"job": {"seen": 1}}
    background.forget("r4")


def test_a_process_at_work_keeps_the_lease(helpers_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "KEEP", 0.2)
    held = lease("r7", 1)
    assert background.start(held, "job", wait_for_stop) is None
    with background.Kept(held):
        time.sleep(1.6)
    assert background.stop("r7", ["job"]) == {"job": {"seen": 1}}
    background.forget("r7")


def test_after_slow_work_the_lease_is_longer(helpers_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.monotonic()
    held = lease("r8", 1)
    with background.Kept(held):
        monkeypatch.setattr(time, "monotonic", lambda: now + 60)
    assert not held.expired()
    monkeypatch.setattr(time, "monotonic", lambda: now + 60 + 2 * 60 + 1)
    assert held.expired()
    background.forget("r8")


def test_a_helper_that_is_stopped_does_not_clean_up(helpers_folder: Path, tmp_path: Path) -> None:
    mark = tmp_path / "alone"
    assert background.start(lease("r5"), "job", wait_for_stop, alone=mark.touch) is None
    assert background.stop("r5", ["job"]) == {"job": {"seen": 1}} and not mark.exists()
    background.forget("r5")


def test_a_helper_that_cannot_start_says_why(helpers_folder: Path) -> None:
    def job(ready, stopped) -> None:
        raise OSError("port taken")

    assert "port taken" in background.start(lease("r3", 5), "job", job)


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def test_a_policy_tells_port_and_state() -> None:
    body = bytearray(xfrm.POLICY_SIZE)
    body[xfrm.POLICY_PORT : xfrm.POLICY_PORT + 2] = struct.pack("!H", 4789)
    body[xfrm.POLICY_FAMILY : xfrm.POLICY_FAMILY + 2] = struct.pack("=H", socket.AF_INET)
    body[xfrm.POLICY_DIRECTION] = 1
    template = bytearray(64)
    template[:4], template[16:20], template[44:48] = (
        socket.inet_aton("10.77.0.12"),
        b"\0\0\xab\xcd",
        struct.pack("=I", 7),
    )
    policy = xfrm.parse_policy(
        bytes(body) + attribute(xfrm.ATTR_TEMPLATE, bytes(template)) + attribute(xfrm.ATTR_MARK, b"\1\0\0\0" * 2)
    )
    assert policy["target"] == "10.77.0.12" and policy["port"] == 4789 and policy["out"]
    assert (policy["spi"], policy["reqid"]) == ("0000abcd", 7)


def test_a_vxlan_tells_its_id_and_port() -> None:
    data = attribute(netlink.VXLAN_ID, struct.pack("=I", 4097)) + attribute(netlink.VXLAN_PORT, struct.pack("!H", 4789))
    info = attribute(netlink.INFO_KIND, b"vxlan\0") + attribute(netlink.INFO_DATA, data)
    body = struct.pack("=BxHiII", 0, 0, 5, 0x1043, 0) + attribute(netlink.LINK_NAME, b"vxlan0\0")
    body += attribute(netlink.LINK_MTU, struct.pack("=I", 1450)) + attribute(netlink.LINK_INFO, info)
    link = netlink.parse_link(0, body + attribute(netlink.LINK_QUEUE, b"noqueue\0"))
    told = {"name": "vxlan0", "mtu": 1450, "kind": "vxlan", "vni": 4097, "port": 4789, "up": True, "queue": "noqueue"}
    assert link == {"index": 5, "blocked": [], **told}
    assert netlink.parse_link(0, struct.pack("=BxHiII", 0, 0, 5, 0x1042, 0))["up"] is False


@pytest.mark.parametrize(
    ("kind", "flags", "port", "blocked"),
    [
        (1, 0x11043, {}, []),
        (1, 0x110C3, {}, ["arp off"]),
        (65534, 0x110C3, {}, []),  # a tunnel without Ethernet's addresses
        (1, 0x11043, {netlink.PORT_STATE: 3, netlink.PORT_ISOLATED: 0, netlink.PORT_UNICAST: 1}, []),
        (1, 0x11043, {netlink.PORT_STATE: 4}, ["state blocking"]),
        (1, 0x11043, {netlink.PORT_STATE: 9}, ["state 9"]),
        (1, 0x01043, {netlink.PORT_STATE: 0}, []),  # without a carrier a port is always disabled
        (1, 0x11043, {netlink.PORT_ISOLATED: 1, netlink.PORT_LOCKED: 1}, ["isolated on", "locked on"]),
        (1, 0x11043, {netlink.PORT_UNICAST: 0, netlink.PORT_BROADCAST: 0}, ["flood off", "bcast_flood off"]),
    ],
)
def test_a_link_tells_what_keeps_it_from_passing_packets(kind: int, flags: int, port: dict, blocked: list) -> None:
    rows = b"".join(attribute(number, bytes([value])) for number, value in port.items())
    info = attribute(netlink.INFO_PORT_OF, b"bridge\0") + attribute(netlink.INFO_PORT, rows)
    body = struct.pack("=BxHiII", 0, kind, 5, flags, 0) + attribute(netlink.LINK_INFO, info if port else b"")
    assert netlink.parse_link(0, body)["blocked"] == blocked


def test_a_table_of_neighbours_tells_its_limit_and_what_it_refused() -> None:
    named = attribute(netlink.TABLE_NAME, b"arp_cache\0") + attribute(netlink.TABLE_MOST, struct.pack("=I", 1024))
    config = attribute(netlink.TABLE_CONFIG, struct.pack("=HHIIIIIIII", 4, 392, 1300, 0, 0, 0, 0, 0, 0, 0))
    counts = struct.pack("=11Q", *range(10), 17)
    head = struct.pack("=BxH", socket.AF_INET, 0)
    told = {"name": "arp_cache", "entries": 1300, "most": 1024, "refused": 17}
    assert netlink.parse_table(64, head + named + config + attribute(netlink.TABLE_COUNTS, counts)) == told
    # Older kernels count less, and the row of a device has no limit.
    short = netlink.parse_table(64, head + named + config + attribute(netlink.TABLE_COUNTS, counts[:80]))
    assert short == {**told, "refused": 0}
    assert netlink.parse_table(64, head + attribute(netlink.TABLE_NAME, b"arp_cache\0")) is None


def test_every_namespace_sees_the_tables_of_neighbours() -> None:
    assert {"arp_cache", "ndisc_cache"} <= {table["name"] for table in netlink.neighbour_tables()}


def test_peers_are_the_permanent_entries_of_the_vxlan() -> None:
    links = [{"index": 3, "kind": "vxlan"}, {"index": 4, "kind": "veth"}]
    near = [
        {"index": 3, "permanent": True, "target": "10.0.1.4", "mac": "02:01"},
        {"index": 3, "permanent": False, "target": "10.0.1.5", "mac": "02:02"},
        {"index": 4, "permanent": True, "target": "10.0.1.6", "mac": "02:03"},
    ]
    towards = [{"index": 3, "permanent": True, "target": "10.77.0.12", "mac": "02:01"}]
    assert overlay.peers(links, near, towards) == ["10.0.1.4 02:01 10.77.0.12"]
    assert overlay.peers(links, near, []) == ["10.0.1.4 02:01 -"]


def test_backends_of_a_load_balancer() -> None:
    text = (
        "IP Virtual Server version 1.2.1 (size=4096)\nProt LocalAddress:Port Scheduler Flags\n  -> RemoteAddress:Port Forward\n"
        "FWM  00000102 rr\n  -> 0A000105:0000      Masq    1      0          0\n  -> 0A000104:0000      Masq    0      0     0\n"
        "FWM  00000103 rr\n  -> 0A000106:0000      Masq    1      0          0\n"
    )
    assert overlay.parse_balancer(text) == [
        {"active": ["10.0.1.5"], "quiet": ["10.0.1.4"], "mark": 258},
        {"active": ["10.0.1.6"], "quiet": [], "mark": 259},
    ]


RULES = """*mangle
-A OUTPUT -p udp -m udp --dport 4789 -m bpf --bytecode "7,32 0 0 4294963252,21 1 0 4102,6 0 0 0" -j MARK --set-xmark 0xd0c4e3/0xffffffff
COMMIT
*filter
-A INPUT -p udp -m policy --dir in --pol none -m udp --dport 4789 -m u32 --u32 "0x0>>0x16&0x3c@0xc&0xffffff00=0x100600" -j DROP
COMMIT
*nat
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER-INGRESS
-A DOCKER-INGRESS -p tcp -m tcp --dport 30000 -j DNAT --to-destination 172.18.0.2:30000
"""


def test_the_engine_s_rules() -> None:
    found = system.parse_rules(RULES, [4102, 410], ["tcp/30000", "tcp/3000", "udp/30000"])
    assert found == {"mark": [4102], "drop": [4102], "ingress_jump": True, "ingress_ports": ["tcp/30000"]}
    assert system.parse_rules("", [4102], ["tcp/30000"]) == {
        "mark": [],
        "drop": [],
        "ingress_jump": False,
        "ingress_ports": [],
    }


def test_the_rules_of_an_engine_with_nftables() -> None:
    text = "table ip docker-overlay {\n set encrypted-vnis {\n type integer\n elements = { 4102, 4103 }\n }\n}\ntcp dport 30000 dnat\n"
    assert system.parse_nft(text, [4102, 4104], ["tcp/30000"])["mark"] == [4102]


def test_texts_of_the_host() -> None:
    routes = (
        "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\t\n"
        "eth0\t00000000\t0A004E0A\t0003\t0\t0\t0\t00000000\t0\neth0\t00004E0A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\n"
    )
    assert system.routes(routes) == [{"network": "10.78.0.0/24", "device": "eth0"}]
    assert inject.parse_gateway(routes) == "10.78.0.10"
    assert (
        inject.parse_gateway6(
            "fd770000000000000000000000000000 40 "
            + "0" * 32
            + " 00 "
            + "0" * 32
            + " 00000100 00000003 00000000 00000001     eth0\n"
            + "0" * 32
            + " 00 "
            + "0" * 32
            + " 00 fd770000000000000000000000000001 00000400 00000001 00000000 00000003     eth0\n"
        )
        == "fd77::1"
    )
    assert system.parse_counters("XfrmInError    \t0\nXfrmInNoStates \t3\n") == {"XfrmInError": 0, "XfrmInNoStates": 3}
    arp = "IP address HW type\n10.78.0.12  0x1  0x2  02:42:0a:4e:00:0c  *  eth0\n10.78.0.13  0x1  0x0  00:00:00:00:00:00  *  eth0\n"
    assert inject.parse_arp(arp) == {"10.78.0.12": (bytes.fromhex("02420a4e000c"), "eth0")}


@given(st.binary(max_size=120))
def test_any_packet_to_the_ports_helper_ends(data: bytes) -> None:
    for protocol in (ports.UDP, ports.ESP):
        for family in (socket.AF_INET, socket.AF_INET6):
            found = ports.body(data, protocol, family)
            assert found is None or ports.parse("r1", found[2], ports.ASK) is None or data


@given(WORD, WORD)
def test_a_knock_and_its_answer(name: str, nonce: str) -> None:
    asked = ports.payload("r1", ports.ASK, name, nonce)
    assert ports.parse("r1", asked, ports.ASK) == (name, nonce)
    assert ports.parse("r1", asked, ports.ANSWER) is None and ports.parse("r2", asked, ports.ASK) is None
    assert asked.startswith(bytes(8)), "VXLAN and ESP must not take it for theirs"


def test_an_injected_frame_is_a_sound_packet() -> None:
    inner = inject.datagram("10.0.1.4", "10.0.1.5", 1000, sockets.PORT, b"canary")
    assert sockets.checksum(inner[:20]) == 0
    facts = wire.parse(inject.datagram("10.77.0.11", "10.77.0.12", 1000, 4789, inject.vxlan(4098, inner)), 4789)
    assert isinstance(facts, wire.Inner) and (facts.vni, facts.target) == (4098, "10.77.0.12")
    assert facts.content.endswith(b"canary")
    packet = inject.datagram("fd77::11", "fd77::12", 1000, 4789, inject.vxlan(4098, inner))
    facts = wire.parse(packet, 4789)
    assert isinstance(facts, wire.Inner) and (facts.vni, facts.source, facts.target) == (4098, "fd77::11", "fd77::12")
    # With its checksum in it, the whole sums up to nothing.
    assert sockets.checksum(packet[8:40] + struct.pack("!II", len(packet) - 40, 17) + packet[40:]) == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="raw sockets need root")
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_the_ports_helper_answers_for_a_port_that_somebody_else_owns(address: str, helpers_folder: Path) -> None:
    """In a scratch namespace: a listener that never answers owns the port, and the nonce comes back all the same."""

    def look() -> list:
        up = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        flags = struct.pack("16sh14x", b"lo", 1)
        fcntl.ioctl(up, 0x8914, flags)
        owner = socket.socket(sockets.family_of(address), socket.SOCK_DGRAM)
        owner.bind((address, 7946))
        helper = background.start(lease("r6"), "ports", lambda ready, stopped: ports.serve("r6", "vm1", ready, stopped))
        seen = []
        for talk in (ports.udp("r6", "vm2", address, 7946), ports.esp("r6", "vm2", address)):
            with contextlib.closing(talk):
                seen.append(talk.ask(5))
        return [helper, *seen, background.stop("r6", ["ports"])["ports"]]

    helper, udp, esp, heard = netns.call(None, look, 30)
    assert (helper, udp, esp) == (None, {"node": "vm1"}, {"node": "vm1"})
    assert heard == {"17/7946/vm2": 1, "50/0/vm2": 1}


@pytest.mark.parametrize(
    ("firewalld", "direct", "nftables", "found"),
    [
        ("DefaultZone=public\nFirewallBackend=nftables\n", "<direct/>", "table inet x {}\n", []),
        ("FirewallBackend=iptables\n", "", "", ["firewalld with FirewallBackend=iptables"]),
        ("# FirewallBackend=iptables\n", '<direct>\n  <rule ipv="ipv4"', "", ["firewalld with direct rules"]),
        ("", '<direct>\n  <rule ipv="ipv4"', "#flush ruleset\n", []),
        ("", "", "#!/usr/sbin/nft -f\nflush ruleset\n", ["nftables.service with 'flush ruleset'"]),
    ],
)
def test_what_flushes_the_rules_of_the_engine(firewalld: str, direct: str, nftables: str, found: list) -> None:
    assert system.parse_flushers(firewalld, direct, nftables) == found
