# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether KVM really runs this guest here. Only a boot shows it: some hosts have a /dev/kvm whose machines never run.

Private to the collection swarmlab.overlay.
"""

# pylint: disable=ansible-bad-function  # run_command belongs to modules; this runs in action plugins

from __future__ import annotations

import json
import os
import select
import subprocess
import time
import typing as t
from pathlib import Path

from . import qemu
from .errors import LabError
from .tools import find_tool, write_private

DEVICE = Path("/dev/kvm")
PROBE_SECONDS = 10.0
ALIVE_MARK = b"Linux version"
BROKEN_MARK = b"KVM internal error"


def kvm_problem(kernel: Path, initrd: Path, cache: Path) -> str | None:
    """Why KVM cannot be used for this kernel; None when it can. The result is cached until the host's next boot."""
    if not DEVICE.exists():
        return f"there is no {DEVICE}"
    if not os.access(DEVICE, os.R_OK | os.W_OK):
        return f"{DEVICE} is not readable and writable for this user"
    memory = cache / "accel.json"
    key = " ".join([_boot_id(), qemu.version(), str(kernel)])
    answers = _remembered(memory)
    if key not in answers:
        answers = {known: answer for known, answer in answers.items() if known.startswith(_boot_id())}
        answers[key] = _probe(kernel, initrd)
        cache.mkdir(parents=True, exist_ok=True)
        write_private(memory, json.dumps(answers, indent=2) + "\n")
    return answers[key]


def choose(wanted: str, problem: str | None, report: t.Callable[[str], None]) -> str:
    """The accelerator for ``wanted`` (auto, kvm, tcg). ``problem`` is the reason against KVM, if any."""
    if wanted == "tcg":
        return "tcg"
    if problem is None:
        return "kvm"
    if wanted == "kvm":
        raise LabError("LAB-E-NOKVM", reason=problem)
    report(f"emulation (tcg) instead of KVM, several times slower: {problem}")
    return "tcg"


def probe_command(kernel: Path, initrd: Path) -> list[str]:
    return [
        find_tool(qemu.QEMU) or qemu.QEMU, "-M", "pc", "-accel", "kvm", "-cpu", "host", "-m", "256", "-nodefaults",
        "-display", "none", "-no-reboot", "-serial", "stdio", "-kernel", str(kernel), "-initrd", str(initrd),
        "-append", "console=ttyS0 earlyprintk=ttyS0",
    ]  # fmt: skip


def _probe(kernel: Path, initrd: Path) -> str | None:
    process = subprocess.Popen(
        probe_command(kernel, initrd),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    if process.stdout is None:
        raise AssertionError("the output is a pipe")
    output = b""
    limit = time.monotonic() + PROBE_SECONDS
    try:
        while time.monotonic() < limit:
            readable, dummy, dummy2 = select.select([process.stdout], [], [], max(0.0, limit - time.monotonic()))
            chunk = os.read(process.stdout.fileno(), 65536) if readable else b""
            output += chunk
            if ALIVE_MARK in output:
                return None
            if BROKEN_MARK in output:
                return "KVM starts a guest here and fails to run it (KVM internal error)"
            if readable and not chunk:
                reason = output.decode("utf-8", "replace").strip().splitlines()[-1:] or ["no reason given"]
                return f"QEMU with KVM ended at once ({reason[0].split(': ', 1)[-1][:90]})"
        return f"a guest said nothing for {PROBE_SECONDS:.0f} s under KVM"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _remembered(path: Path) -> dict[str, str | None]:
    try:
        answers = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return answers if isinstance(answers, dict) else {}
