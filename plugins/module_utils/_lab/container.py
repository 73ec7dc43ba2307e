# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Driver container: nodes are containers of this machine's engine, each running an engine of its own.

Private to the collection swarmlab.overlay. Nodes share the machine's kernel, so what that lacks, they lack.
"""

from __future__ import annotations

import contextlib
import re
import sys
import time
import typing as t
from pathlib import Path

from . import recipe
from .driver import ABSENT, PAUSED, RUNNING, STARTING, STOPPED, Driver, Plan
from .errors import LabError
from .image import Image
from .spec import FIRST_ADDRESS, LabSpec, NodeSpec
from .state import LabRecord

try:
    import docker
    import docker.types
    import docker.utils
    from docker.errors import DockerException, NotFound
    from requests.exceptions import RequestException
except ImportError:
    HAVE_DOCKER = False
else:
    HAVE_DOCKER = True

LABEL = "swarmlab.overlay/lab"
FOLDER_LABEL = "swarmlab.overlay/lab-directory"
MANAGED_LABEL = "swarmlab.overlay/managed"
STOP_SECONDS = 20
# Numbers of include/uapi/linux/capability.h, in order.
CAPABILITIES = (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE"
    " NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN"
    " SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE"
    " MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
).split()


def container_name(lab: str, node: str) -> str:
    return f"swarmlab-{lab}-{node}"


def missing_capabilities(status: str) -> t.List[str]:
    """Capabilities outside the bounding set in a /proc/PID/status: containers cannot have these, asking is an error."""
    match = re.search(r"^CapBnd:\s*([0-9a-f]+)$", status, re.MULTILINE)
    mask = int(match.group(1), 16) if match else -1
    return [name for number, name in enumerate(CAPABILITIES) if not mask >> number & 1]


def connect() -> t.Any:
    """A client of this machine's engine, found by the environment as the docker command finds it."""
    if not HAVE_DOCKER:
        raise LabError("LAB-E-NOLIBRARY", package="docker", python=sys.executable)
    try:
        client = docker.APIClient(**docker.utils.kwargs_from_env(), version="auto", timeout=120)
        client.ping()
    except (DockerException, RequestException) as error:
        raise LabError("LAB-E-NOENGINE", reason=_shorten(error)) from error
    return client


def _shorten(error: Exception) -> str:
    """The last and telling part of the client's nested messages."""
    return (getattr(error, "explanation", None) or str(error)).strip().rstrip(".")


@contextlib.contextmanager
def translated(action: str) -> t.Iterator[None]:
    """Errors of the engine as errors of the lab."""
    try:
        yield
    except (DockerException, RequestException) as error:
        raise LabError("LAB-E-ENGINE", action=action, reason=_shorten(error)) from error


class ContainerDriver(Driver):
    """Containers. Everything is found again by its label, so a lost record loses nothing."""

    def __init__(self, spec: LabSpec, report: t.Callable[[str], None]) -> None:
        super().__init__(spec, report)
        self._api: t.Any = None

    @property
    def labels(self) -> t.Dict[str, str]:
        return {LABEL: self.spec.name, FOLDER_LABEL: str(self.spec.directory), MANAGED_LABEL: "true"}

    @property
    def network(self) -> str:
        return f"swarmlab-{self.spec.name}"

    @property
    def filters(self) -> t.Dict[str, t.Any]:
        return {"label": [f"{LABEL}={self.spec.name}", f"{FOLDER_LABEL}={self.spec.directory}"]}

    @property
    def api(self) -> t.Any:
        if self._api is None:
            self._api = connect()
        return self._api

    def preflight(self, plan: Plan) -> None:
        for node in plan.create:
            name = container_name(self.spec.name, node.name)
            try:
                found = self.api.inspect_container(name)
            except NotFound:
                continue
            owner = found["Config"]["Labels"].get(FOLDER_LABEL, "something else")
            if owner != str(self.spec.directory):
                raise LabError("LAB-E-ENGINE", action=f"create {name}", reason=f"the name belongs to {owner}")

    def _containers(self) -> t.Dict[str, t.Dict[str, t.Any]]:
        prefix = container_name(self.spec.name, "")
        return {
            entry["Names"][0].lstrip("/")[len(prefix) :]: entry
            for entry in self.api.containers(all=True, filters=self.filters)
        }

    def observe(self, names: t.Iterable[str]) -> t.Dict[str, str]:
        existing = self._containers()
        return {name: self._state(existing.get(name)) for name in names}

    def _state(self, entry: t.Optional[t.Dict[str, t.Any]]) -> str:
        if entry is None:
            return ABSENT
        if entry["State"] == "paused":
            return PAUSED
        if entry["State"] != "running":
            return STOPPED
        return RUNNING if self._says(entry["Id"], recipe.READY_MARK) else STARTING

    def _says(self, container: str, mark: str) -> bool:
        """Whether the node said this since it was started last."""
        started = self.api.inspect_container(container)["State"]["StartedAt"]
        since = time.mktime(time.strptime(started[:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone
        return mark.encode() in self.api.logs(container, since=int(since))

    def accelerator(self, image: Image) -> str:
        return "native"

    def configure(self, record: LabRecord) -> bool:
        return False

    def create(self, nodes: t.Sequence[NodeSpec], record: LabRecord, image: Image) -> None:
        with translated("prepare the lab's image and network"):
            self._ensure_image(image)
            self._ensure_network()
        for node in nodes:
            with translated(f"create {container_name(self.spec.name, node.name)}"):
                self._create(node, record, image)

    def _ensure_image(self, image: Image) -> None:
        name = f"swarmlab/node:{image.key}"
        if self.api.images(name=name):
            return
        self.report(f"importing the node image into this machine's engine as {name}")
        self.api.import_image_from_file(
            str(image.rootfs), repository="swarmlab/node", tag=image.key, changes=[f'LABEL {MANAGED_LABEL}="true"']
        )

    def _ensure_network(self) -> None:
        if self.api.networks(names=[f"^{self.network}$"]):
            return
        pool = docker.types.IPAMPool(
            subnet=str(self.spec.subnet), gateway=str(self.spec.subnet.network_address + FIRST_ADDRESS)
        )
        self.api.create_network(
            self.network,
            driver="bridge",
            ipam=docker.types.IPAMConfig(pool_configs=[pool]),
            labels=self.labels,
            attachable=False,
        )

    def _create(self, node: NodeSpec, record: LabRecord, image: Image) -> None:
        api = self.api
        others = [self.spec.node(entry.index) for entry in record.nodes.values()]
        # The engine's API has no word for systempaths=unconfined: the client sends empty lists instead.
        host = api.create_host_config(
            cap_add=["ALL"],
            cap_drop=missing_capabilities(Path("/proc/self/status").read_text(encoding="ascii")),
            security_opt=["seccomp=unconfined", "apparmor=unconfined"],
            cgroupns="host",
            binds=["/sys/fs/cgroup:/sys/fs/cgroup:rw"],
            device_cgroup_rules=["a *:* rwm"],
            tmpfs={"/run": "exec"},
            extra_hosts={other.name: other.address for other in others},
            network_mode=self.network,
        )
        host.update(MaskedPaths=[], ReadonlyPaths=[])
        api.create_container(
            f"swarmlab/node:{image.key}",
            name=container_name(self.spec.name, node.name),
            hostname=node.name,
            command=["/usr/local/lib/swarmlab/container-init"],
            labels=self.labels,
            volumes=["/var/lib/docker"],
            host_config=host,
            networking_config=api.create_networking_config(
                {self.network: api.create_endpoint_config(ipv4_address=node.address)}
            ),
        )

    def start(self, nodes: t.Sequence[NodeSpec], record: LabRecord, image: Image) -> None:
        existing = self._containers()
        for node in nodes:
            name = container_name(self.spec.name, node.name)
            with translated(f"start {name}"):
                if existing.get(node.name, {}).get("State") == "paused":
                    self.api.unpause(name)
                else:
                    self.api.start(name)

    def wait_ready(self, nodes: t.Sequence[NodeSpec], record: LabRecord) -> None:
        started = time.monotonic()
        waiting = [node.name for node in nodes]
        while waiting:
            existing = self._containers()
            for name in list(waiting):
                log = f"'docker logs {container_name(self.spec.name, name)}'"
                entry = existing.get(name)
                if entry is None or entry["State"] != "running":
                    raise LabError("LAB-E-DIED", node=name, reason=self._last_words(entry), log=log)
                if self._says(entry["Id"], recipe.FAILED_MARK):
                    raise LabError("LAB-E-UNREADY", node=name, log=log)
                if self._says(entry["Id"], recipe.READY_MARK):
                    waiting.remove(name)
                    self.report(f"{name}: ready after {time.monotonic() - started:.0f} s")
            if waiting and time.monotonic() - started > self.spec.boot_timeout:
                raise LabError(
                    "LAB-E-TIMEOUT",
                    nodes=", ".join(waiting),
                    seconds=self.spec.boot_timeout,
                    waiting="their engines",
                    log="'docker logs'",
                )
            time.sleep(0.2)

    def _last_words(self, entry: t.Optional[t.Dict[str, t.Any]]) -> str:
        if entry is None:
            return "the container is gone"
        text = self.api.logs(entry["Id"], tail=3).decode("utf-8", "replace")
        return " | ".join(text.split("\n")).strip(" |") or entry["Status"]

    def stop(self, names: t.Iterable[str]) -> None:
        names = [container_name(self.spec.name, name) for name in names]
        if names:
            with translated("stop the nodes"):
                for name in names:
                    if self.api.inspect_container(name)["State"]["Paused"]:
                        self.api.unpause(name)
                    self.api.stop(name, timeout=STOP_SECONDS)

    def discard(self, names: t.Iterable[str]) -> None:
        existing = self._containers()
        for name in names:
            if name in existing:
                self.api.remove_container(existing[name]["Id"], force=True, v=True)

    def leftovers(self) -> t.List[str]:
        return sorted(self._containers())

    def remove(self) -> None:
        with translated("remove the lab"):
            self.discard(self.leftovers())
            for network in self.api.networks(filters=self.filters):
                self.api.remove_network(network["Id"])
