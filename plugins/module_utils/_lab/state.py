# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's record, lab.json: what was made, so that another run can go on with it.

Private to the collection swarmlab.overlay.
"""

from __future__ import annotations

import dataclasses
import json
import typing as t
from pathlib import Path

from .errors import LabError
from .tools import write_private

FORMAT = 2
FILE = "lab.json"


@dataclasses.dataclass
class NodeRecord:
    """What one node was made with. It stays through stops and starts."""

    index: int
    address: str
    machine_id: str
    memory: int
    vcpus: int
    disk: int
    ssh_port: int = 0
    golden: str = ""  # the golden node that its disk is based on


@dataclasses.dataclass
class LabRecord:
    """What the lab was made with."""

    name: str
    driver: str
    subnet: str
    image: str
    accel: str = ""
    nodes: t.Dict[str, NodeRecord] = dataclasses.field(default_factory=dict)

    def beyond(self, nodes: int) -> t.List[str]:
        """Nodes that a lab of this many has no place for."""
        return [name for name, entry in self.nodes.items() if entry.index > nodes]


def load(folder: Path) -> t.Optional[LabRecord]:
    """The record in a lab's folder; None when there is none."""
    path = folder / FILE
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise LabError("LAB-E-BROKEN", path=path, reason=error) from error
    return parse(text, path)


def parse(text: str, path: Path) -> LabRecord:
    """Read a record; the version is looked at before anything else."""
    try:
        content = json.loads(text)
    except ValueError as error:
        raise LabError("LAB-E-BROKEN", path=path, reason=error) from error
    if not isinstance(content, dict):
        raise LabError("LAB-E-BROKEN", path=path, reason="it is not a JSON object")
    version = content.pop("format", None)
    if version != FORMAT:
        raise LabError("LAB-E-FORMAT", path=path, found=version, expected=FORMAT)
    try:
        nodes = {name: NodeRecord(**node) for name, node in content.pop("nodes").items()}
        return LabRecord(nodes=nodes, **content)
    except (AttributeError, KeyError, TypeError) as error:
        raise LabError("LAB-E-BROKEN", path=path, reason=error) from error


def render(record: LabRecord) -> str:
    return json.dumps({"format": FORMAT, **dataclasses.asdict(record)}, indent=2) + "\n"


def save(folder: Path, record: LabRecord) -> None:
    write_private(folder / FILE, render(record))
