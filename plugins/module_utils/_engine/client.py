# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's API calls that a verification needs, over the engine's socket and without an SDK.

Private to swarmlab.overlay. The import of the SDK takes longer than a whole phase on an emulated machine, and nodes
in production seldom have it. The calls have the SDK's names.
"""

from __future__ import annotations

import copy
import http.client
import json
import os
import socket
import typing as t
from urllib.parse import quote, urlencode, urlsplit

from .transport import (
    DEFAULT_DOCKER_HOST,
    DEFAULT_TIMEOUT,
    EngineError,
    Raw,
    Unanswered,
    connect_unix,
    knock,
    retry_dropped,
    unreachable,
)

GLIMPSE = 8  # seconds: a busy machine takes a few for a plain answer


class Refused(Exception):
    """The engine answered with an error; ``message`` is its text."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class NotFound(Refused):
    """The engine knows no such object."""


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a UNIX socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self.path = path
        self.seconds = timeout

    def connect(self) -> None:
        """Open the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.seconds)
        connect_unix(self.sock, self.path, self.seconds)


def failure(status: int, body: bytes) -> Refused:
    """The error in an answer of the API."""
    try:
        message = json.loads(body.decode("utf-8", "replace")).get("message")
    except (ValueError, AttributeError):
        message = None
    text = " ".join((message or body.decode("utf-8", "replace") or f"status {status}").split())
    return (NotFound if status == 404 else Refused)(status, text)


def attempt(job: t.Callable[[], t.Any]) -> dict[str, t.Any]:
    """What a job with the engine returned, as ``seen``; or why it could not, as ``msg`` with details for a module's failure."""
    try:
        return {"seen": job()}
    except EngineError as error:
        return {"msg": error.message, **error.details}
    except Refused as error:
        return {"msg": f"The Docker Engine on {os.uname().nodename} refused: {error.message}"}


class Engine:
    """An engine at ``unix://PATH``, ``tcp://HOST:PORT`` or ``http://HOST:PORT``."""

    def __init__(self, docker_host: str | None = None, timeout: int | None = None) -> None:
        self.docker_host = docker_host or DEFAULT_DOCKER_HOST
        self.timeout = timeout or DEFAULT_TIMEOUT
        if self.timeout < 1:
            raise EngineError(f"engine_timeout must be at least 1 second, not {self.timeout}.")
        knock(self.docker_host, self.timeout)

    def within(self, seconds: int) -> Engine:
        """The same engine with at most this time limit, in seconds."""
        other = copy.copy(self)
        other.timeout = min(self.timeout, seconds)
        return other

    def _connection(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.docker_host)
        if parts.scheme == "unix":
            return _UnixConnection("/" + self.docker_host[len("unix://") :].lstrip("/"), self.timeout)
        if parts.scheme in ("tcp", "http") and parts.hostname:
            return http.client.HTTPConnection(parts.hostname, parts.port or 2375, timeout=self.timeout)
        raise EngineError(f"docker_host: {self.docker_host} is neither unix://PATH nor tcp://HOST:PORT.")

    def call(self, method: str, path: str, query: t.Mapping[str, t.Any] | None = None, body: t.Any = None) -> t.Any:
        """The engine's answer: JSON as data, None without content.

        ``body``: bytes are sent as they are, anything else as JSON. Raises Refused, or EngineError without an answer.
        """
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/x-tar" if isinstance(body, bytes) else "application/json"}
        target = path + ("?" + urlencode(query, doseq=True) if query else "")

        def ask() -> tuple[http.client.HTTPResponse, bytes]:
            connection = self._connection()
            try:
                connection.request(method, target, content, headers)
                answer = connection.getresponse()
                return answer, answer.read()
            finally:
                connection.close()

        try:
            answer, data = retry_dropped(ask, http.client.RemoteDisconnected) if method == "GET" else ask()
        except socket.timeout as error:
            raise Unanswered(self.docker_host, self.timeout, f"{method} {path}") from error
        except (OSError, http.client.HTTPException) as error:
            raise unreachable(self.docker_host, str(error)) from error
        if answer.status >= 400:
            raise failure(answer.status, data)
        is_json = (answer.getheader("Content-Type") or "").startswith("application/json")
        return json.loads(data.decode()) if data and is_json else None

    def _get(self, path: str, query: t.Mapping[str, t.Any] | None = None) -> Raw:
        """One object."""
        found: Raw = self.call("GET", path, query)
        return found

    def _list(self, path: str, query: t.Mapping[str, t.Any] | None = None) -> list[Raw]:
        """Objects; the API returns null when there are none."""
        found: list[Raw] | None = self.call("GET", path, query)
        return found or []

    def _create(self, path: str, spec: Raw, query: t.Mapping[str, t.Any] | None = None) -> Raw:
        """The engine's answer to a create call."""
        told: Raw = self.call("POST", path, query, spec)
        return told

    def info(self) -> Raw:
        """The engine and its state in the swarm."""
        return self._get("/info")

    def has_image(self, name: str) -> bool:
        """Whether the image is on this node."""
        try:
            self.call("GET", f"/images/{quote(name)}/json")
        except NotFound:
            return False
        return True

    def import_image(self, content: bytes, repository: str, tag: str, changes: list[str]) -> None:
        """Make an image of one layer from a tar archive."""
        self.call(
            "POST", "/images/create", {"fromSrc": "-", "repo": repository, "tag": tag, "changes": changes}, content
        )

    def can_pull(self, name: str) -> bool:
        """Whether a registry that this engine reaches has the image."""
        try:
            self.call("GET", f"/distribution/{quote(name)}/json")
        except (Refused, EngineError):
            return False
        return True

    def tag_image(self, name: str, repository: str, tag: str) -> None:
        """Give an image one more name."""
        self.call("POST", f"/images/{quote(name)}/tag", {"repo": repository, "tag": tag})

    def untag_image(self, name: str) -> None:
        """Take a name from an image; the image goes with its last name. One that containers use keeps it."""
        self.call("DELETE", f"/images/{quote(name)}", {"force": "false", "noprune": "true"})

    def inspect_node(self, node: str) -> Raw:
        """One node of the swarm; managers only."""
        return self._get(f"/nodes/{node}")

    def update_node(self, node: str, version: int, spec: Raw) -> None:
        """Change a node. Raises Refused when the node has changed since this version."""
        self.call("POST", f"/nodes/{node}/update", {"version": version}, spec)

    def nodes(self) -> list[Raw]:
        """Every node of the swarm; managers only."""
        return self._list("/nodes")

    def inspect_swarm(self) -> Raw:
        """The swarm; managers only."""
        return self._get("/swarm")

    def networks(self, filters: t.Mapping[str, t.Any] | None = None) -> list[Raw]:
        """The networks that this engine knows."""
        return self._list("/networks", _filters(filters))

    def inspect_network(self, network: str, verbose: bool = False) -> Raw:
        """One network; ``verbose`` adds this node's gossip tables."""
        return self._get(f"/networks/{quote(network)}", {"verbose": "true"} if verbose else None)

    def create_network(self, spec: Raw) -> str:
        """Create a network; its id."""
        return str(self._create("/networks/create", spec)["Id"])

    def remove_network(self, network: str) -> None:
        """Remove a network."""
        self.call("DELETE", f"/networks/{network}")

    def connect_container(self, container: str, network: str) -> None:
        """Attach a container to one more network."""
        self.call("POST", f"/networks/{quote(network)}/connect", body={"Container": container})

    def services(self, filters: t.Mapping[str, t.Any] | None = None) -> list[Raw]:
        """Services of the swarm."""
        return self._list("/services", _filters(filters))

    def inspect_service(self, service: str) -> Raw:
        """One service."""
        return self._get(f"/services/{service}")

    def create_service(self, spec: Raw) -> str:
        """Create a service; its id."""
        return str(self._create("/services/create", spec)["ID"])

    def remove_service(self, service: str) -> None:
        """Remove a service; one that no longer exists is fine."""
        try:
            self.call("DELETE", f"/services/{service}")
        except NotFound:
            return

    def tasks(self, filters: t.Mapping[str, t.Any] | None = None) -> list[Raw]:
        """Tasks of the swarm."""
        return self._list("/tasks", _filters(filters))

    def attachments(self) -> list[Raw]:
        """Tasks that stand for containers which no service started; the list of tasks leaves them out."""
        return self.tasks({"runtime": ["attachment"]})

    def containers(self, filters: t.Mapping[str, t.Any], every: bool = False) -> list[Raw]:
        """Local containers; ``every`` includes those that do not run."""
        return self._list("/containers/json", dict(_filters(filters) or {}, all="true" if every else "false"))

    def inspect_container(self, container: str) -> Raw:
        """One local container."""
        return self._get(f"/containers/{container}/json")

    def glimpse(self, container: str) -> Raw | None:
        """One local container, if it is there and the engine tells of it soon.

        While the engine is at work on a container, it tells nothing of this one: it locks it for as long as a start takes, say, or
        a 'docker cp'. That is no engine that hangs.
        """
        try:
            return self.within(GLIMPSE).inspect_container(container)
        except (NotFound, Unanswered):
            return None

    def create_container(self, name: str, spec: Raw) -> str:
        """Create a container; its id."""
        return str(self._create("/containers/create", spec, {"name": name})["Id"])

    def start(self, container: str) -> None:
        """Start a container."""
        self.call("POST", f"/containers/{container}/start")

    def remove_container(self, container: str) -> None:
        """Remove a container, running or not."""
        try:
            self.call("DELETE", f"/containers/{container}", {"force": "true", "v": "true"})
        except NotFound:
            return


def _filters(filters: t.Mapping[str, t.Any] | None) -> dict[str, str] | None:
    """Filters as the API expects them: lists of strings in JSON."""
    if not filters:
        return None
    lists = {key: value if isinstance(value, list) else [value] for key, value in filters.items()}
    return {"filters": json.dumps(lists)}
