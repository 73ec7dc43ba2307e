# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._host import (
    HostError,
    kernel_modules_package,
    leads_out,
    loaded_kernel_modules,
    missing_kernel_modules,
    refuse_times,
)


@pytest.mark.parametrize(("ids", "package"), [
    ("ID=rocky\nID_LIKE=\"rhel centos fedora\"\n", "kernel-modules-extra-6.1"), ("ID=fedora\n", "kernel-modules-extra-6.1"),
    ("ID=ubuntu\nID_LIKE=debian\n", "linux-modules-extra-6.1"), ("ID=debian\n", ""), ("", ""),
])  # fmt: skip
def test_where_missing_kernel_modules_come_from(ids: str, package: str) -> None:
    assert kernel_modules_package(["xt_addrtype"], ids, "6.1") == package
    assert kernel_modules_package([], ids, "6.1") == ""


@pytest.mark.parametrize(
    ("rows", "out"),
    [
        ([("00000000", "0003", "00000000")], True),
        ([("00000000", "0001", "00000000")], True),  # by a device, without a gateway
        ([("00000000", "0001", "00000080"), ("00000080", "0001", "00000080")], True),  # the halves of a VPN
        ([("0001000A", "0001", "00FFFFFF")], False),
        ([("00000000", "0002", "00000000")], False),  # not active
        ([], False),
    ],
)
def test_whether_a_route_leads_out(rows: list, out: bool) -> None:
    head = "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT"
    lines = [f"eth0 {target} 010012AC {flags} 0 0 0 {mask} 0 0 0" for target, flags, mask in rows]
    assert leads_out("\n".join([head, *lines])) is out


def test_kernel_modules_loaded_or_built_in() -> None:
    there = loaded_kernel_modules(
        "vxlan 155648 0 - Live 0x0\nxt_bpf 12288 1 - Live 0x0\n", "kernel/net/ipv4/esp4.ko\nkernel/crypto/sha-1.ko\n"
    )
    assert there == {"vxlan", "xt_bpf", "esp4", "sha_1"}
    assert missing_kernel_modules(["vxlan", "ip_vs", "sha-1", "esp4"], there) == ["ip_vs"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"timeout": -1, "name": "x"}, "timeout is -1, and must be at least 0"),
        ({"resolve_timeout": 0, "engine_timeout": 0}, "engine_timeout is 0, and must be at least 1"),
        ({"timeout": 0, "resolve_timeout": 30, "engine_timeout": 1, "package_timeout": None}, ""),
    ],
)
def test_a_time_limit_below_none_is_refused(options: dict, told: str) -> None:
    if not told:
        return refuse_times(options)
    with pytest.raises(HostError, match=told):
        refuse_times(options)
    return None
