# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compile and import what runs on nodes, with the Python that this runs in: a node's, with nothing installed.

Usage: pythonX.Y scripts/node_code.py FOLDER_OF_THE_PACKAGE_ANSIBLE
Prints a line for each file that fails, and last how many passed and failed.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
import traceback
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
FOLDERS = ("plugins/modules", "plugins/module_utils")
SENT = ("release.py", "module_utils")  # all that Ansible sends of itself to a node, beside an __init__.py of its own


def lay_out(root: Path, ansible: Path) -> None:
    """A folder to import from that holds what Ansible would send, and no more."""
    (root / "ansible").mkdir()
    (root / "ansible" / "__init__.py").touch()
    for name in SENT:
        (root / "ansible" / name).symlink_to(ansible / name)
    (root / "ansible_collections" / "swarmlab").mkdir(parents=True)
    (root / "ansible_collections" / "swarmlab" / "overlay").symlink_to(CHECKOUT)


def problem(path: Path) -> str:
    """Why a file does not compile or cannot be imported, else nothing."""
    name = ".".join(path.relative_to(CHECKOUT).with_suffix("").parts)
    try:
        compile(path.read_text(encoding="utf-8"), str(path), "exec")
        importlib.import_module("ansible_collections.swarmlab.overlay." + name)
    except (Exception, SystemExit):  # whatever an import may raise is what is looked for
        return traceback.format_exc(limit=-1).strip().replace("\n", " | ")
    return ""


def main(ansible: str) -> int:
    sys.dont_write_bytecode = True
    files = sorted(path for folder in FOLDERS for path in (CHECKOUT / folder).rglob("*.py"))
    with tempfile.TemporaryDirectory() as root:
        lay_out(Path(root), Path(ansible).resolve())
        sys.path.insert(0, root)
        problems = {path: problem(path) for path in files}
    bad = {path: text for path, text in problems.items() if text}
    for path, text in bad.items():
        print(f"{path.relative_to(CHECKOUT)}: {text}")
    print(f"{len(files) - len(bad)} passed, {len(bad)} failed")
    return 1 if bad or not files else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
