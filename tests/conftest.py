# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Let plain pytest import ``ansible_collections.swarmlab.overlay`` from this checkout."""

from __future__ import annotations

import functools
import sys
import typing as t
from importlib.abc import MetaPathFinder
from importlib.machinery import FileFinder, ModuleSpec, SourceFileLoader
from pathlib import Path

from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder

CHECKOUT = Path(__file__).resolve().parents[1]


def collections_root() -> Path:
    """The folder that holds ``ansible_collections/``: around the checkout, or made by ``make setup``."""
    if CHECKOUT.parts[-3:] == ("ansible_collections", "swarmlab", "overlay"):
        return CHECKOUT.parents[2]
    return CHECKOUT / ".venv" / "collections"


class Compiled(MetaPathFinder):
    """Below our collection Python's own loader, which keeps what it compiled: Ansible's compiles 340 files in every process."""

    def find_spec(self, fullname: str, path: t.Sequence[str] | None, target: object = None) -> ModuleSpec | None:
        if path is None or not fullname.startswith("ansible_collections.swarmlab.overlay."):
            return None
        return next(filter(None, (finder(folder).find_spec(fullname) for folder in path)), None)


@functools.cache
def finder(folder: str) -> FileFinder:
    return FileFinder(folder, (SourceFileLoader, [".py"]))


_AnsibleCollectionFinder(paths=[str(collections_root())])._install()
sys.meta_path.insert(0, Compiled())
