# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The single entry to the Docker Engine through its SDK: connect, ask, wait, and turn failures into clear errors."""

from __future__ import annotations

import json
import socket
import sys
import time
import traceback
import typing as t

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine import transport
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.transport import (
    DEFAULT_DOCKER_HOST,
    DEFAULT_TIMEOUT,
    knock,
    unreachable,
)
from ansible_collections.swarmlab.overlay.plugins.module_utils._host import HostError, refuse_times

try:
    from docker import APIClient
    from docker.errors import APIError, DockerException, NotFound
    from requests.exceptions import ConnectionError as Disconnected
    from requests.exceptions import RequestException, Timeout

    SDK_TRACEBACK: str | None = None
except ImportError:
    # Stand-ins, so that this and every other module can name these types without the SDK.
    APIClient = object

    class APIError(Exception):  # type: ignore[no-redef]  # instead of the SDK's
        """Stand-in for docker.errors.APIError."""

    class DockerException(Exception):  # type: ignore[no-redef]  # instead of the SDK's
        """Stand-in for docker.errors.DockerException."""

    class NotFound(APIError):  # type: ignore[no-redef]  # instead of the SDK's
        """Stand-in for docker.errors.NotFound."""

    class RequestException(Exception):  # type: ignore[no-redef]  # instead of the SDK's
        """Stand-in for requests.exceptions.RequestException."""

    class Disconnected(RequestException):  # type: ignore[no-redef]  # instead of the SDK's
        """Stand-in for requests.exceptions.ConnectionError."""

    class Timeout(RequestException):  # type: ignore[no-redef]  # instead of the SDK's
        """Stand-in for requests.exceptions.Timeout."""

    SDK_TRACEBACK = traceback.format_exc()

T = t.TypeVar("T")

__all__ = (
    "APIClient",
    "EngineError",
    "NotFound",
    "Raw",
    "Refused",
    "RequestException",
    "api_version",
    "as_engine_error",
    "change_service",
    "change_swarm",
    "connect",
    "connect_container",
    "create_container",
    "create_service",
    "engine_argument_spec",
    "explain",
    "is_conflict",
    "manager_addresses",
    "manager_problem",
    "require_manager",
    "retry_conflicts",
    "retry_dropped",
    "run_module",
    "tasks_by",
    "wait_until",
)

# Parts of this entry that need no SDK, for its importers.
Refused = APIError  # as client.py calls it
EngineError = transport.EngineError
Raw = transport.Raw
engine_argument_spec = transport.engine_argument_spec
wait_until = transport.wait_until


CONFLICT_ATTEMPTS = 6
CONFLICT_PAUSE = 0.3

NOT_IN_SWARM_ADVICE = "Run the role swarmlab.overlay.swarm, or 'docker swarm init' / 'docker swarm join', first."


def connect(params: t.Mapping[str, t.Any]) -> APIClient:
    """Connect to the engine's API at C(docker_host). Raises EngineError with the reason."""
    docker_host = params.get("docker_host") or DEFAULT_DOCKER_HOST
    timeout = params.get("engine_timeout") or DEFAULT_TIMEOUT
    if SDK_TRACEBACK is not None:
        raise EngineError(
            missing_required_lib("docker (Docker SDK for Python)", url="https://docker-py.readthedocs.io/")
            + f" On Debian and Ubuntu: 'apt-get install python3-docker' for {sys.executable}.",
            exception=SDK_TRACEBACK,
        )
    if timeout < 1:
        raise EngineError(f"engine_timeout must be at least 1 second, not {timeout}.")
    knock(docker_host, timeout)
    try:
        return APIClient(base_url=docker_host, version="auto", timeout=timeout)
    except (DockerException, RequestException) as error:
        raise unreachable(docker_host, str(error)) from error


def api_version(client: APIClient) -> tuple[int, ...]:
    """The version of the API in use with this engine."""
    return tuple(int(part) for part in client._version.split("."))


def tasks_by(client: APIClient, filters: t.Mapping[str, t.Sequence[str]]) -> list[Raw]:
    """Tasks, with filters that the SDK's own call does not support."""
    answer = client._get(client._url("/tasks"), params={"filters": json.dumps(filters)})
    found: list[Raw] = client._result(answer, True)
    return found


def create_container(client: APIClient, name: str, spec: Raw) -> None:
    """Create a container.

    The specification is sent as it is, because the SDK's calls support fewer fields than the API.
    """
    _send(client, client._url("/containers/create"), spec, {"name": name})


def connect_container(client: APIClient, container: str, network: str, endpoint: Raw) -> None:
    """Attach a container to a network with these endpoint settings."""
    _send(client, client._url("/networks/{0}/connect", network), {"Container": container, "EndpointConfig": endpoint})


def create_service(client: APIClient, spec: Raw) -> None:
    """Create a service. Without the header C(version), the engine does not resolve the image's digest at a registry."""
    _send(client, client._url("/services/create"), spec)


def change_service(client: APIClient, service: str, version: int, spec: Raw) -> None:
    """Update a service's specification. Refused when the service has changed since this version."""
    url = client._url("/services/{0}/update", service)
    _send(client, url, spec, {"version": version, "registryAuthFrom": "spec"})


def change_swarm(client: APIClient, version: int, spec: Raw, rotate: t.Mapping[str, bool]) -> None:
    """Update the swarm's specification, and make the secrets in C(rotate) anew. Older SDKs cannot rotate the unlock key."""
    flags = {key: "true" for key, wanted in rotate.items() if wanted}
    _send(client, client._url("/swarm/update"), spec, {"version": version, **flags})


def _send(client: APIClient, url: str, data: Raw, params: Raw | None = None) -> None:
    client._raise_for_status(client._post_json(url, data=data, params=params))


def manager_addresses(info: t.Mapping[str, t.Any]) -> list[str]:
    """The addresses of the managers that an engine knows, from its /info."""
    remotes = (info.get("Swarm") or {}).get("RemoteManagers") or []
    return sorted({manager.get("Addr", "") for manager in remotes} - {""})


def require_manager(client: APIClient) -> dict[str, t.Any]:
    """The /info of a manager. Raises EngineError when this node is not one."""
    info: dict[str, t.Any] = client.info()
    error = manager_problem(info)
    if error is not None:
        raise error
    return info


def manager_problem(info: t.Mapping[str, t.Any]) -> EngineError | None:
    """Why the engine that gave this /info cannot act as a manager, or None when it can."""
    swarm = info.get("Swarm") or {}
    node = info.get("Name") or "this node"
    state = swarm.get("LocalNodeState") or "inactive"
    if state == "locked":
        return EngineError(f"The swarm on {node} is locked: run 'docker swarm unlock' there with its unlock key.")
    if state == "inactive":
        return EngineError(f"Node {node} is not in a swarm. {NOT_IN_SWARM_ADVICE}", node=node, swarm_state=state)
    if swarm.get("ControlAvailable"):
        return None
    if state in ("pending", "error"):
        reason = swarm.get("Error") or "no reason given by the engine"
        return EngineError(
            f"Node {node} is in swarm state '{state}': {reason}. See its Docker daemon's log.",
            node=node,
            swarm_state=state,
        )
    managers = manager_addresses(info)
    named = ", ".join(managers) or "none known"
    return EngineError(
        f"Node {node} is a worker, and this needs a manager. Managers of its swarm: {named}. "
        "Run the task on one of them (for example with delegate_to).",
        node=node,
        managers=managers,
        swarm_state=state,
    )


def is_conflict(error: Exception) -> bool:
    """Whether swarmkit refused an update because of a concurrent update of the object."""
    return "update out of sequence" in str(error)


def retry_conflicts(action: t.Callable[[], T], attempts: int = CONFLICT_ATTEMPTS) -> T:
    """Run C(action) again after 'update out of sequence'. It must read the object's version itself."""
    for attempt in range(1, attempts):
        try:
            return action()
        except Refused as error:
            if not is_conflict(error):
                raise
            time.sleep(CONFLICT_PAUSE * attempt)
    return action()


def retry_dropped(action: t.Callable[[], T]) -> T:
    """Run the read-only C(action) again when the engine closes the connection instead of answering."""
    return transport.retry_dropped(action, Disconnected)


def explain(error: Exception) -> str:
    """The engine's text of an API error, in one line."""
    text = getattr(error, "explanation", None) or str(error)
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    return " ".join(str(text).split())


def as_engine_error(error: Exception, params: t.Mapping[str, t.Any]) -> EngineError:
    """An error of the SDK or the connection as an EngineError that names the place and the remedy."""
    docker_host = params.get("docker_host") or DEFAULT_DOCKER_HOST
    where = f"the Docker Engine on {socket.gethostname()} at {docker_host}"
    if isinstance(error, Timeout):
        limit = params.get("engine_timeout") or DEFAULT_TIMEOUT
        return EngineError(
            f"No answer from {where} within engine_timeout={limit} s. "
            "Look at the daemon's log and load, or raise engine_timeout.",
            docker_host=docker_host,
        )
    if isinstance(error, Refused):
        return EngineError(f"{where[0].upper()}{where[1:]} refused: {explain(error)}", docker_host=docker_host)
    return unreachable(docker_host, str(error))


def run_module(module: AnsibleModule, function: t.Callable[[AnsibleModule, APIClient], dict[str, t.Any]]) -> None:
    """Connect, run C(function), and exit the module with its result or with one clear message."""
    try:
        refuse_times(module.params)
        client = connect(module.params)
        try:
            result = function(module, client)
        finally:
            client.close()
    except EngineError as error:
        module.fail_json(msg=error.message, **error.details)
    except HostError as error:
        module.fail_json(msg=error.message)
    except (Refused, DockerException, RequestException) as error:
        module.fail_json(msg=as_engine_error(error, module.params).message)
    else:
        module.exit_json(**result)
