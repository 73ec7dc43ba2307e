# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Let plain pytest import ``ansible_collections.swarmlab.overlay`` from this checkout."""

from __future__ import annotations

from pathlib import Path

from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder

CHECKOUT = Path(__file__).resolve().parents[1]


def collections_root() -> Path:
    """The folder that holds ``ansible_collections/``: around the checkout, or made by ``make setup``."""
    if CHECKOUT.parts[-3:] == ("ansible_collections", "swarmlab", "overlay"):
        return CHECKOUT.parents[2]
    return CHECKOUT / ".venv" / "collections"


_AnsibleCollectionFinder(paths=[str(collections_root())])._install()
