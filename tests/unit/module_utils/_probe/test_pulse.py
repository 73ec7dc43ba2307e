# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pulse between nodes, against an answerer on this machine that pauses."""

from __future__ import annotations

import socket
import threading
import time

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._probe import pulse, train
from ansible_collections.swarmlab.overlay.plugins.module_utils._verify import local

RUN = "r1"


def test_pauses_lie_between_answers() -> None:
    sent = [number / 10 for number in range(30)]
    answered = {3, 4, 5, 16, 17, 19, 20, 26}
    assert pulse.pauses(sent, answered) == [[1.1, 10], [0.6, 5]]
    assert pulse.pauses(sent, set()) == pulse.pauses(sent, {29}) == []


class Answering:
    """Answers as a helper does, but for a while."""

    def __init__(self) -> None:
        self.channel = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.channel.bind(("127.0.0.1", 0))
        self.channel.settimeout(0.1)
        self.port = self.channel.getsockname()[1]
        self.deaf = self.over = False
        self.answered = 0
        self.hold = 0.0
        self.thread = threading.Thread(target=self.serve)

    def serve(self) -> None:
        answerer = train.Answerer(RUN, "vm2")
        while not self.over:
            try:
                data, source = self.channel.recvfrom(2048)
            except TimeoutError:
                continue
            time.sleep(self.hold)  # on the way
            answer = answerer.answer(data, time.time())
            if answer and not self.deaf:
                self.channel.sendto(answer, source)
                self.answered += 1


def test_a_pulse_counts_what_is_lost_in_between_and_not_at_its_ends() -> None:
    there = Answering()
    there.deaf = True
    there.thread.start()
    moments = iter([0.4, 0.8, 1.8, 2.4, 2.9])
    began, due, state = time.monotonic(), 0.4, iter([False, True, False, True])

    def stopped() -> bool:
        nonlocal due
        if time.monotonic() - began > due:
            there.deaf = next(state, True)
            due = next(moments, 99.0)
        return time.monotonic() - began > 2.9

    next(moments)
    try:
        (told,) = pulse.serve(RUN, there.port, ["127.0.0.1"], lambda: None, stopped)
    finally:
        there.over = True
        there.thread.join()
        there.channel.close()
    assert told["address"] == "127.0.0.1" and told["bytes"] >= 72 * told["packets"]
    assert 0 < told["answered"] == there.answered < told["sent"] < told["packets"]
    ((seconds, lost),) = told["pauses"]
    assert lost == told["sent"] - told["answered"] and seconds > 0.5


def test_a_pulse_tells_how_long_its_round_trips_took() -> None:
    there = Answering()
    there.hold = 0.25
    there.thread.start()
    begun = time.monotonic()
    try:
        (told,) = pulse.serve(RUN, there.port, ["127.0.0.1"], lambda: None, lambda: time.monotonic() - begun > 2.0)
    finally:
        there.over = True
        there.thread.join()
        there.channel.close()
    least, median, most, worst = told["delay_ms"]
    assert 250 <= least <= median <= most <= worst < 2500, "each waits for those before it"
    assert median > least + 100 and told["dwell_ms"] < 200


def test_nobody_to_ask_and_nobody_who_answers() -> None:
    begun = time.monotonic()
    assert pulse.serve(RUN, 9, [], lambda: None, lambda: time.monotonic() - begun > 0.2) == []
    begun = time.monotonic()
    (told,) = pulse.serve(RUN, 9, ["127.0.0.1"], lambda: None, lambda: time.monotonic() - begun > 0.4)
    assert (told["sent"], told["answered"], told["pauses"], told["delay_ms"]) == (0, 0, [], [])


def test_many_nodes_get_some_pulses_each() -> None:
    many = [f"10.0.0.{number}" for number in range(40)]
    found = pulse.chosen(many, "10.0.0.99", RUN)
    assert len(found) == pulse.MOST and found != pulse.chosen(many, "10.0.0.98", RUN)
    assert sorted(pulse.chosen(many[:3], "10.0.0.99", RUN)) == many[:3]


@pytest.mark.parametrize("mine", ["10.77.0.12", "fd00::12"])
def test_the_nodes_that_a_node_knows(mine: str) -> None:
    info = {"Swarm": {"NodeAddr": mine, "RemoteManagers": [{"Addr": "10.77.0.11:2377"}, {"Addr": "[fd00::11]:2377"}]}}
    networks = [{"Id": "in", "Ingress": True}, {"Id": "other", "Ingress": False}]
    peers = {"in": {"Peers": [{"IP": mine}, {"IP": "10.77.0.13"}]}}
    assert local.peers(info, networks, peers.__getitem__) == ["10.77.0.11", "10.77.0.13", "fd00::11"]
    assert local.peers({"Swarm": {"NodeAddr": mine, "RemoteManagers": None}}, [], peers.__getitem__) == []
