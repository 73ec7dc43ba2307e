# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The switch: pure parts by tables, and the real process with real sockets in the place of machines."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab import segment, switch
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab.errors import LabError
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab.faults import (
    fault_tables,
    nftables,
    parse,
    table_name,
)
from hypothesis import given
from hypothesis import strategies as st

NODES = ["vm1", "vm2", "vm3"]
ADDRESSES = {"vm1": "10.77.0.11", "vm2": "10.77.0.12", "vm3": "10.77.0.13"}
BROADCAST = b"\xff" * 6


def mac(number: int) -> bytes:
    return bytes([0x52, 0x54, 0, 0, 0, number])


def frame(target: bytes, source: int, protocol: int = 17, port: int = 4789) -> bytes:
    header = bytes([0x45, 0, 0, 40]) + bytes(4) + bytes([64, protocol, 0, 0]) + bytes(8)
    return target + mac(source) + b"\x08\x00" + header + port.to_bytes(2, "big") * 2 + bytes(20)


def carried(options: dict, **packet: int) -> set[str]:
    """Directions on which frames pass in spite of a fault."""
    fault = switch.parse_fault(parse(options, NODES).for_switch, 0.0)
    sent = frame(mac(9), 1, **packet)
    return {
        f"{source[2]}>{target[2]}"
        for source in NODES
        for target in NODES
        if source != target and switch.impairment([fault], source, target, sent, lambda: 0.5) is not None
    }


EVERY = {"1>2", "1>3", "2>1", "2>3", "3>1", "3>2"}


@pytest.mark.parametrize(
    ("options", "packet", "expected"),
    [
        ({"kind": "cut", "nodes": ["vm2"]}, {}, {"1>3", "3>1"}),
        ({"kind": "cut", "nodes": "vm2"}, {}, {"1>3", "3>1"}),
        ({"kind": "cut", "nodes": ["vm2"], "protocol": "esp"}, {}, EVERY),
        ({"kind": "cut", "nodes": ["vm2"], "protocol": "esp"}, {"protocol": 50}, {"1>3", "3>1"}),
        ({"kind": "cut", "nodes": ["vm2"], "protocol": "udp", "port": 4789}, {}, {"1>3", "3>1"}),
        ({"kind": "cut", "nodes": ["vm2"], "protocol": "udp", "port": 7946}, {}, EVERY),
        ({"kind": "one_way", "from": ["vm1"]}, {}, EVERY - {"1>2", "1>3"}),
        ({"kind": "one_way", "from": ["vm1"], "to": ["vm2"]}, {}, EVERY - {"1>2"}),
        ({"kind": "partition", "groups": [["vm1"], ["vm2", "vm3"]]}, {}, {"2>3", "3>2"}),
        ({"kind": "partition", "groups": [["vm1"], ["vm2"]]}, {}, EVERY - {"1>2", "2>1"}),
        ({"kind": "impair", "nodes": ["vm2"], "loss": 40}, {}, EVERY),
        ({"kind": "impair", "nodes": ["vm2"], "loss": 60}, {}, {"1>3", "3>1"}),
        ({"kind": "impair", "nodes": ["vm2"], "delay": 60}, {}, EVERY),
    ],
)
def test_what_passes_in_spite_of_a_fault(options, packet, expected):
    assert carried(options, **packet) == expected


def test_delays_add_up():
    faults = [
        switch.parse_fault(parse({"kind": "impair", "nodes": ["vm2"], "delay": delay}, NODES).for_switch, 0.0)
        for delay in (100, 20)
    ]
    assert switch.impairment(faults, "vm1", "vm2", frame(mac(2), 1), lambda: 0.0) == pytest.approx(0.12)
    assert switch.impairment(faults, "vm1", "vm3", frame(mac(3), 1), lambda: 0.0) == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("cut", "not a dictionary"),
        ({}, "kind"),
        ({"kind": "explode"}, "one of cut"),
        ({"kind": "cut"}, "faults.nodes"),
        ({"kind": "cut", "nodes": ["vm9"]}, "not a node of this lab"),
        ({"kind": "cut", "nodes": [["vm1"]]}, "not a node of this lab"),
        ({"kind": "cut", "nodes": 7}, "not a node of this lab"),
        ({"kind": "cut", "nodes": ["vm1"], "los": 5}, "did you mean 'faults.loss'"),
        ({"kind": "cut", "nodes": ["vm1"], "loss": 5}, "does not take it"),
        ({"kind": "cut", "nodes": ["vm1"], "seconds": 0}, "between 1 and 3600"),
        ({"kind": "cut", "nodes": ["vm1"], "seconds": "soon"}, "between 1 and 3600"),
        ({"kind": "cut", "nodes": ["vm1"], "seconds": True}, "between 1 and 3600"),
        ({"kind": "cut", "nodes": ["vm1"], "port": 4789}, "protocol tcp or udp"),
        ({"kind": "cut", "nodes": ["vm1"], "protocol": "gre5"}, "IP protocol"),
        ({"kind": "cut", "nodes": ["vm1"], "name": "x y"}, "faults.name"),
        ({"kind": "impair", "nodes": ["vm1"]}, "needs loss"),
        ({"kind": "impair", "nodes": ["vm1"], "loss": 101}, "between 0 and 100"),
        ({"kind": "partition", "groups": [["vm1"]]}, "two or more"),
        ({"kind": "partition", "groups": [["vm1"], ["vm1", "vm2"]]}, "two of them"),
        ({"kind": "partition", "groups": [["vm1"], []]}, "empty"),
    ],
)
def test_a_fault_that_cannot_be_made_is_one_clear_error(options, words):
    with pytest.raises(LabError) as caught:
        parse(options, NODES)
    assert caught.value.id == "LAB-E-OPTION"
    assert words in caught.value.message


@given(st.binary(max_size=80))
def test_any_frame_can_be_looked_into(content):
    found = switch.look_into(content)
    assert found is None or 0 <= found[0] < 256


@given(st.from_regex(r"[a-z0-9]([a-z0-9._-]{0,20}[a-z0-9])?", fullmatch=True))
def test_a_faults_name_survives_the_way_through_a_table(name):
    listing = f"table inet nat\ntable inet {table_name(name)}\ntable ip6 {table_name('other')}\n"
    assert fault_tables(listing) == {table_name(name): name}


@pytest.mark.parametrize(
    ("options", "node", "words"),
    [
        ({"kind": "cut", "nodes": ["vm2"]}, "vm1", ["ip saddr { 10.77.0.12 } counter drop"]),
        ({"kind": "cut", "nodes": ["vm2"]}, "vm2", ["ip saddr { 10.77.0.11, 10.77.0.13 } counter drop"]),
        ({"kind": "one_way", "from": ["vm1"], "to": ["vm2"]}, "vm1", []),
        ({"kind": "one_way", "from": ["vm1"], "to": ["vm2"]}, "vm2", ["ip saddr { 10.77.0.11 } counter drop"]),
        (
            {"kind": "cut", "nodes": ["vm2"], "protocol": "udp", "port": 7946},
            "vm1",
            ["meta l4proto 17 th sport 7946 counter drop", "meta l4proto 17 th dport 7946 counter drop"],
        ),
        ({"kind": "impair", "nodes": ["vm2"], "loss": 25}, "vm1", ["numgen random mod 10000 < 2500 counter drop"]),
    ],
)
def test_what_a_container_node_filters(options, node, words):
    rules = nftables(parse(options, NODES), node, ADDRESSES, "eth0")
    assert bool(rules) == bool(words)
    assert all(word in rules for word in words)


def test_a_container_node_filters_the_other_ip_as_well():
    addresses = {name: address.replace("10.77.0.", "fd77::") for name, address in ADDRESSES.items()}
    rules = nftables(parse({"kind": "cut", "nodes": ["vm2"], "protocol": "tcp"}, NODES), "vm1", addresses, "eth0")
    assert "ip6 saddr { fd77::12 } meta l4proto 6 counter drop" in rules


def test_packets_of_ipv6_are_looked_into():
    header = b"\x60\0\0\0\0\x08\x11\x40" + bytes(32)
    frame = bytes(12) + b"\x86\xdd" + header + (7946).to_bytes(2, "big") + (4789).to_bytes(2, "big")
    assert switch.look_into(frame) == (17, (7946, 4789))


class Machine:
    """A socket in the place of a virtual machine."""

    def __init__(self, directory: Path, name: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.settimeout(5)
        self.socket.bind(f"{directory}/{segment.FOLDER}/{name}")
        self.switch = f"{directory}/{segment.FOLDER}/{switch.DATA}"

    def send(self, content: bytes) -> None:
        self.socket.sendto(content, self.switch)

    def receive(self, seconds: float = 5) -> bytes | None:
        self.socket.settimeout(seconds)
        try:
            return self.socket.recv(65536)
        except TimeoutError:
            return None


@pytest.fixture
def running(tmp_path, monkeypatch):
    """A switch with three ends. Their sockets are named as QEMU names them: relative to a node's folder."""
    assert segment.ensure(tmp_path)
    assert not segment.ensure(tmp_path)
    machines = [Machine(tmp_path, name) for name in NODES]
    for number, machine in enumerate(machines, 1):
        machine.send(frame(BROADCAST, number))
        for other in machines:
            if other is not machine:
                assert other.receive() == frame(BROADCAST, number)
    try:
        yield tmp_path, machines
    finally:
        segment.end(tmp_path)
        for machine in machines:
            machine.socket.close()
    assert not segment.find(tmp_path)


def test_frames_go_where_they_belong(running):
    directory, (one, two, three) = running
    one.send(frame(mac(2), 1))
    assert two.receive() == frame(mac(2), 1)
    assert three.receive(0.2) is None
    one.send(frame(BROADCAST, 1))
    assert two.receive() == three.receive() == frame(BROADCAST, 1)
    counts = segment.ask(directory, {})["ports"]
    assert counts["vm1"]["received"] == 3
    assert counts["vm3"]["lost"] == 0


def test_a_machine_that_has_said_nothing_yet_is_reached(running):
    directory, (one, two, three) = running
    silent = Machine(directory, "vm4")
    try:
        one.send(frame(BROADCAST, 1))
        assert silent.receive() == frame(BROADCAST, 1)
    finally:
        silent.socket.close()


def test_a_fault_ends_by_itself_and_by_order(running):
    directory, (one, two, three) = running
    cut = parse({"kind": "cut", "nodes": ["vm2"], "seconds": 1}, NODES).for_switch
    assert set(segment.ask(directory, {"set": [cut]})["faults"]) == {"cut"}
    one.send(frame(mac(2), 1))
    assert two.receive(0.3) is None
    time.sleep(1)
    one.send(frame(mac(2), 1))
    assert two.receive() is not None
    assert segment.ask(directory, {})["faults"] == {}
    assert set(segment.ask(directory, {"set": [{**cut, "seconds": 100}]})["faults"]) == {"cut"}
    assert segment.ask(directory, {"clear": ["cut", "unknown"]})["faults"] == {}
    one.send(frame(mac(2), 1))
    assert two.receive() is not None


def test_frames_can_be_late(running):
    directory, (one, two, three) = running
    late = parse({"kind": "impair", "nodes": ["vm2"], "delay": 400}, NODES).for_switch
    segment.ask(directory, {"set": [late]})
    start = time.monotonic()
    one.send(frame(mac(2), 1))
    assert two.receive() is not None
    assert time.monotonic() - start >= 0.4


def test_a_machine_that_is_started_anew_gets_frames_again(running):
    directory, machines = running
    one, two, three = machines
    two.socket.close()
    one.send(frame(mac(2), 1))
    (directory / segment.FOLDER / "vm2").unlink()
    machines[1] = again = Machine(directory, "vm2")
    one.send(frame(mac(2), 1))
    one.send(frame(mac(2), 1))
    assert again.receive() == frame(mac(2), 1)


def test_nonsense_is_refused_and_the_switch_goes_on(running):
    directory, machines = running
    for request in ({"set": [{}]}, {"set": [{"name": "x", "seconds": "soon"}]}, [], "x"):
        with pytest.raises(LabError) as caught:
            segment.ask(directory, request)
        assert caught.value.id == "LAB-E-SEGMENT"
    machines[0].send(b"short")
    assert segment.ask(directory, {})["faults"] == {}


def test_whoever_finds_the_switch_is_answered(tmp_path, monkeypatch):
    """On a busy machine much time may pass between a socket's name and its listening."""

    class Watched(socket.socket):
        def listen(self, *given: int) -> None:
            found.append(Path(switch.CONTROL).exists())
            super().listen(*given)

    found: list[bool] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(switch.socket, "socket", Watched)
    made = switch.Switch()
    found.append(Path(switch.CONTROL).is_socket())
    for open_one in (made.data, made.control, made.selector):
        open_one.close()
    assert found == [False, True]


def test_a_dead_switch_is_said_and_started_again(tmp_path):
    (tmp_path / segment.FOLDER).mkdir()
    with pytest.raises(LabError) as caught:
        segment.ask(tmp_path, {})
    assert caught.value.id == "LAB-E-SEGMENT"
    assert segment.ensure(tmp_path)
    assert json.dumps(segment.ask(tmp_path, {}))
    segment.end(tmp_path)
