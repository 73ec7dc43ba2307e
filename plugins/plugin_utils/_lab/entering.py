# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command that leads onto a node of a lab, whatever the node is.

Private to the collection swarmlab.overlay.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from .container import container_name
from .sshconf import CONFIG
from .state import LabRecord
from .tools import find_tool, require_tools


def words(record: LabRecord, folder: Path, node: str, script: str, terminal: bool) -> list[str]:
    """What to run to have a shell script run on the node, on a terminal or not. Raises LabError without the tool for it."""
    if record.driver != "container":
        require_tools({"ssh": ("openssh-client", "reach the nodes")})
        return ["ssh", "-F", str(folder / CONFIG), "-tt" if terminal else "-T", node, f"sh -c {shlex.quote(script)}"]
    require_tools({"docker": ("docker-cli", "enter a node that is a container")})
    return [
        find_tool("docker") or "docker",
        "exec",
        "-it" if terminal else "-i",
        container_name(record.name, node),
        "sh",
        "-c",
        script,
    ]


def nodes(record: LabRecord) -> list[str]:
    """The nodes of a lab in their order."""
    return sorted(record.nodes, key=lambda name: record.nodes[name].index)
