# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Driver vm: nodes are QEMU virtual machines of this user, with user-mode networking for management.

Private to the collection swarmlab.overlay.
"""

# pylint: disable=ansible-bad-function  # run_command belongs to modules; this runs in action plugins

from __future__ import annotations

import base64
import json
import secrets
import shlex
import shutil
import socket
import subprocess
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import accel, golden, identity, ports, processes, qemu, qmp, recipe, segment, sshconf
from .driver import ABSENT, PAUSED, RUNNING, STARTING, STOPPED, Answer, Driver, Images, Plan
from .errors import LabError
from .faults import FaultSpec
from .image import BUILD_NEEDS_MIB, Image, ensure_disk, find_image, image_key
from .imagespec import ROOT
from .qemu import CONSOLE, CREDENTIALS
from .spec import LabSpec, NodeSpec
from .state import LabRecord, NodeRecord
from .tools import available_memory_mib, find_tool, free_mib, read_end, require_tools, tail, write_private

COMPLETE = "node.json"
TOOLS = {"ssh": ("openssh-client", "reach the nodes"), "ssh-keygen": ("openssh-client", "make the lab's keys")}
QEMU_TOOLS = {qemu.QEMU: "qemu-system-x86", "qemu-img": "qemu-utils"}
OVERHEAD_MIB = 128  # memory of a QEMU process in addition to its guest's
DISK_GROWTH_MIB = 512  # disk space that a node uses in an ordinary session
EMULATION_FACTOR = 4  # factor for time limits under emulation
SAY_EVERY = 10.0
STOP_SECONDS = 60.0
SSH_SECONDS = 60.0
SSH_FAILED = 255  # ssh's own exit status
CONSOLE_BYTES = 2**23
PANIC_MARK = "Kernel panic"
START_ERRORS = ("LAB-E-START", "LAB-E-CLONE", "LAB-E-MONITOR")


class VmDriver(Driver):
    """Nodes as virtual machines."""

    def __init__(self, spec: LabSpec, report: t.Callable[[str], None]) -> None:
        super().__init__(spec, report)
        self._clones: dict[str, golden.Golden | None] = {}  # base of each node created by this run

    @property
    def nodes_folder(self) -> Path:
        return self.spec.directory / "nodes"

    def folder(self, name: str) -> Path:
        return self.nodes_folder / name

    def preflight(self, plan: Plan) -> None:
        qmp.require_library()
        for tool, package in QEMU_TOOLS.items():
            if find_tool(tool) is None:
                raise LabError("LAB-E-NOQEMU", tool=tool, package=package)
        qemu.require_version()
        require_tools(TOOLS)
        needed = len(plan.start) * (self.spec.memory + OVERHEAD_MIB)
        available = available_memory_mib()
        if needed > available:
            raise LabError(
                "LAB-E-MEMORY", nodes=len(plan.start), memory=self.spec.memory, needed=needed, available=available
            )
        self._check_space(self.spec.directory, len(plan.create) * DISK_GROWTH_MIB, "run the nodes")
        keys = {image_key(self.spec.image_of(node.name)) for node in plan.create}
        missing = [key for key in keys if not find_image(self.spec.cache, key)]
        if missing:
            self._check_space(self.spec.cache, len(missing) * BUILD_NEEDS_MIB, "build the node image")

    @staticmethod
    def _check_space(folder: Path, needed: int, purpose: str) -> None:
        available = free_mib(folder)
        if available < needed:
            raise LabError("LAB-E-DISK", directory=folder, available=available, needed=needed, purpose=purpose)

    def observe(self, names: t.Iterable[str]) -> dict[str, str]:
        names = list(names)
        running = processes.find(self.nodes_folder)
        alive = {name: self.folder(name) for name in names if name in running}
        answers = qmp.execute_all(alive, "query-status") if alive else {}
        states = {}
        for name in names:
            if not (self.folder(name) / COMPLETE).is_file():
                states[name] = ABSENT
            elif name not in alive:
                states[name] = STOPPED
            elif answers[name] and answers[name].get("status") == "paused":
                states[name] = PAUSED
            else:
                states[name] = RUNNING if self._console_says(name, recipe.READY_MARK) else STARTING
        return states

    def accelerator(self, image: Image) -> str:
        problem = None
        if self.spec.accel != "tcg":
            problem = accel.kvm_problem(image.kernel, image.initrd, self.spec.cache)
        return accel.choose(self.spec.accel, problem, self.report)

    def configure(self, record: LabRecord) -> bool:
        nodes = [(self.spec.node(entry.index), entry.ssh_port) for entry in record.nodes.values()]
        keys = [
            (node, path.read_text(encoding="ascii"))
            for node, path in ((node, self.folder(node.name) / "ssh_host_ed25519_key.pub") for node, port in nodes)
            if path.is_file()
        ]
        folder = self.spec.directory
        changed = [
            sshconf.write_if_changed(folder / sshconf.CONFIG, sshconf.render_config(self.spec, nodes)),
            sshconf.write_if_changed(folder / sshconf.KNOWN_HOSTS, sshconf.render_known_hosts(keys)),
        ]
        if processes.find(self.nodes_folder):
            changed.append(segment.ensure(folder))
        return any(changed)

    def create(self, nodes: t.Sequence[NodeSpec], record: LabRecord, images: Images) -> None:
        sshconf.make_key(self.spec.directory / sshconf.USER_KEY, f"lab {self.spec.name}")
        self._clones = {
            node.name: self._ensure_base(record.nodes[node.name], record, images[node.name]) for node in nodes
        }
        self.nodes_folder.mkdir(mode=0o700, exist_ok=True)
        with ThreadPoolExecutor(max_workers=8) as pool:
            list(pool.map(lambda node: self._create(node, record.nodes[node.name], images[node.name]), nodes))

    def _ensure_base(self, entry: NodeRecord, record: LabRecord, image: Image) -> golden.Golden | None:
        """The base of a new node: the golden node, or None for the image's disk alone."""
        if not golden.wanted(self.spec.golden, record.accel):
            ensure_disk(self.spec.cache, image, entry.disk, self.report)
            return None
        machine = qemu.Machine(entry.memory, entry.vcpus, record.accel)
        limit = self._boot_limit(record)
        return golden.ensure(self.spec.cache, image, machine, entry.disk, limit, self.report)

    def _create(self, node: NodeSpec, entry: NodeRecord, image: Image) -> None:
        folder = self.folder(node.name)
        if folder.exists():  # left incomplete by an interrupted run
            processes.end(self.nodes_folder, [node.name], grace=0)
            shutil.rmtree(folder)
        folder.mkdir(mode=0o700)
        sshconf.make_key(folder / "ssh_host_ed25519_key", node.name)
        base = self._clones[node.name]
        entry.golden = base.folder.name if base else ""
        if base:
            qemu.create_disk(folder, base.disk, "qcow2", entry.disk, node.name)
        else:
            qemu.create_disk(folder, image.disk(entry.disk), "raw", entry.disk, node.name)
        write_private(folder / COMPLETE, json.dumps({"image": image.key}) + "\n")

    def start(self, nodes: t.Sequence[NodeSpec], record: LabRecord, images: Images) -> None:
        segment.ensure(self.spec.directory)
        alive = processes.find(self.nodes_folder)
        paused = {node.name: self.folder(node.name) for node in nodes if node.name in alive}
        qmp.execute_all(paused, "cont")
        starting = [node for node in nodes if node.name not in alive]
        self.assign_ports(starting, record)
        for node in starting:
            self._write_credentials(node, record)
        with ThreadPoolExecutor(max_workers=8) as pool:
            list(pool.map(lambda node: self._begin(node, record, images[node.name]), starting))

    def _begin(self, node: NodeSpec, record: LabRecord, image: Image) -> None:
        """Start a node, and a second time if that fails: a port that another program took a moment before, or a clone that
        lost its identity on a busy machine, ends no run."""
        base = self._clones.get(node.name)
        for last in (False, True):
            (self.folder(node.name) / CONSOLE).unlink(missing_ok=True)
            try:
                self.launch(node, record, image, base.wake_arguments if base else ())
                if base:
                    self._wake(node, record)
                return
            except LabError as error:
                if last or error.id not in START_ERRORS:
                    raise
                self.report(f"{error.cause}; it is started once more")
            processes.end(self.nodes_folder, [node.name], grace=0)
            if base:
                self._create(node, record.nodes[node.name], image)  # the disk of half a clone is nobody's
                self._write_credentials(node, record)
            self.assign_ports([node], record)

    def _wake(self, node: NodeSpec, record: LabRecord) -> None:
        who = self._identity(node, record)
        golden.wake(
            self.folder(node.name), node.name, lambda: identity.message(who, time.time(), secrets.token_bytes(32))
        )

    def assign_ports(self, nodes: t.Sequence[NodeSpec], record: LabRecord) -> None:
        direct = [node for node in nodes if record.nodes[node.name].settings.jump is None]
        wanted = {node.name: record.nodes[node.name].ssh_port or None for node in direct}
        for name, port in ports.choose(wanted).items():
            if wanted[name] and wanted[name] != port:
                self.report(f"{name}: port {wanted[name]} is taken by another program, ssh is at port {port} now")
            record.nodes[name].ssh_port = port

    def _identity(self, node: NodeSpec, record: LabRecord) -> identity.Identity:
        host_key = self.folder(node.name) / "ssh_host_ed25519_key"
        user_key = (self.spec.directory / sshconf.USER_KEY).with_suffix(".pub")
        return identity.Identity(
            node,
            [self.spec.node(entry.index) for entry in record.nodes.values()],
            record.nodes[node.name].machine_id,
            user_key.read_text(encoding="ascii"),
            (host_key.read_text(encoding="ascii"), host_key.with_suffix(".pub").read_text(encoding="ascii")),
            self.spec.settings_of(node.name),
            self._password(node.name),
        )

    def _password(self, name: str) -> str:
        """The password that sudo on this node asks for; empty without one."""
        if self.spec.settings_of(name).user == ROOT:
            return ""
        return sshconf.make_password(self.spec.directory / sshconf.PASSWORD)

    def _write_credentials(self, node: NodeSpec, record: LabRecord) -> None:
        target = self.folder(node.name) / CREDENTIALS
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(mode=0o700)
        for name, value in identity.credentials(self._identity(node, record)).items():
            write_private(target / name, identity.smbios_string(name, value))

    def launch(self, node: NodeSpec, record: LabRecord, image: Image, wake: t.Sequence[str] = ()) -> None:
        """Start QEMU for a node. With ``wake`` it resumes from saved memory, paused."""
        folder = self.folder(node.name)
        entry = record.nodes[node.name]
        line = qemu.command(
            f"{self.spec.name}-{node.name}",
            qemu.Machine(entry.memory, entry.vcpus, record.accel),
            qemu.Cards(
                node.management_mac,
                node.segment_mac,
                segment.node_socket(node.name),
                segment.switch_socket(),
                entry.ssh_port,
            ),
            image,
            credentials=sorted(path.name for path in (folder / CREDENTIALS).iterdir()),
            kernel_arguments=self._identity(node, record).kernel_arguments,
            wake=wake,
        )
        qemu.launch(folder, line, node.name)

    def _console_says(self, name: str, mark: str) -> bool:
        try:
            return mark.encode() in (self.folder(name) / CONSOLE).read_bytes()
        except FileNotFoundError:
            return False

    def _boot_limit(self, record: LabRecord) -> int:
        return self.spec.boot_timeout * (EMULATION_FACTOR if record.accel == "tcg" else 1)

    def wait_ready(self, nodes: t.Sequence[NodeSpec], record: LabRecord) -> None:
        limit = self._boot_limit(record)
        started = said = time.monotonic()
        waiting = {node.name: node for node in nodes}
        while waiting:
            for name in self._newly_ready(waiting):
                del waiting[name]
                self.report(f"{name}: ready after {time.monotonic() - started:.0f} s")
            seconds = time.monotonic() - started
            if waiting and seconds > limit:
                raise LabError(
                    "LAB-E-TIMEOUT",
                    nodes=", ".join(waiting),
                    seconds=limit,
                    waiting=self._stages(waiting, record),
                    log=self.nodes_folder / "*" / CONSOLE,
                )
            if waiting and time.monotonic() - said >= SAY_EVERY:
                said = time.monotonic()
                self.report(f"waiting, {seconds:.0f} s: {self._stages(waiting, record)}")
            time.sleep(0.3 if waiting else 0)

    def _newly_ready(self, waiting: t.Mapping[str, NodeSpec]) -> list[str]:
        """Nodes that answer.

        Only nodes whose console shows that they are ready are tried, because each try costs time.
        """
        alive = processes.find(self.nodes_folder)
        candidates = [name for name in waiting if self._says_ready(name, alive)]
        with ThreadPoolExecutor(max_workers=8) as pool:
            answers = list(pool.map(self._answers, candidates))
        return [name for name, answer in zip(candidates, answers) if answer]

    def _says_ready(self, name: str, alive: t.Container[str]) -> bool:
        console = self.folder(name) / CONSOLE
        if name not in alive or self._console_says(name, PANIC_MARK):
            reason = tail(console, 2) or tail(self.folder(name) / qemu.LOG, 2) or "no output"
            raise LabError("LAB-E-DIED", node=name, reason=reason, log=console)
        if self._console_says(name, recipe.READY_MARK):
            return True
        if self._console_says(name, recipe.FAILED_MARK):
            raise LabError("LAB-E-UNREADY", node=name, log=console)
        return False

    def _answers(self, name: str) -> bool:
        """Whether Ansible's whole way works: port, host key, user key, sudo; and at its end the engine's socket."""
        return self._ssh(name, "test -S /run/docker.sock" if self.spec.settings_of(name).engine else "true")

    def root_shell(self, name: str, script: str, *options: str) -> tuple[list[str], bytes]:
        """The command that runs a shell script as root on a node, and its standard input before the script's."""
        password = self._password(name)
        words = ["ssh", "-F", str(self.spec.directory / sshconf.CONFIG), "-o", "BatchMode=yes", *options, name]
        if not password:
            return [*words, script], b""
        return [*words, f"sudo -S -p '' sh -c {shlex.quote(script)}"], password.encode() + b"\n"

    def _run(self, name: str, script: str, seconds: float) -> subprocess.CompletedProcess[bytes]:
        words, first = self.root_shell(name, script, "-o", "ConnectTimeout=20")
        return subprocess.run(words, input=first, capture_output=True, check=False, timeout=seconds)

    def _ssh(self, name: str, command: str) -> bool:
        try:
            return self._run(name, command, SSH_SECONDS).returncode == 0
        except subprocess.TimeoutExpired:
            return False

    def execute(self, name: str, script: str, seconds: int) -> Answer:
        try:
            done = self._run(name, script, seconds)
        except subprocess.TimeoutExpired as error:
            return Answer(error.stdout or b"", f"it did not finish within {seconds} s")
        failed = done.returncode == SSH_FAILED
        return Answer(
            done.stdout, done.stderr.decode("utf-8", "replace").strip() or "no answer by ssh" if failed else None
        )

    def consoles(self, name: str) -> dict[str, bytes]:
        paths = [self.folder(name) / file for file in (CONSOLE, qemu.LOG)]
        return {path.name: read_end(path, CONSOLE_BYTES) for path in paths if path.is_file()}

    def _stages(self, names: t.Iterable[str], record: LabRecord) -> str:
        return ", ".join(f"{name} for {self._stage(name, record.nodes[name].ssh_port)}" for name in names)

    def _stage(self, name: str, port: int) -> str:
        if self._console_says(name, recipe.READY_MARK):
            return "an answer by ssh"
        return "its engine" if port and _has_banner(port) else "its system"

    def stop(self, names: t.Iterable[str]) -> None:
        running = processes.find(self.nodes_folder)
        folders = {name: self.folder(name) for name in names if name in running}
        if not folders:
            return
        qmp.execute_all(folders, "cont")  # a paused machine cannot shut down
        # Not by the power button (QMP system_powerdown): to save a process, the image has no listener for it.
        behind = [name for name in folders if self.spec.settings_of(name).jump]
        with ThreadPoolExecutor(max_workers=8) as pool:
            for group in (behind, [name for name in folders if name not in behind]):  # those behind a jump node first
                list(pool.map(lambda name: self._ssh(name, "systemctl poweroff"), group))
        processes.end(self.nodes_folder, list(folders), grace=STOP_SECONDS)
        if not processes.find(self.nodes_folder):
            segment.end(self.spec.directory)

    def publish_names(self, names: t.Collection[str], record: LabRecord) -> None:
        """Write the hosts file of running machines anew. Others read it from their credentials when they boot."""
        nodes = [self.spec.node(entry.index) for entry in record.nodes.values()]
        running = processes.find(self.nodes_folder)
        for node in nodes:
            if node.name in names and node.name in running:
                content = base64.b64encode(identity.hosts_file(node.name, nodes).encode()).decode()
                if not self._ssh(node.name, f"echo {content} | base64 -d > /etc/hosts"):
                    self.report(f"{node.name}: could not be told the names of the nodes that came or went")

    def discard(self, names: t.Iterable[str]) -> None:
        names = list(names)
        processes.end(self.nodes_folder, names, grace=0)
        for name in names:
            shutil.rmtree(self.folder(name), ignore_errors=True)

    def set_faults(self, faults: t.Sequence[FaultSpec], record: LabRecord) -> None:
        killed = {name for fault in faults for name in fault.nodes if fault.kind == "kill"}
        orders = [fault.for_switch for fault in faults if fault.kind != "kill"]
        if orders:
            segment.ensure(self.spec.directory)
            failed = segment.ask(self.spec.directory, {"set": orders})["failed"]
            if failed:
                raise LabError(
                    "LAB-E-MONITOR", node=", ".join(failed), command="stop", reason="the switch got no answer"
                )
        if killed:
            processes.end(self.nodes_folder, killed, grace=0)

    def clear_faults(self, names: t.Collection[str] | None, record: LabRecord) -> list[str]:
        ending = [name for name in self.faults(record) if names is None or name in names]
        if ending:
            segment.ask(self.spec.directory, {"clear": ending})
        return ending

    def faults(self, record: LabRecord) -> list[str]:
        return sorted(segment.ask(self.spec.directory, {})["faults"]) if segment.find(self.spec.directory) else []

    def leftovers(self) -> list[str]:
        return sorted(processes.find(self.nodes_folder)) or ["switch"] * bool(segment.find(self.spec.directory))

    def remove(self) -> None:
        processes.end(self.nodes_folder, None, grace=0)
        segment.end(self.spec.directory)


def _has_banner(port: int) -> bool:
    """Whether sshd answers. QEMU accepts connections at once, so only a banner proves it."""
    try:
        with socket.create_connection((ports.LOOPBACK, port), timeout=1) as connection:
            connection.settimeout(1)
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False
