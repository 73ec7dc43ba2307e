# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The door to the engine, as far as it needs no engine."""

from __future__ import annotations

import socket

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine import sdk
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.sdk import EngineError

REMOTES = [{"NodeID": "b", "Addr": "10.0.0.2:2377"}, {"NodeID": "a", "Addr": "10.0.0.1:2377"}]


def info(state: str, control: bool = False, **swarm: object) -> dict:
    return {"Name": "vm2", "Swarm": dict(LocalNodeState=state, ControlAvailable=control, **swarm)}


def test_a_manager_has_no_problem() -> None:
    assert sdk.manager_problem(info("active", control=True)) is None


@pytest.mark.parametrize(
    "given, words",
    [
        (info("active", RemoteManagers=REMOTES), ["vm2 is a worker", "10.0.0.1:2377, 10.0.0.2:2377"]),
        (info("inactive"), ["vm2 is not in a swarm", "docker swarm init"]),
        (info("locked"), ["locked", "docker swarm unlock"]),
        (info("pending"), ["'pending'"]),
        (info("error", Error="certificate expired"), ["certificate expired"]),
        ({"Name": "old"}, ["old is not in a swarm"]),
    ],
)
def test_what_is_no_manager_says_why(given: dict, words: list[str]) -> None:
    problem = sdk.manager_problem(given)
    assert problem is not None
    for word in words:
        assert word in problem.message


def test_missing_socket(tmp_path) -> None:
    where = f"unix://{tmp_path}/none.sock"
    with pytest.raises(EngineError) as caught:
        sdk.connect({"docker_host": where, "engine_timeout": 3})
    assert where in caught.value.message
    assert "does not exist" in caught.value.message


def test_dead_socket(tmp_path) -> None:
    path = tmp_path / "dead.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.close()
    with pytest.raises(EngineError, match="nothing listens"):
        sdk.connect({"docker_host": f"unix://{path}", "engine_timeout": 3})


def test_silent_socket_is_a_clear_error(tmp_path) -> None:
    path = tmp_path / "mute.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(5)
    try:
        with pytest.raises(EngineError, match="Cannot reach the Docker Engine"):
            sdk.connect({"docker_host": f"unix://{path}", "engine_timeout": 1})
    finally:
        listener.close()


def test_bad_scheme_and_timeout() -> None:
    with pytest.raises(EngineError, match="Cannot reach"):
        sdk.connect({"docker_host": "gopher://x", "engine_timeout": 1})
    with pytest.raises(EngineError, match="at least 1"):
        sdk.connect({"docker_host": "unix:///x", "engine_timeout": -1})


def test_wait_until_returns_what_it_saw() -> None:
    seen = iter(range(10))

    def third() -> tuple[bool, int]:
        value = next(seen)
        return value == 3, value

    waited = sdk.wait_until(third, timeout=5, interval=0.001)
    assert (waited.done, waited.seen) == (True, 3)


def test_wait_until_asks_at_least_once_and_ends() -> None:
    assert sdk.wait_until(lambda: (True, "x"), timeout=0).done
    waited = sdk.wait_until(lambda: (False, "not yet"), timeout=0.05, interval=0.01)
    assert (waited.done, waited.seen) == (False, "not yet")
    assert waited.seconds < 2


def test_conflicts_are_retried_a_bounded_number_of_times(monkeypatch) -> None:
    monkeypatch.setattr(sdk, "CONFLICT_PAUSE", 0)
    calls: list[int] = []

    def always() -> None:
        calls.append(1)
        raise sdk.Refused("rpc error: code = Unknown desc = update out of sequence")

    with pytest.raises(sdk.Refused):
        sdk.retry_conflicts(always)
    assert len(calls) == sdk.CONFLICT_ATTEMPTS

    def other() -> None:
        raise sdk.Refused("other")

    with pytest.raises(sdk.Refused, match="other"):
        sdk.retry_conflicts(other)


class Client:
    """The SDK's client as far as ``sdk.py`` reaches into it; it keeps what it was asked."""

    _version = "1.44"

    def __init__(self) -> None:
        self.asked: list[tuple] = []

    def _url(self, path: str, *names: str) -> str:
        return path.format(*names)

    def _get(self, url: str, params: dict) -> tuple:
        return url, params

    def _post_json(self, url: str, data: dict, params: dict | None = None) -> str:
        self.asked.append((url, data, params))
        return "answer"

    def _raise_for_status(self, answer: str) -> None:
        assert answer == "answer"

    def _result(self, answer: tuple, json: bool) -> list:
        return [answer, json]


def test_what_the_sdk_does_not_know_is_sent_as_it_is() -> None:
    client = Client()
    sdk.create_container(client, "web", {"Image": "i"})
    sdk.connect_container(client, "c1", "blue", {"Aliases": ["a"]})
    sdk.create_service(client, {"Name": "s"})
    sdk.change_service(client, "s1", 7, {"Name": "s"})
    assert client.asked == [
        ("/containers/create", {"Image": "i"}, {"name": "web"}),
        ("/networks/blue/connect", {"Container": "c1", "EndpointConfig": {"Aliases": ["a"]}}, None),
        ("/services/create", {"Name": "s"}, None),
        ("/services/s1/update", {"Name": "s"}, {"version": 7, "registryAuthFrom": "spec"}),
    ]


def test_tasks_are_asked_for_by_any_filter() -> None:
    asked = sdk.tasks_by(Client(), {"runtime": ("container", "plugin")})
    assert asked == [("/tasks", {"filters": '{"runtime": ["container", "plugin"]}'}), True]


def test_the_version_of_the_api_is_compared_by_numbers() -> None:
    assert sdk.api_version(Client()) == (1, 44) > (1, 9)
