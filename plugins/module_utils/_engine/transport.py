# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Code shared by everything that talks to an engine.

It needs no SDK, whose import takes seconds on an emulated machine.
"""

from __future__ import annotations

import calendar
import os
import socket
import time
import typing as t

from ansible.module_utils.basic import env_fallback

DEFAULT_DOCKER_HOST = "unix:///var/run/docker.sock"
DEFAULT_TIMEOUT = 60


T = t.TypeVar("T")
Raw = t.Dict[str, t.Any]  # an object of the engine's API

DROPPED_ATTEMPTS = 6
DROPPED_PAUSE = 0.5
QUEUE_PAUSE = 0.2

# What swarmkit and etcd's raft say while the managers change their leader, in lower case (engines 20.10 to 28.5).
LEADER_CHANGE = (
    "does not have a leader",
    "no elected cluster leader",
    "lost leader",
    "not the leader",
    "leader is unknown",
    "raft:",
    "raft proposal dropped",
)


class EngineError(Exception):
    """A problem with the engine. C(message) says what is wrong, where, and what to do."""

    def __init__(self, message: str, **details: t.Any) -> None:
        super().__init__(message)
        self.message = message
        self.details: dict[str, t.Any] = details


class Unanswered(EngineError):
    """The engine takes connections, and did not answer within C(timeout) seconds. C(request): what it was asked."""

    def __init__(self, docker_host: str, timeout: int, request: str = "") -> None:
        asked = f" to '{request}'" if request else ""
        super().__init__(
            f"No answer from the Docker Engine at {docker_host}{asked} within engine_timeout={timeout} s. Look at the daemon's log and "
            "load, or raise engine_timeout.",
            docker_host=docker_host,
            reason_code="engine-hangs",
        )


class Waited(t.Generic[T]):
    """The outcome of a wait: whether the condition was met, the last value seen, and the time it took in seconds."""

    def __init__(self, done: bool, seen: T, seconds: float) -> None:
        self.done = done
        self.seen = seen
        self.seconds = seconds


def engine_argument_spec() -> dict[str, dict[str, t.Any]]:
    """Options of every module that talks to an engine (documented in the doc fragment C(engine))."""
    return {
        "docker_host": {
            "type": "str",
            "default": DEFAULT_DOCKER_HOST,
            "fallback": (env_fallback, ["DOCKER_HOST"]),
        },
        "engine_timeout": {"type": "int", "default": DEFAULT_TIMEOUT},
    }


def knock(docker_host: str, timeout: int) -> None:
    """Test a UNIX socket directly, since the SDK hides the plain reason of a failure. ``timeout`` in seconds."""
    if not docker_host.startswith("unix://"):
        return
    path = "/" + docker_host[len("unix://") :].lstrip("/")
    knocker = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    knocker.settimeout(timeout)
    try:
        connect_unix(knocker, path, timeout)
    except socket.timeout as error:
        raise Unanswered(docker_host, timeout) from error
    except FileNotFoundError as error:
        raise unreachable(docker_host, "the socket does not exist (is Docker installed and running?)") from error
    except ConnectionRefusedError as error:
        raise unreachable(docker_host, "nothing listens on the socket; is the Docker daemon running?") from error
    except PermissionError as error:
        raise unreachable(
            docker_host, f"user id {os.geteuid()} may not open the socket; use 'become: true' or the group docker"
        ) from error
    except OSError as error:
        raise unreachable(docker_host, str(error)) from error
    finally:
        knocker.close()


def connect_unix(channel: socket.socket, path: str, timeout: float) -> None:
    """Connect within ``timeout`` seconds.

    The kernel refuses at once while the queue is full, so try again until then.
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            channel.connect(path)
            return
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                raise socket.timeout("the engine takes no connection") from error
            time.sleep(QUEUE_PAUSE)


def unreachable(docker_host: str, reason: str) -> EngineError:
    node = socket.gethostname()
    return EngineError(
        f"Cannot reach the Docker Engine on {node} at {docker_host}: {reason}. "
        "Start it ('systemctl start docker'), or correct docker_host.",
        docker_host=docker_host,
        reason=reason,
        reason_code="engine-stopped",
    )


def retry_dropped(action: t.Callable[[], T], dropped: type[Exception]) -> T:
    """Run the read-only C(action) again when the engine closes the connection instead of answering.

    Engine 26.1 panics over the verbose view of a network whose services are being removed (a nil in getLBIndex), and
    recovers.
    """
    for attempt in range(1, DROPPED_ATTEMPTS):
        try:
            return action()
        except dropped:
            time.sleep(DROPPED_PAUSE * attempt)
    return action()


def moment(text: str) -> int:
    """Seconds since 1970 (UTC) of a time in the engine's format."""
    return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S"))


def wait_until(
    predicate: t.Callable[[], tuple[bool, T]],
    timeout: float,
    interval: float = 0.2,
    max_interval: float = 1.0,
) -> Waited[T]:
    """Call C(predicate) until its first value is true or C(timeout) seconds have passed.

    The second value is an observation; the last one is returned. The predicate is called at least once, and once more
    at the end, so that a time-out never rests on an old observation.
    """
    start = time.monotonic()
    deadline = start + max(timeout, 0)
    pause = interval
    while True:
        last = time.monotonic() >= deadline
        done, seen = predicate()
        if done or last:
            return Waited(bool(done), seen, round(time.monotonic() - start, 3))
        time.sleep(max(0.0, min(pause, deadline - time.monotonic())))
        pause = min(pause * 1.5, max_interval)
