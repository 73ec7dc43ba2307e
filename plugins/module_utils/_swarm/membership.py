# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Create, join or leave a swarm, and wait until the engine confirms it."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import time
import typing as t

from .._engine.client import Engine, Refused
from .._engine.transport import EngineError
from .._host import split_port
from . import place
from .place import Place

SECOND = 1000000000  # the engine's durations are nanoseconds
GOES_ON = "will continue in the background"  # the engine's text for a join that takes longer than its own limit of 20 s
# gRPC's codes, in the engine's text, for managers that were not reached in time: they are busy, or many nodes join at once.
NOT_REACHED = ("code = Unavailable", "code = DeadlineExceeded")
LEAVING = 30  # seconds for an engine to be in no swarm after it was told to leave
ATTEMPTS, PAUSE = 5, 5  # to join where they were not reached; seconds between two
Params = t.Mapping[str, t.Any]


def declare(engine: Engine, params: Params, check_mode: bool) -> dict[str, t.Any]:
    """Reach ``state``; the module's result."""
    now = _ask_to_leave(engine, params) if params["state"] == "absent" else place.ask(engine)
    changes = CHANGES[params["state"]](now, params)
    if changes and not check_mode:
        now = ACTIONS[params["state"]](engine, params, now)
    return {"changed": changes, "swarm": now}


def _is_to_be_made(now: Place, params: Params) -> bool:
    if now["state"] == "inactive":
        return True
    if now["state"] == "active" and now["manager"]:
        return False
    raise _unfit(now, "make a swarm")


def _is_to_join(now: Place, params: Params) -> bool:
    if now["state"] in ("inactive", "pending"):
        return True
    if now["state"] != "active":
        raise _unfit(now, "join a swarm")
    if not set(now["manager_ids"]) & set(params["manager_ids"]):
        raise EngineError(
            f"{now['hostname']} is in another swarm already, as node {now['node_id']}, with managers {', '.join(now['managers'])}. Nothing was changed."
        )
    return False


def _is_to_leave(now: Place, params: Params) -> bool:
    if now["state"] == "inactive":
        return False
    if not now["node_id"]:
        raise EngineError(
            f"{now['hostname']} does not say which node of its swarm it is: its engine is {now['state']} in a swarm. Nothing was changed. Run this"
            " again when the engine knows; if it never does, run 'docker swarm leave --force' there."
        )
    if now["node_id"] != params["node_id"]:
        raise EngineError(
            f"{now['hostname']} is node {now['node_id']} of its swarm, and the node to leave is {params['node_id']}. Nothing was changed."
        )
    return True


def _ask_to_leave(engine: Engine, params: Params) -> Place:
    """The host's place once it is in no swarm or says as which node: while its node starts anew an engine knows no id for a while."""
    return place.ask_until(
        engine, lambda now: now["state"] == "inactive" or bool(now["node_id"]), params["timeout"]
    ).seen


def _unfit(now: Place, what: str) -> EngineError:
    told = f" ({now['error']})" if now["error"] else ""
    return EngineError(
        f"{now['hostname']} cannot {what}: its engine says that it is {now['state']} in a swarm{told}. Nothing was changed."
    )


def make(engine: Engine, params: Params, now: Place) -> Place:
    """Create a swarm. Options that are not given are left to the engine, with its documented defaults."""
    spec: dict[str, t.Any] = dict(_addresses(params), ForceNewCluster=False, Spec={})
    for key, option in (
        ("DataPathPort", "data_path_port"),
        ("DefaultAddrPool", "default_addr_pool"),
        ("SubnetSize", "subnet_size"),
    ):
        if params[option]:
            spec[key] = params[option]
    if params["dispatcher_heartbeat"]:
        spec["Spec"] = {"Dispatcher": {"HeartbeatPeriod": params["dispatcher_heartbeat"] * SECOND}}
    try:
        engine.call("POST", "/swarm/init", body=spec)
    except Refused as error:
        raise EngineError(f"{now['hostname']} could not make a swarm. The engine says: {error.message}") from error
    return _active(_when_decided(engine, params["timeout"]), params["timeout"])


def join(engine: Engine, params: Params, now: Place) -> Place:
    """Join a swarm, or continue to wait for an earlier join. Where the managers were not reached in time it is tried again."""
    if now["state"] != "inactive":
        return _active(_when_decided(engine, params["timeout"]), params["timeout"])
    for option in ("remote_addrs", "join_token"):
        if not params[option]:
            raise EngineError(f"{option} is empty, so {now['hostname']} cannot join.")
    spec = dict(_addresses(params), RemoteAddrs=params["remote_addrs"], JoinToken=params["join_token"])
    deadline = time.monotonic() + params["timeout"]
    for attempt in range(1, ATTEMPTS + 1):
        found, reason = _try_to_join(engine, spec, max(0, deadline - time.monotonic()))
        if not reason:
            break
        if (
            attempt == ATTEMPTS
            or time.monotonic() + PAUSE > deadline
            or not any(code in reason for code in NOT_REACHED)
        ):
            raise EngineError(
                f"{now['hostname']} could not join the swarm at {', '.join(params['remote_addrs'])}. The engine says: {reason}."
                " Open 2377/tcp to the managers, 7946/tcp, 7946/udp and the data path port between all nodes, and compare their clocks."
            )
        time.sleep(PAUSE)
    return _active(found, params["timeout"])


def _try_to_join(engine: Engine, spec: dict[str, t.Any], seconds: float) -> tuple[Place, str]:
    """Where the host is after one attempt, and why it is in no swarm.

    After some failures the engine stays in a swarm that it never entered, in state error, and does not try again by
    itself. It was in none before, so it leaves again: the next attempt, or the next run, can join.
    """
    try:
        engine.call("POST", "/swarm/join", body=spec)
    except Refused as error:
        if GOES_ON not in error.message:
            return place.ask(engine), error.message
    found = _when_decided(engine, seconds)
    if found["state"] != "error":
        return found, ""
    engine.call("POST", "/swarm/leave", {"force": "true"})
    return found, found["error"]


def leave(engine: Engine, params: Params, now: Place) -> Place:
    """Leave by force. A manager has been demoted before, unless its swarm is to end. An engine that gives up its own wait may leave all the same."""
    told = ""
    try:
        engine.call("POST", "/swarm/leave", {"force": "true"})
    except Refused as error:
        told = f" The engine says: {error.message}"
    left = place.ask_until(engine, lambda found: found["state"] == "inactive", min(params["timeout"], LEAVING))
    if not left.done:
        raise EngineError(
            f"{now['hostname']} could not leave its swarm: its engine is still {left.seen['state']} in it.{told}"
        )
    return left.seen


def _active(now: Place, timeout: int) -> Place:
    """The place of a member. Raises EngineError where it did not become one within ``timeout`` seconds."""
    if now["state"] != "active":
        told = f" The engine says: {now['error']}." if now["error"] else ""
        raise EngineError(
            f"{now['hostname']} is not an active member after {timeout} s; its state is {now['state']}.{told} See its engine's log. A pending join"
            " continues by itself: run this again to wait for it."
        )
    return now


def _when_decided(engine: Engine, timeout: float) -> Place:
    """The host's place once it is neither pending nor, at the beginning, inactive; after ``timeout`` seconds as it is.

    On a busy machine, or with busy managers, a join takes longer than the engine itself waits for it.
    """
    return place.ask_until(engine, lambda now: now["state"] not in ("pending", "inactive"), timeout).seen


def _addresses(params: Params) -> dict[str, str]:
    advertise = meant(params["advertise_addr"], "advertise_addr")
    data_path = meant(params["data_path_addr"], "data_path_addr")
    every = "[::]" if is_ipv6(advertise) else "0.0.0.0"
    found = {
        "ListenAddr": f"{every}:{params['listen_port']}",
        "AdvertiseAddr": advertise,
        "DataPathAddr": split_port(data_path)[0],
    }
    return {key: value for key, value in found.items() if value}


def is_ipv6(text: str) -> bool:
    """Whether the address, with or without a port, is an IPv6 address."""
    return ":" in split_port(text)[0]


def meant(text: str | None, option: str) -> str:
    """The option's value as the engine accepts it: an address or an interface.

    The engine rejects DNS names, so a name is resolved here, on the node itself. Raises EngineError when it is not
    resolved to one address.
    """
    host, port = split_port(text or "")
    if not host or _is_address(host) or os.path.exists(f"/sys/class/net/{host}"):
        return text or ""
    try:
        found = sorted({str(entry[4][0]) for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)})
    except OSError as error:
        raise EngineError(
            f"{option} is {text}, which is neither an address, nor an interface of {socket.gethostname()}, nor a name that it can resolve: {error}."
        ) from error
    usable = [address for address in found if is_own(address)] or [
        address for address in found if not ipaddress.ip_address(address).is_loopback
    ]
    if len(usable) != 1:
        raise EngineError(
            f"{option} is {text}, which {socket.gethostname()} resolves to {', '.join(found)}. Give the address itself."
        )
    address = f"[{usable[0]}]" if port and ":" in usable[0] else usable[0]
    return f"{address}:{port}" if port else address


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_own(address: str) -> bool:
    """Whether the address is on one of the host's interfaces and is no loopback address."""
    if ipaddress.ip_address(address).is_loopback:
        return False
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError as error:
            if error.errno not in (errno.EADDRNOTAVAIL, errno.EINVAL):
                raise
            return False
    return True


CHANGES = {"initialised": _is_to_be_made, "joined": _is_to_join, "absent": _is_to_leave}
ACTIONS = {"initialised": make, "joined": join, "absent": leave}
