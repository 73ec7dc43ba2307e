# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Driver container: nodes are containers of this machine's engine, each with an engine of its own inside.

Private to the collection swarmlab.overlay. Nodes share the machine's kernel and its limitations.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import time
import typing as t
from pathlib import Path

from ...module_utils._terms import MANAGED_LABEL
from . import recipe, thaw
from .driver import ABSENT, PAUSED, RUNNING, STARTING, STOPPED, Answer, Driver, Images, Plan
from .errors import LabError
from .faults import FaultSpec, fault_tables, nftables, table_name
from .image import Image, locked
from .options import bad
from .spec import FIRST_ADDRESS, LabSpec, NodeSpec
from .state import LabRecord
from .tools import interfaces_within

try:
    import docker
    import docker.types
    import docker.utils
    from docker.errors import APIError, DockerException, NotFound
    from requests.exceptions import RequestException
except ImportError:
    HAVE_DOCKER = False
else:
    HAVE_DOCKER = True

LABEL = "swarmlab.overlay/lab"
FOLDER_LABEL = "swarmlab.overlay/lab-directory"
STOP_SECONDS = 20
# Where processes begin while the kernel freezes a control group (cgroup v1), some of them escape. runc gives up after a while, thaws
# what it froze, and leaves it to its caller to try again (opencontainers/runc#4388, moby/moby#48205).
FREEZE_TRIES = 5
BUSY_FREEZE = "unable to freeze"
NEIGHBOURS = Path("/proc/sys/net/ipv4/neigh/default/gc_thresh3")
DEFAULT_ENGINE = "unix:///var/run/docker.sock"
CARD = "eth0"  # a node's interface on the lab's network
# The node itself removes a fault after its time, so that it ends without the controller too.
GIVE_FAULT = 'printf "%s" "$INPUT" | nft -f - && { setsid sh -c "sleep $2; nft delete table inet $1" >/dev/null 2>&1 </dev/null & }'
CONSOLE_LINES = 50000
# Numbers of include/uapi/linux/capability.h, in order.
CAPABILITIES = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
]


def container_name(lab: str, node: str) -> str:
    return f"swarmlab-{lab}-{node}"


def missing_capabilities(status: str) -> list[str]:
    """Capabilities outside the bounding set in a /proc/PID/status.

    Containers cannot have them, and requesting one is an error.
    """
    match = re.search(r"^CapBnd:\s*([0-9a-f]+)$", status, re.MULTILINE)
    mask = int(match.group(1), 16) if match else -1
    return [name for number, name in enumerate(CAPABILITIES) if not mask >> number & 1]


def refuse_crowd(nodes: int, limit: int | None) -> None:
    """Raise LabError where the nodes would overflow the kernel's table of neighbours, which all containers share. Pure.

    Gossip makes every node speak to every other. When the table is full, packets get "no route to host" here and there, and some nodes never
    join. ``limit``: net.ipv4.neigh.default.gc_thresh3; None if it is not known.
    """
    needed = nodes * (nodes + 1)
    if limit is not None and needed > limit:
        raise LabError("LAB-E-NEIGHBOURS", nodes=nodes, needed=needed, limit=limit, more=2 * needed)


def neighbours_limit() -> int | None:
    """How many neighbours the kernel of this machine keeps; None where another machine's engine makes the nodes, or nothing tells it."""
    if not (os.environ.get("DOCKER_HOST") or DEFAULT_ENGINE).startswith("unix:"):
        return None
    try:
        return int(NEIGHBOURS.read_text(encoding="ascii"))
    except FileNotFoundError:
        return None  # in a network namespace that is not the machine's first one


def connect(timeout: int = 120) -> t.Any:
    """A client of this machine's engine, configured by the environment as for the docker command.

    ``timeout`` in seconds.
    """
    if not HAVE_DOCKER:
        raise LabError("LAB-E-NOLIBRARY", package="docker", python=sys.executable)
    try:
        client = docker.APIClient(**docker.utils.kwargs_from_env(), version="auto", timeout=timeout)
        client.ping()
    except (DockerException, RequestException) as error:
        address = os.environ.get("DOCKER_HOST") or DEFAULT_ENGINE
        raise LabError("LAB-E-NOENGINE", reason=f"{address}: {_first_cause(error)}") from error
    return client


def _first_cause(error: BaseException) -> str:
    """The original error of the operating system, which the libraries wrap several times; else the error's own text."""
    first = error
    while first.__context__ is not None:
        first = first.__context__
    return first.strerror if isinstance(first, OSError) and first.strerror else _shorten(error)


def _shorten(error: BaseException) -> str:
    """The last and most specific part of the client's nested messages."""
    return (getattr(error, "explanation", None) or str(error)).strip().rstrip(".")


@contextlib.contextmanager
def translated(action: str) -> t.Iterator[None]:
    """Raise the engine's errors as LabError."""
    try:
        yield
    except (DockerException, RequestException) as error:
        raise LabError("LAB-E-ENGINE", action=action, reason=_shorten(error)) from error


def freeze(api: t.Any, container: str, pause: float = 0.5) -> None:
    """Freeze a container, and try it again where its processes were too busy to be frozen. Raises the engine's error.

    ``pause``: seconds between tries.
    """
    for dummy in range(FREEZE_TRIES - 1):
        try:
            api.pause(container)
        except APIError as error:
            if BUSY_FREEZE not in _shorten(error):
                raise
            time.sleep(pause)
        else:
            return
    api.pause(container)


class ContainerDriver(Driver):
    """Nodes as containers. Every object is found by its label, so a lost record loses nothing."""

    def __init__(self, spec: LabSpec, report: t.Callable[[str], None]) -> None:
        super().__init__(spec, report)
        self._api: t.Any = None

    @property
    def labels(self) -> dict[str, str]:
        return {LABEL: self.spec.name, FOLDER_LABEL: str(self.spec.directory), MANAGED_LABEL: "true"}

    @property
    def network(self) -> str:
        return f"swarmlab-{self.spec.name}"

    @property
    def filters(self) -> dict[str, t.Any]:
        return {"label": [f"{LABEL}={self.spec.name}", f"{FOLDER_LABEL}={self.spec.directory}"]}

    @property
    def api(self) -> t.Any:
        if self._api is None:
            self._api = connect()
        return self._api

    def preflight(self, plan: Plan) -> None:
        if plan.create:
            refuse_crowd(self.spec.nodes, neighbours_limit())
        for node in plan.create:
            name = container_name(self.spec.name, node.name)
            try:
                found = self.api.inspect_container(name)
            except NotFound:
                continue
            owner = found["Config"]["Labels"].get(FOLDER_LABEL, "something else")
            if owner != str(self.spec.directory):
                raise LabError("LAB-E-ENGINE", action=f"create {name}", reason=f"the name belongs to {owner}")
        taken = [] if self._has_network() else interfaces_within(self.spec.subnet)
        if taken:
            raise LabError("LAB-E-SUBNET", subnet=self.spec.subnet, interfaces=", ".join(taken), interface=taken[0])

    def _has_network(self) -> bool:
        return bool(self.api.networks(names=[f"^{self.network}$"]))

    def _containers(self) -> dict[str, dict[str, t.Any]]:
        prefix = container_name(self.spec.name, "")
        return {
            entry["Names"][0].lstrip("/")[len(prefix) :]: entry
            for entry in self.api.containers(all=True, filters=self.filters)
        }

    def observe(self, names: t.Iterable[str]) -> dict[str, str]:
        existing = self._containers()
        return {name: self._state(existing.get(name)) for name in names}

    def _state(self, entry: dict[str, t.Any] | None) -> str:
        if entry is None:
            return ABSENT
        if entry["State"] == "paused":
            return PAUSED
        if entry["State"] != "running":
            return STOPPED
        return RUNNING if self._says(entry["Id"], recipe.READY_MARK) else STARTING

    def _says(self, container: str, mark: str) -> bool:
        """Whether the node has printed the mark since its last start."""
        started = self.api.inspect_container(container)["State"]["StartedAt"]
        since = time.mktime(time.strptime(started[:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone
        return mark.encode() in self.api.logs(container, since=int(since))

    def accelerator(self, image: Image) -> str:
        return "native"

    def configure(self, record: LabRecord) -> bool:
        return False

    def create(self, nodes: t.Sequence[NodeSpec], record: LabRecord, images: Images) -> None:
        with translated("prepare the lab's image and network"):
            for image in {images[node.name].key: images[node.name] for node in nodes}.values():
                self._ensure_image(image)
            self._ensure_network()
        for node in nodes:
            with translated(f"create {container_name(self.spec.name, node.name)}"):
                self._create(node, images[node.name])

    def _ensure_image(self, image: Image) -> None:
        name = f"swarmlab/node:{image.key}"
        with locked(image.folder.parent, image.key, self.report):
            if self.api.images(name=name):
                return
            self.report(f"importing the node image into this machine's engine as {name}")
            self.api.import_image_from_file(
                str(image.rootfs), repository="swarmlab/node", tag=image.key, changes=[f'LABEL {MANAGED_LABEL}="true"']
            )

    def _ensure_network(self) -> None:
        if self._has_network():
            return
        pool = docker.types.IPAMPool(
            subnet=str(self.spec.subnet), gateway=str(self.spec.subnet.network_address + FIRST_ADDRESS)
        )
        self.api.create_network(
            self.network,
            driver="bridge",
            ipam=docker.types.IPAMConfig(pool_configs=[pool]),
            enable_ipv6=self.spec.subnet.version == 6,  # the engine adds an IPv4 network, which is not used
            labels=self.labels,
            attachable=False,
        )

    def _create(self, node: NodeSpec, image: Image) -> None:
        api = self.api
        # The engine's API has no option for systempaths=unconfined; the client sends empty lists instead.
        host = api.create_host_config(
            cap_add=["ALL"],
            cap_drop=missing_capabilities(Path("/proc/self/status").read_text(encoding="ascii")),
            security_opt=["seccomp=unconfined", "apparmor=unconfined"],
            cgroupns="host",
            binds=["/sys/fs/cgroup:/sys/fs/cgroup:rw"],
            device_cgroup_rules=["a *:* rwm"],
            tmpfs={"/run": "exec"},
            network_mode=self.network,
        )
        host.update(MaskedPaths=[], ReadonlyPaths=[])
        version = f"ipv{self.spec.subnet.version}_address"
        api.create_container(
            f"swarmlab/node:{image.key}",
            name=container_name(self.spec.name, node.name),
            hostname=node.name,
            command=["/usr/local/lib/swarmlab/container-init"],
            labels=self.labels,
            volumes=["/var/lib/docker"],
            host_config=host,
            networking_config=api.create_networking_config(
                {self.network: api.create_endpoint_config(**{version: node.address}, aliases=[node.name])}
            ),
        )

    def start(self, nodes: t.Sequence[NodeSpec], record: LabRecord, images: Images) -> None:
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

    def _last_words(self, entry: dict[str, t.Any] | None) -> str:
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

    def publish_names(self, names: t.Collection[str], record: LabRecord) -> None:
        """Nothing to do: every node's name is an alias on the lab's network, which the engine's resolver knows."""

    def discard(self, names: t.Iterable[str]) -> None:
        existing = self._containers()
        for name in names:
            if name in existing:
                self.api.remove_container(existing[name]["Id"], force=True, v=True)

    def set_faults(self, faults: t.Sequence[FaultSpec], record: LabRecord) -> None:
        for fault in faults:
            if fault.delay or fault.jitter:
                raise bad("faults.delay", "nodes that are containers cannot delay frames, virtual machines can")
        self.clear_faults([fault.name for fault in faults], record)
        addresses = {name: entry.address for name, entry in record.nodes.items()}
        for fault in faults:
            for name in record.nodes if fault.links else ():
                rules = nftables(fault, name, addresses, CARD)
                if rules:
                    self._execute(name, GIVE_FAULT, rules, table_name(fault.name), fault.seconds)
            for name in fault.nodes if fault.kind in ("freeze", "kill") else ():
                with translated(f"{fault.kind} {name}"):
                    container = container_name(self.spec.name, name)
                    if fault.kind == "kill":
                        self.api.kill(container)
                    elif not self.api.inspect_container(container)["State"]["Paused"]:
                        freeze(self.api, container)
                        thaw.start(self.api.inspect_container(container)["Id"], fault.name, fault.seconds)

    def clear_faults(self, names: t.Collection[str] | None, record: LabRecord) -> list[str]:
        ended = set()
        for name, entry in self._containers().items():
            if entry["State"] == "paused":
                for fault in thaw.waiting(entry["Id"]):
                    if names is None or fault in names:
                        with translated(f"thaw {name}"):
                            self.api.unpause(entry["Id"])
                        thaw.end(entry["Id"])
                        ended.add(fault)
        for name, found in self._tables().items():
            for table, fault in found.items():
                if names is None or fault in names:
                    self._execute(name, "nft delete table inet $1", "", table)
                    ended.add(fault)
        return sorted(ended)

    def faults(self, record: LabRecord) -> list[str]:
        frozen = [fault for entry in self._containers().values() for fault in thaw.waiting(entry["Id"])]
        return sorted({*frozen, *(fault for tables in self._tables().values() for fault in tables.values())})

    def _tables(self) -> dict[str, dict[str, str]]:
        """The nftables tables of faults by node, with the fault's name."""
        found = {}
        for name, entry in self._containers().items():
            if entry["State"] == "running":
                text = self._execute(name, "nft list tables inet 2>/dev/null || true", "")
                found[name] = fault_tables(text)
        return found

    def _execute(self, node: str, script: str, standard_input: str, *arguments: t.Any) -> str:
        """The output of a shell script on a node. Raises LabError when it fails."""
        action = f"run '{script.split()[0]}' on {node}"
        with translated(action):
            order = self.api.exec_create(
                container_name(self.spec.name, node),
                ["sh", "-c", script, "sh", *map(str, arguments)],
                environment={"INPUT": standard_input},
            )
            output: str = self.api.exec_start(order["Id"]).decode("utf-8", "replace")
            code = self.api.exec_inspect(order["Id"])["ExitCode"]
        if code:
            raise LabError("LAB-E-ENGINE", action=action, reason=" ".join(output.split()) or f"exit code {code}")
        return output

    def execute(self, name: str, script: str, seconds: int) -> Answer:
        answer = Answer()
        limit = time.monotonic() + seconds
        try:
            # A separate client, because it gives up when the node is silent, and threads must not share one.
            with contextlib.closing(connect(timeout=seconds)) as api:
                command = ["timeout", str(seconds), "sh", "-c", script]
                call = api.exec_create(container_name(self.spec.name, name), command)
                for chunk in api.exec_start(call["Id"], stream=True):
                    answer.output += chunk
                    if time.monotonic() > limit:
                        answer.problem = f"it did not finish within {seconds} s"
                        break
        except (DockerException, RequestException, LabError) as error:
            answer.problem = _shorten(error)
        return answer

    def consoles(self, name: str) -> dict[str, bytes]:
        entry = self._containers().get(name)
        if entry is None:
            return {}
        with translated(f"read the log of {name}"):
            return {"container.log": self.api.logs(entry["Id"], timestamps=True, tail=CONSOLE_LINES)}

    def leftovers(self) -> list[str]:
        return sorted(self._containers())

    def remove(self) -> None:
        with translated("remove the lab"):
            self.discard(self.leftovers())
            for network in self.api.networks(filters=self.filters):
                self.api.remove_network(network["Id"])
