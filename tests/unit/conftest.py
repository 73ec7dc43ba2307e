# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A busy machine fails no property."""

from __future__ import annotations

import gc

from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


def pytest_collection_finish() -> None:
    """What was imported stays until the end: the garbage collector need not look through it in each of its rounds."""
    gc.freeze()
