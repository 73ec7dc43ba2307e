# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots of whole labs at one moment: memory and disks of all machines together.

Private to the collection swarmlab.overlay. The saved data are in the nodes' own disks; a manifest lists them. The
machines are paused while they are saved, so that no message is sent by one and not received by another.
"""

# pylint: disable=ansible-bad-function  # run_command belongs to modules; this runs in action plugins

from __future__ import annotations

import dataclasses
import json
import secrets
import shutil
import subprocess
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import processes, qemu, qmp, recipe, segment, state
from .driver import RUNNING, Driver
from .errors import LabError
from .image import recorded_images
from .state import LabRecord, NodeRecord
from .tools import find_tool, free_mib, tail, write_private
from .vm import VmDriver

FOLDER = "snapshots"
SAVE_SECONDS = 300.0
LOAD_SECONDS = 120.0
CLOCK_SECONDS = 60.0


@dataclasses.dataclass(frozen=True)
class Manifest:
    """The content of a snapshot."""

    name: str
    created: float  # seconds since 1970
    qemu: str  # the version that saved it
    accel: str
    nodes: dict[str, NodeRecord]


def parse(text: str, path: Path) -> Manifest:
    """Parse a manifest. Raises LabError when it is invalid."""
    try:
        content = json.loads(text)
        nodes = {name: state.node_record(node) for name, node in content.pop("nodes").items()}
        return Manifest(nodes=nodes, **content)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise LabError("LAB-E-BROKEN", path=path, reason=error) from error


def manifests(directory: Path) -> list[Manifest]:
    """All snapshots of a lab, oldest first."""
    found = [parse(path.read_text(encoding="utf-8"), path) for path in (directory / FOLDER).glob("*.json")]
    return sorted(found, key=lambda manifest: manifest.created)


def obstacles(manifest: Manifest, record: LabRecord, version: str) -> list[str]:
    """Why this snapshot cannot be restored into the present lab."""
    found = []
    if manifest.qemu != version:
        found.append(f"it was saved by QEMU {manifest.qemu}, and this is {version}")
    gone = [name for name in manifest.nodes if name not in record.nodes]
    added = [name for name in record.nodes if name not in manifest.nodes]
    renewed = [
        name
        for name, entry in manifest.nodes.items()
        if name in record.nodes and record.nodes[name].machine_id != entry.machine_id
    ]
    if gone:
        found.append(f"it has {', '.join(gone)}, which the lab has not any more")
    if renewed:
        found.append(f"{', '.join(renewed)} was made anew since")
    if added:
        found.append(f"the lab has {', '.join(added)}, which it has not (shrink the lab first)")
    return found


class Snapshots:
    """The snapshots of one lab of virtual machines."""

    def __init__(self, driver: Driver, record: LabRecord) -> None:
        if not isinstance(driver, VmDriver):
            raise LabError("LAB-E-NOSNAPSHOT", driver=record.driver)
        self.driver = driver
        self.spec = driver.spec
        self.record = record
        self.report = driver.report
        self.folders = {name: driver.folder(name) for name in record.nodes}

    def _path(self, name: str) -> Path:
        return self.spec.directory / FOLDER / f"{name}.json"

    def find(self, name: str) -> Manifest | None:
        return next((found for found in manifests(self.spec.directory) if found.name == name), None)

    def save(self, name: str) -> Manifest:
        """Pause all machines, save them, and resume them. A snapshot of this name is replaced."""
        states = self.driver.observe(self.record.nodes)
        idle = [f"{node} is {found}" for node, found in states.items() if found != RUNNING]
        if idle:
            raise LabError("LAB-E-SNAPSHOT", name=name, reason=f"{', '.join(idle)}; start the lab first")
        needed = sum(entry.memory for entry in self.record.nodes.values())
        available = free_mib(self.spec.directory)
        if available < needed:
            directory, purpose = self.spec.directory, "save the nodes' memory"
            raise LabError("LAB-E-DISK", directory=directory, available=available, needed=needed, purpose=purpose)
        started = time.monotonic()
        try:
            qmp.demand_all(self.folders, "stop")
            self._path(name).unlink(missing_ok=True)
            created = time.time()
            problems = self._jobs("snapshot-delete", name)
            if not problems:
                problems = self._jobs("snapshot-save", name, {"vmstate": qemu.DISK_NODE})
                if problems:  # remove it from every machine where it succeeded
                    self._jobs("snapshot-delete", name)
            self._raise(name, problems)
        finally:
            qmp.execute_all(self.folders, "cont")
        manifest = Manifest(name, created, qemu.version(), self.record.accel, dict(self.record.nodes))
        (self.spec.directory / FOLDER).mkdir(mode=0o700, exist_ok=True)
        write_private(self._path(name), json.dumps(dataclasses.asdict(manifest), indent=2) + "\n")
        self.report(f"snapshot {name}: {len(self.folders)} nodes saved in {time.monotonic() - started:.1f} s")
        return manifest

    def _jobs(self, command: str, tag: str, arguments: t.Mapping[str, t.Any] | None = None) -> list[str]:
        """Run the same job in all machines at once. Returns the errors."""
        # A unique name, because a job of an interrupted run may still exist.
        name = f"swarmlab-{secrets.token_hex(4)}"
        order = {"job-id": name, "tag": tag, "devices": [qemu.DISK_NODE], **(arguments or {})}
        # A machine does not answer while it writes its memory.
        qmp.demand_all(self.folders, command, order, seconds=SAVE_SECONDS)
        limit = time.monotonic() + SAVE_SECONDS
        waiting = dict(self.folders)
        problems = []
        while waiting:
            for node, jobs in qmp.execute_all(waiting, "query-jobs").items():
                job = next((job for job in jobs or [] if job["id"] == name), None)
                if job and job["status"] == "concluded":
                    qmp.demand_all({node: waiting.pop(node)}, "job-dismiss", {"id": name})
                    if job.get("error"):
                        problems.append(f"{node}: {job['error']}")
            if waiting and time.monotonic() > limit:
                problems.append(f"{', '.join(waiting)} did not finish within {SAVE_SECONDS:.0f} s")
                break
            time.sleep(0.05 if waiting else 0)
        return problems

    @staticmethod
    def _raise(name: str, problems: t.Sequence[str]) -> None:
        if problems:
            raise LabError("LAB-E-SNAPSHOT", name=name, reason="; ".join(problems))

    def restore(self, name: str) -> Manifest:
        """Restore all machines, and set their clocks to the present time."""
        manifest = self.find(name)
        if manifest is None:
            known = ", ".join(found.name for found in manifests(self.spec.directory)) or "none"
            raise LabError("LAB-E-NOSUCHSNAPSHOT", name=name, known=known)
        problems = obstacles(manifest, self.record, qemu.version())
        images = recorded_images(self.spec.cache, self.record)
        self._raise(name, problems)
        started = time.monotonic()
        nodes = [self.spec.node(entry.index) for entry in self.record.nodes.values()]
        self.report(f"snapshot {name}: bringing {', '.join(manifest.nodes)} back")
        processes.end(self.driver.nodes_folder, None, grace=0)
        segment.ensure(self.spec.directory)
        for node in nodes:
            entry, saved = self.record.nodes[node.name], manifest.nodes[node.name]
            entry.memory, entry.vcpus = saved.memory, saved.vcpus
        self.record.accel = manifest.accel
        self.driver.assign_ports(nodes, self.record)
        state.save(self.spec.directory, self.record)
        self.driver.configure(self.record)
        for node in nodes:
            (self.folders[node.name] / qemu.CONSOLE).unlink(missing_ok=True)
            self.driver.launch(node, self.record, images[node.name], ["-S", "-loadvm", name])
        self._wait_until_loaded(name)
        qmp.demand_all(self.folders, "cont")
        self._set_clocks()
        for folder in self.folders.values():
            with (folder / qemu.CONSOLE).open("a", encoding="ascii") as console:
                console.write(f"restored from snapshot {name}\n{recipe.READY_MARK}\n")
        self.driver.wait_ready(nodes, self.record)
        self.report(f"snapshot {name}: restored in {time.monotonic() - started:.1f} s")
        return manifest

    def _wait_until_loaded(self, name: str) -> None:
        limit = time.monotonic() + LOAD_SECONDS
        waiting = dict(self.folders)
        while waiting:
            alive = processes.find(self.driver.nodes_folder)
            for node, answer in qmp.execute_all(waiting, "query-status").items():
                if answer and answer["status"] in ("paused", "prelaunch"):
                    del waiting[node]
                elif node not in alive or time.monotonic() > limit:
                    reason = tail(self.folders[node] / qemu.LOG, 2) or "its memory was not loaded"
                    raise LabError("LAB-E-SNAPSHOT", name=name, reason=f"{node}: {reason}")
            time.sleep(0.05 if waiting else 0)

    def _set_clocks(self) -> None:
        """Set the clocks, before any program checks a certificate."""
        with ThreadPoolExecutor(max_workers=8) as pool:
            list(pool.map(self._set_clock, self.folders))

    def _set_clock(self, node: str) -> None:
        """Set a node's clock.

        The time is sent once the connection is open, so that a slow log-in does not distort it.
        """
        order = 'echo; read -r now && date -s "@$now" >/dev/null'
        words, first = self.driver.root_shell(node, order, "-o", f"ConnectTimeout={CLOCK_SECONDS:.0f}")
        process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        if process.stdin is None or process.stdout is None:
            raise AssertionError("input and output are pipes")
        try:
            process.stdin.write(first.decode())
            process.stdin.flush()
            process.stdout.readline()
            errors = process.communicate(f"{time.time():.3f}\n", timeout=CLOCK_SECONDS)[1]
        except (subprocess.TimeoutExpired, BrokenPipeError):
            process.kill()
            errors = process.communicate()[1] or f"no answer within {CLOCK_SECONDS:.0f} s"
        if process.returncode != 0:
            raise LabError("LAB-E-CLOCK", node=node, reason=" ".join(errors.split()) or "date failed")

    def delete(self, name: str) -> bool:
        """Remove a snapshot. Returns whether there was one. Machines may run or not."""
        if self.find(name) is None:
            return False
        alive = processes.find(self.driver.nodes_folder)
        stopped = [folder for node, folder in self.folders.items() if node not in alive]
        self.folders = {node: folder for node, folder in self.folders.items() if node in alive}
        self._raise(name, self._jobs("snapshot-delete", name))
        for folder in stopped:
            if name in _tags(folder / qemu.DISK):
                subprocess.run(
                    [find_tool("qemu-img") or "qemu-img", "snapshot", "-d", name, str(folder / qemu.DISK)],
                    check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                )  # fmt: skip
        self._path(name).unlink()
        if not any(self._path(name).parent.iterdir()):
            shutil.rmtree(self._path(name).parent)
        return True


def _tags(disk: Path) -> list[str]:
    """Tags of the snapshots in the disk of a stopped machine."""
    done = subprocess.run(
        [find_tool("qemu-img") or "qemu-img", "info", "--output=json", str(disk)],
        check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return [entry["name"] for entry in json.loads(done.stdout).get("snapshots", [])]
