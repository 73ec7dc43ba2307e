# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests: what meets each kind, and how long one is repeated. The sockets are real."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._probe import dns, sockets, work

SETTING = work.Setting("r1", "vm1", 2.0)


@pytest.fixture
def port() -> Iterator[int]:
    """A port where connections are accepted, and nothing is said."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        yield listener.getsockname()[1]


@pytest.fixture
def responder() -> Iterator[int]:
    """A port where a probe called vm2 answers questions of this run."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)

        def serve() -> None:
            while True:
                try:
                    channel, dummy = listener.accept()
                except OSError:
                    return
                with channel:
                    asked = sockets.parse_question("r1", sockets.read_line(channel))
                    if asked:
                        channel.sendall(sockets.reply("r1", "vm2", asked[2]))

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def one(request: dict) -> dict:
    return work.perform([{"id": "a", "address": "127.0.0.1", "network": "front", **request}], SETTING)["a"]


def test_every_request_has_its_observation_and_none_has_none() -> None:
    assert work.perform([], SETTING) == {}
    rows = [
        {"id": str(number), "kind": "connect", "address": "127.0.0.1", "port": closed_port()} for number in range(5)
    ]
    found = work.perform(rows, SETTING, threads=2)
    assert set(found) == {"0", "1", "2", "3", "4"} and not any(seen["ok"] for seen in found.values())


@pytest.mark.parametrize(("node", "ok"), [("vm2", True), ("vm3", False)])
def test_a_path_is_whole_when_the_right_node_answers(responder: int, node: str, ok: bool) -> None:
    seen = one({"kind": "tcp", "port": responder, "node": node})
    assert (seen["ok"], seen["node"]) == (ok, "vm2")


def test_a_port_counts_as_closed_unless_one_of_ours_answers(responder: int, port: int) -> None:
    assert not one({"kind": "closed", "port": responder})["ok"]
    assert one({"kind": "closed", "port": port})["ok"]
    assert one({"kind": "closed", "port": closed_port()})["ok"]


def test_connections_are_counted(port: int) -> None:
    seen = one({"kind": "connect", "port": port, "count": 4})
    assert (seen["ok"], seen["count"], seen["answered"]) == (True, 4, 4)


@pytest.mark.parametrize(("refusal", "ok", "answered"), [(True, True, 2), (False, False, 0)])
def test_a_refusal_is_an_answer_only_where_the_request_says_so(refusal: bool, ok: bool, answered: int) -> None:
    seen = one({"kind": "connect", "port": closed_port(), "count": 2, "refusal": refusal})
    assert (seen["ok"], seen["answered"]) == (ok, answered)
    assert ("error" in seen) is not ok


@pytest.mark.parametrize(
    ("request_", "kind", "addresses", "ok"),
    [
        ({"expected": ["10.0.1.5", "10.0.1.6"]}, "answer", ["10.0.1.6", "10.0.1.5"], True),
        ({"expected": ["10.0.1.5"]}, "answer", ["10.0.1.5", "10.0.1.6"], False),
        ({"expected": ["10.0.1.5"]}, "answer", [], False),
        ({"expected": []}, "absent", [], True),
        ({"expected": []}, "unreachable", [], False),  # a silent server denies nothing
        ({"expected": None}, "unreachable", [], True),
        ({"within": ["10.0.1.0/24"]}, "answer", ["10.0.1.99"], True),
        ({"within": ["10.0.1.0/24"]}, "answer", ["10.0.2.99"], False),
        ({"within": ["10.0.1.0/24"]}, "answer", ["10.0.1.99", "10.0.1.98"], False),
        ({"includes": "10.0.1.5"}, "answer", ["10.0.1.4", "10.0.1.5"], True),
        ({"includes": "10.0.1.5"}, "answer", ["10.0.1.4"], False),
    ],
)
def test_what_meets_a_question_for_a_name(monkeypatch, request_: dict, kind: str, addresses: list, ok: bool) -> None:
    monkeypatch.setattr(dns, "ask", lambda _name, seconds: dns.Answer(kind, tuple(addresses)))
    assert one({"kind": "dns", "name": "web", **request_}) == {
        "ok": ok, "kind": kind, "addresses": addresses, "seconds": pytest.approx(0, abs=1), "tries": 1,
    }  # fmt: skip


def test_a_name_that_cannot_be_asked_for_is_not_repeated() -> None:
    seen = one({"kind": "dns", "name": "a" * 64, "expected": [], "patience": 30})
    assert (seen["ok"], seen["kind"], seen["tries"]) == (False, work.UNASKABLE, 1)


def test_a_request_is_repeated_while_patience_lasts_and_stops_when_met(monkeypatch) -> None:
    tries: list = []
    monkeypatch.setattr(work.time, "sleep", lambda _seconds: None)
    monkeypatch.setitem(work.KINDS, "tcp", lambda *_given: {"ok": bool(tries.append(1)) or len(tries) == 3})
    assert one({"kind": "tcp", "patience": 60})["tries"] == 3
    tries.clear()
    assert one({"kind": "tcp"})["tries"] == 1


def test_a_try_that_took_far_too_long_is_made_again_without_patience(monkeypatch) -> None:
    clock = iter(range(0, 1000, 5))
    monkeypatch.setattr(work.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(work.time, "sleep", lambda _seconds: None)
    monkeypatch.setitem(work.KINDS, "tcp", lambda *_given: {"ok": False})
    assert one({"kind": "tcp"})["tries"] == work.SLOW_TRIES


def test_an_answer_that_comes_after_its_try_counts(monkeypatch) -> None:
    """A helper that is short of a processor answers each question later than a try lasts."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as helper:
        helper.bind(("127.0.0.1", 0))
        monkeypatch.setattr(sockets, "PORT", helper.getsockname()[1])
        helper.settimeout(20)

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    line, asker = helper.recvfrom(512)
                    asked = sockets.parse_question("r1", line)
                    time.sleep(0.9)
                    helper.sendto(sockets.reply("r1", "vm2", asked[2]) if asked else b"", asker)

        threading.Thread(target=serve, daemon=True).start()
        request = {"id": "a", "kind": "udp", "address": "127.0.0.1", "network": "front", "node": "vm2", "patience": 20}
        seen = work.perform([request], work.Setting("r1", "vm1", 0.4))["a"]
        assert (seen["ok"], seen["node"]) == (True, "vm2") and seen["tries"] > 1
        request = {**request, "node": "vm3", "patience": 1}
        assert not work.perform([request], work.Setting("r1", "vm1", 0.4))["a"]["ok"], "another node answered"


@pytest.mark.parametrize(
    ("answers", "request_", "ok", "answered"),
    [
        (["vm2", "vm2", "vm2"], {}, True, 3),
        (["vm2", None, "vm2"], {}, False, 2),
        (["vm2", None, "vm2"], {"least": 2}, True, 2),
        (["vm2", "vm9", "vm2"], {}, False, 2),
        (["vm2"] * 4 + [None], {"count": 5, "least": 4}, True, 4),
    ],
)
def test_a_burst_needs_all_its_answers_or_the_least_that_it_names(
    monkeypatch, answers: list, request_: dict, ok: bool, answered: int
) -> None:
    rows = [{"node": node} if node else {"error": "no answer"} for node in answers]
    monkeypatch.setattr(sockets, "several", lambda *_given: rows)
    seen = one({"kind": "burst", "size": 1400, "node": "vm2", **request_})
    assert (seen["ok"], seen["answered"]) == (ok, answered)
    assert ok or seen.get("node") != "vm2"


def test_every_backend_of_a_virtual_address_must_answer(monkeypatch) -> None:
    nodes = itertools.cycle(["vm1", "vm2", "vm1", "vm1"])
    monkeypatch.setattr(sockets, "tcp", lambda *_given: {"node": next(nodes)})
    seen = one({"kind": "vip", "nodes": ["vm1", "vm2"]})
    assert (seen["ok"], seen["nodes"], seen["count"], seen["shares"]) == (True, ["vm1", "vm2"], 4, {"vm1": 3, "vm2": 1})
    assert not one({"kind": "vip", "nodes": ["vm1", "vm2", "vm3"]})["ok"]
    assert one({"kind": "vip", "nodes": ["vm1", "vm2", "vm3"], "count": 2})["count"] == 2


def test_a_backend_that_nobody_serves_may_refuse(monkeypatch) -> None:
    answers = itertools.cycle([{"node": "vm1"}, {"error": sockets.REFUSED}, {"node": "vm2"}])
    monkeypatch.setattr(sockets, "tcp", lambda *_given: next(answers))
    asked = {"kind": "vip", "nodes": ["vm1", "vm2"], "count": 6}
    assert not one(asked)["ok"]
    seen = one({**asked, "refusal": True})
    assert seen["ok"] and seen["errors"] == [sockets.REFUSED]
    monkeypatch.setattr(sockets, "tcp", lambda *_given: {"error": sockets.REFUSED})
    assert not one({**asked, "refusal": True})["ok"]
