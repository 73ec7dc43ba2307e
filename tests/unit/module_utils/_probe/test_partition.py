# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of a partition: they are put, they drop, and they go again, with either tool."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import struct
import subprocess
from pathlib import Path

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._probe import netns, partition

PORTS = {"tcp": [2377, 7946], "udp": [4789, 7946]}
LISTS = {"iptables": ["iptables-save"], "ip6tables": ["ip6tables-save"], "nft": ["nft", "list", "ruleset"]}


def test_all_of_swarm_and_nothing_else_is_dropped() -> None:
    matches = partition.matches(PORTS)
    assert {(protocol, port) for protocol, _end, port in matches} == {
        ("tcp", 2377),
        ("tcp", 7946),
        ("udp", 4789),
        ("udp", 7946),
        ("esp", None),
    }
    assert len(matches) == 9 and len(partition.iptables(PORTS)) == 12
    assert partition.nft(PORTS).count("drop") == 18


@pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root")
@pytest.mark.parametrize("tool", ["iptables", "ip6tables", "nft"])
def test_the_rules_come_and_go(tool: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if not shutil.which(tool):
        pytest.skip(f"{tool} is not installed")
    monkeypatch.setattr(partition, "tools", lambda: [tool])

    def look() -> list:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as up:
            fcntl.ioctl(up, 0x8914, struct.pack("16sh14x", b"lo", 1))

        def listed() -> str:
            return subprocess.run(LISTS[tool], capture_output=True, text=True, check=False).stdout

        first, there = partition.cut(PORTS), listed()
        again, mended, gone = partition.cut(PORTS), partition.mend(), listed()
        return [first, there, again, mended, gone, partition.mend()]

    first, there, again, mended, gone, twice = netns.call(None, look, 60)
    assert (first, again, mended, twice) == (None, None, None, None)
    assert there.count("4789") == (4 if tool == "nft" else 2) and there.lower().count("esp") == (
        2 if tool == "nft" else 1
    )
    assert "4789" not in gone and "partition" not in gone.lower()


@pytest.mark.parametrize(
    ("there", "ipv6", "tools"),
    [
        ({"iptables", "ip6tables", "nft"}, True, ["iptables", "ip6tables"]),
        ({"iptables", "ip6tables"}, False, ["iptables"]),
        ({"nft"}, True, ["nft"]),
        (set(), True, []),
    ],
)
def test_both_families_are_cut_where_the_kernel_has_them(
    there: set, ipv6: bool, tools: list, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(partition, "IPV6", str(tmp_path) if ipv6 else str(tmp_path / "none"))
    monkeypatch.setattr(partition.shutil, "which", lambda name: name if name in there else None)
    assert partition.tools() == tools
