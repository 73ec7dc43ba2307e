# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The classroom's ear on a node: it carries out phases of the lesson, one order a line, and answers with one line each.

Sent to the node (ears.py) together with the node code, and run from its own archive. Standard library only.
"""

from __future__ import annotations

import json
import sys

from node._engine.client import Engine
from node._engine.transport import EngineError
from node._lesson.phases import carry_out


def main() -> None:
    """Answer orders until there are no more."""
    for line in sys.stdin:
        order = json.loads(line)
        try:
            answer = carry_out(Engine(), order["phase"], order["plan"])
        except (EngineError, OSError) as error:
            answer = {"msg": str(error)}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
