# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trains of packets over loopback, against helpers that lose, repeat, hold back or damage what they are asked."""

from __future__ import annotations

import itertools
import os
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._probe import responder, sockets, train
from hypothesis import given
from hypothesis import strategies as st

Way = Callable[[int, bytes], list[bytes]]  # number of the packet in its train, packet -> what is delivered


@contextmanager
def helper(way: Way, wait: float = 0.0, pace: float = 0.0, back_from: int = 1 << 20) -> Iterator[int]:
    """A helper behind a way that does this to each packet; gives its port.

    ``pace``: seconds between two arrivals at least; ``back_from``: from this packet on its clock is a second behind.
    """
    channel = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    channel.bind(("127.0.0.1", 0))
    channel.settimeout(0.1)
    train.stamped(channel)
    answerer, stop = train.Answerer("r1", "vm2"), threading.Event()

    def serve() -> None:
        number, last = 0, 0.0
        while not stop.is_set():
            try:
                data, received, sender = train.receive(channel)
            except OSError:
                continue
            last = received = max(received, last + pace)
            asked = train.parse("r1", data)
            assert asked is not None
            for place, packet in enumerate(way(asked.number, data)):
                time.sleep(wait)
                answer = answerer.answer(packet, received + place / 1000 - (number >= back_from))
                if answer:
                    channel.sendto(answer, sender)
            number += 1

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield channel.getsockname()[1]
    finally:
        stop.set()
        thread.join()
        channel.close()


def sent(way: Way, packets: int = 30, wait: float = 0.0, pace: float = 0.0, back_from: int = 1 << 20) -> dict:
    with helper(way, wait, pace, back_from) as port:
        asked = [{"id": "x", "kind": "udp", "address": "127.0.0.1", "port": port, "packets": packets}]
        return train.perform("r1", asked, 0.5)["x"]


def whole(_number: int, packet: bytes) -> list[bytes]:
    return [packet]


def test_a_good_path() -> None:
    told = sent(whole)
    assert (told["sent"], told["answered"], told["arrived"], told["gap"]) == (30, 30, 30, 0)
    assert (told["repeated"], told["reordered"], told["corrupt"]) == (0, 0, 0)
    assert told["mtu"] == train.LARGEST and set(told["sizes"]) == {"100", "600", "9000"}
    assert told["delay_ms"] == sorted(told["delay_ms"]) and "error" not in told
    assert "mbit" not in told, "nothing but this process sets the pace of a burst"


def test_losses_are_counted_where_they_happen() -> None:
    told = sent(lambda number, packet: [] if number % 5 == 0 else [packet])
    assert told["answered"] == told["arrived"] == 24 and told["gap"] == 1


def test_a_size_that_never_passes() -> None:
    told = sent(lambda _number, packet: [packet] if len(packet) < 1000 else [])
    assert told["sizes"] == {"100": [10, 10], "600": [10, 10], "9000": [10, 0]}


def test_repeated_packets() -> None:
    told = sent(lambda number, packet: [packet, packet] if number in (3, 4) else [packet])
    assert told["repeated"] >= 2 and told["answered"] == 30


def test_packets_out_of_order() -> None:
    # Packets that a busy machine sends late are not well apart, and count as in no order: some of the tries are on time.
    assert any(sent(held_back(until=6))["reordered"] >= 1 for _try in range(10))


def test_what_arrives_at_once_is_in_no_order() -> None:
    told = sent(held_back(until=5))
    assert told["reordered"] == 0 and told["answered"] == 30


def held_back(until: int) -> Way:
    """The fifth packet is delivered right after a later one."""
    held: list[bytes] = []

    def way(number: int, packet: bytes) -> list[bytes]:
        if number == 4:
            held.append(packet)
            return []
        return [packet, held.pop()] if number == until else [packet]

    return way


def overtaken(pauses: list[float]) -> int:
    """How many packets overtake others on a path where one in five is on time, and the others are 17 ms late."""
    chance = random.Random(7)
    moments = [0.0, *itertools.accumulate(pauses)]
    arrivals = [moment + (0.0 if chance.random() < 0.2 else 0.017) for moment in moments]
    return train._overtaken([(moment, sum(a <= at for a in arrivals), at) for moment, at in zip(moments, arrivals)])


def test_packets_are_close_enough_to_be_overtaken_by_less_than_the_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    with helper(whole) as port:
        one = train._Train("r1", {"id": "x", "kind": "udp", "address": "127.0.0.1", "port": port, "packets": 60})
    one.channel.close()
    pauses = [one.pause(number) for number in range(59)]
    assert sum(pauses[:3]) == pytest.approx(3 * train.INTERVAL), "no more packets in a second than before"
    assert overtaken(pauses) >= 5 and overtaken([train.INTERVAL] * 59) == 0
    one.icmp = True
    assert {one.pause(number) for number in range(9)} == {one.pace}


def test_a_clock_that_is_set_back_meanwhile_reorders_nothing() -> None:
    told = sent(whole, back_from=10)
    assert told["reordered"] == 0 and told["answered"] == 30


def test_damaged_packets() -> None:
    told = sent(lambda number, packet: [packet[:-1] + b"x"] if number in (5, 6) else [packet])
    assert told["corrupt"] == 2 and told["answered"] == 28


def test_the_time_that_a_helper_takes_is_not_the_networks() -> None:
    told = sent(whole, packets=9, wait=0.03)
    assert told["dwell_ms"] >= 30 and told["delay_ms"][1] < 25


def busy(asked: list[int], times: int) -> Way:
    """A helper that loses its processor, and five packets, in each of so many trains; counts what it was asked."""

    def way(number: int, packet: bytes) -> list[bytes]:
        parsed = train.parse("r1", packet)
        assert parsed is not None
        asked.append(parsed.number)
        tried = asked.count(0)
        if tried > times or parsed.number > 5:
            return [packet]
        if parsed.number:
            return []
        time.sleep(train.LATE / 1000 + 0.05)
        return [packet]

    return way


@pytest.mark.parametrize(
    ("times", "tried", "answered"),
    [(1, 2, 30), (3, 3, 25)],
)
def test_what_a_late_process_leaves_open_is_sent_again(
    monkeypatch: pytest.MonkeyPatch, times: int, tried: int, answered: int
) -> None:
    monkeypatch.setattr(train, "LATE", 200)
    asked: list[int] = []
    told = sent(busy(asked, times))
    assert (asked.count(0), told["answered"]) == (tried, answered)
    assert (told["dwell_ms"] > train.LATE) is (answered < 30)


def test_what_is_lost_while_all_are_on_time_is_not_sent_again() -> None:
    asked: list[int] = []
    told = sent(lambda number, packet: asked.append(number) or ([] if number % 5 == 0 else [packet]))
    assert told["answered"] == 24 and len(asked) == 50  # 30 at the train's pace, and two bursts of ten


@pytest.mark.parametrize(
    ("answered", "gap", "late", "dwell", "starved"),
    [
        (60, 0, 0, 5000, False),  # nothing lacks
        (52, 7, 0, 1001, True),
        (52, 2, 0, 1001, True),
        # Seen on a machine whose tasks waited for 93 % of the time: most of what lacks went in a row, within a stall.
        (52, 7, 299, 990, True),
        (52, 7, 990, 0, True),
        (52, 7, 299, 139, True),  # the sender's stall counts too
        (52, 7, 139, 139, False),  # the losses lasted longer than any process was late
        (52, 2, 299, 990, False),  # here and there
        (52, 3, 299, 990, False),
        (59, 1, 10, 100, False),  # all are late by as much
        (45, 15, 10, 20, False),  # a link that pauses, between processes that are on time
    ],
)
def test_what_a_late_process_may_have_lost_proves_nothing(
    answered: int, gap: int, late: int, dwell: int, starved: bool
) -> None:
    told = {"sent": 60, "answered": answered, "gap": gap, "late_ms": late, "dwell_ms": dwell}
    assert train.is_starved(told) is starved


@pytest.mark.parametrize(("late", "dwell", "busy"), [(0, 0, False), (500, 500, False), (501, 0, True), (0, 501, True)])
def test_a_busy_end_is_one_of_many(late: int, dwell: int, busy: bool) -> None:
    found = {"x": {"late_ms": 1, "dwell_ms": 1}, "y": {"late_ms": late, "dwell_ms": dwell}}
    assert train.is_busy(found) is busy and not train.is_busy({})


def test_a_narrow_path_sets_the_pace_of_a_burst() -> None:
    # A busy machine stretches a burst while it is sent, and that tells nothing: some of the tries are on time.
    tries = (sent(whole, packets=6, wait=0.0, pace=0.004).get("mbit") for _try in range(10))
    assert next(filter(None, tries)) == pytest.approx(train.LARGEST * 8 / 0.004 / 1e6, rel=0.3)


def test_a_slow_helper_is_not_flooded() -> None:
    told = sent(whole, packets=30, wait=0.05)  # its window takes half of the time that is waited for the last answers
    assert told["sent"] == told["answered"] > train.WINDOW and told["gap"] == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gets more room than net.core.rmem_max")
def test_what_comes_while_a_helper_has_no_processor_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several trains and questions of a second: the usual room is that of a hundred packets."""
    monkeypatch.setattr(sockets, "PORT", 0)
    with responder._udp_listener() as helper, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect(("127.0.0.1", helper.getsockname()[1]))
        for _packet in range(400):
            sender.send(bytes(1400))
        helper.settimeout(0.1)
        for _packet in range(400):
            train.receive(helper)


def test_nobody_listens() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        channel.bind(("127.0.0.1", 0))
        port = channel.getsockname()[1]
    asked = [{"id": "x", "kind": "udp", "address": "127.0.0.1", "port": port, "packets": 6}]
    told = train.perform("r1", asked, 0.2)["x"]
    assert told["answered"] == 0 and told["error"] == "connection refused" and "delay_ms" not in told


@pytest.mark.skipif(os.geteuid() != 0, reason="raw sockets need root")
def test_icmp_is_answered_by_the_kernel() -> None:
    told = train.perform("r1", [{"id": "x", "kind": "icmp", "address": "127.0.0.1", "packets": 30}], 0.5)["x"]
    assert told["sent"] == told["answered"] == 10


def test_an_address_that_nothing_can_be_sent_to_is_told() -> None:
    # The kernel refuses it to every process, whatever routes a machine has; where there is a way out, others end in silence.
    asked = [{"id": "x", "kind": "udp", "address": "255.255.255.255", "port": 9, "packets": 3}]
    told = train.perform("r1", asked, 0.1)["x"]
    assert told["answered"] == 0 and told["error"]


@given(st.binary(max_size=300))
def test_anything_else_is_no_packet(data: bytes) -> None:
    assert train.parse("r1", data) is None
    assert train.Answerer("r1", "vm2").answer(data, 0.0) is None


@given(st.integers(0, 65535), st.integers(60, 1472), st.integers(0, 10**6))
def test_one_changed_byte_is_seen(number: int, size: int, seed: int) -> None:
    packet = train.build("r1", train.ASK, b"12345678", number, b"", size)
    assert train.parse("r1", packet) == train.Packet(
        train.ASK, b"12345678", number, packet[len(train.magic("r1")) + 15 :], True
    )
    place = random.Random(seed).randrange(len(train.magic("r1")) + 9, len(packet))  # not in what the train is known by
    broken = bytearray(packet)
    broken[place] ^= 0x40
    parsed = train.parse("r1", bytes(broken))
    assert parsed is not None and not parsed.whole


def test_a_helper_forgets_the_oldest_train(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "TRAINS", 2)
    answerer = train.Answerer("r1", "vm2")
    for name in (b"train--1", b"train--2", b"train--3"):
        assert answerer.answer(train.build("r1", train.ASK, name, 0, b"", 100), 0.0)
    assert list(answerer.trains) == [b"train--2", b"train--3"]


def test_a_train_that_the_way_may_fragment_teaches_this_kernel_nothing() -> None:
    request = {"id": "x", "kind": "udp", "address": "127.0.0.1", "port": 9, "packets": 3}
    free, bound = (train._Train("r1", {**request, **more}) for more in ({}, {"most": 1450, "plain": True}))
    assert free.channel.getsockopt(socket.IPPROTO_IP, train.MTU_DISCOVER) == train.MTU_PROBE and free.in_bursts
    assert bound.channel.getsockopt(socket.IPPROTO_IP, train.MTU_DISCOVER) == train.MTU_DONT
    assert bound.paced == [100, 600, 1450] and not bound.in_bursts
    free.channel.close()
    bound.channel.close()


def test_a_way_that_is_still_being_set_up_is_waited_for() -> None:
    """Engines lead a new service one node after the other: what is lost until then is no loss of the way."""
    for patience, answered in ((0.0, False), (5.0, True)):
        ready = time.monotonic() + 0.5
        with helper(lambda _number, packet, ready=ready: [packet] * (time.monotonic() > ready)) as port:
            asked = {"id": "x", "kind": "udp", "address": "127.0.0.1", "port": port, "packets": 30, "plain": True}
            told = train.perform("r1", [{**asked, "patience": patience}], 0.5)["x"]
        assert (told["answered"] == told["sent"] == told["arrived"] == 30) == answered
        assert (told["packets"] > 30) == answered and told["repeated"] == 0


def test_a_way_that_is_never_set_up_is_waited_for_no_longer_than_said() -> None:
    with helper(lambda _number, _packet: []) as port:
        asked = {"id": "x", "kind": "udp", "address": "127.0.0.1", "port": port, "packets": 3, "patience": 0.6}
        told = train.perform("r1", [asked], 0.1)["x"]
    assert told["sent"] == 3 and told["answered"] == 0 and 4 <= told["packets"] - 3 - 2 * train.IN_BURST <= 8


def test_an_answer_tells_who_gave_it() -> None:
    told = sent(lambda _number, packet: [packet])
    assert told["who"] == train.mark("vm2")
    assert "who" not in sent(lambda _number, _packet: [])
