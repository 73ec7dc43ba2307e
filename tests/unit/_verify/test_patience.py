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
