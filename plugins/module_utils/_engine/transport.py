# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""What everything that talks to an engine shares, and what needs no SDK: importing that costs seconds on an emulated machine."""

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
Raw = t.Dict[str, t.Any]  # an object as the engine's API tells it

DROPPED_ATTEMPTS = 6
DROPPED_PAUSE = 0.5
QUEUE_PAUSE = 0.2


class EngineError(Exception):
    """Something about the engine stops us. C(message) says what, where, and what to do."""

    def __init__(self, message: str, **details: t.Any) -> None:
        super().__init__(message)
        self.message = message
        self.details: dict[str, t.Any] = details


class Waited(t.Generic[T]):
    """The outcome of a wait: whether it was met, what was last seen, and how long it took."""

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
    """Try a UNIX socket by itself: the SDK wraps the plain reasons until they cannot be told apart."""
    if not docker_host.startswith("unix://"):
        return
    path = "/" + docker_host[len("unix://") :].lstrip("/")
    knocker = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    knocker.settimeout(timeout)
    try:
        connect_unix(knocker, path, timeout)
    except socket.timeout as error:
        raise unanswered(docker_host, timeout) from error
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
    """Connect; where others that were not answered fill the queue, the kernel refuses at once, so try until the time is over."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            channel.connect(path)
            return
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                raise socket.timeout("the engine takes no connection") from error
            time.sleep(QUEUE_PAUSE)


def unanswered(docker_host: str, timeout: int) -> EngineError:
    return EngineError(
        f"No answer from the Docker Engine at {docker_host} within engine_timeout={timeout} s. Look at the daemon's log and load, "
        "or raise engine_timeout.",
        docker_host=docker_host,
        reason_code="engine-hangs",
    )


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
    """Run C(action), which only reads, again when the engine closes the connection instead of answering.

    Engine 26.1 panics over the verbose view of a network whose services are going (a nil in getLBIndex), and lives on.
    """
    for attempt in range(1, DROPPED_ATTEMPTS):
        try:
            return action()
        except dropped:
            time.sleep(DROPPED_PAUSE * attempt)
    return action()


def moment(text: str) -> int:
    """Seconds since 1970 of a time as the engine writes it, in UTC."""
    return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S"))


def wait_until(
    predicate: t.Callable[[], tuple[bool, T]],
    timeout: float,
    interval: float = 0.2,
    max_interval: float = 1.0,
) -> Waited[T]:
    """Call C(predicate) until its first value is true or C(timeout) seconds have passed.

    The second value is what it saw; the last one is returned. It is asked at least once, and once
    more at the end of the time, so that a time-out never rests on an old observation.
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
