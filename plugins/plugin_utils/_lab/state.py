# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's record, lab.json: its created objects, for later runs.

Private to the collection swarmlab.overlay.
"""

from __future__ import annotations

import dataclasses
import json
import typing as t
from pathlib import Path

from .errors import LabError
from .settings import NodeSettings
from .spec import LabSpec
from .tools import write_private

FORMAT = 3
ONE_IMAGE_FORMAT = 2  # the earlier format: one image for all nodes, no settings of nodes
FILE = "lab.json"


@dataclasses.dataclass
class NodeRecord:
    """The properties that a node was created with. They stay through stops and starts."""

    index: int
    address: str
    machine_id: str
    memory: int
    vcpus: int
    disk: int
    ssh_port: int = 0  # 0: none, the node is reached through another one
    golden: str = ""  # the golden node below its disk
    image: str = ""
    settings: NodeSettings = NodeSettings()


@dataclasses.dataclass
class LabRecord:
    """The properties that the lab was created with."""

    name: str
    driver: str
    subnet: str
    accel: str = ""
    nodes: dict[str, NodeRecord] = dataclasses.field(default_factory=dict)

    def settled(self, spec: LabSpec) -> LabSpec:
        """The definition, with existing nodes as they were created."""
        made = {name: entry.settings for name, entry in self.nodes.items()}
        return dataclasses.replace(spec, settings={**spec.settings, **made})

    def beyond(self, nodes: int) -> list[str]:
        """Nodes beyond this number of nodes."""
        return [name for name, entry in self.nodes.items() if entry.index > nodes]


def load(folder: Path) -> LabRecord | None:
    """The record in a lab's folder; None when there is none."""
    path = folder / FILE
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise LabError("LAB-E-BROKEN", path=path, reason=error) from error
    return parse(text, path)


def existing(name: str, folder: Path) -> LabRecord:
    """The record of a lab that must be there. Raises LabError."""
    record = load(folder)
    if record is None:
        raise LabError("LAB-E-NOLAB", name=name, directory=folder)
    return record


def parse(text: str, path: Path) -> LabRecord:
    """Parse a record. The version is checked first. Raises LabError."""
    try:
        content = json.loads(text)
    except ValueError as error:
        raise LabError("LAB-E-BROKEN", path=path, reason=error) from error
    if not isinstance(content, dict):
        raise LabError("LAB-E-BROKEN", path=path, reason="it is not a JSON object")
    version = content.pop("format", None)
    if version not in (ONE_IMAGE_FORMAT, FORMAT):
        raise LabError("LAB-E-FORMAT", path=path, found=version, expected=FORMAT)
    try:
        shared = {}
        if version == ONE_IMAGE_FORMAT:
            image = content.pop("image")
            shared = {"image": image, "settings": {"suite": image.rpartition("-")[0]}}
        nodes = {name: node_record({**shared, **node}) for name, node in content.pop("nodes").items()}
        return LabRecord(nodes=nodes, **content)
    except (AttributeError, KeyError, TypeError) as error:
        raise LabError("LAB-E-BROKEN", path=path, reason=error) from error


def node_record(content: t.Mapping[str, t.Any]) -> NodeRecord:
    """A node of a record or of a snapshot. Raises TypeError when it is invalid."""
    return NodeRecord(**{**content, "settings": NodeSettings(**content.get("settings", {}))})


def render(record: LabRecord) -> str:
    return json.dumps({"format": FORMAT, **dataclasses.asdict(record)}, indent=2) + "\n"


def save(folder: Path, record: LabRecord) -> None:
    write_private(folder / FILE, render(record))
