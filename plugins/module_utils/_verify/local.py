# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run has on this node: its tasks' containers, and the helpers in their namespaces.

Private to swarmlab.overlay.
"""

from __future__ import annotations

from typing import Any

from .._probe import background
from . import names
from .engine import Engine, NotFound

HOST_NAMESPACE = "/proc/self/ns/net"


def running(engine: Engine, run: str, part: str) -> tuple[bool, dict]:
    """The network settings of the run's local container of this part, as soon as it has a namespace; for ``wait_until``."""
    labels = ["%s=%s" % pair for pair in names.labels(run, part).items()]
    for found in engine.containers({"label": labels, "status": "running"}):
        try:
            settings = engine.inspect_container(found["Id"])["NetworkSettings"]
        except NotFound:
            continue
        return bool(settings["SandboxKey"]), settings
    return False, {}


def start(errors: list, lease: background.Lease, name: str, job: Any, namespace: Any = None, alone: Any = None) -> None:
    """Start a helper; why it did not start goes to ``errors``."""
    reason = background.start(lease, name, job, namespace, alone)
    if reason:
        errors.append("%s: %s" % (name, reason))
