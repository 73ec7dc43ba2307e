# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The name servers that a container's programs ask."""

from __future__ import annotations

import os
from pathlib import Path

from ansible_collections.swarmlab.overlay.plugins.module_utils._host import parse_nameservers
from ansible_collections.swarmlab.overlay.plugins.module_utils._probe import interior

TEXT = "# a remark\nsearch x\nnameserver 127.0.0.11\nnameserver fd00::1 # two\nnameserver\n"


def test_name_servers_are_read_as_the_c_library_reads_them() -> None:
    assert parse_nameservers(TEXT) == ["127.0.0.11", "fd00::1"]


def test_a_process_sees_its_own_file() -> None:
    mine = Path(interior.RESOLVER_FILE)
    assert interior.resolver_file(os.getpid()) == (mine.read_text(encoding="utf-8") if not mine.is_symlink() else None)
    assert interior.resolver_file(2**22 + 1) is None
