# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Driver vm: nodes are virtual machines of QEMU, run by this user, with user-mode management networking.

Private to the collection swarmlab.overlay.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import accel, identity, ports, processes, qmp, recipe, sshconf
from .driver import ABSENT, PAUSED, RUNNING, STARTING, STOPPED, Driver, Plan
from .errors import LabError
from .image import BUILD_NEEDS_MIB, Image, ensure_disk, find_image, image_key
from .spec import MANAGEMENT, LabSpec, NodeSpec, lab_digest
from .state import LabRecord, NodeRecord
from .tools import available_memory_mib, find_tool, free_mib, require_tools, tail, write_private

QEMU = "qemu-system-x86_64"
DISK = "disk.qcow2"
CONSOLE = "console.log"
COMPLETE = "node.json"
CREDENTIALS = "credentials"
TOOLS = {"ssh": ("openssh-client", "reach the nodes"), "ssh-keygen": ("openssh-client", "make the lab's keys")}
QEMU_TOOLS = {QEMU: "qemu-system-x86", "qemu-img": "qemu-utils"}
OVERHEAD_MIB = 128  # of a QEMU process, beside its guest's memory
DISK_GROWTH_MIB = 512  # what a node writes in an ordinary session
EMULATION_FACTOR = 4  # time limits under emulation
SAY_EVERY = 10.0
STOP_SECONDS = 60.0
SSH_SECONDS = 60.0
PANIC_MARK = "Kernel panic"
# Every feature of a processor that is emulated costs time: this one has what cryptography gains from, and no more.
EMULATED_CPU = "Westmere,+rdrand"
KERNEL_ARGUMENTS = (
    "root=/dev/vda rw rootfstype=ext4 console=ttyS0 quiet loglevel=4 net.ifnames=0 mitigations=off audit=0 selinux=0"
    " apparmor=0 nowatchdog fsck.mode=skip systemd.show_status=no random.trust_cpu=on panic=-1"
)
# What a kernel does for safety or in case, and what it costs on an emulated processor is worth more.
EMULATED_KERNEL_ARGUMENTS = (
    "init_on_alloc=0 hardened_usercopy=off randomize_kstack_offset=off nokaslr cryptomgr.notests no_timer_check"
    " transparent_hugepage=never rcupdate.rcu_expedited=1 SYSTEMD_SECCOMP=0"
)


class VmDriver(Driver):
    """Virtual machines."""

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
        require_tools(TOOLS)
        needed = len(plan.start) * (self.spec.memory + OVERHEAD_MIB)
        available = available_memory_mib()
        if needed > available:
            raise LabError(
                "LAB-E-MEMORY", nodes=len(plan.start), memory=self.spec.memory, needed=needed, available=available
            )
        self._check_space(self.spec.directory, len(plan.create) * DISK_GROWTH_MIB, "run the nodes")
        if plan.create and not find_image(
            self.spec.cache, image_key(self.spec.suite, self.spec.mirror, self.spec.packages)
        ):
            self._check_space(self.spec.cache, BUILD_NEEDS_MIB, "build the node image")

    @staticmethod
    def _check_space(folder: Path, needed: int, purpose: str) -> None:
        available = free_mib(folder)
        if available < needed:
            raise LabError("LAB-E-DISK", directory=folder, available=available, needed=needed, purpose=purpose)

    def observe(self, names: t.Iterable[str]) -> t.Dict[str, str]:
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
            qemu = find_tool(QEMU) or QEMU
            problem = accel.kvm_problem(qemu, image.kernel, image.initrd, self.spec.cache)
        return accel.choose(self.spec.accel, problem, self.report)

    def configure(self, record: LabRecord) -> bool:
        nodes = [(self.spec.node(entry.index), entry.ssh_port) for entry in record.nodes.values()]
        keys = [
            (node, path.read_text(encoding="ascii"))
            for node, path in ((node, self.folder(node.name) / "ssh_host_ed25519_key.pub") for node, port in nodes)
            if path.is_file()
        ]
        folder = self.spec.directory
        changed = sshconf.write_if_changed(folder / sshconf.CONFIG, sshconf.render_config(self.spec, nodes))
        return sshconf.write_if_changed(folder / sshconf.KNOWN_HOSTS, sshconf.render_known_hosts(keys)) or changed

    def create(self, nodes: t.Sequence[NodeSpec], record: LabRecord, image: Image) -> None:
        sshconf.make_key(self.spec.directory / sshconf.USER_KEY, f"lab {self.spec.name}")
        for size in sorted({record.nodes[node.name].disk for node in nodes}):
            ensure_disk(self.spec.cache, image, size, self.report)
        self.nodes_folder.mkdir(mode=0o700, exist_ok=True)
        with ThreadPoolExecutor(max_workers=8) as pool:
            list(pool.map(lambda node: self._create(node, record.nodes[node.name], image), nodes))

    def _create(self, node: NodeSpec, entry: NodeRecord, image: Image) -> None:
        folder = self.folder(node.name)
        if folder.exists():  # half-made by a run that was interrupted
            processes.end(self.nodes_folder, [node.name], grace=0)
            shutil.rmtree(folder)
        folder.mkdir(mode=0o700)
        sshconf.make_key(folder / "ssh_host_ed25519_key", node.name)
        command = [
            find_tool("qemu-img") or "qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw",
            "-b", str(image.disk(entry.disk)),
            str(folder / DISK), f"{entry.disk}G",
        ]  # fmt: skip
        made = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if made.returncode != 0:
            raise LabError("LAB-E-START", node=node.name, reason=made.stderr.strip(), log=folder)
        write_private(folder / COMPLETE, json.dumps({"image": image.key}) + "\n")

    def start(self, nodes: t.Sequence[NodeSpec], record: LabRecord, image: Image) -> None:
        alive = processes.find(self.nodes_folder)
        paused = {node.name: self.folder(node.name) for node in nodes if node.name in alive}
        qmp.execute_all(paused, "cont")
        starting = [node for node in nodes if node.name not in alive]
        self._assign_ports(starting, record)
        for node in starting:
            self._write_credentials(node, record)
            self._launch(node, record, image)

    def _assign_ports(self, nodes: t.Sequence[NodeSpec], record: LabRecord) -> None:
        wanted = {node.name: record.nodes[node.name].ssh_port or None for node in nodes}
        for name, port in ports.choose(wanted).items():
            if wanted[name] and wanted[name] != port:
                self.report(f"{name}: port {wanted[name]} is taken by another program, ssh is at port {port} now")
            record.nodes[name].ssh_port = port

    def _write_credentials(self, node: NodeSpec, record: LabRecord) -> None:
        folder = self.folder(node.name)
        target = folder / CREDENTIALS
        target.mkdir(mode=0o700, exist_ok=True)
        host_key = folder / "ssh_host_ed25519_key"
        user_key = (self.spec.directory / sshconf.USER_KEY).with_suffix(".pub")
        values = identity.credentials(
            node,
            [self.spec.node(entry.index) for entry in record.nodes.values()],
            record.nodes[node.name].machine_id,
            user_key.read_text(encoding="ascii"),
            (host_key.read_text(encoding="ascii"), host_key.with_suffix(".pub").read_text(encoding="ascii")),
        )
        for name, value in values.items():
            write_private(target / name, identity.smbios_string(name, value))

    def _launch(self, node: NodeSpec, record: LabRecord, image: Image) -> None:
        folder = self.folder(node.name)
        for name in (CONSOLE, qmp.SOCKET, "qemu.pid"):
            (folder / name).unlink(missing_ok=True)
        credentials = sorted(path.name for path in (folder / CREDENTIALS).iterdir())
        command = qemu_command(self.spec, node, record.nodes[node.name], record.accel, image, credentials)
        with (folder / "qemu.log").open("wb") as log:
            # A session of its own: Ctrl-C in the terminal is not meant for the machines.
            process = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        limit = time.monotonic() + 15
        while not (folder / qmp.SOCKET).exists():
            if process.poll() is not None or time.monotonic() > limit:
                reason = tail(folder / "qemu.log", 2) or "QEMU does not answer"
                raise LabError("LAB-E-START", node=node.name, reason=reason, log=folder / "qemu.log")
            time.sleep(0.02)

    def _console_says(self, name: str, mark: str) -> bool:
        try:
            return mark.encode() in (self.folder(name) / CONSOLE).read_bytes()
        except FileNotFoundError:
            return False

    def wait_ready(self, nodes: t.Sequence[NodeSpec], record: LabRecord) -> None:
        limit = self.spec.boot_timeout * (EMULATION_FACTOR if record.accel == "tcg" else 1)
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

    def _newly_ready(self, waiting: t.Mapping[str, NodeSpec]) -> t.List[str]:
        """Nodes that answer. Only those whose console says that they are ready are asked: asking costs time."""
        alive = processes.find(self.nodes_folder)
        candidates = [name for name in waiting if self._says_ready(name, alive)]
        with ThreadPoolExecutor(max_workers=8) as pool:
            answers = list(pool.map(self._answers, candidates))
        return [name for name, answer in zip(candidates, answers) if answer]

    def _says_ready(self, name: str, alive: t.Container[str]) -> bool:
        console = self.folder(name) / CONSOLE
        if name not in alive or self._console_says(name, PANIC_MARK):
            reason = tail(console, 2) or tail(self.folder(name) / "qemu.log", 2) or "no output"
            raise LabError("LAB-E-DIED", node=name, reason=reason, log=console)
        if self._console_says(name, recipe.READY_MARK):
            return True
        if self._console_says(name, recipe.FAILED_MARK):
            raise LabError("LAB-E-UNREADY", node=name, log=console)
        return False

    def _answers(self, name: str) -> bool:
        """The whole way that Ansible will take: port, host key, user key; and the engine's socket at its end."""
        return self._ssh(name, "test -S /run/docker.sock")

    def _ssh(self, name: str, command: str) -> bool:
        arguments = [
            "ssh", "-F", str(self.spec.directory / sshconf.CONFIG), "-o", "BatchMode=yes", "-o", "ConnectTimeout=20",
            name, command,
        ]  # fmt: skip
        try:
            done = subprocess.run(
                arguments, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=SSH_SECONDS
            )
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == 0

    def _stages(self, names: t.Iterable[str], record: LabRecord) -> str:
        return ", ".join(f"{name} for {self._stage(name, record.nodes[name].ssh_port)}" for name in names)

    def _stage(self, name: str, port: int) -> str:
        if self._console_says(name, recipe.READY_MARK):
            return "an answer by ssh"
        return "its engine" if _has_banner(port) else "its system"

    def stop(self, names: t.Iterable[str]) -> None:
        running = processes.find(self.nodes_folder)
        folders = {name: self.folder(name) for name in names if name in running}
        if not folders:
            return
        qmp.execute_all(folders, "cont")  # a paused machine cannot shut down
        # Not by the power button (QMP system_powerdown): nothing in the image listens to it, to save a process a node.
        with ThreadPoolExecutor(max_workers=8) as pool:
            list(pool.map(lambda name: self._ssh(name, "systemctl poweroff"), folders))
        processes.end(self.nodes_folder, list(folders), grace=STOP_SECONDS)

    def discard(self, names: t.Iterable[str]) -> None:
        names = list(names)
        processes.end(self.nodes_folder, names, grace=0)
        for name in names:
            shutil.rmtree(self.folder(name), ignore_errors=True)

    def leftovers(self) -> t.List[str]:
        return sorted(processes.find(self.nodes_folder))

    def remove(self) -> None:
        processes.end(self.nodes_folder, None, grace=0)


def segment_arguments(directory: Path, node: NodeSpec) -> t.List[str]:
    """The swarm's own network: one multicast group per lab, on the loopback interface only. Every lab has its own."""
    digest = lab_digest(directory)
    group = f"230.{int(digest[8:10], 16)}.{int(digest[10:12], 16)}.{1 + int(digest[12:14], 16) % 254}"
    port = 20000 + int(digest[14:18], 16) % 10000
    return [
        "-netdev", f"socket,id=segment,mcast={group}:{port},localaddr={ports.LOOPBACK}",
        "-device", f"virtio-net-pci,netdev=segment,mac={node.segment_mac},romfile=",
    ]  # fmt: skip


def qemu_command(
    spec: LabSpec, node: NodeSpec, entry: NodeRecord, accelerator: str, image: Image, credentials: t.Sequence[str]
) -> t.List[str]:
    """QEMU's command line. Relative names are meant from the node's folder; secrets are in files only."""
    emulated = accelerator == "tcg"
    command = [
        find_tool(QEMU) or QEMU,
        "-name", f"{spec.name}-{node.name}",
        "-M", "pc,usb=off,vmport=off",
        "-accel", "tcg,thread=multi,tb-size=256" if emulated else "kvm",
        "-cpu", EMULATED_CPU if emulated else "host",
        "-smp", str(entry.vcpus),
        "-m", str(entry.memory),
        "-nodefaults", "-no-user-config", "-display", "none",
        "-pidfile", "qemu.pid",
        "-qmp", f"unix:{qmp.SOCKET},server=on,wait=off",
        "-serial", f"file:{CONSOLE}",
        "-kernel", str(image.kernel),
        "-initrd", str(image.initrd),
        "-append", " ".join([KERNEL_ARGUMENTS, *([EMULATED_KERNEL_ARGUMENTS] if emulated else [])]),
        "-drive", f"file={DISK},if=virtio,format=qcow2,cache=unsafe,discard=unmap,detect-zeroes=off",
        "-device", "virtio-rng-pci",
        "-netdev", f"user,id=management,net={MANAGEMENT},ipv6=off,restrict=off,hostfwd=tcp:{ports.LOOPBACK}:{entry.ssh_port}-:22",
        "-device", f"virtio-net-pci,netdev=management,mac={node.management_mac},romfile=",
    ]  # fmt: skip
    command += segment_arguments(spec.directory, node)
    for name in credentials:
        command += ["-smbios", f"type=11,path={CREDENTIALS}/{name}"]
    return command


def default_vcpus(accelerator: str) -> int:
    """Emulated processors compete for the real ones: one each keeps three nodes twice as fast as two each."""
    return 1 if accelerator == "tcg" else min(2, os.cpu_count() or 1)


def _has_banner(port: int) -> bool:
    """Whether sshd talks. QEMU accepts connections at once, so only a banner means something."""
    try:
        with socket.create_connection((ports.LOOPBACK, port), timeout=1) as connection:
            connection.settimeout(1)
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False
