# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The golden node: booted once, stripped of its identity, frozen. New nodes resume from its memory without a boot.

Private to the collection swarmlab.overlay. The guest's side is ``golden`` in ``recipe``.
"""

from __future__ import annotations

import dataclasses
import shlex
import shutil
import socket
import time
import typing as t
from pathlib import Path

from . import processes, qemu, qmp, recipe
from .errors import LabError
from .image import Image, ensure_disk
from .lock import exclusive
from .tools import tail

MEMORY = "memory"
# The golden node's MAC addresses at its boot. A clone replaces them before its network cards are up.
CARDS = qemu.Cards("52:54:00:00:00:01", "52:54:00:00:00:02", "segment", "switch")
FREEZE_SECONDS = 120.0
WAKE_SECONDS = 60.0
IDENTITY_SECONDS = 120.0
ANSWER_SECONDS = 5.0
ACKNOWLEDGED = b"adopted"

Report = t.Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class Golden:
    """A frozen node in the image's folder."""

    folder: Path

    @property
    def disk(self) -> Path:
        return self.folder / qemu.DISK

    @property
    def memory(self) -> Path:
        return self.folder / MEMORY

    @property
    def wake_arguments(self) -> list[str]:
        """QEMU's arguments to resume from the frozen memory. The machine is paused afterwards."""
        return ["-incoming", f"exec:cat {shlex.quote(str(self.memory))}"]


def wanted(mode: str, accel: str) -> bool:
    """Whether a golden node pays off. A boot takes an emulated machine a minute, and with KVM only seconds."""
    return mode == "always" or (mode == "auto" and accel == "tcg")


def key(machine: qemu.Machine, disk: int) -> str:
    return f"golden-{machine.key(qemu.version())}-{disk}"


def find(image: Image, name: str) -> Golden | None:
    """The finished golden node of this name. A finished one has been renamed to its final place."""
    golden = Golden(image.folder / name)
    return golden if golden.memory.is_file() and golden.disk.is_file() else None


def ensure(cache: Path, image: Image, machine: qemu.Machine, disk: int, limit: float, report: Report) -> Golden:
    """Find the golden node for this machine, or boot and freeze one. ``limit`` is for its boot, in seconds."""
    name = key(machine, disk)
    found = find(image, name)
    if found:
        return found
    ensure_disk(cache, image, disk, report)
    lock = cache / "images" / f"{image.key}.lock"
    with exclusive(lock, what=f"image {image.key}", wait=1800, report=report):
        found = find(image, name)
        return found or _make(image, machine, disk, image.folder / name, limit, report)


def _make(image: Image, machine: qemu.Machine, disk: int, final: Path, limit: float, report: Report) -> Golden:
    started = time.monotonic()
    report("golden node: booting one, once for all labs; further nodes wake up from its memory")
    work = image.folder / f".{final.name}"
    processes.end(image.folder, [work.name], grace=0)
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(mode=0o700)
    try:
        qemu.create_disk(work, image.disk(disk), "raw", disk, final.name)
        line = qemu.command(final.name, machine, CARDS, image, kernel_arguments=f"systemd.unit={recipe.GOLDEN_TARGET}")
        qemu.launch(work, line, final.name)
        _wait_for_mark(image, work, limit, report)
        _freeze(work)
        processes.end(image.folder, [work.name], grace=10)
        shutil.rmtree(final, ignore_errors=True)
        work.rename(final)
    finally:
        processes.end(image.folder, [work.name], grace=0)
        shutil.rmtree(work, ignore_errors=True)
    golden = Golden(final)
    report(f"golden node: frozen after {time.monotonic() - started:.0f} s, {golden.memory.stat().st_size // 2**20} MiB")
    return golden


def _wait_for_mark(image: Image, work: Path, limit: float, report: Report) -> None:
    console = work / qemu.CONSOLE
    started = said = time.monotonic()
    while True:
        text = console.read_bytes() if console.exists() else b""
        if recipe.GOLDEN_MARK.encode() in text:
            return
        reason = None
        if work.name not in processes.find(image.folder):
            reason = "QEMU ended"
        elif recipe.FAILED_MARK.encode() in text:
            reason = "it failed"
        elif time.monotonic() - started > limit:
            reason = f"it was not ready within {limit:.0f} s"
        if reason:
            words = tail(console, 2) or tail(work / qemu.LOG, 2) or "no output"
            raise LabError("LAB-E-GOLDEN", reason=f"{reason} ({words})")
        if time.monotonic() - said >= 10:
            said = time.monotonic()
            report(f"golden node: booting, {said - started:.0f} s")
        time.sleep(0.2)


def _freeze(work: Path) -> None:
    """Write the machine's memory to a file and end it."""
    folders = {"the golden node": work}
    qmp.demand_all(folders, "stop")
    qmp.demand_all(folders, "migrate-set-parameters", {"max-bandwidth": 2**40})
    target = shlex.quote(str(work / MEMORY))
    qmp.demand_all(folders, "migrate", {"uri": f"exec:cat > {target}"})
    limit = time.monotonic() + FREEZE_SECONDS
    while True:
        answer = qmp.demand_all(folders, "query-migrate")["the golden node"]
        if answer.get("status") == "completed":
            break
        if answer.get("status") in ("failed", "cancelled") or time.monotonic() > limit:
            reason = answer.get("error-desc") or f"its memory was not saved ({answer.get('status')})"
            raise LabError("LAB-E-GOLDEN", reason=reason)
        time.sleep(0.1)
    qmp.execute_all(folders, "quit")


def wake(folder: Path, name: str, message: t.Callable[[], bytes]) -> None:
    """Resume a clone that was started with ``wake_arguments``, and give it an identity.

    ``message`` is called at the last moment, because it contains the time.
    """
    _wait_until_loaded(folder, name)
    qmp.demand_all({name: folder}, "cont")
    with qmp.short_path(folder) as path, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as serial:
        serial.settimeout(ANSWER_SECONDS)
        try:
            serial.connect(f"{path}/{qemu.IDENTITY_SOCKET}")
            serial.sendall(message())
            problem = _refused(serial, folder / qemu.CONSOLE)
        except OSError as error:
            problem = str(error)
    if problem:
        raise LabError("LAB-E-CLONE", node=name, reason=f"it did not take its identity ({problem})")


def _refused(serial: socket.socket, console: Path) -> str | None:
    """Why a clone does not acknowledge its identity."""
    limit = time.monotonic() + IDENTITY_SECONDS
    answer = b""
    while ACKNOWLEDGED not in answer:
        try:
            chunk = serial.recv(256)
        except TimeoutError:
            if console.is_file() and recipe.FAILED_MARK.encode() in console.read_bytes():
                return f"its console says: {tail(console, 2)}"
            if time.monotonic() > limit:
                return f"no answer within {IDENTITY_SECONDS:.0f} s; its console says: {tail(console, 2) or 'nothing'}"
            continue
        if not chunk:
            return "it ended"
        answer += chunk
    return None


def _wait_until_loaded(folder: Path, name: str) -> None:
    limit = time.monotonic() + WAKE_SECONDS
    while True:
        status = (qmp.execute_all({name: folder}, "query-status")[name] or {}).get("status")
        if status == "paused":
            return
        if status not in (None, "inmigrate") or time.monotonic() > limit:
            reason = tail(folder / qemu.LOG, 2) or f"its state is {status}"
            raise LabError("LAB-E-CLONE", node=name, reason=reason)
        time.sleep(0.1)
