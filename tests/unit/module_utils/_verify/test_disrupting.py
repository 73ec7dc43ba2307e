# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reloading a firewall: which rules are the engine's, and whether ufw filters at all."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._verify import disrupting

SAVED = """*mangle
:OUTPUT ACCEPT [0:0]
-A OUTPUT -p udp -m udp --dport 4789 -m bpf --bytecode "7,32 0 0 4294963252,21 1 0 4097" -j MARK --set-xmark 0xd0c4e3/0xffffffff
COMMIT
*filter
:DOCKER-USER - [0:0]
-A INPUT -p udp -m policy --dir in --pol none -m udp --dport 4789 -m bpf --bytecode "7,32 0 0 4294963252,21 1 0 4097" -j DROP
-A INPUT -j ufw-before-input
-A FORWARD -j DOCKER-USER
COMMIT
"""


def test_rules_of_the_engine_are_its_chains_and_those_of_encryption() -> None:
    assert [line.split()[1] for line in disrupting.of_engine(SAVED)] == ["FORWARD", "INPUT", "OUTPUT"]


@pytest.mark.parametrize(
    ("text", "enabled"),
    [
        ("ENABLED=yes\nLOGLEVEL=low\n", True),
        ('ENABLED="yes"', True),
        ("ENABLED=no\n", False),
        ("#ENABLED=yes", False),
        ("", False),
    ],
)
def test_ufw_that_is_on(text: str, enabled: bool) -> None:
    assert disrupting.ufw_enabled(text) is enabled
