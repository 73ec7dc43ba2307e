# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nobody waits so long that the helpers on other nodes take themselves for left alone."""

from __future__ import annotations

import contextlib
import errno
import socket
import threading
import time
from pathlib import Path

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine import client, transport
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.client import Engine
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.transport import EngineError
from ansible_collections.swarmlab.overlay.plugins.module_utils._verify import gathering, phases
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._verification import facts as gathered
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._verification import plans
from drafts import Draft

SETTINGS = {"hosts": ["vm1", "vm2"], "forks": 5, "convergence": 20, "timeout": 90, "image": "", "networks": ["*"]}


@pytest.mark.parametrize(("timeout", "lease"), [(12, plans.LEASE), (90, 90 - plans.WAIT + plans.GRACE)])
def test_who_is_ready_lives_on_while_the_leader_waits(timeout: int, lease: float) -> None:
    facts = Draft(
        settings=dict(SETTINGS, timeout=timeout),
        leader="vm1",
        made={"probe": "s1", "published": "s2"},
        nodes={"vm1": {"id": "1"}, "vm2": {"id": "2"}},
        opened={"vm1": {}, "vm2": {}},
        hosts=["vm1", "vm2"],
    )
    assert plans.open_node(facts, "vm2", [])["lease"] == lease


@pytest.mark.parametrize(("seconds", "lease"), [(20.0, plans.LEASE), (94.0, 188.0)])
def test_on_slow_machines_helpers_live_longer(seconds: float, lease: float) -> None:
    """Seen where a call took one node three times as long as another: that one's helpers had ended before the next call reached them."""
    facts = Draft(
        settings=dict(SETTINGS, timeout=300),
        hosts=["vm1"],
        made={"lazy": None, "network_ids": []},
        nodes={"vm1": {"id": "1"}},
    )
    facts.clocks = {"vm1": [[100.0, 100.0 + seconds, 0.0, 0.0]]}
    assert plans._common(facts, "vm1")["lease"] == lease


def lacking_probe(errors: dict | None = None) -> Draft:
    """The facts after a preparation in which no probe started on vm2."""
    return Draft(
        settings=dict(SETTINGS, timeout=90),
        leader="vm1",
        made={"probe": "s1", "published": None},
        nodes={"vm1": {"id": "1"}, "vm2": {"id": "2"}},
        swarm={"nodes": [{"id": ident, "hostname": "", "state": "ready", "availability": "active"} for ident in "12"]},
        opened={"vm1": {"namespace": "/n"}, "vm2": {}},
        hosts=["vm1", "vm2"],
        convergence={"seconds": 34.0, "errors": errors or {}},
    )


@pytest.mark.parametrize(
    ("turnout", "waits"),
    [
        ({"came": 2, "took": 3.0, "missing": 1, "waited": 35.0}, plans.LEAST),
        ({"came": 2, "took": 14.0, "missing": 1, "waited": 28.0}, 14.0),
        ({"came": 2, "took": 50.0, "missing": 1, "waited": 52.0}, 90 - plans.WAIT),
        ({"came": 0, "took": 0.0, "missing": 3, "waited": 35.0}, 90 - plans.WAIT),
        (None, 90 - plans.WAIT),
    ],
)
def test_a_probe_that_others_had_long_ago_is_waited_for_a_moment_only(turnout: dict | None, waits: float) -> None:
    facts = lacking_probe()
    facts.convergence["turnout"] = turnout
    assert plans.open_node(facts, "vm2", [])["timeout"] == waits


@pytest.mark.parametrize(
    ("told", "waits"),
    [
        ({"2": "failed: starting container failed: mkdir /run/x: no space left on device"}, plans.LEAST),
        ({"2": "failed: task: non-zero exit (1)"}, 90 - plans.WAIT),
        ({}, 90 - plans.WAIT),
    ],
)
def test_a_task_that_its_kernel_refuses_is_not_waited_for_again(told: dict, waits: int) -> None:
    facts = lacking_probe(told)
    assert plans.open_node(facts, "vm2", [])["timeout"] == waits


def test_the_engines_first_answer_comes_before_a_lease_ends() -> None:
    assert max(phases.ANSWER, plans.WAIT) < plans.LEASE


@pytest.mark.parametrize(("method", "calls"), [("GET", 3), ("DELETE", 1)])
def test_a_reading_call_is_made_again_when_the_engine_drops_it(
    tmp_path: Path, monkeypatch, method: str, calls: int
) -> None:
    """Engine 26.1 panics over some views, closes the connection and lives on."""
    monkeypatch.setattr(transport, "DROPPED_PAUSE", 0)
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
                        connection.sendall(
                            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
                        )

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


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"])
def test_a_container_that_the_engine_is_at_work_on_is_no_engine_that_hangs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answer: bytes
) -> None:
    """Seen on a slow machine: a start of more than a minute, for which the engine told nothing of the container."""
    monkeypatch.setattr(client, "GLIMPSE", 1)
    with socket.socket(socket.AF_UNIX) as listener, contextlib.ExitStack() as open_:
        listener.bind(str(tmp_path / "docker.sock"))
        listener.listen(8)
        engine = Engine(f"unix://{tmp_path}/docker.sock", 60)
        listener.accept()[0].close()  # the first knock

        def serve() -> None:
            connection = open_.enter_context(listener.accept()[0])
            connection.recv(4096)
            connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        assert engine.glimpse("abc") is None


def late_facts(**changes) -> Draft:
    told = {"observations": {"SD/a": {"ok": False}}, "errors": [], "counters": {"XfrmInError": 3}, "untold": ["n1"]}
    parts = {
        "probed": {"vm1": dict(told, untold=[]), "vm2": told},
        "settings": {"convergence": 20},
        "swarm": {"data_port": 4789},
        "hosts": ["vm1", "vm2"],
        "observations": {"vm1": {}, "vm2": {}},
    }
    return Draft(**{**parts, **changes})


@pytest.mark.parametrize(
    ("changes", "waited", "late"),
    [
        ({}, 0, True),
        ({}, 2, True),
        ({}, 3, False),
        ({"settings": {"convergence": 90}}, 0, True),
        ({"settings": {"convergence": 90}}, 1, False),
        ({"probed": {"vm1": {"untold": []}, "vm2": {"untold": []}}, "swarm": {}}, 0, False),
        ({"observations": {"vm1": {"PRE-PORT/port-udp/7946/vm2": {"ok": False}}}}, 0, False),
        ({"observations": {"vm1": {"PRE-PORT/port-udp/4789/vm2": {"ok": False}}}}, 0, True),
    ],
)
def test_gossip_is_waited_for_while_it_lacks_a_probe(monkeypatch, changes: dict, waited: int, late: bool) -> None:
    """Also on the host that lacks nothing: its helpers must live on."""
    monkeypatch.setattr(plans, "_common", lambda *_given: {"run": "r"})
    facts = late_facts(
        **changes,
        under_test=[{"id": "n1"}, {"id": "n2"}],
        probes={"vm1": {"n1": "10.0.1.2"}, "vm2": {"n1": "10.0.1.3", "n2": "10.0.2.3"}},
    )
    plan = plans.exchange(facts, "vm1", [], waited)
    assert plans.is_untold(facts, waited) == late
    expected = {
        "run": "r",
        "patience": plans.WAIT,
        "network_ids": ["n1", "n2"],
        "probes": {"n1": ["10.0.1.2", "10.0.1.3"], "n2": ["10.0.2.3"]},
    }
    assert plan == (expected if late else None)
    assert plans.exchange(facts, "vm3", [], waited) is None


def test_what_is_asked_from_inside_the_networks_is_asked_again(monkeypatch) -> None:
    work = [{"namespace": None, "requests": ["host"]}, {"namespace": "/run/x", "requests": ["inside"]}]
    monkeypatch.setattr(plans, "probe", lambda *_given: {"attach": None, "published": True, "speed": {}, "work": work})
    facts = late_facts()
    assert plans.again(facts, "vm1", []) is None, "nothing was mended, so the answers would be the same"
    facts.probed["vm2"]["mended"] = ["n1"]
    plan = plans.again(facts, "vm1", [])
    assert (plan["work"], plan["published"], plan["speed"]) == (work[1:], False, None)
    assert plans.again(facts, "vm3", []) is None


def test_what_was_attached_asks_again_too(monkeypatch) -> None:
    facts = late_facts()
    facts.probed["vm2"] |= {
        "attached_in": "/run/at",
        "attached": [{"network": "n1"}, {"network": "n2", "refused": "no"}],
        "mended": ["n1"],
    }
    monkeypatch.setattr(
        plans, "probe", lambda *_given: {"attach": {"requests": {"n1": ["one"], "n2": ["two"]}}, "work": []}
    )
    assert plans.again(facts, "vm2", [])["work"] == [{"namespace": "/run/at", "requests": ["one"]}]


def test_the_last_word_counts() -> None:
    first = {
        "observations": {"a": {"ok": False}, "port": {"ok": True}},
        "seen_attached": {"b": {"ok": False}},
        "errors": ["odd"],
        "counters": {"X": 5},
        "attached": [1],
        "untold": ["n1"],
    }
    second = {"observations": {"a": {"ok": True}, "b": {"ok": True}}, "errors": [], "counters": {"X": 7}, "untold": []}
    phases = {
        "probe": {"vm1": {"seen": first, "asked": [10.0, 30.0]}},
        "exchange1": {"vm1": {"seen": {"untold": ["n1"]}}},
        "exchange2": {"vm1": {"seen": {"untold": []}}},
        "exchange3": {"vm1": {"idle": True}},
    }
    told = gathered.assemble(["vm1"], {"run": "r", "needs": []}, phases).probed["vm1"]
    assert (told["untold"], told["mended"]) == ([], ["n1"])
    early = {"probe": {"vm1": {"seen": dict(first, untold=[], mended=["n2"]), "asked": [10.0, 30.0]}}}
    assert gathered.assemble(["vm1"], {"run": "r", "needs": []}, early).probed["vm1"]["mended"] == ["n2"]
    phases["again"] = {"vm1": {"seen": second, "asked": [31.0, 33.0]}}
    facts = gathered.assemble(["vm1"], {"run": "r", "needs": []}, phases)
    assert facts.observations["vm1"] == {"a": {"ok": True}, "b": {"ok": True}, "port": {"ok": True}}
    told = facts.probed["vm1"]
    assert (told["attached"], told["untold"], told["errors"], told["counters"], told["counters_before"]) == (
        [1],
        [],
        ["odd"],
        {"X": 7},
        {"X": 5},
    )
    assert facts.probe_began["vm1"] == 31.0


def test_an_engine_whose_queue_is_full_hangs_and_is_not_gone(tmp_path: Path) -> None:
    """Where others wait already, the kernel refuses the next one at once: that is no engine that does not run."""
    with socket.socket(socket.AF_UNIX) as silent, contextlib.ExitStack() as waiting:
        silent.bind(str(tmp_path / "docker.sock"))
        silent.listen(0)
        other = waiting.enter_context(socket.socket(socket.AF_UNIX))
        other.connect(str(tmp_path / "docker.sock"))
        began = time.monotonic()
        with pytest.raises(EngineError, match="No answer .* within engine_timeout=1 s"):
            Engine(f"unix://{tmp_path}/docker.sock", 1)
        assert 0.9 < time.monotonic() - began < 5

        def hang_up() -> None:
            silent.accept()[0].close()

        timer = threading.Timer(0.5, hang_up)
        timer.start()
        Engine(f"unix://{tmp_path}/docker.sock", 10)
        timer.join()


@pytest.mark.parametrize(
    ("asked", "later", "mended"),
    [
        ({"n1": [], "n2": ["probe 10.0.2.3 192.0.2.1"]}, {"n1": ["probe 10.0.1.3 192.0.2.1"]}, ["n1"]),
        ({"n1": []}, {"n1": []}, []),
        ({}, {"n1": ["probe 10.0.1.3 192.0.2.1"]}, []),
    ],
)
def test_gossip_that_comes_between_the_question_and_the_last_look_is_told(
    asked: dict, later: dict, mended: list
) -> None:
    """Else a late record would look like a wrong answer of a resolver that knew all."""
    plan = {"probes": {"n1": ["10.0.1.3"], "n2": ["10.0.2.3"]}}
    held = [{network: {"records": rows} for network, rows in seen.items()} for seen in (asked, later)]
    assert gathering.told_meanwhile(*held, plan) == mended


@pytest.mark.parametrize(
    ("answer", "networks"),
    [
        ({"ok": False, "kind": "nxdomain", "addresses": []}, ["n1"]),
        ({"ok": False, "kind": "answer", "addresses": ["10.0.1.3", "10.0.1.9"]}, ["n1"]),
        ({"ok": False, "kind": "answer", "addresses": ["10.0.1.3", "10.0.1.4", "10.0.1.9"]}, []),  # one too many
        ({"ok": False, "kind": "timeout", "addresses": []}, []),
        ({"ok": True, "kind": "answer", "addresses": ["10.0.1.3", "10.0.1.4"]}, []),
        (None, []),
    ],
)
def test_a_resolver_that_follows_its_gossip_late_is_told(answer: dict | None, networks: list) -> None:
    request = {"id": "a", "kind": "dns", "name": "tasks.web", "expected": ["10.0.1.3", "10.0.1.4"]}
    other = {"id": "b", "kind": "icmp", "address": "10.0.1.3"}
    seen = {
        "n1": {"records": ["web 10.0.1.3 192.0.2.1", "web 10.0.1.4 192.0.2.2", "web vip 10.0.1.2"]},
        "n2": {"records": ["web 10.0.1.3 192.0.2.1"]},
    }
    told = {"b": {"ok": False}, **({"a": answer} if answer else {})}
    assert gathering.behind([{"namespace": "", "requests": [request, other]}], told, seen) == networks


def test_names_that_were_asked_too_early_are_asked_again_without_waiting() -> None:
    facts = late_facts(probed={"vm1": {"untold": [], "mended": ["n1"]}})
    assert plans.is_late(facts) and not plans.is_untold(facts)


def test_a_run_that_cannot_begin_for_lack_of_room_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(phases.background, "ROOT", str(tmp_path))
    monkeypatch.setattr(phases.background, "SPARE", str(tmp_path / "spare"))
    phases.need_room("r")
    assert (tmp_path / "r").is_dir()

    def full(_run: str) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(phases.background, "folder", full)
    with pytest.raises(EngineError, match=r"No space left.*df -i /run") as caught:
        phases.need_room("r")
    assert caught.value.details == {"reason_code": "disk-full"}
