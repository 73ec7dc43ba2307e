# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run's objects on this node: its tasks' containers, and the helpers in their namespaces.

Private to swarmlab.overlay.
"""

from __future__ import annotations

import errno
import hashlib
import math
import os
import time
import typing as t

from .._engine.client import Engine, NotFound
from .._engine.transport import Raw
from .._host import read_text, split_port
from .._probe import background, overlay
from .._terms import GATEWAY
from . import objects, shapes

HOST_NAMESPACE = "/proc/self/ns/net"
MOUNTS = "/proc/self/mountinfo"
NAMESPACES = "/var/run/docker/netns"  # the default folder
APART = "com.docker.network.bridge.enable_icc"
MACHINE_ID = "/etc/machine-id"
ATTEMPTS = 3  # containers or tasks that ended before it is in vain to wait for one more
OVERDUE = 20.0  # seconds: how much later than all others a task may come in any case
REFUSED = 2  # of them that the kernel refused
# What a kernel has no room for, in the words of errno(3), which the engine passes on.
NO_ROOM = tuple(
    os.strerror(code).lower()
    for code in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM)
)


def outside(info: Raw) -> tuple[str, str] | None:
    """(reason, text) why the engine with this /info takes no part in a swarm; None if it does. Pure."""
    swarm, name = info.get("Swarm") or {}, info.get("Name")
    state, said = swarm.get("LocalNodeState") or "inactive", " ".join((swarm.get("Error") or "").split())
    if state == "active":
        return None
    if state == "locked":
        text = f"{name} is locked: its part of the swarm's state is encrypted. Run 'docker swarm unlock' there."
        return "swarm-locked", text
    if state == "pending":
        text = f"{name} is still joining its swarm (state: pending): {said or 'no manager has taken it in yet'}."
        return "join-pending", text
    if state == "inactive":
        text = (
            f"{name} is not an active member of a swarm (state: inactive{'; ' + said if said else ''}). Join it "
            "with role swarm, or take it out of the group."
        )
        return "not-in-swarm", text
    text = (
        f"{name} cannot take part in its swarm (state: {state}): {said or 'the engine gives no reason; its log does'}."
    )
    return "swarm-error", text


def peers(info: Raw, networks: list[Raw], inspect: t.Callable[[str], Raw]) -> list[str]:
    """The addresses of the other nodes that this one knows: of managers, and of those that share ingress with it."""
    found = {split_port(row.get("Addr") or "")[0] for row in info["Swarm"].get("RemoteManagers") or []}
    for network in networks:
        if network.get("Ingress"):
            found |= {row.get("IP") or "" for row in inspect(network["Id"]).get("Peers") or []}
    return sorted(found - {"", info["Swarm"].get("NodeAddr")})


def machine() -> str:
    """An identifier of this machine: its kernel's boot id, and the inode of the engine's host network namespace."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as handle:
        return f"{handle.read().strip()}/{os.stat(HOST_NAMESPACE).st_ino}"


def copied(info: Raw) -> dict[str, str]:
    """Identities that copies of a machine share, as digests, since machine-id(5) must not be disclosed."""
    told = {"machine-id": read_text(MACHINE_ID).strip(), "engine id": info.get("ID") or ""}
    return {what: hashlib.sha256(text.encode()).hexdigest()[:12] for what, text in told.items() if text}


def _labels(run: str, part: str) -> list[str]:
    """The labels of the run's objects of this part, as a filter has them."""
    return [f"{key}={value}" for key, value in objects.labels(run, part).items()]


def running(engine: Engine, run: str, part: str) -> tuple[bool, Raw]:
    """The network settings of the run's local container of this part, once it has a namespace; for ``wait_until``."""
    for found in engine.containers({"label": _labels(run, part), "status": "running"}):
        told = engine.glimpse(found["Id"])
        if told:
            settings: Raw = told["NetworkSettings"]
            return bool(settings["SandboxKey"]), settings
    return False, {}


def patience(timeout: float) -> float:
    """Seconds until a task that its node does not know is given up. A slow node takes long to make networks, before it makes a container."""
    return max(45.0, timeout / 3)


def left(seen: shapes.Turnout) -> float:
    """The seconds for which the rest is worth the wait, below 0 if no longer: where at least half of the tasks came, three times as
    long as the slowest of them took. Pure."""
    if seen["came"] >= seen["missing"] > 0:
        return max(OVERDUE, 3 * seen["took"]) - seen["waited"]
    return math.inf


def is_refused(text: str) -> bool:
    """Whether an error of the engine tells of something that the kernel has no room for. Pure."""
    return any(words in text.lower() for words in NO_ROOM)


class Arrival:
    """Whether it is in vain to wait for a container of the run: none came for a while, or several came and none stayed.

    What the kernel refuses twice is not waited for.
    """

    def __init__(self, engine: Engine, run: str, part: str, timeout: float) -> None:
        self._engine, self._run, self._part = engine, run, part
        self._until = time.monotonic() + patience(timeout)
        self._seen: set[str] = set()
        self._refused: set[str] = set()

    def look(self) -> tuple[bool, tuple[bool, Raw]]:
        """(whether to wait no longer, what ``running`` tells); for ``wait_until``."""
        found = running(self._engine, self._run, self._part)
        if found[0]:
            return True, found
        filters = {"label": _labels(self._run, self._part)}
        here = {row["Id"] for row in self._engine.containers(filters, every=True)}
        self._refused |= {ident for ident in here - self._refused if is_refused(_error(self._engine, ident))}
        self._seen |= here
        if len(self._refused) >= REFUSED:
            return True, found
        late = time.monotonic() > self._until
        return late and (not here or len(self._seen) > ATTEMPTS), found


def _error(engine: Engine, container: str) -> str:
    """Why a container did not start; empty if it did, still does, or is gone."""
    told = engine.glimpse(container) or {}
    return (told.get("State") or {}).get("Error") or ""


def ipv6(settings: Raw) -> dict[str, str]:
    """A container's IPv6 addresses by network, from its network settings. Pure."""
    endpoints = (settings.get("Networks") or {}).values()
    return {row["NetworkID"]: row["GlobalIPv6Address"] for row in endpoints if row.get("GlobalIPv6Address")}


def gateway(engine: Engine) -> shapes.Gateway | None:
    """The bridge through which tasks leave this node; None when there is none."""
    try:
        raw = engine.inspect_network(GATEWAY)
    except NotFound:
        return None
    subnets = [row["Subnet"] for row in (raw.get("IPAM") or {}).get("Config") or [] if row.get("Subnet")]
    apart = (raw.get("Options") or {}).get(APART) == "false"
    return {"subnets": subnets, "used": len(raw.get("Containers") or {}), "apart": apart}


def namespaces(engine: Engine) -> str:
    """The folder of the engine's network namespaces.

    It is below the engine's exec-root, which only its containers or the mounts show.
    """
    for found in engine.containers({"status": "running"}):
        told = engine.glimpse(found["Id"])
        key: str = told["NetworkSettings"]["SandboxKey"] if told else ""
        if key:
            return os.path.dirname(key)
    there = overlay.mounted(read_text(MOUNTS))
    return there[0] if len(there) == 1 else NAMESPACES


def start(
    errors: list[str],
    lease: background.Lease,
    name: str,
    job: background.Job,
    namespace: background.Step | None = None,
    alone: background.Step | None = None,
) -> None:
    """Start a helper. The reason of a failure is added to ``errors``."""
    reason = background.start(lease, name, job, namespace, alone)
    if reason:
        errors.append(f"{name}: {reason}")
