# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The classroom's ear on a node: it carries out phases of the lesson, one order a line, and answers with one line each.

Sent to the node (ears.py) together with the node code, and run from its own archive. Standard library only.
"""

from __future__ import annotations

import json
import sys

from node._engine.client import Engine, Refused
from node._engine.transport import EngineError
from node._lesson.phases import PHASES
from node._probe.netns import ProbeError


def main() -> None:
    """Answer orders until there are no more."""
    for line in sys.stdin:
        order = json.loads(line)
        try:
            answer = {"seen": PHASES[order["phase"]](Engine(), order["plan"])}
        except (EngineError, Refused, ProbeError, OSError) as error:
            answer = {"problem": str(error)}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
