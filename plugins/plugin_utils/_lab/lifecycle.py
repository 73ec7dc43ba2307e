# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring a lab from any state to the wanted one, also after interruptions.

Private to the collection swarmlab.overlay.
"""

from __future__ import annotations

import contextlib
import dataclasses
import secrets
import shutil
import time
import typing as t
from pathlib import Path

from . import state
from .driver import ABSENT, PAUSED, RUNNING, STARTING, STOPPED, Driver, Images, Plan, Report
from .drivers import DRIVERS
from .errors import LabError
from .image import Image, ensure_image, find_image, image_key, recorded_images
from .imagespec import ImageSpec
from .lock import exclusive
from .logs import is_archive
from .qemu import default_vcpus
from .spec import REFUSE, REMOVE, LabSpec, NodeSpec
from .sshconf import CONFIG, KNOWN_HOSTS, PASSWORD, USER_KEY
from .state import LabRecord, NodeRecord

LOCK_SECONDS = 30
RECREATE = "this takes effect when the lab is destroyed and created again"
RESTART = "this takes effect when the lab is stopped and started again"
# The entries by which a lab's folder without a record is still recognised as a lab.
OWN_ENTRIES = frozenset(
    {
        state.FILE,
        CONFIG,
        KNOWN_HOSTS,
        USER_KEY,
        f"{USER_KEY}.pub",
        PASSWORD,
        "lesson",
        "nodes",
        "report",
        "segment",
        "snapshots",
    }
)


@dataclasses.dataclass
class Outcome:
    """The changes that a run made, or would make."""

    changed: bool = False
    before: dict[str, str] = dataclasses.field(default_factory=dict)
    after: dict[str, str] = dataclasses.field(default_factory=dict)
    record: LabRecord | None = None
    cached: bool | None = None
    warnings: list[str] = dataclasses.field(default_factory=list)
    seconds: dict[str, float] = dataclasses.field(default_factory=dict)

    @contextlib.contextmanager
    def timed(self, step: str) -> t.Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds[step] = round(time.monotonic() - started, 1)


def run(spec: LabSpec, check_mode: bool, report: Report) -> Outcome:
    """Reach ``spec.state``."""
    folder = spec.directory
    if spec.state == "absent" and not folder.exists() and not _drivers_leftovers(spec, report):
        return Outcome()
    if check_mode:
        return _act(spec, True, report)
    with exclusively(spec, report):
        return _act(spec, False, report)


@contextlib.contextmanager
def exclusively(spec: LabSpec, report: Report) -> t.Iterator[None]:
    """Lock this lab against other runs."""
    folder = spec.directory
    _make_folder(folder.parent)
    lock = folder.parent / f".{folder.name}.lock"
    try:
        with exclusive(lock, what=f"lab {spec.name}", wait=LOCK_SECONDS, report=report):
            try:
                yield
            finally:
                if not folder.exists():
                    lock.unlink()
    finally:
        if folder.parent.name == ".lab" and not any(folder.parent.iterdir()):
            folder.parent.rmdir()


def _act(spec: LabSpec, check_mode: bool, report: Report) -> Outcome:
    actions = {"present": _present, "stopped": _stopped, "absent": _absent}
    return actions[spec.state](spec, check_mode, report)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise LabError("LAB-E-FOLDER", path=folder, reason=error.strerror) from error


def _load(spec: LabSpec) -> LabRecord | None:
    """The lab's record. Raises LabError when the definition contradicts it."""
    record = state.load(spec.directory)
    if record is None:
        return None
    if record.driver != spec.driver:
        raise LabError("LAB-E-DRIVERCHANGE", found=record.driver, wanted=spec.driver)
    if record.subnet != str(spec.subnet):
        raise LabError("LAB-E-SUBNETCHANGE", found=record.subnet, wanted=spec.subnet)
    return record


def plan_nodes(spec: LabSpec, states: t.Mapping[str, str]) -> Plan:
    """The nodes to create and to start, given their states."""
    nodes = spec.node_list
    return Plan(
        create=[node for node in nodes if states.get(node.name, ABSENT) == ABSENT],
        start=[node for node in nodes if states.get(node.name, ABSENT) not in (RUNNING, STARTING)],
    )


def notes(spec: LabSpec, record: LabRecord, running: t.Container[str]) -> list[str]:
    """The parts of the definition that the lab will not have after this run."""
    images: dict[tuple[str, str], list[str]] = {}
    found = []
    for name, entry in record.nodes.items():
        if entry.index > spec.nodes:
            continue
        wanted = image_key(spec.image_of(name))
        if entry.image != wanted:
            images.setdefault((entry.image, wanted), []).append(name)
        if entry.settings.jump != spec.settings_of(name).jump:
            ways = [
                f"through {jump}" if jump else "directly" for jump in (entry.settings.jump, spec.settings_of(name).jump)
            ]
            found.append(f"{name} is reached {ways[0]}, not {ways[1]}; {RECREATE}")
    for (has, wanted), names in images.items():
        found.append(f"{', '.join(names)} was made from image {has}, not from {wanted}; {RECREATE}")
    if spec.driver != "vm":
        return found
    for name, entry in record.nodes.items():
        if entry.disk != spec.disk:
            found.append(f"{name} has a disk of {entry.disk} GiB, not {spec.disk}; {RECREATE}")
        if name not in running:
            continue
        if entry.memory != spec.memory:
            found.append(f"{name} has {entry.memory} MiB of memory, not {spec.memory}; {RESTART}")
        if spec.vcpus and entry.vcpus != spec.vcpus:
            found.append(f"{name} has {entry.vcpus} processor(s), not {spec.vcpus}; {RESTART}")
    return found


def _present(spec: LabSpec, check_mode: bool, report: Report) -> Outcome:
    outcome = Outcome()
    existing = _load(spec)
    record = existing or LabRecord(spec.name, spec.driver, str(spec.subnet))
    driver = DRIVERS[spec.driver](record.settled(spec), report)
    extra = record.beyond(spec.nodes)
    if extra and spec.surplus == REFUSE:
        raise LabError("LAB-E-SHRINK", extra=", ".join(extra), wanted=spec.nodes)
    removing = extra if spec.surplus == REMOVE else []
    names = [node.name for node in spec.node_list]
    with outcome.timed("look"):
        states = driver.observe([*names, *removing])
    plan = plan_nodes(spec, states)
    if existing:
        outcome.warnings = notes(spec, record, {*names} - {node.name for node in plan.start})
    outcome.record = record
    outcome.before = states
    outcome.after = dict.fromkeys(names, RUNNING)
    outcome.changed = bool(plan or removing) or STARTING in [states[name] for name in names]
    if plan:
        driver.preflight(plan)
    if check_mode:
        return outcome
    if removing:
        with outcome.timed("remove"):
            report(f"removing {', '.join(removing)}")
            _forget(spec, driver, removing, record)
    if existing and not plan:
        outcome.changed = driver.configure(record) or outcome.changed
    if plan or STARTING in [states[name] for name in names]:
        _carry_out(spec, driver, plan, record, outcome)
    return outcome


def _carry_out(spec: LabSpec, driver: Driver, plan: Plan, record: LabRecord, outcome: Outcome) -> None:
    fresh = not spec.directory.exists()
    with outcome.timed("image"):
        images = images_for(spec, record, driver.report)
    outcome.cached = all(image.cached for image in images.values())
    try:
        _make_folder(spec.directory)
        _boot(spec, driver, plan, record, images, outcome)
    except BaseException:  # KeyboardInterrupt too: remove what this run created, and nothing else
        if not spec.retain_failed:
            _undo(spec, driver, plan.create, record, fresh)
        raise


def images_for(spec: LabSpec, record: LabRecord, report: Report) -> dict[str, Image]:
    """The image of each node: the recorded one if it is cached; for a new node that of nodes with the same settings."""
    found: dict[str, Image] = {}
    alike = {spec_of(spec, entry).kind: entry.image for entry in record.nodes.values()}
    for node in spec.node_list:
        entry = record.nodes.get(node.name)
        wanted = spec_of(spec, entry) if entry else spec.image_of(node.name)
        known = entry.image if entry else alike.get(wanted.kind)
        image = find_image(spec.cache, known) if known else None
        if image is None:
            image = ensure_image(spec.cache, wanted, report)
            if entry and image.key != entry.image:
                raise LabError("LAB-E-IMAGEGONE", image=entry.image, cache=spec.cache)
        found[node.name] = image
    return found


def spec_of(spec: LabSpec, entry: NodeRecord) -> ImageSpec:
    """The image specification of a recorded node."""
    return entry.settings.image(spec.mirror, spec.packages)


def _boot(spec: LabSpec, driver: Driver, plan: Plan, record: LabRecord, images: Images, outcome: Outcome) -> None:
    with outcome.timed("create"):
        record.accel = driver.accelerator(next(iter(images.values())))
        for node in plan.create:
            record.nodes.setdefault(node.name, _new_record(spec, node, images[node.name].key))
        for node in plan.start:
            record.nodes[node.name].memory = spec.memory
            record.nodes[node.name].vcpus = spec.vcpus or default_vcpus(record.accel)
        state.save(spec.directory, record)
        driver.create(plan.create, record, images)
    with outcome.timed("boot"):
        if plan.start:
            driver.report(f"starting {', '.join(node.name for node in plan.start)} ({record.accel})")
        driver.start(plan.start, record, images)
        state.save(spec.directory, record)
        driver.configure(record)
        driver.wait_ready(spec.node_list, record)
        created = {node.name for node in plan.create}
        if created:
            driver.publish_names(set(record.nodes) - created, record)


def start_idle(driver: Driver, record: LabRecord, check_mode: bool) -> bool:
    """Start the stopped nodes of an existing lab. Returns whether there were any."""
    spec = driver.spec
    states = driver.observe(record.nodes)
    idle = [spec.node(record.nodes[name].index) for name, found in states.items() if found in (STOPPED, PAUSED)]
    if idle and not check_mode:
        images = recorded_images(spec.cache, record)
        with exclusively(spec, driver.report):
            driver.start(idle, record, images)
            state.save(spec.directory, record)
            driver.configure(record)
            driver.wait_ready(idle, record)
    return bool(idle)


def _new_record(spec: LabSpec, node: NodeSpec, image: str) -> NodeRecord:
    return NodeRecord(
        index=node.index,
        address=node.address,
        machine_id=secrets.token_hex(16),
        memory=spec.memory,
        vcpus=spec.vcpus,
        disk=spec.disk,
        image=image,
        settings=spec.settings_of(node.name),
    )


def _undo(spec: LabSpec, driver: Driver, created: t.Sequence[NodeSpec], record: LabRecord, fresh: bool) -> None:
    driver.report("cleaning up what this run created: " + (", ".join(node.name for node in created) or "nothing"))
    names = [node.name for node in created]
    if fresh:
        driver.discard(names)
        driver.remove()
        shutil.rmtree(spec.directory, ignore_errors=True)
        return
    _forget(spec, driver, names, record)


def _forget(spec: LabSpec, driver: Driver, names: t.Iterable[str], record: LabRecord) -> None:
    """Remove nodes of a lab that stays.

    Their record goes last, so that another run can finish an interrupted removal.
    """
    driver.discard(names)
    for name in names:
        record.nodes.pop(name, None)
    state.save(spec.directory, record)
    driver.configure(record)
    driver.publish_names(list(record.nodes), record)


def _stopped(spec: LabSpec, check_mode: bool, report: Report) -> Outcome:
    record = _load(spec)
    if record is None:
        return Outcome()
    driver = DRIVERS[spec.driver](record.settled(spec), report)
    states = driver.observe(record.nodes)
    running = [name for name, found in states.items() if found not in (STOPPED, ABSENT)]
    after = {name: STOPPED if name in running else found for name, found in states.items()}
    outcome = Outcome(changed=bool(running), before=states, after=after, record=record)
    if running and not check_mode:
        report(f"stopping {', '.join(running)}")
        with outcome.timed("stop"):
            driver.stop(running)
    return outcome


def _drivers_leftovers(spec: LabSpec, report: Report) -> list[str]:
    return [name for driver in _destroyers(spec, report) for name in driver.leftovers()]


def _destroyers(spec: LabSpec, report: Report) -> list[Driver]:
    """Every driver that can look for remains of this lab. The driver in the definition must be able to."""
    found = []
    for name, driver_class in DRIVERS.items():
        driver = driver_class(spec, report)
        try:
            driver.leftovers()
        except LabError:
            if name in (spec.driver, _recorded_driver(spec)):
                raise
            continue
        found.append(driver)
    return found


def _recorded_driver(spec: LabSpec) -> str | None:
    try:
        record = state.load(spec.directory)
    except LabError:
        return None
    return record.driver if record else None


def _absent(spec: LabSpec, check_mode: bool, report: Report) -> Outcome:
    """Destroy a lab. No record is needed: a broken one, or one of another version, must not prevent it."""
    _require_lab_folder(spec.directory)
    folders = [path.name for path in (spec.directory / "nodes").glob("vm*")]
    before = dict.fromkeys(sorted({*folders, *_drivers_leftovers(spec, report)}), "present")
    outcome = Outcome(changed=True, before=before)
    if not check_mode:
        report(f"destroying lab {spec.name} in {spec.directory}")
        with outcome.timed("remove"):
            for driver in _destroyers(spec, report):
                driver.remove()
            if spec.directory.exists():
                shutil.rmtree(spec.directory)
    return outcome


def _require_lab_folder(folder: Path) -> None:
    """Raise LabError for a folder that is not a lab's, so that it is never removed."""
    if not folder.exists():
        return
    if not folder.is_dir() or folder.is_symlink():
        raise LabError("LAB-E-FOLDER", path=folder, reason="it is not a directory")
    if (folder / state.FILE).exists():
        return
    foreign = sorted(path.name for path in folder.iterdir() if path.name not in OWN_ENTRIES and not is_archive(path))
    if foreign:
        raise LabError("LAB-E-FOLDER", path=folder, reason=f"it has no {state.FILE}, and holds {foreign[0]}")
