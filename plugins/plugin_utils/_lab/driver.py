# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a driver is: the few things that differ between nodes that are machines and nodes that are containers.

Private to the collection swarmlab.overlay. A new driver is one new file with a subclass, named in ``drivers.py``.
"""

from __future__ import annotations

import abc
import dataclasses
import typing as t

from .faults import FaultSpec
from .image import Image
from .spec import LabSpec, NodeSpec
from .state import LabRecord

ABSENT = "absent"  # nothing of the node is there, or not all of it
STOPPED = "stopped"  # complete, not running
PAUSED = "paused"  # running, and not executing
STARTING = "starting"  # running, not ready yet
RUNNING = "running"  # running and ready

Report = t.Callable[[str], None]
Images = t.Mapping[str, Image]  # by the name of the node


@dataclasses.dataclass
class Plan:
    """What a run will do to the nodes of a lab."""

    create: list[NodeSpec]
    start: list[NodeSpec]

    def __bool__(self) -> bool:
        return bool(self.create or self.start)


@dataclasses.dataclass
class Answer:
    """What a command on a node printed, as far as it came, and why there may be no more of it."""

    output: bytes = b""
    problem: str | None = None


class Driver(abc.ABC):
    """Nodes of one lab. Methods raise LabError; every one can be called again after an interruption."""

    def __init__(self, spec: LabSpec, report: Report) -> None:
        self.spec = spec
        self.report = report

    @abc.abstractmethod
    def preflight(self, plan: Plan) -> None:
        """Raise LabError when this machine cannot carry out the plan. Changes nothing."""

    @abc.abstractmethod
    def observe(self, names: t.Iterable[str]) -> dict[str, str]:
        """The state of each node: one of the constants above."""

    @abc.abstractmethod
    def accelerator(self, image: Image) -> str:
        """How nodes of this image are executed: kvm, tcg or native."""

    @abc.abstractmethod
    def configure(self, record: LabRecord) -> bool:
        """Write what lies around the nodes (keys, connection settings); whether anything had to be written."""

    @abc.abstractmethod
    def create(self, nodes: t.Sequence[NodeSpec], record: LabRecord, images: Images) -> None:
        """Make the nodes, or complete them, without starting them."""

    @abc.abstractmethod
    def start(self, nodes: t.Sequence[NodeSpec], record: LabRecord, images: Images) -> None:
        """Start the nodes, or let paused ones go on. Does not wait."""

    @abc.abstractmethod
    def wait_ready(self, nodes: t.Sequence[NodeSpec], record: LabRecord) -> None:
        """Return when all nodes answer and their engines work."""

    @abc.abstractmethod
    def stop(self, names: t.Iterable[str]) -> None:
        """End the nodes gracefully within a bound, then by force. Disks stay."""

    @abc.abstractmethod
    def publish_names(self, names: t.Collection[str], record: LabRecord) -> None:
        """Let these nodes, which run, know the names of all nodes of the record, after some came or went."""

    @abc.abstractmethod
    def discard(self, names: t.Iterable[str]) -> None:
        """Remove nodes at once: processes and disks."""

    @abc.abstractmethod
    def set_faults(self, faults: t.Sequence[FaultSpec], record: LabRecord) -> None:
        """Give the lab these faults. Each ends by itself after its time, but for killed nodes."""

    @abc.abstractmethod
    def clear_faults(self, names: t.Collection[str] | None, record: LabRecord) -> list[str]:
        """End these faults (None: all); the names of those that there were."""

    @abc.abstractmethod
    def faults(self, record: LabRecord) -> list[str]:
        """Names of the faults that the lab has now."""

    @abc.abstractmethod
    def execute(self, name: str, script: str, seconds: int) -> Answer:
        """Run a shell script on a running node. A node that does not answer is a problem in the answer, no error."""

    @abc.abstractmethod
    def consoles(self, name: str) -> dict[str, bytes]:
        """What the node said at its console, and its carrier about it: the end of it, by file name."""

    @abc.abstractmethod
    def leftovers(self) -> list[str]:
        """Names of what exists of this lab outside its record: what destroying it would have to end."""

    @abc.abstractmethod
    def remove(self) -> None:
        """Remove everything of this lab outside its folder, also what no record names."""
