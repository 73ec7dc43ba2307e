# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A shell on a node of a lab, whatever the node is.

Usage: python scripts/node_shell.py LAB NODE [COMMAND ...]
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT))

from plugins.plugin_utils._lab import entering, spec, state  # noqa: E402  (found by the line above)
from plugins.plugin_utils._lab.errors import LabError  # noqa: E402  (likewise)

LABS = CHECKOUT / ".lab"
SHELL = "command -v bash >/dev/null && exec bash -l || exec sh -l"


def command(lab: str, node: str, argv: list[str]) -> list[str]:
    """What to run to be on the node."""
    record = known_lab(lab)
    if node not in record.nodes:
        raise SystemExit(f"ssh: lab {lab} has no node {node}; there are {', '.join(record.nodes) or 'none'}")
    return entering.words(record, LABS / lab, node, " ".join(argv) or SHELL, sys.stdin.isatty())


def known_lab(lab: str) -> state.LabRecord:
    spec.parse({"name": lab}, CHECKOUT)  # a name that is none must not lead out of the folder
    record = state.load(LABS / lab)
    if record is None:
        others = sorted(path.parent.name for path in LABS.glob(f"*/{state.FILE}"))
        raise SystemExit(
            f"ssh: there is no lab {lab} in {LABS}; there are {', '.join(others) or 'none, try: make lab'}"
        )
    return record


def main(argv: list[str]) -> NoReturn:
    if len(argv) < 2:
        raise SystemExit(__doc__)
    try:
        words = command(argv[0], argv[1], argv[2:])
    except LabError as error:
        raise SystemExit(f"ssh: {error.message}") from None
    os.execvp(words[0], words)


if __name__ == "__main__":
    main(sys.argv[1:])
