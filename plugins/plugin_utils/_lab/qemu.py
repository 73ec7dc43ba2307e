# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""QEMU's command line for a node, and its start.

Private to the collection swarmlab.overlay. A machine that resumes from saved memory must be configured exactly like
the saved one, so all of them are configured here.
"""

# pylint: disable=ansible-bad-function  # run_command belongs to modules; this runs in action plugins

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
import subprocess
import time
import typing as t
from pathlib import Path

from . import ports, qmp
from .errors import LabError
from .image import Image
from .spec import MANAGEMENT
from .tools import find_tool, tail

QEMU = "qemu-system-x86_64"
OLDEST = (7, 2)  # the first with "-netdev dgram"
DISK = "disk.qcow2"
DISK_NODE = "disk"  # QEMU's name for the disk, used by snapshots
CONSOLE = "console.log"
LOG = "qemu.log"
IDENTITY_SOCKET = "identity.sock"
CREDENTIALS = "credentials"
START_SECONDS = 15
# Every emulated processor feature costs time. This model has those that speed up cryptography, and no more.
EMULATED_CPU = "Westmere,+rdrand"
KERNEL_ARGUMENTS = (
    "root=/dev/vda rw rootfstype=ext4 console=ttyS0 quiet loglevel=4 net.ifnames=0 mitigations=off audit=0 selinux=0"
    " apparmor=0 nowatchdog fsck.mode=skip systemd.show_status=no random.trust_cpu=on panic=-1"
)
# Kernel features for safety that cost too much time on an emulated processor.
EMULATED_KERNEL_ARGUMENTS = (
    "init_on_alloc=0 hardened_usercopy=off randomize_kstack_offset=off nokaslr cryptomgr.notests no_timer_check"
    " transparent_hugepage=never rcupdate.rcu_expedited=1 SYSTEMD_SECCOMP=0"
)


@dataclasses.dataclass(frozen=True)
class Machine:
    """The properties that must be equal for one QEMU process to load memory that another one saved."""

    memory: int  # MiB
    vcpus: int
    accel: str  # kvm or tcg

    @property
    def arguments(self) -> list[str]:
        emulated = self.accel == "tcg"
        return [
            "-M", "pc,usb=off,vmport=off",
            "-accel", "tcg,thread=multi,tb-size=256" if emulated else "kvm",
            "-cpu", EMULATED_CPU if emulated else "host",
            "-smp", str(self.vcpus),
            "-m", str(self.memory),
            "-nodefaults", "-no-user-config", "-display", "none",
            "-device", "virtio-rng-pci",
        ]  # fmt: skip

    def key(self, version: str) -> str:
        """A key that is equal for machines that can load each other's memory. ``version`` is QEMU's."""
        cpu = "" if self.accel == "tcg" else _host_cpu()
        return hashlib.sha256("\0".join([version, cpu, *self.arguments]).encode()).hexdigest()[:12]


def _host_cpu() -> str:
    """Model and features of this machine's processor, which a KVM guest sees."""
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    return "".join(re.findall(r"^(?:model name|flags)\s*:.*$", text.split("\n\n", 1)[0], re.MULTILINE))


def version() -> str:
    """QEMU's version without the distribution's addition."""
    done = subprocess.run([find_tool(QEMU) or QEMU, "--version"], capture_output=True, text=True, check=True)
    match = re.search(r"version (\d+\.\d+(?:\.\d+)*)", done.stdout)
    return match.group(1) if match else done.stdout.splitlines()[0]


def require_version() -> None:
    """Raise LabError when QEMU is too old for the lab's own segment."""
    found = version()
    if tuple(int(part) for part in re.findall(r"\d+", found)[:2]) < OLDEST:
        raise LabError("LAB-E-OLDQEMU", found=found, needed=".".join(map(str, OLDEST)))


@dataclasses.dataclass(frozen=True)
class Cards:
    """The two network cards: management access, and the swarm's own segment.

    Socket paths are relative to the node's folder.
    """

    management_mac: str
    segment_mac: str
    segment_socket: str
    switch_socket: str
    ssh_port: int = 0  # port on the loopback interface; 0: none

    @property
    def arguments(self) -> list[str]:
        forward = f",hostfwd=tcp:{ports.LOOPBACK}:{self.ssh_port}-:22" if self.ssh_port else ""
        return [
            "-netdev", f"user,id=management,net={MANAGEMENT},ipv6=off,restrict=off{forward}",
            "-device", f"virtio-net-pci,netdev=management,mac={self.management_mac},romfile=",
            "-netdev", f"dgram,id=segment,local.type=unix,local.path={self.segment_socket},"
                       f"remote.type=unix,remote.path={self.switch_socket}",
            "-device", f"virtio-net-pci,netdev=segment,mac={self.segment_mac},romfile=",
        ]  # fmt: skip


def command(
    name: str,
    machine: Machine,
    cards: Cards,
    image: Image,
    credentials: t.Sequence[str] = (),
    kernel_arguments: str = "",
    wake: t.Sequence[str] = (),
) -> list[str]:
    """QEMU's command line. Relative names refer to the node's folder; secrets are only in files."""
    boot = [KERNEL_ARGUMENTS, EMULATED_KERNEL_ARGUMENTS if machine.accel == "tcg" else "", kernel_arguments]
    line = [
        find_tool(QEMU) or QEMU,
        "-name", name,
        *machine.arguments,
        "-pidfile", "qemu.pid",
        "-qmp", f"unix:{qmp.SOCKET},server=on,wait=off",
        "-chardev", f"file,id=console,path={CONSOLE},append=on",
        "-serial", "chardev:console",
        "-chardev", f"socket,id=identity,path={IDENTITY_SOCKET},server=on,wait=off",
        "-serial", "chardev:identity",
        "-kernel", str(image.kernel),
        "-initrd", str(image.initrd),
        "-append", " ".join(filter(None, boot)),
        "-drive", f"file={DISK},if=virtio,node-name={DISK_NODE},format=qcow2,cache=unsafe,discard=unmap,detect-zeroes=off",
        *cards.arguments,
        *wake,
    ]  # fmt: skip
    for credential in credentials:
        line += ["-smbios", f"type=11,path={CREDENTIALS}/{credential}"]
    return line


def create_disk(folder: Path, backing: Path, backing_format: str, gib: int, name: str) -> None:
    """Create a node's disk: its own changes on top of a disk shared with other nodes. ``gib`` is the size in GiB."""
    line = [
        find_tool("qemu-img") or "qemu-img", "create", "-q", "-f", "qcow2", "-F", backing_format, "-b", str(backing),
        str(folder / DISK), f"{gib}G",
    ]  # fmt: skip
    done = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LabError("LAB-E-START", node=name, reason=done.stderr.strip(), log=folder)


def launch(folder: Path, line: t.Sequence[str], name: str) -> None:
    """Start QEMU in the node's folder and return when its monitor is available."""
    for leftover in (qmp.SOCKET, IDENTITY_SOCKET, "qemu.pid"):
        (folder / leftover).unlink(missing_ok=True)
    with (folder / LOG).open("wb") as log:
        # A session of its own: Ctrl-C in the terminal must not reach the machines.
        process = subprocess.Popen(
            line, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    limit = time.monotonic() + START_SECONDS
    while not (folder / qmp.SOCKET).exists():
        if process.poll() is not None or time.monotonic() > limit:
            reason = tail(folder / LOG, 2) or "QEMU does not answer"
            raise LabError("LAB-E-START", node=name, reason=reason, log=folder / LOG)
        time.sleep(0.02)


def default_vcpus(accelerator: str) -> int:
    """The default number of processors.

    Emulated ones compete for the real ones: one each is twice as fast for three nodes as two each.
    """
    return 1 if accelerator == "tcg" else min(2, os.cpu_count() or 1)
