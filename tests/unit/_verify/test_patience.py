# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nobody waits so long that the helpers on other nodes take themselves for left alone."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils import _engine_basics
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine_basics import EngineError
from ansible_collections.swarmlab.overlay.plugins.module_utils._verify import facts as gathered
from ansible_collections.swarmlab.overlay.plugins.module_utils._verify import phases, plans
from ansible_collections.swarmlab.overlay.plugins.module_utils._verify.engine import Engine

SETTINGS = {"hosts": ["vm1", "vm2"], "forks": 5, "convergence": 20, "timeout": 90, "image": "", "networks": ["*"]}


@pytest.mark.parametrize(("timeout", "lease"), [(12, plans.LEASE), (90, 90 + plans.GRACE)])
def test_who_is_ready_lives_on_while_the_leader_waits(timeout: int, lease: float) -> None:
    facts = {"run": "r1", "needs": [], "settings": dict(SETTINGS, timeout=timeout), "leader": "vm1", "made": {"probe": "s1", "published": "s2"},
             "nodes": {"vm1": {"id": "1"}, "vm2": {"id": "2"}}, "convergence": {}, "opened": {"vm1": {}, "vm2": {}}, "probes": {},
             "published_on": None, "swarm": None, "hosts": ["vm1", "vm2"]}
    assert plans.open_node(facts, "vm2", [])["lease"] == lease


def test_the_engines_first_answer_comes_before_a_lease_ends() -> None:
    assert max(phases.ANSWER, plans.WAIT) < plans.LEASE


@pytest.mark.parametrize(("method", "calls"), [("GET", 3), ("DELETE", 1)])
def test_a_reading_call_is_made_again_when_the_engine_drops_it(tmp_path: Path, monkeypatch, method: str, calls: int) -> None:
    """Engine 26.1 panics over some views, closes the connection and lives on."""
    monkeypatch.setattr(_engine_basics, "DROPPED_PAUSE", 0)
    came = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "docker.sock"))
        listener.listen(8)
        engine = Engine(f"unix://{tmp_path}/docker.sock", 5)
        listener.accept()[0].close()  # the first knock

        def serve() -> None:
            while len(came) < calls:
                connection, dummy = listener.accept()
                with connection:
                    came.append(connection.recv(4096))
                    if len(came) == 3:
                        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")

        served = threading.Thread(target=serve)
        served.start()
        if method == "GET":
            assert engine.call(method, "/networks/x", {"verbose": "true"}) == {}
        else:
            with pytest.raises(EngineError, match="Cannot reach"):
                engine.call(method, "/networks/x")
        served.join(timeout=30)
    assert len(came) == calls


def test_an_engine_that_hangs_is_told_after_the_shorter_of_two_limits(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "docker.sock"))
        silent.listen(8)
        engine = Engine(f"unix://{tmp_path}/docker.sock", 60)
        began = time.monotonic()
        with pytest.raises(EngineError, match="No answer .* within engine_timeout=1 s"):
            engine.within(1).info()
        assert time.monotonic() - began < 30
        assert engine.within(90).timeout == 60


def late_facts(**changes) -> dict:
    told = {"observations": {"SD/a": {"ok": False}}, "errors": [], "counters": {"XfrmInError": 3}, "untold": ["n1"]}
    return {"probed": {"vm1": dict(told, untold=[]), "vm2": told}, "settings": {"convergence": 20}, "swarm": {"data_port": 4789}, "networks": [],
            "hosts": ["vm1", "vm2"], "observations": {"vm1": {}, "vm2": {}}, **changes}


@pytest.mark.parametrize(
    ("changes", "times", "asked"),
    [
        ({}, 1, True),
        ({}, 2, True),
        ({}, 3, False),
        ({"settings": {"convergence": 90}}, 1, False),
        ({"probed": {"vm1": {"untold": []}, "vm2": {"untold": []}}, "swarm": None}, 1, False),
        ({"observations": {"vm1": {"PRE-PORT/port-udp/7946/vm2": {"ok": False}}}}, 1, False),
        ({"observations": {"vm1": {"PRE-PORT/port-udp/4789/vm2": {"ok": False}}}}, 1, True),
    ],
)
def test_all_is_asked_again_while_gossip_lacks_a_probe(monkeypatch, changes: dict, times: int, asked: bool) -> None:
    """Also the host that lacks nothing: its helpers must live on."""
    work = [{"namespace": None, "requests": ["host"]}, {"namespace": "/run/x", "requests": ["inside"]}]
    monkeypatch.setattr(plans, "probe", lambda *_given: {"attach": None, "published": True, "speed": {}, "work": work})
    plan = plans.again(late_facts(**changes), "vm1", [], times)
    assert (plan is not None) == asked
    if plan:
        assert (plan["work"], plan["published"], plan["speed"]) == (work[1:], False, None)


def test_what_was_attached_asks_again_too(monkeypatch) -> None:
    facts = late_facts()
    facts["probed"]["vm2"] |= {"attached_in": "/run/at", "attached": [{"network": "n1"}, {"network": "n2", "refused": "no"}]}
    monkeypatch.setattr(plans, "probe", lambda *_given: {"attach": {"requests": {"n1": ["one"], "n2": ["two"]}}, "work": []})
    assert plans.again(facts, "vm2", [], 1)["work"] == [{"namespace": "/run/at", "requests": ["one"]}]


def test_the_last_word_counts() -> None:
    first = {"observations": {"a": {"ok": False}, "port": {"ok": True}}, "seen_attached": {"b": {"ok": False}}, "errors": ["odd"], "counters": {"X": 5},
             "attached": [1], "untold": ["n1"]}
    second = {"observations": {"a": {"ok": True}, "b": {"ok": True}}, "errors": [], "counters": {"X": 7}, "untold": []}
    phases = {"probe": {"vm1": {"seen": first, "asked": [10.0, 30.0]}},
              "second": {"vm1": {"seen": second, "asked": [31.0, 33.0]}}, "third": {"vm1": {"idle": True}}}
    facts = gathered.assemble(["vm1"], {"run": "r", "needs": []}, phases)
    assert facts["observations"]["vm1"] == {"a": {"ok": True}, "b": {"ok": True}, "port": {"ok": True}}
    told = facts["probed"]["vm1"]
    assert (told["attached"], told["untold"], told["errors"], told["counters"], told["counters_before"]) == ([1], [], ["odd"], {"X": 7}, {"X": 5})
    assert facts["probe_began"]["vm1"] == 31.0
