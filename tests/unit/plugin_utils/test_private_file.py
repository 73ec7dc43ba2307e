# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that hold secrets."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils.private_file import write


def test_the_file_is_for_its_owner_alone_and_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "keys.yml"
    path.write_text("old")
    path.chmod(0o644)
    write(str(path), b"new")
    assert path.read_bytes() == b"new" and stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["keys.yml"]
    with pytest.raises(OSError):
        write(str(tmp_path / "none" / "keys.yml"), b"new")
