# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The interface of drivers: the operations that differ between machines and containers as nodes.

Private to the collection swarmlab.overlay. A new driver is one new file with a subclass, listed in ``drivers.py``.
"""

from __future__ import annotations

import abc
import dataclasses
import typing as t

from .faults import FaultSpec
from .image import Image
from .spec import LabSpec, NodeSpec
from .state import LabRecord

ABSENT = "absent"  # the node does not exist, or not completely
STOPPED = "stopped"  # complete, not running
PAUSED = "paused"  # running, and not executing
STARTING = "starting"  # running, not ready yet
RUNNING = "running"  # running and ready

Report = t.Callable[[str], None]
Images = t.Mapping[str, Image]  # by node name


@dataclasses.dataclass
class Plan:
    """The changes that a run will make to the nodes of a lab."""

    create: list[NodeSpec]
    start: list[NodeSpec]

    def __bool__(self) -> bool:
        return bool(self.create or self.start)


@dataclasses.dataclass
class Answer:
    """The output of a command on a node, possibly incomplete, and the reason if it is."""

    output: bytes = b""
    problem: str | None = None


class Driver(abc.ABC):
    """Nodes of one lab. Methods raise LabError; each can be called again after an interruption."""

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
        """The accelerator of nodes with this image: kvm, tcg or native."""

    @abc.abstractmethod
    def configure(self, record: LabRecord) -> bool:
        """Write the files around the nodes (keys, connection settings). Returns whether anything changed."""

    @abc.abstractmethod
    def create(self, nodes: t.Sequence[NodeSpec], record: LabRecord, images: Images) -> None:
        """Create the nodes, or complete them, without starting them."""

    @abc.abstractmethod
    def start(self, nodes: t.Sequence[NodeSpec], record: LabRecord, images: Images) -> None:
        """Start the nodes, or resume paused ones. Does not wait."""

    @abc.abstractmethod
    def wait_ready(self, nodes: t.Sequence[NodeSpec], record: LabRecord) -> None:
        """Wait until all nodes answer and their engines work."""

    @abc.abstractmethod
    def stop(self, names: t.Iterable[str]) -> None:
        """Stop the nodes gracefully within a time limit, then by force. Disks stay."""

    @abc.abstractmethod
    def publish_names(self, names: t.Collection[str], record: LabRecord) -> None:
        """Update the names of the record's nodes on these running nodes, after nodes were added or removed."""

    @abc.abstractmethod
    def discard(self, names: t.Iterable[str]) -> None:
        """Remove nodes at once: processes and disks."""

    @abc.abstractmethod
    def set_faults(self, faults: t.Sequence[FaultSpec], record: LabRecord) -> None:
        """Set these faults. Each ends by itself after its time, except for killed nodes."""

    @abc.abstractmethod
    def clear_faults(self, names: t.Collection[str] | None, record: LabRecord) -> list[str]:
        """End these faults (None: all). Returns the names of those that were active."""

    @abc.abstractmethod
    def faults(self, record: LabRecord) -> list[str]:
        """Names of the active faults."""

    @abc.abstractmethod
    def execute(self, name: str, script: str, seconds: int) -> Answer:
        """Run a shell script on a running node for at most ``seconds``.

        A silent node is a problem in the answer, not an error.
        """

    @abc.abstractmethod
    def consoles(self, name: str) -> dict[str, bytes]:
        """The end of the node's console output and of its carrier's messages, by file name."""

    @abc.abstractmethod
    def leftovers(self) -> list[str]:
        """Names of the lab's objects outside its record, which destroying it would have to remove."""

    @abc.abstractmethod
    def remove(self) -> None:
        """Remove everything of this lab outside its folder, with or without a record."""
