# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._host import parse_nameservers


@pytest.mark.parametrize(
    ("line", "servers"),
    [
        ("nameserver 10.0.0.53", ["10.0.0.53"]),
        ("nameserver 10.0.0.53 # the office", ["10.0.0.53"]),
        ("nameserver\t10.0.0.53;old", ["10.0.0.53"]),
        ("  nameserver 10.0.0.53  ", ["10.0.0.53"]),
        ("# nameserver 10.0.0.53", []),
        ("; nameserver 10.0.0.53", []),
        ("nameserver", []),
        ("nameserver dns.example.org", []),
        ("nameserver fd00::53%eth0 # link", ["fd00::53"]),
        ("nameservers 10.0.0.53", []),
        ("search a b\r\nnameserver 10.0.0.53\r\n", ["10.0.0.53"]),
    ],
)
def test_name_servers_are_read_as_the_resolver_reads_them(line: str, servers: list[str]) -> None:
    assert parse_nameservers(f"search x\n{line}\n") == servers
